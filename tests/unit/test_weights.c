#include "support.h"
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include "unit/onnx_bytes.h"
#include "base/half.h"
#include "base/memory.h"
#include "model/weights.h"

enum { NO_LIMIT = 1 << 30 };

static void assert_sentence(const char *part)
{
    ck_assert_msg(strstr(tumorclass_last_error(), part) != NULL, "'%s' is not in '%s'", part, tumorclass_last_error());
}

/* One tensor as the walker reads it from a file. */
struct read_tensor {
    struct bytes bytes;
    struct onnx_model model;
    const struct onnx_tensor *tensor;
};

static struct read_tensor read_tensor(struct bytes tensor)
{
    struct read_tensor read;
    struct onnx_file file = onnx_file(13);
    field_message(&file.graph, 5, tensor);
    read.bytes = onnx_finish(&file);
    ck_assert_int_eq(onnx_read(&read.model, read.bytes.data, read.bytes.size), TUMORCLASS_OK);
    read.tensor = read.model.initializers;
    return read;
}

static void free_tensor(struct read_tensor *read)
{
    onnx_free(&read->model);
    bytes_free(&read->bytes);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
}

static tumorclass_status status_of(struct bytes tensor, const char *folder, uint64_t max_bytes)
{
    struct read_tensor read = read_tensor(tensor);
    const float *data;
    float *owned;
    int64_t *values;
    size_t count;
    tumorclass_status status;
    if (onnx_type_is_float(read.tensor->type)) {
        status = tensor_floats(&data, &owned, read.tensor, folder, max_bytes);
        ck_assert(status == TUMORCLASS_OK || (!data && !owned));
        memory_free(owned);
    } else {
        status = tensor_integers(&values, &count, read.tensor, folder, max_bytes);
        ck_assert(status == TUMORCLASS_OK || !values);
        memory_free(values);
    }
    free_tensor(&read);
    return status;
}

static void assert_floats(struct bytes tensor, const float *expected, size_t count)
{
    struct read_tensor read = read_tensor(tensor);
    const float *data;
    float *owned;
    ck_assert_int_eq(tensor_floats(&data, &owned, read.tensor, NULL, NO_LIMIT), TUMORCLASS_OK);
    ck_assert_mem_eq(data, expected, count * sizeof *data);
    ck_assert(!owned || owned == data);
    memory_free(owned);
    free_tensor(&read);
}

static void assert_integers(struct bytes tensor, const int64_t *expected, size_t count)
{
    struct read_tensor read = read_tensor(tensor);
    int64_t *values;
    size_t found;
    ck_assert_int_eq(tensor_integers(&values, &found, read.tensor, NULL, NO_LIMIT), TUMORCLASS_OK);
    ck_assert_uint_eq(found, count);
    ck_assert_mem_eq(values, expected, count * sizeof *values);
    memory_free(values);
    free_tensor(&read);
}

static const int64_t four[] = { 4 };

START_TEST(raw_floats_of_every_width_become_float32)
{
    const float expected[4] = { 1, -0.5f, 65504, 0x1p-24f };
    const double wide[4] = { 1, -0.5, 65504, 0x1p-24 };
    const uint16_t half[4] = { 0x3c00, 0xb800, 0x7bff, 0x0001 };
    const uint16_t brain[4] = { 0x3f80, 0xbf00, 0x4780, 0x3380 };
    assert_floats(onnx_raw_tensor("w", ONNX_FLOAT, 1, four, expected, 16), expected, 4);
    assert_floats(onnx_raw_tensor("w", ONNX_DOUBLE, 1, four, wide, 32), expected, 4);
    assert_floats(onnx_raw_tensor("w", ONNX_FLOAT16, 1, four, half, 8), expected, 4);
    assert_floats(onnx_raw_tensor("w", ONNX_BFLOAT16, 1, four, brain, 8), (float[]){ 1, -0.5f, 65536, 0x1p-24f }, 4);
}
END_TEST

START_TEST(typed_floats_of_every_width_become_float32)
{
    const float expected[4] = { 1, -0.5f, 65504, 0x1p-24f };
    const double wide[4] = { 1, -0.5, 65504, 0x1p-24 };
    struct bytes tensor = onnx_tensor_bytes("w", ONNX_FLOAT, 1, four);
    field_bytes(&tensor, 4, expected, 8); /* half of them packed, half one by one */
    field_float(&tensor, 4, expected[2]);
    field_float(&tensor, 4, expected[3]);
    assert_floats(tensor, expected, 4);

    tensor = onnx_tensor_bytes("w", ONNX_DOUBLE, 1, four);
    field_bytes(&tensor, 10, wide, 32);
    assert_floats(tensor, expected, 4);

    tensor = onnx_tensor_bytes("w", ONNX_FLOAT16, 1, four);
    field_packed(&tensor, 5, 4, (int64_t[]){ 0x3c00, 0xb800, 0x7bff, 0x0001 });
    assert_floats(tensor, expected, 4);

    tensor = onnx_tensor_bytes("w", ONNX_BFLOAT16, 1, four);
    for (int i = 0; i < 4; i++) field_integer(&tensor, 5, (int64_t[]){ 0x3f80, 0xbf00, 0x4780, 0x3380 }[i]);
    assert_floats(tensor, (float[]){ 1, -0.5f, 65536, 0x1p-24f }, 4);
}
END_TEST

START_TEST(every_half_is_the_float_it_stands_for)
{
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const float value = half_to_float((uint16_t)bits);
        const int exponent = bits >> 10 & 31, fraction = bits & 1023;
        const double magnitude = exponent ? (1 + fraction / 1024.0) * pow(2, exponent - 15)
                                          : fraction / 1024.0 * pow(2, -14);
        ck_assert_int_eq(signbit(value) != 0, bits >> 15);
        if (exponent == 31)
            ck_assert(fraction ? isnan(value) : isinf(value));
        else
            ck_assert_double_eq(fabs((double)value), magnitude);
    }
}
END_TEST

START_TEST(aligned_raw_floats_stay_in_the_file)
{
    const float expected[4] = { 1, 2, 3, 4 };
    _Alignas(16) unsigned char block[64] = { 0 };
    struct onnx_tensor tensor = { .type = ONNX_FLOAT, .rank = 1, .extents = { 4 } };
    const float *data;
    float *owned;
    for (size_t offset = 0; offset < 8; offset++) {
        memcpy(block + offset, expected, sizeof expected);
        tensor.raw = (struct text){ (const char *)block + offset, sizeof expected };
        ck_assert_int_eq(tensor_floats(&data, &owned, &tensor, NULL, NO_LIMIT), TUMORCLASS_OK);
        ck_assert_mem_eq(data, expected, sizeof expected);
        ck_assert_int_eq(owned == NULL, offset % 4 == 0);
        ck_assert_int_eq((const void *)data == block + offset, offset % 4 == 0);
        memory_free(owned);
    }
}
END_TEST

START_TEST(raw_integers_of_every_type_become_int64)
{
    static const struct {
        int32_t type;
        size_t size;
        const char *bytes; /* of two elements */
        int64_t expected[2];
    } cases[] = {
        { ONNX_INT8, 2, "\x7f\x80", { 127, -128 } },
        { ONNX_UINT8, 2, "\x7f\x80", { 127, 128 } },
        { ONNX_BOOL, 2, "\x00\x02", { 0, 1 } },
        { ONNX_INT16, 4, "\xff\x7f\xfe\xff", { 32767, -2 } },
        { ONNX_UINT16, 4, "\xff\x7f\xfe\xff", { 32767, 65534 } },
        { ONNX_INT32, 8, "\xff\xff\xff\x7f\xfe\xff\xff\xff", { INT32_MAX, -2 } },
        { ONNX_UINT32, 8, "\xff\xff\xff\x7f\xfe\xff\xff\xff", { INT32_MAX, 4294967294 } },
        { ONNX_INT64, 16, "\1\0\0\0\0\0\0\x80\xff\xff\xff\xff\xff\xff\xff\xff", { INT64_MIN + 1, -1 } },
        { ONNX_UINT64, 16, "\1\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f", { 1, INT64_MAX } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_integers(onnx_raw_tensor("n", cases[i].type, 1, (int64_t[]){ 2 }, cases[i].bytes, cases[i].size),
                        cases[i].expected, 2);
}
END_TEST

START_TEST(typed_integers_of_every_type_become_int64)
{
    static const struct {
        int32_t type;
        uint32_t field;
        int64_t values[2];
    } cases[] = {
        { ONNX_INT8, 5, { 127, -128 } },
        { ONNX_UINT8, 5, { 0, 255 } },
        { ONNX_BOOL, 5, { 1, 0 } },
        { ONNX_INT16, 5, { 32767, -32768 } },
        { ONNX_UINT16, 5, { 0, 65535 } },
        { ONNX_INT32, 5, { INT32_MAX, INT32_MIN } },
        { ONNX_UINT32, 11, { 0, UINT32_MAX } },
        { ONNX_INT64, 7, { INT64_MAX, INT64_MIN } },
        { ONNX_UINT64, 11, { INT64_MAX, 3 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes tensor = onnx_tensor_bytes("n", cases[i].type, 1, (int64_t[]){ 2 });
        field_integer(&tensor, cases[i].field, cases[i].values[0]);
        field_packed(&tensor, cases[i].field, 1, &cases[i].values[1]);
        assert_integers(tensor, cases[i].values, 2);
    }
}
END_TEST

START_TEST(typed_integers_outside_their_type_are_refused)
{
    static const struct {
        int32_t type;
        int64_t value;
    } cases[] = { { ONNX_INT8, 128 },    { ONNX_INT8, -129 },       { ONNX_UINT8, 256 }, { ONNX_UINT8, -1 },
                  { ONNX_BOOL, 2 },      { ONNX_INT16, 40000 },     { ONNX_UINT16, -1 }, { ONNX_FLOAT16, 65536 },
                  { ONNX_BFLOAT16, -1 }, { ONNX_UINT32, 1LL << 32 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes tensor = onnx_tensor_bytes("n", cases[i].type, 0, NULL);
        field_integer(&tensor, cases[i].type == ONNX_UINT32 ? 11 : 5, cases[i].value);
        ck_assert_int_eq(status_of(tensor, NULL, NO_LIMIT), TUMORCLASS_BAD_MODEL);
        assert_sentence("n holds ");
        assert_sentence(onnx_type_name(cases[i].type));
    }
    ck_assert_int_eq(status_of(onnx_raw_tensor("n", ONNX_UINT64, 0, NULL, "\0\0\0\0\0\0\0\x80", 8), NULL, NO_LIMIT),
                     TUMORCLASS_UNSUPPORTED);
    assert_sentence("n holds 9223372036854775808, which is beyond int64");
}
END_TEST

START_TEST(scalars_and_empty_tensors_are_tensors)
{
    assert_floats(onnx_raw_tensor("s", ONNX_FLOAT, 0, NULL, (float[]){ 7 }, 4), (float[]){ 7 }, 1);
    assert_integers(onnx_tensor_bytes("e", ONNX_INT64, 1, (int64_t[]){ 0 }), (int64_t[]){ 0 }, 0);
    assert_floats(onnx_raw_tensor("e", ONNX_FLOAT, 2, (int64_t[]){ INT64_MAX, 0 }, "", 0), (float[]){ 0 }, 0);
    ck_assert_int_eq(status_of(onnx_raw_tensor("e", ONNX_FLOAT, 1, (int64_t[]){ 0 }, "1234", 4), NULL, NO_LIMIT),
                     TUMORCLASS_BAD_MODEL);
}
END_TEST

START_TEST(sizes_that_do_not_match_the_shape_are_refused)
{
    ck_assert_int_eq(status_of(onnx_raw_tensor("w", ONNX_FLOAT, 1, four, "123456789012345", 15), NULL, NO_LIMIT),
                     TUMORCLASS_BAD_MODEL);
    assert_sentence("w has 15 bytes of raw data, its shape needs 16");
    ck_assert_int_eq(status_of(onnx_tensor_bytes("w", ONNX_FLOAT, 1, four), NULL, NO_LIMIT), TUMORCLASS_BAD_MODEL);
    assert_sentence("w has 0 elements, its shape needs 4");
    struct bytes tensor = onnx_tensor_bytes("w", ONNX_INT64, 1, four);
    field_packed(&tensor, 7, 5, (int64_t[]){ 1, 2, 3, 4, 5 });
    ck_assert_int_eq(status_of(tensor, NULL, NO_LIMIT), TUMORCLASS_BAD_MODEL);
    assert_sentence("w has 5 elements, its shape needs 4");
    tensor = onnx_tensor_bytes("w", ONNX_FLOAT, 1, four);
    field_bytes(&tensor, 4, "12345", 5);
    ck_assert_int_eq(status_of(tensor, NULL, NO_LIMIT), TUMORCLASS_BAD_MODEL);
}
END_TEST

START_TEST(shapes_beyond_reason_take_no_memory)
{
    const int64_t huge[] = { INT64_MAX, INT64_MAX }, large[] = { 1 << 20, 1 << 20 };
    ck_assert_int_eq(status_of(onnx_raw_tensor("w", ONNX_FLOAT, 2, huge, "1234", 4), NULL, UINT64_MAX),
                     TUMORCLASS_BAD_MODEL);
    assert_sentence("w has more elements than any file");
    ck_assert_int_eq(status_of(onnx_raw_tensor("w", ONNX_DOUBLE, 2, large, "1234", 4), NULL, UINT64_MAX),
                     TUMORCLASS_BAD_MODEL);
    ck_assert_int_eq(status_of(onnx_tensor_bytes("w", ONNX_FLOAT16, 2, large), NULL, UINT64_MAX), TUMORCLASS_BAD_MODEL);
    ck_assert_int_eq(status_of(onnx_raw_tensor("w", ONNX_FLOAT, 2, large, "1234", 4), NULL, NO_LIMIT),
                     TUMORCLASS_LIMIT);
    assert_sentence("w has 1099511627776 elements, 1073741824 bytes are left for them");
    ck_assert_int_eq(status_of(onnx_raw_tensor("w", ONNX_FLOAT, 1, four, "1234567890123456", 16), NULL, 15),
                     TUMORCLASS_LIMIT);
    ck_assert_int_eq(status_of(onnx_raw_tensor("w", ONNX_FLOAT, 1, four, "1234567890123456", 16), NULL, 16),
                     TUMORCLASS_OK);
}
END_TEST

START_TEST(types_that_are_not_numbers_are_named)
{
    struct read_tensor read = read_tensor(onnx_tensor_bytes("w", ONNX_STRING, 0, NULL));
    const float *data;
    float *owned;
    int64_t *values;
    size_t count;
    ck_assert_int_eq(tensor_floats(&data, &owned, read.tensor, NULL, NO_LIMIT), TUMORCLASS_UNSUPPORTED);
    ck_assert_str_eq(tumorclass_last_error(), "w is of type string (8), floats are needed");
    ck_assert_int_eq(tensor_integers(&values, &count, read.tensor, NULL, NO_LIMIT), TUMORCLASS_UNSUPPORTED);
    ck_assert_str_eq(tumorclass_last_error(), "w is of type string (8), integers are needed");
    free_tensor(&read);
    ck_assert_int_eq(status_of(onnx_tensor_bytes("w", -5, 0, NULL), NULL, NO_LIMIT), TUMORCLASS_UNSUPPORTED);
    assert_sentence("unknown type (-5)");
    ck_assert_str_eq(onnx_type_name(ONNX_BFLOAT16), "bfloat16");
    ck_assert_str_eq(onnx_type_name(0), "unknown type");
    ck_assert_str_eq(onnx_type_name(17), "unknown type");
}
END_TEST

/* ---- External data ---- */

static char folder[64], outside[80];

/* folder/weights.bin: 4 bytes, then floats 1 to 4; folder/in/..x.bin: the same; folder/link.bin -> weights.bin;
 * folder/out.bin -> a file beside the folder. */
static void make_folder(void)
{
    char path[128];
    const float data[5] = { 0, 1, 2, 3, 4 };
    strcpy(folder, "/tmp/tumorclass-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(outside, sizeof outside, "%s-outside", folder);
    ck_assert_int_eq(tumorclass_write_file(outside, data, sizeof data), TUMORCLASS_OK);
    snprintf(path, sizeof path, "%s/weights.bin", folder);
    ck_assert_int_eq(tumorclass_write_file(path, data, sizeof data), TUMORCLASS_OK);
    snprintf(path, sizeof path, "%s/in", folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/in/..x.bin", folder);
    ck_assert_int_eq(tumorclass_write_file(path, data, sizeof data), TUMORCLASS_OK);
    snprintf(path, sizeof path, "%s/link.bin", folder);
    ck_assert_int_eq(symlink("weights.bin", path), 0);
    snprintf(path, sizeof path, "%s/out.bin", folder);
    ck_assert_int_eq(symlink(outside, path), 0);
}

static void remove_folder(void)
{
    char command[256];
    snprintf(command, sizeof command, "rm -r %s %s", folder, outside);
    ck_assert_int_eq(system(command), 0);
}

static struct bytes external(const char *location, const char *offset, const char *length)
{
    struct bytes tensor = onnx_tensor_bytes("w", ONNX_FLOAT, 1, four);
    onnx_external(&tensor, location, offset, length);
    return tensor;
}

START_TEST(external_data_is_read_from_the_folder)
{
    static const char *const locations[] = { "weights.bin", "./weights.bin", "in/./..x.bin", "link.bin" };
    const float expected[4] = { 1, 2, 3, 4 };
    for (int i = 0; i < 8; i++) {
        struct read_tensor read = read_tensor(external(locations[i / 2], "4", i % 2 ? "16" : ""));
        const float *data;
        float *owned;
        ck_assert_int_eq(tensor_floats(&data, &owned, read.tensor, folder, NO_LIMIT), TUMORCLASS_OK);
        ck_assert_mem_eq(data, expected, sizeof expected);
        ck_assert_ptr_eq(owned, data);
        memory_free(owned);
        free_tensor(&read);
    }
}
END_TEST

START_TEST(external_data_outside_the_folder_is_refused)
{
    static const char *const locations[] = { "/etc/passwd", "..",       "../weights.bin",   "in/../weights.bin",
                                             "in/..",       "in/../..", "x/..//weights.bin" };
    for (size_t i = 0; i < sizeof locations / sizeof *locations; i++) {
        ck_assert_int_eq(status_of(external(locations[i], "4", "16"), folder, NO_LIMIT), TUMORCLASS_BAD_MODEL);
        assert_sentence("which is no place inside the model's folder");
    }
    ck_assert_int_eq(status_of(external("out.bin", "4", "16"), folder, NO_LIMIT), TUMORCLASS_BAD_MODEL);
    assert_sentence("w lies in the file \"out.bin\", a link that leads out of the model's folder");
    ck_assert_int_eq(status_of(external("weights.bin", "4", "16"), NULL, NO_LIMIT), TUMORCLASS_BAD_MODEL);
    assert_sentence("a model in memory has no folder");
}
END_TEST

START_TEST(external_data_that_does_not_fit_its_file_is_refused)
{
    static const char *const parts[][2] = { { "8", "16" }, { "20", "16" }, { "18446744073709551615", "16" } };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        ck_assert_int_eq(status_of(external("weights.bin", parts[i][0], parts[i][1]), folder, NO_LIMIT),
                         TUMORCLASS_BAD_MODEL);
        assert_sentence("of \"weights.bin\", which has 20");
    }
    ck_assert_int_eq(status_of(external("weights.bin", "4", "12"), folder, NO_LIMIT), TUMORCLASS_BAD_MODEL);
    assert_sentence("w has 12 bytes of external data, its shape needs 16");
    ck_assert_int_eq(status_of(external("weights.bin", "", ""), folder, NO_LIMIT), TUMORCLASS_BAD_MODEL);
    assert_sentence("w has 20 bytes of external data, its shape needs 16");
    ck_assert_int_eq(status_of(external("missing.bin", "4", "16"), folder, NO_LIMIT), TUMORCLASS_IO_ERROR);
    assert_sentence("\"missing.bin\", No such file or directory");
    ck_assert_int_eq(status_of(external("in", "4", "16"), folder, NO_LIMIT), TUMORCLASS_IO_ERROR);
    char name[6000] = "";
    memset(name, 'a', sizeof name - 1);
    ck_assert_int_eq(status_of(external(name, "4", "16"), folder, NO_LIMIT), TUMORCLASS_BAD_MODEL);
    assert_sentence("a name that is too long");
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    for (int storage = 0; storage < 4; storage++) {
        struct bytes tensor = onnx_tensor_bytes("w", storage == 3 ? ONNX_INT32 : ONNX_FLOAT16, 1, four);
        if (storage == 0) field_bytes(&tensor, 9, "12345678", 8);
        if (storage == 1 || storage == 3) field_packed(&tensor, 5, 4, (int64_t[]){ 1, 2, 3, 4 });
        if (storage == 2) onnx_external(&tensor, "weights.bin", "4", "8");
        struct read_tensor read = read_tensor(tensor);
        const int64_t blocks = memory_blocks_in_use();
        int64_t nth = 1;
        for (;; nth++) {
            const float *data;
            float *owned = NULL;
            int64_t *values = NULL;
            size_t count;
            memory_fail_at(nth);
            const tumorclass_status status = storage == 3
                                                 ? tensor_integers(&values, &count, read.tensor, folder, NO_LIMIT)
                                                 : tensor_floats(&data, &owned, read.tensor, folder, NO_LIMIT);
            memory_fail_at(0);
            memory_free(owned);
            memory_free(values);
            ck_assert_int_eq(memory_blocks_in_use(), blocks);
            if (status == TUMORCLASS_OK) break;
            ck_assert_int_eq(status, TUMORCLASS_OUT_OF_MEMORY);
        }
        ck_assert_int_eq(nth, storage ? 3 : 2);
        free_tensor(&read);
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("weights");
    tcase_add_unchecked_fixture(cases, make_folder, remove_folder);
    tcase_add_test(cases, raw_floats_of_every_width_become_float32);
    tcase_add_test(cases, typed_floats_of_every_width_become_float32);
    tcase_add_test(cases, every_half_is_the_float_it_stands_for);
    tcase_add_test(cases, aligned_raw_floats_stay_in_the_file);
    tcase_add_test(cases, raw_integers_of_every_type_become_int64);
    tcase_add_test(cases, typed_integers_of_every_type_become_int64);
    tcase_add_test(cases, typed_integers_outside_their_type_are_refused);
    tcase_add_test(cases, scalars_and_empty_tensors_are_tensors);
    tcase_add_test(cases, sizes_that_do_not_match_the_shape_are_refused);
    tcase_add_test(cases, shapes_beyond_reason_take_no_memory);
    tcase_add_test(cases, types_that_are_not_numbers_are_named);
    tcase_add_test(cases, external_data_is_read_from_the_folder);
    tcase_add_test(cases, external_data_outside_the_folder_is_refused);
    tcase_add_test(cases, external_data_that_does_not_fit_its_file_is_refused);
    tcase_add_test(cases, every_allocation_may_fail);
    Suite *suite = suite_create("weights");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
