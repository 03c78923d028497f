#include "grow.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static float dot(const float a[3], const float b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void draw_axes(float axis[3][3], struct random *random)
{
    float side[3], length;
    random_direction(axis[0], random);
    do { /* a second direction, made perpendicular to the first */
        random_direction(side, random);
        const float along = dot(side, axis[0]);
        for (int a = 0; a < 3; a++) axis[1][a] = side[a] - along * axis[0][a];
        length = sqrtf(dot(axis[1], axis[1]));
    } while (length < 0.1f);
    for (int a = 0; a < 3; a++) axis[1][a] /= length;
    for (int a = 0; a < 3; a++) {
        const int b = (a + 1) % 3, c = (a + 2) % 3;
        axis[2][a] = axis[0][b] * axis[1][c] - axis[0][c] * axis[1][b];
    }
}

void ellipsoid_draw(struct ellipsoid *ellipsoid, struct random *random, const float centre[3], double radius,
                    double elongation)
{
    double stretch[3], mean = 0;
    memcpy(ellipsoid->centre, centre, sizeof ellipsoid->centre);
    draw_axes(ellipsoid->axis, random);
    for (int a = 0; a < 3; a++) mean += (stretch[a] = random_uniform(random, 0, log(elongation))) / 3;
    for (int a = 0; a < 3; a++) ellipsoid->radius[a] = (float)(radius * exp(stretch[a] - mean));
}

/* About the distance to the surface: with q = p / radii, |q| (|q| - 1) / |q / radii|, exact for a ball. */
static float ellipsoid_distance(const struct ellipsoid *ellipsoid, const float point[3])
{
    float offset[3], squares = 0, slope = 0;
    for (int a = 0; a < 3; a++) offset[a] = point[a] - ellipsoid->centre[a];
    for (int a = 0; a < 3; a++) {
        const float q = dot(ellipsoid->axis[a], offset) / ellipsoid->radius[a], s = q / ellipsoid->radius[a];
        squares += q * q;
        slope += s * s;
    }
    if (slope < FLT_MIN) return -ellipsoid->radius[0];
    return (squares - sqrtf(squares)) / sqrtf(slope);
}

static float largest_radius(const struct ellipsoid *ellipsoid)
{
    return fmaxf(ellipsoid->radius[0], fmaxf(ellipsoid->radius[1], ellipsoid->radius[2]));
}

/* Whether an ellipsoid is certainly more than `mm` away. */
static bool is_beyond(const struct ellipsoid *ellipsoid, float largest, const float point[3], float mm)
{
    float squares = 0;
    for (int a = 0; a < 3; a++) squares += (point[a] - ellipsoid->centre[a]) * (point[a] - ellipsoid->centre[a]);
    return mm + largest < 0 || squares > (mm + largest) * (mm + largest);
}

/* The union, with joints rounded over `joint` mm. */
static float union_distance(const struct ellipsoid *ellipsoids, int count, const float point[3], float largest,
                            float joint)
{
    float distance = ellipsoid_distance(&ellipsoids[0], point);
    for (int e = 1; e < count; e++) {
        if (is_beyond(&ellipsoids[e], largest, point, distance + joint)) continue;
        const float other = ellipsoid_distance(&ellipsoids[e], point);
        const float nearer = distance < other ? distance : other, apart = fabsf(distance - other);
        const float near = apart < joint ? 1 - apart / joint : 0;
        distance = nearer - near * near * joint / 4;
    }
    return distance;
}

/* A ball that holds all ellipsoids. */
struct bounds {
    float centre[3], radius, smallest, largest; /* radii of the ball and of all ellipsoids */
};

static struct bounds bound(const struct ellipsoid *ellipsoids, int count)
{
    struct bounds bounds = { { 0, 0, 0 }, 0, INFINITY, 0 };
    for (int e = 0; e < count; e++)
        for (int a = 0; a < 3; a++) bounds.centre[a] += ellipsoids[e].centre[a] / (float)count;
    for (int e = 0; e < count; e++) {
        const float largest = largest_radius(&ellipsoids[e]);
        float offset[3];
        bounds.largest = fmaxf(bounds.largest, largest);
        for (int a = 0; a < 3; a++) {
            offset[a] = ellipsoids[e].centre[a] - bounds.centre[a];
            bounds.smallest = fminf(bounds.smallest, ellipsoids[e].radius[a]);
        }
        bounds.radius = fmaxf(bounds.radius, sqrtf(dot(offset, offset)) + largest);
    }
    return bounds;
}

/* Noise of several grains, each half as coarse and half as strong as the one before; deviation 1 in all. */
enum { OCTAVES = 3 };
struct octaves {
    struct noise noise[OCTAVES];
    float weight[OCTAVES];
    int count;
};

static void octaves_free(struct octaves *octaves)
{
    for (int o = 0; o < octaves->count; o++) noise_free(&octaves->noise[o]);
}

static bool octaves_create(struct octaves *octaves, struct random *random, const struct bounds *bounds, double margin,
                           double grain)
{
    const double finest = 1.5; /* mm: below that voxels do not show it */
    float low[3], high[3];
    double squares = 0;
    for (int a = 0; a < 3; a++) {
        low[a] = (float)(bounds->centre[a] - bounds->radius - margin);
        high[a] = (float)(bounds->centre[a] + bounds->radius + margin);
    }
    octaves->count = 0;
    for (int o = 0; o < OCTAVES; o++) {
        const double weight = ldexp(1, -o), size = ldexp(grain, -o);
        if (!noise_create(&octaves->noise[o], random, low, high, size < finest ? finest : size)) {
            octaves_free(octaves);
            return false;
        }
        octaves->count = o + 1;
        octaves->weight[o] = (float)weight;
        squares += weight * weight;
    }
    for (int o = 0; o < OCTAVES; o++) octaves->weight[o] /= (float)sqrt(squares);
    return true;
}

/* Add noise to a row of distances: in full near the surface, fading over twice its deviation, none beyond. */
static void roughen(float *row, float *values, const struct octaves *octaves, const float point[3], float roughness,
                    int count)
{
    int first = 0, end = count;
    while (first < end && fabsf(row[first]) >= 4 * roughness) first++;
    while (end > first && fabsf(row[end - 1]) >= 4 * roughness) end--;
    if (first == end) return;
    const float from[3] = { point[0] + (float)first, point[1], point[2] };
    float *sum = values + count;
    memset(sum, 0, (size_t)(end - first) * sizeof *sum);
    for (int o = 0; o < octaves->count; o++) {
        noise_row(values, &octaves->noise[o], from, 1, (size_t)(end - first));
        for (int i = 0; i < end - first; i++) sum[i] += octaves->weight[o] * values[i];
    }
    for (int i = first; i < end; i++) {
        const float fade = 2 - fabsf(row[i]) / (2 * roughness);
        row[i] += roughness * sum[i - first] * fminf(fmaxf(fade, 0), 1);
    }
}

bool blob(float *field, const struct region *region, const struct ellipsoid *ellipsoids, int count, double roughness,
          double grain, struct random *random)
{
    const struct bounds bounds = bound(ellipsoids, count);
    const float margin = (float)(4 * roughness + 2), joint = 0.3f * bounds.smallest;
    /* Where a tumour has no room its surface moves out, by a third of its radius: as far, distances must rise. */
    const float exact = fmaxf(margin, 0.4f * bounds.radius + 4);
    const int nx = region->shape[0];
    struct octaves octaves;
    float *values = malloc(2 * (size_t)nx * sizeof *values);
    if (!values || !octaves_create(&octaves, random, &bounds, margin, grain)) {
        free(values);
        return false;
    }
    for (int k = 0; k < region->shape[2]; k++)
        for (int j = 0; j < region->shape[1]; j++) {
            float start[3], *row = field + region_index(region, 0, j, k);
            region_point(start, region, 0, j, k);
            for (int i = 0; i < nx; i++) {
                const float point[3] = { start[0] + (float)i, start[1], start[2] };
                const float off[3] = { point[0] - bounds.centre[0], point[1] - bounds.centre[1],
                                       point[2] - bounds.centre[2] };
                const float beyond = sqrtf(dot(off, off)) - bounds.radius; /* far away that will do, and is quick */
                row[i] = beyond > exact ? beyond : union_distance(ellipsoids, count, point, bounds.largest, joint);
            }
            if (roughness > 0) roughen(row, values, &octaves, start, (float)roughness, nx);
        }
    octaves_free(&octaves);
    free(values);
    return true;
}
