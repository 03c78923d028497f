/* Gradients of operations that work element by element or channel by channel. */
#include "gradient/tape.h"

/* y = f(x): g f'(x) */
tumorclass_status activation_rule(struct tape *tape, const struct node *node, int32_t g)
{
    const int32_t x = node->inputs[0], inputs[] = { g, x };
    if (tape_wants(tape, node->slope)) return fail_gradient(node, "its slopes are computed");
    struct node back = node_of(OPERATION_ACTIVATION_BACK);
    back.activation = node->activation;
    back.alpha = node->alpha;
    back.beta = node->beta;
    back.slope = node->slope;
    return tape_give_node(tape, x, &back, inputs, 2);
}

tumorclass_status instance_norm_rule(struct tape *tape, const struct node *node, int32_t g)
{
    const int32_t x = node->inputs[0], inputs[] = { g, x, node->inputs[1] };
    if (tape_wants(tape, node->inputs[1]) || tape_wants(tape, node->inputs[2]))
        return fail_gradient(node, "its scale or shift is computed");
    struct node back = node_of(OPERATION_INSTANCE_NORM_BACK);
    back.norm = node->norm;
    return tape_give_node(tape, x, &back, inputs, 3);
}

/* y = x scale + shift: g scale, with the same scales as [C, 1, ..] */
tumorclass_status scale_shift_rule(struct tape *tape, const struct node *node, int32_t g)
{
    const int32_t x = node->inputs[0];
    if (tape_wants(tape, node->inputs[1]) || tape_wants(tape, node->inputs[2]))
        return fail_gradient(node, "its scale or shift is computed");
    struct shape shape = { tape_shape(tape, x)->rank - 1, { tape_shape(tape, x)->extent[1] } };
    for (int32_t i = 1; i < shape.rank; i++) shape.extent[i] = 1;
    int32_t scale, part;
    tumorclass_status status = graph_add_value(tape->graph, &scale, "scale", &shape);
    if (status != TUMORCLASS_OK) return status;
    tape->graph->values[scale].constant = tape->graph->values[node->inputs[1]].constant;
    status = tape_binary(tape, &part, BINARY_MUL, g, scale, x);
    return status == TUMORCLASS_OK ? tape_give(tape, x, part) : status;
}

/* a + b: g. a - b: g. a b: g b. a / b: g / b. */
static tumorclass_status first_operand(struct tape *tape, const struct node *node, int32_t g)
{
    const int32_t a = node->inputs[0], b = node->inputs[1];
    int32_t part = g;
    tumorclass_status status = TUMORCLASS_OK;
    if (node->binary.kind == BINARY_MUL || node->binary.kind == BINARY_DIV)
        status = tape_binary(tape, &part, node->binary.kind, g, b, a);
    return status == TUMORCLASS_OK ? tape_give(tape, a, part) : status;
}

/* a + b: g. a - b: -g. a b: g a. y = a / b: -g y / b. */
static tumorclass_status second_operand(struct tape *tape, const struct node *node, int32_t g)
{
    const int32_t a = node->inputs[0], b = node->inputs[1];
    int32_t part = g, minus;
    tumorclass_status status = TUMORCLASS_OK;
    if (node->binary.kind == BINARY_MUL) status = tape_binary(tape, &part, BINARY_MUL, g, a, b);
    if (node->binary.kind == BINARY_DIV) {
        status = tape_binary(tape, &part, BINARY_MUL, g, node->output, b);
        if (status == TUMORCLASS_OK) status = tape_binary(tape, &part, BINARY_DIV, part, b, b);
    }
    if (status == TUMORCLASS_OK && (node->binary.kind == BINARY_SUB || node->binary.kind == BINARY_DIV)) {
        status = tape_number(tape, &minus, -1);
        if (status == TUMORCLASS_OK) status = tape_binary(tape, &part, BINARY_MUL, part, minus, b);
    }
    return status == TUMORCLASS_OK ? tape_give(tape, b, part) : status;
}

tumorclass_status binary_rule(struct tape *tape, const struct node *node, int32_t g)
{
    tumorclass_status status = TUMORCLASS_OK;
    if (tape_wants(tape, node->inputs[0])) status = first_operand(tape, node, g);
    if (status == TUMORCLASS_OK && tape_wants(tape, node->inputs[1])) status = second_operand(tape, node, g);
    return status;
}
