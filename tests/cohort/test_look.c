/* Intensities of the tissues. */
#include "paint.h"
#include "support.h"

START_TEST(looks_are_those_of_t1_in_most_heads)
{
    int ordered = 0, bright_veins = 0, bright_fat = 0;
    const int heads = 500;
    for (uint64_t seed = 0; seed < (uint64_t)heads; seed++) {
        struct look look;
        look_draw(&look, seed, 1, 1);
        ordered += look.mean[CSF] < look.mean[CORTEX] && look.mean[CORTEX] < look.mean[WHITE];
        bright_veins += look.mean[VEIN] + look.uptake[VEIN] > 1.2f * look.mean[WHITE];
        bright_fat += look.fat_mean > 1.2f * look.mean[WHITE];
        ck_assert_float_eq(look.mean[OUTSIDE], 0);
        for (int t = CAVITY; t < TISSUES; t++) {
            ck_assert_float_gt(look.mean[t], 0);
            ck_assert_float_ge(look.uptake[t], 0);
        }
        ck_assert_float_le(look.uptake[WHITE], 0.05f * look.mean[WHITE]);
        ck_assert_float_eq(look.uptake[CSF], 0);
    }
    ck_assert_int_gt(ordered, heads * 92 / 100);
    ck_assert_int_lt(ordered, heads);
    ck_assert_int_gt(bright_veins, heads * 85 / 100);
    ck_assert_int_gt(bright_fat, heads * 85 / 100);
}
END_TEST

START_TEST(grey_and_white_and_fat_differ_as_the_scan_has_it)
{
    double contrast[2] = { 0, 0 }, fat[2] = { 0, 0 };
    for (uint64_t seed = 0; seed < 200; seed++)
        for (int i = 0; i < 2; i++) {
            struct look look;
            look_draw(&look, seed, i, i ? 1 : 0.2);
            contrast[i] += (look.mean[WHITE] - look.mean[CORTEX]) / 200;
            fat[i] += look.fat_mean / 200;
        }
    ck_assert_double_lt(contrast[0], 0.12);
    ck_assert_double_gt(contrast[1], 0.25);
    ck_assert_double_eq_tol(fat[0] / fat[1], 0.2, 0.01);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("look");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, looks_are_those_of_t1_in_most_heads);
    tcase_add_test(cases, grey_and_white_and_fat_differ_as_the_scan_has_it);
    Suite *suite = suite_create("look");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
