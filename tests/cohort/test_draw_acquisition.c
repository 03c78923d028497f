/* What clinics draw: each kind of scan as often as docs/cohort.md says, within its ranges, and never by the class. */
#include <math.h>
#include <string.h>
#include "acquire.h"
#include "support.h"

enum { DRAWS = 20000 };
static const struct acquisition_rules training = { .family = { true, true, true, true, true, false } };

START_TEST(families_come_as_often_as_they_should)
{
    static const double expected[FAMILIES] = { 0.20, 0.15, 0.15, 0.37, 0.13, 0 };
    int count[FAMILIES] = { 0 };
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        struct acquisition acquisition;
        acquisition_draw(&acquisition, &training, 0.9, seed);
        count[acquisition.family]++;
    }
    for (int f = 0; f < FAMILIES; f++) ck_assert_double_eq_tol(count[f] / (double)DRAWS, expected[f], 0.012);
    ck_assert_int_eq(count[FAMILY_FAT_SUPPRESSED], 0);
}
END_TEST

START_TEST(the_left_out_family_comes_where_it_is_allowed)
{
    const struct acquisition_rules rules = { .family = { [FAMILY_FAT_SUPPRESSED] = true } };
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct acquisition acquisition;
        acquisition_draw(&acquisition, &rules, 1, seed);
        ck_assert_int_eq(acquisition.family, FAMILY_FAT_SUPPRESSED);
        ck_assert(acquisition.plane != 2);
        ck_assert(acquisition.fat >= 0.1f && acquisition.fat <= 0.4f);
    }
}
END_TEST

START_TEST(the_agent_changes_nothing_but_its_strength)
{
    int given = 0;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct acquisition with, without, half;
        acquisition_draw(&with, &training, 1, seed);
        acquisition_draw(&without, &training, 0, seed);
        acquisition_draw(&half, &training, 0.5, seed);
        ck_assert(with.strength >= 0.4f && with.strength <= 1.5f);
        ck_assert_float_eq(without.strength, 0);
        ck_assert(half.strength == 0 || half.strength == with.strength);
        given += half.strength > 0;
        with.strength = half.strength = 0;
        ck_assert_mem_eq(&with, &without, sizeof with);
        ck_assert_mem_eq(&half, &without, sizeof half);
    }
    ck_assert_double_eq_tol(given / 2000.0, 0.5, 0.04);
}
END_TEST

static void check_geometry(const struct acquisition *acquisition)
{
    const bool slices = acquisition->family == FAMILY_THICK || acquisition->family == FAMILY_SLAB;
    ck_assert(acquisition->in_plane >= 0.4f && acquisition->in_plane <= 1.2f);
    ck_assert(acquisition->between >= acquisition->thickness && acquisition->between <= 1.3f * acquisition->thickness);
    if (slices) ck_assert(acquisition->thickness >= 3 && acquisition->thickness <= 8);
    if (acquisition->family == FAMILY_VOLUME) ck_assert(acquisition->thickness >= 1 && acquisition->thickness <= 3);
    if (acquisition->family == FAMILY_ISOTROPIC || acquisition->family == FAMILY_ATLAS)
        ck_assert_float_eq(acquisition->between, acquisition->in_plane);
    if (acquisition->family == FAMILY_ATLAS) {
        ck_assert_float_eq(acquisition->in_plane, 1);
        ck_assert_int_ne(acquisition->stripping, STRIP_NONE);
    }
    ck_assert_int_eq(acquisition->slices > 0, acquisition->family == FAMILY_SLAB);
    if (acquisition->slices) ck_assert(acquisition->slices >= 4 && acquisition->slices <= 24);
    ck_assert(fabsf(acquisition->off_centre) <= 0.3f);
    for (int a = 0; a < 3; a++) ck_assert(fabsf(acquisition->tilt[a]) <= 10);
    ck_assert(acquisition->field[1] >= 200 && acquisition->field[1] <= 256);
}

static void check_treatment(const struct acquisition *acquisition)
{
    ck_assert(acquisition->noise >= 0.005f && acquisition->noise <= 0.06f);
    ck_assert(acquisition->gamma >= 0.7f && acquisition->gamma <= 1.4f);
    ck_assert(acquisition->bits == 8 || acquisition->bits == 16 || acquisition->bits == 32);
    ck_assert(acquisition->scale >= 30 && acquisition->scale <= 4000);
    ck_assert(acquisition->grey_white >= 0 && acquisition->grey_white <= 1);
    ck_assert_float_eq(acquisition->fat, 1);
    if (acquisition->normalised) ck_assert_int_eq(acquisition->bits, 32);
    if (acquisition->defaced) ck_assert_int_eq(acquisition->stripping, STRIP_NONE);
}

START_TEST(every_draw_is_within_its_ranges)
{
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        struct acquisition acquisition;
        acquisition_draw(&acquisition, &training, 0.9, seed);
        check_geometry(&acquisition);
        check_treatment(&acquisition);
    }
}
END_TEST

START_TEST(stripping_and_defacing_come_as_often_as_they_should)
{
    static const double expected[FAMILIES] = { 0.30, 1, 0.10, 0.10, 0.30, 0 };
    int all[FAMILIES] = { 0 }, stripped[FAMILIES] = { 0 }, kinds[STRIP_KINDS] = { 0 }, defaced = 0, whole = 0;
    int normalised = 0, narrow = 0, reversed = 0, mislabelled = 0;
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        struct acquisition acquisition;
        acquisition_draw(&acquisition, &training, 0.9, seed);
        all[acquisition.family]++;
        stripped[acquisition.family] += acquisition.stripping != STRIP_NONE;
        kinds[acquisition.stripping]++;
        whole += acquisition.stripping == STRIP_NONE;
        defaced += acquisition.defaced;
        normalised += acquisition.normalised != NORMALISED_NOT && acquisition.family != FAMILY_ATLAS;
        narrow += acquisition.bits == 8;
        reversed += acquisition.reversed;
        mislabelled += acquisition.mislabelled;
    }
    for (int f = 0; f < FAMILY_FAT_SUPPRESSED; f++)
        ck_assert_double_eq_tol(stripped[f] / (double)all[f], expected[f], 0.035);
    for (int s = 0; s < STRIP_KINDS; s++) ck_assert_int_gt(kinds[s], DRAWS / 50);
    ck_assert_double_eq_tol(defaced / (double)whole, 0.065, 0.01);
    ck_assert_double_eq_tol(normalised / (double)(DRAWS - all[FAMILY_ATLAS]), 0.12, 0.01);
    ck_assert_double_eq_tol(narrow / (double)DRAWS, 0.2 * 0.82, 0.015);
    ck_assert_double_eq_tol(reversed / (double)DRAWS, 0.017, 0.005);
    ck_assert_double_eq_tol(mislabelled / (double)DRAWS, 0.0085, 0.004);
}
END_TEST

START_TEST(all_forty_eight_orders_and_all_planes_come)
{
    bool seen[3][27][8] = { { { false } } };
    int planes[3] = { 0 }, orders = 0;
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        struct acquisition acquisition;
        acquisition_draw(&acquisition, &training, 0.9, seed);
        const int *axes = acquisition.axes;
        ck_assert_int_eq(1 << axes[0] | 1 << axes[1] | 1 << axes[2], 7);
        planes[acquisition.plane]++;
        seen[acquisition.plane][9 * axes[0] + 3 * axes[1] + axes[2]]
            [acquisition.flips[0] | acquisition.flips[1] << 1 | acquisition.flips[2] << 2] = true;
    }
    for (int n = 0; n < 27 * 8; n++) orders += seen[0][n / 8][n % 8];
    ck_assert_int_eq(orders, 48);
    for (int p = 0; p < 3; p++) ck_assert_int_gt(planes[p], DRAWS / 10);
}
END_TEST

START_TEST(no_voxel_is_finer_than_the_rules_say)
{
    struct acquisition_rules rules = training;
    rules.finest = 1.5;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct acquisition as_is, coarse;
        acquisition_draw(&as_is, &training, 0.9, seed);
        acquisition_draw(&coarse, &rules, 0.9, seed);
        ck_assert(coarse.in_plane >= 1.5f && coarse.between >= 1.5f && coarse.thickness >= 1.5f);
        ck_assert_float_eq(coarse.between, fmaxf(1.5f, as_is.between));
        ck_assert_float_eq(coarse.noise, as_is.noise);
    }
}
END_TEST

START_TEST(a_fixed_grid_overrides_the_geometry_alone)
{
    struct acquisition_rules rules = training;
    rules.fixed_shape = 96;
    rules.fixed_step = 2;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct acquisition as_is, fixed;
        acquisition_draw(&as_is, &training, 0.9, seed);
        acquisition_draw(&fixed, &rules, 0.9, seed);
        ck_assert_int_eq(fixed.cube, 96);
        ck_assert(fixed.in_plane == 2 && fixed.between == 2 && fixed.thickness == 2);
        ck_assert(fixed.plane == 0 && fixed.slices == 0 && !fixed.reversed && !fixed.mislabelled);
        for (int a = 0; a < 3; a++) ck_assert(fixed.axes[a] == a && !fixed.flips[a] && fixed.tilt[a] == 0);
        ck_assert(fixed.family == as_is.family && fixed.stripping == as_is.stripping && fixed.bits == as_is.bits);
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("draw_acquisition");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, families_come_as_often_as_they_should);
    tcase_add_test(cases, the_left_out_family_comes_where_it_is_allowed);
    tcase_add_test(cases, the_agent_changes_nothing_but_its_strength);
    tcase_add_test(cases, every_draw_is_within_its_ranges);
    tcase_add_test(cases, stripping_and_defacing_come_as_often_as_they_should);
    tcase_add_test(cases, all_forty_eight_orders_and_all_planes_come);
    tcase_add_test(cases, no_voxel_is_finer_than_the_rules_say);
    tcase_add_test(cases, a_fixed_grid_overrides_the_geometry_alone);
    Suite *suite = suite_create("draw_acquisition");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
