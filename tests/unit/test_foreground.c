#include "support.h"
#include "phantom.h"
#include "preprocess/components.h"
#include "preprocess/statistics.h"

enum { MOST = 9 * 9 * 9 };
static const double cube[3] = { 1, 1, 1 };

START_TEST(voxels_that_are_not_numbers_become_background_and_change_nothing_else)
{
    struct phantom *head = phantom_create(20, 20, 20, cube, 0, true);
    struct preprocess_spec spec = phantom_stretch(20, 20, 20);
    struct preparation whole = prepare(&head->volume, NULL, &spec);
    const int64_t hole = (10 * 20 + 9) * 20 + 8, corner = 0;
    head->voxels[hole] = NAN;
    head->voxels[corner] = INFINITY;
    struct preparation got = prepare(&head->volume, NULL, &spec);
    ck_assert_int_eq(got.facts.nonfinite, 2);
    ck_assert_int_eq(whole.foreground[hole], 1);
    ck_assert_int_eq(got.foreground[hole], 0);
    ck_assert_double_eq_tol(got.input[(8 * 20 + 9) * 20 + 10],
                            (got.facts.minimum - got.facts.mean) / got.facts.deviation, 1e-6);
    ck_assert_double_eq_tol(got.facts.mean, whole.facts.mean, 0.2);
    preparation_free(&whole);
    preparation_free(&got);
    free(head);
}
END_TEST

START_TEST(a_background_is_what_more_than_half_of_the_faces_have)
{
    for (int twentieths = 9; twentieths <= 11; twentieths++) {
        struct phantom *head = phantom_create(20, 20, 20, cube, 0, true);
        const struct preprocess_spec spec = phantom_stretch(8, 8, 8);
        int faces = 0, constant = 0;
        for (int i = 0; i < 8000; i++) {
            const int x = i % 20, y = i / 20 % 20, z = i / 400;
            if (x % 19 && y % 19 && z % 19) continue;
            if (faces++ % 20 >= twentieths) continue;
            head->voxels[i] = -5;
            constant++;
        }
        head->voxels[(10 * 20 + 10) * 20 + 10] = -50; /* else what differs from a value so low might be noise */
        struct preparation got = prepare(&head->volume, NULL, &spec);
        const bool most = 2 * constant > faces;
        ck_assert_int_eq(got.facts.foreground_tried, most ? FOREGROUND_BACKGROUND_VALUE : FOREGROUND_OTSU);
        ck_assert_double_eq(got.facts.background_share, most ? constant / (double)faces : 0);
        ck_assert_double_eq(got.facts.background_value, most ? -5 : 0);
        preparation_free(&got);
        free(head);
    }
}
END_TEST

/* Air that is 0 in two voxels of three, as quiet scans of 8 bits are: the rest hangs together round the head. */
START_TEST(a_background_with_noise_in_it_is_none)
{
    for (int noise = 0; noise < 2; noise++) {
        struct phantom *head = phantom_create(24, 24, 24, cube, 0, true);
        const struct preprocess_spec spec = phantom_stretch(8, 8, 8);
        uint32_t state = 3;
        int64_t size = 0, wrong = 0;
        for (int i = 0; i < 24 * 24 * 24; i++) {
            const int x = i % 24 - 12, y = i / 24 % 24 - 12, z = i / 576 - 12;
            const bool inside = x * x + y * y + z * z < 64, speck = noise && phantom_random(&state) < 0.35;
            head->voxels[i] = inside ? 100 + (float)(i % 7) : speck ? 1 + (float)(i % 2) : 0;
            size += inside;
        }
        struct preparation got = prepare(&head->volume, NULL, &spec);
        for (int i = 0; i < 24 * 24 * 24; i++) wrong += got.foreground[i] != (head->voxels[i] >= 100);
        ck_assert_int_eq(got.facts.foreground, noise ? FOREGROUND_OTSU : FOREGROUND_BACKGROUND_VALUE);
        ck_assert_int_gt(size, 2000);
        ck_assert_int_eq(wrong, 0);
        preparation_free(&got);
        free(head);
    }
}
END_TEST

/* A brain of 100 in a head whose fat is three times as bright: with the air it would be the darker of two classes. */
START_TEST(bright_fat_does_not_take_the_head_from_the_brain)
{
    struct phantom *head = phantom_create(24, 24, 24, cube, 0, true);
    const struct preprocess_spec spec = phantom_stretch(8, 8, 8);
    int64_t brain = 0, found = 0;
    uint32_t state = 3;
    for (int i = 0; i < 24 * 24 * 24; i++) {
        const int x = i % 24 - 12, y = i / 24 % 24 - 12, z = i / 576 - 12, square = x * x + y * y + z * z;
        const bool open = z > 6; /* no hole that filling would find */
        const double air = 8 * phantom_random(&state);
        head->voxels[i] = (float)(square < 49 ? 100 + air : square < 100 && !open ? 300 + air : air);
    }
    struct preparation got = prepare(&head->volume, NULL, &spec);
    for (int i = 0; i < 24 * 24 * 24; i++) {
        const bool inside = head->voxels[i] > 90 && head->voxels[i] < 120;
        brain += inside;
        found += inside && got.foreground[i];
    }
    ck_assert_int_eq(got.facts.foreground, FOREGROUND_OTSU);
    ck_assert_int_gt(brain, 1000);
    ck_assert_int_eq(found, brain);
    preparation_free(&got);
    free(head);
}
END_TEST

START_TEST(a_border_of_nan_is_a_background_like_any_other)
{
    struct phantom *zeros = phantom_create(20, 20, 20, cube, 0, false), *nans = malloc(sizeof *nans);
    memcpy(nans, zeros, sizeof *zeros);
    nans->volume.data = nans->voxels;
    for (int64_t i = 0; i < volume_count(&zeros->volume); i++)
        if (zeros->voxels[i] == 0) nans->voxels[i] = NAN;
    struct preprocess_spec spec = phantom_stretch(16, 16, 16);
    spec.has_background = true;
    struct preparation a = prepare(&zeros->volume, NULL, &spec), b = prepare(&nans->volume, NULL, &spec);
    ck_assert_int_eq(b.facts.foreground, FOREGROUND_BACKGROUND_VALUE);
    ck_assert(isnan(b.facts.background_value));
    ck_assert_double_eq(a.facts.background_share, b.facts.background_share);
    ck_assert_mem_eq(a.input, b.input, input_count(&spec) * sizeof *a.input);
    preparation_free(&a);
    preparation_free(&b);
    free(zeros);
    free(nans);
}
END_TEST

START_TEST(a_mask_is_taken_as_it_is_and_an_empty_one_refused)
{
    struct phantom *head = phantom_create(20, 18, 16, cube, 0, true);
    struct preprocess_spec spec = phantom_stretch(8, 8, 8);
    unsigned char bytes[20 * 18 * 16] = { 0 };
    tumorclass_volume mask = head->volume;
    mask.data = bytes;
    mask.dtype = TUMORCLASS_U8;
    memset(mask.affine, 0, sizeof mask.affine); /* a mask's voxels are the scan's, wherever it says it lies */
    refuse(&head->volume, &mask, &spec, TUMORCLASS_BAD_ARGUMENT,
           "the mask is empty: none of its 5760 voxels is non-zero");
    double sum = 0;
    for (int64_t i = 100; i < 200; i++) {
        bytes[i * 7] = 3;
        sum += head->voxels[i * 7];
    }
    struct preparation got = prepare(&head->volume, &mask, &spec);
    for (size_t i = 0; i < sizeof bytes; i++) ck_assert_int_eq(got.foreground[i], bytes[i] != 0);
    ck_assert_int_eq(got.facts.foreground, FOREGROUND_GIVEN);
    ck_assert_double_eq_tol(got.facts.mean, sum / 100, 1e-9);
    for (size_t i = 0; i < sizeof bytes; i++)
        if (bytes[i]) head->voxels[i] = NAN;
    refuse(&head->volume, &mask, &spec, TUMORCLASS_BAD_ARGUMENT,
           "the mask is empty: none of its 5760 voxels is non-zero where the scan is finite");
    preparation_free(&got);
    free(head);
}
END_TEST

START_TEST(a_scan_without_contrast_is_refused)
{
    struct phantom *head = phantom_create(5, 6, 7, cube, 0, true);
    const struct preprocess_spec spec = phantom_stretch(4, 4, 4);
    for (int i = 0; i < 5 * 6 * 7; i++) head->voxels[i] = 12.5f;
    refuse(&head->volume, NULL, &spec, TUMORCLASS_BAD_IMAGE, "every voxel has the value 12.5");
    head->voxels[3] = NAN;
    refuse(&head->volume, NULL, &spec, TUMORCLASS_BAD_IMAGE, "every finite voxel has the value 12.5");
    for (int i = 0; i < 5 * 6 * 7; i++) head->voxels[i] = i % 2 ? NAN : -INFINITY;
    refuse(&head->volume, NULL, &spec, TUMORCLASS_BAD_IMAGE, "no voxel of the scan has a finite value");
    free(head);
}
END_TEST

START_TEST(a_foreground_of_one_value_takes_the_statistics_of_the_whole_scan)
{
    struct phantom *head = phantom_create(20, 20, 20, cube, 0, false);
    for (int64_t i = 0; i < volume_count(&head->volume); i++) head->voxels[i] = head->voxels[i] > 0;
    struct preprocess_spec spec = phantom_stretch(20, 20, 20);
    for (int n = 0; n < 2; n++) {
        spec.norm = n ? NORM_PERCENTILE : NORM_ZSCORE_FOREGROUND;
        spec.percentiles[0] = 0.5;
        spec.percentiles[1] = 1;
        struct preparation got = prepare(&head->volume, NULL, &spec);
        ck_assert(got.facts.whole);
        const double share = got.facts.foreground_share;
        ck_assert_double_eq_tol(got.facts.mean, share, 1e-12);
        ck_assert_double_eq_tol(got.facts.deviation, sqrt(share * (1 - share)), 1e-12);
        const double one = n ? 1 : (1 - share) / got.facts.deviation;
        ck_assert_double_eq_tol(got.input[(10 * 20 + 10) * 20 + 10], one, 1e-6);
        preparation_free(&got);
    }
    free(head);
}
END_TEST

START_TEST(too_little_or_too_much_foreground_means_all_of_it)
{
    struct phantom *head = phantom_create(20, 20, 20, cube, 0, false);
    const struct preprocess_spec spec = phantom_stretch(8, 8, 8);
    for (int64_t i = 0; i < 8000; i++) head->voxels[i] = i == 4210 || i == 4211 ? (float)i : 0;
    struct preparation little = prepare(&head->volume, NULL, &spec);
    ck_assert_int_eq(little.facts.foreground, FOREGROUND_ALL);
    ck_assert_int_eq(little.facts.foreground_tried, FOREGROUND_BACKGROUND_VALUE);
    ck_assert_double_eq(little.facts.foreground_share, 2.0 / 8000);
    ck_assert_double_eq_tol(little.facts.mean, 8421.0 / 8000, 1e-12);
    for (int64_t i = 0; i < 8000; i++) head->voxels[i] = i % 400 == 0 ? 0 : 500 + (float)(i % 7);
    struct preparation much = prepare(&head->volume, NULL, &spec);
    ck_assert_int_eq(much.facts.foreground, FOREGROUND_ALL);
    ck_assert_int_eq(much.facts.foreground_tried, FOREGROUND_OTSU);
    ck_assert_double_gt(much.facts.foreground_share, 0.95);
    ck_assert_int_eq(much.foreground[0], 1);
    preparation_free(&little);
    preparation_free(&much);
    free(head);
}
END_TEST

/* ---- Components, by the simplest means there are ---- */

/* Mark with `mark` all that is joined to voxel `start` through voxels of the same value; how many. */
static int64_t flood(unsigned char *mask, const int64_t shape[3], int64_t start, unsigned char mark)
{
    const unsigned char colour = mask[start];
    int64_t count = 1;
    mask[start] = mark;
    for (bool grown = true; grown;) {
        grown = false;
        for (int64_t i = 0; i < shape[0] * shape[1] * shape[2]; i++) {
            const int64_t w = i % shape[2], h = i / shape[2] % shape[1], d = i / shape[2] / shape[1];
            if (mask[i] != colour) continue;
            const bool joined = (w > 0 && mask[i - 1] == mark) || (w < shape[2] - 1 && mask[i + 1] == mark) ||
                                (h > 0 && mask[i - shape[2]] == mark) ||
                                (h < shape[1] - 1 && mask[i + shape[2]] == mark) ||
                                (d > 0 && mask[i - shape[1] * shape[2]] == mark) ||
                                (d < shape[0] - 1 && mask[i + shape[1] * shape[2]] == mark);
            if (!joined) continue;
            mask[i] = mark;
            count++;
            grown = true;
        }
    }
    return count;
}

static void keep_largest_simply(unsigned char *mask, const int64_t shape[3])
{
    const int64_t count = shape[0] * shape[1] * shape[2];
    int64_t largest = 0, first = -1;
    unsigned char copy[MOST];
    memcpy(copy, mask, (size_t)count);
    for (int64_t i = 0; i < count; i++) {
        if (copy[i] != 1) continue;
        const int64_t size = flood(copy, shape, i, 2);
        if (size > largest) first = i;
        if (size > largest) largest = size;
    }
    if (first >= 0) flood(mask, shape, first, 2);
    for (int64_t i = 0; i < count; i++) mask[i] = mask[i] == 2;
}

static void fill_holes_simply(unsigned char *mask, const int64_t shape[3])
{
    const int64_t count = shape[0] * shape[1] * shape[2];
    for (int64_t i = 0; i < count; i++) {
        const int64_t w = i % shape[2], h = i / shape[2] % shape[1], d = i / shape[2] / shape[1];
        const bool border = !w || !h || !d || w == shape[2] - 1 || h == shape[1] - 1 || d == shape[0] - 1;
        if (border && mask[i] == 0) flood(mask, shape, i, 2);
    }
    for (int64_t i = 0; i < count; i++) mask[i] = mask[i] != 2;
}

START_TEST(components_and_holes_are_those_of_a_flood_fill)
{
    uint32_t state = 7;
    const struct work work = work_create(NULL, NULL, "test");
    for (int round = 0; round < 600; round++) {
        int64_t shape[3];
        for (int n = 0; n < 3; n++) shape[n] = 1 + (int64_t)(9 * phantom_random(&state));
        const double density = phantom_random(&state);
        unsigned char mask[MOST], expected[MOST];
        const size_t count = (size_t)multiply_extents(shape, 3);
        for (size_t i = 0; i < count; i++) mask[i] = expected[i] = phantom_random(&state) < density;
        if (round % 2) {
            keep_largest_simply(expected, shape);
            ck_assert_int_eq(keep_largest_component(mask, shape, &work), TUMORCLASS_OK);
        } else {
            fill_holes_simply(expected, shape);
            ck_assert_int_eq(fill_holes(mask, shape, &work), TUMORCLASS_OK);
        }
        ck_assert_mem_eq(mask, expected, count);
    }
}
END_TEST

/* ---- Statistics ---- */

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

START_TEST(percentiles_and_moments_are_those_of_the_sorted_values)
{
    static const double percents[] = { 0, 0.1, 1, 25, 50, 99, 99.9, 100 };
    uint32_t state = 3;
    const struct work work = work_create(NULL, NULL, "test");
    for (int round = 0; round < 200; round++) {
        static float values[3000], sorted[3000];
        static unsigned char inside[3000];
        const int64_t count = 1 + (int64_t)(2999 * phantom_random(&state));
        const double scale = pow(10, 12 * phantom_random(&state) - 6), grain = round % 3 ? scale / 7 : 1e-9;
        int64_t population = 0;
        for (int64_t i = 0; i < count; i++) {
            values[i] = (float)(grain * floor(scale * (phantom_random(&state) - 0.5) / grain));
            inside[i] = i == 0 || phantom_random(&state) < 0.7;
            if (inside[i]) sorted[population++] = values[i];
            if (!inside[i] && round % 2) values[i] = NAN;
        }
        qsort(sorted, (size_t)population, sizeof *sorted, ascending);
        const struct sample sample = { values, round % 2 ? NULL : inside, count };
        struct moments moments;
        ck_assert_int_eq(measure_moments(&moments, &sample, &work), TUMORCLASS_OK);
        ck_assert_int_eq(moments.count, population);
        ck_assert_double_eq(moments.minimum, sorted[0]);
        ck_assert_double_eq(moments.maximum, sorted[population - 1]);
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < population; i++) sum += sorted[i];
        for (int64_t i = 0; i < population; i++) squares += pow(sorted[i] - sum / (double)population, 2);
        ck_assert_double_eq_tol(moments.mean, sum / (double)population, 1e-12 * scale);
        ck_assert_double_eq_tol(moments.deviation, sqrt(squares / (double)population), 1e-12 * scale);
        for (size_t n = 0; n < sizeof percents / sizeof *percents; n++) {
            const double position = percents[n] / 100 * (double)(population - 1);
            const int64_t below = (int64_t)position, above = below + 1 < population ? below + 1 : below;
            const double step = (double)sorted[above] - sorted[below];
            double value;
            ck_assert_int_eq(measure_percentile(&value, &sample, population, percents[n], &work), TUMORCLASS_OK);
            ck_assert_double_eq(value, sorted[below] + (position - (double)below) * step);
        }
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("foreground");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, voxels_that_are_not_numbers_become_background_and_change_nothing_else);
    tcase_add_test(cases, a_background_is_what_more_than_half_of_the_faces_have);
    tcase_add_test(cases, a_background_with_noise_in_it_is_none);
    tcase_add_test(cases, bright_fat_does_not_take_the_head_from_the_brain);
    tcase_add_test(cases, a_border_of_nan_is_a_background_like_any_other);
    tcase_add_test(cases, a_mask_is_taken_as_it_is_and_an_empty_one_refused);
    tcase_add_test(cases, a_scan_without_contrast_is_refused);
    tcase_add_test(cases, a_foreground_of_one_value_takes_the_statistics_of_the_whole_scan);
    tcase_add_test(cases, too_little_or_too_much_foreground_means_all_of_it);
    tcase_add_test(cases, components_and_holes_are_those_of_a_flood_fill);
    tcase_add_test(cases, percentiles_and_moments_are_those_of_the_sorted_values);
    Suite *suite = suite_create("foreground");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
