/* Where lesions start: lists of voxels (docs/cohort.md says why there). */
#include <math.h>
#include <stdlib.h>
#include "build.h"

static enum tissue tissue_at(const struct build *build, size_t i)
{
    return (enum tissue)build->anatomy->tissue[i];
}

/* Quarters of mm are enough here. */
static float cortex_mm(const struct build *build, size_t i)
{
    return 0.5f * (float)build->anatomy->to_cortex[i];
}

static bool is_deep_white(const struct build *build, size_t i)
{
    return tissue_at(build, i) == WHITE && cortex_mm(build, i) >= 3 && cortex_mm(build, i) <= 25;
}

static bool is_callosal(const struct build *build, size_t i)
{
    return tissue_at(build, i) == WHITE && build->callosum[i] <= 12;
}

static bool is_junction(const struct build *build, size_t i)
{
    return tissue_at(build, i) == WHITE && cortex_mm(build, i) <= 4;
}

static bool is_cerebellum(const struct build *build, size_t i)
{
    return tissue_at(build, i) == CEREBELLAR_WHITE || tissue_at(build, i) == CEREBELLAR_CORTEX;
}

static bool is_deep_grey(const struct build *build, size_t i)
{
    const enum tissue tissue = tissue_at(build, i);
    return tissue == THALAMUS || tissue == CAUDATE || tissue == PUTAMEN || tissue == PALLIDUM || tissue == BRAIN_STEM;
}

static bool is_putamen(const struct build *build, size_t i)
{
    return tissue_at(build, i) == PUTAMEN;
}

enum lobe { FRONTAL, TEMPORAL, INSULA, OTHER };

/* Lobes by their place: the insula beside the putamen, the frontal lobe before the chiasm or high in the front half, the
 * temporal lobe low and lateral. */
static enum lobe lobe_of(const struct build *build, const float *putamen, size_t i)
{
    const struct anatomy *anatomy = build->anatomy;
    float point[3];
    anatomy_point(point, anatomy, i);
    const float length = anatomy->brain_high[1] - anatomy->brain_low[1];
    const float back = (anatomy->brain_high[1] - point[1]) / length, up = point[2] - anatomy->chiasm[2];
    const float off = fabsf(point[0] - anatomy->middle);
    if (putamen[i] <= 11 && off > 28 && up > 0 && up < 30) return INSULA;
    if (back < 0.34f && (up > 2 || back < 0.25f)) return FRONTAL;
    if (up > 25 && back < 0.34f + 0.0035f * (up - 25)) return FRONTAL;
    if (off > 18 && up < 6 && back > 0.25f && back < 0.68f) return TEMPORAL;
    return OTHER;
}

/* Cortex and the white matter within 5 mm under it; the small insula as often as a sixth of all. */
static bool list_cortex(struct voxel_list *list, const struct build *build)
{
    enum { UNDER = 5 };
    size_t count[OTHER + 1] = { 0 };
    float *putamen = distance_to(build, is_putamen, FAR);
    uint8_t *lobe = malloc(build->count);
    bool ok = putamen && lobe;
    for (size_t i = 0; ok && i < build->count; i++) {
        const enum tissue tissue = tissue_at(build, i);
        const bool outer = tissue == CORTEX || (tissue == WHITE && cortex_mm(build, i) <= UNDER);
        lobe[i] = outer ? (uint8_t)lobe_of(build, putamen, i) : OTHER;
        count[lobe[i]]++;
    }
    const size_t large = count[FRONTAL] + count[TEMPORAL], small = count[INSULA];
    const size_t repeats = small ? (large / 5 + small / 2) / small : 0, most = repeats > 20 ? 20 : repeats + !repeats;
    *list = (struct voxel_list){ ok ? malloc((large + small * most + 1) * sizeof *list->index) : NULL, 0 };
    ok = ok && list->index;
    for (size_t i = 0; ok && i < build->count; i++)
        for (size_t n = lobe[i] == OTHER ? 0 : lobe[i] == INSULA ? most : 1; n > 0; n--)
            list->index[list->count++] = (uint32_t)i;
    free(lobe);
    free(putamen);
    return ok || no_memory(build);
}

/* The way from a voxel of dura into the skull: what lies about it within 4 mm, bone or brain, tells. */
static void inwards(float normal[3], const struct build *build, size_t i)
{
    enum { REACH = 4 };
    const int *shape = build->map.shape;
    float point[3], sum[3] = { 0 };
    anatomy_point(point, build->anatomy, i);
    for (int k = -REACH; k <= REACH; k++)
        for (int j = -REACH; j <= REACH; j++)
            for (int n = -REACH; n <= REACH; n++) {
                const int x = (int)point[0] + n, y = (int)point[1] + j, z = (int)point[2] + k;
                if (x < 0 || y < 0 || z < 0 || x >= shape[0] || y >= shape[1] || z >= shape[2]) continue;
                if (build->skull[anatomy_index(build->anatomy, x, y, z)] > 0) continue;
                sum[0] -= (float)n;
                sum[1] -= (float)j;
                sum[2] -= (float)k;
            }
    const float length = sqrtf(sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]);
    for (int a = 0; a < 3; a++) normal[a] = length > 0 ? sum[a] / length : 0;
}

/* The dura's place. */
static enum place dura_place(const struct build *build, size_t i)
{
    enum { BESIDE = 20, BASE_HIGH = 22, SPHENOID_BACK = 12, BESIDE_SELLA = 14 };
    const struct anatomy *anatomy = build->anatomy;
    float point[3], normal[3];
    anatomy_point(point, anatomy, i);
    const float off = fabsf(point[0] - anatomy->middle), up = point[2] - anatomy->chiasm[2];
    const float cerebrum = fminf(build->left[i], build->right[i]);
    if (fminf(build->cerebellum[i], build->stem[i]) < cerebrum) return up < 25 ? PLACE_TENTORIUM : PLACES;
    inwards(normal, build, i);
    const bool base = point[2] > anatomy->sella[2] + 3 || off < BESIDE_SELLA; /* not the middle fossa's floor */
    if (base && up < BASE_HIGH && point[1] > anatomy->sella[1] - SPHENOID_BACK && off < 45 && normal[2] > 0.45f)
        return PLACE_SKULL_BASE;
    if (up < 5 && normal[2] > 0.3f) return PLACES;
    if (off < BESIDE && up > 35) return PLACE_PARASAGITTAL;
    return up > -10 ? PLACE_CONVEXITY : PLACES;
}

static bool list_dura(struct build *build)
{
    struct anatomy *anatomy = build->anatomy;
    uint8_t *place = malloc(build->count);
    size_t count[PLACES + 1] = { 0 };
    bool ok = place;
    for (size_t i = 0; ok && i < build->count; i++) {
        const enum tissue tissue = tissue_at(build, i);
        place[i] = tissue == FALX ? PLACE_PARASAGITTAL : tissue == TENTORIUM ? PLACE_TENTORIUM : PLACES;
        if (tissue == DURA) place[i] = (uint8_t)dura_place(build, i);
        count[place[i]]++;
    }
    for (int p = PLACE_CONVEXITY; ok && p <= PLACE_TENTORIUM; p++) {
        struct voxel_list *list = &anatomy->place[p];
        list->index = malloc((count[p] + 1) * sizeof *list->index);
        ok = list->index;
        for (size_t i = 0; ok && i < build->count; i++)
            if (place[i] == p) list->index[list->count++] = (uint32_t)i;
    }
    free(place);
    return ok || no_memory(build);
}

bool list_places(struct build *build)
{
    struct voxel_list *place = build->anatomy->place;
    return list_voxels(&place[PLACE_DEEP_WHITE], build, is_deep_white) &&
           list_voxels(&place[PLACE_CALLOSUM], build, is_callosal) &&
           list_voxels(&place[PLACE_JUNCTION], build, is_junction) &&
           list_voxels(&place[PLACE_CEREBELLUM], build, is_cerebellum) &&
           list_voxels(&place[PLACE_DEEP_GREY], build, is_deep_grey) && list_cortex(&place[PLACE_CORTEX], build) &&
           list_dura(build);
}
