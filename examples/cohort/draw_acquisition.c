/* What clinics do, and how often: docs/cohort.md, "Acquisition", has the same numbers in words. */
#include <math.h>
#include <string.h>
#include "acquire.h"

const char *const family_names[FAMILIES] = { "isotropic", "atlas", "thick", "slab", "volume", "fat-suppressed" };
const char *const stripping_names[STRIP_KINDS] = { "none", "well", "tight", "loose", "ragged" };
const int plane_axes[3][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 2, 0 } };

struct range {
    double low, high;
};

/* How a family of scans is taken. */
static const struct habit {
    double weight;
    struct range in_plane, thickness; /* mm; no thickness: that of the voxels in plane */
    double gap;                       /* share of the thickness, at most */
    double plane[3];
    double stripped, normalised, tilted; /* probabilities */
    struct range grey_white, fat;
} habits[FAMILIES] = {
    [FAMILY_ISOTROPIC] = { 0.20, { 0.7, 1.2 }, { 0, 0 }, 0, { 0.4, 0.1, 0.5 }, 0.30, 0.12, 0.25, { 0.4, 1 }, { 1, 1 } },
    [FAMILY_ATLAS] = { 0.15, { 1, 1 }, { 0, 0 }, 0, { 1, 0, 0 }, 1, 0.5, 0, { 0.2, 1 }, { 1, 1 } },
    [FAMILY_THICK] = { 0.15, { 0.4, 1 }, { 3, 8 }, 0.3, { 0.65, 0.15, 0.2 }, 0.10, 0.12, 0.6, { 0, 0.7 }, { 1, 1 } },
    [FAMILY_SLAB] = { 0.37, { 0.4, 1 }, { 3, 8 }, 0.3, { 0.45, 0.28, 0.27 }, 0.10, 0.12, 0.6, { 0, 0.7 }, { 1, 1 } },
    [FAMILY_VOLUME] = { 0.13, { 0.5, 1 }, { 1, 3 }, 0, { 0.5, 0.2, 0.3 }, 0.30, 0.12, 0.3, { 0.3, 1 }, { 1, 1 } },
    [FAMILY_FAT_SUPPRESSED] = { 0.15,
                                { 0.4, 0.9 },
                                { 2, 4 },
                                0.15,
                                { 0.4, 0.6, 0 },
                                0.05,
                                0.12,
                                0.5,
                                { 0, 0.6 },
                                { 0.1, 0.4 } },
};

static bool is_two_dimensional(enum family family)
{
    return family == FAMILY_THICK || family == FAMILY_SLAB || family == FAMILY_FAT_SUPPRESSED;
}

static double draw_range(struct random *random, const struct range *range)
{
    return random_uniform(random, range->low, range->high);
}

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static enum family draw_family(struct random *random, const struct acquisition_rules *rules)
{
    double weights[FAMILIES];
    for (int f = 0; f < FAMILIES; f++) weights[f] = rules->family[f] ? habits[f].weight : 0;
    return (enum family)random_choice(random, weights, FAMILIES);
}

static void draw_slices(struct acquisition *acquisition, const struct habit *habit, struct random *random)
{
    acquisition->plane = random_choice(random, habit->plane, 3);
    /* More often fine than coarse: half of the clinical scans are of 0.4-0.6 mm. */
    const double fine = pow(random_uniform(random, 0, 1), habit->thickness.high > 3 ? 1.5 : 1);
    acquisition->in_plane = (float)(habit->in_plane.low * pow(habit->in_plane.high / habit->in_plane.low, fine));
    /* The mean of two draws: the middle of the range is usual. */
    const double thickness = (draw_range(random, &habit->thickness) + draw_range(random, &habit->thickness)) / 2;
    acquisition->thickness = thickness > 0 ? (float)thickness : acquisition->in_plane;
    acquisition->between = acquisition->thickness * (float)(1 + random_uniform(random, 0, habit->gap));
    const int slices = (int)random_log_uniform(random, 4, 25);
    const bool slab = acquisition->family == FAMILY_SLAB ||
                      (acquisition->family == FAMILY_FAT_SUPPRESSED && random_chance(random, 0.4));
    acquisition->slices = slab ? slices : 0;
    acquisition->off_centre = (float)random_uniform(random, -0.3, 0.3);
}

static void draw_field(struct acquisition *acquisition, const struct habit *habit, struct random *random)
{
    const bool tilted = random_chance(random, habit->tilted);
    for (int a = 0; a < 3; a++) {
        const double tilt = clamp(random_normal(random, 0, 5), -10, 10);
        acquisition->tilt[a] = tilted ? (float)tilt : 0;
    }
    acquisition->straightened = random_chance(random, 0.4) && tilted;
    const double field = random_uniform(random, 200, 256);
    /* A rectangular field saves time; the short side lies across the head, or from front to back. */
    const double narrow = random_chance(random, 0.4) ? random_uniform(random, 0.8, 1) : 1;
    acquisition->field[0] = (float)(field * narrow);
    acquisition->field[1] = (float)field;
    for (int a = 0; a < 2; a++) acquisition->shift[a] = (float)clamp(random_normal(random, 0, 5), -12, 12);
    acquisition->margin = (float)random_uniform(random, 2, 18);
    const double coverage = random_uniform(random, 0.1, 1);
    acquisition->coverage = is_two_dimensional(acquisition->family) ? (float)coverage : 1;
}

static void draw_treatment(struct acquisition *acquisition, const struct habit *habit, struct random *random)
{
    static const double kinds[STRIP_KINDS] = { 0, 0.5, 0.18, 0.18, 0.14 };
    static const double normalisations[NORMALISATIONS] = { 0, 0.4, 0.4, 0.2 };
    const bool stripped = random_chance(random, habit->stripped), defaced = random_chance(random, 0.065);
    const int kind = random_choice(random, kinds, STRIP_KINDS);
    acquisition->stripping = stripped ? (enum stripping)kind : STRIP_NONE;
    acquisition->defaced = defaced && !stripped;
    acquisition->cropped = random_chance(random, 0.25) && stripped && !acquisition->slices;
    const bool normalised = random_chance(random, habit->normalised);
    const int how = random_choice(random, normalisations, NORMALISATIONS);
    acquisition->normalised = normalised ? (enum normalisation)how : NORMALISED_NOT;

    static const double depths[3] = { 0.2, 0.6, 0.2 };
    static const int bits[3] = { 8, 16, 32 };
    const int depth = bits[random_choice(random, depths, 3)];
    acquisition->bits = normalised ? 32 : depth;
    acquisition->scale = (float)random_log_uniform(random, 30, 4000);
}

static void draw_physics(struct acquisition *acquisition, const struct habit *habit, struct random *random)
{
    acquisition->grey_white = (float)draw_range(random, &habit->grey_white);
    acquisition->fat = (float)draw_range(random, &habit->fat);
    acquisition->blur = (float)(0.7 * pow(random_uniform(random, 0, 1), 2));
    acquisition->bias = (float)random_log_uniform(random, 0.02, 0.3);
    acquisition->bias_grain = (float)random_uniform(random, 60, 150);
    acquisition->noise = (float)random_log_uniform(random, 0.005, 0.06);
    const bool ghosted = random_chance(random, 0.05), ringing = random_chance(random, 0.25),
               bent = random_chance(random, 0.5);
    const double ghost = random_uniform(random, 0.02, 0.1), gibbs = random_uniform(random, 0.3, 1),
                 gamma = random_log_uniform(random, 0.7, 1.4);
    acquisition->ghost = ghosted ? (float)ghost : 0;
    acquisition->ghosts = 2 + random_below(random, 4);
    acquisition->gibbs = ringing ? (float)gibbs : 0;
    acquisition->gamma = bent ? (float)gamma : 1;
}

/* World axes and directions that files often have: RAS, LPS, LAS, LIA. */
static const struct orientation {
    int world[3];
    bool against[3];
} usual[4] = { { { 0, 1, 2 }, { false, false, false } },
               { { 0, 1, 2 }, { true, true, false } },
               { { 0, 1, 2 }, { true, false, false } },
               { { 0, 2, 1 }, { true, true, false } } };

static struct orientation draw_orientation(struct random *random)
{
    static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    static const double weights[5] = { 0.25, 0.15, 0.2, 0.15, 0.25 };
    struct orientation any = { { 0, 0, 0 }, { false, false, false } };
    memcpy(any.world, orders[random_below(random, 6)], sizeof any.world);
    for (int a = 0; a < 3; a++) any.against[a] = random_chance(random, 0.5);
    const int kind = random_choice(random, weights, 5);
    return kind < 4 ? usual[kind] : any;
}

static void draw_storage(struct acquisition *acquisition, struct random *random)
{
    const struct orientation orientation = draw_orientation(random);
    const bool as_taken = random_chance(random, 0.6); /* rows, columns, slices, as converters write them */
    for (int a = 0; a < 3; a++) {
        int axis = 0;
        while (plane_axes[acquisition->plane][axis] != orientation.world[a]) axis++;
        acquisition->axes[a] = as_taken ? a : axis;
        const bool against = random_chance(random, a == 2 ? 0.3 : 0.5);
        acquisition->flips[a] = as_taken ? against : orientation.against[a];
    }
    const bool reversed = random_chance(random, 0.02), mislabelled = random_chance(random, 0.01);
    acquisition->reversed = reversed && acquisition->family != FAMILY_ATLAS;
    acquisition->mislabelled = mislabelled && acquisition->family != FAMILY_ATLAS;
}

static void fix_geometry(struct acquisition *acquisition, const struct acquisition_rules *rules)
{
    const float finest = (float)rules->finest;
    if (acquisition->in_plane < finest) acquisition->in_plane = finest;
    if (acquisition->between < finest) acquisition->between = finest;
    if (acquisition->thickness < finest) acquisition->thickness = finest;
    if (!rules->fixed_shape) return;
    acquisition->cube = rules->fixed_shape;
    acquisition->in_plane = acquisition->between = acquisition->thickness = (float)rules->fixed_step;
    acquisition->plane = acquisition->slices = 0;
    acquisition->straightened = acquisition->cropped = acquisition->reversed = acquisition->mislabelled = false;
    for (int a = 0; a < 3; a++) {
        acquisition->tilt[a] = 0;
        acquisition->axes[a] = a;
        acquisition->flips[a] = false;
    }
}

void acquisition_draw(struct acquisition *acquisition, const struct acquisition_rules *rules, double contrast,
                      uint64_t seed)
{
    struct random random = random_of(seed, STREAM_ACQUISITION);
    memset(acquisition, 0, sizeof *acquisition);
    acquisition->family = draw_family(&random, rules);
    const struct habit *habit = &habits[acquisition->family];
    /* As many numbers are taken with an agent as without: the rest must not depend on it. */
    const bool given = random_chance(&random, contrast);
    const double strength = random_uniform(&random, 0.4, 1.5);
    acquisition->strength = given ? (float)strength : 0;
    draw_slices(acquisition, habit, &random);
    draw_field(acquisition, habit, &random);
    draw_treatment(acquisition, habit, &random);
    draw_physics(acquisition, habit, &random);
    draw_storage(acquisition, &random);
    fix_geometry(acquisition, rules);
    if (!rules->strip) return;
    acquisition->stripping = rules->stripping;
    acquisition->defaced = acquisition->defaced && rules->stripping == STRIP_NONE;
}
