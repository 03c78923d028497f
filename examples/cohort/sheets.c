#include "sheets.h"
#include <math.h>
#include "noise.h"

/* Over the whole head. */
static bool head_noise(struct noise *noise, const struct anatomy *anatomy, struct random *random, double grain)
{
    return noise_create(noise, random, anatomy->head_low, anatomy->head_high, grain);
}

/* How a head's sheets differ: thickness in mm with its smooth variation, and how far the sheet is bent off its middle. */
struct sheet {
    enum tissue tissue;
    float thickness, patches, bend;
};

/* A voxel is of the sheet if its centre is: of dura, as far from bone as it is thick and half a voxel more; of falx and
 * tentorium, half of their thickness to either side. */
static void draw_sheet(const struct sheet *sheet, const struct near_surface *near, const struct anatomy *anatomy,
                       uint8_t *tissue, const struct noise *thick, const struct noise *bent)
{
    const bool dura = sheet->tissue == DURA;
    for (size_t n = 0; n < near->count; n++) {
        const uint32_t i = near->index[n];
        float point[3], offset = (float)near->offset[n] / 16, thickness = sheet->thickness;
        if (thick) {
            anatomy_point(point, anatomy, i);
            thickness += sheet->patches * noise_at(thick, point);
            if (!dura) offset -= sheet->bend * noise_at(bent, point);
        }
        const bool inside = dura ? offset <= thickness : fabsf(offset) <= thickness / 2;
        if (inside)
            tissue[i] = (uint8_t)sheet->tissue;
        else if (tissue[i] == sheet->tissue)
            tissue[i] = CSF;
    }
}

bool draw_sheets(const struct anatomy *anatomy, uint8_t *tissue, struct random *random)
{
    struct sheet sheets[] = { { DURA, 1.2f, 0, 0 }, { FALX, 1.05f, 0, 0 }, { TENTORIUM, 1.05f, 0, 0 } };
    struct noise thick = { .value = NULL }, bent = { .value = NULL };
    if (random) {
        sheets[0].thickness = (float)random_uniform(random, 0.95, 1.35);
        sheets[0].patches = (float)random_uniform(random, 0.1, 0.4);
        for (int s = 1; s < 3; s++) {
            sheets[s].thickness = (float)random_uniform(random, 1, 1.5);
            sheets[s].patches = (float)random_uniform(random, 0, 0.3);
            sheets[s].bend = (float)random_uniform(random, 0.1, 0.6);
        }
        if (!head_noise(&thick, anatomy, random, 14)) return false;
        if (!head_noise(&bent, anatomy, random, 45)) {
            noise_free(&thick);
            return false;
        }
    }
    /* The sheets last: where they leave the skull, their root is dura's place too. */
    for (int s = 0; s < 3; s++)
        draw_sheet(&sheets[s], &anatomy->near[SURFACE_DURA + s], anatomy, tissue, random ? &thick : NULL, &bent);
    noise_free(&thick);
    noise_free(&bent);
    return true;
}

/* Voxels of `of` up to `most` mm beyond the surface become `to`. */
static void move_surface(const struct anatomy *anatomy, enum surface surface, uint8_t *tissue, enum tissue of,
                         enum tissue to, double most, const struct noise *noise)
{
    const struct near_surface *near = &anatomy->near[surface];
    for (size_t n = 0; n < near->count; n++) {
        const uint32_t i = near->index[n];
        float point[3];
        if (tissue[i] != of) continue;
        anatomy_point(point, anatomy, i);
        const float moved = (float)most * (1 + 0.4f * noise_at(noise, point)), offset = (float)near->offset[n] / 16;
        if (most > 0 ? offset > 0 && offset <= moved : offset < 0 && offset >= moved) tissue[i] = (uint8_t)to;
    }
}

bool draw_age(const struct anatomy *anatomy, uint8_t *tissue, struct random *random)
{
    const double ventricle = random_chance(random, 0.5) ? random_uniform(random, -0.8, 0)
                                                        : random_uniform(random, 0, 2);
    const double sulci = random_chance(random, 0.6) ? 0 : random_uniform(random, 0.2, 1);
    const double thinning = random_uniform(random, 0, 1); /* share of it that the cortex loses */
    struct noise noise;
    if (!head_noise(&noise, anatomy, random, 30)) return false;
    if (ventricle > 0) move_surface(anatomy, SURFACE_VENTRICLE, tissue, WHITE, VENTRICLE, ventricle, &noise);
    if (ventricle < 0) move_surface(anatomy, SURFACE_VENTRICLE, tissue, VENTRICLE, WHITE, ventricle, &noise);
    if (sulci > 0) {
        move_surface(anatomy, SURFACE_PIA, tissue, CORTEX, CSF, sulci, &noise);
        move_surface(anatomy, SURFACE_WHITE, tissue, WHITE, CORTEX, sulci * (1 - thinning), &noise);
    }
    noise_free(&noise);
    return true;
}
