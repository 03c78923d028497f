#include "planes.h"
#include <math.h>
#include <string.h>

const struct plane planes[3] = {
    { RIGHT_AXIS, FRONT_AXIS, UP_AXIS, "axial", "R", "L", "A", "P" },
    { RIGHT_AXIS, UP_AXIS, FRONT_AXIS, "coronal", "R", "L", "S", "I" },
    { FRONT_AXIS, UP_AXIS, RIGHT_AXIS, "sagittal", "A", "P", "S", "I" },
};

static double column_length(const double affine[12], int column)
{
    return sqrt(affine[column] * affine[column] + affine[4 + column] * affine[4 + column] +
                affine[8 + column] * affine[8 + column]);
}

/* Of the six ways to pair patient axes with voxel axes, the one whose cosines have the largest sum. */
static void pair_axes(int voxel_axis[3], const double affine[12], const double step[3])
{
    static const int pairings[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    double best = -1;
    for (int p = 0; p < 6; p++) {
        double sum = 0;
        for (int axis = 0; axis < 3; axis++)
            sum += fabs(affine[4 * axis + pairings[p][axis]]) / step[pairings[p][axis]];
        if (!(sum > best)) continue;
        best = sum;
        memcpy(voxel_axis, pairings[p], sizeof pairings[p]);
    }
}

struct axes axes_of(const tumorclass_volume *volume)
{
    struct axes axes = { .voxel_axis = { 0, 1, 2 } };
    double step[3];
    for (int column = 0; column < 3; column++) {
        step[column] = column_length(volume->affine, column);
        if (!(step[column] > 0 && isfinite(step[column]))) step[column] = 1;
    }
    pair_axes(axes.voxel_axis, volume->affine, step);
    for (int axis = 0; axis < 3; axis++) {
        const int column = axes.voxel_axis[axis];
        axes.reversed[axis] = volume->affine[4 * axis + column] < 0;
        axes.step[axis] = step[column];
        axes.count[axis] = volume->shape[column];
    }
    return axes;
}

double axes_extent(const struct axes *axes, int axis)
{
    return axes->step[axis] * (double)axes->count[axis];
}

/* Both directions below: a picture's edge lies half a voxel beyond the last voxel's centre. */
static double voxel_at(const struct axes *axes, int axis, double mm_from_edge)
{
    const double from_edge = mm_from_edge / axes->step[axis] - 0.5;
    return axes->reversed[axis] ? from_edge : (double)(axes->count[axis] - 1) - from_edge;
}

static double edge_distance(const struct axes *axes, int axis, double voxel)
{
    const double from_edge = axes->reversed[axis] ? voxel : (double)(axes->count[axis] - 1) - voxel;
    return (from_edge + 0.5) * axes->step[axis];
}

void plane_voxel(double point[3], const struct plane *plane, const struct axes *axes, const int64_t voxel[3], double x,
                 double y, double scale)
{
    const int through = axes->voxel_axis[plane->through];
    point[through] = (double)voxel[through];
    point[axes->voxel_axis[plane->across]] = voxel_at(axes, plane->across, (x + 0.5) / scale);
    point[axes->voxel_axis[plane->up]] = voxel_at(axes, plane->up, (y + 0.5) / scale);
}

void plane_pixel(double pixel[2], const struct plane *plane, const struct axes *axes, const int64_t voxel[3],
                 double scale)
{
    const double across = (double)voxel[axes->voxel_axis[plane->across]];
    const double up = (double)voxel[axes->voxel_axis[plane->up]];
    pixel[0] = edge_distance(axes, plane->across, across) * scale - 0.5;
    pixel[1] = edge_distance(axes, plane->up, up) * scale - 0.5;
}

/* IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits. */
static double half_value(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double magnitude = exponent == 31 ? (fraction ? NAN : INFINITY)
                             : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                            : ldexp(fraction, -24);
    return bits >> 15 ? -magnitude : magnitude;
}

static double stored_value(const tumorclass_volume *volume, int64_t at)
{
    switch (volume->dtype) {
    case TUMORCLASS_I8: return ((const int8_t *)volume->data)[at];
    case TUMORCLASS_U8: return ((const uint8_t *)volume->data)[at];
    case TUMORCLASS_I16: return ((const int16_t *)volume->data)[at];
    case TUMORCLASS_U16: return ((const uint16_t *)volume->data)[at];
    case TUMORCLASS_I32: return ((const int32_t *)volume->data)[at];
    case TUMORCLASS_U32: return ((const uint32_t *)volume->data)[at];
    case TUMORCLASS_I64: return (double)((const int64_t *)volume->data)[at];
    case TUMORCLASS_U64: return (double)((const uint64_t *)volume->data)[at];
    case TUMORCLASS_F16: return half_value(((const uint16_t *)volume->data)[at]);
    case TUMORCLASS_F32: return (double)((const float *)volume->data)[at];
    default: return ((const double *)volume->data)[at];
    }
}

double volume_value(const tumorclass_volume *volume, int64_t i, int64_t j, int64_t k)
{
    const int64_t *strides = volume->strides;
    const double stored = stored_value(volume, i * strides[0] + j * strides[1] + k * strides[2]);
    const double value = volume->slope != 0 ? volume->slope * stored + volume->intercept : stored;
    return isfinite(value) ? value : 0;
}

/* The two voxels around a coordinate, and the share of the second; beyond the grid its last voxel goes on. */
static void neighbours(int64_t pair[2], double *share, double coordinate, int64_t count)
{
    const double inside = fmin(fmax(coordinate, 0), (double)(count - 1));
    pair[0] = (int64_t)inside;
    pair[1] = pair[0] + 1 < count ? pair[0] + 1 : pair[0];
    *share = inside - (double)pair[0];
}

double volume_sample(const tumorclass_volume *volume, const double point[3])
{
    int64_t pair[3][2];
    double share[3], sum = 0;
    for (int axis = 0; axis < 3; axis++) neighbours(pair[axis], &share[axis], point[axis], volume->shape[axis]);
    for (int corner = 0; corner < 8; corner++) {
        double weight = 1;
        for (int axis = 0; axis < 3; axis++) weight *= corner >> axis & 1 ? share[axis] : 1 - share[axis];
        if (weight == 0) continue;
        sum += weight * volume_value(volume, pair[0][corner & 1], pair[1][corner >> 1 & 1], pair[2][corner >> 2]);
    }
    return sum;
}
