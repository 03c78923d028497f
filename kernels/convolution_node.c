#include "convolution_node.h"

static void take_extents(int64_t dst[3], const struct extents *e)
{
    dst[0] = e->d;
    dst[1] = e->h;
    dst[2] = e->w;
}

bool node_is_convolution(const struct node *node)
{
    return node->operation == OPERATION_CONV || node->operation == OPERATION_CONV_BACK;
}

struct convolution convolution_of(const struct graph *graph, const struct node *node, gpu_storage storage)
{
    const bool back = node->operation == OPERATION_CONV_BACK;
    const int32_t x = back ? node->output : node->inputs[0], y = back ? node->inputs[0] : node->output;
    const struct extents from = shape_extents(&graph->values[x].shape), to = shape_extents(&graph->values[y].shape);
    const struct window *window = &node->conv.window;
    const bool biased = node->input_count > 2 && node->inputs[2] != NO_VALUE;
    struct convolution c = { .n = from.n,
                             .channels = from.c,
                             .filters = to.c,
                             .groups = node->conv.groups,
                             .storage = storage,
                             .back = back,
                             .bias = !back &&
                                     (biased || node->residual != NO_VALUE || node->activation == ACTIVATION_RELU),
                             .residual = !back && node->residual != NO_VALUE,
                             .relu = !back && node->activation == ACTIVATION_RELU };
    take_extents(c.src, &from);
    take_extents(c.dst, &to);
    for (int axis = 0; axis < 3; axis++) {
        c.kernel[axis] = window->kernel[axis];
        c.stride[axis] = window->stride[axis];
        c.dilation[axis] = window->dilation[axis];
        c.pad_before[axis] = window->pad_before[axis];
        c.pad_after[axis] = window->pad_after[axis];
    }
    return c;
}
