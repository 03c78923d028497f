/* The backward pass of every operation, and of operations that meet, against central differences of the oracle's
 * forward pass in double: graphs from cases.h, and some by hand. */
#include "support.h"
#include <math.h>
#include "base/memory.h"
#include "cases.h"
#include "cpu/cpu_backend.h"
#include "gradient/gradient.h"
#include "network/network.h"
#include "oracle.h"

enum { SAMPLES = 6, MOST_CASES = 24 }; /* elements whose gradient is looked at, and graphs of one operation */
static const double tolerance = 1e-5;  /* of the largest gradient in a graph */
static const double step = 1e-6;       /* of the differences */

struct trial {
    struct graph graph, back;
    uint64_t seed;
    float *input, *weights; /* of the logits */
    int64_t count, logits;
};

static void *allocated(int64_t count, size_t size)
{
    void *block = calloc((size_t)(count > 0 ? count : 1), size);
    ck_assert_ptr_nonnull(block);
    return block;
}

static int64_t count_of(const struct graph *graph, int32_t value)
{
    return shape_count(&graph->values[value].shape);
}

/* sum_c weight_c logit_c in double, with `moved` added to element `element` of the input */
static double weighted_logits(const struct trial *trial, int64_t element, double moved)
{
    const struct graph *graph = &trial->graph;
    double **values = allocated(graph->value_count, sizeof *values), largest, sum = 0;
    for (int32_t v = 0; v < graph->value_count; v++) {
        const int64_t count = count_of(graph, v);
        const float *src = v == graph->input ? trial->input : graph->values[v].constant;
        values[v] = allocated(count, sizeof(double));
        for (int64_t i = 0; src && i < count; i++) values[v][i] = src[i];
    }
    values[graph->input][element] += moved;
    for (int32_t i = 0; i < graph->node_count; i++)
        oracle_node(values[graph->nodes[i].output], &largest, graph, &graph->nodes[i], values);
    for (int64_t i = 0; i < trial->logits; i++) sum += trial->weights[i] * values[graph->output][i];
    for (int32_t v = 0; v < graph->value_count; v++) free(values[v]);
    free(values);
    return sum;
}

/* The input's elements are 1 x 1 x 1 x 1 x count, so a cell is an element and the map is count * gradient * element. */
static float *map_of(const struct trial *trial)
{
    const struct graph *back = &trial->back;
    struct pool *pool = pool_create(2);
    struct network *network;
    float *map = allocated(trial->count, sizeof *map);
    ck_assert_int_eq(count_of(back, back->output), trial->count);
    must(network_create(&network, back, &cpu_backend, &(struct backend_options){ .pool = pool }));
    must(network_write(network, back->seed, trial->weights));
    must(network_run(network, trial->input, NULL));
    must(network_read(network, map, back->output));
    network_free(network);
    pool_free(pool);
    return map;
}

/* A kink between the two points: no difference has a meaning there. */
static bool is_smooth(double left, double right, double largest)
{
    return fabs(left - right) <= 1e-3 * largest;
}

static void check_gradient(const struct trial *trial, const char *name)
{
    float *map = map_of(trial);
    double largest = 0;
    int32_t checked = 0;
    for (int64_t i = 0; i < trial->count; i++)
        largest = fmax(largest, fabs((double)map[i] / ((double)trial->count * (double)trial->input[i])));
    const double middle = weighted_logits(trial, 0, 0);
    uint64_t seed = trial->seed;
    for (int32_t k = 0; k < SAMPLES; k++) {
        const int64_t i = trial->count <= SAMPLES ? k % trial->count : random_integer(&seed, 0, trial->count - 1);
        const double right = (weighted_logits(trial, i, step) - middle) / step;
        const double left = (middle - weighted_logits(trial, i, -step)) / step;
        const double wanted = (left + right) / 2, got = map[i] / ((double)trial->count * (double)trial->input[i]);
        largest = fmax(largest, fabs(wanted));
        if (!is_smooth(left, right, largest)) continue;
        checked++;
        ck_assert_msg(fabs(got - wanted) <= tolerance * largest, "%s, seed %llu: element %lld of %lld is %g, not %g",
                      name, (unsigned long long)trial->seed, (long long)i, (long long)trial->count, got, wanted);
    }
    ck_assert_msg(checked >= SAMPLES / 2, "%s, seed %llu: only %d elements could be checked", name,
                  (unsigned long long)trial->seed, checked);
    free(map);
}

static struct shape flat(int64_t count)
{
    return SHAPE(1, 1, 1, 1, count);
}

/* In front of a graph of one input the flat one, behind it a row of logits. */
static void wrap(struct graph *graph)
{
    const int32_t x = graph->input;
    const struct node reshape = node_of(OPERATION_RESHAPE);
    const struct shape row = SHAPE(1, count_of(graph, graph->output));
    build_node(graph, reshape, INPUTS(graph->output), row);
    const int32_t output = graph->output;
    graph->input = build_value(graph, flat(count_of(graph, x)));
    struct node first = reshape;
    first.output = x;
    first.onnx = "Reshape";
    must(graph_add_node(graph, &first, "first", INPUTS(graph->input)));
    first = graph->nodes[graph->node_count - 1];
    for (int32_t i = graph->node_count - 1; i > 0; i--) graph->nodes[i] = graph->nodes[i - 1];
    graph->nodes[0] = first;
    graph->output = output;
}

/* An input away from 0: the map is divided by it. */
static void fill_values(struct trial *trial)
{
    uint64_t seed = ~trial->seed;
    trial->count = count_of(&trial->graph, trial->graph.input);
    trial->logits = count_of(&trial->graph, trial->graph.output);
    trial->input = allocated(trial->count, sizeof *trial->input);
    trial->weights = allocated(trial->logits, sizeof *trial->weights);
    for (int64_t i = 0; i < trial->count; i++)
        trial->input[i] = (chance(&seed, 2) ? 1.0f : -1.0f) * random_float(&seed, 0.25f, 2);
    for (int64_t i = 0; i < trial->logits; i++) trial->weights[i] = random_float(&seed, -1, 1);
}

static void check_graph(void (*build)(struct graph *graph, uint64_t *seed), const char *name, uint64_t first_seed)
{
    struct trial trial = { .seed = first_seed };
    uint64_t seed = first_seed;
    build(&trial.graph, &seed);
    wrap(&trial.graph);
    fill_values(&trial);
    must(
        gradient_graph(&trial.back, &trial.graph, trial.graph.input, trial.graph.input, TUMORCLASS_ATTENTION_HIRESCAM));
    check_gradient(&trial, name);
    graph_free(&trial.back);
    graph_free(&trial.graph);
    free(trial.input);
    free(trial.weights);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
}

START_TEST(gradient_of_every_operation)
{
    const struct operation_case *subject = &operation_cases[_i];
    if (subject->build == case_conv_large) return; /* small ones say the same */
    for (int32_t k = 0; k < subject->count && k < MOST_CASES; k++)
        check_graph(subject->build, subject->name, (uint64_t)(1000 * _i + k));
}
END_TEST

/* ---- Operations that meet: values with several readers, operands that are all computed ---- */

static int32_t add_unary(struct graph *graph, int32_t x, activation function)
{
    struct node node = node_of(OPERATION_ACTIVATION);
    node.activation = function;
    return build_node(graph, node, INPUTS(x), graph->values[x].shape);
}

static int32_t add_binary(struct graph *graph, int32_t kind, int32_t a, int32_t b, struct shape shape)
{
    struct node node = node_of(OPERATION_BINARY);
    node.binary.kind = kind;
    return build_node(graph, node, INPUTS(a, b), shape);
}

static int32_t add_reshape(struct graph *graph, int32_t x, struct shape shape)
{
    return build_node(graph, node_of(OPERATION_RESHAPE), INPUTS(x), shape);
}

static int32_t add_matmul(struct graph *graph, struct node node, int32_t a, int32_t b, int32_t bias, struct shape shape)
{
    return build_node(graph, node, INPUTS(a, b, bias), shape);
}

static int32_t add_reduce(struct graph *graph, int32_t x, int32_t kind, int32_t first_axis, struct shape shape)
{
    struct node node = node_of(OPERATION_REDUCE);
    node.reduce.kind = kind;
    for (int32_t i = first_axis; i < graph->values[x].shape.rank; i++) node.reduce.axes[i] = true;
    return build_node(graph, node, INPUTS(x), shape);
}

static struct node matmul_of(float alpha, float beta)
{
    struct node node = node_of(OPERATION_MATMUL);
    node.matmul.alpha = alpha;
    node.matmul.beta = beta;
    return node;
}

/* x x + tanh(x) + x, with x four times a reader's input */
static void many_readers(struct graph *graph, uint64_t *seed)
{
    const struct shape shape = random_shape(seed, 2, 5);
    random_input(graph, shape);
    const int32_t x = graph->input, square = add_binary(graph, BINARY_MUL, x, x, shape);
    const int32_t sum = add_binary(graph, BINARY_ADD, square, add_unary(graph, x, ACTIVATION_TANH), shape);
    add_binary(graph, BINARY_ADD, sum, x, shape);
}

/* Squeeze and excitation: x sigmoid(W mean(x)), a value broadcast over space */
static void gate(struct graph *graph, uint64_t *seed)
{
    const struct shape shape = SHAPE(1, 5, 2, 3, 2);
    random_input(graph, shape);
    const int32_t mean = add_reduce(graph, graph->input, REDUCE_MEAN, 2, SHAPE(1, 5));
    const int32_t dense = add_matmul(graph, matmul_of(1, 1), mean, build_constant(graph, SHAPE(5, 5), seed, -2, 2),
                                     NO_VALUE, SHAPE(1, 5));
    const int32_t opened = add_reshape(graph, add_unary(graph, dense, ACTIVATION_SIGMOID), SHAPE(5, 1, 1, 1));
    add_binary(graph, BINARY_MUL, graph->input, opened, shape);
}

/* Every kind, with both operands computed and the second, or the first, broadcast */
static void operands(struct graph *graph, uint64_t *seed)
{
    const struct shape shape = SHAPE(2, 3, 4);
    const int32_t kind = (int32_t)random_integer(seed, BINARY_ADD, BINARY_DIV);
    random_input(graph, shape);
    const int32_t line = add_reduce(graph, add_unary(graph, graph->input, ACTIVATION_SIGMOID), REDUCE_MEAN, 2,
                                    SHAPE(2, 3, 1));
    const int32_t plane = add_reduce(graph, add_unary(graph, graph->input, ACTIVATION_HARD_SWISH), REDUCE_MAX, 2,
                                     SHAPE(2, 3, 1));
    const int32_t mixed = add_binary(graph, BINARY_MUL, graph->input, plane, shape);
    if (chance(seed, 2) || kind == BINARY_DIV)
        add_binary(graph, kind, mixed, line, shape);
    else
        add_binary(graph, kind, line, mixed, shape);
}

/* A convolution with x added to it and an activation behind, as fusion leaves it; x is read again by a concat. */
static void residual_block(struct graph *graph, uint64_t *seed)
{
    const struct shape shape = SHAPE(1, 3, 4, 3, 5);
    random_input(graph, shape);
    const int32_t y = build_conv(graph, graph->input, 3, build_window(3, 1, 1), seed);
    struct node *conv = &graph->nodes[graph->node_count - 1];
    conv->residual = graph->input;
    conv->activation = ACTIVATION_LEAKY_RELU;
    conv->alpha = 0.2f;
    struct node concat = node_of(OPERATION_CONCAT);
    concat.concat.axis = 1;
    build_node(graph, concat, INPUTS(graph->input, y, graph->input), SHAPE(1, 9, 4, 3, 5));
}

/* op(A) op(B) + C, all of x; or a stack of matrices times one */
static void products(struct graph *graph, uint64_t *seed)
{
    random_input(graph, SHAPE(24));
    const int32_t other = add_unary(graph, graph->input, ACTIVATION_TANH);
    struct node node = matmul_of(random_float(seed, -2, 2), random_float(seed, -2, 2));
    if (chance(seed, 3)) {
        const bool first = chance(seed, 2);
        const int32_t stack = add_reshape(graph, graph->input, first ? SHAPE(3, 2, 4) : SHAPE(2, 3, 4));
        const int32_t one = add_reshape(graph, other, first ? SHAPE(4, 6) : SHAPE(1, 8, 3));
        if (first)
            add_matmul(graph, node, stack, one, NO_VALUE, SHAPE(3, 2, 6));
        else
            add_matmul(graph, node, one, stack, NO_VALUE, SHAPE(2, 8, 4));
        return;
    }
    node.matmul.transpose_a = chance(seed, 2);
    node.matmul.transpose_b = chance(seed, 2);
    const int32_t a = add_reshape(graph, graph->input, node.matmul.transpose_a ? SHAPE(6, 4) : SHAPE(4, 6));
    const int32_t b = add_reshape(graph, other, node.matmul.transpose_b ? SHAPE(4, 6) : SHAPE(6, 4));
    const int32_t bias = add_reduce(graph, a, REDUCE_MEAN, 1, node.matmul.transpose_a ? SHAPE(6, 1) : SHAPE(4, 1));
    add_matmul(graph, node, a, b, node.matmul.transpose_a ? NO_VALUE : bias, SHAPE(4, 4));
}

/* x softmax(x), which is not yet all of what the softmax's output is for */
static void weighting(struct graph *graph, uint64_t *seed)
{
    const struct shape shape = SHAPE(2, 5, 3);
    random_input(graph, shape);
    struct node softmax = node_of(OPERATION_SOFTMAX);
    softmax.softmax.axis = (int32_t)random_integer(seed, 0, 2);
    softmax.softmax.log = chance(seed, 2);
    const int32_t y = build_node(graph, softmax, INPUTS(graph->input), shape);
    add_binary(graph, BINARY_MUL, graph->input, y, shape);
}

static const struct {
    const char *name;
    void (*build)(struct graph *graph, uint64_t *seed);
} meetings[] = {
    { "many readers", many_readers },     { "gate", gate },         { "operands", operands },
    { "residual block", residual_block }, { "products", products }, { "weighting", weighting },
};
enum { MEETINGS = sizeof meetings / sizeof *meetings };

START_TEST(gradient_where_operations_meet)
{
    for (uint64_t seed = 1; seed <= 16; seed++) check_graph(meetings[_i].build, meetings[_i].name, seed);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("gradients");
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, gradient_of_every_operation, 0, FORWARD_CASES);
    tcase_add_loop_test(cases, gradient_where_operations_meet, 0, MEETINGS);
    Suite *suite = suite_create("gradients");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
