/* What is computed at load: shape arithmetic, weights; and the end of the network: softmax, head, features. */
#include "graph_of.h"

/* y = Reshape(x, shape), where `shape` is what the test folds: y's shape tells. */
static struct onnx_file file_for(int64_t opset)
{
    struct onnx_file file = file_with(opset, AXES(-1, 3, 4, 5, 2));
    onnx_integers(&file, "0", 0, NULL, (int64_t[]){ 0 });
    onnx_integers(&file, "1", 0, NULL, (int64_t[]){ 1 });
    onnx_integers(&file, "[0]", AXES(1), (int64_t[]){ 0 });
    onnx_integers(&file, "[-1]", AXES(1), (int64_t[]){ -1 });
    onnx_integers(&file, "[2]", AXES(1), (int64_t[]){ 2 });
    onnx_integers(&file, "[5]", AXES(1), (int64_t[]){ 5 });
    return file;
}

static void reshapes_to(struct onnx_file file, const char *shape)
{
    onnx_node(&file, "Reshape", "n", "x,shape", "y");
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    has_shape(&graph, "y", shape);
    ck_assert_int_eq(graph.node_count, 1);
    graph_free(&graph);
    bytes_free(&bytes);
}

START_TEST(shape_arithmetic_of_exporters_is_folded)
{
    struct onnx_file file = file_for(13); /* x.view(x.size(0), -1) */
    onnx_node(&file, "Shape", "", "x", "s");
    onnx_node(&file, "Gather", "", "s,0", "g");
    onnx_node(&file, "Unsqueeze", "", "g,[0]", "u");
    onnx_node(&file, "Concat", "", "u,[-1]", "shape");
    onnx_int_attribute(&file, "axis", 0);
    reshapes_to(file, "1 x 120");

    file = file_for(13); /* the shape backwards, its last two as one */
    onnx_node(&file, "Shape", "", "x", "s");
    onnx_node(&file, "Slice", "", "s,[-1],[-9],[0],[-1]", "reversed");
    onnx_integers(&file, "[-9]", AXES(1), (int64_t[]){ -9 });
    onnx_node(&file, "Slice", "", "reversed,[0],[2]", "head");
    onnx_node(&file, "Concat", "", "head,[-1]", "shape");
    onnx_int_attribute(&file, "axis", 0);
    reshapes_to(file, "2 x 5 x 12");

    file = file_for(13); /* (extents * 2 + extents) / 3 - 0 */
    onnx_node(&file, "Shape", "", "x", "s");
    onnx_node(&file, "Mul", "", "s,[2]", "twice");
    onnx_node(&file, "Add", "", "twice,s", "thrice");
    onnx_integers(&file, "3", 0, NULL, (int64_t[]){ 3 });
    onnx_node(&file, "Div", "", "thrice,3", "once");
    onnx_node(&file, "Sub", "", "once,0", "shape");
    reshapes_to(file, "1 x 3 x 4 x 5 x 2");

    file = file_for(13); /* Range(1, 5) = 1 2 3 4; 2 x 2, transposed, flat: 1 3 2 4; each times 5: 5 15 10 20, ... */
    onnx_integers(&file, "five", 0, NULL, (int64_t[]){ 5 });
    onnx_integers(&file, "[2 2]", AXES(2), (int64_t[]){ 2, 2 });
    onnx_node(&file, "Range", "", "1,five,1", "r");
    onnx_node(&file, "Reshape", "", "r,[2 2]", "square");
    onnx_node(&file, "Transpose", "", "square", "turned");
    onnx_node(&file, "Reshape", "", "turned,[-1]", "flat");
    onnx_node(&file, "Concat", "", "flat,[5]", "shape");
    onnx_int_attribute(&file, "axis", 0);
    reshapes_to(file, "1 x 3 x 2 x 4 x 5");

    file = file_for(13); /* ones of the shape's length, expanded; cast there and back */
    onnx_node(&file, "ConstantOfShape", "", "[2]", "ones");
    onnx_tensor_attribute(&file, "value", onnx_raw_tensor("v", ONNX_INT64, AXES(1), (int64_t[]){ 1 }, 8));
    onnx_node(&file, "Cast", "", "ones", "floats");
    onnx_int_attribute(&file, "to", ONNX_FLOAT);
    onnx_node(&file, "Cast", "", "floats", "back");
    onnx_int_attribute(&file, "to", ONNX_INT64);
    onnx_node(&file, "Expand", "", "[-1],[1]", "minus");
    onnx_integers(&file, "[1]", AXES(1), (int64_t[]){ 1 });
    onnx_node(&file, "Concat", "", "back,minus", "shape");
    onnx_int_attribute(&file, "axis", 0);
    reshapes_to(file, "1 x 1 x 120");
}
END_TEST

START_TEST(constants_may_be_attributes)
{
    struct onnx_file file = file_for(13);
    onnx_node(&file, "Constant", "", "", "one");
    onnx_int_attribute(&file, "value_int", 1);
    onnx_node(&file, "Constant", "", "", "rest");
    onnx_ints_attribute(&file, "value_ints", 1, (int64_t[]){ -1 });
    onnx_node(&file, "Shape", "", "x", "s");
    onnx_node(&file, "Gather", "", "s,one", "g");
    onnx_node(&file, "Unsqueeze", "", "g,[0]", "u");
    onnx_node(&file, "Concat", "", "u,rest", "shape");
    onnx_int_attribute(&file, "axis", 0);
    reshapes_to(file, "3 x 40");

    file = file_for(13);
    onnx_node(&file, "Constant", "", "", "least");
    onnx_float_attribute(&file, "value_float", 1.5f);
    onnx_node(&file, "Constant", "", "", "terms");
    onnx_floats_attribute(&file, "value_floats", 2, (float[]){ 0.25f, 4 });
    onnx_node(&file, "Add", "", "least,least", "twice");
    onnx_node(&file, "Sub", "", "twice,least", "once");
    onnx_node(&file, "Clip", "n", "x,once,twice", "clipped");
    onnx_node(&file, "Add", "m", "clipped,terms", "y");
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    ck_assert_float_eq(node_that_makes(&graph, "clipped")->alpha, 1.5f);
    ck_assert_float_eq(node_that_makes(&graph, "clipped")->beta, 3);
    ck_assert_float_eq(graph.values[node_that_makes(&graph, "y")->inputs[1]].constant[1], 4);
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

START_TEST(shape_reads_a_part_since_opset_15)
{
    struct onnx_file file = file_for(15);
    onnx_node(&file, "Shape", "", "x", "s");
    onnx_int_attribute(&file, "start", -3);
    onnx_int_attribute(&file, "end", -1);
    onnx_node(&file, "Concat", "", "s,[-1]", "shape");
    onnx_int_attribute(&file, "axis", 0);
    reshapes_to(file, "4 x 5 x 6");
}
END_TEST

static void refuse_to_fold(struct onnx_file file, tumorclass_status status, const char *part)
{
    onnx_node(&file, "Reshape", "n", "x,shape", "y");
    refused(file, NULL, status, part);
}

START_TEST(arithmetic_that_cannot_be_is_refused)
{
    struct onnx_file file = file_for(13);
    onnx_node(&file, "Gather", "g", "[5],1", "shape");
    refuse_to_fold(file, TUMORCLASS_BAD_MODEL, "node 'g' (Gather) gathers element 1 of 1");
    file = file_for(13);
    onnx_node(&file, "Div", "d", "[5],0", "shape");
    refuse_to_fold(file, TUMORCLASS_BAD_MODEL, "computes with 5 and 0 what no integer holds");
    file = file_for(13);
    onnx_integers(&file, "huge", AXES(1), (int64_t[]){ INT64_MIN });
    onnx_node(&file, "Mul", "m", "huge,[-1]", "shape");
    refuse_to_fold(file, TUMORCLASS_BAD_MODEL, "what no integer holds");
    file = file_for(13);
    onnx_node(&file, "Slice", "s", "[5],[0],[2],[0],[0]", "shape");
    refuse_to_fold(file, TUMORCLASS_BAD_MODEL, "has a step of 0");
    file = file_for(13);
    onnx_node(&file, "ConstantOfShape", "c", "[-1]", "shape");
    refuse_to_fold(file, TUMORCLASS_BAD_MODEL, "asks for an extent of -1");
    file = file_for(13);
    onnx_integers(&file, "much", AXES(2), (int64_t[]){ 1 << 20, 1 << 20 });
    onnx_node(&file, "ConstantOfShape", "c", "much", "shape");
    refuse_to_fold(file, TUMORCLASS_LIMIT, "constants take more than 1048576 bytes");
    file = file_for(13);
    onnx_integers(&file, "much", AXES(8), (int64_t[]){ INT64_MAX, 9, 9, 9, 9, 9, 9, 9 });
    onnx_node(&file, "Expand", "e", "[5],much", "shape");
    refuse_to_fold(file, TUMORCLASS_LIMIT, "constants take more than 1048576 bytes");
    file = file_for(13);
    onnx_integers(&file, "far", 0, NULL, (int64_t[]){ INT64_MAX });
    onnx_node(&file, "Range", "r", "0,far,1", "shape");
    refuse_to_fold(file, TUMORCLASS_LIMIT, "constants take more than");
    file = file_for(13);
    onnx_integers(&file, "least", 0, NULL, (int64_t[]){ INT64_MIN }); /* -2^63, -2^62, 0, 2^62 */
    onnx_integers(&file, "far", 0, NULL, (int64_t[]){ INT64_MAX });
    onnx_integers(&file, "stride", 0, NULL, (int64_t[]){ INT64_C(1) << 62 });
    onnx_node(&file, "Range", "r", "least,far,stride", "shape");
    refuse_to_fold(file, TUMORCLASS_BAD_MODEL, "asks for an extent of -9223372036854775808");
    file = file_for(13);
    onnx_node(&file, "Gather", "g", "x,1", "shape");
    refuse_to_fold(file, TUMORCLASS_UNSUPPORTED, "is supported only on constants");
    file = file_for(13);
    onnx_node(&file, "Constant", "c", "", "shape");
    onnx_text_attribute(&file, "value_string", "five");
    refuse_to_fold(file, TUMORCLASS_UNSUPPORTED, "is neither a dense tensor nor floats nor integers");
}
END_TEST

START_TEST(constants_made_of_constants_stay_within_the_limit)
{
    struct onnx_file file = file_for(13); /* each doubles the one before: 2^40 elements if nobody counted */
    char from[32] = "[5],[5]", to[16] = "";
    for (int i = 0; i < 40; i++) {
        snprintf(to, sizeof to, "t%d", i);
        onnx_node(&file, "Concat", "", from, to);
        onnx_int_attribute(&file, "axis", 0);
        snprintf(from, sizeof from, "t%d,t%d", i, i);
    }
    onnx_node(&file, "Gather", "", "t39,[0]", "shape");
    refuse_to_fold(file, TUMORCLASS_LIMIT, "constants take more than 1048576 bytes");

    file = file_for(13); /* each half of the limit; the third is too much */
    onnx_integers(&file, "half", AXES(1), (int64_t[]){ WEIGHT_LIMIT / 8 });
    onnx_node(&file, "ConstantOfShape", "", "half", "a");
    onnx_node(&file, "Neg", "", "a", "b");
    onnx_node(&file, "Neg", "", "b", "c");
    onnx_node(&file, "Gather", "", "c,[0]", "d");
    onnx_node(&file, "Cast", "", "d", "shape");
    onnx_int_attribute(&file, "to", ONNX_INT64);
    refuse_to_fold(file, TUMORCLASS_LIMIT, "constants take more than 1048576 bytes");
}
END_TEST

START_TEST(weights_left_unfolded_are_computed)
{
    struct onnx_file file = file_with(13, AXES(1, 2));
    ramp(&file, "w", 1, 1, AXES(2, 3));          /* 1 2 3 / 4 5 6 */
    ramp(&file, "row", 1, 1, AXES(3));           /* 1 2 3 */
    onnx_node(&file, "Mul", "", "w,row", "m");   /* 1 4 9 / 4 10 18 */
    onnx_node(&file, "Sqrt", "", "m", "s");      /* 1 2 3 / 2 .. */
    onnx_node(&file, "Transpose", "", "s", "t"); /* 1 2 / 2 .. / 3 .. */
    onnx_node(&file, "Identity", "", "t", "i");
    onnx_node(&file, "Gemm", "n", "x,i", "y");
    onnx_int_attribute(&file, "transB", 1);
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    const float *weight = graph.values[node_that_makes(&graph, "y")->inputs[1]].constant;
    ck_assert_float_eq(weight[0], 1);
    ck_assert_float_eq(weight[1], 2);
    ck_assert_float_eq(weight[2], 2);
    ck_assert_float_eq(weight[4], 3);
    ck_assert_int_eq(graph.value_count, 3);
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

/* conv c -> relu "features" -> pool -> flatten "pooled" -> what the test adds, ending in y. */
static struct onnx_file classifier(int64_t opset)
{
    struct onnx_file file = file_with(opset, AXES(1, 2, 4, 4, 4));
    ramp(&file, "w", 0, 1, AXES(4, 2, 3, 3, 3));
    ramp(&file, "dense", 0, 1, AXES(4, 3));
    ramp(&file, "dense turned", 0, 1, AXES(3, 4));
    ramp(&file, "bias", 0, 1, AXES(3));
    onnx_node(&file, "Conv", "c", "x,w", "c");
    onnx_node(&file, "Relu", "r", "c", "features");
    onnx_node(&file, "GlobalAveragePool", "g", "features", "g");
    onnx_node(&file, "Flatten", "f", "g", "pooled");
    return file;
}

static void has_head(struct onnx_file file, const char *output, const float *weight, const float *bias)
{
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    ck_assert_str_eq(graph.values[graph.output].name, output);
    ck_assert_int_ne(graph.features, NO_VALUE);
    ck_assert_str_eq(graph.values[graph.features].name, "features");
    ck_assert_str_eq(graph.values[graph.embedding].name, "pooled");
    const struct value *head = &graph.values[graph.head_weight];
    ck_assert_int_eq(head->shape.extent[0], 3);
    ck_assert_int_eq(head->shape.extent[1], 4);
    for (int i = 0; i < 4; i++) ck_assert_float_eq(head->constant[4 + i], weight[i]); /* of class 1 */
    ck_assert_int_eq(graph.head_bias == NO_VALUE, bias == NULL);
    if (bias) ck_assert_float_eq(graph.values[graph.head_bias].constant[1], *bias);
    graph_free(&graph);
    bytes_free(&bytes);
}

START_TEST(head_is_found_in_every_form)
{
    struct onnx_file file = classifier(13);
    onnx_node(&file, "Gemm", "d", "pooled,dense turned,bias", "y");
    onnx_int_attribute(&file, "transB", 1);
    has_head(file, "y", (const float[]){ 4, 5, 6, 7 }, (const float[]){ 1 });

    file = classifier(13);
    onnx_node(&file, "Gemm", "d", "pooled,dense,bias", "logits");
    onnx_float_attribute(&file, "alpha", 2);
    onnx_float_attribute(&file, "beta", 3);
    onnx_node(&file, "LogSoftmax", "s", "logits", "z");
    onnx_node(&file, "Identity", "i", "z", "y");
    has_head(file, "logits", (const float[]){ 2, 8, 14, 20 }, (const float[]){ 3 });

    file = classifier(13);
    onnx_node(&file, "MatMul", "d", "pooled,dense", "product");
    onnx_node(&file, "Add", "b", "bias,product", "logits");
    onnx_node(&file, "Softmax", "s", "logits", "y");
    has_head(file, "logits", (const float[]){ 1, 4, 7, 10 }, (const float[]){ 1 });

    file = file_with(13, AXES(1, 4, 4, 4, 4)); /* a mean axis by axis, without bias */
    ramp(&file, "dense", 0, 1, AXES(4, 3));
    onnx_node(&file, "Relu", "r", "x", "features");
    onnx_node(&file, "ReduceMean", "a", "features", "a");
    onnx_ints_attribute(&file, "axes", AXES(4));
    onnx_node(&file, "ReduceMean", "b", "a", "b");
    onnx_ints_attribute(&file, "axes", AXES(2, 3));
    onnx_node(&file, "Flatten", "f", "b", "pooled");
    onnx_node(&file, "MatMul", "d", "pooled,dense", "y");
    has_head(file, "y", (const float[]){ 1, 4, 7, 10 }, NULL);

    file = file_with(13, AXES(1, 4, 4, 4, 4)); /* space made one axis before its mean: the axes are still wanted */
    ramp(&file, "dense", 0, 1, AXES(4, 3));
    onnx_integers(&file, "shape", AXES(3), (int64_t[]){ 1, 4, -1 });
    onnx_node(&file, "Relu", "r", "x", "features");
    onnx_node(&file, "Reshape", "v", "features,shape", "line");
    onnx_node(&file, "ReduceMean", "a", "line", "pooled");
    onnx_ints_attribute(&file, "axes", AXES(2));
    onnx_int_attribute(&file, "keepdims", 0);
    onnx_node(&file, "MatMul", "d", "pooled,dense", "y");
    has_head(file, "y", (const float[]){ 1, 4, 7, 10 }, NULL);
}
END_TEST

static void has_no_head(struct onnx_file file)
{
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    ck_assert_int_eq(graph.features, NO_VALUE);
    ck_assert_int_eq(graph.head_weight, NO_VALUE);
    ck_assert_int_eq(graph.embedding, NO_VALUE);
    graph_free(&graph);
    bytes_free(&bytes);
}

START_TEST(without_a_mean_in_front_of_the_last_dense_layer_there_are_no_features)
{
    struct onnx_file file = classifier(13);
    onnx_node(&file, "Tanh", "t", "pooled", "t");
    onnx_node(&file, "MatMul", "d", "t,dense", "y");
    has_no_head(file);

    const struct onnx_file inputs[] = { file_with(13, AXES(1, 4, 4, 4)), file_with(13, AXES(1, 4, 2, 2, 2, 2)) };
    for (size_t i = 0; i < 2; i++) { /* not of a volume */
        file = inputs[i];
        ramp(&file, "dense", 0, 1, AXES(4, 3));
        onnx_node(&file, "Relu", "r", "x", "r");
        onnx_node(&file, "ReduceMean", "a", "r", "a");
        onnx_ints_attribute(&file, "axes", 2 + 2 * i, (int64_t[]){ 2, 3, 4, 5 });
        onnx_int_attribute(&file, "keepdims", 0);
        onnx_node(&file, "MatMul", "d", "a,dense", "y");
        has_no_head(file);
    }
}
END_TEST

START_TEST(softmax_over_other_than_the_classes_stays)
{
    struct onnx_file file = classifier(13);
    onnx_node(&file, "MatMul", "d", "pooled,dense", "logits");
    onnx_node(&file, "Softmax", "s", "logits", "y");
    onnx_int_attribute(&file, "axis", 0);
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    ck_assert_str_eq(graph.values[graph.output].name, "y");
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

START_TEST(named_features_must_be_what_the_mean_reads)
{
    struct graph_options options = plain_options();
    static const char *const wrong[][2] = { { "c", "is 'c', which is not what the global average pool" },
                                            { "nothing", "is 'nothing', which is no activation" },
                                            { "w", "is 'w', which is no activation" } };
    for (size_t i = 0; i < 3; i++) {
        struct onnx_file file = classifier(13);
        onnx_node(&file, "MatMul", "d", "pooled,dense", "y");
        options.features = wrong[i][0];
        refused(file, &options, TUMORCLASS_BAD_MODEL, wrong[i][1]);
    }
    struct onnx_file file = classifier(13);
    onnx_node(&file, "MatMul", "d", "pooled,dense", "y");
    options.features = "features";
    struct bytes bytes = onnx_finish(&file);
    struct graph graph;
    ck_assert_int_eq(build_bytes(&graph, &bytes, &options), TUMORCLASS_OK);
    ck_assert_str_eq(graph.values[graph.features].name, "features");
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("fold");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, shape_arithmetic_of_exporters_is_folded);
    tcase_add_test(cases, constants_may_be_attributes);
    tcase_add_test(cases, shape_reads_a_part_since_opset_15);
    tcase_add_test(cases, arithmetic_that_cannot_be_is_refused);
    tcase_add_test(cases, constants_made_of_constants_stay_within_the_limit);
    tcase_add_test(cases, weights_left_unfolded_are_computed);
    tcase_add_test(cases, head_is_found_in_every_form);
    tcase_add_test(cases, without_a_mean_in_front_of_the_last_dense_layer_there_are_no_features);
    tcase_add_test(cases, softmax_over_other_than_the_classes_stays);
    tcase_add_test(cases, named_features_must_be_what_the_mean_reads);
    Suite *suite = suite_create("fold");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
