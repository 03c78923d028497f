#include "gradient/tape.h"
#include <assert.h>
#include <stdio.h>

tumorclass_status tape_append(struct tape *tape, int32_t *output, const struct node *node, const int32_t *inputs,
                              int32_t input_count, const struct shape *shape, int32_t of)
{
    char name[160];
    snprintf(name, sizeof name, "gradient of %.128s", tape->graph->values[of].name);
    const struct shape own = *shape; /* it may be a value's, and values move */
    const tumorclass_status status = graph_add_value(tape->graph, output, name, &own);
    if (status != TUMORCLASS_OK) return status;
    struct node made = *node;
    made.onnx = operation_name(node->operation);
    made.output = *output;
    return graph_add_node(tape->graph, &made, name, inputs, input_count);
}

tumorclass_status tape_binary(struct tape *tape, int32_t *output, int32_t kind, int32_t a, int32_t b, int32_t of)
{
    struct node node = node_of(OPERATION_BINARY);
    node.binary.kind = kind;
    const int32_t inputs[] = { a, b };
    return tape_append(tape, output, &node, inputs, 2, tape_shape(tape, a), of);
}

static bool same_shape(const struct shape *a, const struct shape *b)
{
    bool same = a->rank == b->rank;
    for (int32_t i = 0; same && i < a->rank; i++) same = a->extent[i] == b->extent[i];
    return same;
}

/* The sum of g over the axes along which `value` was broadcast, in the value's shape. */
static tumorclass_status unbroadcast(struct tape *tape, int32_t *output, int32_t g, int32_t value)
{
    const struct shape wanted = *tape_shape(tape, value), from = *tape_shape(tape, g);
    const int32_t missing = from.rank - wanted.rank;
    struct node sum = node_of(OPERATION_REDUCE);
    struct shape reduced = from;
    sum.reduce.kind = REDUCE_SUM;
    for (int32_t i = 0; i < from.rank; i++) {
        const int64_t extent = i < missing ? 1 : wanted.extent[i - missing];
        sum.reduce.axes[i] = extent != from.extent[i];
        reduced.extent[i] = extent;
    }
    *output = g;
    tumorclass_status status = TUMORCLASS_OK;
    if (!same_shape(&from, &reduced)) status = tape_append(tape, output, &sum, &g, 1, &reduced, value);
    if (status != TUMORCLASS_OK || same_shape(&reduced, &wanted)) return status;
    const struct node reshape = node_of(OPERATION_RESHAPE);
    const int32_t input = *output;
    return tape_append(tape, output, &reshape, &input, 1, &wanted, value);
}

tumorclass_status tape_number(struct tape *tape, int32_t *value, float number)
{
    const struct shape shape = { 1, { 1 } };
    float *data;
    const tumorclass_status status = graph_add_constant(tape->graph, value, &data, "number", &shape);
    if (status == TUMORCLASS_OK) *data = number;
    return status;
}

bool tape_wants(const struct tape *tape, int32_t value)
{
    return value != NO_VALUE && tape->behind[value];
}

tumorclass_status tape_give(struct tape *tape, int32_t value, int32_t part)
{
    assert(tape_wants(tape, value));
    const tumorclass_status status = unbroadcast(tape, &part, part, value);
    if (status != TUMORCLASS_OK) return status;
    int32_t *gradient = &tape->gradient[value];
    if (*gradient != NO_VALUE) return tape_binary(tape, gradient, BINARY_ADD, *gradient, part, value);
    *gradient = part;
    return TUMORCLASS_OK;
}

tumorclass_status tape_give_node(struct tape *tape, int32_t value, const struct node *node, const int32_t *inputs,
                                 int32_t input_count)
{
    int32_t part;
    const tumorclass_status status = tape_append(tape, &part, node, inputs, input_count, tape_shape(tape, value),
                                                 value);
    return status == TUMORCLASS_OK ? tape_give(tape, value, part) : status;
}

tumorclass_status fail_gradient(const struct node *node, const char *why)
{
    return fail(TUMORCLASS_UNSUPPORTED, "node '%.100s' (%s) has no gradient: %s", node->name, node->onnx, why);
}
