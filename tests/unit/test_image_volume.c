#include "support.h"
#include <math.h>
#include <string.h>
#include "image/image.h"

static const double identity[12] = { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 };

static tumorclass_volume volume_of(const void *data, tumorclass_dtype dtype, int64_t x, int64_t y, int64_t z)
{
    tumorclass_volume volume = { .data = data, .dtype = dtype, .shape = { x, y, z }, .strides = { 1, x, x * y } };
    memcpy(volume.affine, identity, sizeof identity);
    return volume;
}

/* ---- Affines ---- */

START_TEST(inverse_of_an_affine_takes_every_point_back)
{
    static const double sheared[12] = { 0.9, 0.2, -0.1, 31, -0.3, 1.1, 0.4, -7, 0.05, -0.6, 2.5, 100 };
    static const double point[3] = { 3.5, -12, 60 };
    double inverse[12], there[3], back[3], product[12];
    ck_assert(affine_invert(inverse, sheared));
    affine_apply(there, sheared, point);
    affine_apply(back, inverse, there);
    for (int n = 0; n < 3; n++) ck_assert_double_eq_tol(back[n], point[n], 1e-12);

    memcpy(product, inverse, sizeof inverse);
    affine_multiply(product, product, sheared); /* product may alias */
    for (int n = 0; n < 12; n++) ck_assert_double_eq_tol(product[n], identity[n], 1e-13);
    ck_assert_double_eq_tol(affine_determinant(sheared) * affine_determinant(inverse), 1, 1e-13);
    ck_assert_double_eq_tol(affine_determinant(sheared), 2.8325, 1e-12);
}
END_TEST

START_TEST(product_of_affines_is_one_after_the_other)
{
    static const double a[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 },
                        b[12] = { 2, 0, 1, 3, 0, 1, 0, 5, 1, 0, 0, 7 };
    static const double point[3] = { 1, -2, 3 };
    double product[12], once[3], twice[3];
    affine_multiply(product, a, b);
    affine_apply(once, product, point);
    affine_apply(twice, b, point);
    affine_apply(twice, a, twice); /* dst may alias */
    for (int n = 0; n < 3; n++) ck_assert_double_eq(once[n], twice[n]);
}
END_TEST

START_TEST(singular_and_infinite_affines_have_no_inverse)
{
    double inverse[12], flat[12], bad[12];
    memcpy(flat, identity, sizeof flat);
    flat[0] = 0;
    ck_assert(!affine_invert(inverse, flat));
    flat[0] = 1, flat[4] = 0, flat[5] = 1e-9, flat[9] = 1; /* two columns a hair apart */
    flat[6] = 0, flat[10] = 1;
    ck_assert(!affine_invert(inverse, flat));
    for (int n = 0; n < 12; n++) {
        memcpy(bad, identity, sizeof bad);
        bad[n] = NAN;
        ck_assert(!affine_invert(inverse, bad));
        bad[n] = INFINITY;
        ck_assert(!affine_invert(inverse, bad));
    }
    const double tiny[12] = { 1e-5, 0, 0, 0, 0, 1e-5, 0, 0, 0, 0, 1e-5, 0 };
    ck_assert(affine_invert(inverse, tiny));
}
END_TEST

/* ---- Orientation ---- */

static const char letters[2][4] = { "RAS", "LPI" };

/* Each of the 48: axis n of the volume runs along world[n], backwards if sign[n] is -1. */
struct orientation {
    int world[3], sign[3];
    char code[4];
};

static struct orientation nth_orientation(int n)
{
    static const int permutations[6][3] = {
        { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 }
    };
    struct orientation o;
    for (int axis = 0; axis < 3; axis++) {
        o.world[axis] = permutations[n / 8][axis];
        o.sign[axis] = n >> axis & 1 ? -1 : 1;
        o.code[axis] = letters[o.sign[axis] < 0][o.world[axis]];
    }
    o.code[3] = 0;
    return o;
}

/* A rotation of some 20 degrees about an oblique axis, and a little shear. */
static void tilt(double affine[12])
{
    static const double tilted[12] = { 0.94, -0.24, 0.23, 5, 0.26, 0.96, -0.1, -3, -0.2, 0.16, 0.97, 8 };
    affine_multiply(affine, tilted, affine);
}

static void affine_of(double affine[12], const struct orientation *o, const double step[3])
{
    memset(affine, 0, 12 * sizeof *affine);
    for (int axis = 0; axis < 3; axis++) affine[4 * o->world[axis] + axis] = o->sign[axis] * step[axis];
    affine[3] = -40, affine[7] = 11, affine[11] = 27;
}

START_TEST(all_48_orientations_are_named)
{
    static const double step[3] = { 0.8, 1, 3 };
    for (int n = 0; n < 48; n++) {
        const struct orientation o = nth_orientation(n);
        double affine[12];
        char code[4];
        affine_of(affine, &o, step);
        orientation_code(code, affine);
        ck_assert_str_eq(code, o.code);
        tilt(affine);
        orientation_code(code, affine);
        ck_assert_str_eq(code, o.code);
        ck_assert(orientation_is_valid(code));
    }
}
END_TEST

START_TEST(only_three_letters_of_three_pairs_are_an_orientation)
{
    static const char *const bad[] = { "", "RA", "RASS", "RRS", "RLS", "RAP", "ras", "XYZ", "R S" };
    for (size_t n = 0; n < sizeof bad / sizeof *bad; n++) ck_assert(!orientation_is_valid(bad[n]));
    ck_assert(!orientation_is_valid(NULL));
    ck_assert(orientation_is_valid("PSR"));
}
END_TEST

static float value_at(const tumorclass_volume *volume, const int64_t at[3])
{
    float value;
    volume_read_line(&value, volume, at, 0, 1);
    return value;
}

/* Every voxel of the view is the voxel of the volume at the same millimetres. */
static void expect_same_places(const tumorclass_volume *volume, const tumorclass_volume *view, const int axes[3],
                               const bool flipped[3])
{
    int64_t at[3], there[3];
    for (at[0] = 0; at[0] < view->shape[0]; at[0]++)
        for (at[1] = 0; at[1] < view->shape[1]; at[1]++)
            for (at[2] = 0; at[2] < view->shape[2]; at[2]++) {
                double in_view[3], in_volume[3];
                for (int n = 0; n < 3; n++) there[axes[n]] = flipped[n] ? view->shape[n] - 1 - at[n] : at[n];
                affine_apply(in_view, view->affine, (double[]){ (double)at[0], (double)at[1], (double)at[2] });
                affine_apply(in_volume, volume->affine,
                             (double[]){ (double)there[0], (double)there[1], (double)there[2] });
                for (int n = 0; n < 3; n++) ck_assert_double_eq_tol(in_view[n], in_volume[n], 1e-10);
                ck_assert_float_eq(value_at(view, at), value_at(volume, there));
            }
}

START_TEST(from_and_to_all_48_orientations_no_voxel_moves)
{
    static const double step[3] = { 0.8, 1, 3 };
    int16_t data[2 * 3 * 4];
    for (int n = 0; n < 24; n++) data[n] = (int16_t)n;
    for (int from = 0; from < 48; from++)
        for (int to = 0; to < 48; to++) {
            const struct orientation a = nth_orientation(from), b = nth_orientation(to);
            tumorclass_volume volume = volume_of(data, TUMORCLASS_I16, 2, 3, 4);
            affine_of(volume.affine, &a, step);
            if (to % 2) tilt(volume.affine);
            int axes[3];
            bool flipped[3];
            char code[4];
            const tumorclass_volume view = volume_oriented(&volume, b.code, axes, flipped);
            orientation_code(code, view.affine);
            ck_assert_str_eq(code, b.code);
            ck_assert_int_eq(volume_check(&view, "view"), TUMORCLASS_OK);
            expect_same_places(&volume, &view, axes, flipped);
        }
}
END_TEST

START_TEST(an_axis_at_45_degrees_is_named_the_same_under_rounding)
{
    char code[4], noisy[4];
    const double h = sqrt(0.5);
    double affine[12] = { h, -h, 0, 0, h, h, 0, 0, 0, 0, 1, 0 };
    orientation_code(code, affine);
    ck_assert_str_eq(code, "RAS");
    for (int n = 0; n < 12; n++) {
        double other[12];
        for (int sign = -1; sign <= 1; sign += 2) {
            memcpy(other, affine, sizeof other);
            if (other[n] != 0) other[n] *= 1 + sign * 1e-7;
            orientation_code(noisy, other);
            ck_assert_str_eq(noisy, code);
        }
    }
}
END_TEST

START_TEST(an_axis_at_45_degrees_is_seen_the_same_in_every_order_of_storage)
{
    const double h = sqrt(0.5), step[3] = { 1, 1, 1 };
    const double turns[3][12] = {
        { 1, 0, 0, 0, 0, h, -h, 0, 0, h, h, 0 },
        { h, 0, h, 0, 0, 1, 0, 0, -h, 0, h, 0 },
        { h, -h, 0, 0, h, h, 0, 0, 0, 0, 1, 0 },
    };
    const int16_t voxel = 0;
    for (int turn = 0; turn < 3; turn++) {
        tumorclass_volume volume = volume_of(&voxel, TUMORCLASS_I16, 1, 1, 1), first;
        for (int n = 0; n < 48; n++) {
            const struct orientation o = nth_orientation(n);
            affine_of(volume.affine, &o, step);
            affine_multiply(volume.affine, turns[turn], volume.affine);
            const tumorclass_volume view = volume_oriented(&volume, "RAS", NULL, NULL);
            if (n == 0) first = view;
            for (int i = 0; i < 12; i++) ck_assert_double_eq_tol(view.affine[i], first.affine[i], 1e-12);
        }
    }
}
END_TEST

/* ---- Reading lines ---- */

START_TEST(every_data_type_reads_its_extremes)
{
    static const int8_t i8[] = { INT8_MIN, 0, INT8_MAX };
    static const uint8_t u8[] = { 0, 128, UINT8_MAX };
    static const int16_t i16[] = { INT16_MIN, 0, INT16_MAX };
    static const uint16_t u16[] = { 0, 1 << 15, UINT16_MAX };
    static const int32_t i32[] = { INT32_MIN, -1, INT32_MAX };
    static const uint32_t u32[] = { 0, 1u << 31, UINT32_MAX };
    static const int64_t i64[] = { INT64_MIN, -1, INT64_MAX };
    static const uint64_t u64[] = { 0, (uint64_t)1 << 63, UINT64_MAX };
    static const float f32[] = { -3.5f, 1e-42f, 3e38f };
    static const double f64[] = { -0.1, 1e300, 1.0000000596046448 };
    static const struct {
        tumorclass_dtype dtype;
        size_t size;
        const void *data;
        float expected[3];
    } cases[] = {
        { TUMORCLASS_I8, 1, i8, { -128, 0, 127 } },
        { TUMORCLASS_U8, 1, u8, { 0, 128, 255 } },
        { TUMORCLASS_I16, 2, i16, { -32768, 0, 32767 } },
        { TUMORCLASS_U16, 2, u16, { 0, 32768, 65535 } },
        { TUMORCLASS_I32, 4, i32, { -0x1p31f, -1, 0x1p31f } },
        { TUMORCLASS_U32, 4, u32, { 0, 0x1p31f, 0x1p32f } },
        { TUMORCLASS_I64, 8, i64, { -0x1p63f, -1, 0x1p63f } },
        { TUMORCLASS_U64, 8, u64, { 0, 0x1p63f, 0x1p64f } },
        { TUMORCLASS_F32, 4, f32, { -3.5f, 1e-42f, 3e38f } },
        { TUMORCLASS_F64, 8, f64, { -0.1f, INFINITY, 1 } }, /* half way: to even */
    };
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        tumorclass_volume volume = volume_of(cases[n].data, cases[n].dtype, 3, 1, 1);
        float line[3];
        ck_assert_int_eq(dtype_size(cases[n].dtype), cases[n].size);
        volume_read_line(line, &volume, (const int64_t[]){ 0, 0, 0 }, 0, 3);
        for (int i = 0; i < 3; i++) ck_assert_float_eq(line[i], cases[n].expected[i]);
        volume.strides[0] = -1; /* the same backwards, by the other loop */
        volume.data = (const char *)volume.data + 2 * cases[n].size;
        volume_read_line(line, &volume, (const int64_t[]){ 0, 0, 0 }, 0, 3);
        for (int i = 0; i < 3; i++) ck_assert_float_eq(line[i], cases[n].expected[2 - i]);
    }
    ck_assert_int_eq(dtype_size(0), 0);
    ck_assert_int_eq(dtype_size(12), 0);
    ck_assert_str_eq(dtype_name(TUMORCLASS_F16), "float16");
}
END_TEST

START_TEST(float16_is_read_exactly)
{
    static const uint16_t halves[] = { 0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0400,
                                       0x03ff, 0x0001, 0x3555, 0x7c00, 0xfc00 };
    static const float expected[] = { 0.0f,         -0.0f,    1,           -2,       65504,    0x1p-14f,
                                      0x1.ff8p-15f, 0x1p-24f, 0x1.554p-2f, INFINITY, -INFINITY };
    enum { COUNT = sizeof halves / sizeof *halves };
    const tumorclass_volume volume = volume_of(halves, TUMORCLASS_F16, COUNT, 1, 1);
    float line[COUNT];
    volume_read_line(line, &volume, (const int64_t[]){ 0, 0, 0 }, 0, COUNT);
    ck_assert_mem_eq(line, expected, sizeof line); /* the sign of zero too */
    static const uint16_t not_a_number = 0x7e01;
    const tumorclass_volume nan = volume_of(&not_a_number, TUMORCLASS_F16, 1, 1, 1);
    ck_assert(isnan(value_at(&nan, (const int64_t[]){ 0, 0, 0 })));
}
END_TEST

START_TEST(scaling_is_computed_in_double_and_rounded_once)
{
    static const int32_t stored[] = { 16777217, -7, 2147483647 };
    tumorclass_volume volume = volume_of(stored, TUMORCLASS_I32, 3, 1, 1);
    volume.slope = 0.3;
    volume.intercept = -5033164.125;
    float line[3];
    volume_read_line(line, &volume, (const int64_t[]){ 0, 0, 0 }, 0, 3);
    for (int n = 0; n < 3; n++) ck_assert_float_eq(line[n], (float)(0.3 * stored[n] + -5033164.125));
    volume.slope = 0; /* and then the intercept is not used */
    volume_read_line(line, &volume, (const int64_t[]){ 0, 0, 0 }, 0, 3);
    ck_assert_float_eq(line[1], -7);
    static const float zero = -0.0f;
    volume = volume_of(&zero, TUMORCLASS_F32, 1, 1, 1);
    ck_assert(signbit(value_at(&volume, (const int64_t[]){ 0, 0, 0 })));
}
END_TEST

START_TEST(lines_run_along_any_axis_of_any_layout)
{
    uint8_t data[4 * 5 * 6];
    for (int n = 0; n < 120; n++) data[n] = (uint8_t)n;
    tumorclass_volume volume = volume_of(data, TUMORCLASS_U8, 2, 2,
                                         3); /* every second voxel of a C-ordered 4 x 5 x 6 */
    memcpy(volume.strides, (int64_t[]){ 60, -12, 2 }, sizeof volume.strides);
    volume.data = data + 24;
    ck_assert_int_eq(volume_check(&volume, "volume"), TUMORCLASS_OK);
    ck_assert_int_eq(volume_count(&volume), 12);
    float line[3];
    volume_read_line(line, &volume, (const int64_t[]){ 0, 1, 1 }, 0, 2);
    ck_assert_float_eq(line[0], 14);
    ck_assert_float_eq(line[1], 74);
    volume_read_line(line, &volume, (const int64_t[]){ 1, 0, 2 }, 1, 2);
    ck_assert_float_eq(line[0], 88);
    ck_assert_float_eq(line[1], 76);
    volume_read_line(line, &volume, (const int64_t[]){ 0, 0, 1 }, 2, 2);
    ck_assert_float_eq(line[0], 26);
    ck_assert_float_eq(line[1], 28);
}
END_TEST

/* ---- What a caller may hand over ---- */

static void expect_bad(const tumorclass_volume *volume, const char *sentence)
{
    ck_assert_int_eq(volume_check(volume, "mask"), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_str_eq(tumorclass_last_error(), sentence);
}

START_TEST(every_field_of_a_volume_is_checked)
{
    static const double data[8];
    const tumorclass_volume good = volume_of(data, TUMORCLASS_F64, 2, 2, 2);
    ck_assert_int_eq(volume_check(&good, "mask"), TUMORCLASS_OK);
    expect_bad(NULL, "mask is NULL");
#define EXPECT(change, sentence)                                                                                       \
    do {                                                                                                               \
        tumorclass_volume v = good;                                                                                    \
        change;                                                                                                        \
        expect_bad(&v, sentence);                                                                                      \
    } while (0)
    EXPECT(v.data = NULL, "mask.data is NULL");
    EXPECT(v.data = (const char *)data + 4, "mask.data is not aligned for float64");
    EXPECT(v.dtype = 12, "mask.dtype is 12, which is no data type");
    EXPECT(v.dtype = -1, "mask.dtype is -1, which is no data type");
    EXPECT(v.memory = 2, "mask.memory is 2, which is no kind of memory");
    EXPECT(v.reserved = 7, "mask.reserved is 7, not 0");
    EXPECT(v.shape[1] = 0, "mask.shape[1] is 0, not at least 1");
    EXPECT(v.shape[2] = -5, "mask.shape[2] is -5, not at least 1");
    EXPECT(v.shape[0] = (int64_t)1 << 40, "mask.shape is 1099511627776 x 2 x 2, over 2^40 voxels");
    EXPECT(v.shape[0] = INT64_MAX, "mask.shape is 9223372036854775807 x 2 x 2, over 2^40 voxels");
    EXPECT(v.strides[2] = INT64_MIN,
           "mask.strides[2] is -9223372036854775808, which with shape[2] = 2 is out of memory");
    EXPECT(v.strides[0] = (int64_t)1 << 57,
           "mask.strides[0] is 144115188075855872, which with shape[0] = 2 is out of memory");
    EXPECT(v.affine[7] = NAN, "mask.affine[7] is not finite");
    EXPECT(v.affine[5] = 0, "mask.affine cannot be inverted: its determinant is 0");
    EXPECT(v.slope = INFINITY, "mask.slope is inf and mask.intercept is 0, not both finite");
}
END_TEST

START_TEST(a_made_image_is_in_c_order_on_its_affine)
{
    static const int64_t shape[3] = { 2, 3, 4 };
    static const double affine[12] = { 0, 0, 2, 5, -1.5, 0, 0, 6, 0, 3, 0, 7 };
    tumorclass_image *image;
    ck_assert_int_eq(image_create(&image, shape, affine), TUMORCLASS_OK);
    for (int n = 0; n < 24; n++) image_voxels(image)[n] = (float)n;
    const tumorclass_volume *volume = tumorclass_image_volume(image);
    ck_assert_int_eq(volume_check(volume, "image"), TUMORCLASS_OK);
    ck_assert_float_eq(value_at(volume, (const int64_t[]){ 1, 2, 3 }), 23);
    ck_assert_float_eq(value_at(volume, (const int64_t[]){ 0, 1, 0 }), 4);
    ck_assert_mem_eq(volume->affine, affine, sizeof affine);
    ck_assert_double_eq(volume_step_mm(volume, 0), 1.5);
    ck_assert_str_eq(tumorclass_image_name(image), "");
    size_t count = 1;
    tumorclass_image_header(image, &count);
    ck_assert_int_eq(count, 0);
    tumorclass_image_free(image);
    tumorclass_image_free(NULL);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("volume");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, inverse_of_an_affine_takes_every_point_back);
    tcase_add_test(cases, product_of_affines_is_one_after_the_other);
    tcase_add_test(cases, singular_and_infinite_affines_have_no_inverse);
    tcase_add_test(cases, all_48_orientations_are_named);
    tcase_add_test(cases, only_three_letters_of_three_pairs_are_an_orientation);
    tcase_add_test(cases, from_and_to_all_48_orientations_no_voxel_moves);
    tcase_add_test(cases, an_axis_at_45_degrees_is_named_the_same_under_rounding);
    tcase_add_test(cases, an_axis_at_45_degrees_is_seen_the_same_in_every_order_of_storage);
    tcase_add_test(cases, every_data_type_reads_its_extremes);
    tcase_add_test(cases, float16_is_read_exactly);
    tcase_add_test(cases, scaling_is_computed_in_double_and_rounded_once);
    tcase_add_test(cases, lines_run_along_any_axis_of_any_layout);
    tcase_add_test(cases, every_field_of_a_volume_is_checked);
    tcase_add_test(cases, a_made_image_is_in_c_order_on_its_affine);
    Suite *suite = suite_create("volume");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
