/* The passes, checked by the structure and the constants they leave; their numbers are the golden tests' part. */
#include "graph_of.h"

static struct onnx_file volume(void)
{
    struct onnx_file file = file_with(13, AXES(1, 2, 4, 4, 4));
    ramp(&file, "w", 1, 1, AXES(2, 2, 1, 1, 1)); /* 1 2 / 3 4 */
    ramp(&file, "w3", 1, 1, AXES(2, 2, 3, 3, 3));
    ramp(&file, "b", 5, 1, AXES(2));
    ramp(&file, "s", 2, 1, AXES(2)); /* 2 3 */
    ramp(&file, "zero", 0, 0, AXES(2));
    ramp(&file, "one", 1, 0, AXES(2));
    ramp(&file, "channel", 7, 2, AXES(2, 1, 1, 1)); /* 7 9 */
    return file;
}

static struct graph fused(struct onnx_file *file, struct bytes *bytes)
{
    struct graph graph = graph_of(file, bytes);
    ck_assert_int_eq(graph_fuse(&graph), TUMORCLASS_OK);
    for (int32_t i = 0; i < graph.node_count; i++) { /* it can still run in this order */
        const struct node *node = &graph.nodes[i];
        for (int32_t k = -2; k < node->input_count; k++) {
            const int32_t value = k == -2 ? node->residual : k == -1 ? node->slope : node->inputs[k];
            bool known = value == NO_VALUE || value == graph.input || graph.values[value].constant;
            for (int32_t before = 0; before < i; before++) known = known || graph.nodes[before].output == value;
            ck_assert(known);
        }
    }
    return graph;
}

static void done(struct graph *graph, struct bytes *bytes)
{
    graph_free(graph);
    bytes_free(bytes);
}

static const float *constant(const struct graph *graph, const struct node *node, int32_t input)
{
    ck_assert_int_ne(node->inputs[input], NO_VALUE);
    return graph->values[node->inputs[input]].constant;
}

START_TEST(batch_norm_goes_into_the_convolution_before_it)
{
    struct onnx_file file = volume();
    onnx_node(&file, "Conv", "c", "x,w,b", "c");
    onnx_node(&file, "BatchNormalization", "n", "c,s,b,zero,one", "n"); /* times 2, 3 and plus 5, 6 */
    onnx_float_attribute(&file, "epsilon", 0);
    onnx_node(&file, "Relu", "r", "n", "y");
    struct bytes bytes;
    struct graph graph = fused(&file, &bytes);
    ck_assert_int_eq(graph.node_count, 1);
    const struct node *node = node_that_makes(&graph, "y");
    ck_assert_int_eq(node->operation, OPERATION_CONV);
    ck_assert_str_eq(node->name, "c");
    ck_assert_int_eq(node->activation, ACTIVATION_RELU);
    ck_assert_float_eq(constant(&graph, node, 1)[1], 4);
    ck_assert_float_eq(constant(&graph, node, 1)[3], 12);
    ck_assert_float_eq(constant(&graph, node, 2)[0], 5 * 2 + 5);
    ck_assert_float_eq(constant(&graph, node, 2)[1], 6 * 3 + 6);
    ck_assert_int_eq(graph.value_count, 4);
    done(&graph, &bytes);
}
END_TEST

START_TEST(batch_norm_in_front_of_a_convolution_stays)
{
    struct onnx_file file = volume();
    onnx_node(&file, "BatchNormalization", "n", "x,s,b,zero,one", "n");
    onnx_node(&file, "Relu", "r", "n", "r");
    onnx_node(&file, "Conv", "c", "r,w3", "y");
    onnx_ints_attribute(&file, "pads", AXES(1, 1, 1, 1, 1, 1));
    struct bytes bytes;
    struct graph graph = fused(&file, &bytes);
    ck_assert_int_eq(graph.node_count, 2);
    ck_assert_int_eq(node_that_makes(&graph, "r")->operation, OPERATION_SCALE_SHIFT);
    ck_assert_int_eq(node_that_makes(&graph, "r")->activation, ACTIVATION_RELU);
    done(&graph, &bytes);
}
END_TEST

START_TEST(what_two_read_is_not_changed_for_one)
{
    struct onnx_file file = volume();
    onnx_node(&file, "Conv", "c", "x,w", "c");
    onnx_node(&file, "BatchNormalization", "n", "c,s,b,zero,one", "n");
    onnx_node(&file, "Relu", "r", "c", "r");
    onnx_node(&file, "Mul", "m", "n,r", "y");
    struct bytes bytes;
    struct graph graph = fused(&file, &bytes);
    ck_assert_int_eq(graph.node_count, 4);
    ck_assert_int_eq(node_that_makes(&graph, "c")->activation, ACTIVATION_NONE);
    ck_assert_float_eq(constant(&graph, node_that_makes(&graph, "c"), 1)[1], 2);
    done(&graph, &bytes);
}
END_TEST

START_TEST(channel_constants_are_a_scale_and_a_shift)
{
    struct onnx_file file = volume();
    ramp(&file, "half", 0.5f, 0, AXES(1));
    onnx_node(&file, "MaxPool", "p", "x", "p");
    onnx_ints_attribute(&file, "kernel_shape", AXES(2, 2, 2));
    onnx_node(&file, "Sub", "a", "channel,p", "a"); /* 7 - x, 9 - x */
    onnx_node(&file, "Div", "d", "a,half", "d");    /* 14 - 2 x, 18 - 2 x */
    onnx_node(&file, "Mul", "m", "d,channel", "y"); /* 98 - 14 x, 162 - 18 x */
    struct bytes bytes;
    struct graph graph = fused(&file, &bytes);
    ck_assert_int_eq(graph.node_count, 2);
    const struct node *node = node_that_makes(&graph, "y");
    ck_assert_int_eq(node->operation, OPERATION_SCALE_SHIFT);
    ck_assert_float_eq(constant(&graph, node, 1)[0], -14);
    ck_assert_float_eq(constant(&graph, node, 1)[1], -18);
    ck_assert_float_eq(constant(&graph, node, 2)[0], 98);
    ck_assert_float_eq(constant(&graph, node, 2)[1], 162);
    done(&graph, &bytes);
}
END_TEST

START_TEST(other_constants_stay_binary)
{
    struct onnx_file file = volume();
    ramp(&file, "last", 1, 1, AXES(4)); /* along the last axis, not the channels */
    onnx_node(&file, "Mul", "m", "x,last", "m");
    onnx_node(&file, "Div", "d", "channel,m", "y");
    struct bytes bytes;
    struct graph graph = fused(&file, &bytes);
    ck_assert_int_eq(graph.node_count, 2);
    ck_assert_int_eq(graph.nodes[0].operation, OPERATION_BINARY);
    ck_assert_int_eq(graph.nodes[1].operation, OPERATION_BINARY);
    done(&graph, &bytes);
}
END_TEST

START_TEST(bias_in_front_of_an_instance_norm_is_dropped_and_the_name_with_it)
{
    struct onnx_file file = volume();
    onnx_node(&file, "Conv", "c", "x,w,b", "c");
    onnx_node(&file, "InstanceNormalization", "n", "c,s,b", "n");
    onnx_node(&file, "LeakyRelu", "r", "n", "y");
    onnx_float_attribute(&file, "alpha", 0.3f);
    struct bytes bytes;
    struct graph graph = fused(&file, &bytes);
    ck_assert_int_eq(graph.node_count, 2);
    ck_assert_int_eq(graph.nodes[0].inputs[2], NO_VALUE);
    ck_assert_int_eq(graph_find(&graph, "c"), NO_VALUE);
    ck_assert_int_ne(graph_find(&graph, "c (without bias)"), NO_VALUE);
    ck_assert_int_eq(graph.nodes[1].operation, OPERATION_INSTANCE_NORM);
    ck_assert_int_eq(graph.nodes[1].activation, ACTIVATION_LEAKY_RELU);
    ck_assert_float_eq(graph.nodes[1].alpha, 0.3f);
    done(&graph, &bytes);
}
END_TEST

START_TEST(cropping_in_front_of_a_convolution_stays)
{
    struct onnx_file file = volume();
    onnx_integers(&file, "crop", AXES(10), (int64_t[]){ 0, 0, 1, 0, 0, 0, 0, -1, 0, 0 });
    onnx_node(&file, "Pad", "p", "x,crop", "p");
    onnx_node(&file, "Conv", "c", "p,w3", "y");
    onnx_ints_attribute(&file, "pads", AXES(1, 1, 1, 1, 1, 1));
    struct bytes bytes;
    struct graph graph = fused(&file, &bytes);
    ck_assert_int_eq(graph.node_count, 2);
    ck_assert_int_eq(node_that_makes(&graph, "p")->operation, OPERATION_PAD);
    done(&graph, &bytes);
}
END_TEST

START_TEST(zeros_around_a_convolution_become_its_padding)
{
    struct onnx_file file = volume();
    onnx_integers(&file, "around", AXES(10), (int64_t[]){ 0, 0, 1, 0, 2, 0, 0, 2, 0, 1 });
    onnx_integers(&file, "channels too", AXES(10), (int64_t[]){ 0, 2, 0, 0, 0, 0, 0, 0, 0, 0 });
    ramp(&file, "w4", 1, 0, AXES(1, 4, 1, 1, 1));
    onnx_node(&file, "Pad", "p", "x,around", "p");
    onnx_node(&file, "Conv", "c", "p,w3", "c");
    onnx_ints_attribute(&file, "pads", AXES(1, 1, 1, 1, 1, 1));
    onnx_node(&file, "Pad", "q", "c,channels too", "q");
    onnx_node(&file, "Conv", "d", "q,w4", "y");
    struct bytes bytes;
    struct graph graph = fused(&file, &bytes);
    ck_assert_int_eq(graph.node_count, 3);
    const struct window *window = &node_that_makes(&graph, "c")->conv.window;
    ck_assert_int_eq(window->pad_before[0], 2);
    ck_assert_int_eq(window->pad_before[2], 3);
    ck_assert_int_eq(window->pad_after[0], 3);
    ck_assert_int_eq(node_that_makes(&graph, "c")->inputs[0], graph.input);
    ck_assert_int_eq(node_that_makes(&graph, "q")->operation, OPERATION_PAD);
    done(&graph, &bytes);
}
END_TEST

START_TEST(residual_block_is_two_convolutions)
{
    struct onnx_file file = volume();
    onnx_node(&file, "Conv", "c", "x,w", "c");
    onnx_node(&file, "Conv", "shortcut", "x,w,b", "d");
    onnx_node(&file, "Add", "a", "c,d", "a");
    onnx_node(&file, "Relu", "r", "a", "y");
    struct bytes bytes;
    struct graph graph = fused(&file, &bytes);
    ck_assert_int_eq(graph.node_count, 2);
    const struct node *node = node_that_makes(&graph, "y");
    ck_assert_str_eq(node->name, "shortcut");
    ck_assert_int_eq(node->residual, graph_find(&graph, "c"));
    ck_assert_int_eq(node->activation, ACTIVATION_RELU);
    done(&graph, &bytes);
}
END_TEST

START_TEST(residual_made_after_its_host_still_comes_first)
{
    struct onnx_file file = volume();
    onnx_node(&file, "Conv", "c", "x,w", "c");
    onnx_node(&file, "Tanh", "t", "x", "t");
    onnx_node(&file, "Add", "a", "c,t", "y");
    struct bytes bytes;
    struct graph graph = fused(&file, &bytes); /* which checks the order */
    ck_assert_int_eq(graph.node_count, 2);
    ck_assert_int_eq(node_that_makes(&graph, "y")->residual, graph_find(&graph, "t"));
    done(&graph, &bytes);
}
END_TEST

START_TEST(nothing_is_added_behind_an_activation)
{
    struct onnx_file file = volume();
    onnx_node(&file, "InstanceNormalization", "n", "x,s,b", "n");
    onnx_node(&file, "LeakyRelu", "l", "n", "l");
    onnx_node(&file, "Add", "a", "l,x", "a");
    onnx_node(&file, "Relu", "r", "a", "y");
    struct bytes bytes;
    struct graph graph = fused(&file, &bytes);
    ck_assert_int_eq(graph.node_count, 2);
    const struct node *node = node_that_makes(&graph, "y");
    ck_assert_int_eq(node->operation, OPERATION_BINARY);
    ck_assert_int_eq(node->activation, ACTIVATION_RELU);
    ck_assert_int_eq(node_that_makes(&graph, "l")->residual, NO_VALUE);
    done(&graph, &bytes);
}
END_TEST

START_TEST(additions_of_other_shapes_or_of_the_same_tensor_stay)
{
    struct onnx_file file = volume();
    onnx_node(&file, "Conv", "c", "x,w", "c");
    onnx_node(&file, "GlobalMaxPool", "g", "x", "g");
    onnx_node(&file, "Add", "a", "c,g", "a");
    onnx_node(&file, "Conv", "d", "a,w", "d");
    onnx_node(&file, "Add", "b", "d,d", "y");
    struct bytes bytes;
    struct graph graph = fused(&file, &bytes);
    ck_assert_int_eq(graph.node_count, 5);
    for (int32_t i = 0; i < graph.node_count; i++) ck_assert_int_eq(graph.nodes[i].residual, NO_VALUE);
    done(&graph, &bytes);
}
END_TEST

START_TEST(features_are_not_swallowed)
{
    struct onnx_file file = volume();
    ramp(&file, "dense", 0, 1, AXES(2, 3));
    onnx_node(&file, "Conv", "c", "x,w", "c");
    onnx_node(&file, "Mul", "m", "c,channel", "features");
    onnx_node(&file, "GlobalAveragePool", "g", "features", "g");
    onnx_node(&file, "Flatten", "f", "g", "pooled");
    onnx_node(&file, "MatMul", "d", "pooled,dense", "y");
    struct bytes bytes;
    struct graph graph = fused(&file, &bytes);
    ck_assert_str_eq(graph.values[graph.features].name, "features");
    ck_assert_str_eq(graph.values[graph.embedding].name, "pooled");
    ck_assert_int_eq(node_that_makes(&graph, "features")->operation, OPERATION_CONV);
    ck_assert_float_eq(graph.values[graph.head_weight].constant[2], 1);
    ck_assert_int_eq(graph.node_count, 4);
    done(&graph, &bytes);

    file = volume(); /* wherever the features are */
    onnx_node(&file, "Conv", "c", "x,w", "c");
    onnx_node(&file, "Relu", "r", "c", "y");
    graph = graph_of(&file, &bytes);
    graph.features = graph_find(&graph, "c");
    ck_assert_int_eq(graph_fuse(&graph), TUMORCLASS_OK);
    ck_assert_int_eq(graph.node_count, 2);
    ck_assert_str_eq(graph.values[graph.features].name, "c");
    done(&graph, &bytes);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("fuse");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, batch_norm_goes_into_the_convolution_before_it);
    tcase_add_test(cases, batch_norm_in_front_of_a_convolution_stays);
    tcase_add_test(cases, what_two_read_is_not_changed_for_one);
    tcase_add_test(cases, channel_constants_are_a_scale_and_a_shift);
    tcase_add_test(cases, other_constants_stay_binary);
    tcase_add_test(cases, bias_in_front_of_an_instance_norm_is_dropped_and_the_name_with_it);
    tcase_add_test(cases, cropping_in_front_of_a_convolution_stays);
    tcase_add_test(cases, zeros_around_a_convolution_become_its_padding);
    tcase_add_test(cases, residual_block_is_two_convolutions);
    tcase_add_test(cases, residual_made_after_its_host_still_comes_first);
    tcase_add_test(cases, nothing_is_added_behind_an_activation);
    tcase_add_test(cases, additions_of_other_shapes_or_of_the_same_tensor_stay);
    tcase_add_test(cases, features_are_not_swallowed);
    Suite *suite = suite_create("fuse");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
