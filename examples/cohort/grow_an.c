/* Schwannoma of the vestibular nerve: in one auditory canal, and from its mouth into the angle beside the brain stem. */
#include <math.h>
#include <stdlib.h>
#include "extraaxial.h"

/* The part in the canal: a rod from `from` to `to` mm behind the mouth, wider at the mouth by `flare`. */
struct rod {
    float mouth[3], inward[3];
    float from, to, radius, flare;
};

struct schwannoma {
    enum side side;
    double diameter;
    struct rod rod;
    bool in_angle; /* not in the canal alone */
    struct ellipsoid ball;
};

static float canal_length(float inward[3], const struct head *head, enum side side)
{
    float length = 0;
    for (int a = 0; a < 3; a++) {
        inward[a] = head->canal[side][1][a] - head->canal[side][0][a];
        length += inward[a] * inward[a];
    }
    length = sqrtf(length);
    for (int a = 0; a < 3; a++) inward[a] /= length;
    return length;
}

static double ball_volume(double diameter)
{
    return 0.5235987755982988 * diameter * diameter * diameter;
}

/* In the canal alone: as long as its volume asks for, at any depth; it may look out of the mouth a little. */
static void lie_in_canal(struct schwannoma *tumour, float length, struct random *random)
{
    struct rod *rod = &tumour->rod;
    rod->radius = (float)fmin(rod->radius, 0.45 * tumour->diameter);
    const double radius = rod->radius, volume = ball_volume(tumour->diameter) - ball_volume(2 * radius);
    const double straight = fmax(0, volume / (3.141592653589793 * radius * radius));
    const double room = fmax(0, length - straight - radius);
    rod->from = (float)(room * random_uniform(random, 0, 0.8));
    rod->to = rod->from + (float)straight;
    rod->flare = 0;
}

/* The ball lies before the mouth, against the bone on both sides of it at acute angles, and towards the brain stem. */
static void lie_in_angle(struct schwannoma *tumour, const struct head *head, float length, struct random *random)
{
    struct rod *rod = &tumour->rod;
    rod->from = -1;
    rod->to = length * (float)random_uniform(random, 0.4, 1);
    rod->flare = (float)random_uniform(random, 0.1, 0.7);
    const double in_canal = 3.141592653589793 * rod->radius * rod->radius * (double)rod->to;
    const double ball = cbrt(fmax(ball_volume(tumour->diameter) - in_canal, 0.3 * ball_volume(tumour->diameter)) /
                             ball_volume(2));
    float outward[3], length2 = 0, centre[3];
    bone_normal(outward, head->anatomy, rod->mouth, 6);
    for (int a = 0; a < 3; a++) outward[a] -= 1.2f * rod->inward[a];
    const double large = fmax(0, tumour->diameter - 15); /* those go backwards along the bone: the brain stem resists */
    outward[1] -= 0.03f * (float)large;
    for (int a = 0; a < 3; a++) length2 += outward[a] * outward[a];
    for (int a = 0; a < 3; a++) outward[a] /= sqrtf(length2);
    const double away = ball * random_uniform(random, 0.6, 0.9) * (1 - 0.01 * large);
    for (int a = 0; a < 3; a++) centre[a] = rod->mouth[a] + (float)away * outward[a];
    ellipsoid_draw(&tumour->ball, random, centre, ball, 1.25);
}

static void draw_schwannoma(struct schwannoma *tumour, const struct head *head, struct random *random)
{
    tumour->side = random_chance(random, 0.5) ? LEFT : RIGHT;
    tumour->diameter = random_log_uniform(random, 5, 40);
    const float length = canal_length(tumour->rod.inward, head, tumour->side);
    for (int a = 0; a < 3; a++) tumour->rod.mouth[a] = head->canal[tumour->side][0][a];
    /* Large ones widen it. */
    const double widening = random_uniform(random, 1, 1.15 + 0.02 * fmin(tumour->diameter, 25));
    tumour->rod.radius = head->canal_radius[tumour->side] * (float)widening;
    const double in_canal = 3.141592653589793 * tumour->rod.radius * tumour->rod.radius * length;
    tumour->in_angle = ball_volume(tumour->diameter) > in_canal * random_uniform(random, 0.4, 1);
    if (tumour->in_angle)
        lie_in_angle(tumour, head, length, random);
    else
        lie_in_canal(tumour, length, random);
}

static float rod_field(const struct rod *rod, const float point[3])
{
    float along = 0, square = 0;
    for (int a = 0; a < 3; a++) along += (point[a] - rod->mouth[a]) * rod->inward[a];
    const float near = along < rod->from ? rod->from : along > rod->to ? rod->to : along;
    for (int a = 0; a < 3; a++) {
        const float off = point[a] - rod->mouth[a] - near * rod->inward[a];
        square += off * off;
    }
    return sqrtf(square) - rod->radius * (1 + rod->flare * expf(-fmaxf(near, 0) / 3));
}

/* field: the whole tumour, in bone only where the rod is. */
static bool shape_schwannoma(float *field, const struct schwannoma *tumour, const struct region *region,
                             struct random *random)
{
    float *limit = malloc(region->count * sizeof *limit);
    bool done = limit;
    if (done && tumour->in_angle)
        done = blob(field, region, &tumour->ball, 1, 0.03 * tumour->diameter, 0.35 * tumour->diameter + 2, random);
    size_t v = 0;
    for (int k = 0; done && k < region->shape[2]; k++)
        for (int j = 0; j < region->shape[1]; j++)
            for (int i = 0; i < region->shape[0]; i++, v++) {
                float point[3];
                region_point(point, region, i, j, k);
                const float rod = rod_field(&tumour->rod, point);
                const int voxel[3] = { region->low[0] + i, region->low[1] + j, region->low[2] + k };
                limit[v] = fminf(depth_in_bone(region->head->anatomy, voxel), rod);
                field[v] = tumour->in_angle ? fminf(field[v], rod) : rod;
            }
    if (done && tumour->in_angle) fit_diameter(field, limit, region->count, tumour->diameter);
    if (done) intersect(field, limit, region->count);
    free(limit);
    return done;
}

/* Large ones degenerate: one large cyst towards the brain stem, or several small ones. */
static bool add_cysts(struct lesion *lesion, const struct schwannoma *tumour, const struct region *region, float *field,
                      struct random *random)
{
    if (!tumour->in_angle || !random_chance(random, tumour->diameter > 20 ? 0.4 : 0.04)) return true;
    enum { MOST = 4 };
    const int count = random_chance(random, 0.4) ? 1 : 2 + random_below(random, MOST - 1);
    const double radius = tumour->ball.radius[0];
    lesion->look[PART_FLUID] = enhancing(random_uniform(random, 0.3, 0.55), random_uniform(random, 0.35, 0.6), 0.05, 6);
    struct ellipsoid cysts[MOST];
    for (int c = 0; c < count; c++) {
        float centre[3], direction[3];
        random_direction(direction, random);
        const double away = radius * random_uniform(random, 0.1, 0.6);
        for (int a = 0; a < 3; a++) centre[a] = tumour->ball.centre[a] + (float)away * direction[a];
        const double size = count == 1 ? random_uniform(random, 0.4, 0.65) : random_uniform(random, 0.15, 0.35);
        ellipsoid_draw(&cysts[c], random, centre, radius * size, 1.4);
    }
    return hollow(lesion, region, field, PART_FLUID, cysts, count, 1, random);
}

bool grow_an(struct lesion *lesion, const struct head *head, struct random *random)
{
    struct schwannoma tumour;
    struct region region;
    draw_schwannoma(&tumour, head, random);
    const float *centre = tumour.in_angle ? tumour.ball.centre : tumour.rod.mouth;
    if (!region_create(&region, head, centre, 1.3 * tumour.diameter + 18)) return false;
    float *field = malloc(region.count * sizeof *field);
    bool done = field && shape_schwannoma(field, &tumour, &region, random) &&
                push_aside(lesion, &region, field, random_uniform(random, 0.8, 1), 2.4);
    const double texture = random_uniform(random, 0.05, tumour.diameter > 20 ? 0.2 : 0.12);
    lesion->look[PART_SOLID] = enhancing(random_uniform(random, 0.75, 0.95), random_uniform(random, 1.2, 2.2), texture,
                                         random_uniform(random, 2, 6));
    done = done && add_cysts(lesion, &tumour, &region, field, random) &&
           cover_part(lesion, PART_SOLID, &region, field, random_uniform(random, 0.5, 1.2));
    if (done) go_round(lesion, &region, VEIN, INFINITY, 6);
    if (done) measure_lesion(lesion);
    lesion->foci = 1;
    free(field);
    region_free(&region);
    return done;
}
