/* image: volumes in memory, and NIfTI files in and out. Includes base only. */
#ifndef IMAGE_VOLUME_H
#define IMAGE_VOLUME_H
#include "base/status.h"
#include "base/threads.h"

size_t dtype_size(tumorclass_dtype dtype); /* bytes; 0 for a number that is no dtype */
const char *dtype_name(tumorclass_dtype dtype);

/* Every field of a caller's volume: data, dtype, memory, shape (product below 2^40), strides (span fits), affine
 * finite and invertible, reserved zero. `name` is what the sentence calls it ("volume", "mask"). */
tumorclass_status volume_check(const tumorclass_volume *volume, const char *name);

int64_t volume_count(const tumorclass_volume *volume);            /* voxels of a checked volume */
double volume_step_mm(const tumorclass_volume *volume, int axis); /* voxel size along an axis: its column's length */

/* Intensities of a line of `count` voxels along `axis` from voxel `start`: slope * stored + intercept, computed in
 * double and rounded to float once. */
void volume_read_line(float *dst, const tumorclass_volume *volume, const int64_t start[3], int axis, int64_t count);

/* The same voxels with axes permuted and flipped: axis n of the view runs towards letter n of `code` ("RAS") as
 * nearly as the affine allows. No voxel moves: only shape, strides, data and affine change.
 * axes[n] = which axis of the original, flipped[n] = whether it runs the other way (both may be NULL). */
tumorclass_volume volume_oriented(const tumorclass_volume *volume, const char code[4], int axes[3], bool flipped[3]);

/* "RAS", "LPI", ...: the nearest axis codes of an affine, each world axis used once. */
void orientation_code(char code[4], const double affine[12]);
bool orientation_is_valid(const char *code); /* three letters, one of each pair R/L, A/P, S/I */

/* 3 x 4 affines, row by row. */
double affine_determinant(const double affine[12]);
bool affine_invert(double inverse[12], const double affine[12]);                  /* false if singular or not finite */
void affine_multiply(double product[12], const double a[12], const double b[12]); /* a after b; product may alias */
void affine_apply(double dst[3], const double affine[12], const double src[3]);
/* The largest distance between where two affines put a voxel of this shape. */
double affine_distance(const double a[12], const double b[12], const int64_t shape[3]);

#endif
