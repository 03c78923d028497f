#include <assert.h>
#include "base/memory.h"
#include "gradient/tape.h"

/* Where the values of `source` are in the graph; NO_VALUE: not in it. */
struct copy {
    struct tape *tape;
    const struct graph *source;
    int32_t at; /* of the source */
    int32_t *map;
};

static void mark_at(struct tape *tape, int32_t value)
{
    tape->at = value;
    tape->behind[value] = true;
}

struct known {
    const struct copy *copy;
    bool all, computed; /* every value that a node reads is in the graph; one of them is computed */
};

static void look_up(void *context, int32_t *value)
{
    struct known *known = context;
    known->all = known->all && known->copy->map[*value] != NO_VALUE;
    known->computed = known->computed || !known->copy->source->values[*value].constant;
}

/* Everything behind a cut reads, of what is computed, only what is behind it too. */
static bool lies_behind_start(const struct copy *copy, struct node *node)
{
    struct known known = { copy, true, false };
    node_reads(node, look_up, &known);
    return known.all && known.computed;
}

static void renumber(void *context, int32_t *value)
{
    *value = ((const struct copy *)context)->map[*value];
}

struct any {
    const struct tape *tape;
    bool found;
};

static void look_behind(void *context, int32_t *value)
{
    struct any *any = context;
    any->found = any->found || any->tape->behind[*value];
}

static bool reads_behind(const struct tape *tape, struct node *node)
{
    struct any any = { tape, false };
    node_reads(node, look_behind, &any);
    return any.found;
}

/* The graph's last node gets an output, like the value `like` of the source. */
static tumorclass_status add_output(struct copy *copy, int32_t *output, int32_t like)
{
    struct tape *tape = copy->tape;
    struct graph *graph = tape->graph;
    const struct value *value = &copy->source->values[like];
    const tumorclass_status status = graph_add_value(graph, output, value->name, &value->shape);
    if (status != TUMORCLASS_OK) return status;
    struct node *node = &graph->nodes[graph->node_count - 1];
    node->output = *output;
    tape->behind[*output] = reads_behind(tape, node);
    return TUMORCLASS_OK;
}

/* What was hung on `host` as a node of its own; *value is what the host makes, then what this node does. */
static tumorclass_status add_part(struct copy *copy, int32_t *value, const struct node *host, struct node part,
                                  int32_t second)
{
    const int32_t inputs[2] = { *value, second }, like = host->output;
    part.onnx = host->onnx;
    const tumorclass_status status = graph_add_node(copy->tape->graph, &part, host->name, inputs,
                                                    second == NO_VALUE ? 1 : 2);
    return status == TUMORCLASS_OK ? add_output(copy, value, like) : status;
}

static tumorclass_status add_parts(struct copy *copy, int32_t *value, const struct node *host, int32_t residual,
                                   int32_t slope)
{
    tumorclass_status status = TUMORCLASS_OK;
    struct node addition = node_of(OPERATION_BINARY), function = node_of(OPERATION_ACTIVATION);
    addition.binary.kind = BINARY_ADD;
    function.activation = host->activation;
    function.alpha = host->alpha;
    function.beta = host->beta;
    function.slope = slope;
    if (residual != NO_VALUE) status = add_part(copy, value, host, addition, residual);
    if (status == TUMORCLASS_OK && host->activation != ACTIVATION_NONE)
        status = add_part(copy, value, host, function, NO_VALUE);
    return status;
}

/* As it is or, behind `at`, in parts. */
static tumorclass_status copy_node(struct copy *copy, const struct node *node)
{
    struct graph *graph = copy->tape->graph;
    tumorclass_status status = graph_add_node(graph, node, node->name, node->inputs, node->input_count);
    if (status != TUMORCLASS_OK) return status;
    struct node *made = &graph->nodes[graph->node_count - 1];
    node_reads(made, renumber, copy);
    const bool apart = reads_behind(copy->tape, made) && node->operation != OPERATION_ACTIVATION;
    const int32_t residual = made->residual, slope = made->slope;
    if (apart) {
        made->activation = ACTIVATION_NONE;
        made->residual = made->slope = NO_VALUE;
    }
    int32_t value;
    status = add_output(copy, &value, node->output);
    if (status == TUMORCLASS_OK && apart) status = add_parts(copy, &value, node, residual, slope);
    if (status != TUMORCLASS_OK) return status;
    copy->map[node->output] = value;
    if (node->output == copy->at) mark_at(copy->tape, value);
    return TUMORCLASS_OK;
}

/* All constants of the source, where they lie; those that nothing reads are dropped with the other dead parts. */
static tumorclass_status share_constants(struct copy *copy)
{
    for (int32_t v = 0; v < copy->source->value_count; v++) {
        const struct value *value = &copy->source->values[v];
        copy->map[v] = NO_VALUE;
        if (!value->constant) continue;
        const tumorclass_status status = graph_add_value(copy->tape->graph, &copy->map[v], value->name, &value->shape);
        if (status != TUMORCLASS_OK) return status;
        copy->tape->graph->values[copy->map[v]].constant = value->constant;
    }
    return TUMORCLASS_OK;
}

static tumorclass_status copy_all(struct copy *copy, int32_t start)
{
    const struct graph *source = copy->source;
    struct graph *graph = copy->tape->graph;
    tumorclass_status status = share_constants(copy);
    if (status == TUMORCLASS_OK)
        status = graph_add_value(graph, &graph->input, source->values[start].name, &source->values[start].shape);
    if (status != TUMORCLASS_OK) return status;
    copy->map[start] = graph->input;
    if (start == copy->at) mark_at(copy->tape, graph->input);
    for (int32_t i = 0; status == TUMORCLASS_OK && i < source->node_count; i++)
        if (lies_behind_start(copy, &source->nodes[i])) status = copy_node(copy, &source->nodes[i]);
    if (status != TUMORCLASS_OK) return status;
    graph->output = copy->map[source->output];
    assert(graph->output != NO_VALUE && copy->tape->behind[graph->output]);
    copy->tape->forward = graph->node_count;
    return TUMORCLASS_OK;
}

tumorclass_status tape_copy(struct tape *tape, const struct graph *source, int32_t start, int32_t at)
{
    const size_t most = (size_t)source->value_count + 2 * (size_t)source->node_count; /* a node has three parts */
    struct copy copy = { tape, source, at, memory_allocate((size_t)source->value_count, sizeof *copy.map) };
    tape->behind = memory_zeroed(most, sizeof *tape->behind);
    const tumorclass_status status = copy.map && tape->behind
                                         ? copy_all(&copy, start)
                                         : fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a backward pass");
    memory_free(copy.map);
    return status;
}
