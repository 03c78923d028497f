/* Operators of a file: what they become, and why they are refused. */
#include "graph_of.h"
#include <math.h>

static struct onnx_file volume(int64_t opset)
{
    return file_with(opset, AXES(1, 2, 6, 4, 2));
}

/* `operator` with x and what else `inputs` names; attributes may follow. */
static struct onnx_file node_on_volume(int64_t opset, const char *operator, const char * inputs)
{
    struct onnx_file file = volume(opset);
    ramp(&file, "two", 1, 1, AXES(2));
    ramp(&file, "channel", 1, 1, AXES(2, 1, 1, 1));
    ramp(&file, "five", 1, 1, AXES(5));
    ramp(&file, "one", 3, 1, AXES(1));
    ramp(&file, "negative", -3, 1, AXES(2));
    ramp(&file, "frozen", 0, 1, AXES(1, 2, 6, 4, 2));
    onnx_integers(&file, "integer", AXES(1), (int64_t[]){ 1 });
    onnx_node(&file, operator, "n", inputs, "y");
    return file;
}

static void gives(struct onnx_file file, const char *shape, operation kind)
{
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    has_shape(&graph, "y", shape);
    ck_assert_int_eq(node_that_makes(&graph, "y")->operation, kind);
    graph_free(&graph);
    bytes_free(&bytes);
}

START_TEST(activations_carry_their_constants)
{
    struct bytes bytes;
    struct onnx_file file = node_on_volume(10, "Clip", "x");
    onnx_float_attribute(&file, "max", 6);
    struct graph graph = graph_of(&file, &bytes);
    const struct node *node = node_that_makes(&graph, "y");
    ck_assert_int_eq(node->activation, ACTIVATION_CLIP);
    ck_assert_float_lt(node->alpha, -3e38f);
    ck_assert_float_eq(node->beta, 6);
    graph_free(&graph);
    bytes_free(&bytes);

    file = node_on_volume(13, "Clip", "x,one");
    graph = graph_of(&file, &bytes);
    ck_assert_float_eq(node_that_makes(&graph, "y")->alpha, 3);
    graph_free(&graph);
    bytes_free(&bytes);

    file = node_on_volume(13, "Clip", "x,one,zero"); /* ONNX: the upper bound wins */
    ramp(&file, "zero", 0, 0, AXES(1));
    graph = graph_of(&file, &bytes);
    ck_assert_float_eq(node_that_makes(&graph, "y")->alpha, 0);
    graph_free(&graph);
    bytes_free(&bytes);

    file = node_on_volume(13, "PRelu", "x,channel");
    graph = graph_of(&file, &bytes);
    node = node_that_makes(&graph, "y");
    ck_assert_float_eq(graph.values[node->slope].constant[1], 2);
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

START_TEST(elementwise_operators_are_refused_with_a_reason)
{
    refused(node_on_volume(13, "Clip", "x,two"), NULL, TUMORCLASS_BAD_MODEL, "'min' that is not one float");
    refused(node_on_volume(13, "PRelu", "x,five"), NULL, TUMORCLASS_UNSUPPORTED, "has slopes of shape 5");
    refused(node_on_volume(13, "Add", "x,five"), NULL, TUMORCLASS_BAD_MODEL,
            "shapes 1 x 2 x 6 x 4 x 2 and 5, which do not go together");
    refused(node_on_volume(13, "Add", "x,integer"), NULL, TUMORCLASS_UNSUPPORTED, "mixes floats with integers");
    refused(node_on_volume(13, "Add", "x,frozen"), NULL, TUMORCLASS_UNSUPPORTED,
            "node 'n' (Add) joins 'frozen', a constant of the size of activations (1 x 2 x 6 x 4 x 2)");
    struct onnx_file file = node_on_volume(13, "Concat", "x,frozen");
    onnx_int_attribute(&file, "axis", 1);
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "shortcut_type 'B'");
    file = node_on_volume(13, "Cast", "x");
    onnx_int_attribute(&file, "to", ONNX_INT64);
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "casts activations to int64");
    file = node_on_volume(6, "Add", "x,two");
    onnx_int_attribute(&file, "broadcast", 1);
    onnx_int_attribute(&file, "axis", 1);
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "places its second input at axis 1, as before opset 7");
}
END_TEST

START_TEST(norms_become_a_scale_and_a_shift)
{
    struct bytes bytes;
    struct onnx_file file = node_on_volume(13, "BatchNormalization", "x,two,two,two,two");
    onnx_float_attribute(&file, "epsilon", 0);
    struct graph graph = graph_of(&file, &bytes);
    const struct node *node = node_that_makes(&graph, "y");
    ck_assert_int_eq(node->operation, OPERATION_SCALE_SHIFT);
    ck_assert_float_eq_tol(graph.values[node->inputs[1]].constant[1], 2 / sqrtf(2), 1e-6f);
    ck_assert_float_eq_tol(graph.values[node->inputs[2]].constant[1], 2 - 2 * 2 / sqrtf(2), 1e-6f);
    graph_free(&graph);
    bytes_free(&bytes);

    file = node_on_volume(14, "BatchNormalization", "x,two,two,two,two");
    onnx_int_attribute(&file, "training_mode", 1);
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "is in training mode: export the model for inference");
    refused(node_on_volume(6, "BatchNormalization", "x,two,two,two,two"), NULL, TUMORCLASS_UNSUPPORTED,
            "is in training mode");
    refused(node_on_volume(13, "BatchNormalization", "x,two,two,five,two"), NULL, TUMORCLASS_BAD_MODEL,
            "has 2 channels but a mean of shape 5");
    refused(node_on_volume(13, "BatchNormalization", "x,two,two,two,negative"), NULL, TUMORCLASS_BAD_MODEL,
            "has variance -3 in channel 0");
    refused(node_on_volume(13, "InstanceNormalization", "x,two,x"), NULL, TUMORCLASS_UNSUPPORTED,
            "computes its input 2 'x'");
    refused(node_on_volume(13, "InstanceNormalization", "x,two,integer"), NULL, TUMORCLASS_BAD_MODEL,
            "has a bias that is not of floats");
}
END_TEST

START_TEST(factors_of_one_and_terms_of_zero_vanish)
{
    struct onnx_file file = volume(13);
    ramp(&file, "unit", 1, 0, AXES(1));
    ramp(&file, "none", 0, 0, AXES(2, 1, 1, 1));
    onnx_node(&file, "Mul", "m", "x,unit", "a");
    onnx_node(&file, "Add", "n", "a,none", "b");
    onnx_node(&file, "Cast", "c", "b", "d");
    onnx_int_attribute(&file, "to", ONNX_FLOAT);
    onnx_node(&file, "Relu", "r", "d", "y");
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    ck_assert_int_eq(graph.node_count, 1);
    ck_assert_int_eq(graph.nodes[0].inputs[0], graph.input);
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

START_TEST(pads_come_from_attributes_or_inputs)
{
    struct onnx_file file = node_on_volume(10, "Pad", "x");
    onnx_ints_attribute(&file, "pads", AXES(0, 0, 1, 2, 3, 0, 0, 3, 2, 1));
    onnx_float_attribute(&file, "value", 1.5f);
    gives(file, "1 x 2 x 10 x 8 x 6", OPERATION_PAD);
    file = volume(18);
    onnx_integers(&file, "amounts", AXES(4), (int64_t[]){ 1, 2, 3, 4 });
    onnx_integers(&file, "axes", AXES(2), (int64_t[]){ -1, 2 });
    onnx_node(&file, "Pad", "n", "x,amounts,,axes", "y");
    gives(file, "1 x 2 x 12 x 4 x 6", OPERATION_PAD);
    file = node_on_volume(10, "Pad", "x");
    onnx_ints_attribute(&file, "pads", AXES(0, 0, 1, 2, 3, 0, 0, -1, 2, 1));
    gives(file, "1 x 2 x 6 x 8 x 6", OPERATION_PAD);
    file = node_on_volume(10, "Pad", "x");
    onnx_ints_attribute(&file, "pads", AXES(0, 0, -4, 2, 3, 0, 0, -4, 2, 1));
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "pads axis 2 by -4 and -4");
    file = node_on_volume(10, "Pad", "x");
    onnx_text_attribute(&file, "mode", "reflect");
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "has mode 'reflect': only constant is supported");
    refused(node_on_volume(13, "Pad", "x,integer"), NULL, TUMORCLASS_BAD_MODEL, "has 1 amounts for 5 axes");
    refused(node_on_volume(13, "Pad", "x,two"), NULL, TUMORCLASS_BAD_MODEL, "'two' that is not of integers");
}
END_TEST

static struct onnx_file reshape(size_t count, const int64_t *extents)
{
    struct onnx_file file = volume(13);
    onnx_integers(&file, "shape", 1, (int64_t[]){ (int64_t)count }, extents);
    onnx_node(&file, "Reshape", "n", "x,shape", "y");
    return file;
}

START_TEST(reshapes_keep_all_elements)
{
    gives(reshape(AXES(0, 0, -1)), "1 x 2 x 48", OPERATION_RESHAPE);
    gives(reshape(AXES(96)), "96", OPERATION_RESHAPE);
    refused(reshape(AXES(-1, 5)), NULL, TUMORCLASS_BAD_MODEL, "cannot give 96 elements the shape -1 x 5");
    refused(reshape(AXES(-1, -1)), NULL, TUMORCLASS_BAD_MODEL, "asks for an extent of -1 along axis 1");
    refused(reshape(AXES(1, 1, 1, 1, 1, 1, 1, 1, 96)), NULL, TUMORCLASS_UNSUPPORTED, "makes a tensor of 9 axes");
    refused(reshape(AXES(INT64_MAX, INT64_MAX, -1)), NULL, TUMORCLASS_BAD_MODEL, "cannot give 96 elements");
    gives(node_on_volume(13, "Flatten", "x"), "1 x 96", OPERATION_RESHAPE);
    struct onnx_file file = node_on_volume(13, "Flatten", "x");
    onnx_int_attribute(&file, "axis", -2);
    gives(file, "12 x 8", OPERATION_RESHAPE);
    file = node_on_volume(11, "Unsqueeze", "x");
    onnx_ints_attribute(&file, "axes", AXES(0, -1));
    gives(file, "1 x 1 x 2 x 6 x 4 x 2 x 1", OPERATION_RESHAPE);
    gives(node_on_volume(11, "Squeeze", "x"), "2 x 6 x 4 x 2", OPERATION_RESHAPE);
    refused(node_on_volume(13, "Squeeze", "x,integer"), NULL, TUMORCLASS_BAD_MODEL,
            "drops axis 1, which has 2 elements");
}
END_TEST

START_TEST(transposes_that_move_nothing_are_reshapes)
{
    struct onnx_file file = node_on_volume(13, "Transpose", "x");
    onnx_ints_attribute(&file, "perm", AXES(1, 0, 2, 3, 4));
    gives(file, "2 x 1 x 6 x 4 x 2", OPERATION_RESHAPE);
    gives(node_on_volume(13, "Transpose", "x"), "2 x 4 x 6 x 2 x 1", OPERATION_TRANSPOSE);
    file = node_on_volume(13, "Transpose", "x");
    onnx_ints_attribute(&file, "perm", AXES(1, 1, 2, 3, 4));
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "names axis 1 twice");
    file = node_on_volume(13, "Transpose", "x");
    onnx_ints_attribute(&file, "perm", AXES(1, 0));
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "permutes 2 of 5 axes");
}
END_TEST

START_TEST(means_keep_or_drop_their_axes)
{
    struct onnx_file file = node_on_volume(13, "ReduceMean", "x");
    onnx_ints_attribute(&file, "axes", AXES(-1, 2));
    onnx_int_attribute(&file, "keepdims", 0);
    gives(file, "1 x 2 x 4", OPERATION_REDUCE);
    gives(node_on_volume(18, "ReduceMean", "x"), "1 x 1 x 1 x 1 x 1", OPERATION_REDUCE);
    gives(node_on_volume(18, "ReduceMean", "x,integer"), "1 x 1 x 6 x 4 x 2", OPERATION_REDUCE);
    file = node_on_volume(13, "ReduceMean", "x");
    onnx_ints_attribute(&file, "axes", AXES(5));
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "names axis 5 of a tensor of 5 axes");
}
END_TEST

START_TEST(products_check_their_matrices)
{
    struct onnx_file file = volume(13);
    ramp(&file, "w", 0, 1, AXES(2, 3));
    onnx_node(&file, "MatMul", "n", "x,w", "y");
    gives(file, "1 x 2 x 6 x 4 x 3", OPERATION_MATMUL);
    file = volume(13);
    ramp(&file, "w", 0, 1, AXES(3, 2));
    onnx_node(&file, "MatMul", "n", "x,w", "y");
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "multiplies shapes 1 x 2 x 6 x 4 x 2 and 3 x 2");
    refused(node_on_volume(13, "MatMul", "x,two"), NULL, TUMORCLASS_UNSUPPORTED, "two axes or more are supported");
    refused(node_on_volume(13, "Gemm", "x,two"), NULL, TUMORCLASS_BAD_MODEL, "of 5 and 1 axes, not matrices");
    file = file_with(13, AXES(1, 2));
    ramp(&file, "w", 0, 1, AXES(3, 2));
    ramp(&file, "c", 0, 1, AXES(2, 3));
    onnx_node(&file, "Gemm", "n", "x,w,c", "y");
    onnx_int_attribute(&file, "transB", 1);
    refused(file, NULL, TUMORCLASS_BAD_MODEL, "adds a larger tensor than its product of 1 x 3");
}
END_TEST

START_TEST(softmax_before_opset_13_runs_over_all_axes_behind)
{
    struct onnx_file file = volume(12);
    onnx_node(&file, "Softmax", "n", "x", "s");
    onnx_node(&file, "Relu", "r", "s", "y");
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    ck_assert_int_eq(graph.node_count, 4);
    has_shape(&graph, "s.softmax", "1 x 96");
    has_shape(&graph, "s", "1 x 2 x 6 x 4 x 2");
    graph_free(&graph);
    bytes_free(&bytes);

    file = volume(13);
    onnx_node(&file, "Softmax", "n", "x", "s");
    onnx_node(&file, "Relu", "r", "s", "y");
    graph = graph_of(&file, &bytes);
    ck_assert_int_eq(graph.node_count, 2);
    ck_assert_int_eq(node_that_makes(&graph, "s")->softmax.axis, 4);
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

START_TEST(training_mode_is_refused)
{
    struct onnx_file file = volume(13);
    const char yes = 1;
    field_message(&file.graph, 5, onnx_raw_tensor("yes", ONNX_BOOL, 0, NULL, &yes, 1));
    onnx_node(&file, "Dropout", "n", "x,,yes", "y");
    refused(file, NULL, TUMORCLASS_UNSUPPORTED, "node 'n' (Dropout) is in training mode");
    refused(node_on_volume(6, "Dropout", "x"), NULL, TUMORCLASS_UNSUPPORTED, "is in training mode");
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("operators");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, activations_carry_their_constants);
    tcase_add_test(cases, elementwise_operators_are_refused_with_a_reason);
    tcase_add_test(cases, norms_become_a_scale_and_a_shift);
    tcase_add_test(cases, factors_of_one_and_terms_of_zero_vanish);
    tcase_add_test(cases, pads_come_from_attributes_or_inputs);
    tcase_add_test(cases, reshapes_keep_all_elements);
    tcase_add_test(cases, transposes_that_move_nothing_are_reshapes);
    tcase_add_test(cases, means_keep_or_drop_their_axes);
    tcase_add_test(cases, products_check_their_matrices);
    tcase_add_test(cases, softmax_before_opset_13_runs_over_all_axes_behind);
    tcase_add_test(cases, training_mode_is_refused);
    Suite *suite = suite_create("operators");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
