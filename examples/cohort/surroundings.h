/* What lies round a point of a head, on a coarse lattice: how much air and eye is near. Says where there is nothing to
 * paint, and where fat is. */
#ifndef COHORT_SURROUNDINGS_H
#define COHORT_SURROUNDINGS_H
#include "anatomy.h"

enum { BLOCK = 4 }; /* voxels */
enum share { SHARE_OUTSIDE, SHARE_EYE, SHARES };

struct surroundings {
    int shape[3];           /* blocks */
    uint8_t *empty;         /* 1: this block and those round it are all OUTSIDE */
    float (*share)[SHARES]; /* of the tissue within about 8 mm */
};
bool surroundings_create(struct surroundings *surroundings, const struct head *head); /* false: no memory */
void surroundings_free(struct surroundings *surroundings);
/* Between the blocks' centres, linear. */
void surroundings_at(float share[SHARES], const struct surroundings *surroundings, const float point[3]);

/* Whether there is nothing near the i-th of a row of points, place[axis][i]. Below the grid a head goes on as its lowest
 * slice is. */
static inline bool surroundings_empty(const struct surroundings *surroundings, float *const place[3], int i)
{
    const float most[3] = { (float)(surroundings->shape[0] * BLOCK), (float)(surroundings->shape[1] * BLOCK),
                            (float)(surroundings->shape[2] * BLOCK) };
    const float x = place[0][i], y = place[1][i], z = place[2][i] < 0 ? 0 : place[2][i];
    if (!(x >= 0 && x < most[0] && y >= 0 && y < most[1] && z < most[2])) return true;
    const size_t nx = (size_t)surroundings->shape[0], ny = (size_t)surroundings->shape[1];
    return surroundings->empty[((size_t)z / BLOCK * ny + (size_t)y / BLOCK) * nx + (size_t)x / BLOCK];
}

#endif
