/* One head in all 48 orders and directions of its axes, as copies and as views with any strides, along the world's axes
 * and oblique, with a mask and without, on both kinds of grid: one answer, bit for bit, and one map. */
#include "api.h"
#include <stdbool.h>
#include <stdio.h>

enum { CLASS = 2, MI = 38, MJ = 45, MK = 31, COUNT = MI * MJ * MK, PATCHED = 1 << 20 };

static int16_t head[COUNT], copied[COUNT];
static uint8_t brain[COUNT];

struct order {
    int axis[3];  /* axis n of the copy is axis[n] of the original, */
    bool flip[3]; /* backwards or not */
};

static struct order order_number(int n)
{
    static const int axes[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    struct order order = { .flip = { n & 1, n & 2, n & 4 } };
    memcpy(order.axis, axes[n / 8], sizeof order.axis);
    return order;
}

/* Brain, scalp and a bright spot, no two sides alike, in an exact background; i fastest. `angle`: turned about two axes. */
static tumorclass_volume draw(double angle)
{
    for (int k = 0, at = 0; k < MK; k++)
        for (int j = 0; j < MJ; j++)
            for (int i = 0; i < MI; i++, at++) {
                const double x = (i - 17.0) / 16, y = (j - 23.5) / 20, z = (k - 14.0) / 13;
                const double r = x * x + y * y + z * z + 0.2 * x * y - 0.1 * y * z;
                const double spot = (i - 25) * (i - 25) + (j - 30) * (j - 30) + (k - 18) * (k - 18);
                brain[at] = r < 0.7;
                head[at] = (int16_t)(r >= 1 ? 0
                                            : 400 + 150 * r + 40 * sin(0.9 * i + 0.5 * j - 0.3 * k) +
                                                  (spot < 20 ? 500 : 0));
            }
    const double c = cos(angle), s = sin(angle);
    const double turn[9] = { c, -s, 0, c * s, c * c, -s, s * s, c * s, c }, step[3] = { 4.7, 4.2, 5.6 };
    tumorclass_volume drawn = {
        .data = head, .dtype = TUMORCLASS_I16, .shape = { MI, MJ, MK }, .strides = { 1, MI, MI * MJ }
    };
    for (int row = 0; row < 3; row++) {
        for (int n = 0; n < 3; n++) drawn.affine[4 * row + n] = turn[3 * row + n] * step[n];
        drawn.affine[4 * row + 3] = -91.25 + 9 * row;
    }
    return drawn;
}

/* The same voxels seen in another order: pointer, strides, shape and affine change, the memory does not. */
static tumorclass_volume view(const tumorclass_volume *of, const struct order *order, size_t voxel_size)
{
    tumorclass_volume seen = *of;
    int64_t first = 0;
    for (int n = 0; n < 3; n++) {
        const int axis = order->axis[n];
        const int64_t last = of->shape[axis] - 1, sign = order->flip[n] ? -1 : 1;
        seen.shape[n] = of->shape[axis];
        seen.strides[n] = sign * of->strides[axis];
        if (order->flip[n]) first += last * of->strides[axis];
        for (int row = 0; row < 12; row += 4) {
            seen.affine[row + n] = (double)sign * of->affine[row + axis];
            if (order->flip[n]) seen.affine[row + 3] += (double)last * of->affine[row + axis];
        }
    }
    seen.data = (const char *)of->data + first * (int64_t)voxel_size;
    return seen;
}

/* A view of the head's int16 voxels, as a volume of its own with i fastest. */
static tumorclass_volume copy(const tumorclass_volume *seen)
{
    int16_t *dst = copied;
    for (int64_t k = 0; k < seen->shape[2]; k++)
        for (int64_t j = 0; j < seen->shape[1]; j++)
            for (int64_t i = 0; i < seen->shape[0]; i++)
                *dst++ =
                    ((const int16_t *)seen->data)[i * seen->strides[0] + j * seen->strides[1] + k * seen->strides[2]];
    tumorclass_volume plain = *seen;
    plain.data = copied;
    memcpy(plain.strides, (const int64_t[]){ 1, seen->shape[0], seen->shape[0] * seen->shape[1] },
           sizeof plain.strides);
    return plain;
}

/* The untrained model, asking for millimetres: its file with one metadata entry, a field of the outermost message, put
 * in place of another. */
static tumorclass_model *model_of_millimetres(void)
{
    static const char before[] = "\x72\x20\x0a\x15tumorclass.input.grid\x12\x07stretch",
                      after[] = "\x72\x26\x0a\x15tumorclass.input.grid\x12\x0dspacing 3,3,3";
    static char file[PATCHED], patched[PATCHED];
    FILE *source = fopen(UNTRAINED_MODEL, "rb");
    ck_assert_ptr_nonnull(source);
    const size_t size = fread(file, 1, sizeof file, source), gone = sizeof before - 1, new = sizeof after - 1;
    fclose(source);
    ck_assert_uint_lt(size, sizeof file - new);
    size_t at = 0;
    while (at + gone < size && memcmp(file + at, before, gone) != 0) at++;
    ck_assert_uint_lt(at + gone, size);
    memcpy(patched, file, at);
    memcpy(patched + at, after, new);
    memcpy(patched + at + new, file + at + gone, size - at - gone);
    tumorclass_model *loaded;
    ck_assert_msg(tumorclass_model_load_memory(&loaded, patched, size - gone + new, NULL) == TUMORCLASS_OK, "%s",
                  tumorclass_last_error());
    return loaded;
}

static float first_input[64 * 64 * 64], first_logits[7], first_map[COUNT], map[COUNT];
static tumorclass_attention_summary first_summary;

static void check_map(tumorclass_session *session, const tumorclass_result *result, const tumorclass_volume *seen,
                      const struct order *order, bool first)
{
    tumorclass_attention_summary summary;
    ck_assert_msg(tumorclass_attention(session, map, COUNT, &summary, result, CLASS, NULL) == TUMORCLASS_OK, "%s",
                  tumorclass_last_error());
    if (first) {
        memcpy(first_map, map, sizeof map);
        first_summary = summary;
        return;
    }
    for (int n = 0; n < 3; n++) {
        ck_assert_double_eq_tol(summary.peak_mm[n], first_summary.peak_mm[n], 1e-9);
        ck_assert_double_eq_tol(summary.centre_mm[n], first_summary.centre_mm[n], 1e-3);
    }
    ck_assert_double_eq_tol(summary.inside, first_summary.inside, 1e-6);
    tumorclass_volume reordered = { .data = first_map, .shape = { MI, MJ, MK }, .strides = { 1, MI, MI * MJ } };
    reordered = view(&reordered, order, sizeof *first_map);
    const float *expected = reordered.data;
    for (int64_t k = 0, at = 0; k < seen->shape[2]; k++)
        for (int64_t j = 0; j < seen->shape[1]; j++)
            for (int64_t i = 0; i < seen->shape[0]; i++, at++)
                ck_assert_float_eq_tol(
                    map[at], expected[i * reordered.strides[0] + j * reordered.strides[1] + k * reordered.strides[2]],
                    2e-6f); /* voxel to cell: a few roundings, in another order */
}

static void check_answer(tumorclass_session *session, const tumorclass_volume *seen, const tumorclass_volume *mask,
                         const struct order *order, bool first)
{
    tumorclass_scan_options options = TUMORCLASS_SCAN_OPTIONS_INIT;
    options.mask = mask;
    tumorclass_image *input;
    tumorclass_result *result;
    ck_assert_int_eq(tumorclass_preprocess(session, &input, seen, &options), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_classify(session, &result, seen, &options), TUMORCLASS_OK);
    if (first) {
        memcpy(first_input, tumorclass_image_volume(input)->data, sizeof first_input);
        memcpy(first_logits, tumorclass_result_logits(result, NULL), sizeof first_logits);
    }
    ck_assert_mem_eq(tumorclass_image_volume(input)->data, first_input, sizeof first_input);
    ck_assert_mem_eq(tumorclass_result_logits(result, NULL), first_logits, sizeof first_logits);
    check_map(session, result, seen, order, first);
    tumorclass_image_free(input);
    tumorclass_result_free(result);
}

/* Views and copies take turns, in a way that both meet every order of the axes and every set of directions. */
static void check_orders(double angle, bool millimetres, bool masked)
{
    tumorclass_model *patched = millimetres ? model_of_millimetres() : NULL;
    tumorclass_session *session;
    ck_assert_int_eq(tumorclass_session_create(&session, millimetres ? patched : model, NULL), TUMORCLASS_OK);
    const tumorclass_volume drawn = draw(angle);
    tumorclass_volume brain_volume = drawn;
    brain_volume.data = brain;
    brain_volume.dtype = TUMORCLASS_U8;
    for (int n = 0; n < 48; n++) {
        const struct order order = order_number(n);
        const tumorclass_volume seen = view(&drawn, &order, sizeof *head),
                                mask = view(&brain_volume, &order, sizeof *brain);
        const tumorclass_volume scan = (n + n / 8) % 2 ? copy(&seen) : seen;
        check_answer(session, &scan, masked ? &mask : NULL, &order, n == 0);
    }
    tumorclass_session_free(session);
    tumorclass_model_free(patched);
}

START_TEST(stretched_head_has_one_answer_in_all_48_orders)
{
    check_orders(0, false, true);
    check_orders(0.31, false, false);
}
END_TEST

START_TEST(head_in_millimetres_has_one_answer_in_all_48_orders)
{
    check_orders(0, true, false);
    check_orders(0.31, true, true);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("orientation");
    tcase_add_test(cases, stretched_head_has_one_answer_in_all_48_orders);
    tcase_add_test(cases, head_in_millimetres_has_one_answer_in_all_48_orders);
    return run_cases(cases, "orientation");
}
