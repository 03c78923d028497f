/* Adenoma of the pituitary: a dark spot in the gland, or a mass that fills the sella and leaves it upwards through the
 * diaphragm's waist, downwards into the sphenoid, or sideways round a carotid. */
#include <math.h>
#include <stdlib.h>
#include "extraaxial.h"

/* Adds smooth shifts to a push of its own: the gland bulges over a small tumour, and the stalk leans away from it. */
static void bend_gland(struct lesion *lesion, const struct head *head, float bulge, float lean, const float spot[3])
{
    const float top = head->gland[2] + head->gland_radius[2];
    size_t n = 0;
    for (int k = 0; k < lesion->push_shape[2]; k++)
        for (int j = 0; j < lesion->push_shape[1]; j++)
            for (int i = 0; i < lesion->push_shape[0]; i++, n++) {
                const int voxel[3] = { lesion->low[0] + i, lesion->low[1] + j, lesion->low[2] + k };
                const float free = smooth_step(-depth_in_bone(head->anatomy, voxel), 0.5f, 3);
                const float x = (float)voxel[0] - spot[0], y = (float)voxel[1] - spot[1], z = (float)voxel[2] - top;
                const float over = expf(-(x * x + y * y + z * z) / (2 * 3.5f * 3.5f));
                const float middle = (float)voxel[0] - head->gland[0];
                const float stalk = expf(-(middle * middle + y * y) / (2 * 4 * 4)) * smooth_step(z, -3, 1) *
                                    (1 - smooth_step(z, 2, 9));
                lesion->push[n][0] = -free * lean * stalk;
                lesion->push[n][1] = 0;
                lesion->push[n][2] = -free * bulge * over;
            }
}

static bool grow_micro(struct lesion *lesion, const struct head *head, double diameter, struct random *random)
{
    struct ellipsoid spot;
    struct region region;
    float centre[3];
    const float side = random_chance(random, 0.5) ? 1 : -1;
    const double off = fmax(0, head->gland_radius[0] - 0.5 * diameter) * random_uniform(random, 0.4, 1);
    centre[0] = head->gland[0] + side * (float)off;
    centre[1] = head->gland[1] + (float)random_uniform(random, -1, 1.5);
    centre[2] = head->gland[2] + (float)random_uniform(random, -0.2, 0.3) * head->gland_radius[2];
    ellipsoid_draw(&spot, random, centre, 0.5 * diameter, 1.2);
    if (!region_create(&region, head, head->gland, 16)) return false;
    float *field = malloc(region.count * sizeof *field);
    float *limit = malloc(region.count * sizeof *limit);
    lesion->push = malloc(region.count * sizeof *lesion->push);
    bool done = field && limit && lesion->push && blob(field, &region, &spot, 1, 0.2, 3, random);
    for (size_t v = 0; done && v < region.count; v++) {
        const size_t i = v % (size_t)region.shape[0], j = v / (size_t)region.shape[0] % (size_t)region.shape[1],
                     k = v / (size_t)region.shape[0] / (size_t)region.shape[1];
        const int voxel[3] = { region.low[0] + (int)i, region.low[1] + (int)j, region.low[2] + (int)k };
        limit[v] = depth_in_bone(head->anatomy, voxel);
    }
    if (done) {
        fit_diameter(field, limit, region.count, diameter);
        intersect(field, limit, region.count);
        for (int a = 0; a < 3; a++) {
            lesion->low[a] = region.low[a];
            lesion->shape[a] = lesion->push_shape[a] = region.shape[a];
        }
        lesion->push_step = 1;
        const float size = (float)diameter / 9;
        bend_gland(lesion, head, 0.5f + 2 * size * (float)random_uniform(random, 0.3, 1),
                   -side * 2.5f * size * (float)random_uniform(random, 0.2, 1), centre);
        /* It takes up the agent later than the gland does, which is 1.3 to 2.5. */
        lesion->look[PART_DULL] = enhancing(random_uniform(random, 0.7, 0.9), random_uniform(random, 0.85, 1.2), 0.04,
                                            3);
        done = cover_part(lesion, PART_DULL, &region, field, random_uniform(random, 0.6, 1.5));
    }
    if (done) go_round(lesion, &region, ARTERY, INFINITY, INFINITY);
    if (done) measure_lesion(lesion);
    lesion->foci = 1;
    free(limit);
    free(field);
    region_free(&region);
    return done;
}

/* A mass of up to six ellipsoids: in the sella, above it, and where else it went. */
enum { LOBES = 6 };
struct mass {
    double diameter;
    struct ellipsoid lobe[LOBES];
    int lobes;
    float diaphragm;       /* z of the gland's roof, where the waist is */
    float reach;           /* half the room between the carotids, mm */
    float low[3], high[3]; /* box round the lobes */
};

static struct ellipsoid *add_lobe(struct mass *mass, float x, float y, float z, double rx, double ry, double rz)
{
    const float centre[3] = { x, y, z }, radius[3] = { (float)rx, (float)ry, (float)rz };
    struct ellipsoid *lobe = &mass->lobe[mass->lobes++];
    for (int a = 0; a < 3; a++) {
        lobe->centre[a] = centre[a];
        lobe->radius[a] = radius[a];
        for (int b = 0; b < 3; b++) lobe->axis[a][b] = a == b;
        mass->low[a] = fminf(mass->low[a], centre[a] - radius[a]);
        mass->high[a] = fmaxf(mass->high[a], centre[a] + radius[a]);
    }
    return lobe;
}

/* How far above or below the waist's plane the centre of an ellipsoid lies that the plane cuts with radius `waist`. */
static double centre_from_waist(double radius, double half_height, double waist)
{
    const double share = fmin(waist / radius, 0.99);
    return half_height * sqrt(1 - share * share);
}

/* The sella, widened and deepened; leftover volume goes above. Returns the waist's radius. */
static double fill_sella(struct mass *mass, const struct head *head, double down, struct random *random)
{
    const double size = 0.5 * mass->diameter;
    /* Large ones wear the sella's walls away, and hold the carotids between them. */
    const double worn = fmax(0, mass->diameter - 18);
    const double rx = fmin(fmax(0.75 * size, 0.9 * head->gland_radius[0]), mass->reach + 0.12 * worn) *
                      random_uniform(random, 0.9, 1);
    const double ry = fmin(head->gland_radius[1] + 0.25 * size, 8 + 0.2 * worn) * random_uniform(random, 0.95, 1.15);
    const double waist = fmin(rx, ry) * random_uniform(random, 0.6, 0.9);
    const double sink = fmax(0, mass->diameter - 9) * down;
    const double height = mass->diaphragm - head->anatomy->sella[2] + 0.5 + sink;
    /* An ellipsoid that is `height` high below the plane that cuts it with radius `waist`. */
    const double share = waist / fmax(rx, ry), rz = height / (1 + sqrt(1 - share * share));
    add_lobe(mass, head->gland[0], head->gland[1], mass->diaphragm - (float)(height - rz), rx, ry, rz);
    return waist;
}

static void rise_above(struct mass *mass, double volume, double waist, const struct head *head, struct random *random)
{
    const double radius = cbrt(volume / 4.18879), tall = random_uniform(random, 0.85, 1.3);
    const double rz = radius * pow(tall, 2. / 3), wide = radius / pow(tall, 1. / 3);
    const double rx = wide * random_uniform(random, 0.92, 1.08), ry = wide * wide / rx;
    const double up = centre_from_waist(fmin(rx, ry), rz, waist);
    const double lateral = rx * random_normal(random, 0, 0.18), forward = ry * random_normal(random, 0.1, 0.3);
    const float x = head->gland[0] + (float)lateral, y = head->gland[1] + (float)forward;
    add_lobe(mass, x, y, mass->diaphragm + (float)up, rx, ry, rz);
    if (mass->diameter > 18 && random_chance(random, 0.35)) { /* a second knob: forwards, backwards or to a side */
        const double angle = random_uniform(random, 0, 6.283185307179586), share = random_uniform(random, 0.5, 0.75);
        add_lobe(mass, x + (float)(0.7 * rx * cos(angle)), y + (float)(0.7 * ry * sin(angle)),
                 mass->diaphragm + (float)(up + rz * random_uniform(random, -0.2, 0.4)), share * rx, share * ry,
                 share * rz);
    }
}

/* Into one cavernous sinus, now and then both; the carotid stays in it. */
static void invade_sideways(struct mass *mass, const struct head *head, struct random *random)
{
    const enum side first = random_chance(random, 0.5) ? LEFT : RIGHT;
    const int sides = random_chance(random, 0.25) ? 2 : 1;
    for (int s = 0; s < sides; s++) {
        const float *carotid = head->anatomy->carotid[s == 0 ? first : first == LEFT ? RIGHT : LEFT];
        const double size = fmin(4 + 0.16 * mass->diameter, 9) * random_uniform(random, 0.8, 1.2);
        add_lobe(mass, carotid[0], carotid[1] + (float)random_uniform(random, -3, 2), carotid[2], size,
                 size * random_uniform(random, 1, 1.5), size * random_uniform(random, 0.8, 1.1));
    }
}

static double lobe_volume(const struct ellipsoid *lobe)
{
    return 4.18879 * (double)lobe->radius[0] * (double)lobe->radius[1] * (double)lobe->radius[2];
}

static void draw_mass(struct mass *mass, const struct head *head, struct random *random)
{
    const struct anatomy *anatomy = head->anatomy;
    for (int a = 0; a < 3; a++) mass->low[a] = mass->high[a] = head->gland[a];
    mass->diaphragm = head->gland[2] + head->gland_radius[2];
    mass->reach = fmaxf(0.5f * (anatomy->carotid[RIGHT][0] - anatomy->carotid[LEFT][0]) - 2, 6);
    const double volume = 0.5235987755982988 * pow(mass->diameter, 3);
    const bool downwards = random_chance(random, 0.2), sideways = random_chance(random, 0.3);
    const double down = downwards ? random_uniform(random, 0.3, 0.5) : random_uniform(random, 0.08, 0.25);
    const double waist = fill_sella(mass, head, down, random);
    if (sideways && mass->diameter > 12) invade_sideways(mass, head, random);
    if (downwards && mass->diameter > 14) { /* through the floor into the sphenoid sinus */
        const double size = 0.3 * mass->diameter * random_uniform(random, 0.8, 1.1);
        add_lobe(mass, head->gland[0] + (float)random_normal(random, 0, 2), head->gland[1] + (float)(0.3 * size),
                 anatomy->sella[2] - (float)(0.6 * size), size * 1.1, size, size);
    }
    double left = volume;
    for (int l = 0; l < mass->lobes; l++) left -= (l ? 0.6 : 0.85) * lobe_volume(&mass->lobe[l]);
    if (left > 0.12 * volume) rise_above(mass, left, waist, head, random);
}

/* Bone gives way in and under the sella and in the sinus, not above them; of large ones the clinoids do. */
static void limit_mass(float *limit, const struct mass *mass, const struct region *region)
{
    const float worn = fmaxf(0, 0.12f * (float)(mass->diameter - 18));
    size_t v = 0;
    for (int k = 0; k < region->shape[2]; k++)
        for (int j = 0; j < region->shape[1]; j++)
            for (int i = 0; i < region->shape[0]; i++, v++) {
                const int voxel[3] = { region->low[0] + i, region->low[1] + j, region->low[2] + k };
                const float above = (float)voxel[2] - mass->diaphragm + 1 - worn;
                limit[v] = fminf(depth_in_bone(region->head->anatomy, voxel), fmaxf(-above, -1));
                if (region->tissue[v] == OUTSIDE) limit[v] = 1;
            }
}

/* What lies in the sella and the sinus is walled in: it stays, and the tumour replaces it. */
static void hold_walls(struct lesion *lesion, const struct mass *mass, const struct head *head)
{
    size_t n = 0;
    for (int k = 0; k < lesion->push_shape[2]; k++)
        for (int j = 0; j < lesion->push_shape[1]; j++)
            for (int i = 0; i < lesion->push_shape[0]; i++, n++) {
                const float x = (float)lesion->low[0] + lesion->push_step * (float)i;
                const float z = (float)lesion->low[2] + lesion->push_step * (float)k;
                const float above = smooth_step(z - mass->diaphragm, -3, 3);
                const float beside = smooth_step(fabsf(x - head->gland[0]) - mass->reach, 5, 11);
                for (int a = 0; a < 3; a++) lesion->push[n][a] *= fmaxf(above, beside);
            }
}

/* Necrosis, a cyst, or blood that is bright without contrast. */
static bool degenerate(struct lesion *lesion, const struct mass *mass, const struct region *region, float *field,
                       struct random *random)
{
    if (!random_chance(random, 0.2)) return true;
    const struct ellipsoid *lobe = &mass->lobe[mass->lobes > 1 && random_chance(random, 0.8) ? mass->lobes - 1 : 0];
    struct ellipsoid pocket;
    float centre[3];
    for (int a = 0; a < 3; a++)
        centre[a] = lobe->centre[a] + lobe->radius[a] * (float)random_uniform(random, -0.3, 0.3);
    const double least = fmin(fmin(lobe->radius[0], lobe->radius[1]), lobe->radius[2]);
    ellipsoid_draw(&pocket, random, centre, least * random_uniform(random, 0.35, 0.75), 1.4);
    const bool blood = random_chance(random, 0.35);
    const double level = blood ? random_uniform(random, 1.1, 1.6) : random_uniform(random, 0.3, 0.65);
    lesion->look[PART_FLUID] = enhancing(level, level + random_uniform(random, 0, 0.1), 0.08, 4);
    return hollow(lesion, region, field, PART_FLUID, &pocket, 1, 1, random);
}

static bool grow_macro(struct lesion *lesion, const struct head *head, double diameter, struct random *random)
{
    struct mass mass = { .diameter = diameter };
    struct region region;
    float centre[3], half = 0;
    draw_mass(&mass, head, random);
    for (int a = 0; a < 3; a++) {
        centre[a] = 0.5f * (mass.low[a] + mass.high[a]);
        half = fmaxf(half, 0.5f * (mass.high[a] - mass.low[a]));
    }
    if (!region_create(&region, head, centre, half + 0.8 * diameter + 12)) return false;
    float *field = malloc(region.count * sizeof *field);
    float *limit = malloc(region.count * sizeof *limit);
    bool done = field && limit &&
                blob(field, &region, mass.lobe, mass.lobes, 0.025 * diameter, 0.3 * diameter + 2, random);
    if (done) {
        limit_mass(limit, &mass, &region);
        fit_diameter(field, limit, region.count, diameter);
        intersect(field, limit, region.count);
    }
    free(limit);
    done = done && push_aside(lesion, &region, field, random_uniform(random, 0.8, 1), 2.4);
    if (done && lesion->push) hold_walls(lesion, &mass, head);
    lesion->look[PART_SOLID] = enhancing(random_uniform(random, 0.75, 0.95), random_uniform(random, 1.1, 2),
                                         random_uniform(random, 0.05, 0.15), random_uniform(random, 3, 7));
    done = done && degenerate(lesion, &mass, &region, field, random) &&
           cover_part(lesion, PART_SOLID, &region, field, random_uniform(random, 0.5, 1.2));
    if (done) go_round(lesion, &region, ARTERY, mass.diaphragm, INFINITY);
    if (done) measure_lesion(lesion);
    lesion->foci = 1;
    free(field);
    region_free(&region);
    return done;
}

bool grow_pa(struct lesion *lesion, const struct head *head, struct random *random)
{
    if (random_chance(random, 0.225)) return grow_micro(lesion, head, random_log_uniform(random, 3, 9), random);
    return grow_macro(lesion, head, random_log_uniform(random, 10, 45), random);
}
