/* Metastases: one or many, round and sharp, where arteries narrow: solid while they are small, with a thin even ring
 * later, and with more oedema than their size would ask for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "grow.h"

enum { MOST_FOCI = 10 };

struct focus {
    float centre[3];
    double radius, oedema, share;
    bool ring;
    struct wall wall;
    struct region region;
};

static void draw_looks(struct part_look look[PARTS], struct random *random)
{
    const double bright = random_log_uniform(random, 1.2, 3);
    const bool bled = random_chance(random, 0.06); /* or melanoma: bright without contrast */
    const double base = bled ? random_uniform(random, 1, 1.4) : random_uniform(random, 0.7, 0.95);
    look[PART_SOLID].level = (float)base;
    look[PART_SOLID].uptake = (float)fmax(bright - base, 0.1);
    look[PART_SOLID].texture = (float)random_uniform(random, 0.03, 0.15);
    look[PART_SOLID].grain = (float)random_uniform(random, 3, 8);
    look[PART_FLUID].level = (float)random_uniform(random, 0.3, 0.8);
    look[PART_FLUID].texture = (float)random_uniform(random, 0.02, 0.12);
    look[PART_FLUID].grain = (float)random_uniform(random, 4, 10);
    look[PART_OEDEMA].level = (float)random_uniform(random, 0.7, 0.93);
    look[PART_OEDEMA].texture = (float)random_uniform(random, 0.02, 0.05);
    look[PART_OEDEMA].grain = (float)random_uniform(random, 6, 15);
    look[PART_OEDEMA].keep = (float)random_uniform(random, 0, 0.3);
}

static bool is_apart(const struct focus *focus, const struct focus *others, int count)
{
    for (int f = 0; f < count; f++) {
        double squares = 0;
        for (int a = 0; a < 3; a++) squares += pow(focus->centre[a] - others[f].centre[a], 2);
        if (sqrt(squares) < focus->radius + others[f].radius + 6) return false;
    }
    return true;
}

/* Oedema has little to do with size: none at a quarter, and up to 30 mm; the smaller foci of many have less. */
static double draw_oedema(int number, double radius, struct random *random)
{
    const double reach = random_log_uniform(random, 3, 30), most = number < 2 ? 12 + 2 * radius : 8;
    const bool none = random_chance(random, radius < 5 ? 0.5 : 0.2);
    return none ? 0 : fmin(reach, most);
}

/* It begins at the junction and grows inwards, where there is room: away from bone, until it does not reach it. */
static void go_inwards(float centre[3], const struct anatomy *anatomy, double radius)
{
    for (int step = 0; step < radius; step++) {
        float slope[3], length = 0;
        if (map_at(anatomy->to_skull, anatomy, centre) >= 2 * (radius + 3)) return;
        for (int a = 0; a < 3; a++) {
            float low[3], high[3];
            memcpy(low, centre, sizeof low);
            memcpy(high, centre, sizeof high);
            low[a] -= 4;
            high[a] += 4;
            slope[a] = (float)(map_at(anatomy->to_skull, anatomy, high) - map_at(anatomy->to_skull, anatomy, low));
            length += slope[a] * slope[a];
        }
        if (length < 1) return;
        for (int a = 0; a < 3; a++) centre[a] += slope[a] / sqrtf(length);
    }
}

/* The best of some places, or the first that will do. */
static void place_focus(struct focus *foci, int number, const struct head *head, struct random *random)
{
    struct focus *focus = &foci[number];
    double best = -INFINITY;
    for (int attempt = 0; attempt < 30 && best < 0.85; attempt++) {
        struct focus tried = *focus;
        pick_seed(tried.centre, head, METS, random);
        go_inwards(tried.centre, head->anatomy, tried.radius);
        const double room = room_in_brain(tried.centre, head, tried.radius) - (is_apart(&tried, foci, number) ? 0 : 3);
        if (room <= best) continue;
        best = room;
        memcpy(focus->centre, tried.centre, sizeof focus->centre);
    }
}

static void draw_focus(struct focus *foci, int number, double diameter, const struct head *head, struct random *random)
{
    struct focus *focus = &foci[number];
    focus->radius = diameter / 2;
    place_focus(foci, number, head, random);
    focus->oedema = draw_oedema(number, focus->radius, random);
    focus->share = random_uniform(random, 0.7, 1);
    focus->ring = random_chance(random, diameter < 8 ? 0.03 : diameter < 15 ? 0.15 : diameter < 25 ? 0.7 : 0.92);
    const double thickness = random_log_uniform(random, 1.2, 4);
    focus->wall.mm = fmin(thickness, 0.3 * focus->radius + 0.5);
    focus->wall.unevenness = random_uniform(random, 0.05, 0.25);
    focus->wall.grain = fmax(focus->radius, 4);
    focus->wall.ragged = random_uniform(random, 0.02, 0.12) * focus->wall.mm;
    if (random_chance(random, 0.2)) { /* thick and uneven, as in a high-grade glioma */
        focus->wall.mm = fmin(2 * focus->wall.mm, 0.45 * focus->radius);
        focus->wall.unevenness = random_uniform(random, 0.3, 0.5);
        focus->wall.ragged = 0.25 * focus->wall.mm;
    }
}

/* The first is the largest. */
static int draw_foci(struct focus foci[MOST_FOCI], const struct head *head, struct random *random)
{
    static const double numbers[MOST_FOCI] = { 45, 15, 11, 8, 6, 5, 4, 3, 2, 1 };
    const int count = 1 + random_choice(random, numbers, MOST_FOCI);
    const double largest = random_log_uniform(random, count == 1 ? 7 : 5, 45);
    draw_focus(foci, 0, largest, head, random);
    for (int f = 1; f < count; f++) {
        const double diameter = random_log_uniform(random, 3, fmin(fmax(0.9 * largest, 4), 25));
        draw_focus(foci, f, diameter, head, random);
    }
    return count;
}

/* The box that holds all foci with what they move. */
static void box_foci(struct lesion *lesion, const struct focus *foci, int count)
{
    int low[3], shape[3];
    for (int a = 0; a < 3; a++) {
        low[a] = foci[0].region.low[a];
        int end = low[a] + foci[0].region.shape[a];
        for (int f = 1; f < count; f++) {
            const struct region *region = &foci[f].region;
            if (region->low[a] < low[a]) low[a] = region->low[a];
            if (region->low[a] + region->shape[a] > end) end = region->low[a] + region->shape[a];
        }
        shape[a] = end - low[a];
    }
    lesion_box(lesion, low, shape);
}

/* The surface of a focus, smooth and almost round; within the brain. */
static bool draw_surface(float *field, const struct focus *focus, struct random *random)
{
    struct ellipsoid ellipsoid;
    ellipsoid_draw(&ellipsoid, random, focus->centre, focus->radius, 1.35);
    const double roughness = focus->radius * random_uniform(random, 0.02, 0.07);
    return blob(field, &focus->region, &ellipsoid, 1, roughness, fmax(focus->radius, 3), random);
}

static bool grow_focus(struct lesion *lesion, struct focus *focus, float *field, struct random *random)
{
    const struct fit fit = { .ml = ball_ml(focus->radius), .softness = 1, .closing = 0.6 };
    bool done = region_displace(&focus->region, lesion) && fit_in_brain(field, &focus->region, focus->centre, &fit);
    if (focus->ring)
        done = done && cover_ring(lesion, &focus->region, field, &focus->wall, random);
    else
        done = done && cover_part(lesion, PART_SOLID, &focus->region, field, 1);
    if (focus->oedema > 0) done = done && cover_oedema(lesion, &focus->region, field, focus->oedema, random);
    return done;
}

static bool grow_foci(struct lesion *lesion, struct focus *foci, int count, const struct head *head,
                      struct random *random)
{
    float *field[MOST_FOCI] = { NULL };
    bool done = true;
    for (int f = 0; done && f < count; f++) {
        const double radius = fmax(1.2 * foci[f].radius + 1.3 * foci[f].oedema, 2.3 * foci[f].radius) + 4;
        done = region_create(&foci[f].region, head, foci[f].centre, fmin(radius, 60));
    }
    if (done) box_foci(lesion, foci, count);
    for (int f = 0; done && f < count; f++) { /* first all of them push, then each grows in what has moved */
        field[f] = malloc(foci[f].region.count * sizeof *field[f]);
        done = field[f] && draw_surface(field[f], &foci[f], random) &&
               push_aside(lesion, &foci[f].region, field[f], foci[f].share, 2.3);
    }
    for (int f = 0; done && f < count; f++) done = grow_focus(lesion, &foci[f], field[f], random);
    for (int f = 0; f < count; f++) {
        free(field[f]);
        region_free(&foci[f].region);
    }
    return done;
}

bool grow_mets(struct lesion *lesion, const struct head *head, struct random *random)
{
    struct random looks = random_of(random_bits(random), STREAM_LESION_LOOK);
    struct focus foci[MOST_FOCI] = { 0 };
    draw_looks(lesion->look, &looks);
    lesion->foci = draw_foci(foci, head, random);
    if (!grow_foci(lesion, foci, lesion->foci, head, random)) return false;
    measure_lesion(lesion);
    memcpy(lesion->centre, foci[0].centre, sizeof lesion->centre);
    return true;
}
