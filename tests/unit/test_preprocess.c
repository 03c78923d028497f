#include "support.h"
#include <stdatomic.h>
#include "base/memory.h"
#include "phantom.h"
#include "preprocess/preprocess.h"

static const double cube[3] = { 1, 1, 1 }, slab[3] = { 0.9, 1.1, 5 };

/* ---- The allocations of preprocessing, counted: the linker sends them here first ---- */

void *__real_memory_allocate(size_t count, size_t size);
void *__wrap_memory_allocate(size_t count, size_t size);
void *__real_memory_zeroed(size_t count, size_t size);
void *__wrap_memory_zeroed(size_t count, size_t size);
void __real_memory_free(void *block);
void __wrap_memory_free(void *block);

static struct {
    void *block;
    size_t bytes;
} blocks[64];
static size_t bytes_now, bytes_peak;

static void *count_block(void *block, size_t bytes)
{
    size_t n = 0;
    while (blocks[n].block) n++;
    blocks[n].block = block;
    blocks[n].bytes = block ? bytes : 0;
    bytes_now += blocks[n].bytes;
    if (bytes_now > bytes_peak) bytes_peak = bytes_now;
    return block;
}

void *__wrap_memory_allocate(size_t count, size_t size)
{
    return count_block(__real_memory_allocate(count, size), count * size);
}

void *__wrap_memory_zeroed(size_t count, size_t size)
{
    return count_block(__real_memory_zeroed(count, size), count * size);
}

void __wrap_memory_free(void *block)
{
    for (size_t n = 0; block && n < sizeof blocks / sizeof *blocks; n++) {
        if (blocks[n].block != block) continue;
        bytes_now -= blocks[n].bytes;
        blocks[n].block = NULL;
    }
    __real_memory_free(block);
}

/* ---- One head, one input ---- */

/* Millimetres of a voxel by way of the network's grid, and directly. */
static void check_geometry(const struct preparation *preparation, const tumorclass_volume *volume)
{
    for (int corner = 0; corner < 8; corner++) {
        double voxel[3], tensor[3], around[3], direct[3];
        for (int n = 0; n < 3; n++) voxel[n] = corner >> n & 1 ? (double)volume->shape[n] - 1 : 0.25;
        affine_apply(tensor, preparation->to_network, voxel);
        affine_apply(around, preparation->affine, tensor);
        affine_apply(direct, volume->affine, voxel);
        for (int n = 0; n < 3; n++) ck_assert_double_eq_tol(around[n], direct[n], 1e-9);
    }
}

START_TEST(all_48_orders_of_a_heads_axes_give_the_same_bits)
{
    const struct preprocess_spec specs[] = { phantom_stretch(16, 24, 31), phantom_spacing(1.3, 24) };
    const double angles[] = { 0, 0.0004, 0.3 };
    for (size_t n = 0; n < 6; n++) {
        const struct preprocess_spec *spec = &specs[n % 2];
        struct phantom *head = phantom_create(24, 30, 20, slab, angles[n / 2], true);
        const struct preparation expected = prepare(&head->volume, NULL, spec);
        for (int o = 0; o < 48; o++) {
            int order[3];
            bool flip[3];
            phantom_orientation(order, flip, o);
            struct phantom *copy = phantom_reorder(head, order, flip);
            struct preparation got = prepare(&copy->volume, NULL, spec);
            ck_assert_mem_eq(got.input, expected.input, input_count(spec) * sizeof *got.input);
            ck_assert_double_eq(got.facts.mean, expected.facts.mean);
            check_geometry(&got, &copy->volume);
            for (int i = 0; i < 12; i++) ck_assert_double_eq_tol(got.affine[i], expected.affine[i], 1e-9);
            int64_t inside = 0;
            for (int64_t i = 0; i < volume_count(&copy->volume); i++) {
                inside += got.foreground[i];
                ck_assert(got.foreground[i] == 0 || copy->voxels[i] >= 100);
            }
            ck_assert_double_eq((double)inside / (double)volume_count(&copy->volume), got.facts.foreground_share);
            preparation_free(&got);
            free(copy);
        }
        preparation_free(&(struct preparation){ expected.input, expected.foreground, { 0 }, { 0 }, { 0 } });
        free(head);
    }
}
END_TEST

START_TEST(strides_and_data_types_do_not_matter)
{
    struct phantom *head = phantom_create(19, 23, 17, cube, 0, true);
    const struct preprocess_spec spec = phantom_stretch(16, 16, 16);
    struct preparation expected = prepare(&head->volume, NULL, &spec);
    const int64_t count = volume_count(&head->volume);
    int16_t *c_order = calloc((size_t)count, sizeof *c_order);
    for (int64_t i = 0; i < 19; i++)
        for (int64_t j = 0; j < 23; j++)
            for (int64_t k = 0; k < 17; k++)
                c_order[(i * 23 + j) * 17 + k] = (int16_t)(head->voxels[(k * 23 + j) * 19 + i] / 0.5f - 3);
    tumorclass_volume volume = head->volume;
    volume.data = c_order;
    volume.dtype = TUMORCLASS_I16;
    volume.slope = 0.5;
    volume.intercept = 1.5;
    memcpy(volume.strides, (const int64_t[]){ 23 * 17, 17, 1 }, sizeof volume.strides);
    struct preparation got = prepare(&volume, NULL, &spec);
    ck_assert_mem_eq(got.input, expected.input, input_count(&spec) * sizeof *got.input);
    ck_assert_mem_eq(got.foreground, expected.foreground, (size_t)count);
    preparation_free(&got);
    preparation_free(&expected);
    free(c_order);
    free(head);
}
END_TEST

START_TEST(a_z_scored_copy_gives_the_same_input)
{
    const int32_t norms[] = { NORM_ZSCORE_FOREGROUND, NORM_ZSCORE, NORM_PERCENTILE };
    for (int n = 0; n < 12; n++) {
        struct phantom *raw = phantom_create(24, 30, 20, cube, 0, n & 1), *scored = malloc(sizeof *scored);
        memcpy(scored, raw, sizeof *raw);
        scored->volume.data = scored->voxels;
        for (int64_t i = 0; i < volume_count(&raw->volume); i++)
            scored->voxels[i] = (float)((raw->voxels[i] - 231.7) / 187.3);
        struct preprocess_spec spec = n & 2 ? phantom_spacing(1.7, 20) : phantom_stretch(20, 20, 20);
        spec.norm = norms[n / 4];
        spec.percentiles[0] = 1;
        spec.percentiles[1] = 99;
        struct preparation a = prepare(&raw->volume, NULL, &spec), b = prepare(&scored->volume, NULL, &spec);
        ck_assert_int_eq(a.facts.foreground, n & 1 ? FOREGROUND_OTSU : FOREGROUND_BACKGROUND_VALUE);
        ck_assert_mem_eq(a.foreground, b.foreground, (size_t)volume_count(&raw->volume));
        check_close(a.input, b.input, input_count(&spec), 1e-5);
        preparation_free(&a);
        preparation_free(&b);
        free(raw);
        free(scored);
    }
}
END_TEST

START_TEST(any_number_of_threads_gives_the_same_bits)
{
    for (int n = 0; n < 3; n++) {
        struct phantom *head = phantom_create(33, 29, 31, cube, n == 2 ? 0.3 : 0, true);
        struct preprocess_spec spec = n ? phantom_spacing(1.4, 21) : phantom_stretch(17, 40, 23);
        spec.norm = n == 1 ? NORM_PERCENTILE : NORM_ZSCORE_FOREGROUND;
        spec.percentiles[1] = 98.5;
        const int32_t threads[] = { 2, 3, 8 };
        struct preparation expected = prepare(&head->volume, NULL, &spec);
        for (int t = 0; t < 3; t++) {
            struct pool *pool = pool_create(threads[t]);
            struct preparation got;
            ck_assert_int_eq(preprocess_run(&got, &head->volume, NULL, &spec, pool, NULL), TUMORCLASS_OK);
            ck_assert_mem_eq(got.input, expected.input, input_count(&spec) * sizeof *got.input);
            ck_assert_mem_eq(&got.facts, &expected.facts, sizeof got.facts);
            preparation_free(&got);
            pool_free(pool);
        }
        preparation_free(&expected);
        free(head);
    }
}
END_TEST

/* ---- Grids ---- */

START_TEST(stretching_to_the_scans_own_shape_changes_no_voxel)
{
    struct phantom *head = phantom_create(12, 13, 14, slab, 0, true);
    struct preprocess_spec spec = phantom_stretch(12, 13, 14);
    spec.norm = NORM_NONE;
    struct preparation got = prepare(&head->volume, NULL, &spec);
    for (int64_t i = 0; i < 12; i++)
        for (int64_t j = 0; j < 13; j++)
            for (int64_t k = 0; k < 14; k++)
                ck_assert_float_eq(got.input[(i * 13 + j) * 14 + k], head->voxels[(k * 13 + j) * 12 + i]);
    preparation_free(&got);
    free(head);
}
END_TEST

START_TEST(a_coarser_grid_takes_means_and_a_finer_one_interpolates)
{
    struct phantom *head = phantom_create(6, 4, 2, cube, 0, false);
    for (int64_t i = 0; i < 48; i++) head->voxels[i] = (float)(i % 6);
    struct preprocess_spec spec = phantom_stretch(4, 2, 4);
    spec.norm = NORM_NONE;
    struct preparation coarse = prepare(&head->volume, NULL, &spec);
    const double means[] = { 1.0 / 3, 5.0 / 3, 10.0 / 3, 14.0 / 3 }; /* of [0, 1.5), [1.5, 3), ... */
    for (int64_t n = 0; n < 32; n++) ck_assert_double_eq_tol(coarse.input[n], means[n / 8], 1e-6);
    spec.shape[0] = 12;
    struct preparation fine = prepare(&head->volume, NULL, &spec);
    for (int64_t n = 0; n < 96; n++) {
        const double at = ((double)(n / 8) + 0.5) / 2 - 0.5;
        ck_assert_double_eq_tol(fine.input[n], fmin(fmax(at, 0), 5), 1e-6);
    }
    preparation_free(&coarse);
    preparation_free(&fine);
    free(head);
}
END_TEST

/* Extent of the foreground along a tensor axis, in tensor index, voxels with their full width. */
static void foreground_extent(double extent[2], const struct preparation *preparation, const tumorclass_volume *volume,
                              int axis)
{
    extent[0] = INFINITY;
    extent[1] = -INFINITY;
    for (int64_t i = 0; i < volume_count(volume); i++) {
        if (!preparation->foreground[i]) continue;
        const int64_t *shape = volume->shape;
        double at[3] = { (double)(i % shape[0]), (double)(i / shape[0] % shape[1]), (double)(i / shape[0] / shape[1]) };
        affine_apply(at, preparation->to_network, at);
        double half = 0;
        for (int n = 0; n < 3; n++) half += fabs(preparation->to_network[4 * axis + n]) / 2;
        extent[0] = fmin(extent[0], at[axis] - half);
        extent[1] = fmax(extent[1], at[axis] + half);
    }
}

START_TEST(a_grid_of_millimetres_is_centred_on_the_head_or_hangs_from_its_top)
{
    for (int n = 0; n < 8; n++) {
        struct phantom *head = phantom_create(30, 28, 26, cube, n & 1 ? 0.25 : 0, true);
        struct preprocess_spec spec = phantom_spacing(2, n & 2 ? 8 : 24);
        memcpy(spec.orientation, n & 4 ? "LPI" : "RAS", 4);
        struct preparation got = prepare(&head->volume, NULL, &spec);
        for (int axis = 0; axis < 3; axis++) {
            double extent[2];
            foreground_extent(extent, &got, &head->volume, axis);
            const double centre = (double)(spec.shape[axis] - 1) / 2, low = -0.5, high = low + (double)spec.shape[2];
            if (axis < 2 || !(n & 2))
                ck_assert_double_eq_tol((extent[0] + extent[1]) / 2, centre, 1e-9);
            else if (n & 4)
                ck_assert_double_eq_tol(extent[0], low + 5 / 2.0, 1e-9);
            else
                ck_assert_double_eq_tol(extent[1], high - 5 / 2.0, 1e-9);
        }
        for (int row = 0; row < 3; row++) /* 2 mm along the world's axes, or along the scan's where these are near */
            for (int axis = 0; axis < 3; axis++)
                ck_assert_double_eq_tol(got.affine[4 * row + axis], row != axis ? 0 : n & 4 ? -2 : 2, 1e-9);
        check_geometry(&got, &head->volume);
        preparation_free(&got);
        free(head);
    }
}
END_TEST

START_TEST(what_was_not_scanned_becomes_background)
{
    for (int n = 0; n < 4; n++) {
        struct phantom *head = phantom_create(20, 20, 20, cube, n & 1 ? 0.3 : 0, n & 2);
        struct preprocess_spec spec = phantom_spacing(1, 64);
        struct preparation open = prepare(&head->volume, NULL, &spec);
        const double expected = (0 - open.facts.mean) / open.facts.deviation;
        ck_assert_double_eq_tol(open.input[0], expected, 1e-6);
        spec.has_background = true;
        spec.background = -7;
        struct preparation closed = prepare(&head->volume, NULL, &spec);
        ck_assert_float_eq(closed.input[0], -7);
        ck_assert_float_gt(closed.input[input_count(&spec) / 2 + 32 * 64 + 32], -4);
        preparation_free(&open);
        preparation_free(&closed);
        free(head);
    }
}
END_TEST

/* ---- Odd shapes, failures, memory ---- */

START_TEST(volumes_of_one_voxel_thickness_pass)
{
    const int64_t shapes[][3] = {
        { 1, 30, 20 }, { 30, 1, 20 }, { 30, 20, 1 }, { 1, 1, 30 }, { 40, 1, 1 }, { 2, 1, 1 }
    };
    for (size_t n = 0; n < 18; n++) {
        const int64_t *shape = shapes[n / 3];
        struct phantom *head = phantom_create(shape[0], shape[1], shape[2], slab, n % 3 == 2 ? 0.3 : 0, true);
        for (int64_t i = 0; i < volume_count(&head->volume); i += 3) head->voxels[i] += 5;
        const struct preprocess_spec spec = n % 3 ? phantom_spacing(2.5, 9) : phantom_stretch(9, 9, 9);
        struct preparation got = prepare(&head->volume, NULL, &spec);
        for (size_t i = 0; i < input_count(&spec); i++) ck_assert(isfinite(got.input[i]));
        check_geometry(&got, &head->volume);
        preparation_free(&got);
        free(head);
    }
}
END_TEST

START_TEST(an_allocation_that_fails_is_reported_and_leaks_nothing)
{
    for (int n = 0; n < 3; n++) {
        struct phantom *head = phantom_create(16, 18, 14, cube, n == 2 ? 0.3 : 0, true);
        const struct preprocess_spec spec = n ? phantom_spacing(2, 12) : phantom_stretch(9, 9, 9);
        const int64_t before = memory_blocks_in_use();
        tumorclass_status status = TUMORCLASS_OUT_OF_MEMORY;
        int64_t nth = 0;
        while (status != TUMORCLASS_OK) {
            struct preparation got;
            memory_fail_at(++nth);
            status = preprocess_run(&got, &head->volume, NULL, &spec, NULL, NULL);
            memory_fail_at(0);
            if (status == TUMORCLASS_OK)
                preparation_free(&got);
            else
                ck_assert_int_eq(status, TUMORCLASS_OUT_OF_MEMORY);
            ck_assert_int_eq(memory_blocks_in_use(), before);
        }
        ck_assert_int_gt(nth, 14);
        free(head);
    }
}
END_TEST

START_TEST(the_memory_promised_is_never_passed_and_not_much_more_than_needed)
{
    for (int n = 0; n < 12; n++) {
        struct phantom *head = phantom_create(40, n & 1 ? 4 : 40, 36, cube, n & 2 ? 0.3 : 0, true);
        if (n >= 8) /* as many pieces as there can be */
            for (int64_t i = 0; i < volume_count(&head->volume); i++)
                head->voxels[i] = (float)((i % 40 + i / 40 + i / (40 * head->volume.shape[1])) % 2);
        const struct preprocess_spec spec = n & 4 ? phantom_stretch(50, 50, 50) : phantom_spacing(1.5, 30);
        bytes_now = bytes_peak = 0;
        struct preparation got = prepare(&head->volume, NULL, &spec);
        const double promised = (double)preprocess_memory(&head->volume, &spec), needed = (double)bytes_peak;
        ck_assert_double_le(needed, promised);
        ck_assert_double_le(promised, needed * (n >= 8 ? 1.01 : 1.8));
        preparation_free(&got);
        ck_assert_uint_eq(bytes_now, 0);
        free(head);
    }
}
END_TEST

struct listener {
    double last;
    int reports, cancel_at;
    atomic_int cancelled;
};

static void listen(void *user, const char *stage, double fraction)
{
    struct listener *listener = user;
    ck_assert_str_eq(stage, "preprocess");
    ck_assert_double_ge(fraction, listener->last);
    listener->last = fraction;
    if (++listener->reports == listener->cancel_at) atomic_store(&listener->cancelled, 1);
}

START_TEST(progress_never_falls_and_a_cancel_is_heard_at_every_report)
{
    struct phantom *head = phantom_create(16, 18, 14, cube, 0.3, true);
    const struct preprocess_spec spec = phantom_spacing(2, 12);
    struct listener all = { .last = 0.2 };
    struct monitor monitor = { &all.cancelled, listen, &all, 0.2, 0.6 };
    struct preparation got;
    ck_assert_int_eq(preprocess_run(&got, &head->volume, NULL, &spec, NULL, &monitor), TUMORCLASS_OK);
    ck_assert_double_eq(all.last, 0.6);
    preparation_free(&got);
    const int64_t before = memory_blocks_in_use();
    for (int n = 1; n < all.reports; n++) {
        struct listener listener = { .cancel_at = n };
        monitor.cancelled = &listener.cancelled;
        monitor.progress_user = &listener;
        ck_assert_int_eq(preprocess_run(&got, &head->volume, NULL, &spec, NULL, &monitor), TUMORCLASS_CANCELLED);
        ck_assert_int_eq(listener.reports, n);
        ck_assert_int_eq(memory_blocks_in_use(), before);
    }
    free(head);
}
END_TEST

START_TEST(voxels_of_absurd_size_are_refused)
{
    struct phantom *head = phantom_create(5, 6, 7, (const double[]){ 1, 1e6, 1 }, 0, true);
    const struct preprocess_spec spec = phantom_spacing(1.5, 8);
    refuse(&head->volume, NULL, &spec, TUMORCLASS_BAD_IMAGE,
           "voxels of 1e+06 mm cannot be brought to the model's grid of 1.5 mm");
    free(head);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("preprocess");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, all_48_orders_of_a_heads_axes_give_the_same_bits);
    tcase_add_test(cases, strides_and_data_types_do_not_matter);
    tcase_add_test(cases, a_z_scored_copy_gives_the_same_input);
    tcase_add_test(cases, any_number_of_threads_gives_the_same_bits);
    tcase_add_test(cases, stretching_to_the_scans_own_shape_changes_no_voxel);
    tcase_add_test(cases, a_coarser_grid_takes_means_and_a_finer_one_interpolates);
    tcase_add_test(cases, a_grid_of_millimetres_is_centred_on_the_head_or_hangs_from_its_top);
    tcase_add_test(cases, what_was_not_scanned_becomes_background);
    tcase_add_test(cases, volumes_of_one_voxel_thickness_pass);
    tcase_add_test(cases, an_allocation_that_fails_is_reported_and_leaks_nothing);
    tcase_add_test(cases, the_memory_promised_is_never_passed_and_not_much_more_than_needed);
    tcase_add_test(cases, progress_never_falls_and_a_cancel_is_heard_at_every_report);
    tcase_add_test(cases, voxels_of_absurd_size_are_refused);
    Suite *suite = suite_create("preprocess");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
