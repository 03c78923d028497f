/* Smooth random fields over a box of space: independent normal values on a lattice, joined by cubic B-splines, so that
 * the field has two continuous derivatives; mean 0, deviation 1. */
#ifndef COHORT_NOISE_H
#define COHORT_NOISE_H
#include <stddef.h>
#include "random.h"

struct noise {
    float origin[3]; /* mm, of lattice point 0 */
    float per_mm;    /* 1 / spacing of the lattice */
    int shape[3];
    float *value; /* i fastest */
};

/* Over the box from low to high (mm), with lattice points `grain` mm apart. false: no memory. */
bool noise_create(struct noise *noise, struct random *random, const float low[3], const float high[3], double grain);
void noise_free(struct noise *noise);
/* At a point, mm. Outside the box the field goes on with its border's values. */
float noise_at(const struct noise *noise, const float point[3]);
/* At `count` points from `point` on, `step` apart along x: the same values, faster. */
void noise_row(float *values, const struct noise *noise, const float point[3], float step, size_t count);

#endif
