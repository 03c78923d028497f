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

/* What a voxel says about growing there: 1 brain tissue, 0 none; where tumours do not press CSF shut, ventricles close
 * less readily than sulci. */
static float brain_weight(enum tissue tissue, double closing)
{
    if (is_parenchyma(tissue)) return 1;
    if (tissue == VENTRICLE || tissue == CHOROID_PLEXUS) return (float)(2 * closing - 0.5);
    return tissue == CSF ? (float)closing : 0;
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

static float distance_between(const struct region *region, size_t voxel, const float point[3])
{
    const size_t nx = (size_t)region->shape[0], ny = (size_t)region->shape[1];
    float at[3], squares = 0;
    region_point(at, region, (int)(voxel % nx), (int)(voxel / nx % ny), (int)(voxel / nx / ny));
    for (int a = 0; a < 3; a++) squares += (at[a] - point[a]) * (at[a] - point[a]);
    return sqrtf(squares);
}

/* How much too long, in mm, the way through open voxels is from the seed: a tumour grows from there, and does not close
 * round a ventricle that is in its way. A quarter of the straight way is allowed, half of it for steps that are not
 * straight. detour[] is 0 or less where a tumour may be; region->tissue is written over. */
static bool measure_detours(float *detour, struct region *region, const uint8_t *open, const float seed[3], float most)
{
    size_t nearest = 0;
    float cost[TISSUES], least = INFINITY;
    for (int t = 0; t < TISSUES; t++) cost[t] = INFINITY;
    cost[WHITE] = 1;
    for (size_t n = 0; n < region->count; n++) {
        region->tissue[n] = open[n] ? WHITE : OUTSIDE;
        detour[n] = 1;
        if (!open[n]) continue;
        const float mm = distance_between(region, n, seed);
        if (mm >= least) continue;
        least = mm;
        nearest = n;
    }
    if (least == INFINITY) return true;
    detour[nearest] = 0;
    if (!spread(detour, region, detour, cost, most)) return false;
    for (size_t n = 0; n < region->count; n++)
        if (open[n]) detour[n] -= 1.25f * distance_between(region, n, seed) + 3 + least;
    return true;
}

/* The level from -most to most below which the field's part without detours holds `voxels`. */
static float level_of(const float *field, const float *detour, const uint8_t *open, size_t count, double voxels,
                      float most)
{
    enum { BINS = 128 };
    size_t below[BINS + 1] = { 0 }, sum = 0;
    for (size_t n = 0; n < count; n++) {
        if (!open[n] || detour[n] > 0) continue;
        const float bin = (field[n] + most) / (2 * most) * BINS;
        below[bin < 0 ? 0 : bin < BINS ? (int)bin + 1 : BINS]++;
    }
    for (int bin = 0; bin <= BINS; bin++)
        if ((double)(sum += below[bin]) >= voxels) return most * (2 * (float)bin / BINS - 1);
    return most;
}

bool fit_in_brain(float *field, const struct region *region, const float seed[3], const struct fit *fit)
{
    const float radius = cbrtf((float)(fit->ml * 1000 * 3 / (4 * 3.14159265))), most = radius / 3;
    struct region passable = *region;
    float *limit = malloc(region->count * sizeof *limit), *detour = malloc(region->count * sizeof *detour);
    uint8_t *open = malloc(region->count);
    passable.tissue = malloc(region->count);
    bool done = limit && detour && open && passable.tissue && brain_limit(limit, region, fit->closing);
    for (size_t n = 0; done && n < region->count; n++) open[n] = field[n] < most && limit[n] < 0;
    done = done && measure_detours(detour, &passable, open, seed, 4 * radius + 10);
    const float level = done ? level_of(field, detour, open, region->count, fit->ml * 1000, most) : 0;
    for (size_t n = 0; done && n < region->count; n++) {
        const float inside = field[n] - level, allowed = (float)fit->softness * limit[n];
        field[n] = inside > allowed ? inside : allowed;
        if (open[n] && field[n] < detour[n]) field[n] = detour[n];
        if (!open[n] && field[n] < (float)fit->softness) field[n] = (float)fit->softness;
    }
    region_free(&passable);
    free(limit);
    free(detour);
    free(open);
    return done;
}
