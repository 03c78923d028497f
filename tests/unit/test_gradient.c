/* The backward pass as a graph: what is in it, what is left out, and what is refused. Its numbers are the part of
 * tests/operators/test_gradients.c and of tests/golden/gradient.py. */
#include "gradient/gradient.h"
#include "graph_of.h"
#include "model/graph_edit.h"

enum { HIRESCAM = TUMORCLASS_ATTENTION_HIRESCAM, GRADCAM = TUMORCLASS_ATTENTION_GRADCAM };

/* r: convolution and ReLU at 4 x 4 x 4; e: a residual block behind a pool, at 2 x 2 x 2. */
static struct onnx_file network(void)
{
    struct onnx_file file = file_with(13, AXES(1, 1, 4, 4, 4));
    ramp(&file, "first", -1, 0.25f, AXES(2, 1, 1, 1, 1));
    ramp(&file, "w", -1, 0.125f, AXES(2, 2, 3, 3, 3));
    ramp(&file, "s", 2, 1, AXES(2));
    ramp(&file, "zero", 0, 0, AXES(2));
    ramp(&file, "one", 1, 0, AXES(2));
    ramp(&file, "dense", -1, 0.5f, AXES(2, 3));
    onnx_node(&file, "Conv", "a", "x,first", "a");
    onnx_node(&file, "Relu", "r", "a", "r");
    onnx_node(&file, "MaxPool", "p", "r", "p");
    onnx_ints_attribute(&file, "kernel_shape", AXES(2, 2, 2));
    onnx_ints_attribute(&file, "strides", AXES(2, 2, 2));
    onnx_node(&file, "Conv", "c", "p,w", "c");
    onnx_ints_attribute(&file, "pads", AXES(1, 1, 1, 1, 1, 1));
    onnx_node(&file, "BatchNormalization", "n", "c,s,s,zero,one", "n");
    onnx_node(&file, "Add", "add", "n,p", "add");
    onnx_node(&file, "LeakyRelu", "e", "add", "e");
    onnx_node(&file, "GlobalAveragePool", "mean", "e", "mean");
    onnx_node(&file, "Flatten", "flat", "mean", "flat");
    onnx_node(&file, "MatMul", "dense", "flat,dense", "y");
    return file;
}

static struct graph source_of(struct onnx_file file, struct bytes *bytes)
{
    struct graph graph = graph_of(&file, bytes);
    ck_assert_int_eq(graph_fuse(&graph), TUMORCLASS_OK);
    ck_assert_int_eq(graph_find_levels(&graph), TUMORCLASS_OK);
    return graph;
}

/* The graph can run in this order, and stands on its own but for constants. */
static void check_order(const struct graph *graph)
{
    for (int32_t i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->nodes[i];
        for (int32_t k = -2; k < node->input_count; k++) {
            const int32_t value = k == -2 ? node->residual : k == -1 ? node->slope : node->inputs[k];
            bool known = value == NO_VALUE || value == graph->input || value == graph->seed;
            known = known || graph->values[value].constant;
            for (int32_t before = 0; before < i; before++) known = known || graph->nodes[before].output == value;
            ck_assert(known);
        }
    }
}

static struct graph gradient_of(const struct graph *source, const char *start, const char *at, int32_t method)
{
    struct graph graph;
    const tumorclass_status status = gradient_graph(&graph, source, graph_find(source, start), graph_find(source, at),
                                                    method);
    ck_assert_msg(status == TUMORCLASS_OK, "refused: %s", tumorclass_last_error());
    check_order(&graph);
    return graph;
}

static void has_operations(const struct graph *graph, const char *expected)
{
    char text[1024] = "";
    for (int32_t i = 0; i < graph->node_count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? ", " : "",
                 operation_name(graph->nodes[i].operation));
    ck_assert_str_eq(text, expected);
}

static const struct node *find_operation(const struct graph *graph, operation kind)
{
    for (int32_t i = 0; i < graph->node_count; i++)
        if (graph->nodes[i].operation == kind) return &graph->nodes[i];
    ck_abort_msg("no %s", operation_name(kind));
    return NULL;
}

static void value_has_shape(const struct graph *graph, int32_t value, const char *shape)
{
    char text[128];
    shape_text(text, sizeof text, &graph->values[value].shape);
    ck_assert_str_eq(text, shape);
}

static void done(struct graph *graph, struct graph *source, struct bytes *bytes)
{
    graph_free(graph);
    graph_free(source);
    bytes_free(bytes);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
}

START_TEST(fused_nodes_come_apart_and_what_two_read_gets_the_sum)
{
    struct bytes bytes;
    struct graph source = source_of(network(), &bytes), graph = gradient_of(&source, "r", "r", HIRESCAM);
    has_operations(&graph, "pool, convolution, binary, activation, matrix product, reshape, gradient of reduce, "
                           "gradient of activation, gradient of convolution, binary, gradient of pool, "
                           "binary, reduce, binary");
    value_has_shape(&graph, graph.input, "1 x 2 x 4 x 4 x 4");
    value_has_shape(&graph, graph.seed, "1 x 3");
    value_has_shape(&graph, graph.output, "1 x 1 x 4 x 4 x 4");
    const struct node *sum = &graph.nodes[9]; /* of p: the addition's part, and the convolution's */
    ck_assert_int_eq(sum->binary.kind, BINARY_ADD);
    ck_assert_int_eq(sum->inputs[0], find_operation(&graph, OPERATION_ACTIVATION_BACK)->output);
    ck_assert_int_eq(sum->inputs[1], find_operation(&graph, OPERATION_CONV_BACK)->output);
    for (int32_t i = 0; i < graph.node_count; i++) {
        const struct node *node = &graph.nodes[i];
        const bool function = node->operation == OPERATION_ACTIVATION || node->operation == OPERATION_ACTIVATION_BACK;
        ck_assert_int_eq(node->residual, NO_VALUE);
        ck_assert_int_eq(node->activation, function ? ACTIVATION_LEAKY_RELU : ACTIVATION_NONE);
    }
    ck_assert_float_eq(find_operation(&graph, OPERATION_ACTIVATION_BACK)->alpha, 0.01f);
    done(&graph, &source, &bytes);
}
END_TEST

START_TEST(what_comes_before_the_level_stays_fused)
{
    struct bytes bytes;
    struct graph source = source_of(network(), &bytes), graph = gradient_of(&source, "x", "e", HIRESCAM);
    has_operations(&graph, "convolution, pool, convolution, matrix product, reshape, gradient of reduce, binary, "
                           "reduce, binary");
    ck_assert_int_eq(graph.nodes[0].activation, ACTIVATION_RELU);
    ck_assert_int_eq(graph.nodes[2].activation, ACTIVATION_LEAKY_RELU);
    ck_assert_int_eq(graph.nodes[2].residual, graph.nodes[1].output);
    value_has_shape(&graph, graph.input, "1 x 1 x 4 x 4 x 4");
    value_has_shape(&graph, graph.output, "1 x 1 x 2 x 2 x 2");
    done(&graph, &source, &bytes);
}
END_TEST

START_TEST(hirescam_counts_cells_and_gradcam_sums_over_them)
{
    struct bytes bytes;
    struct graph source = source_of(network(), &bytes), graph = gradient_of(&source, "e", "e", HIRESCAM);
    has_operations(&graph, "matrix product, reshape, gradient of reduce, binary, reduce, binary");
    const struct node *last = &graph.nodes[graph.node_count - 1];
    ck_assert_int_eq(last->binary.kind, BINARY_MUL);
    ck_assert_float_eq(graph.values[last->inputs[1]].constant[0], 8);
    graph_free(&graph);

    graph = gradient_of(&source, "e", "e", GRADCAM);
    has_operations(&graph, "matrix product, reshape, gradient of reduce, reduce, binary, reduce");
    value_has_shape(&graph, graph.nodes[3].output, "1 x 2 x 1 x 1 x 1");
    ck_assert_int_eq(graph.nodes[3].reduce.kind, REDUCE_SUM);
    value_has_shape(&graph, graph.output, "1 x 1 x 2 x 2 x 2");
    done(&graph, &source, &bytes);
}
END_TEST

START_TEST(constants_stay_where_they_are)
{
    struct bytes bytes;
    struct graph source = source_of(network(), &bytes), graph = gradient_of(&source, "r", "r", GRADCAM);
    const struct node *back = find_operation(&graph, OPERATION_CONV_BACK);
    const struct node *forward = node_that_makes(&source, "e"); /* the convolution, with the norm folded in */
    ck_assert_ptr_eq(graph.values[back->inputs[1]].constant, source.values[forward->inputs[1]].constant);
    for (int32_t v = 0; v < graph.value_count; v++) ck_assert_ptr_null(graph.values[v].owned);
    done(&graph, &source, &bytes);
}
END_TEST

START_TEST(a_slab_is_cut_out_of_a_concatenation_and_the_other_way_a_crop_is_padded)
{
    struct onnx_file file = file_with(13, AXES(1, 1, 4, 4, 4));
    ramp(&file, "first", -1, 0.25f, AXES(3, 1, 1, 1, 1));
    ramp(&file, "dense", -1, 0.5f, AXES(7, 3));
    ramp(&file, "fixed", 0, 1, AXES(1, 1, 1, 1, 1));
    onnx_integers(&file, "pads", AXES(10), (int64_t[]){ 0, 0, 1, 0, -1, 0, 0, 0, -2, 1 });
    onnx_node(&file, "Conv", "a", "x,first", "a");
    onnx_node(&file, "Tanh", "t", "a", "t");
    onnx_node(&file, "Concat", "z", "a,t", "z");
    onnx_int_attribute(&file, "axis", 1);
    onnx_node(&file, "Pad", "p", "z,pads", "p");
    onnx_node(&file, "GlobalMaxPool", "m", "p", "m");
    onnx_node(&file, "Concat", "k", "fixed,m", "k");
    onnx_int_attribute(&file, "axis", 1);
    onnx_node(&file, "Flatten", "flat", "k", "flat");
    onnx_node(&file, "MatMul", "dense", "flat,dense", "y");
    struct bytes bytes;
    struct graph source = source_of(file, &bytes), graph = gradient_of(&source, "a", "a", HIRESCAM);
    int64_t crops[4][MAX_RANK] = { { 0 } };
    int32_t count = 0;
    for (int32_t i = 0; i < graph.node_count; i++) {
        const struct node *node = &graph.nodes[i];
        if (node->operation != OPERATION_PAD || i < 4) continue;
        ck_assert_int_lt(count, 4);
        memcpy(crops[count++], node->pad.before, sizeof crops[0]);
        ck_assert_float_eq(node->pad.value, 0);
    }
    ck_assert_int_eq(count, 4);
    ck_assert_int_eq(crops[0][1], -1); /* m of k: behind the constant, which gets none */
    ck_assert_int_eq(crops[1][2], -1); /* z of p */
    ck_assert_int_eq(crops[1][4], 1);
    ck_assert_int_eq(crops[2][1], 0); /* a of z, then t */
    ck_assert_int_eq(crops[3][1], -3);
    done(&graph, &source, &bytes);
}
END_TEST

/* ---- Refusals ---- */

/* A graph x -> a -> `node` of a and one more value computed from a -> 1 x 64. */
static void refused_gradient(struct node node, int32_t computed_input, int64_t count, const char *sentence)
{
    struct graph source = graph_empty(), graph;
    const struct shape volume = { 5, { 1, 1, 4, 4, 4 } }, row = { 2, { 1, 64 } }, many = { 1, { count } },
                       kernel = { 5, { 1, 1, 1, 1, 1 } };
    int32_t inputs[3] = { 0, NO_VALUE, NO_VALUE }, constant;
    float *data;
    struct node reduce = node_of(OPERATION_REDUCE), reshape = node_of(OPERATION_RESHAPE);
    for (int32_t i = 0; i < 5; i++) reduce.reduce.axes[i] = true;
    ck_assert_int_eq(graph_add_value(&source, &source.input, "x", &volume), TUMORCLASS_OK);
    ck_assert_int_eq(graph_add_value(&source, &reduce.output, "computed", computed_input == 1 ? &kernel : &many),
                     TUMORCLASS_OK);
    ck_assert_int_eq(graph_add_value(&source, &node.output, "made", &volume), TUMORCLASS_OK);
    ck_assert_int_eq(graph_add_value(&source, &source.output, "y", &row), TUMORCLASS_OK);
    ck_assert_int_eq(graph_add_constant(&source, &constant, &data, "constant", &kernel), TUMORCLASS_OK);
    *data = 1;
    inputs[0] = source.input;
    for (int32_t i = 1; i < 3; i++) inputs[i] = constant;
    if (computed_input < 3)
        inputs[computed_input] = reduce.output;
    else
        node.slope = reduce.output;
    reshape.output = source.output;
    node.onnx = reduce.onnx = reshape.onnx = "Made";
    ck_assert_int_eq(graph_add_node(&source, &reduce, "reduce", &source.input, 1), TUMORCLASS_OK);
    ck_assert_int_eq(graph_add_node(&source, &node, "the node", inputs, computed_input < 3 ? 3 : 1), TUMORCLASS_OK);
    ck_assert_int_eq(graph_add_node(&source, &reshape, "reshape", &node.output, 1), TUMORCLASS_OK);

    const int64_t blocks = memory_blocks_in_use();
    ck_assert_int_eq(gradient_graph(&graph, &source, source.input, source.input, HIRESCAM), TUMORCLASS_UNSUPPORTED);
    ck_assert_str_eq(tumorclass_last_error(), sentence);
    ck_assert_int_eq(graph.node_count, 0);
    ck_assert_int_eq(memory_blocks_in_use(), blocks);
    graph_free(&source);
}

START_TEST(parameters_that_are_computed_are_refused)
{
    struct node conv = node_of(OPERATION_CONV), norm = node_of(OPERATION_INSTANCE_NORM);
    struct node scale = node_of(OPERATION_SCALE_SHIFT), prelu = node_of(OPERATION_ACTIVATION);
    conv.conv.groups = 1;
    prelu.activation = ACTIVATION_PRELU;
    refused_gradient(conv, 1, 1, "node 'the node' (Made) has no gradient: its weights are computed");
    refused_gradient(conv, 2, 1, "node 'the node' (Made) has no gradient: its bias is computed");
    for (int32_t input = 1; input < 3; input++) {
        refused_gradient(norm, input, 1, "node 'the node' (Made) has no gradient: its scale or shift is computed");
        refused_gradient(scale, input, 1, "node 'the node' (Made) has no gradient: its scale or shift is computed");
    }
    refused_gradient(prelu, 3, 1, "node 'the node' (Made) has no gradient: its slopes are computed");
    refused_gradient(node_of(OPERATION_REDUCE_BACK), 1, 1, "node 'the node' (Made) has no gradient: it is one itself");
}
END_TEST

START_TEST(a_backward_pass_of_too_many_nodes_is_refused)
{
    struct onnx_file file = file_with(13, AXES(1, 1, 2, 1, 1));
    ramp(&file, "dense", -1, 0.5f, AXES(1, 3));
    char from[16] = "x", to[16];
    for (int i = 0; i < MAX_NODES / 2; i++) {
        snprintf(to, sizeof to, "t%d", i);
        onnx_node(&file, "Tanh", to, from, to);
        memcpy(from, to, sizeof from);
    }
    onnx_node(&file, "GlobalAveragePool", "mean", to, "mean");
    onnx_node(&file, "Flatten", "flat", "mean", "flat");
    onnx_node(&file, "MatMul", "dense", "flat,dense", "y");
    struct bytes bytes;
    struct graph source = source_of(file, &bytes), graph;
    ck_assert_int_eq(gradient_graph(&graph, &source, source.input, graph_find(&source, "t0"), HIRESCAM),
                     TUMORCLASS_UNSUPPORTED);
    ck_assert_str_eq(tumorclass_last_error(), "the model has more than 16384 nodes");
    graph = gradient_of(&source, "t8000", "t8000", HIRESCAM);
    done(&graph, &source, &bytes);
}
END_TEST

START_TEST(every_failed_allocation_is_a_failure)
{
    struct bytes bytes;
    struct graph source = source_of(network(), &bytes), graph = graph_empty();
    const int64_t blocks = memory_blocks_in_use();
    int64_t nth = 1;
    for (tumorclass_status status = TUMORCLASS_OUT_OF_MEMORY; status != TUMORCLASS_OK; nth++) {
        memory_fail_at(nth);
        status = gradient_graph(&graph, &source, source.input, graph_find(&source, "r"), HIRESCAM);
        memory_fail_at(0);
        if (status == TUMORCLASS_OK) break;
        ck_assert_int_eq(status, TUMORCLASS_OUT_OF_MEMORY);
        ck_assert_int_eq(memory_blocks_in_use(), blocks);
    }
    ck_assert_int_gt(nth, 50);
    done(&graph, &source, &bytes);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("gradient");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, fused_nodes_come_apart_and_what_two_read_gets_the_sum);
    tcase_add_test(cases, what_comes_before_the_level_stays_fused);
    tcase_add_test(cases, hirescam_counts_cells_and_gradcam_sums_over_them);
    tcase_add_test(cases, constants_stay_where_they_are);
    tcase_add_test(cases, a_slab_is_cut_out_of_a_concatenation_and_the_other_way_a_crop_is_padded);
    tcase_add_test(cases, parameters_that_are_computed_are_refused);
    tcase_add_test(cases, a_backward_pass_of_too_many_nodes_is_refused);
    tcase_add_test(cases, every_failed_allocation_is_a_failure);
    Suite *suite = suite_create("gradient");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
