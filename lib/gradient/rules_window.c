/* Gradients of convolutions and pools. */
#include "gradient/tape.h"

tumorclass_status conv_rule(struct tape *tape, const struct node *node, int32_t g)
{
    const int32_t x = node->inputs[0], weight = node->inputs[1], inputs[] = { g, weight };
    if (tape_wants(tape, weight)) return fail_gradient(node, "its weights are computed");
    if (tape_wants(tape, node->inputs[2])) return fail_gradient(node, "its bias is computed");
    struct node back = node_of(OPERATION_CONV_BACK);
    back.conv = node->conv;
    return tape_give_node(tape, x, &back, inputs, 2);
}

tumorclass_status pool_rule(struct tape *tape, const struct node *node, int32_t g)
{
    const int32_t x = node->inputs[0], inputs[] = { g, x };
    struct node back = node_of(OPERATION_POOL_BACK);
    back.pool = node->pool;
    return tape_give_node(tape, x, &back, inputs, 2);
}
