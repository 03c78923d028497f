/* Gradients of operations that move elements: each moves them back. */
#include "gradient/tape.h"

/* Each input's slab is cut out. */
tumorclass_status concat_rule(struct tape *tape, const struct node *node, int32_t g)
{
    const int32_t axis = node->concat.axis;
    const int64_t total = tape_shape(tape, g)->extent[axis];
    tumorclass_status status = TUMORCLASS_OK;
    int64_t before = 0;
    for (int32_t i = 0; status == TUMORCLASS_OK && i < node->input_count; i++) {
        const int64_t extent = tape_shape(tape, node->inputs[i])->extent[axis];
        struct node crop = node_of(OPERATION_PAD);
        crop.pad.before[axis] = -before;
        crop.pad.after[axis] = before + extent - total;
        before += extent;
        if (tape_wants(tape, node->inputs[i])) status = tape_give_node(tape, node->inputs[i], &crop, &g, 1);
    }
    return status;
}

/* What was padded is cropped, and what was cropped gets zeros. */
tumorclass_status pad_rule(struct tape *tape, const struct node *node, int32_t g)
{
    struct node back = node_of(OPERATION_PAD);
    for (int32_t i = 0; i < MAX_RANK; i++) {
        back.pad.before[i] = -node->pad.before[i];
        back.pad.after[i] = -node->pad.after[i];
    }
    return tape_give_node(tape, node->inputs[0], &back, &g, 1);
}

tumorclass_status reshape_rule(struct tape *tape, const struct node *node, int32_t g)
{
    const struct node back = node_of(OPERATION_RESHAPE);
    return tape_give_node(tape, node->inputs[0], &back, &g, 1);
}

tumorclass_status transpose_rule(struct tape *tape, const struct node *node, int32_t g)
{
    struct node back = node_of(OPERATION_TRANSPOSE);
    const int32_t rank = tape_shape(tape, g)->rank;
    for (int32_t i = 0; i < rank; i++) back.transpose.permutation[node->transpose.permutation[i]] = i;
    return tape_give_node(tape, node->inputs[0], &back, &g, 1);
}
