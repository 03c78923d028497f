/* Random numbers and smooth noise: the same for the same key, others for another, and spread as they promise. */
#include <math.h>
#include <stdlib.h>
#include "noise.h"
#include "random.h"
#include "support.h"

/* Known answers keep a cohort the same from version to version, and from machine to machine. */
START_TEST(numbers_are_those_of_all_versions)
{
    struct random random = random_of(1, STREAM_PLAN);
    ck_assert_uint_eq(random_bits(&random), 17154914556750032435u);
}
END_TEST

START_TEST(streams_and_seeds_differ)
{
    struct random first = random_of(1, STREAM_PLAN), stream = random_of(1, STREAM_HEAD),
                  seed = random_of(2, STREAM_PLAN), again = random_of(1, STREAM_PLAN);
    const uint64_t bits = random_bits(&first);
    ck_assert_uint_ne(bits, random_bits(&stream));
    ck_assert_uint_ne(bits, random_bits(&seed));
    ck_assert_uint_eq(bits, random_bits(&again));
}
END_TEST

START_TEST(normal_values_have_their_mean_and_deviation)
{
    struct random random = random_of(3, STREAM_NOISE);
    double sum = 0, squares = 0;
    const int count = 100000;
    for (int i = 0; i < count; i++) {
        const double value = random_normal(&random, 5, 2);
        sum += value;
        squares += (value - 5) * (value - 5);
    }
    ck_assert_double_eq_tol(sum / count, 5, 0.03);
    ck_assert_double_eq_tol(sqrt(squares / count), 2, 0.03);
}
END_TEST

START_TEST(choices_follow_their_weights)
{
    struct random random = random_of(4, STREAM_PLAN);
    const double weights[4] = { 0, 1, 3, 0 };
    int count[4] = { 0 };
    for (int i = 0; i < 40000; i++) count[random_choice(&random, weights, 4)]++;
    ck_assert_int_eq(count[0] + count[3], 0);
    ck_assert_double_eq_tol(count[2] / 40000.0, 0.75, 0.01);
}
END_TEST

START_TEST(noise_has_deviation_one_and_no_steps)
{
    struct random random = random_of(5, STREAM_TEXTURE);
    struct noise noise;
    const float low[3] = { -50, -40, -30 }, high[3] = { 50, 40, 30 };
    ck_assert(noise_create(&noise, &random, low, high, 4));
    double sum = 0, squares = 0, step = 0;
    size_t count = 0;
    for (float z = low[2]; z <= high[2]; z += 1.7f)
        for (float y = low[1]; y <= high[1]; y += 1.3f) {
            float row[400];
            noise_row(row, &noise, (float[]){ low[0], y, z }, 0.25f, 400);
            for (int i = 0; i < 400; i++, count++) {
                sum += row[i];
                squares += row[i] * row[i];
                if (i) step = fmax(step, fabs(row[i] - row[i - 1]));
            }
        }
    noise_free(&noise);
    ck_assert_double_eq_tol(sum / (double)count, 0, 0.05);
    ck_assert_double_eq_tol(sqrt(squares / (double)count), 1, 0.05);
    ck_assert_double_lt(step, 0.5);
}
END_TEST

START_TEST(a_row_holds_what_its_points_hold)
{
    struct random random = random_of(6, STREAM_TEXTURE);
    struct noise noise;
    const float low[3] = { 0, 0, 0 }, high[3] = { 20, 20, 20 }, from[3] = { -3, 7.3f, 19 };
    ck_assert(noise_create(&noise, &random, low, high, 3));
    float row[40];
    noise_row(row, &noise, from, 0.7f, 40);
    for (int i = 0; i < 40; i++) {
        const float point[3] = { from[0] + 0.7f * (float)i, from[1], from[2] };
        ck_assert_float_eq(row[i], noise_at(&noise, point));
    }
    noise_free(&noise);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("random");
    tcase_add_test(cases, numbers_are_those_of_all_versions);
    tcase_add_test(cases, streams_and_seeds_differ);
    tcase_add_test(cases, normal_values_have_their_mean_and_deviation);
    tcase_add_test(cases, choices_follow_their_weights);
    tcase_add_test(cases, noise_has_deviation_one_and_no_steps);
    tcase_add_test(cases, a_row_holds_what_its_points_hold);
    Suite *suite = suite_create("random");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
