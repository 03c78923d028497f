#include "texture.h"
#include <math.h>
#include <stdlib.h>

enum { MASK = TEXTURE_SIDE - 1, TAPS = 4 };

float *texture_lattice(struct random *random)
{
    const size_t count = (size_t)TEXTURE_SIDE * TEXTURE_SIDE * TEXTURE_SIDE;
    float *lattice = malloc(count * sizeof *lattice);
    /* As in noise.c: the squares of a B-spline's weights sum to 0.48 along an axis. */
    const double scale = pow(0.48, -1.5);
    for (size_t i = 0; lattice && i < count; i++) lattice[i] = (float)random_normal(random, 0, scale);
    return lattice;
}

/* The first of the four lattice points round a coordinate, wrapped, and their weights. */
static int weigh(float weight[TAPS], float coordinate)
{
    const float floor_x = floorf(coordinate), t = coordinate - floor_x, u = 1 - t;
    weight[0] = u * u * u / 6;
    weight[1] = (4 - 6 * t * t + 3 * t * t * t) / 6;
    weight[2] = (4 - 6 * u * u + 3 * u * u * u) / 6;
    weight[3] = t * t * t / 6;
    return ((int)floor_x - 1) & MASK;
}

static const float *lattice_row(const float *lattice, int y, int z)
{
    return lattice + ((size_t)(z & MASK) * TEXTURE_SIDE + (size_t)(y & MASK)) * TEXTURE_SIDE;
}

float texture_at(const float *lattice, const float point[3], float grain)
{
    float weight[3][TAPS], sum = 0;
    int at[3];
    for (int a = 0; a < 3; a++) at[a] = weigh(weight[a], point[a] / grain);
    for (int c = 0; c < TAPS; c++)
        for (int b = 0; b < TAPS; b++) {
            const float *row = lattice_row(lattice, at[1] + b, at[2] + c);
            float line = 0;
            for (int a = 0; a < TAPS; a++) line += weight[0][a] * row[(at[0] + a) & MASK];
            sum += weight[2][c] * weight[1][b] * line;
        }
    return sum;
}

bool texture_create(struct texture *texture, const float *lattice, struct random *random, double grain, float x,
                    float step, int count)
{
    texture->lattice = lattice;
    texture->per_mm = (float)(1 / grain);
    texture->count = count;
    for (int a = 0; a < 3; a++) texture->offset[a] = (float)random_uniform(random, 0, TEXTURE_SIDE);
    texture->at = malloc((size_t)count * sizeof *texture->at);
    texture->weight[0] = malloc((size_t)count * TAPS * sizeof *texture->weight[0]);
    if (!texture->at || !texture->weight[0]) return false;
    for (int a = 1; a < TAPS; a++) texture->weight[a] = texture->weight[0] + (size_t)a * (size_t)count;
    for (int i = 0; i < count; i++) {
        float weight[TAPS];
        texture->at[i] = weigh(weight, (x + step * (float)i) * texture->per_mm + texture->offset[0]);
        for (int a = 0; a < TAPS; a++) texture->weight[a][i] = weight[a];
    }
    return true;
}

void texture_free(struct texture *texture)
{
    free(texture->at);
    free(texture->weight[0]);
    texture->at = NULL;
    texture->weight[0] = NULL;
}

void texture_row(float *values, const struct texture *texture, float y, float z, int first, int last)
{
    float wy[TAPS], wz[TAPS], line[TEXTURE_SIDE + TAPS] = { 0 };
    const int aty = weigh(wy, y * texture->per_mm + texture->offset[1]);
    const int atz = weigh(wz, z * texture->per_mm + texture->offset[2]);
    for (int c = 0; c < TAPS; c++)
        for (int b = 0; b < TAPS; b++) {
            const float *row = lattice_row(texture->lattice, aty + b, atz + c), weight = wy[b] * wz[c];
            for (int i = 0; i < TEXTURE_SIDE; i++) line[i] += weight * row[i];
        }
    for (int i = 0; i < TAPS; i++) line[TEXTURE_SIDE + i] = line[i];
    for (int i = first; i < last; i++) {
        const float *at = line + texture->at[i];
        values[i] = texture->weight[0][i] * at[0] + texture->weight[1][i] * at[1] + texture->weight[2][i] * at[2] +
                    texture->weight[3][i] * at[3];
    }
}
