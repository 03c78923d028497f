#include "support.h"
#include <string.h>
#include "base/memory.h"
#include "base/sha256.h"
#include "image/image.h"
#include "preprocess/preprocess.h"

static tumorclass_image *made(void)
{
    tumorclass_image *image;
    ck_assert_int_eq(tumorclass_phantom(&image), TUMORCLASS_OK);
    return image;
}

static const int16_t *voxel(const tumorclass_volume *volume, int64_t i, int64_t j, int64_t k)
{
    return (const int16_t *)volume->data + i * volume->strides[0] + j * volume->strides[1] + k * volume->strides[2];
}

/* The known answers in model files are of these bits. */
START_TEST(voxels_are_the_same_bits_everywhere)
{
    tumorclass_image *image = made();
    const tumorclass_volume *volume = tumorclass_image_volume(image);
    char hex[65];
    ck_assert_int_eq(volume->dtype, TUMORCLASS_I16);
    ck_assert_int_eq(volume_count(volume), 84 * 64 * 72);
    ck_assert_int_eq(volume_check(volume, "phantom"), TUMORCLASS_OK);
    sha256(hex, volume->data, (size_t)volume_count(volume) * sizeof(int16_t));
    ck_assert_str_eq(hex, "1281e01dc188d495588c499c2b40599bafdcf7a56f10a3b39f6a12d60dbfa166");
    tumorclass_image_free(image);
}
END_TEST

START_TEST(affine_is_turned_and_exact_in_float)
{
    tumorclass_image *image = made();
    const tumorclass_volume *volume = tumorclass_image_volume(image);
    char code[4];
    orientation_code(code, volume->affine);
    ck_assert_str_eq(code, "PIL");
    for (int n = 0; n < 12; n++) ck_assert_double_eq(volume->affine[n], (double)(float)volume->affine[n]);
    for (int axis = 0; axis < 3; axis++) ck_assert_double_eq_tol(volume_step_mm(volume, axis), 2.5, 1e-3);
    double middle[3];
    affine_apply(middle, volume->affine, (double[]){ 41.5, 31.5, 35.5 });
    ck_assert_double_eq_tol(middle[0], 3.5, 0.01);
    ck_assert_double_eq_tol(middle[1], -12.25, 0.01);
    ck_assert_double_eq_tol(middle[2], 8, 0.01);
    tumorclass_image_free(image);
}
END_TEST

/* Right is where k falls, front where i falls, up where j falls. */
START_TEST(lesion_lies_to_the_right_the_front_and_up)
{
    tumorclass_image *image = made();
    const tumorclass_volume *volume = tumorclass_image_volume(image);
    const int64_t i = (84 - 1 - 19) / 2, j = (64 - 1 - 16) / 2, k = (72 - 1 - 27) / 2;
    ck_assert_int_lt(*voxel(volume, i, j, k), 240);      /* core */
    ck_assert_int_gt(*voxel(volume, i, j, k - 6), 700);  /* rim */
    ck_assert_int_lt(*voxel(volume, i, j, 71 - k), 420); /* nothing on the left */
    ck_assert_int_lt(*voxel(volume, 0, 0, 0), 12);       /* air */
    ck_assert_int_lt(*voxel(volume, 41, 6, 35), 100);    /* skull, and */
    ck_assert_int_ge(*voxel(volume, 41, 6, 35), 50);
    tumorclass_image_free(image);
}
END_TEST

START_TEST(preparation_finds_the_head)
{
    tumorclass_image *image = made();
    const struct preprocess_spec spec = { .orientation = "RAS", .shape = { 48, 48, 48 }, .has_background = true };
    struct preparation preparation;
    ck_assert_int_eq(preprocess_run(&preparation, tumorclass_image_volume(image), NULL, &spec, NULL, NULL),
                     TUMORCLASS_OK);
    ck_assert_int_ne(preparation.facts.foreground, FOREGROUND_ALL);
    ck_assert_double_gt(preparation.facts.foreground_share, 0.3);
    ck_assert_double_lt(preparation.facts.foreground_share, 0.4);
    preparation_free(&preparation);
    tumorclass_image_free(image);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    int64_t nth = 1;
    for (;; nth++) {
        tumorclass_image *image;
        memory_fail_at(nth);
        const tumorclass_status status = tumorclass_phantom(&image);
        memory_fail_at(0);
        tumorclass_image_free(image);
        ck_assert_int_eq(memory_blocks_in_use(), 0);
        if (status == TUMORCLASS_OK) break;
        ck_assert_int_eq(status, TUMORCLASS_OUT_OF_MEMORY);
    }
    ck_assert_int_eq(nth, 1 + 3); /* handle, voxels, name */
    ck_assert_int_eq(tumorclass_phantom(NULL), TUMORCLASS_BAD_ARGUMENT);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("phantom");
    tcase_add_test(cases, voxels_are_the_same_bits_everywhere);
    tcase_add_test(cases, affine_is_turned_and_exact_in_float);
    tcase_add_test(cases, lesion_lies_to_the_right_the_front_and_up);
    tcase_add_test(cases, preparation_finds_the_head);
    tcase_add_test(cases, every_allocation_may_fail);
    Suite *suite = suite_create("phantom");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
