/* Warps of the head: they fold nowhere, go back, and vary as heads do. */
#include <math.h>
#include "small_head.h"
#include "support.h"

static double determinant(const struct warp *warp, const float point[3])
{
    float column[3][3], here[3];
    const float h = 0.5f;
    warp_point(here, warp, point);
    for (int a = 0; a < 3; a++) {
        float moved[3] = { point[0], point[1], point[2] };
        moved[a] += h;
        warp_point(column[a], warp, moved);
        for (int b = 0; b < 3; b++) column[a][b] = (column[a][b] - here[b]) / h;
    }
    return column[0][0] * (column[1][1] * column[2][2] - column[1][2] * column[2][1]) -
           column[0][1] * (column[1][0] * column[2][2] - column[1][2] * column[2][0]) +
           column[0][2] * (column[1][0] * column[2][1] - column[1][1] * column[2][0]);
}

/* A left-right exchange has a negative determinant everywhere; a fold would change its sign somewhere. */
START_TEST(warps_fold_nowhere_move_some_mm_and_exchange_the_sides_of_half)
{
    int flips = 0;
    double most = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct warp warp;
        ck_assert(warp_create(&warp, &anatomy, seed));
        const double sign = determinant(&warp, (float[]){ 0, 0, 0 }) < 0 ? -1 : 1;
        flips += sign < 0;
        for (float z = -45; z < 45; z += 5.3f)
            for (float y = -45; y < 45; y += 5.1f)
                for (float x = -45; x < 45; x += 4.9f) {
                    const double change = sign * determinant(&warp, (float[]){ x, y, z });
                    if (change < 0.15 || change > 4) ck_abort_msg("seed %d: Jacobian %g", (int)seed, change);
                }
        for (int n = 0; n < warp.grid.shape[0] * warp.grid.shape[1] * warp.grid.shape[2]; n++)
            most = fmax(most, fabsf(warp.shift[n][0]));
        warp_free(&warp);
    }
    ck_assert_int_gt(flips, 10);
    ck_assert_int_lt(flips, 30);
    ck_assert_double_gt(most, 4);
    ck_assert_double_lt(most, 25);
}
END_TEST

/* How much larger than its anatomy's the middle of the head is, where its ventricle lies, and places beside it. */
START_TEST(ventricles_vary_more_in_size_than_what_lies_round_them)
{
    double smallest = 9, largest = 0, middle = 0, beside = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct warp warp;
        ck_assert(warp_create(&warp, &anatomy, seed));
        float centre[3];
        warp_inverse(centre, &warp, (float[]){ 48, 48, 48 });
        const double growth = 1 / fabs(determinant(&warp, centre));
        const double other = 1 / fabs(determinant(&warp, (float[]){ centre[0], centre[1] + 30, centre[2] }));
        smallest = fmin(smallest, growth);
        largest = fmax(largest, growth);
        middle += log(growth) * log(growth);
        beside += log(other) * log(other);
        warp_free(&warp);
    }
    ck_assert_double_lt(smallest, 0.75);
    ck_assert_double_gt(largest, 1.5);
    ck_assert_double_gt(middle, 1.5 * beside);
}
END_TEST

START_TEST(the_inverse_of_a_warp_goes_back)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct warp warp;
        ck_assert(warp_create(&warp, &anatomy, seed));
        for (int n = 0; n < 50; n++) {
            const float point[3] = { (float)(n * 7 % 90 - 45), (float)(n * 13 % 90 - 45), (float)(n * 29 % 90 - 45) };
            float there[3], back[3];
            warp_point(there, &warp, point);
            warp_inverse(back, &warp, there);
            for (int a = 0; a < 3; a++) ck_assert_float_eq_tol(back[a], point[a], 0.1f);
        }
        warp_free(&warp);
    }
}
END_TEST

START_TEST(a_row_of_a_warp_holds_what_its_points_hold)
{
    struct warp warp;
    ck_assert(warp_create(&warp, &anatomy, 3));
    float x[200], y[200], z[200];
    const float from[3] = { -100, 11.3f, -7.7f };
    warp_row((float *[]){ x, y, z }, &warp, from, 1, 200);
    for (int i = 0; i < 200; i++) {
        float point[3];
        warp_point(point, &warp, (float[]){ from[0] + (float)i, from[1], from[2] });
        ck_assert_float_eq_tol(x[i], point[0], 1e-3);
        ck_assert_float_eq_tol(y[i], point[1], 1e-3);
        ck_assert_float_eq_tol(z[i], point[2], 1e-3);
    }
    warp_free(&warp);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("warp");
    tcase_set_timeout(cases, 120);
    tcase_add_unchecked_fixture(cases, setup_head, NULL);
    tcase_add_test(cases, warps_fold_nowhere_move_some_mm_and_exchange_the_sides_of_half);
    tcase_add_test(cases, ventricles_vary_more_in_size_than_what_lies_round_them);
    tcase_add_test(cases, the_inverse_of_a_warp_goes_back);
    tcase_add_test(cases, a_row_of_a_warp_holds_what_its_points_hold);
    Suite *suite = suite_create("warp");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
