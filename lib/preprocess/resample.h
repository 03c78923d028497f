/* Voxels from one grid to another: linear where the new grid is finer, averaged where it is coarser. */
#ifndef PREPROCESS_RESAMPLE_H
#define PREPROCESS_RESAMPLE_H
#include "base/work.h"
#include "preprocess/grid.h"

/* One axis: output o covers [start + o * ratio, start + (o + 1) * ratio) of the input, whose voxel i covers [i, i + 1).
 * ratio <= 1: linear interpolation at the centre of that interval, edge voxels extended to the border of the field of
 * view; ratio > 1: the mean over the interval. */
struct axis {
    int64_t inputs, outputs;
    double start, ratio;
};

/* dst[outputs] of src[inputs], both in C order, axis by axis; `fill` is what lies outside the field of view. */
tumorclass_status resample_axes(float *dst, const float *src, const struct axis axes[3], float fill,
                                const struct work *work);
size_t resample_axes_memory(const struct axis axes[3]); /* peak bytes, without src and dst */

/* The same for any placed grid. One that is not aligned with the scan's axes: first the mean along those axes, to about
 * the resolution of the grid, then linear interpolation between these means. */
tumorclass_status resample_grid(float *dst, const float *src, const struct grid *grid, float fill,
                                const struct work *work);
size_t resample_grid_memory(const struct grid *grid);

#endif
