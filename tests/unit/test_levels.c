/* Levels: the values that a network falls apart at, one a size, and which of them is the default. */
#include "graph_of.h"
#include "model/graph_edit.h"

static struct onnx_file volume(int64_t extent)
{
    struct onnx_file file = file_with(13, AXES(1, 1, extent, extent, extent));
    ramp(&file, "first", 0, 0.25f, AXES(2, 1, 1, 1, 1));
    ramp(&file, "w", -1, 0.5f, AXES(2, 2, 1, 1, 1));
    ramp(&file, "b", 1, 1, AXES(2));
    ramp(&file, "dense", -1, 0.5f, AXES(2, 3));
    return file;
}

static void pool(struct onnx_file *file, const char *x, const char *y)
{
    onnx_node(file, "MaxPool", y, x, y);
    onnx_ints_attribute(file, "kernel_shape", AXES(2, 2, 2));
    onnx_ints_attribute(file, "strides", AXES(2, 2, 2));
}

static void head(struct onnx_file *file, const char *x)
{
    onnx_node(file, "GlobalAveragePool", "mean", x, "mean");
    onnx_node(file, "Flatten", "flat", "mean", "flat");
    onnx_node(file, "MatMul", "dense", "flat,dense", "y");
}

static tumorclass_status find_levels(struct graph *graph, const struct bytes *bytes, const char *fine)
{
    struct graph_options options = plain_options();
    options.fine = fine;
    tumorclass_status status = build_bytes(graph, bytes, &options);
    if (status != TUMORCLASS_OK) return status;
    status = graph_fuse(graph);
    if (status == TUMORCLASS_OK) status = graph_find_levels(graph);
    if (status != TUMORCLASS_OK) graph_free(graph);
    return status;
}

/* `names`: of the levels, finest first, the default one with a star. */
static void has_levels(struct onnx_file file, const char *fine, const char *names)
{
    const int64_t blocks = memory_blocks_in_use();
    struct bytes bytes = onnx_finish(&file);
    struct graph graph;
    const tumorclass_status status = find_levels(&graph, &bytes, fine);
    ck_assert_msg(status == TUMORCLASS_OK, "refused: %s", tumorclass_last_error());
    char found[1024] = "";
    for (int32_t i = 0; i < graph.level_count; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s%s", i ? " " : "",
                 graph.values[graph.levels[i]].name, graph.levels[i] == graph.fine ? "*" : "");
    ck_assert_str_eq(found, names);
    if (!graph.level_count) ck_assert_int_eq(graph.fine, NO_VALUE);
    graph_free(&graph);
    bytes_free(&bytes);
    ck_assert_int_eq(memory_blocks_in_use(), blocks);
}

static void levels_refused(struct onnx_file file, const char *fine, const char *sentence)
{
    const int64_t blocks = memory_blocks_in_use();
    struct bytes bytes = onnx_finish(&file);
    struct graph graph;
    const tumorclass_status status = find_levels(&graph, &bytes, fine);
    bytes_free(&bytes);
    ck_assert_int_eq(status, TUMORCLASS_BAD_MODEL);
    ck_assert_str_eq(tumorclass_last_error(), sentence);
    ck_assert_int_eq(memory_blocks_in_use(), blocks);
}

/* At 8 x 8 x 8 a residual block and its ReLU, at 4 x 4 x 4 a dense block. */
static struct onnx_file network(int64_t extent)
{
    struct onnx_file file = volume(extent);
    ramp(&file, "last", -1, 0.5f, AXES(2, 4, 1, 1, 1));
    onnx_node(&file, "Conv", "a", "x,first,b", "a");
    onnx_node(&file, "Conv", "c", "a,w,b", "c");
    onnx_node(&file, "Add", "e", "a,c", "e");
    onnx_node(&file, "Relu", "r", "e", "r");
    pool(&file, "r", "p");
    onnx_node(&file, "Conv", "d", "p,w,b", "d");
    onnx_node(&file, "Concat", "z", "p,d", "z");
    onnx_int_attribute(&file, "axis", 1);
    onnx_node(&file, "Conv", "q", "z,last", "q");
    head(&file, "q");
    return file;
}

START_TEST(a_level_is_the_last_cut_of_its_size)
{
    has_levels(network(8), NULL, "r* q");
}
END_TEST

START_TEST(the_default_is_the_coarsest_level_of_24_cells)
{
    has_levels(network(46), NULL, "r* q");
    has_levels(network(48), NULL, "r q*");
}
END_TEST

START_TEST(what_something_goes_around_is_no_cut)
{
    struct onnx_file file = volume(8);
    onnx_node(&file, "Conv", "a", "x,first", "a");
    pool(&file, "a", "p");
    onnx_node(&file, "Conv", "d", "a,w", "d"); /* its own way from 8 to 4 cells */
    onnx_ints_attribute(&file, "strides", AXES(2, 2, 2));
    onnx_node(&file, "Tanh", "t", "d", "t");
    onnx_node(&file, "Concat", "z", "p,t", "z");
    onnx_int_attribute(&file, "axis", 0);
    onnx_node(&file, "Transpose", "n", "z", "n");
    onnx_ints_attribute(&file, "perm", AXES(1, 0, 2, 3, 4));
    ramp(&file, "narrow", 1, 0, AXES(1, 2, 1, 1, 1));
    onnx_node(&file, "Conv", "o", "n,narrow", "o"); /* 2 x 1 x 4 x 4 x 4: of a batch of two, no level */
    pool(&file, "o", "s");
    onnx_node(&file, "Transpose", "m", "s", "m");
    onnx_ints_attribute(&file, "perm", AXES(1, 0, 2, 3, 4));
    head(&file, "m");
    has_levels(file, NULL, "a* m");
}
END_TEST

START_TEST(an_input_that_is_read_again_leaves_no_cut_in_between)
{
    struct onnx_file file = volume(8);
    onnx_node(&file, "Conv", "a", "x,first", "a");
    pool(&file, "a", "p");
    pool(&file, "x", "q");
    onnx_node(&file, "Mul", "m", "p,q", "m");
    pool(&file, "m", "s");
    pool(&file, "s", "one"); /* a single cell is no map */
    head(&file, "one");
    has_levels(file, NULL, "m* s");
}
END_TEST

START_TEST(sizes_stand_by_their_cells_not_by_their_order)
{
    struct onnx_file file = volume(4);
    onnx_integers(&file, "around", AXES(10), (int64_t[]){ 0, 0, 1, 1, 1, 0, 0, 1, 1, 1 });
    onnx_node(&file, "Conv", "a", "x,first", "a");
    pool(&file, "a", "p");
    onnx_node(&file, "Pad", "wide", "p,around", "wide"); /* 4 cells again: the last of that size */
    pool(&file, "wide", "q");
    onnx_node(&file, "Pad", "wider", "q,around", "wider0");
    onnx_node(&file, "Pad", "widest", "wider0,around", "wider"); /* 6 cells */
    head(&file, "wider");
    has_levels(file, NULL, "wider* wider0 q");
}
END_TEST

START_TEST(of_too_many_sizes_the_last_are_levels)
{
    struct onnx_file file = volume(40);
    onnx_integers(&file, "shave", AXES(10), (int64_t[]){ 0, 0, 0, 0, -1, 0, 0, 0, 0, 0 });
    onnx_node(&file, "Conv", "a", "x,first", "0");
    char from[16] = "0", to[16];
    for (int i = 1; i <= 20; i++) {
        char inputs[32];
        snprintf(inputs, sizeof inputs, "%s,shave", from);
        snprintf(to, sizeof to, "%d", i);
        onnx_node(&file, "Pad", to, inputs, to);
        memcpy(from, to, sizeof from);
    }
    head(&file, to);
    struct bytes bytes = onnx_finish(&file);
    struct graph graph;
    ck_assert_int_eq(find_levels(&graph, &bytes, NULL), TUMORCLASS_OK);
    ck_assert_int_eq(graph.level_count, MAX_LEVELS);
    ck_assert_str_eq(graph.values[graph.levels[0]].name, "5");
    ck_assert_str_eq(graph.values[graph.levels[MAX_LEVELS - 1]].name, "20");
    ck_assert_str_eq(graph.values[graph.fine].name, "16");
    graph_free(&graph);
    ck_assert_int_eq(find_levels(&graph, &bytes, "4"), TUMORCLASS_BAD_MODEL);
    ck_assert_ptr_nonnull(strstr(tumorclass_last_error(), "too many others"));
    bytes_free(&bytes);
}
END_TEST

START_TEST(a_network_that_pools_its_input_has_no_levels)
{
    struct onnx_file file = volume(4);
    ramp(&file, "row", 1, 1, AXES(1, 3));
    onnx_node(&file, "GlobalAveragePool", "mean", "x", "mean");
    onnx_node(&file, "Flatten", "flat", "mean", "flat");
    onnx_node(&file, "MatMul", "dense", "flat,row", "y");
    has_levels(file, NULL, "");
}
END_TEST

START_TEST(the_file_may_name_the_fine_level)
{
    has_levels(network(48), "r", "r* q");
    has_levels(network(48), "q", "r q*");
    has_levels(network(48), "a", "a* q"); /* in the place of its size's */
    has_levels(network(48), "p", "r p*");
    has_levels(network(48), "e", "e* q"); /* fusion leaves it, and its name, alone */
}
END_TEST

START_TEST(a_named_convolution_keeps_its_bias_in_front_of_a_norm)
{
    struct onnx_file file = volume(4);
    onnx_node(&file, "Conv", "a", "x,first,b", "a");
    onnx_node(&file, "InstanceNormalization", "n", "a,b,b", "n");
    head(&file, "n");
    struct bytes bytes = onnx_finish(&file);
    struct graph graph;
    ck_assert_int_eq(find_levels(&graph, &bytes, "a"), TUMORCLASS_OK);
    ck_assert_int_ne(node_that_makes(&graph, "a")->inputs[2], NO_VALUE);
    ck_assert_int_eq(graph.fine, graph_find(&graph, "a"));
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

START_TEST(a_name_that_is_no_cut_is_refused)
{
    levels_refused(network(8), "w", "tumorclass.cam.fine_layer is 'w', which is no activation of the model");
    levels_refused(network(8), "none", "tumorclass.cam.fine_layer is 'none', which is no activation of the model");
    levels_refused(network(8), "x",
                   "tumorclass.cam.fine_layer is 'x' (1 x 1 x 8 x 8 x 8), which is the network's input");
    levels_refused(network(8), "c",
                   "tumorclass.cam.fine_layer is 'c' (1 x 2 x 8 x 8 x 8), which a part of the network goes around: all "
                   "that follows must go through it");
    levels_refused(network(8), "mean",
                   "tumorclass.cam.fine_layer is 'mean' (1 x 2 x 1 x 1 x 1), which is not 1 x C x D x H x W with "
                   "several cells");
    levels_refused(network(8), "y",
                   "tumorclass.cam.fine_layer is 'y' (1 x 3), which is not 1 x C x D x H x W with several cells");
}
END_TEST

START_TEST(every_failed_allocation_is_a_failure)
{
    struct onnx_file file = network(8);
    struct bytes bytes = onnx_finish(&file);
    struct graph graph;
    const struct graph_options options = plain_options();
    ck_assert_int_eq(build_bytes(&graph, &bytes, &options), TUMORCLASS_OK);
    ck_assert_int_eq(graph_fuse(&graph), TUMORCLASS_OK);
    const int64_t blocks = memory_blocks_in_use();
    for (int64_t nth = 1; nth <= 2; nth++) {
        memory_fail_at(nth);
        ck_assert_int_eq(graph_find_levels(&graph), TUMORCLASS_OUT_OF_MEMORY);
        memory_fail_at(0);
        ck_assert_int_eq(memory_blocks_in_use(), blocks);
    }
    ck_assert_int_eq(graph_find_levels(&graph), TUMORCLASS_OK);
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

START_TEST(the_public_interface_tells_the_levels)
{
    struct onnx_file file = network(48);
    onnx_property(&file, "tumorclass.cam.fine_layer", "r");
    struct bytes bytes = onnx_finish(&file);
    tumorclass_model *model;
    int64_t shape[3] = { -1, -1, -1 };
    ck_assert_int_eq(tumorclass_model_load_memory(&model, bytes.data, bytes.size, NULL), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_model_level_count(model), 2);
    ck_assert_int_eq(tumorclass_model_default_level(model), 1);
    tumorclass_model_level_shape(model, 2, shape);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(shape[i], 24);
    for (int32_t level = 0; level <= 3; level += 3) {
        tumorclass_model_level_shape(model, level, shape);
        for (int i = 0; i < 3; i++) ck_assert_int_eq(shape[i], 0);
    }
    size_t count;
    const tumorclass_property *facts = tumorclass_model_facts(model, &count);
    while (count && strcmp(facts->key, "attention levels")) facts++, count--;
    ck_assert_uint_ne(count, 0);
    ck_assert_str_eq(facts->value, "48 x 48 x 48 (default), 24 x 24 x 24");
    tumorclass_model_free(model);
    bytes_free(&bytes);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("levels");
    tcase_add_test(cases, a_level_is_the_last_cut_of_its_size);
    tcase_add_test(cases, the_default_is_the_coarsest_level_of_24_cells);
    tcase_add_test(cases, what_something_goes_around_is_no_cut);
    tcase_add_test(cases, an_input_that_is_read_again_leaves_no_cut_in_between);
    tcase_add_test(cases, sizes_stand_by_their_cells_not_by_their_order);
    tcase_add_test(cases, of_too_many_sizes_the_last_are_levels);
    tcase_add_test(cases, a_network_that_pools_its_input_has_no_levels);
    tcase_add_test(cases, the_file_may_name_the_fine_level);
    tcase_add_test(cases, a_named_convolution_keeps_its_bias_in_front_of_a_norm);
    tcase_add_test(cases, a_name_that_is_no_cut_is_refused);
    tcase_add_test(cases, every_failed_allocation_is_a_failure);
    tcase_add_test(cases, the_public_interface_tells_the_levels);
    Suite *suite = suite_create("levels");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
