/* From a head and its lesion to a picture of it as an ideal scanner would see it: continuous intensities on a fine grid
 * with cubic voxels, before anything that the acquisition does. */
#ifndef COHORT_PAINT_H
#define COHORT_PAINT_H
#include "lesion.h"

/* A grid of cubic voxels in the scanner's space: mm, right-front-up, the origin in the middle of the brain's box. */
struct grid {
    int shape[3];
    float origin[3]; /* centre of the first voxel */
    float step;      /* mm */
};

/* How the head's shape differs from the anatomy's: scanner point -> head point. A diffeomorphism (a smooth velocity
 * field, integrated), then a random affine (size, proportions, shear, pose, left and right exchanged in half). */
struct warp {
    double affine[12]; /* scanner mm to head mm, 3 x 4 by rows */
    struct grid grid;  /* of the displacements, in the scanner's space; beyond it its border's go on */
    float (*shift)[3]; /* mm, added behind the affine */
};
bool warp_create(struct warp *warp, const struct anatomy *anatomy, uint64_t seed); /* false: no memory */
void warp_free(struct warp *warp);
void warp_point(float to[3], const struct warp *warp, const float from[3]);
/* Of `count` points from `from` on, `step` apart along x: to[axis][point]. The same values, faster. */
void warp_row(float *to[3], const struct warp *warp, const float from[3], float step, int count);
/* The other way, by iteration: where in the scanner's space a head's point lies. */
void warp_inverse(float to[3], const struct warp *warp, const float from[3]);

enum grain { FINE, MIDDLE, COARSE, GRAINS };

/* Intensities of this head's tissues, drawn from STREAM_LOOK around those of T1 (mostly) or from anywhere (now and
 * then); white matter is about 1. */
struct look {
    float mean[TISSUES], uptake[TISSUES];         /* uptake: added at contrast strength 1 */
    float spread[TISSUES][GRAINS], grain[GRAINS]; /* deviations of the variation within a tissue; their grains, mm */
    float patchy;                                 /* the same of the uptake, as a share of it */
    float fat_mean, fat_share;                    /* of SOFT_TISSUE away from the skin; and under the skin */
    float fat_depth;                              /* how far under the skin fat prevails: 0 thin to 1 thick */
    float vessels_flow;                           /* share of arteries that are dark from flow */
    float vessels_uptake;                         /* of the small vessels in the CSF over the brain, not in any map */
};
/* `grey_white` 1: contrast of a gradient echo; 0: none (some spin echoes). `fat`: 1, or less where it is suppressed. */
void look_draw(struct look *look, uint64_t seed, double grey_white, double fat);

struct picture {
    struct grid grid;
    float *value;     /* white matter about 1, air 0 */
    uint8_t *tissue;  /* enum tissue, as the lesion displaced it */
    uint8_t *lesion;  /* 0; 1 tumour; 2 oedema (where it covers half of a voxel or more) */
    float centre[3];  /* the lesion's centre (HLTH: the phantom place) in the scanner's space */
    double volume_ml; /* of the tumour, as painted */
};
/* `strength`: of the contrast agent, 0 none, 1 usual. The grid's box covers the head, or, of a slab, what it needs.
 * false: no memory. */
bool picture_paint(struct picture *picture, const struct grid *grid, const struct head *head,
                   const struct lesion *lesion, const struct warp *warp, const struct look *look, double strength,
                   uint64_t seed);
void picture_free(struct picture *picture);

#endif
