/* Random cases of every operation, each made from a seed, and how near a backend must come to the oracle. */
#ifndef TESTS_CASES_H
#define TESTS_CASES_H
#include "build_graph.h"

/* |a - b| <= relative * |b| + of_largest * (largest magnitude that went into a sum): the first for what rounds once or
 * twice, the second for sums, whose rounding errors do not shrink when the result does. */
struct tolerance {
    double relative, of_largest;
};

struct operation_case {
    const char *name;
    void (*build)(struct graph *graph, uint64_t *seed); /* one input, one node */
    int32_t count;                                      /* cases worth running */
    struct tolerance tolerance;
};

static inline bool chance(uint64_t *seed, int64_t one_in)
{
    return random_integer(seed, 1, one_in) == 1;
}

/* Small, of odd and even extents; one in eight has a last axis longer than any piece that work is split into. */
static inline struct shape random_shape(uint64_t *seed, int32_t least_rank, int32_t most_rank)
{
    struct shape shape = { .rank = (int32_t)random_integer(seed, least_rank, most_rank) };
    for (int32_t i = 0; i < shape.rank; i++) shape.extent[i] = random_integer(seed, 1, shape.rank > 5 ? 3 : 5);
    if (chance(seed, 8)) {
        shape.extent[0] = 1;
        for (int32_t i = 2; i + 1 < shape.rank; i++) shape.extent[i] = 1;
        shape.extent[shape.rank - 1] = random_integer(seed, 8000, 20000);
    }
    return shape;
}

static inline void random_input(struct graph *graph, struct shape shape)
{
    *graph = graph_empty();
    graph->input = build_value(graph, shape);
}

/* What may hang behind an operation whose output has this shape. */
static inline void random_epilogue(struct graph *graph, struct node *node, struct shape shape, uint64_t *seed)
{
    node->activation = (activation)random_integer(seed, ACTIVATION_NONE, ACTIVATION_TANH);
    node->alpha = random_float(seed, -0.5f, 0.5f);
    node->beta = node->alpha + random_float(seed, 0, 1);
    if (node->activation == ACTIVATION_PRELU) {
        const int64_t slopes = shape.rank > 1 && chance(seed, 2) ? shape.extent[1] : 1;
        node->slope = build_constant(graph, SHAPE(slopes), seed, -1, 1);
    }
    if (chance(seed, 2)) node->residual = build_constant(graph, shape, seed, -1, 1);
}

static inline void case_activation(struct graph *graph, uint64_t *seed)
{
    const struct shape shape = random_shape(seed, 1, 8);
    struct node node = node_of(OPERATION_ACTIVATION);
    random_input(graph, shape);
    random_epilogue(graph, &node, shape, seed);
    node.residual = NO_VALUE;
    build_node(graph, node, INPUTS(graph->input), shape);
}

/* Two shapes that broadcast to a third: either may miss leading axes and have extents of 1. */
static inline void case_binary(struct graph *graph, uint64_t *seed)
{
    const struct shape result = random_shape(seed, 1, 8);
    struct shape sides[2] = { result, result };
    struct shape *narrow = &sides[random_integer(seed, 0, 1)];
    for (int32_t i = 0; i < result.rank; i++)
        if (chance(seed, 3)) sides[random_integer(seed, 0, 1)].extent[i] = 1;
    int32_t dropped = 0;
    while (dropped + 1 < result.rank && chance(seed, 2) &&
           result.extent[dropped] == sides[narrow == sides].extent[dropped])
        dropped++;
    narrow->rank -= dropped;
    for (int32_t i = 0; i < narrow->rank; i++) narrow->extent[i] = narrow->extent[i + dropped];

    struct node node = node_of(OPERATION_BINARY);
    random_input(graph, sides[0]);
    const int32_t other = build_constant(graph, sides[1], seed, -2, 2);
    node.binary.kind = (int32_t)random_integer(seed, BINARY_ADD, BINARY_DIV);
    random_epilogue(graph, &node, result, seed);
    if (chance(seed, 2))
        build_node(graph, node, INPUTS(graph->input, other), result);
    else
        build_node(graph, node, INPUTS(other, graph->input), result);
}

static inline void case_concat(struct graph *graph, uint64_t *seed)
{
    const struct shape shape = random_shape(seed, 1, 6);
    struct node node = node_of(OPERATION_CONCAT);
    struct shape result = shape;
    int32_t inputs[5];
    const int32_t count = (int32_t)random_integer(seed, 1, 5);
    const int32_t axis = node.concat.axis = (int32_t)random_integer(seed, 0, shape.rank - 1);
    random_input(graph, shape);
    result.extent[axis] = 0;
    for (int32_t i = 0; i < count; i++) {
        struct shape part = shape;
        part.extent[axis] = random_integer(seed, 1, 4);
        inputs[i] = chance(seed, 3) || i == 0 ? graph->input : build_constant(graph, part, seed, -2, 2);
        result.extent[axis] += graph->values[inputs[i]].shape.extent[axis];
    }
    build_node(graph, node, inputs, count, result);
}

static inline struct window random_window(uint64_t *seed, int32_t axes)
{
    struct window window = build_window(1, 1, 0);
    for (int32_t i = 3 - axes; i < 3; i++) {
        window.kernel[i] = random_integer(seed, 1, 4);
        window.stride[i] = random_integer(seed, 1, chance(seed, 4) ? 5 : 2);
        window.dilation[i] = chance(seed, 3) ? random_integer(seed, 2, 3) : 1;
        window.pad_before[i] = random_integer(seed, 0, 3);
        window.pad_after[i] = random_integer(seed, 0, 3);
    }
    return window;
}

/* Spatial extents in which the window fits, and how often it does. */
static inline void random_space(struct shape *from, struct shape *to, const struct window *window, uint64_t *seed)
{
    for (int32_t i = 2; i < from->rank; i++) {
        const int32_t axis = i + 3 - from->rank;
        const int64_t reach = (window->kernel[axis] - 1) * window->dilation[axis] + 1;
        const int64_t least = reach - window->pad_before[axis] - window->pad_after[axis];
        from->extent[i] = random_integer(seed, 0, 6) + (least > 1 ? least : 1);
        if (i == from->rank - 1 && chance(seed, 4)) from->extent[i] += random_integer(seed, 20, 100);
        to->extent[i] = window_positions(window, axis, from->extent[i]);
    }
}

static inline void build_random_conv(struct graph *graph, uint64_t *seed, struct shape from, struct shape to,
                                     struct window window, int64_t groups)
{
    const int64_t inputs = from.extent[1] / groups;
    struct node node = node_of(OPERATION_CONV);
    node.conv.window = window;
    node.conv.groups = groups;
    random_input(graph, from);
    const int32_t weight = build_constant(
        graph, SHAPE(to.extent[1], inputs, window.kernel[0], window.kernel[1], window.kernel[2]), seed, -1, 1);
    const int32_t bias = chance(seed, 2) ? build_constant(graph, SHAPE(to.extent[1]), seed, -1, 1) : NO_VALUE;
    random_epilogue(graph, &node, to, seed);
    build_node(graph, node, INPUTS(graph->input, weight, bias), to);
}

static inline void case_conv(struct graph *graph, uint64_t *seed)
{
    struct shape from = { .rank = (int32_t)random_integer(seed, 3, 5) }, to;
    const struct window window = random_window(seed, from.rank - 2);
    const int64_t groups = chance(seed, 2) ? random_integer(seed, 2, 6) : 1;
    const int64_t inputs = chance(seed, 2) ? random_integer(seed, 1, 6) : 1;
    const int64_t outputs = chance(seed, 2) ? random_integer(seed, 1, 21) : 1;
    from.extent[0] = random_integer(seed, 1, 2);
    from.extent[1] = groups * inputs;
    to = from;
    to.extent[1] = groups * outputs;
    random_space(&from, &to, &window, seed);
    build_random_conv(graph, seed, from, to, window, groups);
}

/* So large that the work on one plane is split by rows, for 40 inputs; and back for 40 outputs. */
static inline void build_large_conv(struct graph *graph, uint64_t *seed, int64_t inputs, int64_t outputs)
{
    const struct window window = build_window(3, random_integer(seed, 1, 2), 1);
    const struct shape from = SHAPE(1, inputs, 1, random_integer(seed, 44, 60), random_integer(seed, 44, 60));
    struct shape to = from;
    to.extent[1] = outputs;
    for (int32_t i = 2; i < 5; i++) to.extent[i] = window_positions(&window, i - 2, from.extent[i]);
    build_random_conv(graph, seed, from, to, window, 1);
}

static inline void case_conv_large(struct graph *graph, uint64_t *seed)
{
    build_large_conv(graph, seed, 40, random_integer(seed, 1, 9));
}

static inline void case_channels(struct graph *graph, uint64_t *seed, struct node node)
{
    const struct shape shape = random_shape(seed, node.operation == OPERATION_INSTANCE_NORM ? 3 : 2, 5);
    random_input(graph, shape);
    const int32_t scale = build_constant(graph, SHAPE(shape.extent[1]), seed, -2, 2);
    const int32_t shift = build_constant(graph, SHAPE(shape.extent[1]), seed, -2, 2);
    random_epilogue(graph, &node, shape, seed);
    build_node(graph, node, INPUTS(graph->input, scale, shift), shape);
}

static inline void case_instance_norm(struct graph *graph, uint64_t *seed)
{
    struct node node = node_of(OPERATION_INSTANCE_NORM);
    node.norm.epsilon = 1e-5f;
    case_channels(graph, seed, node);
}

static inline void case_scale_shift(struct graph *graph, uint64_t *seed)
{
    case_channels(graph, seed, node_of(OPERATION_SCALE_SHIFT));
}

/* Gemm: two matrices, either transposed, and a bias that broadcasts. */
static inline void case_gemm(struct graph *graph, uint64_t *seed)
{
    struct node node = node_of(OPERATION_MATMUL);
    const int64_t m = random_integer(seed, 1, 5), n = random_integer(seed, 1, 40), k = random_integer(seed, 1, 70);
    node.matmul.transpose_a = chance(seed, 2);
    node.matmul.transpose_b = chance(seed, 2);
    node.matmul.alpha = chance(seed, 2) ? 1 : random_float(seed, -2, 2);
    node.matmul.beta = chance(seed, 2) ? 1 : random_float(seed, -2, 2);
    random_input(graph, node.matmul.transpose_a ? SHAPE(k, m) : SHAPE(m, k));
    const int32_t b = build_constant(graph, node.matmul.transpose_b ? SHAPE(n, k) : SHAPE(k, n), seed, -1, 1);
    const struct shape shapes[] = { SHAPE(n), SHAPE(1, n), SHAPE(m, 1), SHAPE(m, n), SHAPE(1) };
    const int32_t bias = chance(seed, 4) ? NO_VALUE
                                         : build_constant(graph, shapes[random_integer(seed, 0, 4)], seed, -1, 1);
    build_node(graph, node, INPUTS(graph->input, b, bias), SHAPE(m, n));
}

/* MatMul: stacks of matrices that broadcast. */
static inline void case_matmul(struct graph *graph, uint64_t *seed)
{
    struct shape result = { .rank = (int32_t)random_integer(seed, 2, 5) }, a, b;
    for (int32_t i = 0; i < result.rank; i++) result.extent[i] = random_integer(seed, 1, 4);
    a = b = result;
    const int64_t m = random_integer(seed, 1, 5), n = random_integer(seed, 1, 20), k = random_integer(seed, 1, 20);
    for (int32_t i = 0; i < result.rank - 2; i++)
        if (chance(seed, 3)) (chance(seed, 2) ? &a : &b)->extent[i] = 1;
    a.extent[a.rank - 2] = result.extent[a.rank - 2] = m;
    a.extent[a.rank - 1] = b.extent[b.rank - 2] = k;
    b.extent[b.rank - 1] = result.extent[b.rank - 1] = n;
    struct node node = node_of(OPERATION_MATMUL);
    node.matmul.alpha = node.matmul.beta = 1;
    random_input(graph, a);
    build_node(graph, node, INPUTS(graph->input, build_constant(graph, b, seed, -1, 1), NO_VALUE), result);
}

/* Padding and cropping, any rank. */
static inline void case_pad(struct graph *graph, uint64_t *seed)
{
    const struct shape shape = random_shape(seed, 1, 8);
    struct shape result = shape;
    struct node node = node_of(OPERATION_PAD);
    node.pad.value = random_float(seed, -2, 2);
    for (int32_t i = 0; i < shape.rank; i++) {
        node.pad.before[i] = random_integer(seed, shape.extent[i] > 2 ? -1 : 0, 2);
        node.pad.after[i] = random_integer(seed, shape.extent[i] > 2 ? -1 : 0, 1);
        result.extent[i] += node.pad.before[i] + node.pad.after[i];
    }
    random_input(graph, shape);
    build_node(graph, node, INPUTS(graph->input), result);
}

/* Whether every window along an axis holds at least one element that is not padding. */
static inline bool window_is_never_empty(const struct window *window, int axis, int64_t from, int64_t to)
{
    for (int64_t i = 0; i < to; i++) {
        bool empty = true;
        for (int64_t k = 0; k < window->kernel[axis]; k++) {
            const int64_t place = i * window->stride[axis] + k * window->dilation[axis] - window->pad_before[axis];
            if (place >= 0 && place < from) empty = false;
        }
        if (empty) return false;
    }
    return true;
}

/* A last window may reach past the padding, as with ceil_mode. */
static inline void case_pool(struct graph *graph, uint64_t *seed)
{
    struct node node = node_of(OPERATION_POOL);
    struct shape from = { .rank = (int32_t)random_integer(seed, 3, 5) }, to;
    from.extent[0] = random_integer(seed, 1, 2);
    from.extent[1] = random_integer(seed, 1, 4);
    to = from;
    for (bool valid = false; !valid;) {
        node.pool.window = random_window(seed, from.rank - 2);
        random_space(&from, &to, &node.pool.window, seed);
        valid = true;
        for (int32_t i = 2; i < from.rank; i++) {
            const int axis = i + 3 - from.rank;
            if (chance(seed, 2) && window_is_never_empty(&node.pool.window, axis, from.extent[i], to.extent[i] + 1))
                to.extent[i]++;
            valid = valid && window_is_never_empty(&node.pool.window, axis, from.extent[i], to.extent[i]);
        }
    }
    node.pool.kind = (int32_t)random_integer(seed, POOL_MAX, POOL_AVERAGE);
    node.pool.count_padding = node.pool.kind == POOL_AVERAGE && chance(seed, 2);
    random_input(graph, from);
    build_node(graph, node, INPUTS(graph->input), to);
}

static inline void case_reduce(struct graph *graph, uint64_t *seed)
{
    const struct shape shape = random_shape(seed, 1, 6);
    struct shape result = { 0 };
    struct node node = node_of(OPERATION_REDUCE);
    const bool keep = chance(seed, 2);
    node.reduce.kind = (int32_t)random_integer(seed, REDUCE_MEAN, REDUCE_SUM);
    for (int32_t i = 0; i < shape.rank; i++) {
        node.reduce.axes[i] = chance(seed, 2) || shape.extent[i] > 1000;
        if (keep || !node.reduce.axes[i]) result.extent[result.rank++] = node.reduce.axes[i] ? 1 : shape.extent[i];
    }
    random_input(graph, shape);
    build_node(graph, node, INPUTS(graph->input), result);
}

static inline void case_reshape(struct graph *graph, uint64_t *seed)
{
    const struct shape shape = random_shape(seed, 1, 8);
    random_input(graph, shape);
    build_node(graph, node_of(OPERATION_RESHAPE), INPUTS(graph->input), SHAPE(1, shape_count(&shape)));
}

static inline void case_softmax(struct graph *graph, uint64_t *seed)
{
    struct shape shape = { .rank = (int32_t)random_integer(seed, 1, 5) };
    struct node node = node_of(OPERATION_SOFTMAX);
    for (int32_t i = 0; i < shape.rank; i++) shape.extent[i] = random_integer(seed, 2, 7);
    node.softmax.axis = (int32_t)random_integer(seed, 0, shape.rank - 1);
    node.softmax.log = chance(seed, 2);
    random_input(graph, shape);
    build_node(graph, node, INPUTS(graph->input), shape);
}

static inline void case_transpose(struct graph *graph, uint64_t *seed)
{
    const struct shape shape = random_shape(seed, 1, 8);
    struct shape result = shape;
    struct node node = node_of(OPERATION_TRANSPOSE);
    int32_t *permutation = node.transpose.permutation;
    for (int32_t i = 0; i < shape.rank; i++) { /* Fisher-Yates, inside out */
        const int32_t other = (int32_t)random_integer(seed, 0, i);
        permutation[i] = permutation[other];
        permutation[other] = i;
    }
    for (int32_t i = 0; i < shape.rank; i++) result.extent[i] = shape.extent[permutation[i]];
    random_input(graph, shape);
    build_node(graph, node, INPUTS(graph->input), result);
}

/* Where a gradient is taken: at random, where elements are equal and on the kinks of activations, or all in one. */
static inline int32_t build_point(struct graph *graph, struct shape shape, uint64_t *seed)
{
    const int32_t value = build_constant(graph, shape, seed, -4, 4);
    const int64_t kind = random_integer(seed, 0, 7);
    float *x = graph->values[value].owned;
    for (int64_t i = 0; i < shape_count(&shape); i++) {
        if (kind < 3) x[i] = roundf(4 * x[i]) / 4;
        if (kind == 3) x[i] = x[0];
        if (kind == 4) x[i] *= 1000;
    }
    return value;
}

/* A maximum may be minus infinity, or NaN. */
static inline void make_few_finite(struct value *value, uint64_t *seed)
{
    for (int64_t i = 0; i < shape_count(&value->shape); i++)
        if (!chance(seed, 4)) value->owned[i] = chance(seed, 8) ? NAN : -INFINITY;
}

/* What a softmax, or its logarithm, could have given. */
static inline int32_t build_distributions(struct graph *graph, const struct node *node, struct shape shape,
                                          uint64_t *seed)
{
    const int32_t value = build_constant(graph, shape, seed, 0.1f, 1);
    const int64_t extent = shape.extent[node->softmax.axis], count = shape_count(&shape);
    int64_t inner = 1;
    float *y = graph->values[value].owned;
    for (int32_t i = node->softmax.axis + 1; i < shape.rank; i++) inner *= shape.extent[i];
    for (int64_t line = 0; line < count / extent; line++) {
        float *const first = y + line / inner * extent * inner + line % inner;
        double sum = 0;
        for (int64_t i = 0; i < extent; i++) sum += (double)first[i * inner];
        for (int64_t i = 0; i < extent; i++) {
            const double share = (double)first[i * inner] / sum;
            first[i * inner] = (float)(node->softmax.log ? log(share) : share);
        }
    }
    return value;
}

/* Turn the graph's one node, a forward operation, into `back`, its gradient at some point: the input is g. */
static inline void turn_back(struct graph *graph, uint64_t *seed, operation back)
{
    struct node node = graph->nodes[0];
    const struct shape from = graph->values[graph->input].shape, to = graph->values[graph->output].shape;
    const int32_t second = node.input_count > 1 ? node.inputs[1] : NO_VALUE; /* weight or scale */
    const int32_t g = graph->input = build_value(graph, to);
    node.operation = back;
    node.residual = NO_VALUE;
    if (back != OPERATION_ACTIVATION_BACK) {
        node.activation = ACTIVATION_NONE;
        node.slope = NO_VALUE;
    } else if (chance(seed, 2)) { /* to quarters, as such points have: the kinks are met. And not to 0 */
        node.alpha = floorf(2 * node.alpha) / 2 + 0.25f;
        node.beta = floorf(2 * node.beta) / 2 + 0.25f;
    }
    graph->nodes[0].output = NO_VALUE;
    if (back == OPERATION_CONV_BACK) {
        build_node(graph, node, INPUTS(g, second), from);
    } else {
        const int32_t x = back == OPERATION_SOFTMAX_BACK ? build_distributions(graph, &node, from, seed)
                                                         : build_point(graph, from, seed);
        if ((back == OPERATION_POOL_BACK || back == OPERATION_REDUCE_BACK) && chance(seed, 4))
            make_few_finite(&graph->values[x], seed);
        build_node(graph, node, (const int32_t[]){ g, x, second }, second == NO_VALUE ? 2 : 3, from);
    }
    must(graph_compact(graph));
}

static inline void case_activation_back(struct graph *graph, uint64_t *seed)
{
    case_activation(graph, seed);
    turn_back(graph, seed, OPERATION_ACTIVATION_BACK);
}

static inline void case_conv_back(struct graph *graph, uint64_t *seed)
{
    case_conv(graph, seed);
    turn_back(graph, seed, OPERATION_CONV_BACK);
}

static inline void case_conv_back_large(struct graph *graph, uint64_t *seed)
{
    build_large_conv(graph, seed, random_integer(seed, 1, 5), 40);
    turn_back(graph, seed, OPERATION_CONV_BACK);
}

static inline void case_instance_norm_back(struct graph *graph, uint64_t *seed)
{
    case_instance_norm(graph, seed);
    turn_back(graph, seed, OPERATION_INSTANCE_NORM_BACK);
}

static inline void case_pool_back(struct graph *graph, uint64_t *seed)
{
    case_pool(graph, seed);
    turn_back(graph, seed, OPERATION_POOL_BACK);
}

static inline void case_reduce_back(struct graph *graph, uint64_t *seed)
{
    case_reduce(graph, seed);
    turn_back(graph, seed, OPERATION_REDUCE_BACK);
}

static inline void case_softmax_back(struct graph *graph, uint64_t *seed)
{
    case_softmax(graph, seed);
    turn_back(graph, seed, OPERATION_SOFTMAX_BACK);
}

/* A float has half an ulp of 6e-8. Copies are exact. Sums in double (norm, mean, softmax, matrix product) round once,
 * the epilogue once or twice more, exp and tanh of libm within an ulp: 4e-7. An activation multiplies the error of
 * what it gets by at most 1.5 (hard swish). Convolution sums K products in float: sqrt(K) half ulps, 2e-6 at K = 1080.
 * Scale and shift and the elementwise operations may cancel against each other or the residual: 4e-7 of the largest. */
static const struct operation_case operation_cases[] = {
    { "activation", case_activation, 120, { 4e-7, 4e-7 } },
    { "binary", case_binary, 200, { 4e-7, 4e-7 } },
    { "concat", case_concat, 60, { 0, 0 } },
    { "conv", case_conv, 400, { 4e-7, 2e-6 } },
    { "conv, large", case_conv_large, 6, { 4e-7, 2e-6 } },
    { "instance norm", case_instance_norm, 120, { 4e-7, 4e-7 } },
    { "gemm", case_gemm, 80, { 4e-7, 4e-7 } },
    { "matmul", case_matmul, 120, { 4e-7, 4e-7 } },
    { "pad", case_pad, 80, { 0, 0 } },
    { "pool", case_pool, 300, { 4e-7, 4e-7 } },
    { "reduce", case_reduce, 80, { 4e-7, 4e-7 } },
    { "reshape", case_reshape, 20, { 0, 0 } },
    { "scale shift", case_scale_shift, 80, { 4e-7, 4e-7 } },
    { "softmax", case_softmax, 60, { 4e-7, 4e-7 } },
    { "transpose", case_transpose, 80, { 0, 0 } },
    { "conv, back, large", case_conv_back_large, 4, { 4e-7, 2e-6 } },
    { "activation, back", case_activation_back, 160, { 1e-6, 4e-7 } },
    { "conv, back", case_conv_back, 400, { 4e-7, 2e-6 } },
    { "instance norm, back", case_instance_norm_back, 120, { 4e-7, 4e-7 } },
    { "pool, back", case_pool_back, 300, { 4e-7, 4e-7 } },
    { "reduce, back", case_reduce_back, 120, { 4e-7, 4e-7 } },
    { "softmax, back", case_softmax_back, 60, { 4e-7, 4e-7 } },
};
enum {
    OPERATION_CASES = sizeof operation_cases / sizeof *operation_cases,
    FORWARD_CASES = OPERATION_CASES - 7,
    FIRST_GRADIENT = FORWARD_CASES + 1 /* the large one takes long */
};

#endif
