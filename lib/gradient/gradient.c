#include "gradient/gradient.h"
#include <assert.h>
#include "base/memory.h"
#include "gradient/tape.h"

static gradient_rule *const rules[OPERATION_COUNT] = {
    [OPERATION_ACTIVATION] = activation_rule,
    [OPERATION_BINARY] = binary_rule,
    [OPERATION_CONCAT] = concat_rule,
    [OPERATION_CONV] = conv_rule,
    [OPERATION_INSTANCE_NORM] = instance_norm_rule,
    [OPERATION_MATMUL] = matmul_rule,
    [OPERATION_PAD] = pad_rule,
    [OPERATION_POOL] = pool_rule,
    [OPERATION_REDUCE] = reduce_rule,
    [OPERATION_RESHAPE] = reshape_rule,
    [OPERATION_SCALE_SHIFT] = scale_shift_rule,
    [OPERATION_SOFTMAX] = softmax_rule,
    [OPERATION_TRANSPOSE] = transpose_rule,
};

static tumorclass_status add_seed(struct tape *tape)
{
    struct graph *graph = tape->graph;
    const struct shape shape = *tape_shape(tape, graph->output);
    return graph_add_value(graph, &graph->seed, "seed", &shape);
}

/* From the logits to `at`: when a node's turn comes, all readers of its output have given their parts. */
static tumorclass_status append_backward(struct tape *tape)
{
    struct graph *graph = tape->graph;
    tape->gradient = memory_allocate((size_t)graph->value_count, sizeof *tape->gradient);
    if (!tape->gradient) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a backward pass");
    for (int32_t v = 0; v < graph->value_count; v++) tape->gradient[v] = NO_VALUE;
    tape->gradient[graph->output] = graph->seed;

    for (int32_t i = tape->forward - 1; i >= 0; i--) {
        const struct node node = graph->nodes[i]; /* nodes move when one is added */
        const int32_t g = tape->gradient[node.output];
        if (g == NO_VALUE || node.output == tape->at) continue;
        if (!rules[node.operation]) return fail_gradient(&node, "it is one itself");
        const tumorclass_status status = rules[node.operation](tape, &node, g);
        if (status != TUMORCLASS_OK) return status;
    }
    return TUMORCLASS_OK;
}

static tumorclass_status sum_over(struct tape *tape, int32_t *output, int32_t x, int32_t first, int32_t last)
{
    struct node node = node_of(OPERATION_REDUCE);
    struct shape shape = *tape_shape(tape, x);
    node.reduce.kind = REDUCE_SUM;
    for (int32_t i = first; i <= last; i++) {
        node.reduce.axes[i] = true;
        shape.extent[i] = 1;
    }
    return tape_append(tape, output, &node, &x, 1, &shape, tape->at);
}

/* HIRESCAM: n sum_k g_k A_k. GRADCAM: sum_k (sum over cells of g_k) A_k. */
static tumorclass_status append_map(struct tape *tape, tumorclass_attention_method method)
{
    const int32_t a = tape->at, g = tape->gradient[a];
    const int64_t *cells = tape_shape(tape, a)->extent + 2;
    int32_t weight = g, product = NO_VALUE, map = NO_VALUE, count = NO_VALUE;
    tumorclass_status status = TUMORCLASS_OK;
    if (method == TUMORCLASS_ATTENTION_GRADCAM) status = sum_over(tape, &weight, g, 2, 4);
    if (status == TUMORCLASS_OK) status = tape_binary(tape, &product, BINARY_MUL, a, weight, a);
    if (status == TUMORCLASS_OK) status = sum_over(tape, &map, product, 1, 1);
    if (status == TUMORCLASS_OK && method == TUMORCLASS_ATTENTION_HIRESCAM) {
        status = tape_number(tape, &count, (float)(cells[0] * cells[1] * cells[2]));
        if (status == TUMORCLASS_OK) status = tape_binary(tape, &map, BINARY_MUL, map, count, a);
    }
    tape->graph->output = map;
    return status;
}

tumorclass_status gradient_graph(struct graph *graph, const struct graph *source, int32_t start, int32_t at,
                                 tumorclass_attention_method method)
{
    assert(method == TUMORCLASS_ATTENTION_GRADCAM || method == TUMORCLASS_ATTENTION_HIRESCAM);
    *graph = graph_empty();
    struct tape tape = { .graph = graph, .at = NO_VALUE };
    tumorclass_status status = tape_copy(&tape, source, start, at);
    if (status == TUMORCLASS_OK) status = add_seed(&tape);
    if (status == TUMORCLASS_OK) status = append_backward(&tape);
    if (status == TUMORCLASS_OK) status = append_map(&tape, method);
    if (status == TUMORCLASS_OK) status = graph_compact(graph);
    memory_free(tape.gradient);
    memory_free(tape.behind);
    if (status != TUMORCLASS_OK) graph_free(graph);
    return status;
}
