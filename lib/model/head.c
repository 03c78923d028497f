/* The end of a classifier: a final softmax is taken off, and the layers that class activation maps rest on are found:
 * features -> mean over space -> dense layer -> logits (Zhou et al. 2016). */
#include "model/operators.h"
#include <string.h>

static const struct node *producer(const struct graph *graph, int32_t value)
{
    for (int32_t i = graph->node_count - 1; i >= 0; i--)
        if (graph->nodes[i].output == value) return &graph->nodes[i];
    return NULL;
}

static bool is(const struct node *node, operation kind)
{
    return node && node->operation == kind;
}

static int32_t through_reshapes(const struct graph *graph, int32_t value)
{
    const struct node *node = producer(graph, value);
    while (is(node, OPERATION_RESHAPE)) {
        value = node->inputs[0];
        node = producer(graph, value);
    }
    return value;
}

static void strip_softmax(struct graph *graph)
{
    const struct node *node = producer(graph, through_reshapes(graph, graph->output));
    if (!is(node, OPERATION_SOFTMAX)) return;
    const struct shape *shape = &graph->values[node->output].shape;
    if (shape->extent[node->softmax.axis] == shape_count(shape)) graph->output = node->inputs[0];
}

/* The dense layer as found, before it is brought into one form. */
struct dense {
    const struct node *product;
    int32_t bias; /* constant, or NO_VALUE */
    float beta;   /* times the bias */
    int64_t inputs, outputs;
};

/* matmul with constant weights, its bias inside, or added behind it. */
static bool find_dense(struct dense *dense, const struct graph *graph, int32_t output)
{
    const struct value *values = graph->values;
    const struct node *node = producer(graph, through_reshapes(graph, output));
    *dense = (struct dense){ .bias = NO_VALUE, .beta = 1 };
    if (is(node, OPERATION_BINARY) && node->binary.kind == BINARY_ADD) {
        const int32_t constant = values[node->inputs[1]].constant ? 1 : 0;
        dense->bias = node->inputs[constant];
        node = producer(graph, node->inputs[!constant]);
    }
    if (!is(node, OPERATION_MATMUL) || node->matmul.transpose_a || !values[node->inputs[1]].constant) return false;
    if (node->inputs[2] != NO_VALUE) {
        if (dense->bias != NO_VALUE) return false;
        dense->bias = node->inputs[2];
        dense->beta = node->matmul.beta;
    }
    const struct shape *weight = &values[node->inputs[1]].shape;
    dense->product = node;
    dense->inputs = weight->extent[node->matmul.transpose_b];
    dense->outputs = weight->extent[!node->matmul.transpose_b];
    if (weight->rank != 2 || shape_count(&values[node->output].shape) != dense->outputs) return false;
    if (dense->bias == NO_VALUE) return true;
    const int64_t count = shape_count(&values[dense->bias].shape);
    return values[dense->bias].constant && (count == 1 || count == dense->outputs);
}

static bool averages_space(const struct graph *graph, const struct node *node)
{
    if (!is(node, OPERATION_REDUCE) || node->reduce.kind != REDUCE_MEAN) return false;
    return graph->values[node->inputs[0]].shape.rank >= 3 && !node->reduce.axes[0] && !node->reduce.axes[1];
}

/* A tensor 1 x C x D x H x W, which may have been reshaped to 1 x C x anything: `value`, or what it was made from. */
static int32_t as_volume(const struct graph *graph, int32_t value, int64_t channels)
{
    for (const struct node *node = producer(graph, value);
         graph->values[value].shape.rank != 5 && is(node, OPERATION_RESHAPE); node = producer(graph, value))
        value = node->inputs[0];
    const struct shape *shape = &graph->values[value].shape;
    return shape->rank == 5 && shape->extent[0] == 1 && shape->extent[1] == channels ? value : NO_VALUE;
}

/* What the means (one over all of space, or one after another) in front of the dense layer read. */
static int32_t find_features(const struct graph *graph, const struct dense *dense)
{
    const int32_t pooled = through_reshapes(graph, dense->product->inputs[0]);
    int32_t features = NO_VALUE;
    for (const struct node *node = producer(graph, pooled); averages_space(graph, node);
         node = producer(graph, features))
        features = node->inputs[0];
    if (features == NO_VALUE || shape_count(&graph->values[pooled].shape) != dense->inputs) return NO_VALUE;
    if (graph->values[features].shape.extent[1] != dense->inputs) return NO_VALUE;
    return as_volume(graph, features, dense->inputs);
}

/* [outputs, inputs] with alpha in it: the file's own where it is that already. */
static tumorclass_status settle_weight(struct graph *graph, const struct dense *dense)
{
    const int32_t source = dense->product->inputs[1];
    const float alpha = dense->product->matmul.alpha;
    if (dense->product->matmul.transpose_b && alpha == 1) {
        graph->head_weight = source;
        return TUMORCLASS_OK;
    }
    const bool transposed_b = dense->product->matmul.transpose_b;
    const struct shape shape = { 2, { dense->outputs, dense->inputs } };
    float *weight;
    const tumorclass_status status = graph_add_constant(graph, &graph->head_weight, &weight, "head.weight", &shape);
    if (status != TUMORCLASS_OK) return status;
    const float *from = graph->values[source].constant;
    for (int64_t o = 0; o < dense->outputs; o++)
        for (int64_t i = 0; i < dense->inputs; i++)
            weight[o * dense->inputs + i] = alpha * from[transposed_b ? o * dense->inputs + i : i * dense->outputs + o];
    return TUMORCLASS_OK;
}

static tumorclass_status settle_bias(struct graph *graph, const struct dense *dense)
{
    if (dense->bias == NO_VALUE) return TUMORCLASS_OK;
    const struct shape shape = { 1, { dense->outputs } };
    float *bias;
    const tumorclass_status status = graph_add_constant(graph, &graph->head_bias, &bias, "head.bias", &shape);
    if (status != TUMORCLASS_OK) return status;
    const bool same = shape_count(&graph->values[dense->bias].shape) == 1;
    for (int64_t o = 0; o < dense->outputs; o++)
        bias[o] = dense->beta * graph->values[dense->bias].constant[same ? 0 : o];
    return TUMORCLASS_OK;
}

/* The activation that key `tumorclass.<key>` of the metadata names; NO_VALUE if it names none. */
static tumorclass_status find_named(int32_t *value, const struct walk *walk, const char *key, const char *name)
{
    *value = NO_VALUE;
    if (!name || !*name) return TUMORCLASS_OK;
    const struct symbol *symbol = symbol_find(walk, (struct text){ name, strlen(name) });
    if (!symbol || symbol->tensor.kind != TENSOR_ACTIVATION)
        return fail(TUMORCLASS_BAD_MODEL, "tumorclass.%s is '%s', which is no activation of the model", key, name);
    *value = symbol->tensor.value;
    return TUMORCLASS_OK;
}

/* The metadata may name the tensor; it cannot make another one right: only what the mean reads explains the logits. */
static tumorclass_status check_named(const struct walk *walk, int32_t features)
{
    int32_t named;
    const tumorclass_status status = find_named(&named, walk, "cam.layer", walk->options->features);
    if (status != TUMORCLASS_OK || named == NO_VALUE || named == features) return status;
    return fail(TUMORCLASS_BAD_MODEL,
                "tumorclass.cam.layer is '%s', which is not what the global average pool in front of the last dense "
                "layer reads (%s)",
                walk->options->features, features == NO_VALUE ? "there is none" : walk->graph->values[features].name);
}

tumorclass_status graph_find_head(struct walk *walk)
{
    struct graph *graph = walk->graph;
    strip_softmax(graph);
    struct dense dense;
    const bool found = find_dense(&dense, graph, graph->output);
    const int32_t features = found ? find_features(graph, &dense) : NO_VALUE;
    tumorclass_status status = find_named(&graph->fine, walk, "cam.fine_layer", walk->options->fine);
    if (status == TUMORCLASS_OK) status = check_named(walk, features);
    if (status != TUMORCLASS_OK || features == NO_VALUE) return status;
    graph->features = features;
    graph->embedding = dense.product->inputs[0];
    status = settle_weight(graph, &dense);
    return status == TUMORCLASS_OK ? settle_bias(graph, &dense) : status;
}
