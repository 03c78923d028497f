#include "support.h"
#include "unit/onnx_bytes.h"
#include "base/memory.h"
#include "model/wire.h"

/* A file with something of everything that the walker reads. */
static struct bytes small_file(void)
{
    struct onnx_file file = onnx_file(13);
    const float weights[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    onnx_property(&file, "tumorclass.schema", "1");
    onnx_property(&file, "note", "");
    onnx_input(&file, "x", 5, (int64_t[]){ -1, 1, 4, 4, 4 });
    onnx_floats(&file, "w", 5, (int64_t[]){ 1, 1, 2, 2, 2 }, weights);
    onnx_node(&file, "Conv", "conv1", "x,w", "y");
    onnx_ints_attribute(&file, "pads", 6, (int64_t[]){ 1, 1, 1, 0, 0, -1 });
    onnx_int_attribute(&file, "group", -3);
    onnx_text_attribute(&file, "auto_pad", "NOTSET");
    onnx_node(&file, "Clip", "", "y,,high", "z");
    onnx_float_attribute(&file, "max", 6.5f);
    onnx_floats_attribute(&file, "scales", 2, (float[]){ 0.5f, -2 });
    onnx_tensor_attribute(&file, "value", onnx_raw_tensor("t", ONNX_INT64, 1, (int64_t[]){ 1 }, "\1\0\0\0\0\0\0", 8));
    onnx_output(&file, "z", 5, (int64_t[]){ -1, 1, 4, 4, 4 });
    return onnx_finish(&file);
}

/* What onnx_read says to a file that is finished here. */
static tumorclass_status read_file(struct onnx_file *file)
{
    struct bytes bytes = onnx_finish(file);
    struct onnx_model model;
    const tumorclass_status status = onnx_read(&model, bytes.data, bytes.size);
    onnx_free(&model);
    bytes_free(&bytes);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
    return status;
}

static void assert_sentence(const char *part)
{
    ck_assert_msg(strstr(tumorclass_last_error(), part) != NULL, "'%s' is not in '%s'", part, tumorclass_last_error());
}

START_TEST(every_field_is_read)
{
    struct bytes bytes = small_file();
    struct onnx_model model;
    ck_assert_int_eq(onnx_read(&model, bytes.data, bytes.size), TUMORCLASS_OK);
    ck_assert_int_eq(model.ir_version, 8);
    ck_assert_int_eq(model.opset, 13);
    ck_assert(text_is(model.producer, "libtumorclass tests"));
    ck_assert_uint_eq(model.property_count, 2);
    ck_assert(text_is(model.keys[0], "tumorclass.schema") && text_is(model.values[0], "1"));
    ck_assert(text_is(model.keys[1], "note") && text_is(model.values[1], ""));

    ck_assert_uint_eq(model.input_count, 1);
    ck_assert(text_is(model.inputs[0].name, "x"));
    ck_assert_int_eq(model.inputs[0].type, ONNX_FLOAT);
    ck_assert_int_eq(model.inputs[0].rank, 5);
    ck_assert_int_eq(model.inputs[0].extents[0], -1);
    ck_assert_int_eq(model.inputs[0].extents[4], 4);
    ck_assert(text_is(model.outputs[0].name, "z"));

    ck_assert_uint_eq(model.initializer_count, 1);
    const struct onnx_tensor *tensor = model.initializers;
    ck_assert(text_is(tensor->name, "w"));
    ck_assert_int_eq(tensor->type, ONNX_FLOAT);
    ck_assert_int_eq(tensor->rank, 5);
    ck_assert_int_eq(tensor->extents[2], 2);
    ck_assert_uint_eq(tensor->raw.size, 32);
    onnx_free(&model);
    bytes_free(&bytes);
}
END_TEST

START_TEST(nodes_and_attributes_are_read)
{
    struct bytes bytes = small_file();
    struct onnx_model model;
    ck_assert_int_eq(onnx_read(&model, bytes.data, bytes.size), TUMORCLASS_OK);
    ck_assert_uint_eq(model.node_count, 2);
    const struct onnx_node *conv = model.nodes, *clip = conv + 1;
    ck_assert(text_is(conv->name, "conv1") && text_is(conv->operator_type, "Conv"));
    ck_assert_uint_eq(conv->attribute_count, 3);
    const struct onnx_attribute *pads = onnx_find(conv, "pads");
    ck_assert_int_eq(pads->type, ONNX_ATTRIBUTE_INTS);
    ck_assert_uint_eq(pads->count, 6);
    ck_assert_int_eq(pads->ints[0], 1);
    ck_assert_int_eq(pads->ints[5], -1);
    ck_assert_int_eq(onnx_find(conv, "group")->i, -3);
    ck_assert(text_is(onnx_find(conv, "auto_pad")->s, "NOTSET"));
    ck_assert_ptr_null(onnx_find(conv, "dilations"));

    ck_assert_uint_eq(clip->input_count, 3);
    ck_assert(text_is(clip->inputs[1], "") && text_is(clip->inputs[2], "high") && text_is(clip->outputs[0], "z"));
    ck_assert_float_eq(onnx_find(clip, "max")->f, 6.5f);
    ck_assert_uint_eq(onnx_find(clip, "scales")->count, 2);
    ck_assert_float_eq(onnx_find(clip, "scales")->floats[1], -2);
    ck_assert_int_eq(onnx_find(clip, "value")->tensor.type, ONNX_INT64);
    ck_assert_int_eq(onnx_find(clip, "value")->tensor.extents[0], 1);
    onnx_free(&model);
    bytes_free(&bytes);
}
END_TEST

START_TEST(repeated_numbers_may_be_packed_unpacked_and_split)
{
    struct onnx_file file = onnx_file(13);
    onnx_node(&file, "Conv", "c", "x", "y");
    struct bytes attribute = onnx_attribute_bytes("pads", ONNX_ATTRIBUTE_INTS);
    field_packed(&attribute, 8, 2, (int64_t[]){ 1, -2 });
    field_integer(&attribute, 8, INT64_MAX);
    field_packed(&attribute, 8, 0, NULL);
    field_packed(&attribute, 8, 1, (int64_t[]){ 300 });
    field_message(&file.node, 5, attribute);
    attribute = onnx_attribute_bytes("scales", ONNX_ATTRIBUTE_FLOATS);
    field_bytes(&attribute, 7, (float[]){ 1, 2 }, 8);
    field_float(&attribute, 7, 3);
    field_message(&file.node, 5, attribute);
    struct bytes bytes = onnx_finish(&file);

    struct onnx_model model;
    ck_assert_int_eq(onnx_read(&model, bytes.data, bytes.size), TUMORCLASS_OK);
    const struct onnx_attribute *pads = onnx_find(model.nodes, "pads"), *scales = onnx_find(model.nodes, "scales");
    ck_assert_uint_eq(pads->count, 4);
    ck_assert_mem_eq(pads->ints, ((int64_t[]){ 1, -2, INT64_MAX, 300 }), 32);
    ck_assert_uint_eq(scales->count, 3);
    ck_assert_mem_eq(scales->floats, ((float[]){ 1, 2, 3 }), 12);
    onnx_free(&model);
    bytes_free(&bytes);
}
END_TEST

START_TEST(unknown_fields_are_passed_over)
{
    struct onnx_file file = onnx_file(13);
    onnx_node(&file, "Relu", "r", "x", "y");
    field_integer(&file.node, 900, -1);
    field_text(&file.node, 901, "future");
    field_float(&file.graph, 902, 1);
    bytes_tag(&file.model, 903, 1);
    bytes_append(&file.model, "12345678", 8);
    ck_assert_int_eq(read_file(&file), TUMORCLASS_OK);
}
END_TEST

START_TEST(external_data_is_described)
{
    struct onnx_file file = onnx_file(13);
    struct bytes tensor = onnx_tensor_bytes("w", ONNX_FLOAT, 1, (int64_t[]){ 3 });
    onnx_external(&tensor, "weights.bin", "4096", "12");
    field_message(&file.graph, 5, tensor);
    struct bytes bytes = onnx_finish(&file);
    struct onnx_model model;
    ck_assert_int_eq(onnx_read(&model, bytes.data, bytes.size), TUMORCLASS_OK);
    ck_assert(model.initializers->external);
    ck_assert(text_is(model.initializers->location, "weights.bin"));
    ck_assert_uint_eq(model.initializers->offset, 4096);
    ck_assert_uint_eq(model.initializers->length, 12);
    onnx_free(&model);
    bytes_free(&bytes);
}
END_TEST

static tumorclass_status read_external(const char *location, const char *offset, const char *length)
{
    struct onnx_file file = onnx_file(13);
    struct bytes tensor = onnx_tensor_bytes("w", ONNX_FLOAT, 1, (int64_t[]){ 3 });
    onnx_external(&tensor, location, offset, length);
    field_message(&file.graph, 5, tensor);
    return read_file(&file);
}

START_TEST(external_data_must_be_numbers_in_a_named_file)
{
    ck_assert_int_eq(read_external("w", "0", "18446744073709551615"), TUMORCLASS_OK);
    ck_assert_int_eq(read_external("w", "18446744073709551616", "1"), TUMORCLASS_BAD_MODEL);
    assert_sentence("initializer 0: external data has the offset \"18446744073709551616\"");
    ck_assert_int_eq(read_external("w", "0", "-1"), TUMORCLASS_BAD_MODEL);
    ck_assert_int_eq(read_external("w", "0", "0x10"), TUMORCLASS_BAD_MODEL);
    ck_assert_int_eq(read_external("", "0", "12"), TUMORCLASS_BAD_MODEL);
    assert_sentence("w has external data without a location");
}
END_TEST

START_TEST(graphs_within_graphs_are_refused)
{
    for (int64_t type = ONNX_ATTRIBUTE_GRAPH; type <= ONNX_ATTRIBUTE_GRAPHS; type += 5) {
        struct onnx_file file = onnx_file(13);
        onnx_node(&file, "Relu", "r", "x", "y");
        onnx_node(&file, "If", "choice", "y", "z");
        field_message(&file.node, 5, onnx_attribute_bytes("then_branch", (int32_t)type));
        ck_assert_int_eq(read_file(&file), TUMORCLASS_UNSUPPORTED);
        assert_sentence("node 1 'choice' (If) has a graph inside it");
    }
}
END_TEST

START_TEST(other_domains_are_refused)
{
    struct onnx_file file = onnx_file(13);
    onnx_node(&file, "FusedConv", "f", "x", "y");
    field_text(&file.node, 7, "com.microsoft");
    ck_assert_int_eq(read_file(&file), TUMORCLASS_UNSUPPORTED);
    assert_sentence("node 0 'f' (FusedConv) is of the domain com.microsoft");

    file = onnx_file(13);
    onnx_node(&file, "Relu", "f", "x", "y");
    field_text(&file.node, 7, "ai.onnx");
    ck_assert_int_eq(read_file(&file), TUMORCLASS_OK);
}
END_TEST

START_TEST(operator_sets_before_six_are_refused)
{
    struct onnx_file file = onnx_file(5);
    ck_assert_int_eq(read_file(&file), TUMORCLASS_UNSUPPORTED);
    assert_sentence("operator set 5, the oldest that can be read is 6");
    file = onnx_file(0);
    ck_assert_int_eq(read_file(&file), TUMORCLASS_BAD_MODEL);
    file = onnx_file(6);
    struct bytes other = { 0 };
    field_text(&other, 1, "ai.onnx.ml");
    field_integer(&other, 2, 3);
    field_message(&file.model, 8, other);
    ck_assert_int_eq(read_file(&file), TUMORCLASS_OK);
}
END_TEST

START_TEST(what_is_no_onnx_file_is_refused)
{
    struct onnx_model model;
    ck_assert_int_eq(onnx_read(&model, "", 0), TUMORCLASS_BAD_MODEL);
    assert_sentence("no graph");
    ck_assert_int_eq(onnx_read(&model, "PK\3\4 some archive", 17), TUMORCLASS_BAD_MODEL);
    ck_assert_int_eq(onnx_read(&model, "\x89HDF\r\n\x1a\n", 8), TUMORCLASS_BAD_MODEL);
    struct onnx_file file = onnx_file(13);
    field_text(&file.model, 7, "");
    ck_assert_int_eq(read_file(&file), TUMORCLASS_BAD_MODEL);
    assert_sentence("two graphs");
}
END_TEST

START_TEST(a_zero_byte_in_a_name_is_refused)
{
    struct onnx_file file = onnx_file(13);
    onnx_node(&file, "Relu", "r", "x", "y");
    field_bytes(&file.node, 1, "x\0y", 3);
    ck_assert_int_eq(read_file(&file), TUMORCLASS_BAD_MODEL);
    assert_sentence("node 0: field 1 is not UTF-8 text, or has a zero byte in it");
}
END_TEST

START_TEST(names_are_utf8)
{
    static const struct {
        const char *name;
        tumorclass_status status;
    } cases[] = {
        { "\xc3\xa4", TUMORCLASS_OK },    { "\xe2\x82\xac", TUMORCLASS_OK },    { "\xf0\x9f\xa7\xa0", TUMORCLASS_OK },
        { "\xc3", TUMORCLASS_BAD_MODEL }, { "\xe2\x82", TUMORCLASS_BAD_MODEL }, { "\xc3(", TUMORCLASS_BAD_MODEL },
        { "\xa4", TUMORCLASS_BAD_MODEL }, { "\xc0\x80", TUMORCLASS_BAD_MODEL }, { "\xff", TUMORCLASS_BAD_MODEL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct onnx_file file = onnx_file(13);
        onnx_node(&file, "Relu", cases[i].name, "x", "y");
        ck_assert_int_eq(read_file(&file), cases[i].status);
    }
}
END_TEST

START_TEST(sparse_initializers_and_high_ranks_are_refused)
{
    struct onnx_file file = onnx_file(13);
    field_text(&file.graph, 15, "");
    ck_assert_int_eq(read_file(&file), TUMORCLASS_UNSUPPORTED);
    assert_sentence("sparse");

    const int64_t ones[9] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    file = onnx_file(13);
    field_message(&file.graph, 5, onnx_tensor_bytes("w", ONNX_FLOAT, 9, ones));
    ck_assert_int_eq(read_file(&file), TUMORCLASS_UNSUPPORTED);
    assert_sentence("initializer 0: w has rank 9, the limit is 8");
    file = onnx_file(13);
    onnx_input(&file, "x", 9, ones);
    ck_assert_int_eq(read_file(&file), TUMORCLASS_UNSUPPORTED);
    assert_sentence("input 0: rank 9, the limit is 8");
    file = onnx_file(13);
    field_message(&file.graph, 5, onnx_tensor_bytes("w", ONNX_FLOAT, 1, (int64_t[]){ -7 }));
    ck_assert_int_eq(read_file(&file), TUMORCLASS_BAD_MODEL);
    assert_sentence("w has the extent -7");
}
END_TEST

START_TEST(bombs_are_refused)
{
    struct onnx_file file = onnx_file(13);
    for (int i = 0; i < 1000000; i++) field_text(&file.graph, 1, "");
    ck_assert_int_eq(read_file(&file), TUMORCLASS_UNSUPPORTED);
    assert_sentence("1000000 nodes, the limit is 65536");

    file = onnx_file(13);
    onnx_node(&file, "Relu", "r", "x", "y");
    for (int i = 0; i < 65; i++) field_text(&file.node, 5, "");
    ck_assert_int_eq(read_file(&file), TUMORCLASS_UNSUPPORTED);
    assert_sentence("node 0: 65 attributes, the limit is 64");

    file = onnx_file(13);
    struct bytes deep = { 0 };
    for (int i = 0; i < 20000; i++) { /* each level a node whose attribute holds the graph below */
        struct bytes outer = { 0 };
        field_message(&outer, (uint32_t[]){ 1, 5, 6 }[i % 3], deep);
        deep = outer;
    }
    field_message(&file.model, 7, deep);
    const tumorclass_status status = read_file(&file);
    ck_assert(status == TUMORCLASS_BAD_MODEL || status == TUMORCLASS_UNSUPPORTED);
}
END_TEST

/* One field in a model by its bytes. */
static tumorclass_status read_bytes(const char *data, size_t size)
{
    struct onnx_model model;
    const tumorclass_status status = onnx_read(&model, data, size);
    onnx_free(&model);
    return status;
}

START_TEST(broken_fields_are_refused)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *sentence;
    } cases[] = {
        { "\x3a\x05zz", 4, "field 7 has 5 bytes, but its message ends after 2" },
        { "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "field 7 has 18446744073709551615 bytes" },
        { "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11, "field 7 has no length" },
        { "\x3a", 1, "field 7 has no length" },
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11, "field 1 is a number that does not end" },
        { "\x08\x80", 2, "field 1 is a number that does not end" },
        { "\x0d\1\2\3", 4, "field 1 has 4 bytes, but its message ends after 3" },
        { "\x09\1\2\3\4\5\6\7", 8, "field 1 has 8 bytes, but its message ends after 7" },
        { "\x0b", 1, "field 1 has a wire type" },
        { "\x0f", 1, "field 1 has a wire type" },
        { "\x00\x00", 2, "field 0 stands where a field should begin" },
        { "\xff\xff\xff\xff\xff\x01", 6, "field 0 stands where a field should begin" },
        { "\x0a\x01x", 3, "field 1 has the wrong wire type" },
        { "\x38\x01", 2, "field 7 has the wrong wire type" },
        { "\x12\x01\xc3\xa4\x01", 5, "field 2 is not UTF-8" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(read_bytes(cases[i].bytes, cases[i].size), TUMORCLASS_BAD_MODEL);
        assert_sentence(cases[i].sentence);
    }
}
END_TEST

static tumorclass_status read_numbers_field(uint32_t number, const char *packed, size_t size)
{
    struct onnx_file file = onnx_file(13);
    onnx_node(&file, "Conv", "c", "x", "y");
    struct bytes attribute = onnx_attribute_bytes("pads", ONNX_ATTRIBUTE_INTS);
    field_bytes(&attribute, number, packed, size);
    field_message(&file.node, 5, attribute);
    return read_file(&file);
}

START_TEST(packed_fields_of_a_wrong_length_are_refused)
{
    ck_assert_int_eq(read_numbers_field(8, "\1\x80", 2), TUMORCLASS_BAD_MODEL);
    assert_sentence("node 0: attribute 0: field 8 holds a number that does not end");
    ck_assert_int_eq(read_numbers_field(7, "12345", 5), TUMORCLASS_BAD_MODEL);
    assert_sentence("node 0: attribute 0: field 7 does not hold a whole number of elements");

    struct onnx_file file = onnx_file(13);
    onnx_node(&file, "Conv", "c", "x", "y");
    struct bytes attribute = onnx_attribute_bytes("pads", ONNX_ATTRIBUTE_INTS);
    field_integer(&attribute, 8, 1);
    field_float(&attribute, 7, 1);
    field_message(&file.node, 5, attribute);
    ck_assert_int_eq(read_file(&file), TUMORCLASS_BAD_MODEL);
    assert_sentence("both floats and integers");
}
END_TEST

/* The bytes at the end of a block of exactly their size, so that a sanitizer sees a read past them. */
static void read_exactly(const unsigned char *data, size_t size)
{
    unsigned char *copy = malloc(size + !size);
    memcpy(copy, data, size);
    read_bytes((const char *)copy, size);
    free(copy);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
}

START_TEST(a_file_cut_short_anywhere_does_no_harm)
{
    struct bytes bytes = small_file();
    for (size_t size = 0; size < bytes.size; size++) read_exactly(bytes.data, size);
    bytes_free(&bytes);
}
END_TEST

START_TEST(a_file_with_bytes_changed_does_no_harm)
{
    const unsigned seed = 20240607;
    printf("seed %u\n", seed);
    srand(seed);
    struct bytes bytes = small_file();
    for (size_t i = 0; i < bytes.size; i++) {
        const unsigned char kept = bytes.data[i];
        for (int value = 0; value < 256; value++) {
            bytes.data[i] = (unsigned char)value;
            read_exactly(bytes.data, bytes.size);
        }
        bytes.data[i] = kept;
    }
    for (int round = 0; round < 20000; round++) {
        struct bytes changed = { 0 };
        bytes_append(&changed, bytes.data, bytes.size);
        for (int k = 0; k < 1 + rand() % 4; k++) changed.data[(size_t)rand() % changed.size] = (unsigned char)rand();
        read_exactly(changed.data, changed.size);
        bytes_free(&changed);
    }
    bytes_free(&bytes);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    struct bytes bytes = small_file();
    struct onnx_model model;
    int64_t nth = 1;
    for (;; nth++) {
        memory_fail_at(nth);
        const tumorclass_status status = onnx_read(&model, bytes.data, bytes.size);
        memory_fail_at(0);
        onnx_free(&model);
        ck_assert_int_eq(memory_blocks_in_use(), 0);
        if (status == TUMORCLASS_OK) break;
        ck_assert_int_eq(status, TUMORCLASS_OUT_OF_MEMORY);
        assert_sentence("no memory for");
    }
    ck_assert_int_eq(nth, 2 + 4 + 2 * 3 + 2 + 1); /* properties, graph, two nodes, numbers of two attributes */
    bytes_free(&bytes);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("onnx");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, every_field_is_read);
    tcase_add_test(cases, nodes_and_attributes_are_read);
    tcase_add_test(cases, repeated_numbers_may_be_packed_unpacked_and_split);
    tcase_add_test(cases, unknown_fields_are_passed_over);
    tcase_add_test(cases, external_data_is_described);
    tcase_add_test(cases, external_data_must_be_numbers_in_a_named_file);
    tcase_add_test(cases, graphs_within_graphs_are_refused);
    tcase_add_test(cases, other_domains_are_refused);
    tcase_add_test(cases, operator_sets_before_six_are_refused);
    tcase_add_test(cases, what_is_no_onnx_file_is_refused);
    tcase_add_test(cases, a_zero_byte_in_a_name_is_refused);
    tcase_add_test(cases, names_are_utf8);
    tcase_add_test(cases, sparse_initializers_and_high_ranks_are_refused);
    tcase_add_test(cases, bombs_are_refused);
    tcase_add_test(cases, broken_fields_are_refused);
    tcase_add_test(cases, packed_fields_of_a_wrong_length_are_refused);
    tcase_add_test(cases, a_file_cut_short_anywhere_does_no_harm);
    tcase_add_test(cases, a_file_with_bytes_changed_does_no_harm);
    tcase_add_test(cases, every_allocation_may_fail);
    Suite *suite = suite_create("onnx");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
