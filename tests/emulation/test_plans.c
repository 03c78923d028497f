/* The real cuDNN plans every convolution of four networks for devices that are described to it, and not there: nothing
 * runs. Half precision must get engines with tensor cores that are compiled already. */
#include "support.h"
#include <string.h>
#include "build_graph.h"
#include "convolution_node.h"
#include "model/model.h"

enum { DEVICES = 8, WORKSPACE = 256 << 20 };
static const char *const devices[DEVICES] = { "t4", "a100", "rtx3090", "rtx4090", "l4", "h100", "b200", "rtx5090" };
static const char *const storages[GPU_STORAGES] = { "float", "half", "bfloat16" };

/* The device's JSON; NULL: the test data are not there. */
static char *read_device(int device)
{
    char name[64], *text = NULL;
    snprintf(name, sizeof name, "cudnn-devices/%s.json", devices[device]);
    const char *const path = test_data(name);
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (!file) return NULL;
    text = calloc(1, 1 << 16);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_gt(fread(text, 1, (1 << 16) - 1, file), 0);
    fclose(file);
    return text;
}

/* Turing has no bfloat16. */
static bool expects_none(int device, gpu_storage storage)
{
    return storage == GPU_BFLOAT16 && !strcmp(devices[device], "t4");
}

/* Few channels with stride 2, or one filter: such have none on these devices (cuDNN 9.19), and read more than they
 * multiply. */
static bool needs_tensor_cores(int device, const struct convolution *c)
{
    const bool narrow = c->channels <= 2 && c->stride[0] > 1;
    if (!strcmp(devices[device], "rtx3090")) return !narrow && c->filters > 1;
    return strcmp(devices[device], "rtx5090") != 0 || !narrow || c->filters > 16;
}

static void check_plan(const struct convolution *c, const char *json, int device, int node)
{
    const struct convolution_target target = { .device = json, .workspace = WORKSPACE };
    struct convolution_plan plan;
    const cudnnStatus_t status = convolution_plan_create(&plan, c, &target);
    const char *const where = devices[device], *const storage = storages[c->storage];
    if (expects_none(device, c->storage)) {
        ck_assert_msg(status == CUDNN_STATUS_NOT_SUPPORTED && plan.offered == 0, "%s, %s, node %d: status %d", where,
                      storage, node, (int)status);
        convolution_plan_free(&plan);
        return;
    }
    ck_assert_msg(status == CUDNN_STATUS_SUCCESS, "%s, %s, node %d%s: status %d, %lld offered", where, storage, node,
                  c->back ? ", back" : "", (int)status, (long long)plan.offered);
    ck_assert_int_le(plan.workspace, WORKSPACE);
    if (c->storage == GPU_FLOAT) ck_assert(!plan.tensor_core);
    if (c->storage == GPU_HALF)
        ck_assert_msg(plan.tensor_core || !needs_tensor_cores(device, c),
                      "%s, half, node %d%s: engine %lld has no tensor cores", where, node, c->back ? ", back" : "",
                      (long long)plan.engine);
    convolution_plan_free(&plan);
}

/* Returns how many plans were made. */
static int check_graph(const struct graph *graph, const char *json, int device)
{
    int count = 0;
    for (int32_t i = 0; i < graph->node_count; i++) {
        if (graph->nodes[i].operation != OPERATION_CONV) continue;
        for (int storage = 0; storage < GPU_STORAGES; storage++) {
            struct convolution c = convolution_of(graph, &graph->nodes[i], (gpu_storage)storage);
            if (storage != GPU_FLOAT && graph->nodes[i].inputs[0] == graph->input) c.channels *= 2; /* see forms.c */
            check_plan(&c, json, device, i);
            count++;
        }
    }
    return count;
}

START_TEST(the_reference_network_has_plans)
{
    char *const json = read_device(_i);
    ck_assert_ptr_nonnull(json);
    struct graph graph = build_reference_network(16, (const int64_t[3]){ 128, 128, 128 }, 1);
    ck_assert_int_ge(check_graph(&graph, json, _i), 15 * GPU_STORAGES);
    graph_free(&graph);
    free(json);
}
END_TEST

START_TEST(the_model_that_ships_has_plans)
{
    char *const json = read_device(_i);
    tumorclass_model *model;
    ck_assert_ptr_nonnull(json);
    must(tumorclass_model_load(&model, SHIPPED_MODEL, NULL));
    ck_assert_int_gt(check_graph(&model->graph, json, _i), 0);
    tumorclass_model_free(model);
    free(json);
}
END_TEST

/* A cube's, in every storage; returns how many plans were made. */
static int check_layer(int64_t channels, int64_t filters, int64_t kernel, int64_t stride, int64_t extent, bool behind,
                       const char *json, int device)
{
    struct convolution c = { .n = 1, .channels = channels, .filters = filters, .groups = 1 };
    c.bias = c.relu = behind;
    for (int axis = 0; axis < 3; axis++) {
        c.src[axis] = extent;
        c.dst[axis] = (extent - 1) / stride + 1;
        c.kernel[axis] = kernel;
        c.stride[axis] = stride;
        c.dilation[axis] = 1;
        c.pad_before[axis] = c.pad_after[axis] = kernel / 2;
    }
    for (int storage = 0; storage < GPU_STORAGES; storage++) {
        c.storage = (gpu_storage)storage;
        c.channels = channels == 1 && storage != GPU_FLOAT ? 2 : channels;
        check_plan(&c, json, device, (int)extent);
    }
    return GPU_STORAGES;
}

/* The 3D ResNet-18 of MONAI with strides of 2 from its stem on: 20 convolutions. */
START_TEST(resnet_18_has_plans)
{
    char *const json = read_device(_i);
    ck_assert_ptr_nonnull(json);
    int64_t extent = 64;
    int made = check_layer(1, 64, 7, 2, 128, true, json, _i);
    for (int64_t channels = 64; channels <= 512; channels *= 2, extent /= 2) {
        const int64_t before = channels == 64 ? 64 : channels / 2, stride = channels == 64 ? 1 : 2,
                      from = extent * stride;
        made += check_layer(before, channels, 3, stride, from, true, json, _i);
        if (stride > 1) made += check_layer(before, channels, 1, stride, from, false, json, _i);
        for (int i = 0; i < 3; i++) made += check_layer(channels, channels, 3, 1, extent, true, json, _i);
    }
    ck_assert_int_eq(made, 20 * GPU_STORAGES);
    free(json);
}
END_TEST

/* DenseNet-121, growth 32: pairs of 1 and 3 taps in blocks of 6, 12, 24 and 16, half the channels between. The first, the
 * middle and the last pair of a block: the others lie between them. */
START_TEST(densenet_121_has_plans)
{
    static const int pairs[] = { 6, 12, 24, 16 };
    char *const json = read_device(_i);
    ck_assert_ptr_nonnull(json);
    int64_t channels = 64, extent = 32;
    int made = check_layer(1, 64, 7, 2, 128, true, json, _i);
    for (int block = 0; block < 4; block++, extent /= 2) {
        for (int pair = 0; pair < pairs[block]; pair++, channels += 32) {
            if (pair && pair != pairs[block] / 2 && pair + 1 < pairs[block]) continue;
            made += check_layer(channels, 128, 1, 1, extent, true, json, _i);
            made += check_layer(128, 32, 3, 1, extent, false, json, _i);
        }
        if (block < 3) made += check_layer(channels, channels / 2, 1, 1, extent, false, json, _i);
        channels = block < 3 ? channels / 2 : channels;
    }
    ck_assert_int_eq(channels, 1024);
    ck_assert_int_eq(made, 28 * GPU_STORAGES);
    free(json);
}
END_TEST

/* What is behind a convolution and the gradient by x, of an ordinary one; and what cannot be. */
START_TEST(epilogues_and_gradients_have_plans)
{
    char *const json = read_device(_i);
    ck_assert_ptr_nonnull(json);
    struct convolution c = { 1,           32,          64,          1,           { 48, 48, 48 }, { 24, 24, 24 },
                             { 3, 3, 3 }, { 2, 2, 2 }, { 1, 1, 1 }, { 1, 1, 1 }, { 0, 0, 0 },    GPU_HALF,
                             false,       false,       false,       false };
    for (int behind = 0; behind < 5; behind++) { /* the bias is there wherever something is */
        c.bias = behind > 0;
        c.relu = behind == 2 || behind == 4;
        c.residual = behind > 2;
        check_plan(&c, json, _i, -1);
    }
    c.bias = c.relu = c.residual = false;
    c.back = true;
    for (int storage = 0; storage < GPU_STORAGES; storage++) {
        c.storage = (gpu_storage)storage;
        check_plan(&c, json, _i, -1);
    }
    c.storage = GPU_HALF;
    const struct convolution_target target = { .device = json, .workspace = WORKSPACE };
    struct convolution_plan plan;
    c.back = false;
    c.dst[0]++;
    ck_assert_int_eq(convolution_plan_create(&plan, &c, &target), CUDNN_STATUS_BAD_PARAM);
    convolution_plan_free(&plan);
    free(json);
}
END_TEST

START_TEST(a_device_that_is_none_is_refused)
{
    const struct convolution c = { 1,           32,          64,          1,           { 8, 8, 8 }, { 8, 8, 8 },
                                   { 3, 3, 3 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 }, GPU_HALF,
                                   false,       false,       false,       false };
    const struct convolution_target target = { .device = "{}", .workspace = WORKSPACE };
    struct convolution_plan plan;
    ck_assert_int_eq(convolution_plan_create(&plan, &c, &target), CUDNN_STATUS_BAD_PARAM);
    convolution_plan_free(&plan);
}
END_TEST

int main(void)
{
    if (!test_data("cudnn-devices")) return SKIPPED;
    Suite *suite = suite_create("plans of the real cuDNN without a device: nothing runs");
    TCase *tcase = tcase_create("plans");
    tcase_add_loop_test(tcase, the_reference_network_has_plans, 0, DEVICES);
    tcase_add_loop_test(tcase, the_model_that_ships_has_plans, 0, DEVICES);
    tcase_add_loop_test(tcase, resnet_18_has_plans, 0, DEVICES);
    tcase_add_loop_test(tcase, densenet_121_has_plans, 0, DEVICES);
    tcase_add_loop_test(tcase, epilogues_and_gradients_have_plans, 0, DEVICES);
    tcase_add_test(tcase, a_device_that_is_none_is_refused);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
