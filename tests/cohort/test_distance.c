/* Distances between voxels: those that trying every voxel gives. */
#include <math.h>
#include <stdlib.h>
#include "grow.h"
#include "support.h"

static double nearest(const uint8_t *set, const int shape[3], int x, int y, int z)
{
    double squared = INFINITY;
    for (int k = 0, i = 0; k < shape[2]; k++)
        for (int j = 0; j < shape[1]; j++)
            for (int n = 0; n < shape[0]; n++, i++)
                if (set[i]) squared = fmin(squared, pow(n - x, 2) + pow(j - y, 2) + pow(k - z, 2));
    return sqrt(squared);
}

static void compare(const int shape[3], double density, double most)
{
    struct random random = random_of((uint64_t)shape[0], STREAM_PLAN);
    const size_t count = (size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2];
    uint8_t *set = malloc(count);
    float *mm = malloc(count * sizeof *mm);
    for (size_t i = 0; i < count; i++) set[i] = random_chance(&random, density) ? (uint8_t)(1 + i % 255) : 0;
    ck_assert(distance_map(mm, set, shape, most));
    for (int z = 0, i = 0; z < shape[2]; z++)
        for (int y = 0; y < shape[1]; y++)
            for (int x = 0; x < shape[0]; x++, i++)
                ck_assert_float_eq_tol(mm[i], fmin(most, nearest(set, shape, x, y, z)), 1e-5);
    free(mm);
    free(set);
}

START_TEST(distances_are_exact)
{
    compare((const int[]){ 19, 14, 23 }, 0.01, 100);
    compare((const int[]){ 33, 9, 5 }, 0.3, 100);
    compare((const int[]){ 1, 1, 40 }, 0.05, 100);
    compare((const int[]){ 16, 1, 1 }, 0.1, 100);
}
END_TEST

START_TEST(all_beyond_the_most_is_the_most)
{
    compare((const int[]){ 20, 21, 22 }, 0.0005, 4.5);
    compare((const int[]){ 8, 7, 6 }, 0, 3);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("distance");
    tcase_add_test(cases, distances_are_exact);
    tcase_add_test(cases, all_beyond_the_most_is_the_most);
    Suite *suite = suite_create("distance");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
