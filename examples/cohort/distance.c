/* Exact Euclidean distances (Felzenszwalb and Huttenlocher, Distance transforms of sampled functions, 2012): along each
 * axis in turn a voxel takes the lowest of the parabolas that stand on its line. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "grow.h"

enum { LANES = 16 }; /* lines beside each other, handled together for the cache's sake */

struct envelope {
    int *site;    /* of each parabola that is lowest somewhere */
    float *since; /* where it begins to be */
    float *below; /* the line's result */
    float most;   /* squared */
};

/* A line of squared distances, INFINITY where none is known: to those with this axis added, INFINITY beyond `most`. */
static void lower(float *line, int count, const struct envelope *envelope)
{
    int last = -1;
    for (int q = 0; q < count; q++) {
        if (line[q] == INFINITY) continue;
        float crossing = -INFINITY;
        while (last >= 0) {
            const int v = envelope->site[last];
            crossing = (line[q] - line[v] + (float)(q * q - v * v)) / (float)(2 * (q - v));
            if (crossing > envelope->since[last]) break;
            crossing = -INFINITY;
            last--;
        }
        envelope->site[++last] = q;
        envelope->since[last] = crossing;
    }
    if (last < 0) return;
    for (int q = 0, k = 0; q < count; q++) {
        while (k < last && envelope->since[k + 1] < (float)q) k++;
        const int v = envelope->site[k];
        const float squared = line[v] + (float)((q - v) * (q - v));
        envelope->below[q] = squared > envelope->most ? INFINITY : squared;
    }
    memcpy(line, envelope->below, (size_t)count * sizeof *line);
}

/* The lines of `count` values, `stride` apart, that begin at `lanes` values beside each other. */
static void lower_lanes(float *values, size_t stride, int count, size_t lanes, float *lines,
                        const struct envelope *envelope)
{
    for (int q = 0; q < count; q++)
        for (size_t lane = 0; lane < lanes; lane++)
            lines[lane * (size_t)count + (size_t)q] = values[(size_t)q * stride + lane];
    for (size_t lane = 0; lane < lanes; lane++) lower(lines + lane * (size_t)count, count, envelope);
    for (int q = 0; q < count; q++)
        for (size_t lane = 0; lane < lanes; lane++)
            values[(size_t)q * stride + lane] = lines[lane * (size_t)count + (size_t)q];
}

static size_t at_most(size_t count, size_t limit)
{
    return count < limit ? count : limit;
}

/* Squared distances along x, INFINITY beyond `most`. */
static void first_axis(float *mm, const uint8_t *set, int count, double most)
{
    int last = -count - (int)most - 1;
    for (int x = 0; x < count; x++) {
        if (set[x]) last = x;
        mm[x] = (float)(x - last);
    }
    last = 2 * count + (int)most + 1;
    for (int x = count - 1; x >= 0; x--) {
        if (set[x]) last = x;
        mm[x] = fminf(mm[x], (float)(last - x));
        mm[x] = (double)mm[x] > most ? INFINITY : mm[x] * mm[x];
    }
}

bool distance_map(float *mm, const uint8_t *set, const int shape[3], double most)
{
    const size_t nx = (size_t)shape[0], ny = (size_t)shape[1], nz = (size_t)shape[2], slice = nx * ny;
    const size_t longest = ny > nz ? ny : nz;
    float *floats = malloc(longest * (LANES + 2) * sizeof *floats);
    const struct envelope envelope = { malloc(longest * sizeof *envelope.site), floats,
                                       floats ? floats + longest : NULL, (float)(most * most) };
    const bool ok = floats && envelope.site;
    if (ok) {
        float *lines = floats + 2 * longest;
        for (size_t row = 0; row < ny * nz; row++) first_axis(mm + row * nx, set + row * nx, shape[0], most);
        for (size_t z = 0; z < nz; z++)
            for (size_t x = 0; x < nx; x += LANES)
                lower_lanes(mm + z * slice + x, nx, shape[1], at_most(nx - x, LANES), lines, &envelope);
        for (size_t x = 0; x < slice; x += LANES)
            lower_lanes(mm + x, slice, shape[2], at_most(slice - x, LANES), lines, &envelope);
        for (size_t i = 0; i < slice * nz; i++) mm[i] = fminf(sqrtf(mm[i]), (float)most);
    }
    free(envelope.site);
    free(floats);
    return ok;
}
