/* Pictures of a small head: tissues, contrast, twins. */
#include <math.h>
#include <string.h>
#include "small_head.h"
#include "support.h"

/* malloc and calloc of the generator's objects, by the linker's --wrap: the one that `fail_at` counts down to fails. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
static int fail_at;

void *__wrap_malloc(size_t size)
{
    return fail_at > 0 && --fail_at == 0 ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fail_at > 0 && --fail_at == 0 ? NULL : __real_calloc(count, size);
}

START_TEST(a_warp_that_changes_nothing_gives_the_tissues_and_their_means)
{
    const struct lesion none = { .centre = { 40, 50, 60 } };
    const struct look look = plain_look();
    struct picture picture;
    int wrong = 0;
    must_paint(&picture, &none, &look, 0);
    for (size_t i = 0; i < sizeof tissue; i++)
        wrong += picture.tissue[i] != tissue[i] || picture.value[i] != look.mean[tissue[i]];
    ck_assert_int_eq(wrong, 0);
    for (int a = 0; a < 3; a++) ck_assert_float_eq_tol(picture.centre[a], none.centre[a], 1e-3);
    ck_assert_double_eq(picture.volume_ml, 0);
    picture_free(&picture);
}
END_TEST

START_TEST(between_two_voxels_lies_the_mean_of_their_tissues)
{
    const struct lesion none = { .centre = { 48, 48, 48 } };
    const struct look look = plain_look();
    struct grid grid = { { 1, 1, 1 }, { 0, 48, 48 }, 1 };
    struct picture picture;
    int i = 48;
    while (tissue[at(i + 1, 48, 48)] != CORTEX) i++;
    ck_assert_uint_eq(tissue[at(i, 48, 48)], WHITE);
    grid.origin[0] = (float)i + 0.25f;
    ck_assert(picture_paint(&picture, &grid, &head, &none, &identity, &look, 0, 7));
    ck_assert_float_eq_tol(picture.value[0], 0.75f * look.mean[WHITE] + 0.25f * look.mean[CORTEX], 1e-6);
    ck_assert_uint_eq(picture.tissue[0], WHITE);
    picture_free(&picture);
}
END_TEST

/* The mean of a picture over a tissue of the anatomy. */
static double mean_of(const struct look *look, enum tissue of)
{
    const struct lesion none = { .centre = { 48, 48, 48 } };
    struct picture picture;
    double sum = 0, count = 0;
    must_paint(&picture, &none, look, 0);
    for (size_t i = 0; i < sizeof tissue; i++) {
        if (tissue[i] != of) continue;
        sum += picture.value[i];
        count++;
    }
    picture_free(&picture);
    return sum / count;
}

START_TEST(fat_takes_its_share_of_soft_tissue_and_more_under_the_skin)
{
    struct look look = plain_look();
    look.fat_mean = 1.5f; /* where muscle is 0.5 */
    look.fat_share = 0.01f;
    const double little = mean_of(&look, SOFT_TISSUE);
    look.fat_share = 0.4f;
    const double some = mean_of(&look, SOFT_TISSUE);
    look.fat_depth = 1;
    const double thick = mean_of(&look, SOFT_TISSUE);
    ck_assert_double_gt(little, 0.5);
    ck_assert_double_gt(some, little + 0.1);
    ck_assert_double_gt(thick, some + 0.1);
    ck_assert_double_lt(thick, 1.5);
    ck_assert_float_eq_tol(mean_of(&look, WHITE), 1, 1e-6);
}
END_TEST

START_TEST(arteries_are_dark_where_their_flow_is_fast)
{
    struct look look = plain_look();
    look.mean[ARTERY] = 1;
    for (size_t i = 0; i < sizeof tissue; i++)
        if (tissue[i] == VEIN) tissue[i] = ARTERY;
    ck_assert_float_eq_tol(mean_of(&look, ARTERY), 1, 1e-6);
    look.vessels_flow = 1;
    const double dark = mean_of(&look, ARTERY);
    for (size_t i = 0; i < sizeof tissue; i++)
        if (tissue[i] == ARTERY) tissue[i] = VEIN;
    ck_assert_double_lt(dark, 0.3);
}
END_TEST

/* A drawn look, a drawn warp and a lesion, on a grid that only just holds the head. */
static void paint_all(struct picture *picture, const struct lesion *lesion, uint64_t seed)
{
    const struct grid grid = { { 80, 78, 76 }, { -52, -51, -50 }, 1.3f };
    struct look look;
    struct warp warp;
    look_draw(&look, seed, 1, 1);
    ck_assert(warp_create(&warp, &anatomy, seed));
    ck_assert(picture_paint(picture, &grid, &head, lesion, &warp, &look, 1, seed));
    warp_free(&warp);
}

START_TEST(the_same_seed_gives_the_same_bits_and_another_does_not)
{
    struct lesion lesion = ball_lesion(PART_SOLID);
    struct picture first, again, other;
    paint_all(&first, &lesion, 5);
    paint_all(&again, &lesion, 5);
    paint_all(&other, &lesion, 6);
    const size_t size = 80 * 78 * 76 * sizeof *first.value;
    ck_assert_mem_eq(first.value, again.value, size);
    ck_assert_mem_eq(first.tissue, again.tissue, size / sizeof *first.value);
    ck_assert_int_ne(memcmp(first.value, other.value, size), 0);
    picture_free(&first);
    picture_free(&again);
    picture_free(&other);
}
END_TEST

START_TEST(a_twin_differs_within_the_lesions_box_alone)
{
    struct lesion lesion = ball_lesion(PART_SOLID);
    const struct lesion none = { .centre = { 60, 48, 48 } };
    struct look look;
    struct picture tumour, twin;
    look_draw(&look, 11, 1, 1);
    must_paint(&tumour, &lesion, &look, 1);
    must_paint(&twin, &none, &look, 1);
    int near = 0, far = 0;
    for (size_t i = 0; i < sizeof tissue; i++) {
        float point[3];
        anatomy_point(point, &anatomy, i);
        const bool differs = tumour.value[i] != twin.value[i] || tumour.tissue[i] != twin.tissue[i];
        *(in_ball(point, 60, 48, 48, 9) ? &near : &far) += differs;
    }
    ck_assert_int_gt(near, 1500);
    ck_assert_int_eq(far, 0);
    picture_free(&tumour);
    picture_free(&twin);
}
END_TEST

START_TEST(contrast_shows_where_something_enhances_and_nowhere_else)
{
    const struct lesion none = { .centre = { 48, 48, 48 } };
    struct look look;
    struct picture before, after;
    look_draw(&look, 4, 1, 1);
    for (int t = 0; t < TISSUES; t++)
        if (t != VEIN && t != GLAND) look.uptake[t] = 0;
    look.vessels_uptake = 0;
    must_paint(&before, &none, &look, 0);
    must_paint(&after, &none, &look, 1);
    int brighter = 0, dull = 0, others = 0;
    for (size_t i = 0; i < sizeof tissue; i++) {
        const float gain = after.value[i] - before.value[i];
        if (tissue[i] == VEIN || tissue[i] == GLAND)
            ++*(gain > 0.2f * look.uptake[tissue[i]] ? &brighter : &dull);
        else
            others += gain != 0;
    }
    ck_assert_int_gt(brighter, 400);
    ck_assert_int_eq(dull, 0);
    ck_assert_int_eq(others, 0);
    picture_free(&before);
    picture_free(&after);
}
END_TEST

START_TEST(small_vessels_of_the_fluid_show_with_contrast_alone)
{
    const struct lesion none = { .centre = { 48, 48, 48 } };
    struct look look = plain_look();
    look.vessels_uptake = 0.8f;
    struct picture before, after;
    must_paint(&before, &none, &look, 0);
    must_paint(&after, &none, &look, 1);
    int fluid = 0, vessels = 0, elsewhere = 0;
    for (size_t i = 0; i < sizeof tissue; i++) {
        fluid += tissue[i] == CSF;
        elsewhere += tissue[i] != CSF && after.value[i] != before.value[i];
        vessels += after.value[i] > before.value[i] + 0.2f;
    }
    ck_assert_int_gt(vessels, fluid / 200);
    ck_assert_int_lt(vessels, fluid / 4);
    ck_assert_int_eq(elsewhere, 0);
    picture_free(&before);
    picture_free(&after);
}
END_TEST

/* Every allocation fails once; what was there before is given back (a leak would show in the sanitizer's run). */
START_TEST(without_memory_nothing_is_painted_and_nothing_leaks)
{
    const struct lesion none = { .centre = { 48, 48, 48 } };
    const struct look look = plain_look();
    int failures = 0;
    for (int nth = 1, failed = 1; failed; nth++) {
        struct picture picture;
        fail_at = nth;
        const bool painted = picture_paint(&picture, &whole, &head, &none, &identity, &look, 0, 7);
        failed = fail_at == 0;
        fail_at = 0;
        ck_assert(painted == !failed);
        failures += failed;
        if (failed) ck_assert_ptr_null(picture.value);
        picture_free(&picture);
    }
    ck_assert_int_gt(failures, 10);
    for (int nth = 1, failed = 1; failed; nth++) {
        struct warp warp;
        fail_at = nth;
        const bool created = warp_create(&warp, &anatomy, 1);
        failed = fail_at == 0;
        fail_at = 0;
        ck_assert(created == !failed);
        failures += failed;
        warp_free(&warp);
    }
    ck_assert_int_gt(failures, 17);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("paint");
    tcase_set_timeout(cases, 120);
    tcase_add_unchecked_fixture(cases, setup_head, NULL);
    tcase_add_test(cases, a_warp_that_changes_nothing_gives_the_tissues_and_their_means);
    tcase_add_test(cases, between_two_voxels_lies_the_mean_of_their_tissues);
    tcase_add_test(cases, fat_takes_its_share_of_soft_tissue_and_more_under_the_skin);
    tcase_add_test(cases, arteries_are_dark_where_their_flow_is_fast);
    tcase_add_test(cases, the_same_seed_gives_the_same_bits_and_another_does_not);
    tcase_add_test(cases, a_twin_differs_within_the_lesions_box_alone);
    tcase_add_test(cases, contrast_shows_where_something_enhances_and_nowhere_else);
    tcase_add_test(cases, small_vessels_of_the_fluid_show_with_contrast_alone);
    tcase_add_test(cases, without_memory_nothing_is_painted_and_nothing_leaks);
    Suite *suite = suite_create("paint");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
