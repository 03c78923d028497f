/* What the tumours outside the brain share: they lie on bone and dura, grow to a size where there is room, push all
 * before them, and go round great vessels. */
#ifndef COHORT_EXTRAAXIAL_H
#define COHORT_EXTRAAXIAL_H
#include "grow.h"

/* About how deep in bone, or beyond it, a voxel lies: mm, negative inside the skull. A field, for cutting others. */
float depth_in_bone(const struct anatomy *anatomy, const int voxel[3]);
/* The direction away from bone, over the voxels within `radius` mm of a point; up, where there is none. */
void bone_normal(float normal[3], const struct anatomy *anatomy, const float point[3], int radius);
/* Three axes of length 1 at right angles, the third along `normal`, turned about it at random. */
void axes_along(float axis[3][3], const float normal[3], struct random *random);

/* Move the surface of a field in or out until what lies within both it and `limit` has the volume of a ball of this
 * diameter, or as near to that as `limit` allows. */
void fit_diameter(float *field, const float *limit, size_t count, double diameter);
/* What is in both. */
void intersect(float *field, const float *limit, size_t count);

/* Uncover a tissue that stays where it was, up to a height of `top` mm and within `near` mm of bone: the tumour goes
 * round it. */
void go_round(struct lesion *lesion, const struct region *region, enum tissue tissue, double top, double near);

/* Pockets (PART_FLUID, PART_DULL) in a tumour: covered, and taken out of the tumour's field. At least `rind` mm of the
 * tumour stay round them. */
bool hollow(struct lesion *lesion, const struct region *region, float *field, enum part part,
            const struct ellipsoid *pockets, int count, double rind, struct random *random);

/* A part of `level` that at contrast strength 1 is `enhanced`. */
struct part_look enhancing(double level, double enhanced, double texture, double grain);

/* 0 up to `low`, 1 from `high` on, and smooth between. */
static inline float smooth_step(float value, float low, float high)
{
    const float t = (value - low) / (high - low), u = t < 0 ? 0 : t > 1 ? 1 : t;
    return u * u * (3 - 2 * u);
}

#endif
