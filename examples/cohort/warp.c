/* How a head's shape differs from its anatomy's. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "noise.h"
#include "paint.h"

enum { LONGEST = 96, SQUARINGS = 5 };
static const float lattice_step = 8; /* mm */

/* to = the affine's matrix * from; a point also takes the fourth column. */
static void transform(float to[3], const double affine[12], const float from[3], float one)
{
    for (int r = 0; r < 3; r++)
        to[r] = (float)(affine[4 * r] * from[0] + affine[4 * r + 1] * from[1] + affine[4 * r + 2] * from[2] +
                        affine[4 * r + 3] * one);
}

static void multiply(double product[3][3], const double a[3][3], const double b[3][3])
{
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) product[r][c] = a[r][0] * b[0][c] + a[r][1] * b[1][c] + a[r][2] * b[2][c];
}

/* matrix = rotation about an axis * matrix. */
static void rotate(double matrix[3][3], int axis, double degrees)
{
    const double angle = degrees * 3.141592653589793 / 180, c = cos(angle), s = sin(angle);
    const int u = (axis + 1) % 3, v = (axis + 2) % 3;
    for (int i = 0; i < 3; i++) {
        const double row = matrix[u][i], next = matrix[v][i];
        matrix[u][i] = c * row - s * next;
        matrix[v][i] = s * row + c * next;
    }
}

static double bounded_normal(struct random *random, double deviation, double most)
{
    return fmax(-most, fmin(most, random_normal(random, 0, deviation)));
}

/* Size, proportions, shear and pose. Heads nod more than they turn. The scanner's origin is the middle of the brain's
 * box, and of the midline. */
static void draw_affine(double affine[12], const struct anatomy *anatomy, struct random *random)
{
    double scale[3][3] = { { 0 } }, shear[3][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } }, matrix[3][3];
    const double size = random_uniform(random, 0.93, 1.07), flip = random_chance(random, 0.5) ? -1 : 1;
    for (int a = 0; a < 3; a++) scale[a][a] = size * random_uniform(random, 0.97, 1.03);
    scale[0][0] *= flip;
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++)
            if (r != c) shear[r][c] = bounded_normal(random, 0.015, 0.04);
    multiply(matrix, scale, shear);
    rotate(matrix, 0, bounded_normal(random, 6, 12));
    rotate(matrix, 1, bounded_normal(random, 3, 8));
    rotate(matrix, 2, bounded_normal(random, 3, 8));
    for (int r = 0; r < 3; r++) {
        const double middle = r == 0 ? anatomy->middle : (anatomy->brain_low[r] + anatomy->brain_high[r]) / 2;
        for (int c = 0; c < 3; c++) affine[4 * r + c] = matrix[r][c];
        affine[4 * r + 3] = middle + bounded_normal(random, 2, 5);
    }
}

/* The inverse of a 3 x 4 affine. */
static void invert(double inverse[12], const double m[12])
{
    const double c0 = m[5] * m[10] - m[6] * m[9], c1 = m[6] * m[8] - m[4] * m[10], c2 = m[4] * m[9] - m[5] * m[8];
    const double by = 1 / (m[0] * c0 + m[1] * c1 + m[2] * c2);
    const double rows[3][3] = {
        { c0 * by, (m[2] * m[9] - m[1] * m[10]) * by, (m[1] * m[6] - m[2] * m[5]) * by },
        { c1 * by, (m[0] * m[10] - m[2] * m[8]) * by, (m[2] * m[4] - m[0] * m[6]) * by },
        { c2 * by, (m[1] * m[8] - m[0] * m[9]) * by, (m[0] * m[5] - m[1] * m[4]) * by },
    };
    for (int r = 0; r < 3; r++) {
        for (int c = 0; c < 3; c++) inverse[4 * r + c] = rows[r][c];
        inverse[4 * r + 3] = -(rows[r][0] * m[3] + rows[r][1] * m[7] + rows[r][2] * m[11]);
    }
}

/* The lattice covers the head's box and a margin in the scanner's space. */
static void lay_lattice(struct grid *grid, const double affine[12], const struct anatomy *anatomy)
{
    float low[3] = { 1e6f, 1e6f, 1e6f }, high[3] = { -1e6f, -1e6f, -1e6f };
    double inverse[12];
    invert(inverse, affine);
    for (int corner = 0; corner < 8; corner++) {
        float head[3], point[3];
        for (int a = 0; a < 3; a++) head[a] = corner >> a & 1 ? anatomy->head_high[a] : anatomy->head_low[a];
        transform(point, inverse, head, 1);
        for (int a = 0; a < 3; a++) {
            low[a] = fminf(low[a], point[a]);
            high[a] = fmaxf(high[a], point[a]);
        }
    }
    grid->step = lattice_step;
    for (int a = 0; a < 3; a++) {
        const int points = (int)ceilf((high[a] - low[a]) / lattice_step) + 5;
        grid->shape[a] = points < LONGEST ? points : LONGEST;
        grid->origin[a] = low[a] - 2 * lattice_step;
    }
}

static size_t lattice_points(const struct grid *grid)
{
    return (size_t)grid->shape[0] * (size_t)grid->shape[1] * (size_t)grid->shape[2];
}

/* The lattice cell of a coordinate and how far into it; beyond the lattice its border's values go on. */
static int cell(float *into, const struct grid *grid, int axis, float coordinate)
{
    const float x = (coordinate - grid->origin[axis]) / grid->step, last = (float)(grid->shape[axis] - 1);
    const float inside = x < 0 ? 0 : x > last ? last : x;
    const int at = inside >= last ? grid->shape[axis] - 2 : (int)inside;
    *into = inside - (float)at;
    return at;
}

/* The lattice's values along x at y, z. */
static void lattice_line(float line[][3], const struct grid *grid, float (*const field)[3], float y, float z)
{
    float ty, tz;
    const int j = cell(&ty, grid, 1, y), k = cell(&tz, grid, 2, z);
    const size_t nx = (size_t)grid->shape[0], slice = nx * (size_t)grid->shape[1];
    float(*const row)[3] = field + (size_t)k * slice + (size_t)j * nx;
    for (size_t i = 0; i < nx; i++)
        for (int a = 0; a < 3; a++) {
            const float near = row[i][a] + ty * (row[nx + i][a] - row[i][a]);
            const float far = row[slice + i][a] + ty * (row[slice + nx + i][a] - row[slice + i][a]);
            line[i][a] = near + tz * (far - near);
        }
}

static void lattice_value(float value[3], const struct grid *grid, float (*const field)[3], const float point[3])
{
    float t[3];
    int at[3];
    for (int a = 0; a < 3; a++) at[a] = cell(&t[a], grid, a, point[a]);
    value[0] = value[1] = value[2] = 0;
    for (int corner = 0; corner < 8; corner++) {
        float weight = 1;
        size_t index = 0;
        for (int a = 2; a >= 0; a--) {
            const int up = corner >> a & 1;
            weight *= up ? t[a] : 1 - t[a];
            index = index * (size_t)grid->shape[a] + (size_t)(at[a] + up);
        }
        for (int a = 0; a < 3; a++) value[a] += weight * field[index][a];
    }
}

static void lattice_point(float point[3], const struct grid *grid, size_t index)
{
    const size_t nx = (size_t)grid->shape[0], ny = (size_t)grid->shape[1];
    const size_t at[3] = { index % nx, index / nx % ny, index / nx / ny };
    for (int a = 0; a < 3; a++) point[a] = grid->origin[a] + grid->step * (float)at[a];
}

/* velocity += smooth noise of that grain and deviation, mm. */
static bool add_velocity(float (*velocity)[3], const struct grid *grid, struct random *random, double grain,
                         double deviation)
{
    const size_t nx = (size_t)grid->shape[0];
    float low[3], high[3], row[LONGEST];
    for (int a = 0; a < 3; a++) {
        low[a] = grid->origin[a];
        high[a] = low[a] + grid->step * (float)(grid->shape[a] - 1);
    }
    for (int a = 0; a < 3; a++) {
        struct noise noise;
        if (!noise_create(&noise, random, low, high, grain)) return false;
        for (size_t start = 0; start < lattice_points(grid); start += nx) {
            float point[3];
            lattice_point(point, grid, start);
            noise_row(row, &noise, point, grid->step, nx);
            for (size_t i = 0; i < nx; i++) velocity[start + i][a] += (float)deviation * row[i];
        }
        noise_free(&noise);
    }
    return true;
}

/* density += a head's point of weight 1, shared among the lattice points round it. */
static void splat(float *density, const struct grid *grid, const float point[3])
{
    float t[3];
    int at[3];
    for (int a = 0; a < 3; a++) at[a] = cell(&t[a], grid, a, point[a]);
    for (int corner = 0; corner < 8; corner++) {
        const int i = corner & 1, j = corner >> 1 & 1, k = corner >> 2;
        const size_t row = (size_t)(at[2] + k) * (size_t)grid->shape[1] + (size_t)(at[1] + j);
        density[row * (size_t)grid->shape[0] + (size_t)(at[0] + i)] += (i ? t[0] : 1 - t[0]) * (j ? t[1] : 1 - t[1]) *
                                                                       (k ? t[2] : 1 - t[2]);
    }
}

/* Share of ventricle at the lattice's points; every other voxel is enough. NULL: no memory. */
static float *ventricle_density(const struct grid *grid, const double affine[12], const struct anatomy *anatomy)
{
    enum { EVERY = 2 };
    double inverse[12];
    invert(inverse, affine);
    float *density = calloc(lattice_points(grid), sizeof *density);
    for (int k = 0; density && k < anatomy->shape[2]; k += EVERY)
        for (int j = 0; j < anatomy->shape[1]; j += EVERY)
            for (int i = 0; i < anatomy->shape[0]; i += EVERY) {
                if (anatomy->tissue[anatomy_index(anatomy, i, j, k)] != VENTRICLE) continue;
                float point[3];
                transform(point, inverse, (float[]){ (float)i, (float)j, (float)k }, 1);
                splat(density, grid, point);
            }
    for (size_t i = 0; density && i < lattice_points(grid); i++)
        density[i] *= EVERY * EVERY * EVERY / (grid->step * grid->step * grid->step);
    return density;
}

/* Ventricles widen with age: velocity += amount (mm^2) * the gradient of their density, which points into them, as the
 * warp goes from the scanner to the anatomy. The lattice's border takes none. */
static bool add_ventricles(float (*velocity)[3], const struct grid *grid, const double affine[12],
                           const struct anatomy *anatomy, double amount)
{
    float *density = ventricle_density(grid, affine, anatomy);
    if (!density) return false;
    const size_t stride[3] = { 1, (size_t)grid->shape[0], (size_t)grid->shape[0] * (size_t)grid->shape[1] };
    for (int k = 1; k < grid->shape[2] - 1; k++)
        for (int j = 1; j < grid->shape[1] - 1; j++)
            for (int i = 1; i < grid->shape[0] - 1; i++) {
                const size_t at = (size_t)k * stride[2] + (size_t)j * stride[1] + (size_t)i;
                for (int a = 0; a < 3; a++)
                    velocity[at][a] += (float)amount * (density[at + stride[a]] - density[at - stride[a]]) /
                                       (2 * grid->step);
            }
    free(density);
    return true;
}

/* Displacement of the flow of a stationary velocity after the time 1: of a small step first, then each field composed
 * with itself, d(p) <- d(p) + d(p + d(p)) (Arsigny et al. 2006). false: no memory. */
static bool integrate(float (*field)[3], const struct grid *grid)
{
    const size_t count = lattice_points(grid);
    float(*const before)[3] = malloc(count * sizeof *before);
    if (!before) return false;
    for (size_t i = 0; i < count; i++)
        for (int a = 0; a < 3; a++) field[i][a] /= 1 << SQUARINGS;
    for (int n = 0; n < SQUARINGS; n++) {
        memcpy(before, field, count * sizeof *before);
        for (size_t i = 0; i < count; i++) {
            float point[3], value[3];
            lattice_point(point, grid, i);
            for (int a = 0; a < 3; a++) point[a] += before[i][a];
            lattice_value(value, grid, before, point);
            for (int a = 0; a < 3; a++) field[i][a] = before[i][a] + value[a];
        }
    }
    free(before);
    return true;
}

bool warp_create(struct warp *warp, const struct anatomy *anatomy, uint64_t seed)
{
    struct random random = random_of(seed, STREAM_WARP);
    draw_affine(warp->affine, anatomy, &random);
    lay_lattice(&warp->grid, warp->affine, anatomy);
    const size_t count = lattice_points(&warp->grid);
    warp->shift = calloc(count, sizeof *warp->shift);
    const double broad = random_uniform(&random, 0.5, 4), fine = random_uniform(&random, 0.2, 1.5);
    const double ventricles = random_uniform(&random, -50, 80);
    if (!warp->shift || !add_velocity(warp->shift, &warp->grid, &random, 45, broad) ||
        !add_velocity(warp->shift, &warp->grid, &random, 20, fine) ||
        !add_ventricles(warp->shift, &warp->grid, warp->affine, anatomy, ventricles) ||
        !integrate(warp->shift, &warp->grid)) {
        warp_free(warp);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const float displacement[3] = { warp->shift[i][0], warp->shift[i][1], warp->shift[i][2] };
        transform(warp->shift[i], warp->affine, displacement, 0);
    }
    return true;
}

void warp_free(struct warp *warp)
{
    free(warp->shift);
    warp->shift = NULL;
}

void warp_row(float *to[3], const struct warp *warp, const float from[3], float step, int count)
{
    float line[LONGEST][3], start[3];
    const struct grid *grid = &warp->grid;
    assert(grid->shape[0] <= LONGEST);
    lattice_line(line, grid, warp->shift, from[1], from[2]);
    transform(start, warp->affine, from, 1);
    for (int i = 0; i < count; i++) {
        float t;
        const int at = cell(&t, grid, 0, from[0] + step * (float)i);
        for (int a = 0; a < 3; a++)
            to[a][i] = start[a] + (float)warp->affine[4 * a] * step * (float)i + line[at][a] +
                       t * (line[at + 1][a] - line[at][a]);
    }
}

void warp_point(float to[3], const struct warp *warp, const float from[3])
{
    warp_row((float *[]){ &to[0], &to[1], &to[2] }, warp, from, 0, 1);
}

/* p <- p + matrix^-1 (head - warp(p)): the shift changes slowly, so that each step takes off most of the error. */
void warp_inverse(float to[3], const struct warp *warp, const float from[3])
{
    double inverse[12];
    invert(inverse, warp->affine);
    transform(to, inverse, from, 1);
    for (int n = 0; n < 50; n++) {
        float there[3], step[3];
        warp_point(there, warp, to);
        for (int a = 0; a < 3; a++) there[a] = from[a] - there[a];
        transform(step, inverse, there, 0);
        for (int a = 0; a < 3; a++) to[a] += step[a];
        if (fabsf(step[0]) + fabsf(step[1]) + fabsf(step[2]) < 1e-3f) break;
    }
}
