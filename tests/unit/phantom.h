/* A synthetic head for the tests of preprocessing and attention: scalp and brain in air, in any order of axes. */
#ifndef TESTS_UNIT_PHANTOM_H
#define TESTS_UNIT_PHANTOM_H
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "image/volume.h"
#include "base/memory.h"
#include "preprocess/preprocess.h"
#include "support.h"

enum { PHANTOM_SIZE = 40 };

struct phantom {
    float voxels[PHANTOM_SIZE * PHANTOM_SIZE * PHANTOM_SIZE];
    tumorclass_volume volume; /* i fastest */
};

/* The next number of a fixed sequence (Numerical Recipes), in [0, 1). */
static inline double phantom_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (double)(*state >> 8) / (1 << 24);
}

static inline void phantom_set_shape(tumorclass_volume *volume, int64_t i, int64_t j, int64_t k)
{
    const int64_t shape[3] = { i, j, k }, strides[3] = { 1, i, i * j };
    memcpy(volume->shape, shape, sizeof shape);
    memcpy(volume->strides, strides, sizeof strides);
}

/* Integer intensities; affine RAS, rotated by `angle` about two axes. `air`: noise around the head, else zeros. */
static inline struct phantom *phantom_create(int64_t i, int64_t j, int64_t k, const double step[3], double angle,
                                             bool air)
{
    struct phantom *phantom = calloc(1, sizeof *phantom);
    const double c = cos(angle), s = sin(angle);
    const double rotation[9] = { c, -s, 0, c * s, c * c, -s, s * s, c * s, c };
    phantom->volume = (tumorclass_volume){ .data = phantom->voxels, .dtype = TUMORCLASS_F32 };
    phantom_set_shape(&phantom->volume, i, j, k);
    for (int row = 0; row < 3; row++) {
        for (int n = 0; n < 3; n++) phantom->volume.affine[4 * row + n] = rotation[3 * row + n] * step[n];
        phantom->volume.affine[4 * row + 3] = -50.25 + 7 * row;
    }
    uint32_t state = 1;
    float *voxel = phantom->voxels;
    for (int64_t z = 0; z < k; z++)
        for (int64_t y = 0; y < j; y++)
            for (int64_t x = 0; x < i; x++) {
                const double u = ((double)x + 0.4) / (double)i - 0.5, v = ((double)y + 0.6) / (double)j - 0.5,
                             w = ((double)z + 0.5) / (double)k - 0.45, r = u * u + v * v + w * w;
                const double noise = phantom_random(&state);
                *voxel++ = (float)floor(r < 0.1    ? 300 + 200 * sin(9 * u + 5 * v) + 60 * noise
                                        : r < 0.16 ? 600 + 100 * noise
                                        : air      ? 30 * noise
                                                   : 0);
            }
    return phantom;
}

/* The same scan stored with its axes in another order: axis n of the copy is axis order[n] of the original, backwards
 * if flip[n]. Every voxel keeps its millimetres. */
static inline struct phantom *phantom_reorder(const struct phantom *src, const int order[3], const bool flip[3])
{
    struct phantom *dst = calloc(1, sizeof *dst);
    const tumorclass_volume *from = &src->volume;
    dst->volume = *from;
    dst->volume.data = dst->voxels;
    phantom_set_shape(&dst->volume, from->shape[order[0]], from->shape[order[1]], from->shape[order[2]]);
    for (int n = 0; n < 3; n++)
        for (int row = 0; row < 12; row += 4) {
            const double step = from->affine[row + order[n]];
            dst->volume.affine[row + n] = flip[n] ? -step : step;
            if (flip[n]) dst->volume.affine[row + 3] += step * (double)(dst->volume.shape[n] - 1);
        }
    int64_t at[3], index = 0;
    for (at[2] = 0; at[2] < dst->volume.shape[2]; at[2]++)
        for (at[1] = 0; at[1] < dst->volume.shape[1]; at[1]++)
            for (at[0] = 0; at[0] < dst->volume.shape[0]; at[0]++) {
                int64_t offset = 0;
                for (int n = 0; n < 3; n++)
                    offset += (flip[n] ? dst->volume.shape[n] - 1 - at[n] : at[n]) * from->strides[order[n]];
                dst->voxels[index++] = src->voxels[offset];
            }
    return dst;
}

/* Order and flips number `n` of 48. */
static inline void phantom_orientation(int order[3], bool flip[3], int n)
{
    static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    memcpy(order, orders[n / 8], sizeof orders[0]);
    for (int axis = 0; axis < 3; axis++) flip[axis] = n >> axis & 1;
}

static inline struct preprocess_spec phantom_stretch(int64_t d, int64_t h, int64_t w)
{
    return (struct preprocess_spec){ .orientation = "RAS", .grid = GRID_STRETCH, .shape = { d, h, w } };
}

static inline struct preprocess_spec phantom_spacing(double mm, int64_t size)
{
    return (struct preprocess_spec){
        .orientation = "RAS", .grid = GRID_SPACING, .spacing = { mm, mm, mm }, .shape = { size, size, size }
    };
}

static inline struct preparation prepare(const tumorclass_volume *volume, const tumorclass_volume *mask,
                                         const struct preprocess_spec *spec)
{
    struct preparation preparation;
    ck_assert_msg(preprocess_run(&preparation, volume, mask, spec, NULL, NULL) == TUMORCLASS_OK, "%s",
                  tumorclass_last_error());
    return preparation;
}

static inline size_t input_count(const struct preprocess_spec *spec)
{
    return (size_t)multiply_extents(spec->shape, 3);
}

static inline void refuse(const tumorclass_volume *volume, const tumorclass_volume *mask,
                          const struct preprocess_spec *spec, tumorclass_status status, const char *sentence)
{
    struct preparation preparation;
    const int64_t before = memory_blocks_in_use();
    ck_assert_int_eq(preprocess_run(&preparation, volume, mask, spec, NULL, NULL), status);
    ck_assert_str_eq(tumorclass_last_error(), sentence);
    ck_assert_ptr_null(preparation.input);
    ck_assert_int_eq(memory_blocks_in_use(), before);
}

static inline void check_close(const float *a, const float *b, size_t count, double tolerance)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        const double difference = fabs((double)a[i] - b[i]);
        ck_assert(isfinite(difference));
        if (difference > largest) largest = difference;
    }
    ck_assert_double_le(largest, tolerance);
}

#endif
