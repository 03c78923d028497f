/* A head of nested ellipsoids, for tests of lesions that need no label map: skin, skull, CSF, cortex, white matter and
 * two ventricles, with the white matter's places filled. */
#ifndef TESTS_COHORT_PHANTOM_H
#define TESTS_COHORT_PHANTOM_H
#include <math.h>
#include <stdlib.h>
#include "grow.h"

struct phantom {
    struct anatomy anatomy;
    struct head head;
};

enum { PHANTOM_X = 160, PHANTOM_Y = 190, PHANTOM_Z = 160 };

/* Distance-like number of an ellipsoid about a centre: below 1 inside. */
static inline double phantom_shell(const int at[3], double x, double y, double z, double rx, double ry, double rz)
{
    const double a = (at[0] - x) / rx, b = (at[1] - y) / ry, c = (at[2] - z) / rz;
    return sqrt(a * a + b * b + c * c);
}

static inline enum tissue phantom_tissue(const int at[3])
{
    static const enum tissue shells[] = { SKIN, CORTICAL_BONE, CSF, CORTEX, WHITE };
    static const double thickness[] = { 0, 5, 10, 14, 18 };
    enum tissue tissue = OUTSIDE;
    for (int s = 0; s < 5; s++)
        if (phantom_shell(at, 80, 95, 80, 74 - thickness[s], 90 - thickness[s], 74 - thickness[s]) < 1)
            tissue = shells[s];
    for (int side = -1; side <= 1; side += 2)
        if (phantom_shell(at, 80 + side * 12, 95, 84, 7, 30, 9) < 1) tissue = VENTRICLE;
    return tissue;
}

static inline uint8_t *phantom_distances(const uint8_t *tissue, const int shape[3], const uint8_t near[TISSUES])
{
    const size_t count = (size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2];
    uint8_t *set = malloc(count);
    float *mm = malloc(count * sizeof *mm);
    for (size_t n = 0; n < count; n++) set[n] = near[tissue[n]];
    if (!distance_map(mm, set, shape, 127)) abort();
    for (size_t n = 0; n < count; n++) set[n] = (uint8_t)(2 * mm[n]);
    free(mm);
    return set;
}

static inline void phantom_create(struct phantom *phantom)
{
    static const uint8_t skull[TISSUES] = { [OUTSIDE] = 1, [SKIN] = 1, [CORTICAL_BONE] = 1 };
    static const uint8_t cortex[TISSUES] = { [CORTEX] = 1 };
    static const int shape[3] = { PHANTOM_X, PHANTOM_Y, PHANTOM_Z };
    const size_t count = (size_t)PHANTOM_X * PHANTOM_Y * PHANTOM_Z;
    struct anatomy *anatomy = &phantom->anatomy;
    *anatomy = (struct anatomy){ .name = "phantom", .shape = { PHANTOM_X, PHANTOM_Y, PHANTOM_Z }, .middle = 80 };
    anatomy->tissue = malloc(count);
    for (size_t n = 0; n < count; n++) {
        float point[3];
        anatomy_point(point, anatomy, n);
        anatomy->tissue[n] = (uint8_t)phantom_tissue((int[]){ (int)point[0], (int)point[1], (int)point[2] });
    }
    anatomy->to_skull = phantom_distances(anatomy->tissue, shape, skull);
    anatomy->to_cortex = phantom_distances(anatomy->tissue, shape, cortex);
    for (int a = 0; a < 3; a++) {
        anatomy->brain_low[a] = 10;
        anatomy->brain_high[a] = (float)shape[a] - 10;
    }
    for (int p = 0; p < PLACES; p++) {
        struct voxel_list *list = &anatomy->place[p];
        list->index = malloc(count * sizeof *list->index);
        for (size_t n = 0; n < count; n++) {
            const bool white = anatomy->tissue[n] == WHITE;
            const bool near = anatomy->to_cortex[n] <= 8;
            if (white && (p == PLACE_JUNCTION || p == PLACE_CORTEX ? near : !near))
                list->index[list->count++] = (uint32_t)n;
        }
    }
    phantom->head = (struct head){ .anatomy = anatomy, .tissue = anatomy->tissue };
}

static inline void phantom_free(struct phantom *phantom)
{
    free(phantom->anatomy.tissue);
    free(phantom->anatomy.to_skull);
    free(phantom->anatomy.to_cortex);
    for (int p = 0; p < PLACES; p++) free(phantom->anatomy.place[p].index);
}

/* The least Jacobian of p -> p + push over all voxels of the lesion's box. */
static inline double least_jacobian(const struct lesion *lesion)
{
    double least = INFINITY;
    for (int k = 0; k < lesion->shape[2]; k++)
        for (int j = 0; j < lesion->shape[1]; j++)
            for (int i = 0; i < lesion->shape[0]; i++) {
                double m[3][3];
                for (int b = 0; b < 3; b++) {
                    float low[3] = { (float)(lesion->low[0] + i), (float)(lesion->low[1] + j),
                                     (float)(lesion->low[2] + k) };
                    float high[3] = { low[0], low[1], low[2] }, from[3], to[3];
                    low[b] -= 0.25f;
                    high[b] += 0.25f;
                    push_at(from, lesion, low);
                    push_at(to, lesion, high);
                    for (int a = 0; a < 3; a++) m[a][b] = (to[a] - from[a]) / 0.5 + (a == b);
                }
                least = fmin(least, m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
                                        m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
                                        m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]));
            }
    return least;
}

#endif
