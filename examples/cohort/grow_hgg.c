/* High-grade glioma: a core with an uneven wall that enhances round necrosis, in oedema that follows white matter. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "grow.h"

enum pattern { RING, MASSIVE, FAINT }; /* how it enhances: round necrosis, throughout, hardly */

struct focus {
    float centre[3];
    double radius;
    struct wall wall;
};

static void draw_looks(struct part_look look[PARTS], enum pattern pattern, struct random *random)
{
    const double bright = random_log_uniform(random, 1.15, 2.8), base = random_uniform(random, 0.7, 0.95);
    const double faint = random_uniform(random, 0.02, 0.3);
    look[PART_SOLID].level = (float)base;
    look[PART_SOLID].uptake = (float)(pattern == FAINT ? faint : bright - base);
    look[PART_SOLID].texture = (float)random_uniform(random, 0.08, 0.25);
    look[PART_SOLID].grain = (float)random_uniform(random, 3, 8);
    look[PART_FLUID].level = (float)random_uniform(random, 0.3, 0.8);
    look[PART_FLUID].uptake = (float)random_uniform(random, 0, 0.08);
    look[PART_FLUID].texture = (float)random_uniform(random, 0.03, 0.2);
    look[PART_FLUID].grain = (float)random_uniform(random, 3, 10);
    look[PART_DULL].level = (float)random_uniform(random, 0.7, 0.92);
    look[PART_DULL].uptake = (float)random_uniform(random, 0, 0.06);
    look[PART_DULL].texture = (float)random_uniform(random, 0.03, 0.1);
    look[PART_DULL].grain = (float)random_uniform(random, 5, 12);
    look[PART_DULL].keep = (float)random_uniform(random, 0, 0.3);
    look[PART_OEDEMA].level = (float)random_uniform(random, 0.7, 0.93);
    look[PART_OEDEMA].texture = (float)random_uniform(random, 0.02, 0.05);
    look[PART_OEDEMA].grain = (float)random_uniform(random, 6, 15);
    look[PART_OEDEMA].keep = (float)random_uniform(random, 0, 0.3);
}

static void draw_wall(struct wall *wall, enum pattern pattern, double radius, struct random *random)
{
    const double mm = random_log_uniform(random, 2.2, 8);
    wall->mm = fmin(mm, 0.4 * radius);
    if (pattern != RING) wall->mm = radius * random_uniform(random, 0.6, 1.5);
    wall->unevenness = random_uniform(random, 0.25, 0.6);
    wall->grain = fmax(0.6 * radius, 5);
    wall->ragged = random_uniform(random, 0.15, 0.4) * fmin(wall->mm, 5);
}

/* A lobed core of 2 to 5 ellipsoids. */
static bool draw_core(float *field, const struct region *region, const struct focus *focus, struct random *random)
{
    enum { MOST = 5 };
    struct ellipsoid ellipsoids[MOST];
    const int count = 2 + random_below(random, MOST - 1);
    for (int e = 0; e < count; e++) {
        float centre[3], direction[3];
        const double off = focus->radius * random_uniform(random, 0.25, 0.65);
        random_direction(direction, random);
        for (int a = 0; a < 3; a++) centre[a] = focus->centre[a] + (float)off * direction[a];
        ellipsoid_draw(&ellipsoids[e], random, centre, focus->radius * random_uniform(random, 0.5, 0.75), 1.5);
    }
    const double roughness = focus->radius * random_uniform(random, 0.04, 0.09);
    return blob(field, region, ellipsoids, count, roughness, 0.7 * focus->radius, random);
}

/* Tumour that does not enhance, beside the core. */
static bool cover_infiltration(struct lesion *lesion, const struct region *region, const struct focus *focus,
                               float *field, struct random *random)
{
    struct ellipsoid ellipsoid;
    float centre[3], direction[3];
    const double radius = focus->radius * random_uniform(random, 0.5, 0.85);
    const struct fit fit = { .ml = ball_ml(radius), .softness = 3 };
    random_direction(direction, random);
    for (int a = 0; a < 3; a++) centre[a] = focus->centre[a] + (float)(0.7 * focus->radius) * direction[a];
    ellipsoid_draw(&ellipsoid, random, centre, radius, 1.5);
    return blob(field, region, &ellipsoid, 1, 0.1 * radius, 0.7 * radius, random) &&
           fit_in_brain(field, region, focus->centre, &fit) && cover_part(lesion, PART_DULL, region, field, 3);
}

static bool grow_focus(struct lesion *lesion, const struct head *head, const struct focus *focus, double share,
                       bool infiltrates, struct random *random)
{
    const struct fit fit = { .ml = ball_ml(focus->radius), .softness = 1, .closing = 0.35 };
    struct region region;
    if (!region_create(&region, head, focus->centre, 1.6 * focus->radius + 4)) return false;
    const size_t size = region.count * sizeof(float);
    float *shape = malloc(size), *field = malloc(size);
    bool done = shape && field && draw_core(shape, &region, focus, random);
    if (done) memcpy(field, shape, size);
    done = done && fit_in_brain(field, &region, focus->centre, &fit) && push_aside(lesion, &region, field, share, 2.5);
    if (done) memcpy(field, shape, size);
    done = done && region_displace(&region, lesion) && fit_in_brain(field, &region, focus->centre, &fit) &&
           cover_ring(lesion, &region, field, &focus->wall, random);
    if (infiltrates) done = done && cover_infiltration(lesion, &region, focus, field, random);
    free(shape);
    free(field);
    region_free(&region);
    return done;
}

static bool grow_oedema(struct lesion *lesion, struct region *region, double reach, struct random *random)
{
    float *field = malloc(region->count * sizeof *field);
    if (!field) return false;
    for (size_t n = 0; n < region->count; n++) field[n] = tumour_share(lesion, n) >= 128 ? -1 : 1;
    const bool done = region_displace(region, lesion) && cover_oedema(lesion, region, field, reach, random);
    free(field);
    return done;
}

/* Oedema takes room as well: with the core it pushes like one larger body, a little. */
static bool swell(struct lesion *lesion, const struct region *region, const struct focus *focus, double oedema,
                  double share, struct random *random)
{
    struct ellipsoid ellipsoid;
    float *field = malloc(region->count * sizeof *field);
    if (!field) return false;
    ellipsoid_draw(&ellipsoid, random, focus->centre, focus->radius + 0.5 * oedema, 1);
    const bool done = blob(field, region, &ellipsoid, 1, 0, 1, random) && push_aside(lesion, region, field, share, 3);
    free(field);
    return done;
}

/* A smaller focus in white matter some way off; where none is found, at the same place, where it is not seen. */
static void place_second(struct focus *second, const struct focus *first, const struct head *head,
                         struct random *random)
{
    second->radius = fmin(random_log_uniform(random, 3, 11), first->radius);
    for (int attempt = 0; attempt < 300; attempt++) {
        double squares = 0;
        pick_place(second->centre, head->anatomy, PLACE_DEEP_WHITE, random);
        for (int a = 0; a < 3; a++) squares += pow(second->centre[a] - first->centre[a], 2);
        const double gap = sqrt(squares) - first->radius - second->radius;
        if (gap > 4 && gap < 15) return;
    }
    memcpy(second->centre, first->centre, sizeof second->centre);
}

bool grow_hgg(struct lesion *lesion, const struct head *head, struct random *random)
{
    static const double patterns[] = { 82, 11, 7 };
    struct random looks = random_of(random_bits(random), STREAM_LESION_LOOK);
    const enum pattern pattern = (enum pattern)random_choice(random, patterns, 3);
    struct focus foci[2];
    struct region region;
    double distance = 0;
    draw_looks(lesion->look, pattern, &looks);
    foci[0].radius = random_log_uniform(random, 10, 35);
    pick_roomy_seed(foci[0].centre, head, HGG, foci[0].radius, 0.7, random);
    draw_wall(&foci[0].wall, pattern, foci[0].radius, random);
    const double oedema = random_chance(random, 0.1) ? random_uniform(random, 1, 4) : random_log_uniform(random, 5, 30);
    const double share = random_uniform(random, 0.2, 0.6), swelling = random_uniform(random, 0.05, 0.3);
    const bool infiltrates = random_chance(random, pattern == FAINT ? 0.8 : 0.3);
    lesion->foci = random_chance(random, 0.13) ? 2 : 1;
    if (lesion->foci == 2) {
        place_second(&foci[1], &foci[0], head, random);
        draw_wall(&foci[1].wall, pattern, foci[1].radius, random);
        for (int a = 0; a < 3; a++) distance = fmax(distance, fabs(foci[1].centre[a] - foci[0].centre[a]));
        distance += foci[1].radius;
    }
    const double radius = fmax(fmax(1.4 * foci[0].radius, distance) + 1.2 * oedema, 2.2 * foci[0].radius);
    if (!region_create(&region, head, foci[0].centre, fmin(radius + 4, 62))) return false;
    lesion_box(lesion, region.low, region.shape);
    bool done = swell(lesion, &region, &foci[0], oedema, swelling, random);
    for (int f = 0; done && f < lesion->foci; f++)
        done = grow_focus(lesion, head, &foci[f], share, infiltrates && f == 0, random);
    done = done && grow_oedema(lesion, &region, oedema, random);
    region_free(&region);
    measure_lesion(lesion);
    return done;
}
