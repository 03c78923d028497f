/* Graphs by hand, for tests and benchmarks: values and nodes added one by one, random weights by seed. Running out of
 * memory here ends the program. */
#ifndef TESTS_BUILD_GRAPH_H
#define TESTS_BUILD_GRAPH_H
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "model/graph_edit.h"

static inline void must(tumorclass_status status)
{
    if (status == TUMORCLASS_OK) return;
    fprintf(stderr, "%s\n", tumorclass_last_error());
    exit(EXIT_FAILURE);
}

/* 32 bits of splitmix64 (Steele, Lea, Flood 2014). */
static inline uint32_t random_bits(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(z >> 32);
}

static inline float random_float(uint64_t *seed, float low, float high)
{
    return low + (high - low) * (float)(random_bits(seed) >> 8) * 0x1p-24f;
}

static inline int64_t random_integer(uint64_t *seed, int64_t low, int64_t high) /* both included */
{
    return low + (int64_t)(random_bits(seed) % (uint64_t)(high - low + 1));
}

static inline struct shape shape_of(int32_t rank, const int64_t *extents)
{
    struct shape shape = { .rank = rank };
    for (int32_t i = 0; i < rank; i++) shape.extent[i] = extents[i];
    return shape;
}
#define SHAPE(...) shape_of(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t), (const int64_t[]){ __VA_ARGS__ })

static inline int32_t build_value(struct graph *graph, struct shape shape)
{
    char name[32];
    int32_t value;
    snprintf(name, sizeof name, "value %d", graph->value_count);
    must(graph_add_value(graph, &value, name, &shape));
    return value;
}

static inline int32_t build_constant(struct graph *graph, struct shape shape, uint64_t *seed, float low, float high)
{
    int32_t value;
    float *data;
    must(graph_add_constant(graph, &value, &data, "constant", &shape));
    for (int64_t i = 0; i < shape_count(&shape); i++) data[i] = random_float(seed, low, high);
    return value;
}

/* The node's output becomes the graph's. */
static inline int32_t build_node(struct graph *graph, struct node node, const int32_t *inputs, int32_t count,
                                 struct shape shape)
{
    node.output = graph->output = build_value(graph, shape);
    node.onnx = operation_name(node.operation);
    must(graph_add_node(graph, &node, node.onnx, inputs, count));
    return node.output;
}
#define INPUTS(...) (const int32_t[]){ __VA_ARGS__ }, sizeof((int32_t[]){ __VA_ARGS__ }) / sizeof(int32_t)

static inline struct window build_window(int64_t kernel, int64_t stride, int64_t pad)
{
    struct window window;
    for (int i = 0; i < 3; i++) {
        window.kernel[i] = kernel;
        window.stride[i] = stride;
        window.dilation[i] = 1;
        window.pad_before[i] = window.pad_after[i] = pad;
    }
    return window;
}

/* How often a window fits into `extent` elements and the padding around them. */
static inline int64_t window_positions(const struct window *window, int axis, int64_t extent)
{
    const int64_t reach = (window->kernel[axis] - 1) * window->dilation[axis] + 1;
    return (extent + window->pad_before[axis] + window->pad_after[axis] - reach) / window->stride[axis] + 1;
}

/* Convolution with random weight and bias; weights are scaled so that the output is about as large as the input. */
static inline int32_t build_conv(struct graph *graph, int32_t x, int64_t outputs, struct window window, uint64_t *seed)
{
    const struct shape from = graph->values[x].shape;
    const int64_t *kernel = window.kernel;
    const float bound = 2 / sqrtf((float)(from.extent[1] * kernel[0] * kernel[1] * kernel[2]));
    const int32_t weight = build_constant(graph, SHAPE(outputs, from.extent[1], kernel[0], kernel[1], kernel[2]), seed,
                                          -bound, bound);
    const int32_t bias = build_constant(graph, SHAPE(outputs), seed, -1, 1);
    struct shape to = from;
    to.extent[1] = outputs;
    for (int i = 0; i < 3; i++) to.extent[i + 2] = window_positions(&window, i, from.extent[i + 2]);
    struct node node = node_of(OPERATION_CONV);
    node.conv.window = window;
    node.conv.groups = 1;
    return build_node(graph, node, INPUTS(x, weight, bias), to);
}

/* Convolution 3x3x3, instance norm, leaky ReLU. */
static inline int32_t build_block(struct graph *graph, int32_t x, int64_t outputs, int64_t stride, uint64_t *seed)
{
    const int32_t y = build_conv(graph, x, outputs, build_window(3, stride, 1), seed);
    const int32_t scale = build_constant(graph, SHAPE(outputs), seed, 0.5f, 1.5f);
    const int32_t shift = build_constant(graph, SHAPE(outputs), seed, -0.5f, 0.5f);
    struct node node = node_of(OPERATION_INSTANCE_NORM);
    node.norm.epsilon = 1e-5f;
    node.activation = ACTIVATION_LEAKY_RELU;
    node.alpha = 0.01f;
    return build_node(graph, node, INPUTS(y, scale, shift), graph->values[y].shape);
}

/* The encoder of Isensee et al. 2017 with a global average pool and a dense layer: input 1 x 1 x shape, `filters` on
 * the first of five levels, seven classes. */
static inline struct graph build_reference_network(int64_t filters, const int64_t shape[3], uint64_t seed)
{
    struct graph graph = graph_empty();
    graph.input = build_value(&graph, SHAPE(1, 1, shape[0], shape[1], shape[2]));
    int32_t x = graph.input;
    for (int level = 0; level < 5; level++) {
        const int64_t channels = filters << level;
        const int32_t first = build_block(&graph, x, channels, level ? 2 : 1, &seed);
        const int32_t context = build_block(&graph, build_block(&graph, first, channels, 1, &seed), channels, 1, &seed);
        x = build_node(&graph, node_of(OPERATION_BINARY), INPUTS(first, context), graph.values[context].shape);
    }
    graph.features = x;
    const int64_t channels = filters << 4;
    struct node pool = node_of(OPERATION_REDUCE);
    for (int i = 2; i < 5; i++) pool.reduce.axes[i] = true;
    x = graph.embedding = build_node(&graph, pool, INPUTS(x), SHAPE(1, channels));
    struct node dense = node_of(OPERATION_MATMUL);
    dense.matmul.transpose_b = true;
    dense.matmul.alpha = dense.matmul.beta = 1;
    graph.head_weight = build_constant(&graph, SHAPE(7, channels), &seed, -1, 1);
    graph.head_bias = build_constant(&graph, SHAPE(7), &seed, -1, 1);
    build_node(&graph, dense, INPUTS(x, graph.head_weight, graph.head_bias), SHAPE(1, 7));
    return graph;
}

#endif
