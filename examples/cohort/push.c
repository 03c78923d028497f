/* Mass effect. Seen from the middle of a lesion, tissue moves outwards along its ray, so that the map's Jacobian is that
 * along the ray, (r / r')^2 dr / dr': a ragged surface cannot fold it. */
#include "grow.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RAYS = 72 };
#define LEAST_JACOBIAN 0.24f /* on the grid's points; a little less between them */
#define GIVE 0.7f            /* tissue moves by less than this share of its distance to bone */

/* The lesion seen from its middle: a^3 along each ray, a being the radius of a ball of equal volume in that cone. */
struct shape {
    float centre[3], ray[RAYS][3], cube[RAYS], furthest;
};

/* Directions spread evenly, on a spiral of golden angles. */
static void spread_rays(float ray[RAYS][3])
{
    for (int n = 0; n < RAYS; n++) {
        const double z = 1 - (2 * n + 1) / (double)RAYS, radius = sqrt(1 - z * z), angle = 2.399963229728653 * n;
        ray[n][0] = (float)(radius * cos(angle));
        ray[n][1] = (float)(radius * sin(angle));
        ray[n][2] = (float)z;
    }
}

static const float *field_near(const float *field, const struct region *region, const float point[3])
{
    int at[3];
    for (int a = 0; a < 3; a++) {
        at[a] = (int)floorf(point[a] + 0.5f) - region->low[a];
        if (at[a] < 0 || at[a] >= region->shape[a]) return NULL;
    }
    return field + region_index(region, at[0], at[1], at[2]);
}

/* The centroid, or the deepest voxel where that is outside. false: there is no lesion. */
static bool find_middle(float centre[3], const struct region *region, const float *field)
{
    double sum[3] = { 0, 0, 0 }, count = 0;
    float deepest[3] = { 0, 0, 0 }, least = 0;
    size_t n = 0;
    for (int k = 0; k < region->shape[2]; k++)
        for (int j = 0; j < region->shape[1]; j++)
            for (int i = 0; i < region->shape[0]; i++, n++) {
                if (!(field[n] < 0)) continue;
                float point[3];
                region_point(point, region, i, j, k);
                count++;
                for (int a = 0; a < 3; a++) sum[a] += point[a];
                if (field[n] < least) {
                    least = field[n];
                    memcpy(deepest, point, sizeof deepest);
                }
            }
    if (count == 0) return false;
    for (int a = 0; a < 3; a++) centre[a] = (float)(sum[a] / count);
    const float *middle = field_near(field, region, centre);
    if (!middle || *middle >= 0) memcpy(centre, deepest, sizeof deepest);
    return true;
}

static bool see_shape(struct shape *shape, const struct region *region, const float *field)
{
    const float step = 0.5f;
    if (!find_middle(shape->centre, region, field)) return false;
    spread_rays(shape->ray);
    shape->furthest = 0;
    for (int n = 0; n < RAYS; n++) {
        shape->cube[n] = 0;
        for (float r = step / 2;; r += step) {
            float point[3];
            for (int a = 0; a < 3; a++) point[a] = shape->centre[a] + r * shape->ray[n][a];
            const float *value = field_near(field, region, point);
            if (!value) break;
            if (*value < 0) shape->cube[n] += 3 * r * r * step;
        }
        shape->furthest = fmaxf(shape->furthest, cbrtf(shape->cube[n]));
    }
    return true;
}

/* a^3 in a direction: the mean of the rays, each weighted by cos^16 of its angle (half at 17 degrees). */
static float cube_towards(const struct shape *shape, const float direction[3])
{
    float sum = 0, weights = 0;
    for (int n = 0; n < RAYS; n++) {
        const float *ray = shape->ray[n];
        float weight = ray[0] * direction[0] + ray[1] * direction[1] + ray[2] * direction[2];
        if (weight <= 0) continue;
        weight *= weight;
        weight *= weight;
        weight *= weight;
        weight *= weight;
        sum += weight * shape->cube[n];
        weights += weight;
    }
    return sum / weights;
}

/* How far tissue that is now r from the middle has come. Within the lesion it was thinned out evenly, to 1 - share of
 * it; beyond, r^3 - share a^3 is where it was, fading to nothing at reach * a. */
static float travelled(float r, float cube, float share, float reach)
{
    const float a = cbrtf(cube);
    if (r <= a) return r * (1 - cbrtf(1 - share));
    const float out = (r - a) / (a * (reach - 1));
    if (out >= 1) return 0;
    return (r - cbrtf(r * r * r - share * cube)) * (1 - out) * (1 - out) * (1 + 2 * out);
}

/* mm to what cannot move: bone, and the end of the lesion's box. */
static float room_at(const struct lesion *lesion, const struct anatomy *anatomy, const float point[3])
{
    float room = INFINITY;
    int at[3];
    for (int a = 0; a < 3; a++) {
        room = fminf(room, point[a] - (float)lesion->low[a]);
        room = fminf(room, (float)(lesion->low[a] + lesion->shape[a] - 1) - point[a]);
        at[a] = (int)lroundf(point[a]);
        if (at[a] < 0 || at[a] >= anatomy->shape[a]) return 0;
    }
    if (room <= 0) return 0;
    return fminf(room, (float)anatomy->to_skull[anatomy_index(anatomy, at[0], at[1], at[2])] / 2);
}

/* Where the tissue at a point comes from, relative to it. */
static void push_from(float push[3], const struct shape *shape, const float point[3], float room, float share,
                      float reach)
{
    float away[3];
    memset(push, 0, 3 * sizeof *push);
    for (int a = 0; a < 3; a++) away[a] = point[a] - shape->centre[a];
    const float r = sqrtf(away[0] * away[0] + away[1] * away[1] + away[2] * away[2]);
    if (room <= 0 || r < 1e-3f || r >= reach * shape->furthest) return;
    for (int a = 0; a < 3; a++) away[a] /= r;
    const float cube = cube_towards(shape, away);
    if (cube <= 0) return;
    float mm = travelled(r, cube, share, reach);
    mm *= room / sqrtf(mm * mm + room * room); /* the smaller of the two, smoothly */
    for (int a = 0; a < 3; a++) push[a] = -mm * away[a];
}

/* The determinant of I + slope + scale * more, by rows. */
static float jacobian(const float slope[3][3], const float more[3][3], float scale)
{
    float m[3][3];
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) m[a][b] = slope[a][b] + scale * more[a][b] + (float)(a == b);
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
           m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

/* Slopes at a point of the grid, in the corner of one of the eight cells round it. */
static void slopes(float slope[3][3], const float (*push)[3], const int shape[3], const int at[3], int corner, float mm)
{
    ptrdiff_t stride = 1;
    const size_t n = ((size_t)at[2] * (size_t)shape[1] + (size_t)at[1]) * (size_t)shape[0] + (size_t)at[0];
    for (int b = 0; b < 3; b++) {
        const int side = corner >> b & 1 ? 1 : -1, next = at[b] + side;
        const bool inside = next >= 0 && next < shape[b];
        const float *here = push[n], *there = inside ? push[(ptrdiff_t)n + side * stride] : here;
        for (int a = 0; a < 3; a++) slope[a][b] = (there[a] - here[a]) * (float)side / mm;
        stride *= shape[b];
    }
}

/* The largest share of `more` that may be added to the lesion's push: 1, or less where the Jacobian asks for it. */
static float largest_scale(const struct lesion *lesion, const float (*more)[3])
{
    const int *shape = lesion->push_shape;
    float scale = 1;
    size_t n = 0;
    int at[3];
    for (at[2] = 0; at[2] < shape[2]; at[2]++)
        for (at[1] = 0; at[1] < shape[1]; at[1]++)
            for (at[0] = 0; at[0] < shape[0]; at[0]++, n++) {
                if (more[n][0] == 0 && more[n][1] == 0 && more[n][2] == 0) continue;
                for (int corner = 0; corner < 8; corner++) {
                    float old[3][3], added[3][3];
                    slopes(old, (const float(*)[3])lesion->push, shape, at, corner, lesion->push_step);
                    slopes(added, more, shape, at, corner, lesion->push_step);
                    while (scale > 0.01f && jacobian(old, added, scale) < LEAST_JACOBIAN) scale *= 0.97f;
                }
            }
    return scale;
}

/* A grid of 2 to 4 mm over the lesion's box, on which nothing moves yet. */
static bool push_create(struct lesion *lesion)
{
    int longest = 0;
    size_t count = 1;
    for (int a = 0; a < 3; a++) longest = lesion->shape[a] > longest ? lesion->shape[a] : longest;
    lesion->push_step = longest <= 70 ? 2 : longest <= 110 ? 3 : 4;
    for (int a = 0; a < 3; a++) {
        lesion->push_shape[a] = (int)ceilf((float)(lesion->shape[a] - 1) / lesion->push_step) + 1;
        count *= (size_t)lesion->push_shape[a];
    }
    lesion->push = calloc(count, sizeof *lesion->push);
    return lesion->push;
}

bool push_aside(struct lesion *lesion, const struct region *region, const float *field, double share, double reach)
{
    struct shape shape;
    if (!lesion->shape[0]) lesion_box(lesion, region->low, region->shape);
    if (!lesion->push && !push_create(lesion)) return false;
    if (!see_shape(&shape, region, field)) return true;
    const int *grid = lesion->push_shape;
    const size_t count = (size_t)grid[0] * (size_t)grid[1] * (size_t)grid[2];
    float(*more)[3] = malloc(count * sizeof *more);
    if (!more) return false;
    for (size_t n = 0; n < count; n++) {
        const size_t at[3] = { n % (size_t)grid[0], n / (size_t)grid[0] % (size_t)grid[1],
                               n / (size_t)grid[0] / (size_t)grid[1] };
        float point[3];
        for (int a = 0; a < 3; a++) point[a] = (float)lesion->low[a] + lesion->push_step * (float)at[a];
        const float room = GIVE * room_at(lesion, region->head->anatomy, point);
        push_from(more[n], &shape, point, room, fminf((float)share, 0.999f), (float)reach);
    }
    const float scale = largest_scale(lesion, (const float(*)[3])more);
    for (size_t n = 0; n < count; n++)
        for (int a = 0; a < 3; a++) lesion->push[n][a] += scale * more[n][a];
    free(more);
    return true;
}

/* The grid's two points round a coordinate, and the share of the second; false: outside. */
static bool between(size_t *at, float *part, const struct lesion *lesion, int axis, float coordinate)
{
    const float x = (coordinate - (float)lesion->low[axis]) / lesion->push_step;
    const int last = lesion->push_shape[axis] - 1;
    if (!(x >= 0 && x <= (float)last)) return false;
    *at = x < (float)last ? (size_t)x : (size_t)last - 1;
    *part = x - (float)*at;
    return true;
}

void push_row(float (*push)[3], const struct lesion *lesion, const float point[3], size_t count)
{
    size_t j, k, known = SIZE_MAX;
    float y, z, ends[2][3] = { { 0 } };
    memset(push, 0, count * sizeof *push);
    if (!lesion->push || !between(&j, &y, lesion, 1, point[1]) || !between(&k, &z, lesion, 2, point[2])) return;
    const size_t nx = (size_t)lesion->push_shape[0], plane = nx * (size_t)lesion->push_shape[1];
    const float(*row)[3] = (const float(*)[3])lesion->push + k * plane + j * nx;
    const float first = (point[0] - (float)lesion->low[0]) / lesion->push_step, per_mm = 1 / lesion->push_step;
    for (size_t n = 0; n < count; n++) {
        const float at = first + per_mm * (float)n;
        if (!(at >= 0 && at <= (float)(nx - 1))) continue;
        const size_t i = at < (float)(nx - 1) ? (size_t)at : nx - 2;
        const float x = at - (float)i;
        for (size_t end = 0; known != i && end < 2; end++)
            for (int a = 0; a < 3; a++) {
                const float near = (1 - y) * row[i + end][a] + y * row[i + end + nx][a];
                const float far = (1 - y) * row[i + end + plane][a] + y * row[i + end + plane + nx][a];
                ends[end][a] = (1 - z) * near + z * far;
            }
        known = i;
        for (int a = 0; a < 3; a++) push[n][a] = (1 - x) * ends[0][a] + x * ends[1][a];
    }
}

void push_at(float push[3], const struct lesion *lesion, const float point[3])
{
    push_row((float(*)[3])push, lesion, point, 1);
}
