#include "noise.h"
#include <math.h>
#include <stdlib.h>

bool noise_create(struct noise *noise, struct random *random, const float low[3], const float high[3], double grain)
{
    size_t count = 1;
    noise->per_mm = (float)(1 / grain);
    for (int a = 0; a < 3; a++) {
        noise->origin[a] = (float)(low[a] - grain);
        noise->shape[a] = (int)ceil((high[a] - low[a]) / grain) + 4;
        count *= (size_t)noise->shape[a];
    }
    noise->value = malloc(count * sizeof *noise->value);
    if (!noise->value) return false;
    /* A cubic B-spline of independent values of deviation 1 has sum of squared weights (1/36 + 16/36 + 1/36) = 1/2 on a
     * lattice point along each axis, and 0.46 between two: 0.48 on the whole. */
    const double scale = pow(0.48, -1.5);
    for (size_t i = 0; i < count; i++) noise->value[i] = (float)random_normal(random, 0, scale);
    return true;
}

void noise_free(struct noise *noise)
{
    free(noise->value);
    noise->value = NULL;
}

static int clamp_index(int index, int count)
{
    return index < 0 ? 0 : index >= count ? count - 1 : index;
}

/* The four lattice points round a coordinate and their weights. */
static void weigh(int at[4], float weight[4], const struct noise *noise, int axis, float coordinate)
{
    const float x = (coordinate - noise->origin[axis]) * noise->per_mm, floor_x = floorf(x), t = x - floor_x;
    const float u = 1 - t;
    weight[0] = u * u * u / 6;
    weight[1] = (4 - 6 * t * t + 3 * t * t * t) / 6;
    weight[2] = (4 - 6 * u * u + 3 * u * u * u) / 6;
    weight[3] = t * t * t / 6;
    for (int i = 0; i < 4; i++) at[i] = clamp_index((int)floor_x - 1 + i, noise->shape[axis]);
}

/* The weighted sum over y and z of the lattice at one i. */
static float column(const struct noise *noise, int i, const int aty[4], const float wy[4], const int atz[4],
                    const float wz[4])
{
    float sum = 0;
    for (int c = 0; c < 4; c++)
        for (int b = 0; b < 4; b++) {
            const size_t at = ((size_t)atz[c] * (size_t)noise->shape[1] + (size_t)aty[b]) * (size_t)noise->shape[0];
            sum += wz[c] * wy[b] * noise->value[at + (size_t)i];
        }
    return sum;
}

float noise_at(const struct noise *noise, const float point[3])
{
    float value;
    noise_row(&value, noise, point, 0, 1);
    return value;
}

void noise_row(float *values, const struct noise *noise, const float point[3], float step, size_t count)
{
    int atx[4], aty[4], atz[4], known[4] = { -1, -1, -1, -1 };
    float wx[4], wy[4], wz[4], columns[4];
    weigh(aty, wy, noise, 1, point[1]);
    weigh(atz, wz, noise, 2, point[2]);
    for (size_t n = 0; n < count; n++) {
        weigh(atx, wx, noise, 0, point[0] + step * (float)n);
        float sum = 0;
        for (int i = 0; i < 4; i++) {
            const int slot = atx[i] & 3;
            if (known[slot] != atx[i]) columns[slot] = column(noise, known[slot] = atx[i], aty, wy, atz, wz);
            sum += wx[i] * columns[slot];
        }
        values[n] = sum;
    }
}
