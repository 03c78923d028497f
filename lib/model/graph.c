#include "model/graph_edit.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"

int64_t shape_count(const struct shape *shape)
{
    for (int32_t i = 0; i < shape->rank; i++)
        if (shape->extent[i] == 0) return 0; /* before the others can overflow */
    int64_t count = 1;
    for (int32_t i = 0; i < shape->rank; i++) count *= shape->extent[i];
    return count;
}

struct extents shape_extents(const struct shape *shape)
{
    assert(shape->rank >= 2 && shape->rank <= 5);
    int64_t space[3] = { 1, 1, 1 };
    for (int32_t i = 2; i < shape->rank; i++) space[i + 3 - shape->rank] = shape->extent[i];
    return (struct extents){ shape->extent[0], shape->extent[1], space[0], space[1], space[2] };
}

void shape_text(char *text, size_t size, const struct shape *shape)
{
    assert(size);
    snprintf(text, size, "scalar");
    size_t used = 0;
    for (int32_t i = 0; i < shape->rank && used < size; i++) {
        const int written = snprintf(text + used, size - used, i ? " x %lld" : "%lld", (long long)shape->extent[i]);
        used += (size_t)written;
    }
}

const char *operation_name(operation kind)
{
    static const char *const names[OPERATION_COUNT] = {
        [OPERATION_ACTIVATION] = "activation",
        [OPERATION_BINARY] = "binary",
        [OPERATION_CONCAT] = "concat",
        [OPERATION_CONV] = "convolution",
        [OPERATION_INSTANCE_NORM] = "instance norm",
        [OPERATION_MATMUL] = "matrix product",
        [OPERATION_PAD] = "pad",
        [OPERATION_POOL] = "pool",
        [OPERATION_REDUCE] = "reduce",
        [OPERATION_RESHAPE] = "reshape",
        [OPERATION_SCALE_SHIFT] = "scale and shift",
        [OPERATION_SOFTMAX] = "softmax",
        [OPERATION_TRANSPOSE] = "transpose",
        [OPERATION_ACTIVATION_BACK] = "gradient of activation",
        [OPERATION_CONV_BACK] = "gradient of convolution",
        [OPERATION_INSTANCE_NORM_BACK] = "gradient of instance norm",
        [OPERATION_POOL_BACK] = "gradient of pool",
        [OPERATION_REDUCE_BACK] = "gradient of reduce",
        [OPERATION_SOFTMAX_BACK] = "gradient of softmax",
    };
    assert((int)kind >= 0 && kind < OPERATION_COUNT);
    return names[kind];
}

struct graph graph_empty(void)
{
    return (struct graph){ .input = NO_VALUE,
                           .output = NO_VALUE,
                           .features = NO_VALUE,
                           .head_weight = NO_VALUE,
                           .head_bias = NO_VALUE,
                           .embedding = NO_VALUE,
                           .fine = NO_VALUE,
                           .seed = NO_VALUE };
}

struct node node_of(operation kind)
{
    return (struct node){ .operation = kind, .output = NO_VALUE, .slope = NO_VALUE, .residual = NO_VALUE };
}

/* Room for one element more in an array of `count`; doubles. */
static bool grow(void **array, int32_t *capacity, int32_t count, size_t size)
{
    if (count < *capacity) return true;
    const int32_t larger = *capacity ? 2 * *capacity : 64;
    void *resized = memory_resize(*array, (size_t)count, (size_t)larger, size);
    if (!resized) return false;
    *array = resized;
    *capacity = larger;
    return true;
}

tumorclass_status graph_add_value(struct graph *graph, int32_t *value, const char *name, const struct shape *shape)
{
    if (graph->value_count > INT32_MAX / 4) return fail(TUMORCLASS_LIMIT, "the model has too many tensors");
    void *values = graph->values;
    if (!grow(&values, &graph->value_capacity, graph->value_count, sizeof *graph->values))
        return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for tensor %s", name);
    graph->values = values;
    char *copy = memory_string(name);
    if (!copy) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the name of a tensor");
    *value = graph->value_count++;
    graph->values[*value] = (struct value){ .name = copy, .shape = *shape };
    return TUMORCLASS_OK;
}

tumorclass_status graph_add_constant(struct graph *graph, int32_t *value, float **data, const char *name,
                                     const struct shape *shape)
{
    *data = memory_allocate((size_t)shape_count(shape), sizeof **data);
    if (!*data)
        return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the %lld values of %s", (long long)shape_count(shape),
                    name);
    const tumorclass_status status = graph_add_value(graph, value, name, shape);
    if (status != TUMORCLASS_OK) {
        memory_free(*data);
        return status;
    }
    graph->values[*value].constant = graph->values[*value].owned = *data;
    return TUMORCLASS_OK;
}

tumorclass_status graph_add_node(struct graph *graph, const struct node *node, const char *name, const int32_t *inputs,
                                 int32_t input_count)
{
    if (graph->node_count >= MAX_NODES)
        return fail(TUMORCLASS_UNSUPPORTED, "the model has more than %d nodes", (int)MAX_NODES);
    void *nodes = graph->nodes;
    if (!grow(&nodes, &graph->node_capacity, graph->node_count, sizeof *graph->nodes))
        return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for node %s", name);
    graph->nodes = nodes;
    struct node copy = *node;
    copy.input_count = input_count;
    copy.name = memory_string(name);
    copy.inputs = memory_allocate((size_t)input_count, sizeof *inputs);
    if (!copy.name || !copy.inputs) {
        memory_free(copy.name);
        memory_free(copy.inputs);
        return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for node %s", name);
    }
    memcpy(copy.inputs, inputs, (size_t)input_count * sizeof *inputs);
    graph->nodes[graph->node_count++] = copy;
    return TUMORCLASS_OK;
}

tumorclass_status graph_rename(struct graph *graph, int32_t value, const char *suffix)
{
    char **name = &graph->values[value].name;
    const size_t size = strlen(*name) + strlen(suffix) + 1;
    char *longer = memory_allocate(size, 1);
    if (!longer) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the name of a tensor");
    snprintf(longer, size, "%s%s", *name, suffix);
    memory_free(*name);
    *name = longer;
    return TUMORCLASS_OK;
}

void node_reads(struct node *node, void (*visit)(void *context, int32_t *value), void *context)
{
    for (int32_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] != NO_VALUE) visit(context, &node->inputs[i]);
    if (node->slope != NO_VALUE) visit(context, &node->slope);
    if (node->residual != NO_VALUE) visit(context, &node->residual);
}

void graph_keeps(struct graph *graph, void (*visit)(void *context, int32_t *value), void *context)
{
    int32_t *const kept[] = { &graph->input,     &graph->output,    &graph->features, &graph->head_weight,
                              &graph->head_bias, &graph->embedding, &graph->fine,     &graph->seed };
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (*kept[i] != NO_VALUE) visit(context, kept[i]);
    for (int32_t i = 0; i < graph->level_count; i++) visit(context, &graph->levels[i]);
}

static void mark(void *context, int32_t *value)
{
    ((int32_t *)context)[*value] = 1;
}

static void renumber(void *context, int32_t *value)
{
    *value = ((const int32_t *)context)[*value];
}

static void free_node(struct node *node)
{
    memory_free(node->name);
    memory_free(node->inputs);
}

static void free_value(struct value *value)
{
    memory_free(value->name);
    memory_free(value->owned);
}

/* used[value]: 1 if a kept node or the graph reads it. Backwards, so that a node's readers are settled before it. */
static void drop_dead_nodes(struct graph *graph, int32_t *used)
{
    graph_keeps(graph, mark, used);
    for (int32_t i = graph->node_count - 1; i >= 0; i--) {
        struct node *node = &graph->nodes[i];
        if (node->output != NO_VALUE && !used[node->output]) node->output = NO_VALUE;
        if (node->output != NO_VALUE) node_reads(node, mark, used);
    }
    int32_t kept = 0;
    for (int32_t i = 0; i < graph->node_count; i++) {
        if (graph->nodes[i].output == NO_VALUE)
            free_node(&graph->nodes[i]);
        else
            graph->nodes[kept++] = graph->nodes[i];
    }
    graph->node_count = kept;
}

tumorclass_status graph_compact(struct graph *graph)
{
    int32_t *map = memory_zeroed((size_t)graph->value_count, sizeof *map);
    if (!map) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory to simplify the model");
    drop_dead_nodes(graph, map);
    int32_t kept = 0;
    for (int32_t i = 0; i < graph->value_count; i++) {
        if (!map[i]) {
            free_value(&graph->values[i]);
            continue;
        }
        map[i] = kept;
        graph->values[kept++] = graph->values[i];
    }
    graph->value_count = kept;
    for (int32_t i = 0; i < graph->node_count; i++) {
        node_reads(&graph->nodes[i], renumber, map);
        renumber(map, &graph->nodes[i].output);
    }
    graph_keeps(graph, renumber, map);
    memory_free(map);
    return TUMORCLASS_OK;
}

void graph_free(struct graph *graph)
{
    for (int32_t i = 0; i < graph->node_count; i++) free_node(&graph->nodes[i]);
    for (int32_t i = 0; i < graph->value_count; i++) free_value(&graph->values[i]);
    memory_free(graph->nodes);
    memory_free(graph->values);
    *graph = graph_empty();
}

int32_t graph_find(const struct graph *graph, const char *name)
{
    for (int32_t i = 0; i < graph->value_count; i++)
        if (!strcmp(graph->values[i].name, name)) return i;
    return NO_VALUE;
}

int64_t node_multiplications(const struct graph *graph, const struct node *node)
{
    int64_t factors[3] = { shape_count(&graph->values[node->output].shape), 1, 1 };
    if (node->operation == OPERATION_CONV) { /* of weight [O, C / groups, kD, kH, kW] each output takes one row */
        const struct shape *weight = &graph->values[node->inputs[1]].shape;
        factors[1] = shape_count(weight) / weight->extent[0];
    } else if (node->operation == OPERATION_CONV_BACK) { /* each element of g takes part in one row */
        const struct shape *weight = &graph->values[node->inputs[1]].shape;
        factors[0] = shape_count(&graph->values[node->inputs[0]].shape);
        factors[1] = shape_count(weight) / weight->extent[0];
    } else if (node->operation == OPERATION_MATMUL) {
        const struct shape *a = &graph->values[node->inputs[0]].shape;
        factors[1] = a->extent[node->matmul.transpose_a ? a->rank - 2 : a->rank - 1];
    } else {
        return 0;
    }
    const int64_t product = multiply_extents(factors, 3);
    return product < 0 ? INT64_MAX : product;
}

int64_t graph_multiplications(const struct graph *graph)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < graph->node_count; i++) {
        const int64_t product = node_multiplications(graph, &graph->nodes[i]);
        sum = product > INT64_MAX - sum ? INT64_MAX : sum + product;
    }
    return sum;
}

static int64_t constant_count(const struct graph *graph, int32_t value)
{
    return value != NO_VALUE && graph->values[value].constant ? shape_count(&graph->values[value].shape) : 0;
}

static bool node_uses(const struct graph *graph, int32_t value)
{
    for (int32_t i = 0; i < graph->node_count; i++)
        for (int32_t k = 0; k < graph->nodes[i].input_count; k++)
            if (graph->nodes[i].inputs[k] == value) return true;
    return false;
}

/* A compact graph has no constant that nobody reads; but the head's may be copies of what its node reads. */
int64_t graph_parameters(const struct graph *graph)
{
    int64_t sum = 0;
    for (int32_t v = 0; v < graph->value_count; v++) sum += constant_count(graph, v);
    if (!node_uses(graph, graph->head_weight)) sum -= constant_count(graph, graph->head_weight);
    if (!node_uses(graph, graph->head_bias)) sum -= constant_count(graph, graph->head_bias);
    return sum;
}
