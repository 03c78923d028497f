/* The CUDA backend's operations against the oracle, by CPU emulation of their source: the random cases that the CPU's are
 * held to, in every storage, and the same bits in any order of threads. */
#include "support.h"
#include "cases.h"
#include "device.h"
#include "emulation_order.h"
#include "oracle.h"
#include "weights.h"

struct trial {
    const char *name;
    struct graph graph; /* one node; its tensors hold only values that the storage has */
    float *input;
    gpu_storage storage;
    uint64_t seed;
    struct tolerance tolerance;
};

static void *allocated(int64_t count, size_t size)
{
    void *block = calloc((size_t)(count > 0 ? count : 1), size);
    ck_assert_ptr_nonnull(block);
    return block;
}

static int64_t count_of(const struct trial *t, int32_t value)
{
    return shape_count(&t->graph.values[value].shape);
}

/* offset: added to the input. */
static void prepare(struct trial *t, float offset)
{
    uint64_t seed = ~t->seed;
    t->input = allocated(count_of(t, t->graph.input), sizeof *t->input);
    for (int64_t i = 0; i < count_of(t, t->graph.input); i++)
        t->input[i] = rounded_to(random_float(&seed, -2, 2) + offset, t->storage);
    for (int32_t v = 0; v < t->graph.value_count; v++) {
        float *const constant = step_reads_wide(&t->graph.nodes[0], v) ? NULL : t->graph.values[v].owned;
        for (int64_t i = 0; constant && i < count_of(t, v); i++) constant[i] = rounded_to(constant[i], t->storage);
    }
}

static double *expected_of(const struct trial *t, double *largest)
{
    const struct graph *graph = &t->graph;
    double **values = allocated(graph->value_count, sizeof *values);
    double *const dst = allocated(count_of(t, graph->output), sizeof *dst);
    for (int32_t v = 0; v < graph->value_count; v++) {
        const float *src = v == graph->input ? t->input : graph->values[v].constant;
        if (!src) continue;
        values[v] = allocated(count_of(t, v), sizeof **values);
        for (int64_t i = 0; i < count_of(t, v); i++) values[v][i] = src[i];
    }
    oracle_node(dst, largest, graph, &graph->nodes[0], values);
    for (int32_t v = 0; v < graph->value_count; v++) free(values[v]);
    free(values);
    return dst;
}

/* Half an ulp of the storage for the result, beside what float32 loses on the way. */
static void check_near(const struct trial *t, const float *got, const double *wanted, double largest)
{
    static const double half_ulp[GPU_STORAGES] = { 0, 0x1p-11, 0x1p-8 }, least[GPU_STORAGES] = { 0, 0x1p-25, 0 };
    for (int64_t i = 0; i < count_of(t, t->graph.output); i++) {
        const double value = rounded_to((float)wanted[i], t->storage); /* overflows as the storage does */
        if (got[i] == value || (isnan(got[i]) && isnan(value))) continue;
        const double allowed = (t->tolerance.relative + half_ulp[t->storage]) * fabs(wanted[i]) + least[t->storage] +
                               t->tolerance.of_largest * largest;
        ck_assert_msg(fabs(got[i] - wanted[i]) <= allowed,
                      "%s, %s, seed %llu: element %lld is %.9g, not %.9g (allowed error %.3g)", t->name,
                      storage_names[t->storage], (unsigned long long)t->seed, (long long)i, (double)got[i], wanted[i],
                      allowed);
    }
}

static void check_trial(struct trial *t)
{
    const int64_t count = count_of(t, t->graph.output);
    double largest = 0;
    double *const wanted = expected_of(t, &largest);
    float *const first = allocated(count, sizeof *first), *const again = allocated(count, sizeof *again);
    for (int order = 0; order < EMULATION_ORDERS; order++) {
        emulation_set_order((emulation_order)order, (uint32_t)t->seed);
        const cudaError_t status = run_on_device(order ? again : first, &t->graph, t->input, t->storage);
        ck_assert_msg(status == cudaSuccess, "%s, seed %llu: CUDA error %d", t->name, (unsigned long long)t->seed,
                      (int)status);
        ck_assert_msg(!order || !memcmp(first, again, (size_t)count * sizeof *first),
                      "%s, %s, seed %llu: other bits in order %d", t->name, storage_names[t->storage],
                      (unsigned long long)t->seed, order);
    }
    check_near(t, first, wanted, largest);
    free(first);
    free(again);
    free(wanted);
    free(t->input);
    graph_free(&t->graph);
}

/* Moments are sums of float32 here, of double in the CPU's. */
static struct tolerance tolerance_of(const struct operation_case *subject, operation kind)
{
    const bool moments = kind == OPERATION_INSTANCE_NORM || kind == OPERATION_INSTANCE_NORM_BACK;
    return moments ? (struct tolerance){ 2e-6, 2e-6 } : subject->tolerance;
}

START_TEST(operation_agrees_with_the_oracle)
{
    const struct operation_case *subject = &operation_cases[_i];
    int32_t run = 0;
    for (int32_t i = 0; i < subject->count; i++) {
        struct trial t = { .name = subject->name, .seed = (uint64_t)i, .storage = (gpu_storage)(i % GPU_STORAGES) };
        uint64_t seed = (uint64_t)i;
        subject->build(&t.graph, &seed);
        if (!gpu_operations[t.graph.nodes[0].operation].run) {
            graph_free(&t.graph);
            continue;
        }
        t.tolerance = tolerance_of(subject, t.graph.nodes[0].operation);
        prepare(&t, 0);
        check_trial(&t);
        run++;
    }
    ck_assert_msg(run || strstr(subject->name, "conv"), "not in the CUDA backend: %s",
                  subject->name); /* those are cuDNN's */
}
END_TEST

/* A norm of either kind, or its gradient. */
static void check_norm(operation kind, struct shape shape, gpu_storage storage, float offset,
                       struct tolerance tolerance, uint64_t seed)
{
    struct trial t = { .name = "planes", .seed = seed, .storage = storage, .tolerance = tolerance };
    const bool back = kind == OPERATION_INSTANCE_NORM_BACK;
    struct node node = node_of(back ? OPERATION_INSTANCE_NORM : kind);
    random_input(&t.graph, shape);
    const int32_t scale = build_constant(&t.graph, SHAPE(shape.extent[1]), &seed, 0.5f, 1.5f);
    const int32_t shift = build_constant(&t.graph, SHAPE(shape.extent[1]), &seed, -1, 1);
    node.norm.epsilon = 1e-5f;
    if (!back) random_epilogue(&t.graph, &node, shape, &seed);
    build_node(&t.graph, node, INPUTS(t.graph.input, scale, shift), shape);
    if (back) turn_back(&t.graph, &seed, kind);
    prepare(&t, offset);
    check_trial(&t);
}

/* Channels that divide into vectors and channels that do not; planes of one position to many blocks. */
START_TEST(norms_take_planes_of_all_sizes)
{
    static const int64_t channels[] = { 1, 3, 4, 8, 13, 16, 24, 40, 264 }, positions[] = { 1, 5, 63, 1000, 9000 };
    static const operation kinds[] = { OPERATION_INSTANCE_NORM, OPERATION_INSTANCE_NORM_BACK, OPERATION_SCALE_SHIFT };
    uint64_t seed = 1;
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
        for (size_t p = 0; p < sizeof positions / sizeof *positions; p++, seed++)
            if (channels[c] * positions[p] < 150000)
                check_norm(kinds[_i], SHAPE(1 + (int64_t)seed % 2, channels[c], 1, 1, positions[p]),
                           (gpu_storage)(seed / 2 % GPU_STORAGES), 0, (struct tolerance){ 2e-6, 4e-6 }, seed);
}
END_TEST

/* Windows over vectors of channels, and their gradients over single ones. */
START_TEST(pools_take_vectors)
{
    static const int64_t channels[] = { 4, 8, 24 };
    uint64_t seed = 1;
    for (int i = 0; i < 36; i++, seed++) {
        const int64_t c = channels[i / 2 % 3];
        struct trial t = { .name = "pools", .seed = seed, .storage = (gpu_storage)(i / 6 % GPU_STORAGES) };
        struct node node = node_of(OPERATION_POOL);
        node.pool.window = build_window(3, 2, 1);
        node.pool.kind = i % 2 ? POOL_MAX : POOL_AVERAGE;
        node.pool.count_padding = i % 4 == 0;
        random_input(&t.graph, SHAPE(2, c, 4, 5, 7));
        build_node(&t.graph, node, INPUTS(t.graph.input), SHAPE(2, c, 2, 3, 4));
        if (i >= 18) turn_back(&t.graph, &seed, OPERATION_POOL_BACK);
        t.tolerance = (struct tolerance){ 4e-7, 4e-7 };
        prepare(&t, 0);
        check_trial(&t);
    }
}
END_TEST

/* What an activation does not let through, it does not let through if it is infinite either. */
START_TEST(a_blocked_gradient_is_zero)
{
    struct graph graph = graph_empty();
    const float g[] = { INFINITY, INFINITY }, x[] = { -1, 1 };
    float dst[2];
    graph.input = build_value(&graph, SHAPE(1, 1, 1, 1, 2));
    uint64_t seed = 1;
    const int32_t at = build_constant(&graph, SHAPE(1, 1, 1, 1, 2), &seed, 0, 1);
    memcpy(graph.values[at].owned, x, sizeof x);
    struct node node = node_of(OPERATION_ACTIVATION_BACK);
    node.activation = ACTIVATION_RELU;
    build_node(&graph, node, INPUTS(graph.input, at), SHAPE(1, 1, 1, 1, 2));
    ck_assert_int_eq(run_on_device(dst, &graph, g, GPU_HALF), cudaSuccess);
    ck_assert(dst[0] == 0 && dst[1] == INFINITY);
    graph_free(&graph);
}
END_TEST

/* A mean of a thousand deviations: float32 has the input itself to 2^-24 of it. */
START_TEST(instance_norm_stands_a_large_mean)
{
    check_norm(OPERATION_INSTANCE_NORM, SHAPE(1, 4, 1, 1, 5000), GPU_FLOAT, 1000, (struct tolerance){ 2e-6, 2e-4 }, 77);
}
END_TEST

/* In, and out again: what the storage has of each number; the rest is what it has of what was lost. */
START_TEST(conversions_go_there_and_back)
{
    const gpu_storage storage = (gpu_storage)_i;
    const struct shape shape = SHAPE(2, 3, 5, 4, 7);
    const int64_t count = shape_count(&shape);
    float *const src = allocated(count, sizeof *src), *const dst = allocated(count, sizeof *dst);
    uint64_t seed = 5;
    gpu_loop in, out;
    for (int64_t i = 0; i < count; i++) src[i] = random_float(&seed, -2, 2);
    loop_of_layout(&in, &shape, true);
    loop_of_layout(&out, &shape, false);
    for (int turn = 0; turn < 2 * EMULATION_ORDERS; turn++) {
        const bool rest = turn % 2;
        void *const tensor = device_tensor(&shape, storage);
        emulation_set_order((emulation_order)(turn / 2), 1);
        ck_assert_int_eq(gpu_narrow(tensor, src, &in, rest, storage, NULL), cudaSuccess);
        ck_assert_int_eq(gpu_widen(dst, tensor, &out, storage, NULL), cudaSuccess);
        for (int64_t i = 0; i < count; i++) {
            const float kept = rounded_to(src[i], storage), wanted = rest ? rounded_to(src[i] - kept, storage) : kept;
            ck_assert_msg(dst[i] == wanted && loaded(tensor, device_index(&shape, i), storage) == wanted,
                          "%s, element %lld", storage_names[storage], (long long)i);
        }
        free(tensor);
    }
    free(src);
    free(dst);
}
END_TEST

/* Each weight within a step of its own, and the taps of a channel together within half a step of the last one's. */
START_TEST(rounded_weights_add_up)
{
    const gpu_storage storage = _i ? GPU_BFLOAT16 : GPU_HALF;
    const double step = _i ? 0x1p-7 : 0x1p-10; /* of the largest, of numbers from 1 to 2 */
    const struct shape shape = SHAPE(3, 4, 3, 3, 3);
    float src[12 * 27], dst[12 * 27];
    uint64_t seed = 9;
    for (int i = 0; i < 12 * 27; i++) src[i] = i % 27 == 26 ? 1e-7f : random_float(&seed, -2, 2);
    weights_round(dst, src, &shape, storage);
    for (int row = 0; row < 12; row++) {
        double wanted = 0, sum = 0;
        for (int tap = 0; tap < 27; tap++) {
            const int i = 27 * row + tap;
            ck_assert(dst[i] == rounded_to(dst[i], storage) && fabs((double)dst[i] - src[i]) <= step);
            wanted += src[i];
            sum += dst[i];
        }
        ck_assert_msg(fabs(sum - wanted) <= step * step, "row %d: %.3g of taps is lost", row, sum - wanted);
    }
}
END_TEST

/* Axes that are evenly walked are one, and a vector is only taken where every operand has room for it. */
START_TEST(walks_collapse)
{
    gpu_loop loop;
    const struct shape shape = SHAPE(1, 8, 2, 3, 5), channel = SHAPE(8, 1, 1, 1);
    loop_begin(&loop, &shape);
    loop_add(&loop, GPU_A, &shape);
    loop_end(&loop);
    gpu_loop_collapse(&loop);
    ck_assert(loop.axes == 1 && loop.extent[0] == 240 && loop.stride[GPU_A][0] == 1);
    loop_begin(&loop, &shape);
    loop_add(&loop, GPU_A, &shape);
    loop_add(&loop, GPU_B, &channel);
    loop_end(&loop);
    gpu_loop_collapse(&loop);
    ck_assert(loop.axes == 2 && loop.extent[0] == 30 && loop.extent[1] == 8);
    ck_assert(loop.stride[GPU_B][0] == 0 && loop.stride[GPU_B][1] == 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("operations of the CUDA backend, by CPU emulation of their source");
    TCase *tcase = tcase_create("operations");
    tcase_add_loop_test(tcase, operation_agrees_with_the_oracle, 0, OPERATION_CASES);
    tcase_add_loop_test(tcase, norms_take_planes_of_all_sizes, 0, 3);
    tcase_add_test(tcase, pools_take_vectors);
    tcase_add_test(tcase, a_blocked_gradient_is_zero);
    tcase_add_test(tcase, instance_norm_stands_a_large_mean);
    tcase_add_loop_test(tcase, conversions_go_there_and_back, 0, GPU_STORAGES);
    tcase_add_loop_test(tcase, rounded_weights_add_up, 0, 2);
    tcase_add_test(tcase, walks_collapse);
    tcase_set_timeout(tcase, 600);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
