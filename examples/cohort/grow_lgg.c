/* Low-grade glioma: cortex and the white matter under it swell and darken, with a blurred edge, mostly without
 * enhancement. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "grow.h"

enum spots { NONE, NODULE, PATCHES }; /* what enhances */

static void draw_looks(struct part_look look[PARTS], enum spots spots, struct random *random)
{
    const double level = 0.6 + 0.33 * pow(random_uniform(random, 0, 1), 1.5); /* mostly dark */
    look[PART_DULL].level = (float)level;
    look[PART_DULL].uptake = (float)random_uniform(random, 0, 0.05);
    look[PART_DULL].texture = (float)random_uniform(random, 0.03, 0.12);
    look[PART_DULL].grain = (float)random_uniform(random, 5, 15);
    look[PART_DULL].keep = (float)random_uniform(random, 0, 0.2);
    look[PART_FLUID].level = (float)random_uniform(random, 0.35, 0.6);
    look[PART_FLUID].texture = (float)random_uniform(random, 0.02, 0.08);
    look[PART_FLUID].grain = (float)random_uniform(random, 4, 10);
    look[PART_SOLID].level = (float)level;
    look[PART_SOLID].uptake = (float)(spots == NODULE ? random_uniform(random, 0.3, 1)
                                                      : random_uniform(random, 0.1, 0.5));
    look[PART_SOLID].texture = (float)random_uniform(random, 0.05, 0.2);
    look[PART_SOLID].grain = (float)random_uniform(random, 3, 8);
    look[PART_OEDEMA].level = (float)random_uniform(random, 0.8, 0.97);
    look[PART_OEDEMA].texture = 0.03f;
    look[PART_OEDEMA].grain = 10;
    look[PART_OEDEMA].keep = (float)random_uniform(random, 0.2, 0.6);
}

static bool draw_body(float *field, const struct region *region, const float centre[3], double radius,
                      struct random *random)
{
    enum { MOST = 4 };
    struct ellipsoid ellipsoids[MOST];
    const int count = 2 + random_below(random, MOST - 1);
    for (int e = 0; e < count; e++) {
        float at[3], direction[3];
        const double off = e ? radius * random_uniform(random, 0.3, 0.65) : 0;
        random_direction(direction, random);
        for (int a = 0; a < 3; a++) at[a] = centre[a] + (float)off * direction[a];
        ellipsoid_draw(&ellipsoids[e], random, at, radius * random_uniform(random, 0.55, 0.8), 1.8);
    }
    return blob(field, region, ellipsoids, count, radius * random_uniform(random, 0.03, 0.08), 0.8 * radius, random);
}

/* A ball, or patches of noise, within the body; `inner` mm below its surface. */
static bool cover_within(struct lesion *lesion, enum part part, const struct region *region, const float *body,
                         enum spots spots, double radius, struct random *random)
{
    struct ellipsoid ellipsoid;
    float centre[3] = { 0, 0, 0 };
    float *field = malloc(region->count * sizeof *field);
    double deepest = -INFINITY;
    if (!field) return false;
    for (int attempt = 0; attempt < 200; attempt++) { /* a place well inside, somewhere */
        int at[3];
        for (int a = 0; a < 3; a++) at[a] = random_below(random, region->shape[a]);
        const double depth = -body[region_index(region, at[0], at[1], at[2])];
        if (fmin(depth, radius) <= deepest) continue;
        deepest = fmin(depth, radius);
        region_point(centre, region, at[0], at[1], at[2]);
    }
    ellipsoid_draw(&ellipsoid, random, centre, radius, 1.3);
    const double roughness = radius * (spots == PATCHES ? 0.6 : 0.08);
    const bool done = blob(field, region, &ellipsoid, 1, roughness, spots == PATCHES ? 5 : radius, random);
    for (size_t n = 0; n < region->count; n++) field[n] = fmaxf(field[n], body[n] + 2);
    const bool covered = done && cover_part(lesion, part, region, field, spots == PATCHES ? 3 : 1.5);
    free(field);
    return covered;
}

bool grow_lgg(struct lesion *lesion, const struct head *head, struct random *random)
{
    static const double kinds[] = { 69, 17, 14 };
    struct random looks = random_of(random_bits(random), STREAM_LESION_LOOK);
    const enum spots spots = (enum spots)random_choice(random, kinds, 3);
    struct region region;
    float seed[3];
    draw_looks(lesion->look, spots, &looks);
    const double radius = random_log_uniform(random, 9, 33), softness = random_uniform(random, 2, 6);
    pick_roomy_seed(seed, head, LGG, radius, 0.55, random);
    const double share = random_uniform(random, 0.2, 0.5);
    const struct fit fit = { .ml = ball_ml(radius), .softness = softness, .closing = 0.2 };
    const double spot = fmin(random_log_uniform(random, 3, 9), 0.5 * radius);
    const double cyst = random_chance(random, 0.12) ? radius * random_uniform(random, 0.2, 0.45) : 0;
    const double oedema = random_chance(random, 0.15) ? random_uniform(random, 2, 6) : 0;
    if (!region_create(&region, head, seed, fmin(1.8 * radius + 8, 64))) return false;
    const size_t size = region.count * sizeof(float);
    float *shape = malloc(size), *field = malloc(size);
    lesion->foci = 1;
    bool done = shape && field && draw_body(shape, &region, seed, radius, random);
    if (done) memcpy(field, shape, size);
    done = done && fit_in_brain(field, &region, seed, &fit) && push_aside(lesion, &region, field, share, 2.2);
    if (done) memcpy(field, shape, size);
    done = done && region_displace(&region, lesion) && fit_in_brain(field, &region, seed, &fit);
    if (spots != NONE) done = done && cover_within(lesion, PART_SOLID, &region, field, spots, spot, random);
    if (cyst > 0) done = done && cover_within(lesion, PART_FLUID, &region, field, NODULE, cyst, random);
    if (oedema > 0) done = done && cover_oedema(lesion, &region, field, oedema, random);
    done = done && cover_part(lesion, PART_DULL, &region, field, softness);
    free(shape);
    free(field);
    region_free(&region);
    measure_lesion(lesion);
    return done;
}
