/* Which nodes of a half precision network compute in float32 all the same: where it costs nothing and saves most.
 *
 * Behind its last convolution a network is small, and each rounding there goes into the logits undiluted; a softmax over
 * cells makes factors of what were absolute errors. Gradients are small numbers, which half precision has few of. */
#include <string.h>
#include "base/memory.h"
#include "convolution_node.h"
#include "state.h"

/* Elements: 4 MiB of float32, which takes a device microseconds. */
enum { MOST_ELEMENTS = 1 << 20 };

static bool is_small(const struct graph *graph, int32_t value)
{
    return value == NO_VALUE || shape_count(&graph->values[value].shape) <= MOST_ELEMENTS;
}

/* A convolution of single voxels is as a matrix product. */
static bool has_taps(const struct node *node)
{
    const struct window *window = &node->conv.window;
    if (!node_is_convolution(node)) return false;
    for (int axis = 0; axis < 3; axis++)
        if (window->kernel[axis] != 1 || window->stride[axis] != 1) return true;
    return node->conv.groups != 1;
}

/* A map's last step makes large numbers, and is small beside the others. */
static bool may_be_float(const struct graph *graph, const struct node *node)
{
    if (node->output == graph->output && graph->seed != NO_VALUE) return !has_taps(node);
    bool small = is_small(graph, node->output) && is_small(graph, node->residual);
    for (int32_t k = 0; k < node->input_count; k++) small = small && is_small(graph, node->inputs[k]);
    return small && !has_taps(node);
}

static void mark_inputs(bool *leads_on, const struct node *node)
{
    for (int32_t k = 0; k < node->input_count; k++)
        if (node->inputs[k] != NO_VALUE) leads_on[node->inputs[k]] = true;
    if (node->residual != NO_VALUE) leads_on[node->residual] = true;
}

/* From the last node back: leads_on[value]: a forward convolution reads it, or what is made of it. */
static void choose_forms(struct gpu_state *state, bool *leads_on)
{
    const struct graph *graph = state->graph;
    for (int32_t i = graph->node_count - 1; i >= 0; i--) {
        const struct node *node = &graph->nodes[i];
        const bool forward = node->operation == OPERATION_CONV && has_taps(node);
        const bool full = state->storage != GPU_FLOAT && !leads_on[node->output] && may_be_float(graph, node);
        state->form[i] = full ? FORM_FLOAT : FORM_STORAGE;
        if (forward || leads_on[node->output]) mark_inputs(leads_on, node);
    }
}

static void need(struct gpu_state *state, const struct node *node, int32_t value, enum gpu_form form)
{
    if (value != NO_VALUE && !(state->graph->values[value].constant && step_reads_wide(node, value)))
        state->values[value].needed[form] = true;
}

/* ---- The network's input ---- */

enum { MOST_DOUBLED = 4 }; /* channels: more are no scan */

static bool reads(const struct node *node, int32_t value)
{
    bool found = node->residual == value;
    for (int32_t k = 0; k < node->input_count; k++) found = found || node->inputs[k] == value;
    return found;
}

/* The input's rounding is the one that nothing evens out: where intensities are few, as in images of 8 bits, all voxels of
 * one are off by the same. So its first convolutions read what was lost as further channels. */
static bool doubles(const struct gpu_state *state, const struct node *node)
{
    const int32_t input = state->graph->input;
    return node->operation == OPERATION_CONV && has_taps(node) && node->conv.groups == 1 && node->inputs[0] == input &&
           node->residual != input && state->graph->values[node->inputs[1]].constant;
}

/* Every node that reads the value is one of those. */
static bool is_theirs_alone(const struct gpu_state *state, int32_t value)
{
    const struct graph *graph = state->graph;
    for (int32_t i = 0; i < graph->node_count; i++)
        if (reads(&graph->nodes[i], value) && !doubles(state, &graph->nodes[i])) return false;
    return true;
}

static void choose_doubled(struct gpu_state *state)
{
    const struct graph *graph = state->graph;
    const struct shape *shape = &graph->values[graph->input].shape;
    bool all = state->storage != GPU_FLOAT && shape->rank >= 3 && shape->rank <= 5 &&
               shape->extent[1] <= MOST_DOUBLED && shape_count(shape) <= INT32_MAX / 2 &&
               is_theirs_alone(state, graph->input);
    for (int32_t i = 0; i < graph->node_count && all; i++)
        if (doubles(state, &graph->nodes[i])) all = is_theirs_alone(state, graph->nodes[i].inputs[1]);
    state->values[graph->input].doubled = all;
    for (int32_t i = 0; i < graph->node_count && all; i++)
        if (doubles(state, &graph->nodes[i])) state->values[graph->nodes[i].inputs[1]].doubled = true;
}

/* ---- All of it ---- */

tumorclass_status forms_choose(struct gpu_state *state)
{
    const struct graph *graph = state->graph;
    bool *leads_on = memory_zeroed((size_t)graph->value_count, sizeof *leads_on);
    if (!leads_on) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the CUDA backend");
    choose_forms(state, leads_on);
    memory_free(leads_on);
    for (int32_t i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->nodes[i];
        for (int32_t k = 0; k < node->input_count; k++) need(state, node, node->inputs[k], state->form[i]);
        need(state, node, node->residual, state->form[i]);
        state->values[node->output].home = state->form[i];
        state->values[node->output].needed[state->form[i]] = true;
    }
    state->values[graph->input].needed[FORM_STORAGE] = true;
    if (graph->seed != NO_VALUE) state->values[graph->seed].needed[FORM_STORAGE] = true;
    choose_doubled(state);
    return TUMORCLASS_OK;
}
