/* A phantom head with a skull base: a posterior fossa between petrous bones with a canal in each, a sella with its gland
 * between two carotids, a falx and a tentorium. For tests of tumours outside the brain that need no label map. */
#ifndef TESTS_COHORT_PHANTOM_BASE_H
#define TESTS_COHORT_PHANTOM_BASE_H
#include <string.h>
#include "phantom.h"

enum { MIDDLE_X = 80, FLOOR_Z = 48, CLIVUS_Y = 72 };

static inline bool phantom_in_rod(const int at[3], double x, double y, double z, double radius)
{
    return (at[0] - x) * (at[0] - x) + (at[1] - y) * (at[1] - y) + (at[2] - z) * (at[2] - z) < radius * radius;
}

static inline enum tissue phantom_below_floor(const int at[3])
{
    const int off = abs(at[0] - MIDDLE_X);
    if (at[1] > CLIVUS_Y) return off <= 9 && abs(at[1] - 88) <= 7 && at[2] >= 38 ? CSF : CORTICAL_BONE;
    if (off > 20 + (CLIVUS_Y - at[1]) * 0.8) return MARROW;
    if (phantom_in_rod(at, MIDDLE_X, 60, at[2], 11)) return BRAIN_STEM;
    return at[1] > 50 || off > 16 + (CLIVUS_Y - at[1]) * 0.8 ? CSF : CEREBELLAR_CORTEX;
}

/* A voxel of the anatomy: a plain phantom's with a base, falx and tentorium in it. */
static inline enum tissue phantom_base_tissue(const int at[3])
{
    const enum tissue plain = phantom_tissue(at);
    const int off = abs(at[0] - MIDDLE_X);
    if (plain == OUTSIDE || plain == SKIN || plain == CORTICAL_BONE) return plain;
    if (at[2] < FLOOR_Z && phantom_in_rod(at, MIDDLE_X + (at[0] > MIDDLE_X ? 12 : -12), at[1], 43, 2.6) &&
        abs(at[1] - 88) < 8)
        return ARTERY;
    if (at[2] < FLOOR_Z) return phantom_below_floor(at);
    if (at[2] < FLOOR_Z + 2 && at[1] < 60 && off > 14) return TENTORIUM;
    if (at[2] < FLOOR_Z + 4) return off < 8 && abs(at[1] - 89) < 4 && at[2] == FLOOR_Z + 2 ? CHIASM : CSF;
    if (off == 0 && at[2] > 100) return FALX;
    return plain == WHITE && at[2] < FLOOR_Z + 8 ? CORTEX : plain;
}

static inline void phantom_add(struct voxel_list *list, size_t index)
{
    list->index[list->count++] = (uint32_t)index;
}

/* Dura, and where meningiomas start. */
static inline void phantom_list(struct anatomy *anatomy, size_t index, const int at[3])
{
    const enum tissue tissue = (enum tissue)anatomy->tissue[index];
    const bool by_bone = tissue == CSF && anatomy->to_skull[index] <= 5;
    if (!by_bone && tissue != FALX && tissue != TENTORIUM) return;
    phantom_add(&anatomy->dura, index);
    if (by_bone && anatomy->to_skull[index] > 2) return;
    if (tissue == FALX || (by_bone && at[2] > 130 && abs(at[0] - MIDDLE_X) < 10))
        phantom_add(&anatomy->place[PLACE_PARASAGITTAL], index);
    else if (tissue == TENTORIUM || (by_bone && at[2] < FLOOR_Z && at[1] <= CLIVUS_Y))
        phantom_add(&anatomy->place[PLACE_TENTORIUM], index);
    else
        phantom_add(&anatomy->place[at[2] > 70 ? PLACE_CONVEXITY : PLACE_SKULL_BASE], index);
}

/* Gland, stalk and canals, in a head of the anatomy. */
static inline enum tissue phantom_head_tissue(enum tissue tissue, const int at[3])
{
    if (phantom_shell(at, MIDDLE_X, 88, 42.5, 6, 5, 3.5) < 1) return GLAND;
    if (tissue == CSF && at[2] < FLOOR_Z + 4 && phantom_in_rod(at, MIDDLE_X, 86, at[2], 1.6) && at[2] > 44)
        return STALK;
    for (int side = -1; side <= 1; side += 2)
        if ((tissue == CORTICAL_BONE || tissue == MARROW) && phantom_in_rod(at, at[0], 66, 34, 2.5) &&
            (at[0] - MIDDLE_X) * side > 15 && (at[0] - MIDDLE_X) * side < 35)
            return CANAL;
    return tissue;
}

static inline void phantom_base_create(struct phantom *phantom)
{
    static const uint8_t skull[TISSUES] = {
        [OUTSIDE] = 1, [SKIN] = 1, [CORTICAL_BONE] = 1, [MARROW] = 1, [CAVITY] = 1
    };
    struct anatomy *anatomy = &phantom->anatomy;
    phantom_create(phantom);
    const size_t count = (size_t)PHANTOM_X * PHANTOM_Y * PHANTOM_Z;
    uint8_t *tissue = malloc(count);
    anatomy->dura.index = malloc(count * sizeof *anatomy->dura.index);
    for (int p = 0; p < PLACES; p++) anatomy->place[p].count = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t n = 0; n < count; n++) {
            float point[3];
            anatomy_point(point, anatomy, n);
            const int at[3] = { (int)point[0], (int)point[1], (int)point[2] };
            if (pass == 0)
                anatomy->tissue[n] = (uint8_t)phantom_base_tissue(at);
            else
                phantom_list(anatomy, n, at);
            tissue[n] = (uint8_t)phantom_head_tissue((enum tissue)anatomy->tissue[n], at);
        }
        if (pass == 1) break;
        free(anatomy->to_skull);
        anatomy->to_skull = phantom_distances(anatomy->tissue, anatomy->shape, skull);
    }
    struct head *head = &phantom->head;
    *head = (struct head){ .anatomy = anatomy, .tissue = tissue };
    memcpy(head->gland, (float[]){ MIDDLE_X, 88, 42.5f }, sizeof head->gland);
    memcpy(head->gland_radius, (float[]){ 6, 5, 3.5f }, sizeof head->gland_radius);
    memcpy(anatomy->sella, (float[]){ MIDDLE_X, 88, 38 }, sizeof anatomy->sella);
    memcpy(anatomy->chiasm, (float[]){ MIDDLE_X, 89, FLOOR_Z + 2 }, sizeof anatomy->chiasm);
    for (int s = 0; s < SIDES; s++) {
        const float side = s == LEFT ? -1 : 1;
        memcpy(anatomy->carotid[s], (float[]){ MIDDLE_X + 12 * side, 88, 43 }, sizeof anatomy->carotid[s]);
        memcpy(anatomy->porus[s], (float[]){ MIDDLE_X + 25 * side, 66, 34 }, sizeof anatomy->porus[s]);
        memcpy(anatomy->angle[s], (float[]){ MIDDLE_X + 20 * side, 63, 34 }, sizeof anatomy->angle[s]);
        memcpy(head->canal[s][0], anatomy->porus[s], sizeof head->canal[s][0]);
        memcpy(head->canal[s][1], (float[]){ MIDDLE_X + 35 * side, 66, 34 }, sizeof head->canal[s][1]);
        head->canal_radius[s] = 2.5f;
    }
}

static inline void phantom_base_free(struct phantom *phantom)
{
    free(phantom->head.tissue);
    free(phantom->anatomy.dura.index);
    phantom_free(phantom);
}

#endif
