/* Intensities of tissues on T1 scans. */
#include <math.h>
#include <string.h>
#include "paint.h"

/* White matter is 1. Means and their deviations from head to head, before contrast; variation within the tissue by
 * grain; and what it comes to with the usual dose of contrast (0, 0: it does not enhance). From the class statistics of
 * SynthSeg's T1 priors over that of white matter; enhancement as radiology describes it. */
static const struct tissue_look {
    float mean, jitter, spread[GRAINS], enhanced[2];
} looks[TISSUES] = {
    [CAVITY] = { 0.04f, 0.02f, { 0.02f, 0.01f, 0 }, { 0, 0 } },
    [WHITE] = { 1, 0, { 0.012f, 0.018f, 0.02f }, { 1.005f, 1.03f } },
    [CORTEX] = { 0.66f, 0.05f, { 0.02f, 0.02f, 0.02f }, { 0.675f, 0.72f } },
    [VENTRICLE] = { 0.25f, 0.05f, { 0.006f, 0.01f, 0.01f }, { 0, 0 } },
    [CEREBELLAR_WHITE] = { 0.94f, 0.03f, { 0.03f, 0.02f, 0.02f }, { 0.95f, 0.98f } },
    [CEREBELLAR_CORTEX] = { 0.64f, 0.05f, { 0.06f, 0.03f, 0.02f }, { 0.66f, 0.72f } },
    [THALAMUS] = { 0.83f, 0.04f, { 0.015f, 0.025f, 0.02f }, { 0.84f, 0.88f } },
    [CAUDATE] = { 0.68f, 0.04f, { 0.012f, 0.015f, 0.01f }, { 0.69f, 0.73f } },
    [PUTAMEN] = { 0.75f, 0.04f, { 0.015f, 0.015f, 0.01f }, { 0.76f, 0.8f } },
    [PALLIDUM] = { 0.92f, 0.05f, { 0.015f, 0.02f, 0.01f }, { 0.93f, 0.97f } },
    [HIPPOCAMPUS] = { 0.66f, 0.04f, { 0.02f, 0.025f, 0.01f }, { 0.675f, 0.72f } },
    [BRAIN_STEM] = { 0.88f, 0.04f, { 0.02f, 0.03f, 0.02f }, { 0.89f, 0.93f } },
    [DIENCEPHALON] = { 0.88f, 0.04f, { 0.02f, 0.03f, 0.02f }, { 0.89f, 0.94f } },
    [CHIASM] = { 0.92f, 0.05f, { 0.02f, 0.02f, 0 }, { 0.93f, 0.97f } },
    [WHITE_LESION] = { 0.78f, 0.07f, { 0.02f, 0.04f, 0.02f }, { 0.785f, 0.83f } },
    [PERIVASCULAR] = { 0.5f, 0.08f, { 0.02f, 0.02f, 0 }, { 0, 0 } },
    [CHOROID_PLEXUS] = { 0.5f, 0.08f, { 0.05f, 0.04f, 0 }, { 1, 2 } },
    [CSF] = { 0.25f, 0.05f, { 0.02f, 0.03f, 0.02f }, { 0, 0 } },
    [ARTERY] = { 0.5f, 0.25f, { 0.03f, 0.05f, 0.05f }, { 1.3f, 2.3f } },
    [VEIN] = { 0.4f, 0.1f, { 0.02f, 0.04f, 0.04f }, { 1.3f, 2.4f } },
    [EYE] = { 0.15f, 0.04f, { 0.008f, 0.01f, 0 }, { 0, 0 } },
    [EYE_MUSCLE] = { 0.7f, 0.08f, { 0.03f, 0.03f, 0 }, { 1.2f, 1.8f } },
    [OPTIC_NERVE] = { 0.85f, 0.07f, { 0.02f, 0.02f, 0 }, { 0.86f, 0.95f } },
    [SOFT_TISSUE] = { 0.63f, 0.06f, { 0.05f, 0.05f, 0.04f }, { 0.66f, 0.82f } },
    [MUCOSA] = { 0.5f, 0.08f, { 0.06f, 0.06f, 0.03f }, { 1.1f, 2.2f } },
    [SKIN] = { 0.6f, 0.12f, { 0.04f, 0.06f, 0.08f }, { 0.65f, 0.95f } },
    [CORTICAL_BONE] = { 0.12f, 0.04f, { 0.03f, 0.03f, 0.02f }, { 0, 0 } },
    [MARROW] = { 0.8f, 0.3f, { 0.07f, 0.12f, 0.12f }, { 0.82f, 0.95f } },
    [CORD] = { 0.82f, 0.06f, { 0.02f, 0.02f, 0.02f }, { 0.83f, 0.87f } },
    [DURA] = { 0.45f, 0.08f, { 0.04f, 0.04f, 0.03f }, { 0.7f, 2 } },
    [FALX] = { 0.45f, 0.08f, { 0.03f, 0.04f, 0.03f }, { 0.8f, 2 } },
    [TENTORIUM] = { 0.45f, 0.08f, { 0.03f, 0.04f, 0.03f }, { 0.8f, 2 } },
    [GLAND] = { 0.85f, 0.08f, { 0.03f, 0.05f, 0 }, { 1.3f, 2.2f } },
    [STALK] = { 0.75f, 0.08f, { 0.02f, 0.02f, 0 }, { 1.3f, 2.2f } },
    [CAVERNOUS_SINUS] = { 0.6f, 0.1f, { 0.04f, 0.06f, 0 }, { 1.2f, 2.1f } },
    [CANAL] = { 0.25f, 0.05f, { 0.02f, 0.02f, 0 }, { 0, 0 } },
    [NERVE] = { 0.7f, 0.08f, { 0.02f, 0.02f, 0 }, { 0.71f, 0.8f } },
};

static bool is_fluid(int tissue)
{
    return tissue == VENTRICLE || tissue == CSF || tissue == CANAL || tissue == EYE;
}

static bool is_grey(int tissue)
{
    switch (tissue) {
    case CORTEX:
    case CEREBELLAR_CORTEX:
    case THALAMUS:
    case CAUDATE:
    case PUTAMEN:
    case PALLIDUM:
    case HIPPOCAMPUS:
    case BRAIN_STEM:
    case DIENCEPHALON:
    case WHITE_LESION: return true;
    default: return false;
    }
}

/* T1 as scanners differ in it: how dark fluid is, how much darker than white matter the rest of the brain. */
static void draw_t1(struct look *look, struct random *random, double grey_white)
{
    const float fluid = (float)random_normal(random, 0, looks[CSF].jitter);
    /* Some contrast is left in the flattest scans, and some gradient echoes have more than the table. */
    const float contrast = (float)(0.06 + 1.04 * grey_white);
    for (int t = CAVITY; t < TISSUES; t++) {
        const float jitter = (float)random_normal(random, 0, looks[t].jitter);
        float mean = looks[t].mean + (is_fluid(t) ? fluid + 0.2f * jitter : jitter);
        if (is_grey(t)) mean = 1 - contrast * (1 - mean);
        look->mean[t] = fmaxf(mean, 0.02f);
    }
    /* The two fluids of the head, canals included, are one. */
    look->mean[VENTRICLE] = look->mean[CANAL] = look->mean[CSF];
}

static float between(struct random *random, float low, float high)
{
    return (float)random_uniform(random, low, high);
}

/* Any contrast at all; in most the order of T1 is kept: fluid, grey, white. */
static void draw_anything(struct look *look, struct random *random)
{
    float drawn[3];
    for (int t = CAVITY; t < TISSUES; t++) look->mean[t] = between(random, 0.05f, 1.5f);
    for (int i = 0; i < 3; i++) drawn[i] = between(random, 0.1f, 1.2f);
    if (random_chance(random, 0.75)) {
        const float low = fminf(drawn[0], fminf(drawn[1], drawn[2]));
        const float high = fmaxf(drawn[0], fmaxf(drawn[1], drawn[2]));
        drawn[1] = drawn[0] + drawn[1] + drawn[2] - low - high;
        drawn[0] = low;
        drawn[2] = high;
    }
    for (int t = CAVITY; t < TISSUES; t++) {
        const float jitter = (float)random_normal(random, 0, looks[t].jitter);
        const float towards_white = (looks[t].mean - looks[CORTEX].mean) / (1 - looks[CORTEX].mean);
        if (is_fluid(t)) look->mean[t] = drawn[0] + 0.3f * jitter;
        if (is_grey(t)) look->mean[t] = drawn[1] + fmaxf(towards_white, 0) * (drawn[2] - drawn[1]) + jitter;
        look->mean[t] = fmaxf(look->mean[t], 0.03f);
    }
    look->mean[WHITE] = drawn[2];
    look->mean[CEREBELLAR_WHITE] = 0.95f * drawn[2];
    look->mean[CAVITY] = look->mean[CORTICAL_BONE] = between(random, 0.02f, 0.3f);
}

/* One factor for all of a head, that of each tissue about it. What is added is in units of white matter. */
static void draw_uptake(struct look *look, struct random *random)
{
    const float all = between(random, 0, 1), white = look->mean[WHITE];
    for (int t = CAVITY; t < TISSUES; t++) {
        const float own = between(random, 0, 1), share = 0.6f * all + 0.4f * own;
        const float enhanced = looks[t].enhanced[0] + share * (looks[t].enhanced[1] - looks[t].enhanced[0]);
        look->uptake[t] = white * fmaxf(enhanced - looks[t].mean, 0);
    }
    look->vessels_uptake = white * between(random, 0.1f, 1);
    look->patchy = between(random, 0.08f, 0.25f);
    look->vessels_flow = random_chance(random, 0.4) ? between(random, 0.3f, 1) : 0;
}

static void draw_spread(struct look *look, struct random *random)
{
    const float all = (float)random_log_uniform(random, 0.6, 1.8);
    for (int t = CAVITY; t < TISSUES; t++) {
        const float own = all * (float)random_log_uniform(random, 0.7, 1.4);
        for (int g = 0; g < GRAINS; g++) look->spread[t][g] = own * looks[t].spread[g];
    }
    look->grain[FINE] = between(random, 1.3f, 2.2f);
    look->grain[MIDDLE] = between(random, 3.5f, 6);
    look->grain[COARSE] = between(random, 13, 22);
}

void look_draw(struct look *look, uint64_t seed, double grey_white, double fat)
{
    struct random random = random_of(seed, STREAM_LOOK);
    memset(look, 0, sizeof *look);
    const bool anything = random_chance(&random, 0.15);
    if (anything)
        draw_anything(look, &random);
    else
        draw_t1(look, &random, grey_white);
    draw_uptake(look, &random);
    draw_spread(look, &random);
    look->fat_mean = (float)fat * between(&random, 1.1f, 2.4f);
    look->fat_share = between(&random, 0.15f, 0.5f);
    look->fat_depth = between(&random, 0, 1);
    /* Marrow is red or fatty, and its fat is suppressed with the rest. */
    look->mean[MARROW] *= 0.4f + 0.6f * (float)fat;
}
