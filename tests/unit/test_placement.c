/* Where cells lie over the input: kernels, strides, pads and pools move them; what does not is passed by. */
#include "graph_of.h"

static struct onnx_file volume(void)
{
    struct onnx_file file = file_with(13, AXES(1, 1, 16, 16, 16));
    ramp(&file, "three", 1, 0, AXES(1, 1, 3, 3, 3));
    ramp(&file, "one", 1, 0, AXES(1, 1, 1, 1, 1));
    ramp(&file, "two", 1, 0, AXES(1, 1, 2, 2, 2));
    return file;
}

static void conv(struct onnx_file *file, const char *x, const char *weight, const char *y, int64_t stride, int64_t pad)
{
    char inputs[64];
    snprintf(inputs, sizeof inputs, "%s,%s", x, weight);
    onnx_node(file, "Conv", y, inputs, y);
    onnx_ints_attribute(file, "strides", AXES(stride, stride, stride));
    onnx_ints_attribute(file, "pads", AXES(pad, pad, pad, pad, pad, pad));
}

static void pool(struct onnx_file *file, const char *x, const char *y, int64_t kernel, int64_t stride)
{
    onnx_node(file, "AveragePool", y, x, y);
    onnx_ints_attribute(file, "kernel_shape", AXES(kernel, kernel, kernel));
    onnx_ints_attribute(file, "strides", AXES(stride, stride, stride));
}

/* The placement of y along all three axes. */
static void lies(struct onnx_file file, double first, double step)
{
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    ck_assert_int_eq(graph_fuse(&graph), TUMORCLASS_OK);
    const struct placement placement = graph_place(&graph, graph_find(&graph, "y"));
    for (int axis = 0; axis < 3; axis++) {
        ck_assert_double_eq(placement.first[axis], first);
        ck_assert_double_eq(placement.step[axis], step);
    }
    graph_free(&graph);
    bytes_free(&bytes);
}

START_TEST(padded_strided_convolutions_keep_their_first_cell_over_the_first_voxel)
{
    struct onnx_file file = volume();
    conv(&file, "x", "three", "a", 1, 1);
    conv(&file, "a", "three", "b", 2, 1);
    conv(&file, "b", "three", "y", 2, 1);
    lies(file, 0, 4);
}
END_TEST

START_TEST(pools_tile)
{
    struct onnx_file file = volume();
    pool(&file, "x", "a", 2, 2);
    pool(&file, "a", "y", 2, 2);
    lies(file, 1.5, 4);
}
END_TEST

START_TEST(each_stage_is_placed_over_the_one_before)
{
    struct onnx_file file = volume();
    conv(&file, "x", "three", "a", 2, 1); /* 0, 2 */
    pool(&file, "a", "b", 2, 2);          /* 1, 4 */
    conv(&file, "b", "three", "y", 1, 0); /* one cell in: 5, 4 */
    lies(file, 5, 4);
}
END_TEST

START_TEST(a_dilated_kernel_is_as_wide_as_its_taps)
{
    struct onnx_file file = volume();
    onnx_node(&file, "Conv", "y", "x,two", "y");
    onnx_ints_attribute(&file, "dilations", AXES(3, 3, 3));
    lies(file, 1.5, 1);
}
END_TEST

START_TEST(padding_of_its_own_counts)
{
    struct onnx_file file = volume();
    onnx_integers(&file, "pads", AXES(10), (int64_t[]){ 0, 0, 2, 2, 2, 0, 0, 1, 1, 1 });
    onnx_node(&file, "Pad", "a", "x,pads", "a");
    pool(&file, "a", "y", 3, 1);
    lies(file, -1, 1);
}
END_TEST

START_TEST(gates_and_shortcuts_are_passed_by)
{
    struct onnx_file file = volume();
    conv(&file, "x", "three", "a", 2, 1);
    conv(&file, "x", "one", "s", 2, 0);
    onnx_node(&file, "Add", "r", "s,a", "r");
    onnx_node(&file, "GlobalAveragePool", "m", "r", "m");
    onnx_node(&file, "Sigmoid", "g", "m", "g");
    onnx_node(&file, "Mul", "n", "g,r", "n");
    onnx_node(&file, "Concat", "c", "n,a", "c");
    onnx_int_attribute(&file, "axis", 1);
    onnx_node(&file, "Tanh", "y", "c", "y");
    lies(file, 0, 2);
}
END_TEST

START_TEST(where_cells_are_moved_about_they_are_taken_to_tile)
{
    struct onnx_file file = volume();
    conv(&file, "x", "three", "a", 2, 1);
    onnx_node(&file, "Transpose", "y", "a", "y");
    onnx_ints_attribute(&file, "perm", AXES(0, 1, 4, 3, 2));
    lies(file, 0.5, 2);
}
END_TEST

START_TEST(the_input_lies_on_itself)
{
    struct onnx_file file = volume();
    onnx_node(&file, "Tanh", "y", "x", "y");
    lies(file, 0, 1);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("placement");
    tcase_add_test(cases, padded_strided_convolutions_keep_their_first_cell_over_the_first_voxel);
    tcase_add_test(cases, pools_tile);
    tcase_add_test(cases, each_stage_is_placed_over_the_one_before);
    tcase_add_test(cases, a_dilated_kernel_is_as_wide_as_its_taps);
    tcase_add_test(cases, padding_of_its_own_counts);
    tcase_add_test(cases, gates_and_shortcuts_are_passed_by);
    tcase_add_test(cases, where_cells_are_moved_about_they_are_taken_to_tile);
    tcase_add_test(cases, the_input_lies_on_itself);
    Suite *suite = suite_create("placement");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
