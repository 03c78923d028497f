/* Gradients of convolutions and pools. */
#include "gradient/tape.h"

/* The window of the convolution that takes g back to x, if stride 1 lets it be one: dx[i] = sum over k of
 * w[k] g[i + pad - k dilation], taps in the other order, and padding so that x's extents come out. */
static bool forward_window(struct window *back, const struct window *window)
{
    *back = *window;
    for (int i = 0; i < 3; i++) {
        const int64_t reach = (window->kernel[i] - 1) * window->dilation[i];
        back->pad_before[i] = reach - window->pad_before[i];
        back->pad_after[i] = reach - window->pad_after[i];
        if (window->stride[i] != 1 || back->pad_before[i] < 0 || back->pad_after[i] < 0) return false;
    }
    return true;
}

/* From [groups x O, C, taps] to [groups x C, O, taps], taps from the last to the first. */
static void turn_weight(float *dst, const float *src, int64_t groups, int64_t outputs, int64_t channels, int64_t taps)
{
    for (int64_t group = 0; group < groups; group++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t o = 0; o < outputs; o++) {
                float *to = dst + ((group * channels + c) * outputs + o) * taps;
                const float *from = src + ((group * outputs + o) * channels + c) * taps;
                for (int64_t k = 0; k < taps; k++) to[k] = from[taps - 1 - k];
            }
}

static tumorclass_status turned_weight(struct tape *tape, int32_t *value, const struct node *node)
{
    const struct value weight = tape->graph->values[node->inputs[1]];
    const int64_t groups = node->conv.groups;
    const int64_t outputs = weight.shape.extent[0] / groups, channels = weight.shape.extent[1];
    struct shape shape = weight.shape;
    shape.extent[0] = groups * channels;
    shape.extent[1] = outputs;
    float *data;
    const tumorclass_status status = graph_add_constant(tape->graph, value, &data, "turned weight", &shape);
    if (status != TUMORCLASS_OK) return status;
    turn_weight(data, weight.constant, groups, outputs, channels, shape.extent[2] * shape.extent[3] * shape.extent[4]);
    return TUMORCLASS_OK;
}

tumorclass_status conv_rule(struct tape *tape, const struct node *node, int32_t g)
{
    const struct value *values = tape->graph->values;
    const int32_t x = node->inputs[0];
    if (!values[node->inputs[1]].constant) return fail_gradient(node, "its weights are computed");
    if (tape_wants(tape, node->inputs[2])) return fail_gradient(node, "its bias is computed");

    struct node back = node_of(OPERATION_CONV_BACK);
    struct window window;
    back.conv = node->conv;
    if (!forward_window(&window, &node->conv.window))
        return tape_give_node(tape, x, &back, (const int32_t[]){ g, node->inputs[1] }, 2);
    back.operation = OPERATION_CONV;
    back.conv.window = window;
    int32_t weight;
    const tumorclass_status status = turned_weight(tape, &weight, node);
    if (status != TUMORCLASS_OK) return status;
    return tape_give_node(tape, x, &back, (const int32_t[]){ g, weight, NO_VALUE }, 3);
}

tumorclass_status pool_rule(struct tape *tape, const struct node *node, int32_t g)
{
    const int32_t x = node->inputs[0], inputs[] = { g, x };
    struct node back = node_of(OPERATION_POOL_BACK);
    back.pool = node->pool;
    return tape_give_node(tape, x, &back, inputs, 2);
}
