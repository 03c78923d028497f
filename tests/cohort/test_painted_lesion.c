/* How a lesion looks once it is painted. */
#include <math.h>
#include "small_head.h"
#include "support.h"

START_TEST(each_part_is_painted_with_its_level)
{
    const struct look look = plain_look();
    for (int part = 0; part < PARTS; part++) {
        struct lesion lesion = ball_lesion((enum part)part);
        struct picture picture;
        must_paint(&picture, &lesion, &look, 0.5);
        ck_assert_float_eq_tol(picture.value[at(60, 48, 48)], 0.5f + 0.5f * 0.75f, 1e-6);
        const bool tumour = part == PART_DULL || part == PART_FLUID || part == PART_SOLID;
        ck_assert_uint_eq(picture.lesion[at(60, 48, 48)], tumour ? 1 : part == PART_OEDEMA ? 2 : 0);
        ck_assert_uint_eq(picture.lesion[at(75, 48, 48)], 0);
        picture_free(&picture);
    }
}
END_TEST

START_TEST(what_a_part_keeps_shows_through_and_later_parts_lie_over_it)
{
    const struct look look = plain_look();
    struct lesion lesion = ball_lesion(PART_OEDEMA);
    struct picture picture;
    lesion.look[PART_OEDEMA].keep = 0.75f;
    must_paint(&picture, &lesion, &look, 0);
    ck_assert_float_eq_tol(picture.value[at(60, 48, 48)], 0.75f * 1 + 0.25f * 0.5f, 1e-6);
    picture_free(&picture);
    lesion.cover[PART_FLUID] = ball;
    lesion.look[PART_FLUID] = (struct part_look){ .level = 0.3f };
    must_paint(&picture, &lesion, &look, 0);
    ck_assert_float_eq_tol(picture.value[at(60, 48, 48)], 0.3f, 1e-6);
    ck_assert_uint_eq(picture.lesion[at(60, 48, 48)], 1);
    picture_free(&picture);
}
END_TEST

/* Mean and deviation of a part with texture 0.2. */
static void texture_is(double level, double uptake, double mean_wanted, double deviation_wanted)
{
    const struct look look = plain_look();
    struct lesion lesion = ball_lesion(PART_SOLID);
    struct picture picture;
    lesion.look[PART_SOLID] = (struct part_look){
        .level = (float)level, .uptake = (float)uptake, .texture = 0.2f, .grain = 2
    };
    must_paint(&picture, &lesion, &look, 1);
    double sum = 0, squares = 0, count = 0;
    for (size_t i = 0; i < sizeof tissue; i++) {
        if (picture.lesion[i] != 1) continue;
        sum += picture.value[i];
        squares += picture.value[i] * picture.value[i];
        count++;
    }
    const double mean = sum / count, deviation = sqrt(squares / count - mean * mean);
    ck_assert_double_eq_tol(mean, mean_wanted, 0.03);
    ck_assert_double_eq_tol(deviation, deviation_wanted, 0.2 * deviation_wanted);
    picture_free(&picture);
}

START_TEST(texture_varies_enhancement_as_much_as_it_says_and_what_is_under_it_less)
{
    texture_is(0, 0.5, 0.5, 0.1);
    texture_is(0.5, 0, 0.5, 0.04);
}
END_TEST

START_TEST(tissue_comes_from_where_the_lesion_pushed_it_from)
{
    const struct look look = plain_look();
    struct lesion lesion = ball_lesion(PART_SOLID);
    static float push[17 * 17 * 17][3];
    lesion.cover[PART_SOLID] = NULL;
    lesion.push = push;
    lesion.push_step = 2;
    /* All of the box by 3 mm to the right: what is at x comes from x - 3. */
    for (int n = 0; n < 17 * 17 * 17; n++) push[n][0] = -3;
    for (int a = 0; a < 3; a++) lesion.push_shape[a] = 17;
    struct picture picture;
    must_paint(&picture, &lesion, &look, 0);
    for (int i = 44; i <= 75; i++) {
        ck_assert_uint_eq(picture.tissue[at(i, 48, 48)], tissue[at(i - 3, 48, 48)]);
        ck_assert_float_eq_tol(picture.value[at(i, 48, 48)], look.mean[tissue[at(i - 3, 48, 48)]], 1e-5);
    }
    ck_assert_uint_eq(picture.tissue[at(43, 48, 48)], tissue[at(43, 48, 48)]);
    picture_free(&picture);
}
END_TEST

START_TEST(the_painted_volume_is_the_lesions_on_any_grid)
{
    struct lesion lesion = ball_lesion(PART_SOLID);
    const struct look look = plain_look();
    double true_ml = 0;
    for (int n = 0; n < BOX * BOX * BOX; n++) true_ml += ball[n] / 255.0 / 1000;
    for (float step = 0.7f; step < 2; step += 0.4f) {
        const int n = (int)(96 / step);
        const struct grid grid = { { n, n, n }, { 0.13f, 0.21f, 0.37f }, step }; /* no voxel on an edge of the cover */
        struct picture picture;
        ck_assert(picture_paint(&picture, &grid, &head, &lesion, &identity, &look, 0, 7));
        double masked = 0;
        for (int i = 0; i < n * n * n; i++) masked += picture.lesion[i] == 1;
        ck_assert_double_eq_tol(picture.volume_ml / true_ml, 1, 0.03);
        ck_assert_double_eq_tol(masked * pow(step, 3) / 1000 / true_ml, 1, 0.1);
        picture_free(&picture);
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("painted lesion");
    tcase_set_timeout(cases, 120);
    tcase_add_unchecked_fixture(cases, setup_head, NULL);
    tcase_add_test(cases, each_part_is_painted_with_its_level);
    tcase_add_test(cases, what_a_part_keeps_shows_through_and_later_parts_lie_over_it);
    tcase_add_test(cases, texture_varies_enhancement_as_much_as_it_says_and_what_is_under_it_less);
    tcase_add_test(cases, tissue_comes_from_where_the_lesion_pushed_it_from);
    tcase_add_test(cases, the_painted_volume_is_the_lesions_on_any_grid);
    Suite *suite = suite_create("painted lesion");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
