/* Smooth noise of any grain from one small periodic lattice of independent normal values, joined by cubic B-splines:
 * mean 0, deviation 1. Unlike noise.h it needs no values for a whole head, and is sampled along the rows of a grid. */
#ifndef COHORT_TEXTURE_H
#define COHORT_TEXTURE_H
#include <stddef.h>
#include "random.h"

enum { TEXTURE_SIDE = 64 }; /* a field repeats after 64 grains */

/* The values of a lattice, x fastest. NULL: no memory. */
float *texture_lattice(struct random *random);
/* The field of the grain `grain` (mm) at a point, mm. */
float texture_at(const float *lattice, const float point[3], float grain);

/* One field along the rows of a grid: what depends on x alone is worked out once. */
struct texture {
    const float *lattice; /* borrowed */
    float per_mm;         /* 1 / grain */
    float offset[3];      /* lattice points: where the field starts in the lattice */
    int count;            /* of columns: points of a row */
    int *at;              /* at[column]: its first lattice point, */
    float *weight[4];     /* and the weights of the four from there on; in one block with weight[0] */
};
/* For rows of `count` points that start at x and are `step` apart. false: no memory. */
bool texture_create(struct texture *texture, const float *lattice, struct random *random, double grain, float x,
                    float step, int count);
void texture_free(struct texture *texture);
/* The field on the columns first..last-1 of the row at y, z. */
void texture_row(float *values, const struct texture *texture, float y, float z, int first, int last);

#endif
