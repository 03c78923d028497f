#include <math.h>
#include <stdlib.h>
#include "grow.h"

static float larger(float a, float b)
{
    return a > b ? a : b;
}

/* Noise over a region. */
static bool noise_over(struct noise *noise, const struct region *region, double grain, struct random *random)
{
    float low[3], high[3];
    region_point(low, region, 0, 0, 0);
    region_point(high, region, region->shape[0] - 1, region->shape[1] - 1, region->shape[2] - 1);
    return noise_create(noise, random, low, high, grain);
}

/* From depth below the tumour's surface to depth below the inner surface of its wall, in a row. values[2 * shape[0]]. */
static void hollow_row(float *depth, float *values, const struct region *region, int j, int k, const struct wall *wall,
                       const struct noise *coarse, const struct noise *fine)
{
    const float thinnest = 1;
    int first = 0, end = region->shape[0];
    while (first < end && depth[first] <= 0) first++;
    while (end > first && depth[end - 1] <= 0) end--;
    if (first == end) return;
    float point[3], *ragged = values + region->shape[0];
    region_point(point, region, first, j, k);
    noise_row(values, coarse, point, 1, (size_t)(end - first));
    noise_row(ragged, fine, point, 1, (size_t)(end - first));
    for (int i = first; i < end; i++) {
        if (depth[i] <= 0) continue;
        const float mm = (float)wall->mm * expf((float)wall->unevenness * values[i - first]);
        depth[i] -= fmaxf(mm + (float)wall->ragged * ragged[i - first], thinnest);
    }
}

bool cover_ring(struct lesion *lesion, const struct region *region, const float *field, const struct wall *wall,
                struct random *random)
{
    struct noise coarse = { .value = NULL }, fine = { .value = NULL };
    float *depth = malloc(region->count * sizeof *depth), *part = malloc(region->count * sizeof *part);
    float *values = malloc(2 * (size_t)region->shape[0] * sizeof *values);
    uint8_t *outside = malloc(region->count);
    bool done = depth && part && values && outside && noise_over(&coarse, region, wall->grain, random) &&
                noise_over(&fine, region, 3, random);
    for (size_t n = 0; done && n < region->count; n++) outside[n] = field[n] >= 0;
    done = done && distance_map(depth, outside, region->shape, 4 * wall->mm + 4);
    for (int k = 0; done && k < region->shape[2]; k++)
        for (int j = 0; j < region->shape[1]; j++)
            hollow_row(depth + region_index(region, 0, j, k), values, region, j, k, wall, &coarse, &fine);
    /* The wall is painted over the fluid, which therefore reaches a little under it. */
    for (size_t n = 0; done && n < region->count; n++) part[n] = larger(-depth[n] - 1, field[n] + 1);
    done = done && cover_part(lesion, PART_FLUID, region, part, 1);
    for (size_t n = 0; done && n < region->count; n++) part[n] = larger(depth[n], field[n]);
    done = done && cover_part(lesion, PART_SOLID, region, part, 1.2);
    noise_free(&coarse);
    noise_free(&fine);
    free(depth);
    free(part);
    free(values);
    free(outside);
    return done;
}

/* From travel to the distance from the oedema's uneven edge, in a row; as far as `most` nothing was reached. */
static void edge_row(float *travel, float *values, const struct region *region, int j, int k, double reach, float most,
                     const struct noise *noise)
{
    int first = 0, end = region->shape[0];
    while (first < end && travel[first] >= most) first++;
    while (end > first && travel[end - 1] >= most) end--;
    if (first == end) return;
    float point[3];
    region_point(point, region, first, j, k);
    noise_row(values, noise, point, 1, (size_t)(end - first));
    for (int i = first; i < end; i++) {
        const float uneven = fminf(fmaxf(1 + 0.3f * values[i - first], 0.3f), 1.5f);
        if (travel[i] == 0)
            travel[i] = -most;
        else if (travel[i] < most)
            travel[i] -= (float)reach * uneven;
    }
}

bool cover_oedema(struct lesion *lesion, const struct region *region, const float *field, double reach,
                  struct random *random)
{
    float cost[TISSUES];
    struct noise noise = { .value = NULL };
    const float most = (float)(1.6 * reach);
    for (int t = 0; t < TISSUES; t++) cost[t] = INFINITY;
    cost[WHITE] = cost[WHITE_LESION] = cost[PERIVASCULAR] = cost[CEREBELLAR_WHITE] = 1;
    cost[BRAIN_STEM] = cost[PALLIDUM] = 2;
    cost[THALAMUS] = cost[PUTAMEN] = cost[DIENCEPHALON] = 4;
    float *travel = malloc(region->count * sizeof *travel);
    float *values = malloc((size_t)region->shape[0] * sizeof *values);
    bool done = travel && values && noise_over(&noise, region, 12, random) && spread(travel, region, field, cost, most);
    for (int k = 0; done && k < region->shape[2]; k++)
        for (int j = 0; j < region->shape[1]; j++)
            edge_row(travel + region_index(region, 0, j, k), values, region, j, k, reach, most, &noise);
    done = done && cover_part(lesion, PART_OEDEMA, region, travel, fmin(3, reach));
    noise_free(&noise);
    free(travel);
    free(values);
    return done;
}
