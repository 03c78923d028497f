/* How a tumour of the brain lies in it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "grow.h"

enum { WINDOW = 9 }; /* voxels: sulci thinner than half of it are closed */

bool is_parenchyma(enum tissue tissue)
{
    switch (tissue) {
    case WHITE:
    case CORTEX:
    case CEREBELLAR_WHITE:
    case CEREBELLAR_CORTEX:
    case THALAMUS:
    case CAUDATE:
    case PUTAMEN:
    case PALLIDUM:
    case HIPPOCAMPUS:
    case BRAIN_STEM:
    case DIENCEPHALON:
    case WHITE_LESION:
    case PERIVASCULAR: return true;
    default: return false;
    }
}

/* What a voxel says about growing there: 1 brain tissue, 0 none; ventricles close less readily than sulci. */
static float brain_weight(enum tissue tissue, double closing)
{
    if (is_parenchyma(tissue)) return 1;
    if (tissue == VENTRICLE || tissue == CHOROID_PLEXUS) return -0.5f;
    return tissue == CSF || tissue == DURA ? (float)closing : 0;
}

/* Mean over WINDOW values along an axis, whose ends go on for ever: `count` rows of `lanes` values each. */
static void smooth_rows(float *to, const float *from, size_t count, size_t lanes)
{
    const ptrdiff_t half = WINDOW / 2, last = (ptrdiff_t)count - 1;
    for (size_t lane = 0; lane < lanes; lane++) to[lane] = 0;
    for (ptrdiff_t q = -half; q <= half; q++) {
        const float *row = from + (size_t)(q < 0 ? 0 : q > last ? last : q) * lanes;
        for (size_t lane = 0; lane < lanes; lane++) to[lane] += row[lane] / WINDOW;
    }
    for (ptrdiff_t q = 1; q <= last; q++) {
        const float *in = from + (size_t)(q + half > last ? last : q + half) * lanes;
        const float *out = from + (size_t)(q - half - 1 < 0 ? 0 : q - half - 1) * lanes;
        float *row = to + (size_t)q * lanes;
        const float *before = row - lanes;
        for (size_t lane = 0; lane < lanes; lane++) row[lane] = before[lane] + (in[lane] - out[lane]) / WINDOW;
    }
}

/* Mean over a cube of WINDOW voxels; the result is in `values`. */
static void smooth(float *values, float *copy, const int shape[3])
{
    const size_t nx = (size_t)shape[0], ny = (size_t)shape[1], nz = (size_t)shape[2];
    for (size_t n = 0; n < ny * nz; n++) smooth_rows(copy + n * nx, values + n * nx, nx, 1);
    for (size_t k = 0; k < nz; k++) smooth_rows(values + k * nx * ny, copy + k * nx * ny, ny, nx);
    smooth_rows(copy, values, nz, nx * ny);
    memcpy(values, copy, nx * ny * nz * sizeof *values);
}

/* Falx and tentorium, and the voxels beside them, are closed: they are so thin that the mean over a cube hardly sees
 * them. */
static void close_sheets(float *limit, const struct region *region)
{
    const size_t nx = (size_t)region->shape[0], plane = nx * (size_t)region->shape[1];
    for (size_t n = 0; n < region->count; n++) {
        if (region->tissue[n] != FALX && region->tissue[n] != TENTORIUM) continue;
        const size_t beside[] = { n, n - 1, n + 1, n - nx, n + nx, n - plane, n + plane };
        for (size_t b = 0; b < sizeof beside / sizeof *beside; b++)
            if (beside[b] < region->count) limit[beside[b]] = fmaxf(limit[beside[b]], 1);
    }
}

/* About the distance in mm to the brain's surface, negative inside; further in than the window sees it has no end. */
static bool brain_limit(float *limit, const struct region *region, double closing)
{
    float *copy = malloc(region->count * sizeof *copy);
    if (!copy) return false;
    for (size_t n = 0; n < region->count; n++) limit[n] = brain_weight((enum tissue)region->tissue[n], closing);
    smooth(limit, copy, region->shape);
    for (size_t n = 0; n < region->count; n++) limit[n] = limit[n] > 0.999f ? -INFINITY : (0.5f - limit[n]) * WINDOW;
    close_sheets(limit, region);
    free(copy);
    return true;
}

/* The voxel nearest to a point where `open` is set; false: there is none. */
static bool nearest_open(size_t *nearest, const uint8_t *open, const struct region *region, const float point[3])
{
    float least = INFINITY;
    size_t n = 0;
    for (int k = 0; k < region->shape[2]; k++)
        for (int j = 0; j < region->shape[1]; j++)
            for (int i = 0; i < region->shape[0]; i++, n++) {
                if (!open[n]) continue;
                float at[3], squares = 0;
                region_point(at, region, i, j, k);
                for (int a = 0; a < 3; a++) squares += (at[a] - point[a]) * (at[a] - point[a]);
                if (squares < least) {
                    least = squares;
                    *nearest = n;
                }
            }
    return least < INFINITY;
}

/* Turn 1 into 2 in what is joined to a voxel by faces. */
static bool flood(uint8_t *open, const int shape[3], size_t from, size_t count)
{
    const size_t nx = (size_t)shape[0], ny = (size_t)shape[1], stride[3] = { 1, nx, nx * ny };
    uint32_t *stack = malloc(count * sizeof *stack);
    size_t depth = 0;
    if (!stack) return false;
    open[from] = 2;
    stack[depth++] = (uint32_t)from;
    while (depth) {
        const size_t n = stack[--depth];
        const size_t at[3] = { n % nx, n / nx % ny, n / nx / ny };
        for (int a = 0; a < 3; a++)
            for (int side = 0; side < 2; side++) {
                if (side ? at[a] + 1 == (size_t)shape[a] : at[a] == 0) continue;
                const size_t to = side ? n + stride[a] : n - stride[a];
                if (open[to] != 1) continue;
                open[to] = 2;
                stack[depth++] = (uint32_t)to;
            }
    }
    free(stack);
    return true;
}

/* The level from -most to most below which the joined part of the field holds `voxels`. */
static float level_of(const float *field, const uint8_t *open, size_t count, double voxels, float most)
{
    enum { BINS = 128 };
    size_t below[BINS + 1] = { 0 }, sum = 0;
    for (size_t n = 0; n < count; n++) {
        if (open[n] != 2) continue;
        const float bin = (field[n] + most) / (2 * most) * BINS;
        below[bin < 0 ? 0 : bin < BINS ? (int)bin + 1 : BINS]++;
    }
    for (int bin = 0; bin <= BINS; bin++)
        if ((double)(sum += below[bin]) >= voxels) return most * (2 * (float)bin / BINS - 1);
    return most;
}

bool fit_in_brain(float *field, const struct region *region, const float seed[3], const struct fit *fit)
{
    const float most = 0.33f * cbrtf((float)(fit->ml * 1000 * 3 / (4 * 3.14159265)));
    float *limit = malloc(region->count * sizeof *limit);
    uint8_t *open = malloc(region->count);
    size_t from = 0, count = 0;
    bool done = limit && open && brain_limit(limit, region, fit->closing);
    for (size_t n = 0; done && n < region->count; n++) count += open[n] = field[n] < most && limit[n] < 0;
    if (done && count && nearest_open(&from, open, region, seed)) done = flood(open, region->shape, from, count);
    const float level = done ? level_of(field, open, region->count, fit->ml * 1000, most) : 0;
    for (size_t n = 0; done && n < region->count; n++) {
        const float inside = field[n] - level, allowed = (float)fit->softness * limit[n];
        field[n] = inside > allowed ? inside : allowed;
        if (field[n] < 0 && open[n] != 2) field[n] = (float)fit->softness;
    }
    free(limit);
    free(open);
    return done;
}
