#include "graph_of.h"

static struct onnx_file volume(int64_t opset)
{
    return file_with(opset, AXES(-1, 2, 9, 8, 7));
}

/* One node on a 1 x 2 x 9 x 8 x 7 input, with a weight 4 x 2 x 3 x 3 x 3 at hand, gives y that shape. */
static struct onnx_file conv(int64_t opset)
{
    struct onnx_file file = volume(opset);
    ramp(&file, "w", 0, 1, AXES(4, 2, 3, 3, 3));
    onnx_node(&file, "Conv", "c", "x,w", "y");
    return file;
}

static void gives(struct onnx_file file, const char *shape)
{
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    has_shape(&graph, graph.values[graph.output].name, shape);
    graph_free(&graph);
    bytes_free(&bytes);
}

START_TEST(convolution_shapes_follow_pads_strides_and_dilations)
{
    gives(conv(11), "1 x 4 x 7 x 6 x 5");
    struct onnx_file file = conv(11);
    onnx_ints_attribute(&file, "pads", AXES(0, 1, 2, 1, 0, 2));
    onnx_ints_attribute(&file, "strides", AXES(2, 1, 3));
    gives(file, "1 x 4 x 4 x 7 x 3");
    file = conv(11);
    onnx_ints_attribute(&file, "dilations", AXES(4, 3, 2));
    gives(file, "1 x 4 x 1 x 2 x 3");
}
END_TEST

START_TEST(same_padding_puts_the_odd_element_where_it_says)
{
    static const struct {
        const char *mode;
        int64_t before, after;
    } cases[] = { { "SAME_UPPER", 0, 1 }, { "SAME_LOWER", 1, 0 }, { "VALID", 0, 0 } };
    for (size_t i = 0; i < 3; i++) {
        struct onnx_file file = conv(11);
        onnx_text_attribute(&file, "auto_pad", cases[i].mode);
        onnx_ints_attribute(&file, "strides", AXES(2, 2, 2));
        struct bytes bytes;
        struct graph graph = graph_of(&file, &bytes);
        has_shape(&graph, "y", i < 2 ? "1 x 4 x 5 x 4 x 4" : "1 x 4 x 4 x 3 x 3");
        const struct window *window = &node_that_makes(&graph, "y")->conv.window;
        ck_assert_int_eq(window->pad_before[1], cases[i].before); /* 8 elements, every second: 4 windows need 9 */
        ck_assert_int_eq(window->pad_after[1], cases[i].after);
        graph_free(&graph);
        bytes_free(&bytes);
    }
}
END_TEST

START_TEST(fewer_spatial_axes_become_leading_ones_of_the_window)
{
    struct onnx_file file = file_with(11, AXES(1, 2, 8, 7));
    ramp(&file, "w", 0, 1, AXES(4, 2, 3, 2));
    onnx_node(&file, "Conv", "c", "x,w", "y");
    onnx_ints_attribute(&file, "pads", AXES(1, 0, 2, 0));
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    const struct node *node = node_that_makes(&graph, "y");
    has_shape(&graph, "y", "1 x 4 x 9 x 6");
    ck_assert_int_eq(node->conv.window.kernel[0], 1);
    ck_assert_int_eq(node->conv.window.kernel[1], 3);
    ck_assert_int_eq(node->conv.window.kernel[2], 2);
    ck_assert_int_eq(node->conv.window.pad_before[1], 1);
    ck_assert_int_eq(node->conv.window.pad_after[1], 2);
    ck_assert_int_eq(graph.values[node->inputs[1]].shape.rank, 5);
    ck_assert_int_eq(graph.values[node->inputs[1]].shape.extent[2], 1);
    ck_assert_float_eq(graph.values[node->inputs[1]].constant[47], 47);
    ck_assert_int_eq(graph_multiplications(&graph), 4 * 9 * 6 * 2 * 6);
    ck_assert_int_eq(graph_parameters(&graph), 48);
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

static struct onnx_file pool(int64_t opset, int64_t kernel, int64_t stride, int64_t pad, int64_t ceil_mode)
{
    struct onnx_file file = file_with(opset, AXES(1, 2, 7));
    onnx_node(&file, "MaxPool", "p", "x", "y");
    onnx_ints_attribute(&file, "kernel_shape", 1, &kernel);
    onnx_ints_attribute(&file, "strides", 1, &stride);
    onnx_ints_attribute(&file, "pads", AXES(pad, pad));
    if (ceil_mode) onnx_int_attribute(&file, "ceil_mode", 1);
    return file;
}

START_TEST(pool_shapes_round_as_asked)
{
    gives(pool(12, 2, 2, 0, 0), "1 x 2 x 3");
    gives(pool(12, 2, 2, 0, 1), "1 x 2 x 4");
    gives(pool(12, 2, 3, 1, 1), "1 x 2 x 3"); /* a fourth window would start at 8, behind the input's 7 */
    gives(pool(12, 3, 2, 1, 1), "1 x 2 x 4");
    refused(pool(12, 2, 2, 2, 0), NULL, TUMORCLASS_UNSUPPORTED, "may hold nothing but padding");
    refused(pool(12, 8, 1, 0, 0), NULL, TUMORCLASS_BAD_MODEL, "window of 8 elements where its input has 7");
    refused(pool(12, 0, 1, 0, 0), NULL, TUMORCLASS_UNSUPPORTED, "has 0 in 'kernel_shape'");
    refused(pool(12, 2, 0, 0, 0), NULL, TUMORCLASS_UNSUPPORTED, "has 0 in 'strides'");
    refused(pool(12, 2, 1, -1, 0), NULL, TUMORCLASS_UNSUPPORTED, "has -1 in 'pads'");
}
END_TEST

START_TEST(average_over_all_of_space_is_a_mean)
{
    struct onnx_file file = volume(12);
    onnx_node(&file, "AveragePool", "p", "x", "y");
    onnx_ints_attribute(&file, "kernel_shape", AXES(9, 8, 7));
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    ck_assert_int_eq(node_that_makes(&graph, "y")->operation, OPERATION_REDUCE);
    has_shape(&graph, "y", "1 x 2 x 1 x 1 x 1");
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

START_TEST(convolutions_that_cannot_be_are_refused)
{
    struct onnx_file file = conv(11);
    onnx_int_attribute(&file, "group", 3);
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "node 'c' (Conv) has 3 groups for 2 channels in and 4 out");
    file = conv(11);
    onnx_int_attribute(&file, "group", 2);
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "reads 2 channels in 2 groups with a weight of shape 4 x 2 x 3 x 3 x 3");
    file = conv(11);
    onnx_ints_attribute(&file, "kernel_shape", AXES(3, 3, 2));
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "kernel_shape that is not its weight's");
    file = conv(11);
    onnx_ints_attribute(&file, "strides", AXES(1, 1));
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "has 2 values in 'strides' where 3 are wanted");
    file = conv(11);
    onnx_ints_attribute(&file, "dilations", AXES(60000, 1, 1));
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "window of 120001 elements");
    file = conv(11);
    onnx_int_attribute(&file, "strides", 2);
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "has an attribute 'strides' that is not a list of integers");
    file = conv(11);
    onnx_text_attribute(&file, "activation", "Relu");
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "has an attribute 'activation' that is not known");
    file = conv(11);
    onnx_text_attribute(&file, "auto_pad", "SAME");
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "has auto_pad 'SAME'");
    file = volume(11);
    onnx_node(&file, "Conv", "c", "x,x", "y");
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "computes its input 1 'x': it must be a constant");
}
END_TEST

START_TEST(graphs_that_cannot_be_are_refused)
{
    struct onnx_file file = volume(13);
    onnx_node(&file, "Relu", "a", "z", "y");
    onnx_node(&file, "Relu", "b", "y", "z");
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "node 'a' (Relu) reads 'z' before it is made");
    file = volume(13);
    onnx_node(&file, "Relu", "a", "q", "y");
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "node 'a' (Relu) reads 'q', which nothing in the file makes");
    file = volume(13);
    onnx_node(&file, "Relu", "a", "x", "y");
    onnx_node(&file, "Tanh", "b", "x", "y");
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "tensor 'y' is made twice");
    file = volume(13);
    onnx_node(&file, "Relu", "a", "x", "z");
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "no node makes the model's output 'y'");
    file = volume(13);
    onnx_node(&file, "Grumble", "", "x", "y");
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "node 'y' (Grumble) is an operator that this library does not have");
    file = volume(13);
    onnx_node(&file, "HardSwish", "a", "x", "y");
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "came with opset 14, the file says 13");
    file = volume(29);
    onnx_node(&file, "Relu", "a", "x", "y");
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "of opset 29; this library knows those up to 28");
    file = volume(13);
    onnx_node(&file, "Relu", "a", "x,x", "y");
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "node 'a' (Relu) has 2 inputs");
    file = volume(13);
    ramp(&file, "w", 0, 1, AXES(4));
    onnx_node(&file, "Identity", "a", "w", "y");
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "the model's output 'y' does not depend on its input");
    file = volume(13);
    ramp(&file, "w", 0, 1, AXES(4));
    onnx_node(&file, "Relu", "a", "w", "y");
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "is supported only on what depends on the input");
    file = volume(13);
    onnx_node(&file, "MaxPool", "p", "x", "v,y");
    onnx_ints_attribute(&file, "kernel_shape", AXES(2, 2, 2));
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "has its output 1 'y' used: only the first can be");
}
END_TEST

START_TEST(inputs_and_outputs_other_than_one_are_refused)
{
    struct onnx_file file = volume(13);
    onnx_input(&file, "age", AXES(1, 1));
    onnx_node(&file, "Add", "a", "x,age", "y");
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "more than one input: 'age' and 'x'");
    file = volume(13);
    onnx_output(&file, "z", AXES(1));
    onnx_node(&file, "Relu", "a", "x", "y");
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "the model has 2 outputs, one is wanted");
    file = file_with(13, AXES(1, -1, 8, 8, 8));
    onnx_node(&file, "Relu", "a", "x", "y");
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "'x' has a symbolic number of channels");
    file = file_with(13, AXES(1, 1, 8, 0, 8)); /* how some exporters write "any" */
    onnx_node(&file, "Relu", "a", "x", "y");
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "'x' is symbolic along axis 3");
    file = file_with(13, AXES(1, 1, 1 << 20, 1 << 20, 2));
    onnx_node(&file, "Relu", "a", "x", "y");
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "1 x 1 x 1048576 x 1048576 x 2: empty, or more than 2^40 elements");
}
END_TEST

START_TEST(initializers_may_be_listed_as_inputs)
{
    struct onnx_file file = conv(8);
    onnx_input(&file, "w", AXES(4, 2, 3, 3, 3));
    gives(file, "1 x 4 x 7 x 6 x 5");
}
END_TEST

START_TEST(symbolic_space_comes_from_the_options)
{
    struct graph_options options = plain_options();
    struct onnx_file file = file_with(13, AXES(-1, 1, -1, -1, 7));
    onnx_node(&file, "Relu", "a", "x", "y");
    refused(file, &options, TUMORCLASS_UNSUPPORTED, "'x' is symbolic along axis 2: give its shape");
    options.shape[0] = 5;
    options.shape[1] = options.shape[2] = 6;
    file = file_with(13, AXES(-1, 1, -1, -1, 7));
    onnx_node(&file, "Relu", "a", "x", "y");
    struct graph graph;
    struct bytes bytes = onnx_finish(&file);
    ck_assert_int_eq(build_bytes(&graph, &bytes, &options), TUMORCLASS_OK);
    has_shape(&graph, "y", "1 x 1 x 5 x 6 x 7");
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

START_TEST(what_the_output_does_not_need_is_not_looked_at)
{
    struct onnx_file file = volume(13);
    onnx_node(&file, "Grumble", "g", "x", "z");
    onnx_node(&file, "Dropout", "d", "x", "kept,mask");
    onnx_node(&file, "Relu", "a", "kept", "y");
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    ck_assert_int_eq(graph.node_count, 1);
    ck_assert_int_eq(graph.value_count, 2);
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

START_TEST(operations_and_shapes_have_words)
{
    for (int i = 0; i < OPERATION_COUNT; i++) ck_assert_ptr_nonnull(operation_name((operation)i));
    const struct shape shape = { 2, { 7, 12 } }, scalar = { 0, { 0 } };
    char text[16];
    shape_text(text, sizeof text, &shape);
    ck_assert_str_eq(text, "7 x 12");
    shape_text(text, sizeof text, &scalar);
    ck_assert_str_eq(text, "scalar");
    shape_text(text, 5, &shape);
    ck_assert_str_eq(text, "7 x ");
}
END_TEST

/* A small network with everything in it that allocates. */
static struct bytes rich_file(void)
{
    struct onnx_file file = volume(13);
    ramp(&file, "w", 0, 1e-3f, AXES(4, 2, 3, 3, 3));
    ramp(&file, "s", 1, 1, AXES(4));
    ramp(&file, "dense", 0, 1, AXES(4, 3));
    ramp(&file, "bias", 0, 1, AXES(3));
    onnx_integers(&file, "two", AXES(1), (int64_t[]){ 2 });
    onnx_integers(&file, "zero", 0, NULL, (int64_t[]){ 0 });
    onnx_node(&file, "Conv", "c", "x,w,s", "c");
    onnx_node(&file, "BatchNormalization", "n", "c,s,s,s,s", "n");
    onnx_node(&file, "InstanceNormalization", "i", "n,s,s", "i");
    onnx_node(&file, "Relu", "r", "i", "r");
    onnx_node(&file, "Concat", "j", "r,r", "j");
    onnx_int_attribute(&file, "axis", 2);
    onnx_node(&file, "Mul", "m", "j,j", "m");
    onnx_node(&file, "GlobalAveragePool", "g", "m", "g");
    onnx_node(&file, "Shape", "h", "g", "h");
    onnx_node(&file, "Gather", "k", "h,zero", "k0");
    onnx_node(&file, "Unsqueeze", "u", "k0,zero1", "k");
    onnx_integers(&file, "zero1", AXES(1), (int64_t[]){ 0 });
    onnx_integers(&file, "rest", AXES(1), (int64_t[]){ -1 });
    onnx_node(&file, "Concat", "l", "k,rest", "l");
    onnx_int_attribute(&file, "axis", 0);
    onnx_node(&file, "Reshape", "f", "g,l", "f");
    onnx_node(&file, "Gemm", "d", "f,dense,bias", "d");
    onnx_node(&file, "Softmax", "p", "d", "y");
    return onnx_finish(&file);
}

START_TEST(every_failed_allocation_is_a_status_and_no_leak)
{
    const int64_t before = memory_blocks_in_use();
    struct bytes bytes = rich_file();
    const struct graph_options options = plain_options();
    int64_t failures = 0;
    for (int64_t n = 1;; n++) {
        struct onnx_model model;
        struct graph graph;
        ck_assert_int_eq(onnx_read(&model, bytes.data, bytes.size), TUMORCLASS_OK);
        memory_fail_at(n);
        tumorclass_status status = graph_build(&graph, &model, &options);
        if (status == TUMORCLASS_OK) status = graph_fuse(&graph);
        memory_fail_at(0);
        graph_free(&graph);
        onnx_free(&model);
        ck_assert_int_eq(memory_blocks_in_use(), before);
        if (status == TUMORCLASS_OK) break;
        ck_assert_int_eq(status, TUMORCLASS_OUT_OF_MEMORY);
        failures++;
    }
    ck_assert_int_gt(failures, 60);
    bytes_free(&bytes);
}
END_TEST

/* Every byte of the file changed: built or refused, but never a crash or a leak. */
START_TEST(changed_files_are_built_or_refused)
{
    static const unsigned char changes[] = { 0x01, 0x80, 0xff };
    const int64_t before = memory_blocks_in_use();
    struct bytes bytes = rich_file();
    const struct graph_options options = plain_options();
    int built = 0, refusals = 0;
    for (size_t i = 0; i < 3 * bytes.size; i++) {
        bytes.data[i / 3] ^= changes[i % 3];
        struct graph graph;
        tumorclass_status status = build_bytes(&graph, &bytes, &options);
        if (status == TUMORCLASS_OK) status = graph_fuse(&graph);
        if (status == TUMORCLASS_OK)
            built++;
        else
            refusals++;
        graph_free(&graph);
        bytes.data[i / 3] ^= changes[i % 3];
    }
    ck_assert_int_gt(built, 100);
    ck_assert_int_gt(refusals, 100);
    ck_assert_int_eq(memory_blocks_in_use(), before);
    bytes_free(&bytes);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("graph");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, convolution_shapes_follow_pads_strides_and_dilations);
    tcase_add_test(cases, same_padding_puts_the_odd_element_where_it_says);
    tcase_add_test(cases, fewer_spatial_axes_become_leading_ones_of_the_window);
    tcase_add_test(cases, pool_shapes_round_as_asked);
    tcase_add_test(cases, average_over_all_of_space_is_a_mean);
    tcase_add_test(cases, convolutions_that_cannot_be_are_refused);
    tcase_add_test(cases, graphs_that_cannot_be_are_refused);
    tcase_add_test(cases, inputs_and_outputs_other_than_one_are_refused);
    tcase_add_test(cases, initializers_may_be_listed_as_inputs);
    tcase_add_test(cases, symbolic_space_comes_from_the_options);
    tcase_add_test(cases, what_the_output_does_not_need_is_not_looked_at);
    tcase_add_test(cases, operations_and_shapes_have_words);
    tcase_add_test(cases, every_failed_allocation_is_a_status_and_no_leak);
    tcase_add_test(cases, changed_files_are_built_or_refused);
    Suite *suite = suite_create("graph");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
