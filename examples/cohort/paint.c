#include "paint.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "paint_lesion.h"
#include "surroundings.h"
#include "texture.h"

/* A tissue's intensity is linear in these, so that a voxel of several tissues is their weighted mean: a constant, the
 * factors of the fields of noise, what fat adds where there is fat, and flow where it is fast. */
enum column { CONSTANT, FACTOR, VESSEL = FACTOR + GRAINS, FAT, FLOW, UNUSED, COLUMNS };
typedef float recipe[COLUMNS];
_Static_assert(COLUMNS == 8, "a recipe is two vectors of four");

enum { FIELDS = GRAINS + 2 }; /* two more for the vessels */

struct painter {
    struct picture *picture;
    const struct head *head;
    const struct warp *warp;
    const struct look *look;
    struct lesion_painter lesion;
    struct surroundings surroundings;
    recipe tissue[TISSUES];
    float lobules; /* how readily fat lies where it need not */
    float *lattice;
    struct texture field[FIELDS];
    float *row; /* of the grid: 3 coordinates in the head, then the fields */
};

static void write_recipes(struct painter *painter, double strength)
{
    const struct look *look = painter->look;
    const float s = (float)strength;
    for (int t = CAVITY; t < TISSUES; t++) {
        float *of = painter->tissue[t];
        of[CONSTANT] = look->mean[t] + s * look->uptake[t];
        for (int g = 0; g < GRAINS; g++) of[FACTOR + g] = look->spread[t][g];
        of[FACTOR + MIDDLE] += look->patchy * s * look->uptake[t];
    }
    /* A normal value is above this with the probability fat_share, about. */
    painter->lobules = 0.92f * logf(look->fat_share / (1 - look->fat_share)) / 1.7f;
    painter->tissue[CSF][VESSEL] = s * look->vessels_uptake;
    for (int i = 0; i < 2; i++) {
        float *of = painter->tissue[i ? SKIN : SOFT_TISSUE];
        of[FAT] = look->fat_mean - of[CONSTANT];
    }
    painter->tissue[ARTERY][FLOW] = 0.15f * look->mean[WHITE] - painter->tissue[ARTERY][CONSTANT];
}

static float clamp01(float x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* The weighted mean of the recipes of the eight voxels round a point; most voxels lie within one tissue. */
static void mix(recipe sum, const recipe *tissue, const uint8_t *corner, size_t ny, size_t nz, const float t[3])
{
    const uint8_t *const pair[4] = { corner, corner + ny, corner + nz, corner + ny + nz };
    bool same = corner[0] == corner[1];
    for (int p = 1; p < 4; p++) same = same && pair[p][0] == corner[0] && pair[p][1] == corner[0];
    if (same) {
        memcpy(sum, tissue[corner[0]], sizeof(recipe));
        return;
    }
    memset(sum, 0, sizeof(recipe));
    for (int p = 0; p < 4; p++) {
        const float weight = (p & 1 ? t[1] : 1 - t[1]) * (p & 2 ? t[2] : 1 - t[2]);
        const float *near = tissue[pair[p][0]], *far = tissue[pair[p][1]];
        const float to_near = weight * (1 - t[0]), to_far = weight * t[0];
        for (int c = 0; c < COLUMNS; c++) sum[c] += to_near * near[c] + to_far * far[c];
    }
}

/* Fat lies under the skin, round the eyes, and elsewhere in lobules. */
static float fat_at(const struct painter *painter, const float point[3], float middle, float coarse)
{
    const struct look *look = painter->look;
    float around[2];
    surroundings_at(around, &painter->surroundings, point);
    const float lobules = painter->lobules + 0.5f * middle + 0.7f * coarse;
    const float under_skin = (4 + 14 * look->fat_depth) * around[SHARE_OUTSIDE], orbit = 12 * around[SHARE_EYE];
    const float skin = clamp01((around[SHARE_OUTSIDE] - 0.36f) / 0.12f);
    return clamp01(0.5f + 0.55f * (lobules + under_skin + orbit)) * (1 - skin);
}

/* Vessels run where two fields of noise are 0 at once: along lines. */
static float vessel_at(float first, float second)
{
    return fmaxf(0, 1 - (first * first + second * second) / 0.2f);
}

static float evaluate(const struct painter *painter, const recipe sum, const float point[3], float *const noise[FIELDS],
                      int i)
{
    float value = sum[CONSTANT];
    for (int g = 0; g < GRAINS; g++) value += sum[FACTOR + g] * noise[g][i];
    if (sum[VESSEL] > 0) value += sum[VESSEL] * vessel_at(noise[GRAINS][i], noise[GRAINS + 1][i]);
    if (sum[FAT] != 0) value += sum[FAT] * fat_at(painter, point, noise[MIDDLE][i], noise[COARSE][i]);
    if (sum[FLOW] != 0) {
        /* The field's tanh is spread about evenly over -1..1; the border between fast and slow is 0.25 of that wide. */
        const float slow = 1.125f - 2.25f * painter->look->vessels_flow;
        value += sum[FLOW] * clamp01(0.5f + 4 * (tanhf(noise[COARSE][i]) - slow));
    }
    return fmaxf(value, 0);
}

/* Where in the anatomy's grid the tissue of a head's point is taken from: the voxel below it and how far beyond it. A
 * neck goes on below the map. false: outside the grid. */
static bool locate(size_t *corner, float t[3], const struct anatomy *anatomy, float point[3])
{
    size_t at[3];
    point[2] = fmaxf(point[2], 0);
    for (int a = 0; a < 3; a++) {
        if (!(point[a] >= 0 && point[a] < (float)(anatomy->shape[a] - 1))) return false;
        at[a] = (size_t)point[a];
        t[a] = point[a] - (float)at[a];
    }
    *corner = (at[2] * (size_t)anatomy->shape[1] + at[1]) * (size_t)anatomy->shape[0] + at[0];
    return true;
}

static void paint_voxel(struct painter *painter, float *const place[3], float *const noise[FIELDS], int i, size_t voxel)
{
    const struct anatomy *anatomy = painter->head->anatomy;
    const size_t ny = (size_t)anatomy->shape[0], nz = ny * (size_t)anatomy->shape[1];
    const float point[3] = { place[0][i], place[1][i], place[2][i] };
    float source[3] = { point[0], point[1], point[2] }, t[3];
    size_t corner;
    recipe sum;
    const bool near_lesion = lesion_holds(&painter->lesion, point);
    if (near_lesion) lesion_source(source, &painter->lesion, point);
    if (!locate(&corner, t, anatomy, source)) return;
    const uint8_t *label = painter->head->tissue + corner;
    mix(sum, (const recipe *)painter->tissue, label, ny, nz, t);
    painter->picture->tissue[voxel] = label[(t[0] >= 0.5f) + (t[1] >= 0.5f ? ny : 0) + (t[2] >= 0.5f ? nz : 0)];
    float value = evaluate(painter, sum, source, noise, i);
    if (near_lesion) painter->picture->lesion[voxel] = lesion_paint(&value, &painter->lesion, point);
    painter->picture->value[voxel] = value;
}

static void paint_row(struct painter *painter, int j, int k)
{
    const struct grid *grid = &painter->picture->grid;
    const int nx = grid->shape[0];
    const float from[3] = { grid->origin[0], grid->origin[1] + grid->step * (float)j,
                            grid->origin[2] + grid->step * (float)k };
    float *place[3], *noise[FIELDS];
    for (int a = 0; a < 3; a++) place[a] = painter->row + a * nx;
    for (int f = 0; f < FIELDS; f++) noise[f] = painter->row + (3 + f) * nx;
    warp_row(place, painter->warp, from, grid->step, nx);
    int first = 0, last = nx;
    while (first < last && surroundings_empty(&painter->surroundings, place, first)) first++;
    while (last > first && surroundings_empty(&painter->surroundings, place, last - 1)) last--;
    if (first == last) return;
    for (int f = 0; f < FIELDS; f++) texture_row(noise[f], &painter->field[f], from[1], from[2], first, last);
    const size_t row = ((size_t)k * (size_t)grid->shape[1] + (size_t)j) * (size_t)nx;
    for (int i = first; i < last; i++) paint_voxel(painter, place, noise, i, row + (size_t)i);
}

/* The fields of noise are the scanner's space's, not the head's: a lesion that moves tissue leaves them alone. */
static bool create_fields(struct painter *painter, uint64_t seed)
{
    struct random random = random_of(seed, STREAM_TEXTURE);
    const struct grid *grid = &painter->picture->grid;
    const float vessel_grain = (float)random_uniform(&random, 5, 8);
    painter->lattice = texture_lattice(&random);
    if (!painter->lattice) return false;
    for (int f = 0; f < FIELDS; f++) {
        const float grain = f < GRAINS ? painter->look->grain[f] : vessel_grain;
        if (!texture_create(&painter->field[f], painter->lattice, &random, grain, grid->origin[0], grid->step,
                            grid->shape[0]))
            return false;
    }
    painter->row = malloc((size_t)grid->shape[0] * (3 + FIELDS) * sizeof *painter->row);
    return painter->row != NULL;
}

static bool create_picture(struct picture *picture, const struct grid *grid)
{
    const size_t count = (size_t)grid->shape[0] * (size_t)grid->shape[1] * (size_t)grid->shape[2];
    memset(picture, 0, sizeof *picture);
    picture->grid = *grid;
    picture->value = calloc(count, sizeof *picture->value);
    picture->tissue = calloc(count, 1);
    picture->lesion = calloc(count, 1);
    return picture->value && picture->tissue && picture->lesion;
}

static void painter_free(struct painter *painter)
{
    for (int f = 0; f < FIELDS; f++) texture_free(&painter->field[f]);
    free(painter->lattice);
    free(painter->row);
    surroundings_free(&painter->surroundings);
}

bool picture_paint(struct picture *picture, const struct grid *grid, const struct head *head,
                   const struct lesion *lesion, const struct warp *warp, const struct look *look, double strength,
                   uint64_t seed)
{
    struct painter painter = { .picture = picture, .head = head, .warp = warp, .look = look };
    const bool ready = create_picture(picture, grid) && create_fields(&painter, seed) &&
                       surroundings_create(&painter.surroundings, head);
    if (ready) {
        write_recipes(&painter, strength);
        lesion_painter_init(&painter.lesion, lesion, look->mean[WHITE], strength, painter.lattice);
        for (int k = 0; k < grid->shape[2]; k++)
            for (int j = 0; j < grid->shape[1]; j++) paint_row(&painter, j, k);
        warp_inverse(picture->centre, warp, lesion->centre);
        picture->volume_ml = painter.lesion.voxels * pow(grid->step, 3) / 1000;
    } else {
        picture_free(picture);
    }
    painter_free(&painter);
    return ready;
}

void picture_free(struct picture *picture)
{
    free(picture->value);
    free(picture->tissue);
    free(picture->lesion);
    memset(picture, 0, sizeof *picture);
}
