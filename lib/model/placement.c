/* Where the cells of a tensor lie over the network's input: the centres of what each of them sees. A convolution with a
 * stride sees its input from the pad on, so that its cells need not tile the input evenly: with kernel 3, stride 2 and
 * pad 1 cell o stands over voxel 2 o, not 2 o + 1/2. */
#include "model/graph.h"

static const struct node *producer(const struct graph *graph, int32_t value)
{
    for (int32_t i = graph->node_count - 1; i >= 0; i--)
        if (graph->nodes[i].output == value) return &graph->nodes[i];
    return NULL;
}

static bool same_cells(const struct shape *a, const struct shape *b)
{
    if (a->rank != 5 || b->rank != 5) return false;
    return a->extent[2] == b->extent[2] && a->extent[3] == b->extent[3] && a->extent[4] == b->extent[4];
}

/* Through windows: output o's middle tap stands at o * stride + (kernel - 1) * dilation / 2 - pad of the input. */
static void pass_window(struct placement *placement, const struct window *window)
{
    for (int axis = 0; axis < 3; axis++) {
        const double middle = (double)((window->kernel[axis] - 1) * window->dilation[axis]) / 2;
        const double stride = (double)window->stride[axis];
        placement->first[axis] = placement->first[axis] * stride + middle - (double)window->pad_before[axis];
        placement->step[axis] *= stride;
    }
}

/* What a node's output is made from, and the placement over that; NO_VALUE: a node that moves cells in other ways. */
static int32_t pass_node(struct placement *placement, const struct graph *graph, const struct node *node)
{
    if (graph->values[node->inputs[0]].shape.rank != 5) return NO_VALUE;
    switch (node->operation) {
    case OPERATION_CONV: pass_window(placement, &node->conv.window); return node->inputs[0];
    case OPERATION_POOL: pass_window(placement, &node->pool.window); return node->inputs[0];
    case OPERATION_PAD:
        for (int axis = 0; axis < 3; axis++) placement->first[axis] -= (double)node->pad.before[2 + axis];
        return node->inputs[0];
    default: break;
    }
    for (int32_t i = 0; i < node->input_count; i++) {
        const int32_t input = node->inputs[i];
        if (input == NO_VALUE || graph->values[input].constant) continue;
        if (same_cells(&graph->values[input].shape, &graph->values[node->output].shape)) return input;
    }
    return NO_VALUE;
}

static bool moves_cells(const struct node *node)
{
    return node->operation == OPERATION_RESHAPE || node->operation == OPERATION_TRANSPOSE ||
           (node->operation == OPERATION_CONCAT && node->concat.axis != 1);
}

struct placement graph_place(const struct graph *graph, int32_t value)
{
    const struct shape *input = &graph->values[graph->input].shape, *cells = &graph->values[value].shape;
    struct placement placement = { { 0, 0, 0 }, { 1, 1, 1 } };
    while (value != graph->input && value != NO_VALUE) {
        const struct node *node = producer(graph, value);
        value = !node || moves_cells(node) ? NO_VALUE : pass_node(&placement, graph, node);
    }
    if (value == graph->input) return placement;
    for (int axis = 0; axis < 3; axis++) {
        placement.step[axis] = (double)input->extent[2 + axis] / (double)cells->extent[2 + axis];
        placement.first[axis] = (placement.step[axis] - 1) / 2;
    }
    return placement;
}
