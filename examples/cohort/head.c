/* A head: an anatomy with its own gland, stalk, canals, sheets of dura and signs of age. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "anatomy.h"
#include "membranes.h"

static void box_round(int low[3], int high[3], const struct anatomy *anatomy, const float a[3], const float b[3],
                      float reach)
{
    for (int n = 0; n < 3; n++) {
        low[n] = (int)floorf(fminf(a[n], b[n]) - reach);
        high[n] = (int)ceilf(fmaxf(a[n], b[n]) + reach);
        if (low[n] < 0) low[n] = 0;
        if (high[n] >= anatomy->shape[n]) high[n] = anatomy->shape[n] - 1;
    }
}

/* mm from a point to the line between two others. */
static float off_line(const float point[3], const float from[3], const float to[3])
{
    float along = 0, length = 0, squared = 0;
    for (int a = 0; a < 3; a++) {
        along += (point[a] - from[a]) * (to[a] - from[a]);
        length += (to[a] - from[a]) * (to[a] - from[a]);
    }
    const float t = length > 0 ? fminf(fmaxf(along / length, 0), 1) : 0;
    for (int a = 0; a < 3; a++) {
        const float off = point[a] - from[a] - t * (to[a] - from[a]);
        squared += off * off;
    }
    return sqrtf(squared);
}

typedef bool tissue_test(enum tissue tissue);

/* It widens the pit of a map where that is narrow. */
static bool is_gland_room(enum tissue tissue)
{
    return tissue == CSF || tissue == DURA || tissue == CAVERNOUS_SINUS || tissue == CORTICAL_BONE || tissue == MARROW;
}

static bool is_free(enum tissue tissue)
{
    return tissue == CSF || tissue == DURA || tissue == TENTORIUM;
}

static bool is_canal(enum tissue tissue)
{
    return tissue == CANAL;
}

/* Voxels of a tube, of those that may become it. */
static void draw_tube(struct head *head, const float from[3], const float to[3], float radius, enum tissue tissue,
                      tissue_test *may_become)
{
    int low[3], high[3];
    box_round(low, high, head->anatomy, from, to, radius);
    for (int k = low[2]; k <= high[2]; k++)
        for (int j = low[1]; j <= high[1]; j++)
            for (int i = low[0]; i <= high[0]; i++) {
                const float point[3] = { (float)i, (float)j, (float)k };
                uint8_t *at = &head->tissue[anatomy_index(head->anatomy, i, j, k)];
                if (may_become((enum tissue) * at) && off_line(point, from, to) <= radius) *at = (uint8_t)tissue;
            }
}

/* The gland's top over its centre, in shares of its height: convex 0 and below, flat 0.5, concave beyond; a sella that
 * is partly empty has a thin gland with a deep dip. */
static void draw_gland(struct head *head, struct random *random)
{
    const struct anatomy *anatomy = head->anatomy;
    const bool empty = random_chance(random, 0.08), convex = random_chance(random, 0.2);
    float *const radius = head->gland_radius, *const centre = head->gland;
    radius[0] = (float)random_uniform(random, 5, 7);
    radius[1] = (float)random_uniform(random, 4, 5.5);
    radius[2] = (float)(empty ? random_uniform(random, 1.6, 2.4) : random_uniform(random, 2, 4.5));
    const float dip = (float)(empty    ? random_uniform(random, 1, 1.5)
                              : convex ? random_uniform(random, -0.2, 0.1)
                                       : random_uniform(random, 0.2, 0.9));
    memcpy(centre, anatomy->sella, sizeof head->gland);
    centre[0] += (float)random_uniform(random, -1, 1);
    centre[2] += radius[2] - 0.5f;
    int low[3], high[3];
    box_round(low, high, anatomy, centre, centre, radius[0]);
    for (int k = low[2]; k <= high[2]; k++)
        for (int j = low[1]; j <= high[1]; j++)
            for (int i = low[0]; i <= high[0]; i++) {
                const float x = ((float)i - centre[0]) / radius[0], y = ((float)j - centre[1]) / radius[1];
                const float z = ((float)k - centre[2]) / radius[2], round = 1 - x * x - y * y;
                uint8_t *at = &head->tissue[anatomy_index(anatomy, i, j, k)];
                if (round < 0 || z < -sqrtf(round) || z > sqrtf(round) - dip * round) continue;
                if (is_gland_room((enum tissue) * at)) *at = GLAND;
            }
}

static void draw_stalk(struct head *head, struct random *random)
{
    const float *gland = head->gland, *root = head->anatomy->infundibulum;
    const float from[3] = { gland[0], gland[1] - 1, gland[2] };
    const float to[3] = { root[0] + (float)random_uniform(random, -0.7, 0.7), root[1], root[2] };
    draw_tube(head, from, to, (float)random_uniform(random, 1, 1.5), STALK, is_free);
}

/* From the porus sideways and up to 15 degrees backwards into the bone; the nerve runs on to the brain stem. */
static void draw_canal(struct head *head, enum side side, const double size[2], struct random *random)
{
    const float *porus = head->anatomy->porus[side];
    float(*const canal)[3] = head->canal[side];
    const double back = random_uniform(random, 0, 15) * 0.0174533, up = random_uniform(random, -5, 5) * 0.0174533;
    const double length = size[0] + random_uniform(random, -0.5, 0.5);
    const double lateral = (side == LEFT ? -1 : 1) * length * cos(back) * cos(up);
    head->canal_radius[side] = (float)(size[1] + random_uniform(random, -0.2, 0.2));
    memcpy(canal[0], porus, sizeof canal[0]);
    canal[1][0] = porus[0] + (float)lateral;
    canal[1][1] = porus[1] - (float)(length * sin(back));
    canal[1][2] = porus[2] + (float)(length * sin(up));
    draw_tube(head, canal[0], canal[1], head->canal_radius[side], CANAL, is_skull);
    draw_tube(head, canal[0], canal[1], head->canal_radius[side], CANAL, is_free);
    const float radius = (float)random_uniform(random, 0.9, 1.2);
    draw_tube(head, head->anatomy->nerve_root[side], canal[0], radius, NERVE, is_free);
    draw_tube(head, canal[0], canal[1], radius, NERVE, is_canal);
}

bool head_create(struct head *head, const struct anatomy *anatomy, uint64_t seed)
{
    const size_t count = (size_t)anatomy->shape[0] * (size_t)anatomy->shape[1] * (size_t)anatomy->shape[2];
    struct random random = random_of(seed, STREAM_HEAD);
    *head = (struct head){ .anatomy = anatomy, .tissue = malloc(count) };
    if (!head->tissue) return false;
    memcpy(head->tissue, anatomy->tissue, count);
    const struct age age = draw_age(&random);
    bool ok = draw_membranes(anatomy, head->tissue, &random);
    draw_gland(head, &random);
    draw_stalk(head, &random);
    const double canal[2] = { random_uniform(&random, 8, 13), random_uniform(&random, 2, 3.3) };
    draw_canal(head, LEFT, canal, &random);
    draw_canal(head, RIGHT, canal, &random);
    ok = ok &&
         apply_age(anatomy, head->tissue, &age, &random); /* last: CSF that it makes is none that a stalk may cross */
    if (!ok) head_free(head);
    return ok;
}

void head_free(struct head *head)
{
    free(head->tissue);
    head->tissue = NULL;
}
