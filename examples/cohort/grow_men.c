/* Meningioma: a dome on dura, falx, tentorium or skull base, that pushes the brain away and draws the dura beside it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "extraaxial.h"

enum { DOMES = 6 };
struct meningioma {
    double diameter;
    float seed[3], normal[3]; /* a point of the wall, and the way into the brain */
    bool sheet;               /* the wall is falx or tentorium, not bone */
    float cut[3], cut_at;     /* where p . cut < cut_at it is not: it keeps to one side of falx or tentorium */
    double radius, height;    /* of the dome's base and over the wall, mm */
    double tail, oedema;      /* how far they go at most, mm; 0: none */
    bool plaque;
    struct ellipsoid dome[DOMES];
    int domes;
};

static float dot(const float a[3], const float b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* From the cerebellum to the cerebrum, as they lie round a point of the tentorium. */
static void tentorium_normal(float normal[3], const struct anatomy *anatomy, const float point[3])
{
    enum { RADIUS = 12 };
    double sum[2][3] = { { 0 } }, count[2] = { 1e-3, 1e-3 };
    int middle[3];
    for (int a = 0; a < 3; a++) {
        middle[a] = (int)lroundf(point[a]);
        if (middle[a] < RADIUS) middle[a] = RADIUS;
        if (middle[a] > anatomy->shape[a] - 1 - RADIUS) middle[a] = anatomy->shape[a] - 1 - RADIUS;
    }
    for (int k = -RADIUS; k <= RADIUS; k++)
        for (int j = -RADIUS; j <= RADIUS; j++)
            for (int i = -RADIUS; i <= RADIUS; i++) {
                const enum tissue tissue =
                    (enum tissue)anatomy->tissue[anatomy_index(anatomy, middle[0] + i, middle[1] + j, middle[2] + k)];
                const bool above = tissue == WHITE || tissue == CORTEX || tissue == HIPPOCAMPUS;
                if (!above && tissue != CEREBELLAR_WHITE && tissue != CEREBELLAR_CORTEX) continue;
                const int offset[3] = { i, j, k };
                for (int a = 0; a < 3; a++) sum[above][a] += offset[a];
                count[above]++;
            }
    for (int a = 0; a < 3; a++) normal[a] = (float)(sum[1][a] / count[1] - sum[0][a] / count[0]);
    normal[2] += 1e-3f;
    const float length = sqrtf(dot(normal, normal));
    for (int a = 0; a < 3; a++) normal[a] /= length;
}

/* On falx and tentorium it keeps to one side, or lies astride. */
static void stand_on_sheet(struct meningioma *tumour, const struct anatomy *anatomy, struct random *random)
{
    const bool falx = fabsf(tumour->seed[0] - anatomy->middle) < 5;
    if (falx)
        memcpy(tumour->normal, (float[]){ 1, 0, 0 }, sizeof tumour->normal);
    else
        tentorium_normal(tumour->normal, anatomy, tumour->seed);
    const float side = random_chance(random, 0.5) ? 1 : -1;
    for (int a = 0; a < 3; a++) tumour->normal[a] *= side;
    memcpy(tumour->cut, tumour->normal, sizeof tumour->cut);
    if (!random_chance(random, 0.2)) tumour->cut_at = dot(tumour->cut, tumour->seed) + 0.5f;
}

/* Beside the falx it keeps to its side, and bends the falx over the more, the deeper it hangs. */
static void keep_off_falx(struct meningioma *tumour, const struct anatomy *anatomy)
{
    const float lean = 0.2f, side = tumour->seed[0] < anatomy->middle ? -1 : 1;
    for (int a = 0; a < 3; a++) tumour->cut[a] = lean * tumour->normal[a] + (a == 0 ? side : 0);
    tumour->cut_at = dot(tumour->cut, tumour->seed) - side * (tumour->seed[0] - anatomy->middle) + 0.5f;
}

static void choose_wall(struct meningioma *tumour, const struct head *head, struct random *random)
{
    const struct anatomy *anatomy = head->anatomy;
    pick_seed(tumour->seed, head, MEN, random);
    const int seed[3] = { (int)tumour->seed[0], (int)tumour->seed[1], (int)tumour->seed[2] };
    tumour->cut_at = -INFINITY;
    memset(tumour->cut, 0, sizeof tumour->cut);
    tumour->sheet = depth_in_bone(anatomy, seed) < -4;
    if (tumour->sheet) {
        stand_on_sheet(tumour, anatomy, random);
        return;
    }
    bone_normal(tumour->normal, anatomy, tumour->seed, tumour->diameter > 25 ? 9 : 6);
    const bool high = tumour->seed[2] > 0.5f * (anatomy->brain_low[2] + anatomy->brain_high[2]);
    const bool beside_falx = high && fabsf(tumour->seed[0] - anatomy->middle) < 15;
    if (beside_falx && !random_chance(random, 0.15)) keep_off_falx(tumour, anatomy);
}

static void add_dome(struct meningioma *tumour, const float axis[3][3], const float along[3], double wide, double wider,
                     double high)
{
    struct ellipsoid *dome = &tumour->dome[tumour->domes++];
    memcpy(dome->axis, axis, sizeof dome->axis);
    memcpy(dome->centre, tumour->seed, sizeof dome->centre);
    for (int b = 0; b < 3; b++)
        for (int a = 0; a < 3; a++) dome->centre[a] += along[b] * axis[b][a];
    dome->radius[0] = (float)wide;
    dome->radius[1] = (float)wider;
    dome->radius[2] = (float)high;
}

/* An ellipsoid that the wall cuts: its base is 0.7 to 1.1 of its width. With its middle k half-heights over the wall,
 * the base is sqrt(1 - k^2) of the width, and (2 + 3 k - k^3) / 4 of the volume lies over the wall. */
static void draw_domes(struct meningioma *tumour, struct random *random)
{
    float axis[3][3];
    tumour->plaque = random_chance(random, 0.08) && !tumour->sheet && tumour->diameter < 40;
    const double base = tumour->plaque ? 1.1 : random_uniform(random, 0.7, 1.1);
    const double flat = tumour->plaque ? random_uniform(random, 0.2, 0.4) : random_uniform(random, 0.75, 1.3);
    const double k = base < 1 ? sqrt(1 - base * base) : 0, half = flat / (1 + k); /* of the base's radius */
    const double volume = 0.5235987755982988 * pow(tumour->diameter, 3);
    const double radius = cbrt(volume / (4.18879 * half * (2 + 3 * k - k * k * k) / 4));
    const double longer = random_uniform(random, 1, 1.2);
    tumour->radius = radius;
    tumour->height = flat * radius;
    axes_along(axis, tumour->normal, random);
    add_dome(tumour, axis, (float[]){ 0, 0, (float)(k * half * radius) }, radius * longer, radius / longer,
             half * radius);
    if (base > 1) /* it spreads where it meets the dura */
        add_dome(tumour, axis, (float[]){ 0, 0, 0 }, base * radius * longer, base * radius / longer,
                 0.3 * half * radius);
    if (!random_chance(random, 0.3)) return;
    for (int lobules = 2 + random_below(random, 3); lobules > 0; lobules--) {
        const double angle = random_uniform(random, 0, 6.283185307179586),
                     off = radius * random_uniform(random, 0.5, 0.8);
        const double size = radius * random_uniform(random, 0.4, 0.6);
        const float along[3] = { (float)(off * cos(angle)), (float)(off * sin(angle)),
                                 (float)(half * radius * random_uniform(random, 0.1, 0.9)) };
        add_dome(tumour, axis, along, size, size, fmin(size, 1.2 * half * radius));
    }
}

static bool region_noise(struct noise *noise, const struct region *region, double grain, struct random *random)
{
    float low[3], high[3];
    for (int a = 0; a < 3; a++) {
        low[a] = (float)region->low[a];
        high[a] = (float)(region->low[a] + region->shape[a] - 1);
    }
    return noise_create(noise, random, low, high, grain);
}

/* The domes, cut by falx or tentorium with a rounded edge; and the bone that is to cut them. */
static bool shape_domes(float *field, float *bone, const struct meningioma *tumour, const struct region *region,
                        struct random *random)
{
    const double rough = tumour->diameter * random_uniform(random, 0.01, 0.035);
    const float joint = 0.12f * (float)tumour->radius;
    if (!blob(field, region, tumour->dome, tumour->domes, rough, 0.35 * tumour->diameter + 2, random)) return false;
    size_t v = 0;
    for (int k = 0; k < region->shape[2]; k++)
        for (int j = 0; j < region->shape[1]; j++)
            for (int i = 0; i < region->shape[0]; i++, v++) {
                const int voxel[3] = { region->low[0] + i, region->low[1] + j, region->low[2] + k };
                const float point[3] = { (float)voxel[0], (float)voxel[1], (float)voxel[2] };
                const float beyond = tumour->cut_at - dot(tumour->cut, point);
                const float near = fmaxf(joint - fabsf(field[v] - beyond), 0);
                bone[v] = depth_in_bone(region->head->anatomy, voxel);
                field[v] = fmaxf(field[v], beyond) + near * near / (4 * joint);
            }
    fit_diameter(field, bone, region->count, tumour->diameter);
    return true;
}

/* field -= most * (mean + swing * noise), that sum kept within 0 and 1; where the field is between 0 and `most`. */
static bool widen(float *field, const struct region *region, float most, float mean, float swing, double grain,
                  struct random *random)
{
    struct noise noise;
    float *values = malloc((size_t)region->shape[0] * sizeof *values);
    if (!values || !region_noise(&noise, region, grain, random)) {
        free(values);
        return false;
    }
    for (int k = 0; k < region->shape[2]; k++)
        for (int j = 0; j < region->shape[1]; j++) {
            float point[3], *row = field + region_index(region, 0, j, k);
            int first = 0, end = region->shape[0];
            while (first < end && !(row[first] < most + 2)) first++;
            while (first < end && !(row[end - 1] < most + 2)) end--;
            if (first == end) continue;
            region_point(point, region, first, j, k);
            noise_row(values, &noise, point, 1, (size_t)(end - first));
            for (int i = first; i < end; i++) row[i] -= most * fminf(fmaxf(mean + swing * values[i - first], 0), 1);
        }
    noise_free(&noise);
    free(values);
    return true;
}

/* CSF between tumour and brain, here and there. */
static bool add_cleft(struct lesion *lesion, const struct region *region, const float *field, const float *bone,
                      float *work, struct random *random)
{
    const double most = random_uniform(random, 0, 2.4);
    if (most < 0.4) return true;
    memcpy(work, field, region->count * sizeof *work);
    lesion->look[PART_CLEFT] = enhancing(0.28, random_uniform(random, 0.28, 0.34), 0.05, 5);
    if (!widen(work, region, (float)fmin(most, 2), 0.5f, 0.5f, 12, random)) return false;
    for (size_t v = 0; v < region->count; v++) work[v] = fmaxf(work[v], bone[v]);
    return cover_part(lesion, PART_CLEFT, region, work, 1);
}

/* Dura beside the tumour, in some directions, thinner the farther. Along bone its thickness is measured; of a sheet's
 * candidates a share is covered. */
static bool add_tail(struct lesion *lesion, const struct meningioma *tumour, const struct region *region,
                     const float *field, double enhanced, struct random *random)
{
    const struct anatomy *anatomy = region->head->anatomy;
    const struct voxel_list *dura = &anatomy->dura;
    const float longest = (float)tumour->tail, thickest = (float)random_uniform(random, 1.2, 3);
    struct noise noise;
    if (longest == 0) return true;
    if (!lesion_part(lesion, PART_TAIL) || !region_noise(&noise, region, 14, random)) return false;
    lesion->look[PART_TAIL] = enhancing(0.8, enhanced * random_uniform(random, 0.85, 1.1), 0.1, 4);
    for (size_t n = 0; n < dura->count; n++) {
        float point[3];
        int at[3];
        bool inside = true;
        anatomy_point(point, anatomy, dura->index[n]);
        for (int a = 0; a < 3; a++) {
            at[a] = (int)point[a] - region->low[a];
            inside = inside && at[a] >= 0 && at[a] < region->shape[a];
        }
        if (!inside) continue;
        const size_t v = region_index(region, at[0], at[1], at[2]);
        if (field[v] < -1 || field[v] > longest) continue;
        const float reach = longest * fminf(fmaxf(0.5f + 0.6f * noise_at(&noise, point), 0.05f), 1);
        const float thick = thickest * fminf(1 - field[v] / reach, 1);
        const float off = 0.5f * (float)anatomy->to_skull[dura->index[n]]; /* 1 in the voxel beside bone */
        const float share = off < 4 ? thick + 1 - off : 0.4f * thick;
        if (share > 0) lesion->cover[PART_TAIL][v] = (uint8_t)(255 * fminf(share, 1));
    }
    noise_free(&noise);
    return true;
}

/* Bone grows into the tumour's base. */
static bool add_bone(struct lesion *lesion, const struct meningioma *tumour, const struct region *region, float *field,
                     const float *bone, float *work, struct random *random)
{
    if (tumour->sheet || !random_chance(random, tumour->plaque ? 0.5 : 0.13)) return true;
    const float thickest = (float)fmin(random_uniform(random, 1.5, 7), 0.35 * tumour->height);
    const float radius = (float)(tumour->radius * random_uniform(random, 0.6, 1));
    size_t v = 0;
    for (int k = 0; k < region->shape[2]; k++)
        for (int j = 0; j < region->shape[1]; j++)
            for (int i = 0; i < region->shape[0]; i++, v++) {
                float off[3];
                region_point(off, region, i, j, k);
                for (int a = 0; a < 3; a++) off[a] -= tumour->seed[a];
                const float up = dot(off, tumour->normal), along = (dot(off, off) - up * up) / (radius * radius);
                work[v] = fmaxf(-bone[v] - thickest * (1 - along), field[v]);
            }
    for (v = 0; v < region->count; v++) {
        field[v] = fmaxf(field[v], -work[v]);
        work[v] = fmaxf(work[v] - 0.5f, bone[v]);
    }
    lesion->look[PART_BONE] = enhancing(random_uniform(random, 0.12, 0.3), random_uniform(random, 0.2, 0.35), 0.1, 3);
    return cover_part(lesion, PART_BONE, region, work, 1);
}

/* Now and then a cyst, necrosis, or calcium. */
static bool add_pockets(struct lesion *lesion, const struct meningioma *tumour, const struct region *region,
                        float *field, struct random *random)
{
    enum { MOST = 3 };
    const struct ellipsoid *dome = &tumour->dome[0];
    const bool fluid = random_chance(random, 0.08), calcium = random_chance(random, 0.1);
    const int count = fluid ? 1 : 1 + random_below(random, MOST);
    struct ellipsoid pockets[MOST];
    if (!fluid && !calcium) return true;
    if (fluid)
        lesion->look[PART_FLUID] = enhancing(0.5, random_uniform(random, 0.4, 0.7), 0.1, 4);
    else
        lesion->look[PART_DULL] = enhancing(random_uniform(random, 0.15, 0.5), random_uniform(random, 0.3, 0.7), 0.2,
                                            2);
    for (int c = 0; c < count; c++) {
        float centre[3];
        const double rise = tumour->height * random_uniform(random, 0.3, 0.75);
        for (int a = 0; a < 3; a++)
            centre[a] = tumour->seed[a] + (float)rise * tumour->normal[a] +
                        (float)(tumour->radius * random_uniform(random, -0.3, 0.3));
        const double size = fmin(dome->radius[2], tumour->radius) * random_uniform(random, 0.2, fluid ? 0.45 : 0.55);
        ellipsoid_draw(&pockets[c], random, centre, size, 1.5);
    }
    return hollow(lesion, region, field, fluid ? PART_FLUID : PART_DULL, pockets, count, 1.5, random);
}

/* In the white matter next to it, as the tumour displaced it; cortex between them takes longer to cross. */
static bool add_oedema(struct lesion *lesion, const struct meningioma *tumour, struct region *region,
                       const float *field, float *work, struct random *random)
{
    const double most = tumour->oedema;
    float cost[TISSUES];
    if (most == 0) return true;
    for (int t = 0; t < TISSUES; t++) cost[t] = INFINITY;
    cost[WHITE] = cost[WHITE_LESION] = 1;
    cost[CSF] = cost[DURA] = 1.2f;
    cost[CORTEX] = 2;
    if (!region_displace(region, lesion)) return false;
    if (!spread(work, region, field, cost, most + 6)) return false;
    for (size_t v = 0; v < region->count; v++)
        work[v] = region->tissue[v] == WHITE || region->tissue[v] == WHITE_LESION ? work[v] - 6 : INFINITY;
    lesion->look[PART_OEDEMA] = enhancing(random_uniform(random, 0.75, 0.95), 0, 0.04, 8);
    lesion->look[PART_OEDEMA].uptake = 0;
    lesion->look[PART_OEDEMA].keep = 0.4f;
    return widen(work, region, (float)most, 0.65f, 0.25f, 16, random) &&
           cover_part(lesion, PART_OEDEMA, region, work, 3);
}

/* From the surface of the dome on, all parts. */
static bool add_parts(struct lesion *lesion, const struct meningioma *tumour, struct region *region, float *field,
                      const float *bone, float *work, struct random *random)
{
    const double enhanced = random_uniform(random, 1.2, 2.2), edge = random_uniform(random, 0.5, 1.2);
    lesion->look[PART_SOLID] = enhancing(random_uniform(random, 0.75, 0.95), enhanced,
                                         random_uniform(random, 0.05, 0.12), random_uniform(random, 3, 8));
    if (!add_cleft(lesion, region, field, bone, work, random) ||
        !add_tail(lesion, tumour, region, field, enhanced, random) ||
        !add_bone(lesion, tumour, region, field, bone, work, random) ||
        !add_pockets(lesion, tumour, region, field, random) || !cover_part(lesion, PART_SOLID, region, field, edge))
        return false;
    go_round(lesion, region, VEIN, INFINITY, 6);
    go_round(lesion, region, ARTERY, INFINITY, 6);
    go_round(lesion, region, GLAND, INFINITY, 6);
    return add_oedema(lesion, tumour, region, field, work, random);
}

bool grow_men(struct lesion *lesion, const struct head *head, struct random *random)
{
    struct meningioma tumour = { .diameter = random_log_uniform(random, 10, 70) };
    struct region region;
    float centre[3];
    choose_wall(&tumour, head, random);
    draw_domes(&tumour, random);
    tumour.tail = random_chance(random, 0.65) ? random_uniform(random, 8, 30) : 0;
    tumour.oedema = random_chance(random, 0.5) ? random_uniform(random, 3, 25) : 0;
    for (int a = 0; a < 3; a++) centre[a] = tumour.seed[a] + 0.4f * (float)tumour.height * tumour.normal[a];
    const double beyond = fmax(fmax(1.1 * tumour.radius, tumour.tail), tumour.oedema);
    if (!region_create(&region, head, centre, fmax(tumour.radius, tumour.height) + beyond + 4)) return false;
    float *field = malloc(region.count * sizeof *field), *bone = malloc(region.count * sizeof *bone);
    float *work = malloc(region.count * sizeof *work);
    /* It pushes away from its base, as if bone did not cut it. */
    bool done = field && bone && work && shape_domes(field, bone, &tumour, &region, random) &&
                push_aside(lesion, &region, field, random_uniform(random, 0.8, 1), 2.3);
    if (done) intersect(field, bone, region.count);
    done = done && add_parts(lesion, &tumour, &region, field, bone, work, random);
    if (done) measure_lesion(lesion);
    lesion->foci = 1;
    free(work);
    free(bone);
    free(field);
    region_free(&region);
    return done;
}
