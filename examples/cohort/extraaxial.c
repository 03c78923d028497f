#include "extraaxial.h"
#include <math.h>
#include <stdlib.h>

float depth_in_bone(const struct anatomy *anatomy, const int voxel[3])
{
    for (int a = 0; a < 3; a++)
        if (voxel[a] < 0 || voxel[a] >= anatomy->shape[a]) return 1;
    const uint8_t away = anatomy->to_skull[anatomy_index(anatomy, voxel[0], voxel[1], voxel[2])];
    return away ? 0.5f - 0.5f * (float)away : 1;
}

void bone_normal(float normal[3], const struct anatomy *anatomy, const float point[3], int radius)
{
    int middle[3];
    double sum[3] = { 0, 0, 1e-6 };
    for (int a = 0; a < 3; a++) middle[a] = (int)lroundf(point[a]);
    for (int k = -radius; k <= radius; k++)
        for (int j = -radius; j <= radius; j++)
            for (int i = -radius; i <= radius; i++) {
                if (i * i + j * j + k * k > radius * radius) continue;
                for (int a = 0; a < 3; a++) {
                    int before[3] = { middle[0] + i, middle[1] + j, middle[2] + k };
                    int after[3] = { before[0], before[1], before[2] };
                    before[a]--;
                    after[a]++;
                    sum[a] += depth_in_bone(anatomy, before) - depth_in_bone(anatomy, after);
                }
            }
    const double length = sqrt(sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]);
    for (int a = 0; a < 3; a++) normal[a] = (float)(sum[a] / length);
}

void axes_along(float axis[3][3], const float normal[3], struct random *random)
{
    float any[3], along, length = 0;
    do {
        random_direction(any, random);
        along = any[0] * normal[0] + any[1] * normal[1] + any[2] * normal[2];
    } while (fabsf(along) > 0.9f);
    for (int a = 0; a < 3; a++) {
        axis[2][a] = normal[a];
        axis[0][a] = any[a] - along * normal[a];
        length += axis[0][a] * axis[0][a];
    }
    for (int a = 0; a < 3; a++) axis[0][a] /= sqrtf(length);
    for (int a = 0; a < 3; a++) {
        const int b = (a + 1) % 3, c = (a + 2) % 3;
        axis[1][a] = normal[b] * axis[0][c] - normal[c] * axis[0][b];
    }
}

void fit_diameter(float *field, const float *limit, size_t count, double diameter)
{
    enum { BINS = 480, BINS_PER_MM = 8, ZERO = BINS / 2 };
    size_t held[BINS] = { 0 };
    for (size_t v = 0; v < count; v++) {
        const float bin = ZERO + floorf(field[v] * BINS_PER_MM);
        if (limit[v] < 0 && bin < BINS) held[bin < 0 ? 0 : (int)bin]++;
    }
    const double wanted = 0.5235987755982988 * diameter * diameter * diameter;
    double sum = 0;
    int bin = 0;
    while (bin < BINS && sum < wanted) sum += (double)held[bin++];
    const float surface = (float)(bin - ZERO) / BINS_PER_MM;
    for (size_t v = 0; v < count; v++) field[v] -= surface;
}

void intersect(float *field, const float *limit, size_t count)
{
    for (size_t v = 0; v < count; v++) field[v] = fmaxf(field[v], limit[v]);
}

void go_round(struct lesion *lesion, const struct region *region, enum tissue tissue, double top, double near)
{
    const size_t nx = (size_t)region->shape[0], ny = (size_t)region->shape[1];
    for (size_t v = 0; v < region->count; v++) {
        if (region->tissue[v] != tissue) continue;
        const int voxel[3] = { region->low[0] + (int)(v % nx), region->low[1] + (int)(v / nx % ny),
                               region->low[2] + (int)(v / nx / ny) };
        if (voxel[2] > top || -depth_in_bone(region->head->anatomy, voxel) > near) continue;
        for (int part = 0; part < PARTS; part++)
            if (lesion->cover[part]) lesion->cover[part][v] = 0;
    }
}

bool hollow(struct lesion *lesion, const struct region *region, float *field, enum part part,
            const struct ellipsoid *pockets, int count, double rind, struct random *random)
{
    const double size = fmin(fmin(pockets->radius[0], pockets->radius[1]), pockets->radius[2]);
    float *inner = malloc(region->count * sizeof *inner);
    bool done = inner && blob(inner, region, pockets, count, 0.15 * size, fmax(3, 0.8 * size), random);
    if (done) {
        for (size_t v = 0; v < region->count; v++) {
            inner[v] = fmaxf(inner[v], field[v] + (float)rind);
            field[v] = fmaxf(field[v], -inner[v]);
            inner[v] -= 1; /* the tumour is painted over it: it must reach under the tumour's soft edge */
        }
        done = cover_part(lesion, part, region, inner, 1);
    }
    free(inner);
    return done;
}

struct part_look enhancing(double level, double enhanced, double texture, double grain)
{
    return (struct part_look){
        .level = (float)level, .uptake = (float)(enhanced - level), .texture = (float)texture, .grain = (float)grain
    };
}
