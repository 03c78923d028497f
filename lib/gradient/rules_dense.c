/* Gradients of matrix products, and of what runs over axes: means, maxima, sums, softmax. */
#include "gradient/tape.h"

/* alpha op(a) op(b) of the shape that numpy gives it; op transposes or not. */
static tumorclass_status product(struct tape *tape, int32_t *output, int32_t a, bool transpose_a, int32_t b,
                                 bool transpose_b, float alpha, int32_t of)
{
    const struct shape *of_a = tape_shape(tape, a), *of_b = tape_shape(tape, b);
    const struct shape *longer = of_a->rank > of_b->rank ? of_a : of_b;
    struct shape shape = *longer;
    for (int32_t i = 3; i <= shape.rank; i++) { /* the i-th axis from the end: batches broadcast */
        const int64_t extent_a = i <= of_a->rank ? of_a->extent[of_a->rank - i] : 1;
        const int64_t extent_b = i <= of_b->rank ? of_b->extent[of_b->rank - i] : 1;
        shape.extent[shape.rank - i] = extent_a > extent_b ? extent_a : extent_b;
    }
    shape.extent[shape.rank - 2] = of_a->extent[of_a->rank - (transpose_a ? 1 : 2)];
    shape.extent[shape.rank - 1] = of_b->extent[of_b->rank - (transpose_b ? 2 : 1)];
    struct node node = node_of(OPERATION_MATMUL);
    node.matmul.transpose_a = transpose_a;
    node.matmul.transpose_b = transpose_b;
    node.matmul.alpha = alpha;
    node.matmul.beta = 1;
    const int32_t inputs[] = { a, b, NO_VALUE };
    return tape_append(tape, output, &node, inputs, 3, &shape, of);
}

/* y = alpha op(a) op(b) + beta bias: by op(a) alpha g op(b)', by op(b) alpha op(a)' g, by bias beta g; where op
 * transposes, the transpose of that, with the factors in the other order. */
tumorclass_status matmul_rule(struct tape *tape, const struct node *node, int32_t g)
{
    const int32_t a = node->inputs[0], b = node->inputs[1], bias = node->inputs[2];
    const bool of_a = node->matmul.transpose_a, of_b = node->matmul.transpose_b;
    const float alpha = node->matmul.alpha;
    int32_t part, beta;
    tumorclass_status status = TUMORCLASS_OK;
    if (tape_wants(tape, a)) {
        status = of_a ? product(tape, &part, b, of_b, g, true, alpha, a)
                      : product(tape, &part, g, false, b, !of_b, alpha, a);
        if (status == TUMORCLASS_OK) status = tape_give(tape, a, part);
    }
    if (status == TUMORCLASS_OK && tape_wants(tape, b)) {
        status = of_b ? product(tape, &part, g, true, a, of_a, alpha, b)
                      : product(tape, &part, a, !of_a, g, false, alpha, b);
        if (status == TUMORCLASS_OK) status = tape_give(tape, b, part);
    }
    if (status == TUMORCLASS_OK && tape_wants(tape, bias)) {
        status = tape_number(tape, &beta, node->matmul.beta);
        if (status == TUMORCLASS_OK) status = tape_binary(tape, &part, BINARY_MUL, g, beta, bias);
        if (status == TUMORCLASS_OK) status = tape_give(tape, bias, part);
    }
    return status;
}

tumorclass_status reduce_rule(struct tape *tape, const struct node *node, int32_t g)
{
    const int32_t x = node->inputs[0], inputs[] = { g, x };
    struct node back = node_of(OPERATION_REDUCE_BACK);
    back.reduce = node->reduce;
    return tape_give_node(tape, x, &back, inputs, 2);
}

tumorclass_status softmax_rule(struct tape *tape, const struct node *node, int32_t g)
{
    const int32_t x = node->inputs[0], inputs[] = { g, node->output };
    struct node back = node_of(OPERATION_SOFTMAX_BACK);
    back.softmax = node->softmax;
    return tape_give_node(tape, x, &back, inputs, 2);
}
