#include "membranes.h"
#include <math.h>
#include <stdlib.h>
#include "noise.h"

/* Noise at every eighth voxel of the anatomy, to be read in between: many voxels are asked for, and it is smooth. */
struct field {
    int shape[3];
    float *value;
};
enum { STEP = 8 };

static bool field_create(struct field *field, const struct anatomy *anatomy, struct random *random, double grain)
{
    struct noise noise;
    for (int a = 0; a < 3; a++) field->shape[a] = (anatomy->shape[a] - 1) / STEP + 2;
    const size_t nx = (size_t)field->shape[0], ny = (size_t)field->shape[1], nz = (size_t)field->shape[2];
    field->value = malloc(nx * ny * nz * sizeof *field->value);
    if (!field->value) return false;
    if (!noise_create(&noise, random, anatomy->head_low, anatomy->head_high, grain)) {
        free(field->value);
        field->value = NULL;
        return false;
    }
    for (size_t row = 0; row < ny * nz; row++) {
        const float point[3] = { 0, (float)(STEP * (row % ny)), (float)(STEP * (row / ny)) };
        noise_row(field->value + row * nx, &noise, point, STEP, nx);
    }
    noise_free(&noise);
    return true;
}

static float field_at(const struct field *field, const struct anatomy *anatomy, uint32_t index)
{
    const uint32_t nx = (uint32_t)anatomy->shape[0], row = index / nx, i = index % nx;
    const uint32_t j = row % (uint32_t)anatomy->shape[1], k = row / (uint32_t)anatomy->shape[1];
    const size_t up = (size_t)field->shape[0], out = up * (size_t)field->shape[1];
    const float x = (float)(i % STEP) / STEP, y = (float)(j % STEP) / STEP, z = (float)(k % STEP) / STEP;
    const float *v = field->value + k / STEP * out + j / STEP * up + i / STEP;
    const float low = (v[0] * (1 - x) + v[1] * x) * (1 - y) + (v[up] * (1 - x) + v[up + 1] * x) * y;
    v += out;
    const float high = (v[0] * (1 - x) + v[1] * x) * (1 - y) + (v[up] * (1 - x) + v[up + 1] * x) * y;
    return low * (1 - z) + high * z;
}

static void field_free(struct field *field)
{
    free(field->value);
    field->value = NULL;
}

/* How a head's sheets differ: thickness in mm with its smooth variation, and how far the sheet is bent off its middle. */
struct sheet {
    enum tissue tissue;
    float thickness, patches, bend;
};

/* A voxel is of the sheet if its centre is: of dura, as far from bone as it is thick and half a voxel more; of falx and
 * tentorium, half of their thickness to either side. */
static void draw_sheet(const struct sheet *sheet, const struct near_surface *near, const struct anatomy *anatomy,
                       uint8_t *tissue, const struct field *thick, const struct field *bent)
{
    const bool dura = sheet->tissue == DURA;
    for (size_t n = 0; n < near->count; n++) {
        const uint32_t i = near->index[n];
        float offset = (float)near->offset[n] / 16, thickness = sheet->thickness;
        if (thick->value) thickness += sheet->patches * field_at(thick, anatomy, i);
        if (bent->value && !dura) offset -= sheet->bend * field_at(bent, anatomy, i);
        const bool inside = dura ? offset <= thickness : fabsf(offset) <= thickness / 2;
        if (inside)
            tissue[i] = (uint8_t)sheet->tissue;
        else if (tissue[i] == sheet->tissue)
            tissue[i] = CSF;
    }
}

bool draw_membranes(const struct anatomy *anatomy, uint8_t *tissue, struct random *random)
{
    struct sheet sheets[] = { { DURA, 1.2f, 0, 0 }, { FALX, 1.05f, 0, 0 }, { TENTORIUM, 1.05f, 0, 0 } };
    struct field thick = { .value = NULL }, bent = { .value = NULL };
    if (random) {
        sheets[0].thickness = (float)random_uniform(random, 0.95, 1.35);
        sheets[0].patches = (float)random_uniform(random, 0.1, 0.4);
        for (int s = 1; s < 3; s++) {
            sheets[s].thickness = (float)random_uniform(random, 1, 1.5);
            sheets[s].patches = (float)random_uniform(random, 0, 0.3);
            sheets[s].bend = (float)random_uniform(random, 0.1, 0.6);
        }
        if (!field_create(&thick, anatomy, random, 14)) return false;
        if (!field_create(&bent, anatomy, random, 45)) {
            field_free(&thick);
            return false;
        }
    }
    /* The sheets last: where they leave the skull, their root is dura's place too. */
    for (int s = 0; s < 3; s++)
        draw_sheet(&sheets[s], &anatomy->near[SURFACE_DURA + s], anatomy, tissue, &thick, &bent);
    field_free(&thick);
    field_free(&bent);
    return true;
}

/* Voxels of `of` up to `most` mm beyond the surface become `to`. */
static void move_surface(const struct anatomy *anatomy, enum surface surface, uint8_t *tissue, enum tissue of,
                         enum tissue to, double most, const struct field *noise)
{
    const struct near_surface *near = &anatomy->near[surface];
    for (size_t n = 0; n < near->count; n++) {
        const uint32_t i = near->index[n];
        if (tissue[i] != of) continue;
        const float moved = (float)most * (1 + 0.4f * field_at(noise, anatomy, i)),
                    offset = (float)near->offset[n] / 16;
        if (most > 0 ? offset > 0 && offset <= moved : offset < 0 && offset >= moved) tissue[i] = (uint8_t)to;
    }
}

struct age draw_age(struct random *random)
{
    struct age age = { 0 };
    age.ventricle = random_chance(random, 0.5) ? random_uniform(random, -0.8, 0) : random_uniform(random, 0, 2);
    age.sulci = random_chance(random, 0.6) ? 0 : random_uniform(random, 0.15, 0.6);
    age.thinning = random_uniform(random, 0, 1);
    return age;
}

bool apply_age(const struct anatomy *anatomy, uint8_t *tissue, const struct age *age, struct random *random)
{
    struct field noise;
    if (!field_create(&noise, anatomy, random, 30)) return false;
    if (age->ventricle > 0) move_surface(anatomy, SURFACE_VENTRICLE, tissue, WHITE, VENTRICLE, age->ventricle, &noise);
    if (age->ventricle < 0) move_surface(anatomy, SURFACE_VENTRICLE, tissue, VENTRICLE, WHITE, age->ventricle, &noise);
    if (age->sulci > 0) {
        const double inwards = age->sulci * (1 - age->thinning);
        move_surface(anatomy, SURFACE_PIA, tissue, CORTEX, CSF, age->sulci, &noise);
        move_surface(anatomy, SURFACE_WHITE, tissue, WHITE, CORTEX, inwards, &noise);
    }
    field_free(&noise);
    return true;
}
