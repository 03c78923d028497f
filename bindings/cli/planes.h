/* Planes through a volume, in the patient's own directions and in millimetres, whatever way the voxels lie. */
#ifndef CLI_PLANES_H
#define CLI_PLANES_H
#include "tumorclass/tumorclass.h"

enum { RIGHT_AXIS, FRONT_AXIS, UP_AXIS };

/* For each axis of the patient (right, front, up) the voxel axis that is nearest to it. */
struct axes {
    int voxel_axis[3];
    int reversed[3]; /* the voxel axis runs to the left, back or down */
    double step[3];  /* mm */
    int64_t count[3];
};
struct axes axes_of(const tumorclass_volume *volume);
double axes_extent(const struct axes *axes, int axis); /* mm */

/* A plane as a picture: `across` runs to the picture's left, `up` to its top. So an axial one has the patient's right
 * on the left and the front on top, as radiologists look at it, and a sagittal one the front on the left. */
struct plane {
    int across, up, through;
    const char *name, *left, *right, *top, *bottom;
};
extern const struct plane planes[3]; /* axial, coronal, sagittal */

/* The voxel coordinate of the pixel (x, y) of a plane drawn with `scale` pixels a mm, through `voxel`. */
void plane_voxel(double point[3], const struct plane *plane, const struct axes *axes, const int64_t voxel[3], double x,
                 double y, double scale);
/* The other way: the pixel at which a voxel's centre lies. */
void plane_pixel(double pixel[2], const struct plane *plane, const struct axes *axes, const int64_t voxel[3],
                 double scale);

double volume_value(const tumorclass_volume *volume, int64_t i, int64_t j, int64_t k); /* intensity; 0 if not finite */
double volume_sample(const tumorclass_volume *volume, const double point[3]);          /* linear between voxels */

#endif
