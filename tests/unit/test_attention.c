#include "support.h"
#include "attention/attention.h"
#include "phantom.h"

static const double slab[3] = { 0.9, 1.1, 4 };
enum { CELLS = 6 * 5 * 4 };

/* A feature grid of 6 x 5 x 4 cells under the network's input as this scan was brought to it; they tile it, but for a
 * quarter of a cell along the first axis, as behind padded strides. */
static struct feature_grid grid_of(const struct preparation *preparation, const struct preprocess_spec *spec)
{
    struct feature_grid grid = { .channels = 1, .extent = { 6, 5, 4 } };
    memcpy(grid.input_shape, spec->shape, sizeof grid.input_shape);
    memcpy(grid.to_network, preparation->to_network, sizeof grid.to_network);
    for (int n = 0; n < 3; n++) {
        grid.step[n] = (double)spec->shape[n] / (double)grid.extent[n];
        grid.first[n] = (grid.step[n] - 1) / 2 - (n == 0 ? grid.step[n] / 4 : 0);
    }
    return grid;
}

static float *project(const float *map, const struct feature_grid *grid, const tumorclass_volume *scan)
{
    float *dst = malloc((size_t)volume_count(scan) * sizeof *dst);
    ck_assert_int_eq(attention_project(dst, map, grid, scan, NULL, NULL), TUMORCLASS_OK);
    return dst;
}

START_TEST(mean_of_the_map_plus_bias_is_the_logit)
{
    enum { CHANNELS = 37, CLASSES = 5 };
    static float features[CHANNELS * CELLS], weight[CLASSES * CHANNELS], maps[CLASSES * CELLS], one[CELLS];
    uint32_t state = 5;
    for (int i = 0; i < CHANNELS * CELLS; i++) features[i] = (float)(4 * phantom_random(&state) - 1);
    for (int i = 0; i < CLASSES * CHANNELS; i++) weight[i] = (float)(phantom_random(&state) - 0.5);
    const struct feature_grid grid = { .features = features, .channels = CHANNELS, .extent = { 6, 5, 4 } };
    attention_cam(maps, &grid, weight, 0, CLASSES);
    for (int c = 0; c < CLASSES; c++) {
        double logit = 0.25, mean = 0.25;
        for (int k = 0; k < CHANNELS; k++) { /* pool, then the dense layer */
            double pooled = 0;
            for (int i = 0; i < CELLS; i++) pooled += features[k * CELLS + i] / (double)CELLS;
            logit += weight[c * CHANNELS + k] * pooled;
        }
        for (int i = 0; i < CELLS; i++) mean += maps[c * CELLS + i] / (double)CELLS;
        ck_assert_double_eq_tol(mean, logit, 1e-6);
        attention_cam(one, &grid, weight, c, 1);
        ck_assert_mem_eq(one, maps + (ptrdiff_t)c * CELLS, sizeof one);
    }
}
END_TEST

START_TEST(unit_maps_run_from_0_to_1_or_are_empty)
{
    float map[] = { -3, 2, 4, 3, 6 }, positive[] = { 2, 4, 3, 6 }, nothing[] = { -1, -2, 0 }, even[] = { 3, 3, 3 };
    attention_unit(map, 5);
    ck_assert_mem_eq(map, ((const float[]){ 0, 2 / 6.0f, 4 / 6.0f, 3 / 6.0f, 1 }), sizeof map);
    attention_unit(positive, 4);
    ck_assert_mem_eq(positive, ((const float[]){ 0, 0.5f, 0.25f, 1 }), sizeof positive);
    attention_unit(nothing, 3);
    ck_assert_mem_eq(nothing, ((const float[]){ 0, 0, 0 }), sizeof nothing);
    attention_unit(even, 3);
    ck_assert_mem_eq(even, ((const float[]){ 1, 1, 1 }), sizeof even);
}
END_TEST

/* Light one cell, look where it appears in the scan, and compare with where the input's grid says the cell is. */
static void check_hot_cell(const struct phantom *head, const struct preprocess_spec *spec, const int64_t cell[3])
{
    struct preparation preparation = prepare(&head->volume, NULL, spec);
    const struct feature_grid grid = grid_of(&preparation, spec);
    const tumorclass_volume *scan = &head->volume;
    float map[CELLS] = { 0 };
    map[(cell[0] * 5 + cell[1]) * 4 + cell[2]] = 2;
    float *dst = project(map, &grid, scan);

    double tensor[3], mm[3], voxel[3], inverse[12];
    for (int n = 0; n < 3; n++) tensor[n] = grid.first[n] + grid.step[n] * (double)cell[n];
    affine_apply(mm, preparation.affine, tensor);
    ck_assert(affine_invert(inverse, scan->affine));
    affine_apply(voxel, inverse, mm);

    tumorclass_attention_summary summary;
    attention_summarize(&summary, dst, preparation.foreground, scan);
    double peak[3];
    for (int n = 0; n < 3; n++) {
        peak[n] = (double)summary.peak_voxel[n];
        ck_assert_double_le(fabs(peak[n] - voxel[n]), 0.6); /* oblique cells cut voxels at an angle */
        ck_assert_double_le(fabs(summary.centre_mm[n] - mm[n]), 1.2);
    }
    affine_apply(peak, scan->affine, peak);
    for (int n = 0; n < 3; n++) ck_assert_double_eq_tol(summary.peak_mm[n], peak[n], 1e-9);
    ck_assert_double_gt(summary.inside, 0);
    ck_assert_double_le(summary.inside, 1);
    free(dst);
    preparation_free(&preparation);
}

START_TEST(a_hot_cell_lands_at_its_millimetre)
{
    const int64_t cells[][3] = { { 2, 2, 1 }, { 3, 1, 2 } };
    const double angles[] = { 0, 0.3 };
    for (int n = 0; n < 4; n++) {
        struct phantom *head = phantom_create(32, 30, 20, slab, angles[n / 2], true);
        const struct preprocess_spec spec = n % 2 ? phantom_stretch(24, 25, 32) : phantom_spacing(1.6, 20);
        for (int o = 0; o < 48; o++) {
            int order[3];
            bool flip[3];
            phantom_orientation(order, flip, o);
            struct phantom *copy = phantom_reorder(head, order, flip);
            check_hot_cell(copy, &spec, cells[o % 2]);
            free(copy);
        }
        free(head);
    }
}
END_TEST

START_TEST(a_constant_map_is_that_constant_inside_and_nothing_beyond)
{
    float map[CELLS];
    for (int i = 0; i < CELLS; i++) map[i] = 0.7f;
    for (int n = 0; n < 4; n++) {
        struct phantom *head = phantom_create(32, 30, 20, slab, n / 2 ? 0.3 : 0, true);
        const struct preprocess_spec spec = n % 2 ? phantom_stretch(24, 25, 32) : phantom_spacing(1.3, 12);
        struct preparation preparation = prepare(&head->volume, NULL, &spec);
        const struct feature_grid grid = grid_of(&preparation, &spec);
        float *dst = project(map, &grid, &head->volume);
        int64_t beyond = 0;
        for (int64_t i = 0; i < volume_count(&head->volume); i++) {
            double at[3] = { (double)(i % 32), (double)(i / 32 % 30), (double)(i / (32 * 30)) };
            affine_apply(at, preparation.to_network, at);
            bool inside = true;
            for (int axis = 0; axis < 3; axis++)
                inside = inside && at[axis] >= -0.5 && at[axis] <= (double)spec.shape[axis] - 0.5;
            ck_assert_float_eq(dst[i], inside ? 0.7f : 0);
            beyond += !inside;
        }
        ck_assert_int_eq(beyond > 0, n % 2 == 0);
        free(dst);
        preparation_free(&preparation);
        free(head);
    }
}
END_TEST

/* The formula, voxel by voxel, in double. */
static double trilinear(const float *map, const struct feature_grid *grid, const double voxel[3])
{
    double position[3], sum = 0;
    affine_apply(position, grid->to_network, voxel);
    int64_t below[3];
    for (int n = 0; n < 3; n++) {
        const double f = (double)grid->extent[n], d = (double)grid->input_shape[n];
        if (position[n] < -0.5 || position[n] > d - 0.5) return 0;
        position[n] = fmin(fmax((position[n] - grid->first[n]) / grid->step[n], 0), f - 1);
        below[n] = (int64_t)position[n];
    }
    for (int corner = 0; corner < 8; corner++) {
        double weight = 1;
        int64_t index = 0;
        for (int n = 0; n < 3; n++) {
            const double share = position[n] - (double)below[n];
            const int64_t at = below[n] + (corner >> n & 1);
            weight *= corner >> n & 1 ? share : 1 - share;
            index = index * grid->extent[n] + (at < grid->extent[n] ? at : grid->extent[n] - 1);
        }
        sum += weight * map[index];
    }
    return sum;
}

START_TEST(projection_is_trilinear_on_any_grid_and_for_any_number_of_threads)
{
    float map[CELLS];
    uint32_t state = 9;
    for (int i = 0; i < CELLS; i++) map[i] = (float)phantom_random(&state) - 0.3f;
    for (int n = 0; n < 12; n++) {
        struct phantom *head = phantom_create(23, 19, 21, slab, n / 6 ? 0.3 : 0, true);
        int order[3];
        bool flip[3];
        phantom_orientation(order, flip, 7 * (n % 6) + n);
        struct phantom *copy = phantom_reorder(head, order, flip);
        const struct preprocess_spec spec = n % 2 ? phantom_stretch(24, 25, 32) : phantom_spacing(1.3, 12);
        struct preparation preparation = prepare(&copy->volume, NULL, &spec);
        const struct feature_grid grid = grid_of(&preparation, &spec);
        float *dst = project(map, &grid, &copy->volume);
        const int64_t *shape = copy->volume.shape;
        for (int64_t i = 0; i < volume_count(&copy->volume); i++) {
            const double voxel[3] = { (double)(i % shape[0]), (double)(i / shape[0] % shape[1]),
                                      (double)(i / shape[0] / shape[1]) };
            ck_assert_double_eq_tol(dst[i], trilinear(map, &grid, voxel), 1e-6);
        }
        float *again = malloc((size_t)volume_count(&copy->volume) * sizeof *again);
        struct pool *pool = pool_create(3);
        memory_fail_at(1); /* nothing is allocated */
        ck_assert_int_eq(attention_project(again, map, &grid, &copy->volume, pool, NULL), TUMORCLASS_OK);
        memory_fail_at(0);
        ck_assert_mem_eq(again, dst, (size_t)volume_count(&copy->volume) * sizeof *dst);
        pool_free(pool);
        free(again);
        free(dst);
        preparation_free(&preparation);
        free(copy);
        free(head);
    }
}
END_TEST

START_TEST(summary_names_the_peak_and_the_share_inside)
{
    const tumorclass_volume scan = { .shape = { 4, 3, 2 }, .affine = { 2, 0, 0, -1, 0, 3, 0, 0, 0, 0, 5, 10 } };
    float map[24] = { 0 };
    unsigned char foreground[24] = { 0 };
    map[6] = 3;  /* (2, 1, 0) */
    map[17] = 3; /* (1, 1, 1) */
    map[0] = -9;
    foreground[17] = 1;
    tumorclass_attention_summary summary;
    attention_summarize(&summary, map, foreground, &scan);
    ck_assert_mem_eq(summary.peak_voxel, ((const int64_t[]){ 2, 1, 0 }), sizeof summary.peak_voxel);
    ck_assert_mem_eq(summary.peak_mm, ((const double[]){ 3, 3, 10 }), sizeof summary.peak_mm);
    ck_assert_mem_eq(summary.centre_mm, ((const double[]){ 2, 3, 12.5 }), sizeof summary.centre_mm);
    ck_assert_double_eq(summary.inside, 0.5);
}
END_TEST

START_TEST(peak_of_a_flat_top_is_its_middle_however_the_scan_is_stored)
{
    float map[20] = { 0 }, turned[20] = { 0 };
    const unsigned char foreground[20] = { 0 };
    for (int i = 4; i < 8; i++)
        for (int j = 0; j < 2; j++) map[j * 10 + i] = turned[(1 - j) * 10 + 9 - i] = 1;
    const tumorclass_volume scan = { .shape = { 10, 2, 1 }, .affine = { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 } };
    const tumorclass_volume other = { .shape = { 10, 2, 1 }, .affine = { -1, 0, 0, 9, 0, -1, 0, 1, 0, 0, 1, 0 } };
    tumorclass_attention_summary straight, flipped;
    attention_summarize(&straight, map, foreground, &scan);
    attention_summarize(&flipped, turned, foreground, &other);
    ck_assert_mem_eq(straight.peak_mm, ((const double[]){ 6, 1, 0 }), sizeof straight.peak_mm);
    ck_assert_mem_eq(flipped.peak_mm, straight.peak_mm, sizeof straight.peak_mm);
}
END_TEST

START_TEST(summary_of_an_empty_map_is_the_centre_of_the_scan)
{
    const tumorclass_volume scan = { .shape = { 4, 3, 1 }, .affine = { 2, 0, 0, -1, 0, 3, 0, 0, 0, 0, 5, 10 } };
    const float map[12] = { -1, 0, -2 };
    const unsigned char foreground[12] = { 1, 1, 1 };
    tumorclass_attention_summary summary;
    attention_summarize(&summary, map, foreground, &scan);
    ck_assert_mem_eq(summary.peak_voxel, ((const int64_t[]){ 2, 1, 0 }), sizeof summary.peak_voxel);
    ck_assert_mem_eq(summary.centre_mm, ((const double[]){ 2, 3, 10 }), sizeof summary.centre_mm);
    ck_assert_double_eq(summary.inside, 0);
}
END_TEST

static void stop(void *user, const char *stage, double fraction)
{
    ck_assert_str_eq(stage, "attention");
    ck_assert_double_eq(fraction, 0.5);
    *(int *)user = 1;
}

START_TEST(projection_reports_and_can_be_cancelled)
{
    struct phantom *head = phantom_create(8, 8, 8, slab, 0, true);
    const struct feature_grid grid = { .extent = { 6, 5, 4 }, .input_shape = { 8, 8, 8 }, .to_network = { 1 } };
    const float map[CELLS] = { 0 };
    atomic_int cancelled = 0;
    int reported = 0;
    const struct monitor monitor = { &cancelled, stop, &reported, 0.5, 1 };
    float dst[512];
    ck_assert_int_eq(attention_project(dst, map, &grid, &head->volume, NULL, &monitor), TUMORCLASS_OK);
    ck_assert_int_eq(reported, 1);
    atomic_store(&cancelled, 1);
    ck_assert_int_eq(attention_project(dst, map, &grid, &head->volume, NULL, &monitor), TUMORCLASS_CANCELLED);
    free(head);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("attention");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, mean_of_the_map_plus_bias_is_the_logit);
    tcase_add_test(cases, unit_maps_run_from_0_to_1_or_are_empty);
    tcase_add_test(cases, a_hot_cell_lands_at_its_millimetre);
    tcase_add_test(cases, a_constant_map_is_that_constant_inside_and_nothing_beyond);
    tcase_add_test(cases, projection_is_trilinear_on_any_grid_and_for_any_number_of_threads);
    tcase_add_test(cases, summary_names_the_peak_and_the_share_inside);
    tcase_add_test(cases, peak_of_a_flat_top_is_its_middle_however_the_scan_is_stored);
    tcase_add_test(cases, summary_of_an_empty_map_is_the_centre_of_the_scan);
    tcase_add_test(cases, projection_reports_and_can_be_cancelled);
    Suite *suite = suite_create("attention");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
