/* The tools that lesions are made with: shapes, spreading, covers and mass effect, on a head of ellipsoids. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "phantom.h"
#include "support.h"

static struct phantom phantom;

static const float deep[3] = { 112, 100, 84 }; /* white matter, 27 mm from the skull */
static const float near_bone[3] = { 136, 95, 80 };

static float *new_field(const struct region *region)
{
    return malloc(region->count * sizeof(float));
}

static void ball(float *field, const struct region *region, const float centre[3], double radius)
{
    struct random random = random_of(1, STREAM_LESION);
    struct ellipsoid ellipsoid;
    ellipsoid_draw(&ellipsoid, &random, centre, radius, 1);
    ck_assert(blob(field, region, &ellipsoid, 1, 0, 1, &random));
}

START_TEST(a_region_holds_its_part_of_the_head_and_air_beyond)
{
    struct region region;
    uint8_t *border = &phantom.anatomy.tissue[anatomy_index(&phantom.anatomy, 0, 79, 67)];
    *border = SKIN;
    ck_assert(region_create(&region, &phantom.head, (float[]){ 5, 95, 80 }, 20));
    ck_assert_int_eq(region.tissue[region_index(&region, 15, 4, 7)], SKIN);
    region.tissue[region_index(&region, 15, 4, 7)] = *border = OUTSIDE;
    ck_assert_int_eq(region.shape[0], 41);
    ck_assert_int_eq(region.low[0], -15);
    for (int i = 0; i < 41; i++) {
        const int x = region.low[0] + i;
        const enum tissue expected = x < 0 ? OUTSIDE : phantom_tissue((int[]){ x, 75 + 4, 60 + 7 });
        ck_assert_int_eq(region.tissue[region_index(&region, i, 4, 7)], expected);
    }
    region_free(&region);
}
END_TEST

START_TEST(a_ball_has_its_distances)
{
    struct region region;
    ck_assert(region_create(&region, &phantom.head, deep, 30));
    float *field = new_field(&region);
    ball(field, &region, deep, 12);
    for (int i = 0; i < 61; i++)
        ck_assert_float_eq_tol(field[region_index(&region, i, 30, 30)], fabsf((float)i - 30) - 12, 0.01f);
    free(field);
    region_free(&region);
}
END_TEST

START_TEST(ellipsoids_keep_their_volume)
{
    struct random random = random_of(2, STREAM_LESION);
    for (int n = 0; n < 200; n++) {
        struct ellipsoid ellipsoid;
        ellipsoid_draw(&ellipsoid, &random, deep, 10, 1.6);
        const float *r = ellipsoid.radius;
        ck_assert_float_eq_tol(r[0] * r[1] * r[2], 1000, 0.5f);
        for (int a = 0; a < 3; a++) {
            ck_assert_float_le(r[a] / r[(a + 1) % 3], 1.6001f);
            for (int b = 0; b < 3; b++) {
                float dot = 0;
                for (int c = 0; c < 3; c++) dot += ellipsoid.axis[a][c] * ellipsoid.axis[b][c];
                ck_assert_float_eq_tol(dot, a == b, 1e-4f);
            }
        }
    }
}
END_TEST

START_TEST(a_rough_surface_has_its_deviation)
{
    struct random random = random_of(3, STREAM_LESION);
    struct region region;
    struct ellipsoid ellipsoid;
    ck_assert(region_create(&region, &phantom.head, deep, 30));
    float *smooth = new_field(&region), *rough = new_field(&region);
    ball(smooth, &region, deep, 18);
    ellipsoid_draw(&ellipsoid, &random, deep, 18, 1);
    ck_assert(blob(rough, &region, &ellipsoid, 1, 1.5, 6, &random));
    double squares = 0, count = 0;
    for (size_t n = 0; n < region.count; n++) {
        if (fabsf(smooth[n]) >= 6) ck_assert_float_eq_tol(rough[n], smooth[n], 1e-3f);
        if (fabsf(smooth[n]) > 1) continue;
        squares += (rough[n] - smooth[n]) * (rough[n] - smooth[n]);
        count++;
    }
    ck_assert_double_eq_tol(sqrt(squares / count), 1.5, 0.25);
    free(smooth);
    free(rough);
    region_free(&region);
}
END_TEST

/* Travel by going over all voxels until nothing changes. */
static void spread_slowly(float *travel, const struct region *region, const float *field, const float *cost, float most)
{
    for (size_t n = 0; n < region->count; n++) travel[n] = field[n] <= 0 ? 0 : most;
    for (bool changed = true; changed;) {
        changed = false;
        for (int n = 0; n < (int)region->count; n++)
            for (int s = 0; s < 27; s++) {
                const int nx = region->shape[0], ny = region->shape[1], nz = region->shape[2];
                const int dx = s % 3 - 1, dy = s / 3 % 3 - 1, dz = s / 9 - 1;
                const int i = n % nx + dx, j = n / nx % ny + dy, k = n / nx / ny + dz;
                if (i < 0 || j < 0 || k < 0 || i >= nx || j >= ny || k >= nz) continue;
                const float length = sqrtf((float)(dx * dx + dy * dy + dz * dz));
                const float there = travel[region_index(region, i, j, k)] + length * cost[region->tissue[n]];
                if (there <= most && there < travel[n]) {
                    travel[n] = there;
                    changed = true;
                }
            }
    }
}

/* A surface may be moved out by a third of its radius where a tumour has no room: a field that falls again would
 * leave shells. */
START_TEST(distances_rise_as_far_as_a_surface_may_move)
{
    struct region region;
    const double radius = 18;
    ck_assert(region_create(&region, &phantom.head, deep, 34));
    float *field = malloc(region.count * sizeof *field);
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct random random = random_of(seed, STREAM_LESION);
        struct ellipsoid ellipsoid;
        ellipsoid_draw(&ellipsoid, &random, deep, radius, 1.5);
        ck_assert(blob(field, &region, &ellipsoid, 1, 0, 6, &random));
        for (int ray = 0; ray < 200; ray++) {
            float to[3], last = -INFINITY;
            random_direction(to, &random);
            for (int step = 0; last < radius / 3; step++) {
                int at[3];
                for (int a = 0; a < 3; a++) at[a] = (int)lroundf(deep[a] + 2 * (float)step * to[a]) - region.low[a];
                const float here = field[region_index(&region, at[0], at[1], at[2])];
                if (last > -3) ck_assert_float_gt(here, last - 0.5f);
                last = here;
            }
        }
    }
    free(field);
    region_free(&region);
}
END_TEST

START_TEST(spreading_takes_the_cheapest_way)
{
    struct region region;
    struct random random = random_of(4, STREAM_LESION);
    ck_assert(region_create(&region, &phantom.head, near_bone, 9));
    for (size_t n = 0; n < region.count; n++)
        if (random_chance(&random, 0.3)) region.tissue[n] = VENTRICLE;
    float cost[TISSUES], *field = new_field(&region), *fast = new_field(&region), *slow = new_field(&region);
    for (int t = 0; t < TISSUES; t++) cost[t] = INFINITY;
    cost[WHITE] = 1;
    cost[CORTEX] = 2.7f;
    cost[VENTRICLE] = 0.3f;
    ball(field, &region, (float[]){ 130, 95, 80 }, 2);
    spread_slowly(slow, &region, field, cost, 11);
    ck_assert(spread(fast, &region, field, cost, 11));
    size_t reached = 0;
    for (size_t n = 0; n < region.count; n++) {
        ck_assert_float_eq_tol(fast[n], slow[n], 1e-4f);
        reached += fast[n] < 11;
        if (region.tissue[n] == CSF || region.tissue[n] == CORTICAL_BONE) ck_assert_float_eq(fast[n], 11);
    }
    ck_assert_uint_gt(reached, 1000);
    ck_assert(spread(field, &region, field, cost, 11)); /* in place */
    ck_assert_int_eq(memcmp(field, fast, region.count * sizeof *fast), 0);
    free(field);
    free(fast);
    free(slow);
    region_free(&region);
}
END_TEST

START_TEST(a_cover_has_the_volume_of_its_field)
{
    struct lesion lesion = { .shape = { 0, 0, 0 } };
    struct region region, other;
    ck_assert(region_create(&region, &phantom.head, deep, 30));
    ck_assert(region_create(&other, &phantom.head, (float[]){ 140, 100, 84 }, 12)); /* half of it outside the box */
    float *field = new_field(&region);
    const float centre[3] = { deep[0] + 3, deep[1] - 2, deep[2] + 5 };
    ball(field, &region, centre, 6);
    ck_assert(cover_part(&lesion, PART_SOLID, &region, field, 2));
    ball(field, &region, centre, 10); /* more of it, then less: what is covered stays so */
    ck_assert(cover_part(&lesion, PART_SOLID, &region, field, 2));
    ball(field, &region, centre, 9);
    ck_assert(cover_part(&lesion, PART_SOLID, &region, field, 2));
    ck_assert_int_eq(lesion.shape[0], region.shape[0]);
    measure_lesion(&lesion);
    ck_assert_double_eq_tol(lesion.volume_ml, 4.189, 0.08);
    for (int a = 0; a < 3; a++) ck_assert_float_eq_tol(lesion.centre[a], centre[a], 0.01f);
    ball(field, &other, (float[]){ 140, 100, 84 }, 6);
    ck_assert(cover_part(&lesion, PART_FLUID, &other, field, 1));
    measure_lesion(&lesion);
    const double both = 4.189 + 0.905 * 0.75; /* of the second, what lies below x = 142.5 */
    ck_assert_double_eq_tol(lesion.volume_ml, both, 0.12);
    lesion_free(&lesion);
    free(field);
    region_free(&region);
    region_free(&other);
}
END_TEST

/* mL of the head's own tissue that the lesion's ball now holds. */
static double tissue_within(const struct lesion *lesion, const float centre[3], double radius)
{
    double sum = 0;
    const float h = 0.5f;
    for (float z = -20; z <= 20; z += 1)
        for (float y = -20; y <= 20; y += 1)
            for (float x = -20; x <= 20; x += 1) {
                if (x * x + y * y + z * z > radius * radius) continue;
                double m[3][3];
                for (int b = 0; b < 3; b++) {
                    float low[3] = { centre[0] + x, centre[1] + y, centre[2] + z }, high[3], from[3], to[3];
                    memcpy(high, low, sizeof high);
                    low[b] -= h;
                    high[b] += h;
                    push_at(from, lesion, low);
                    push_at(to, lesion, high);
                    for (int a = 0; a < 3; a++) m[a][b] = (to[a] - from[a]) / (2 * h) + (a == b);
                }
                sum += m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
                       m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
                       m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
            }
    return sum / 1000;
}

START_TEST(the_share_asked_for_is_displaced)
{
    const double volume = 4.0 / 3 * 3.14159265 * 12 * 12 * 12 / 1000;
    for (double share = 0.2; share < 0.75; share += 0.25) {
        struct lesion lesion = { .shape = { 0, 0, 0 } };
        struct region region;
        ck_assert(region_create(&region, &phantom.head, deep, 40));
        float *field = new_field(&region);
        ball(field, &region, deep, 12);
        ck_assert(push_aside(&lesion, &region, field, share, 2));
        const double kept = tissue_within(&lesion, deep, 12) / volume;
        ck_assert_double_eq_tol(1 - kept, share, 0.1);
        lesion_free(&lesion);
        free(field);
        region_free(&region);
    }
}
END_TEST

START_TEST(tissue_moves_outwards_and_bone_not_at_all)
{
    struct lesion lesion = { .shape = { 0, 0, 0 } };
    struct region region;
    ck_assert(region_create(&region, &phantom.head, near_bone, 36));
    float *field = new_field(&region);
    ball(field, &region, near_bone, 14); /* it reaches the skull */
    ck_assert(push_aside(&lesion, &region, field, 1, 2.5));
    double furthest = 0;
    for (int k = 0; k < region.shape[2]; k++)
        for (int j = 0; j < region.shape[1]; j++)
            for (int i = 0; i < region.shape[0]; i++) {
                float point[3], push[3], along = 0;
                region_point(point, &region, i, j, k);
                push_at(push, &lesion, point);
                for (int a = 0; a < 3; a++) along += push[a] * (point[a] - near_bone[a]);
                ck_assert_float_le(along, 0.1f);
                const double mm = sqrt(push[0] * push[0] + push[1] * push[1] + push[2] * push[2]);
                furthest = fmax(furthest, mm);
                const enum tissue tissue = region.tissue[region_index(&region, i, j, k)];
                if (tissue == CORTICAL_BONE || tissue == SKIN)
                    ck_assert_double_le(mm, 1); /* what is left between points */
                if (i == 0 || k == 0 || i == region.shape[0] - 1) ck_assert_double_eq(mm, 0);
            }
    ck_assert_double_gt(furthest, 2);
    lesion_free(&lesion);
    free(field);
    region_free(&region);
}
END_TEST

START_TEST(nothing_folds_however_hard_it_is_pushed)
{
    for (int n = 0; n < 12; n++) {
        struct random random = random_of((uint64_t)n, STREAM_LESION);
        struct lesion lesion = { .shape = { 0, 0, 0 } };
        struct region region;
        struct ellipsoid ellipsoids[3];
        const float *centre = n % 2 ? deep : near_bone;
        ck_assert(region_create(&region, &phantom.head, centre, 40));
        float *field = new_field(&region);
        for (int turn = 0; turn < 2; turn++) { /* the second pushes on what the first has pushed */
            for (int e = 0; e < 3; e++) {
                float at[3];
                for (int a = 0; a < 3; a++) at[a] = centre[a] + (float)random_normal(&random, 0, 6);
                ellipsoid_draw(&ellipsoids[e], &random, at, 10, 1.8);
            }
            ck_assert(blob(field, &region, ellipsoids, 3, 2, 6, &random));
            ck_assert(push_aside(&lesion, &region, field, 1, random_uniform(&random, 1.4, 3)));
            ck_assert_double_ge(least_jacobian(&lesion), 0.2);
        }
        lesion_free(&lesion);
        free(field);
        region_free(&region);
    }
}
END_TEST

START_TEST(a_displaced_region_shows_tissue_where_it_went)
{
    struct lesion lesion = { .shape = { 0, 0, 0 } };
    struct region region;
    ck_assert(region_create(&region, &phantom.head, deep, 40));
    float *field = new_field(&region);
    ball(field, &region, deep, 12);
    ck_assert(region_displace(&region, &lesion)); /* nothing moves yet */
    const size_t wall = region_index(&region, 99 - region.low[0] - 1, 97 - region.low[1], 84 - region.low[2]);
    ck_assert_int_eq(region.tissue[wall], VENTRICLE);
    ck_assert(push_aside(&lesion, &region, field, 0.7, 2.5));
    ck_assert(region_displace(&region, &lesion));
    ck_assert_int_eq(region.tissue[wall], WHITE);
    lesion_free(&lesion);
    free(field);
    region_free(&region);
}
END_TEST

START_TEST(a_tumour_keeps_its_volume_and_its_side_of_the_falx)
{
    struct region region;
    const float middle[3] = { 106, 100, 110 };
    const struct fit fit = { .ml = ball_ml(9), .softness = 1 };
    ck_assert(region_create(&region, &phantom.head, middle, 20));
    for (size_t n = 0; n < region.count; n++) region.tissue[n] = n % 41 == 24 ? FALX : WHITE;
    float *field = new_field(&region);
    ball(field, &region, middle, 9); /* it would reach 4 mm beyond the falx */
    ck_assert(fit_in_brain(field, &region, middle, &fit));
    double voxels = 0;
    for (size_t n = 0; n < region.count; n++) {
        if (n % 41 > 22) ck_assert_float_ge(field[n], 0);
        voxels += field[n] < 0;
    }
    ck_assert_double_eq_tol(voxels / 1000, fit.ml, 0.15 * fit.ml);
    free(field);
    region_free(&region);
}
END_TEST

START_TEST(a_tumour_ends_at_the_brains_surface_and_closes_thin_sulci)
{
    struct region region;
    const float middle[3] = { 106, 100, 110 };
    const struct fit fit = { .ml = ball_ml(12), .softness = 1 };
    ck_assert(region_create(&region, &phantom.head, middle, 20));
    for (size_t n = 0; n < region.count; n++) { /* a sulcus of 2 mm, and CSF from 6 mm beside the middle on */
        const size_t x = n % 41, y = n / 41 % 41;
        region.tissue[n] = x >= 26 || y == 14 || y == 15 ? CSF : WHITE;
    }
    float *field = new_field(&region);
    ball(field, &region, middle, 12);
    ck_assert(fit_in_brain(field, &region, middle, &fit));
    ck_assert_float_lt(field[region_index(&region, 25, 20, 20)], 0);
    ck_assert_float_ge(field[region_index(&region, 26, 20, 20)], 0);
    ck_assert_float_lt(field[region_index(&region, 18, 14, 20)], 0);
    free(field);
    region_free(&region);
}
END_TEST

int main(void)
{
    phantom_create(&phantom);
    TCase *cases = tcase_create("grow");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, a_region_holds_its_part_of_the_head_and_air_beyond);
    tcase_add_test(cases, a_ball_has_its_distances);
    tcase_add_test(cases, ellipsoids_keep_their_volume);
    tcase_add_test(cases, a_rough_surface_has_its_deviation);
    tcase_add_test(cases, distances_rise_as_far_as_a_surface_may_move);
    tcase_add_test(cases, spreading_takes_the_cheapest_way);
    tcase_add_test(cases, a_cover_has_the_volume_of_its_field);
    tcase_add_test(cases, the_share_asked_for_is_displaced);
    tcase_add_test(cases, tissue_moves_outwards_and_bone_not_at_all);
    tcase_add_test(cases, nothing_folds_however_hard_it_is_pushed);
    tcase_add_test(cases, a_displaced_region_shows_tissue_where_it_went);
    tcase_add_test(cases, a_tumour_keeps_its_volume_and_its_side_of_the_falx);
    tcase_add_test(cases, a_tumour_ends_at_the_brains_surface_and_closes_thin_sulci);
    Suite *suite = suite_create("grow");
    suite_add_tcase(suite, cases);
    const int failed = run_suite(suite);
    phantom_free(&phantom);
    return failed;
}
