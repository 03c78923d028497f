/* The CUDA kernels against the oracle, by CPU emulation of their source: every storage, channels that divide into vectors
 * and channels that do not, planes of one position to many blocks; and the same bits in any order of threads. */
#include "support.h"
#include "cases.h"
#include "device.h"
#include "emulation_order.h"
#include "oracle.h"

struct trial {
    struct graph graph; /* one node; its input and residual hold only values that the storage has */
    float *input;
    gpu_storage storage;
    uint64_t seed;
};

static void *allocated(int64_t count, size_t size)
{
    void *block = calloc((size_t)count, size);
    ck_assert_ptr_nonnull(block);
    return block;
}

static void round_to_storage(float *x, int64_t count, gpu_storage storage)
{
    float one;
    for (int64_t i = 0; i < count; i++) {
        store(&one, 0, x[i], storage);
        x[i] = loaded(&one, 0, storage);
    }
}

static struct shape plane_shape(int64_t n, int64_t channels, int64_t positions)
{
    return SHAPE(n, channels, 1, 1, positions);
}

/* offset: of the input's mean, in its deviations. */
static struct trial norm_trial(struct shape shape, gpu_storage storage, float offset, uint64_t seed)
{
    struct trial t = { .storage = storage, .seed = seed };
    random_input(&t.graph, shape);
    struct node node = node_of(OPERATION_INSTANCE_NORM);
    const int32_t scale = build_constant(&t.graph, SHAPE(shape.extent[1]), &seed, 0.5f, 1.5f);
    const int32_t shift = build_constant(&t.graph, SHAPE(shape.extent[1]), &seed, -1, 1);
    node.norm.epsilon = 1e-5f;
    random_epilogue(&t.graph, &node, shape, &seed);
    build_node(&t.graph, node, INPUTS(t.graph.input, scale, shift), shape);
    if (node.residual != NO_VALUE) round_to_storage(t.graph.values[node.residual].owned, shape_count(&shape), storage);
    const int64_t count = shape_count(&shape);
    t.input = allocated(count, sizeof *t.input);
    for (int64_t i = 0; i < count; i++) t.input[i] = random_float(&seed, -2, 2) + offset;
    round_to_storage(t.input, count, storage);
    return t;
}

static void trial_free(struct trial *t)
{
    free(t->input);
    graph_free(&t->graph);
}

static double *expected_of(const struct trial *t, double *largest)
{
    const struct graph *graph = &t->graph;
    const int64_t count = shape_count(&graph->values[graph->output].shape);
    double **values = allocated(graph->value_count, sizeof *values), *dst = allocated(count, sizeof *dst);
    for (int32_t v = 0; v < graph->value_count; v++) {
        const float *src = v == graph->input ? t->input : graph->values[v].constant;
        const int64_t size = shape_count(&graph->values[v].shape);
        if (!src) continue;
        values[v] = allocated(size, sizeof **values);
        for (int64_t i = 0; i < size; i++) values[v][i] = src[i];
    }
    oracle_node(dst, largest, graph, &graph->nodes[0], values);
    for (int32_t v = 0; v < graph->value_count; v++) free(values[v]);
    free(values);
    return dst;
}

static gpu_epilogue epilogue_of(const struct trial *t, const void *residual)
{
    const struct node *node = &t->graph.nodes[0];
    const struct value *slope = node->slope == NO_VALUE ? NULL : &t->graph.values[node->slope];
    return (gpu_epilogue){ .residual = residual,
                           .slope = slope ? slope->constant : NULL,
                           .slopes = slope ? (int32_t)shape_count(&slope->shape) : 0,
                           .activation = (gpu_activation)node->activation,
                           .alpha = node->alpha,
                           .beta = node->beta };
}

static void run_norm(float *dst, const struct trial *t)
{
    const struct graph *graph = &t->graph;
    const struct node *node = &graph->nodes[0];
    const gpu_tensor tensor = tensor_of(&graph->values[graph->output].shape, t->storage);
    const size_t size = gpu_instance_norm_workspace(&tensor);
    void *const src = to_device(t->input, &tensor), *const out = device_tensor(&tensor),
                *const workspace = malloc(size);
    void *const residual = node->residual == NO_VALUE ? NULL
                                                      : to_device(graph->values[node->residual].constant, &tensor);
    ck_assert(src && out && workspace);
    memset(workspace, 0xff, size);
    const gpu_epilogue epilogue = epilogue_of(t, residual);
    const cudaError_t status = gpu_instance_norm(out, src, graph->values[node->inputs[1]].constant,
                                                 graph->values[node->inputs[2]].constant, node->norm.epsilon, &tensor,
                                                 &epilogue, workspace, NULL);
    ck_assert_int_eq(status, cudaSuccess);
    from_device(dst, out, &tensor);
    free(src);
    free(out);
    free(workspace);
    free(residual);
}

/* Half an ulp of the storage for the result, and rounding errors of the float that was computed in. */
static void check_near(const struct trial *t, const float *got, const double *wanted, double largest, double of_largest)
{
    static const double ulp[GPU_STORAGES] = { 0x1p-22, 0x1p-11, 0x1p-8 };
    const int64_t count = shape_count(&t->graph.values[t->graph.output].shape);
    for (int64_t i = 0; i < count; i++) {
        const double allowed = ulp[t->storage] * fabs(wanted[i]) + of_largest * largest;
        ck_assert_msg(fabs(got[i] - wanted[i]) <= allowed,
                      "%s, seed %llu: element %lld is %.9g, not %.9g (allowed %.3g)", storage_names[t->storage],
                      (unsigned long long)t->seed, (long long)i, (double)got[i], wanted[i], allowed);
    }
}

static void check_orders(const struct trial *t, const float *first)
{
    const int64_t count = shape_count(&t->graph.values[t->graph.output].shape);
    float *const again = allocated(count, sizeof *again);
    for (int order = EMULATION_REVERSE; order < EMULATION_ORDERS; order++) {
        emulation_set_order((emulation_order)order, (uint32_t)t->seed);
        run_norm(again, t);
        ck_assert_msg(!memcmp(first, again, (size_t)count * sizeof *first), "%s, seed %llu: other bits in order %d",
                      storage_names[t->storage], (unsigned long long)t->seed, order);
    }
    free(again);
}

static void check_norm(struct trial t, double of_largest)
{
    double largest = 0;
    double *const wanted = expected_of(&t, &largest);
    float *const got = allocated(shape_count(&t.graph.values[t.graph.output].shape), sizeof *got);
    emulation_set_order(EMULATION_FORWARD, 0);
    run_norm(got, &t);
    check_near(&t, got, wanted, largest, of_largest);
    check_orders(&t, got);
    free(got);
    free(wanted);
    trial_free(&t);
}

START_TEST(instance_norm_is_the_oracles)
{
    static const int64_t channels[] = { 1, 3, 4, 8, 13, 16, 24, 40, 264 }, positions[] = { 1, 5, 63, 1000, 9000 };
    uint64_t seed = 1;
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
        for (size_t p = 0; p < sizeof positions / sizeof *positions; p++, seed++)
            if (channels[c] * positions[p] < 200000)
                check_norm(
                    norm_trial(plane_shape(1 + (int64_t)seed % 2, channels[c], positions[p]), (gpu_storage)_i, 0, seed),
                    2e-6);
}
END_TEST

/* A mean a thousand deviations from zero: float rounds the input's own distance from it by 2^-24 of that mean. */
START_TEST(instance_norm_stands_a_large_mean)
{
    check_norm(norm_trial(plane_shape(1, 4, 5000), GPU_FLOAT, 1000, 77), 2e-4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("CUDA kernels, by CPU emulation of their source");
    TCase *tcase = tcase_create("kernels");
    tcase_add_loop_test(tcase, instance_norm_is_the_oracles, 0, GPU_STORAGES);
    tcase_add_test(tcase, instance_norm_stands_a_large_mean);
    tcase_set_timeout(tcase, 600);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
