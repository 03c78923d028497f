/* Passes over a built graph. One walk in running order: each node is tried against the node before it, whose own turn
 * is over; what merges stands in the later one's place, where all that either reads is known. */
#include "model/graph_edit.h"
#include "base/memory.h"

struct fusion {
    struct graph *graph;
    int32_t value_count; /* at the start; constants made on the way come behind */
    int32_t *readers;    /* by value: how many read it, the graph itself counted */
    int32_t *producer;   /* by value: the node that makes it, or NO_VALUE */
};

/* The node that makes `value` if nobody but one node reads it, else NULL. */
static struct node *sole_producer(const struct fusion *fusion, int32_t value)
{
    if (value >= fusion->value_count || fusion->readers[value] != 1 || fusion->producer[value] == NO_VALUE) return NULL;
    return &fusion->graph->nodes[fusion->producer[value]];
}

/* The same if it is linear in each channel at its end (a * x + b) and nothing hangs behind it yet. */
static struct node *bare_producer(const struct fusion *fusion, int32_t value)
{
    struct node *node = sole_producer(fusion, value);
    if (!node || node->activation != ACTIVATION_NONE || node->residual != NO_VALUE) return NULL;
    const bool linear = node->operation == OPERATION_CONV || node->operation == OPERATION_INSTANCE_NORM ||
                        node->operation == OPERATION_SCALE_SHIFT;
    return linear ? node : NULL;
}

/* `before`, to which the caller added what `node` does, takes the place and the output of `node`. */
static void merge(struct fusion *fusion, struct node *before, struct node *node)
{
    const struct node last = *node;
    *node = *before;
    node->output = last.output;
    *before = last; /* dead: graph_compact frees its name and inputs */
    before->output = NO_VALUE;
    fusion->producer[node->output] = (int32_t)(node - fusion->graph->nodes);
}

/* A per-channel constant [count] of a fused node. */
static tumorclass_status add_channels(struct graph *graph, int32_t *value, float **data, const char *name,
                                      int64_t count)
{
    const struct shape shape = { 1, { count } };
    return graph_add_constant(graph, value, data, name, &shape);
}

/* Channels of `operand` if it is a constant that does the same to all of a channel of [N, C, ..], else 0. */
static int64_t channel_constant(const struct graph *graph, int32_t operand, const struct shape *shape)
{
    const struct shape *constant = &graph->values[operand].shape;
    if (!graph->values[operand].constant || shape->rank < 2 || shape->rank > 5 || constant->rank > shape->rank)
        return 0;
    const int64_t count = shape_count(constant), channels = shape->extent[1];
    const int32_t axis = 1 - (shape->rank - constant->rank);
    const bool each = axis >= 0 && constant->extent[axis] == channels && count == channels;
    return each || count == 1 ? channels : 0;
}

/* x op c, or c op x, as x * scale + shift; false where it is none. */
static bool linear_in_x(float *scale, float *shift, int32_t kind, float c, bool constant_first)
{
    *scale = 1;
    *shift = 0;
    switch (kind) {
    case BINARY_ADD: *shift = c; return true;
    case BINARY_MUL: *scale = c; return true;
    case BINARY_SUB:
        *scale = constant_first ? -1 : 1;
        *shift = constant_first ? c : -c;
        return true;
    default: *scale = 1 / c; return !constant_first && c != 0;
    }
}

/* Adding, multiplying, .. a constant a channel is SCALE_SHIFT, which others can take in. */
static tumorclass_status scale_from_binary(struct graph *graph, struct node *node)
{
    if (node->operation != OPERATION_BINARY || node->activation != ACTIVATION_NONE) return TUMORCLASS_OK;
    const struct shape *shape = &graph->values[node->output].shape;
    const bool first = channel_constant(graph, node->inputs[0], shape) > 0;
    const int32_t x = node->inputs[first], operand = node->inputs[!first];
    const int64_t channels = channel_constant(graph, operand, shape);
    if (!channels || shape_count(&graph->values[x].shape) != shape_count(shape)) return TUMORCLASS_OK;
    if (graph->values[x].shape.rank != shape->rank) return TUMORCLASS_OK;

    const float *constant = graph->values[operand].constant;
    const bool same = shape_count(&graph->values[operand].shape) == 1;
    struct node made = node_of(OPERATION_SCALE_SHIFT);
    int32_t inputs[3] = { x, NO_VALUE, NO_VALUE };
    float *scale, *shift;
    tumorclass_status status = add_channels(graph, &inputs[1], &scale, "scale", channels);
    if (status == TUMORCLASS_OK) status = add_channels(graph, &inputs[2], &shift, "shift", channels);
    bool linear = status == TUMORCLASS_OK;
    for (int64_t c = 0; linear && c < channels; c++)
        linear = linear_in_x(&scale[c], &shift[c], node->binary.kind, constant[same ? 0 : c], first);
    if (!linear) return status;
    int32_t *list = memory_allocate(3, sizeof *list);
    if (!list) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory to simplify the model");
    for (int i = 0; i < 3; i++) list[i] = inputs[i];
    memory_free(node->inputs);
    made.name = node->name;
    made.onnx = node->onnx;
    made.output = node->output;
    made.inputs = list;
    made.input_count = 3;
    *node = made;
    return TUMORCLASS_OK;
}

/* (w x + b) * scale + shift: rows of w and elements of b, of a convolution, a norm or another scale. In double. */
static tumorclass_status fold_scale(struct fusion *fusion, struct node *node)
{
    struct graph *graph = fusion->graph;
    struct node *before = bare_producer(fusion, node->inputs[0]);
    if (!before) return TUMORCLASS_OK;
    const float *scale = graph->values[node->inputs[1]].constant, *shift = graph->values[node->inputs[2]].constant;
    const float *w = graph->values[before->inputs[1]].constant;
    const float *b = before->inputs[2] == NO_VALUE ? NULL : graph->values[before->inputs[2]].constant;
    const struct shape shape = graph->values[before->inputs[1]].shape;
    const int64_t rows = shape.extent[0], row = shape_count(&shape) / rows;

    float *weights, *biases;
    int32_t weight, bias;
    tumorclass_status status = graph_add_constant(graph, &weight, &weights, "folded weight", &shape);
    if (status == TUMORCLASS_OK) status = add_channels(graph, &bias, &biases, "folded bias", rows);
    if (status != TUMORCLASS_OK) return status;
    for (int64_t o = 0; o < rows; o++) {
        for (int64_t i = 0; i < row; i++) weights[o * row + i] = (float)((double)w[o * row + i] * scale[o]);
        biases[o] = (float)((b ? (double)b[o] * scale[o] : 0) + shift[o]);
    }
    before->inputs[1] = weight;
    before->inputs[2] = bias;
    merge(fusion, before, node);
    return TUMORCLASS_OK;
}

/* The norm takes the mean away, and with it any bias. What the convolution makes is then no longer the file's tensor,
 * so it loses its name. */
static tumorclass_status drop_bias(struct fusion *fusion, struct node *node)
{
    struct node *before = bare_producer(fusion, node->inputs[0]);
    if (!before || before->operation != OPERATION_CONV || before->inputs[2] == NO_VALUE) return TUMORCLASS_OK;
    before->inputs[2] = NO_VALUE;
    return graph_rename(fusion->graph, before->output, " (without bias)");
}

/* Zeros around space are what a convolution pads with itself. */
static void absorb_pad(struct fusion *fusion, struct node *node)
{
    struct node *before = sole_producer(fusion, node->inputs[0]);
    if (!before || before->operation != OPERATION_PAD || before->pad.value != 0) return;
    const int64_t *front = before->pad.before, *back = before->pad.after;
    if (front[0] || front[1] || back[0] || back[1]) return;
    const int32_t rank = fusion->graph->values[before->output].shape.rank;
    for (int32_t i = 2; i < rank; i++)
        if (front[i] < 0 || back[i] < 0) return; /* a convolution cannot crop */
    for (int32_t i = 2; i < rank; i++) {
        node->conv.window.pad_before[i + 3 - rank] += front[i];
        node->conv.window.pad_after[i + 3 - rank] += back[i];
    }
    node->inputs[0] = before->inputs[0];
    before->output = NO_VALUE;
}

static void absorb_activation(struct fusion *fusion, struct node *node)
{
    struct node *before = sole_producer(fusion, node->inputs[0]);
    if (!before || before->activation != ACTIVATION_NONE) return;
    if (before->operation != OPERATION_CONV && before->operation != OPERATION_INSTANCE_NORM &&
        before->operation != OPERATION_SCALE_SHIFT && before->operation != OPERATION_BINARY)
        return;
    before->activation = node->activation;
    before->alpha = node->alpha;
    before->beta = node->beta;
    before->slope = node->slope;
    merge(fusion, before, node);
}

/* a + b: the later of the two that can take the other in does, so that little is moved. */
static void absorb_addition(struct fusion *fusion, struct node *node)
{
    const struct graph *graph = fusion->graph;
    const int32_t a = node->inputs[0], b = node->inputs[1];
    const int64_t count = shape_count(&graph->values[node->output].shape);
    if (node->binary.kind != BINARY_ADD || graph->values[a].constant || graph->values[b].constant) return;
    if (shape_count(&graph->values[a].shape) != count || shape_count(&graph->values[b].shape) != count) return;
    if (graph->values[a].shape.rank != graph->values[b].shape.rank) return;
    struct node *of_a = bare_producer(fusion, a), *of_b = bare_producer(fusion, b);
    struct node *host = of_a && (!of_b || of_a > of_b) ? of_a : of_b;
    if (!host) return;
    host->residual = host == of_a ? b : a;
    merge(fusion, host, node);
}

static tumorclass_status fuse_node(struct fusion *fusion, struct node *node)
{
    tumorclass_status status = scale_from_binary(fusion->graph, node);
    if (status != TUMORCLASS_OK) return status;
    switch (node->operation) {
    case OPERATION_SCALE_SHIFT: return fold_scale(fusion, node);
    case OPERATION_INSTANCE_NORM: return drop_bias(fusion, node);
    case OPERATION_CONV: absorb_pad(fusion, node); break;
    case OPERATION_ACTIVATION: absorb_activation(fusion, node); break;
    case OPERATION_BINARY: absorb_addition(fusion, node); break;
    default: break;
    }
    return TUMORCLASS_OK;
}

static void count_reader(void *context, int32_t *value)
{
    ((int32_t *)context)[*value]++;
}

tumorclass_status graph_fuse(struct graph *graph)
{
    struct fusion fusion = { .graph = graph, .value_count = graph->value_count };
    fusion.readers = memory_zeroed((size_t)graph->value_count, sizeof *fusion.readers);
    fusion.producer = memory_allocate((size_t)graph->value_count, sizeof *fusion.producer);
    tumorclass_status status = TUMORCLASS_OK;
    if (!fusion.readers || !fusion.producer) status = fail(TUMORCLASS_OUT_OF_MEMORY, "no memory to simplify the model");
    if (status == TUMORCLASS_OK) {
        for (int32_t v = 0; v < graph->value_count; v++) fusion.producer[v] = NO_VALUE;
        for (int32_t i = 0; i < graph->node_count; i++) {
            node_reads(&graph->nodes[i], count_reader, fusion.readers);
            fusion.producer[graph->nodes[i].output] = i;
        }
        graph_keeps(graph, count_reader, fusion.readers);
    }
    for (int32_t i = 0; status == TUMORCLASS_OK && i < graph->node_count; i++)
        status = fuse_node(&fusion, &graph->nodes[i]);
    if (status == TUMORCLASS_OK) status = graph_compact(graph);
    memory_free(fusion.readers);
    memory_free(fusion.producer);
    return status;
}
