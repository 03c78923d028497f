/* The arena on the device: where each tensor lies, how constants get there, and how values go in and out. */
#include <float.h>
#include <math.h>
#include "base/memory.h"
#include "device.h"
#include "state.h"

enum { ALIGNMENT = 256 };

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* ---- Where everything lies ---- */

/* The end of a part of `size` bytes that begins at *begin = `at`. Sizes are of tensors below 2^31 elements: no sum of them
 * overflows. */
static size_t place(size_t *begin, size_t at, size_t size)
{
    *begin = at;
    return at + aligned(size);
}

static size_t place_constant(struct gpu_state *state, const struct node *node, int32_t value, size_t at)
{
    if (value == NO_VALUE || !state->graph->values[value].constant) return at;
    struct gpu_place *to = &state->places[value];
    const bool wide = step_reads_wide(node, value);
    size_t *begin = wide ? &to->wide : &to->tensor;
    if (*begin != NOWHERE) return at;
    return place(begin, at, value_bytes(state->graph, value, wide ? sizeof(float) : storage_size(state->storage)));
}

static size_t place_constants(struct gpu_state *state, size_t at)
{
    const struct graph *graph = state->graph;
    for (int32_t v = 0; v < graph->value_count; v++) state->places[v] = (struct gpu_place){ NOWHERE, NOWHERE };
    for (int32_t i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->nodes[i];
        for (int32_t k = 0; k < node->input_count; k++) at = place_constant(state, node, node->inputs[k], at);
        at = place_constant(state, node, node->slope, at);
    }
    return at;
}

static void place_computed(struct gpu_state *state)
{
    for (int32_t v = 0; v < state->graph->value_count; v++) {
        const int32_t block = state->plan.block_of[v];
        if (block != NO_VALUE) state->places[v].tensor = state->arena.tensors + state->plan.blocks[block].offset;
    }
}

static void raise(size_t *most, size_t size)
{
    if (size > *most) *most = size;
}

static void measure_workspace(struct gpu_state *state)
{
    const struct graph *graph = state->graph;
    struct gpu_arena *arena = &state->arena;
    for (int32_t i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->nodes[i];
        const struct gpu_operation *how = &gpu_operations[node->operation];
        if (how->workspace) raise(&arena->workspace_size, how->workspace(graph, node, state->storage));
        raise(&arena->workspace_size, (size_t)state->convolutions[i].workspace);
        if (node->operation == OPERATION_CONV)
            raise(&arena->zeros_size, (size_t)graph->values[node->output].shape.extent[1] * sizeof(float));
    }
}

/* Constants pass through it one after the other, callers' values while the session lives. */
static void measure_staging(struct gpu_state *state)
{
    const struct graph *graph = state->graph;
    const int32_t kept[] = { graph->input, graph->seed, graph->output, graph->features, graph->embedding, graph->fine };
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (kept[i] != NO_VALUE) raise(&state->arena.staging_size, value_bytes(graph, kept[i], sizeof(float)));
    for (int32_t v = 0; v < graph->value_count; v++)
        if (state->places[v].tensor != NOWHERE && graph->values[v].constant)
            raise(&state->arena.staging_size, value_bytes(graph, v, sizeof(float)));
}

static tumorclass_status check_sizes(const struct graph *graph)
{
    for (int32_t v = 0; v < graph->value_count; v++)
        if (!layout_fits(&graph->values[v].shape))
            return fail(TUMORCLASS_LIMIT, "tensor %.100s has %lld elements, and the CUDA backend takes up to 2^31 - 1",
                        graph->values[v].name, (long long)shape_count(&graph->values[v].shape));
    return TUMORCLASS_OK;
}

tumorclass_status arena_plan(struct gpu_state *state)
{
    struct plan *plan = &state->plan;
    struct gpu_arena *arena = &state->arena;
    tumorclass_status status = check_sizes(state->graph);
    for (int32_t i = 0; i < plan->block_count; i++)
        plan->blocks[i].size = aligned(value_bytes(state->graph, plan->blocks[i].value, storage_size(state->storage)));
    if (status == TUMORCLASS_OK) status = plan_pack(plan);
    if (status != TUMORCLASS_OK) return status;
    measure_workspace(state);
    size_t end = place_constants(state, 0);
    end = place(&arena->tensors, end, plan->arena_size);
    place_computed(state);
    measure_staging(state);
    end = place(&arena->workspace, end, arena->workspace_size);
    end = place(&arena->zeros, end, arena->zeros_size);
    arena->size = place(&arena->staging, end, arena->staging_size);
    return TUMORCLASS_OK;
}

/* ---- Opening it ---- */

static tumorclass_status allocate(struct gpu_state *state)
{
    size_t available = 0, total = 0;
    const cudaError_t error = cudaMalloc((void **)&state->arena.base, state->arena.size);
    if (error == cudaSuccess) return TUMORCLASS_OK;
    cudaGetLastError();
    state->arena.base = NULL;
    cudaMemGetInfo(&available, &total);
    cudaGetLastError();
    return fail(error == cudaErrorMemoryAllocation ? TUMORCLASS_OUT_OF_MEMORY : TUMORCLASS_BACKEND_ERROR,
                "the network needs %zu MiB of CUDA device %d, which has %zu of %zu MiB free: %s",
                state->arena.size >> 20, (int)state->device, available >> 20, total >> 20, cudaGetErrorString(error));
}

static void point(struct gpu_state *state)
{
    for (int32_t v = 0; v < state->graph->value_count; v++) {
        const struct gpu_place *at = &state->places[v];
        state->memory[v] = at->tensor == NOWHERE ? NULL : state->arena.base + at->tensor;
        state->wide[v] = at->wide == NOWHERE ? NULL : (const float *)(state->arena.base + at->wide);
    }
}

/* What is finite in the file must not be infinite on the device. */
static tumorclass_status check_range(const struct gpu_state *state, int32_t value)
{
    const struct value *v = &state->graph->values[value];
    const float most = 65504;
    if (state->storage != GPU_HALF) return TUMORCLASS_OK;
    for (int64_t i = 0; i < shape_count(&v->shape); i++)
        if (fabsf(v->constant[i]) > most && fabsf(v->constant[i]) <= FLT_MAX)
            return fail(TUMORCLASS_UNSUPPORTED,
                        "weight %.100s holds %.6g, and half precision goes to %g: ask for another", v->name,
                        (double)v->constant[i], (double)most);
    return TUMORCLASS_OK;
}

static tumorclass_status bring_constant(struct gpu_state *state, int32_t value)
{
    const float *src = state->graph->values[value].constant;
    const size_t size = value_bytes(state->graph, value, sizeof *src);
    cudaError_t error = cudaSuccess;
    if (state->wide[value])
        error = cudaMemcpyAsync((void *)state->wide[value], src, size, cudaMemcpyHostToDevice, state->stream);
    if (error == cudaSuccess && state->memory[value]) {
        const tumorclass_status status = check_range(state, value);
        if (status != TUMORCLASS_OK) return status;
        error = cudaMemcpyAsync(state->arena.base + state->arena.staging, src, size, cudaMemcpyHostToDevice,
                                state->stream);
        if (error == cudaSuccess) error = arena_take(state, value);
    }
    return cuda_check(error, "bring the weights to the device");
}

tumorclass_status arena_open(struct gpu_state *state)
{
    tumorclass_status status = allocate(state);
    if (status != TUMORCLASS_OK) return status;
    point(state);
    cudaError_t error = cudaMallocHost(&state->pinned_in, state->arena.staging_size);
    if (error == cudaSuccess) error = cudaMallocHost(&state->pinned_out, state->arena.staging_size);
    status = cuda_check(error, "pin memory of the host");
    if (status == TUMORCLASS_OK)
        status = cuda_check(
            cudaMemsetAsync(state->arena.base + state->arena.zeros, 0, state->arena.zeros_size, state->stream),
            "set memory of the device");
    for (int32_t v = 0; v < state->graph->value_count && status == TUMORCLASS_OK; v++)
        if (state->graph->values[v].constant) status = bring_constant(state, v);
    /* the weights may lie in a file that is unmapped when its model goes */
    if (status == TUMORCLASS_OK) status = cuda_check(cudaStreamSynchronize(state->stream), "wait for the weights");
    return status;
}

/* ---- In and out ---- */

cudaError_t arena_take(const struct gpu_state *state, int32_t value)
{
    gpu_loop loop;
    loop_of_layout(&loop, &state->graph->values[value].shape, true);
    return gpu_narrow(state->memory[value], (const float *)(state->arena.base + state->arena.staging), &loop,
                      state->storage, state->stream);
}

cudaError_t arena_give(const struct gpu_state *state, int32_t value)
{
    gpu_loop loop;
    loop_of_layout(&loop, &state->graph->values[value].shape, false);
    return gpu_widen((float *)(state->arena.base + state->arena.staging), state->memory[value], &loop, state->storage,
                     state->stream);
}
