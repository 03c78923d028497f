/* The arena on the device: where each tensor lies, how constants get there, and how values go in and out. */
#include <float.h>
#include <math.h>
#include "base/memory.h"
#include "convolution_node.h"
#include "device.h"
#include "state.h"
#include "weights.h"

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

static size_t tensor_size(const struct gpu_state *state, int32_t value, enum gpu_form form)
{
    const size_t size = value_bytes(state->graph, value, storage_size(form_storage(state, form)));
    return state->values[value].doubled && form == FORM_STORAGE ? 2 * size : size;
}

static size_t place_tensor(struct gpu_state *state, int32_t value, enum gpu_form form, size_t at)
{
    size_t *begin = &state->values[value].tensor[form];
    if (!state->values[value].needed[form]) return at;
    return place(begin, at, tensor_size(state, value, form));
}

static size_t place_wide(struct gpu_state *state, const struct node *node, int32_t value, size_t at)
{
    size_t *begin = value == NO_VALUE ? NULL : &state->values[value].wide;
    if (!begin || *begin != NOWHERE || !state->graph->values[value].constant || !step_reads_wide(node, value))
        return at;
    return place(begin, at, value_bytes(state->graph, value, sizeof(float)));
}

static size_t place_constants(struct gpu_state *state, size_t at)
{
    const struct graph *graph = state->graph;
    for (int32_t v = 0; v < graph->value_count; v++) {
        struct gpu_value *value = &state->values[v];
        value->tensor[FORM_STORAGE] = value->tensor[FORM_FLOAT] = value->wide = NOWHERE;
        for (int form = 0; form < FORMS && graph->values[v].constant; form++) at = place_tensor(state, v, form, at);
    }
    for (int32_t i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->nodes[i];
        for (int32_t k = 0; k < node->input_count; k++) at = place_wide(state, node, node->inputs[k], at);
        at = place_wide(state, node, node->slope, at);
    }
    return at;
}

/* Both forms of a value are one block. */
static size_t block_size(const struct gpu_state *state, int32_t value)
{
    size_t size = 0;
    for (int form = 0; form < FORMS; form++)
        if (state->values[value].needed[form]) size += aligned(tensor_size(state, value, form));
    return size;
}

static void place_computed(struct gpu_state *state)
{
    for (int32_t v = 0; v < state->graph->value_count; v++) {
        const int32_t block = state->plan.block_of[v];
        if (block == NO_VALUE) continue;
        size_t at = state->arena.tensors + state->plan.blocks[block].offset;
        for (int form = 0; form < FORMS; form++) at = place_tensor(state, v, form, at);
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
        if (how->workspace)
            raise(&arena->workspace_size, how->workspace(graph, node, form_storage(state, state->form[i])));
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
        if ((state->values[v].needed[FORM_STORAGE] || state->values[v].needed[FORM_FLOAT]) && graph->values[v].constant)
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
    for (int32_t i = 0; i < plan->block_count; i++) plan->blocks[i].size = block_size(state, plan->blocks[i].value);
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
    char *const base = state->arena.base;
    for (int32_t v = 0; v < state->graph->value_count; v++) {
        const struct gpu_value *at = &state->values[v];
        for (int form = 0; form < FORMS; form++)
            state->memory[form][v] = at->tensor[form] == NOWHERE ? NULL : base + at->tensor[form];
        state->wide[v] = at->wide == NOWHERE ? NULL : (const float *)(base + at->wide);
    }
}

/* What is finite in the file must not be infinite on the device. */
static tumorclass_status check_range(const struct gpu_state *state, int32_t value)
{
    const struct value *v = &state->graph->values[value];
    const float most = 65504;
    if (state->storage != GPU_HALF || !state->values[value].needed[FORM_STORAGE]) return TUMORCLASS_OK;
    for (int64_t i = 0; i < shape_count(&v->shape); i++)
        if (fabsf(v->constant[i]) > most && fabsf(v->constant[i]) <= FLT_MAX)
            return fail(TUMORCLASS_UNSUPPORTED,
                        "weight %.100s holds %.6g, and half precision goes to %g: ask for another", v->name,
                        (double)v->constant[i], (double)most);
    return TUMORCLASS_OK;
}

/* Weights of a convolution that computes in half precision or bfloat16. */
static bool is_rounded(const struct gpu_state *state, int32_t value)
{
    if (state->storage == GPU_FLOAT) return false;
    for (int32_t i = 0; i < state->graph->node_count; i++) {
        const struct node *node = &state->graph->nodes[i];
        if (node_is_convolution(node) && node->inputs[1] == value && state->form[i] == FORM_STORAGE) return true;
    }
    return false;
}

static tumorclass_status stage(const struct gpu_state *state, int32_t value, const float *src)
{
    const size_t size = value_bytes(state->graph, value, sizeof *src);
    cudaError_t error = cudaMemcpyAsync(state->arena.base + state->arena.staging, src, size, cudaMemcpyHostToDevice,
                                        state->stream);
    if (error == cudaSuccess) error = arena_take(state, value);
    return cuda_check(error, "bring the weights to the device");
}

static tumorclass_status stage_rounded(const struct gpu_state *state, int32_t value)
{
    const struct value *v = &state->graph->values[value];
    float *rounded = memory_allocate((size_t)shape_count(&v->shape), sizeof *rounded);
    if (!rounded) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the weights");
    weights_round(rounded, v->constant, &v->shape, state->storage);
    const tumorclass_status status = stage(state, value, rounded);
    const cudaError_t error = cudaStreamSynchronize(state->stream); /* nobody promises that it was read before */
    memory_free(rounded);
    return status == TUMORCLASS_OK ? cuda_check(error, "wait for the weights") : status;
}

static tumorclass_status bring_constant(const struct gpu_state *state, int32_t value)
{
    const float *src = state->graph->values[value].constant;
    tumorclass_status status = TUMORCLASS_OK;
    if (state->wide[value])
        status = cuda_check(cudaMemcpyAsync((void *)state->wide[value], src,
                                            value_bytes(state->graph, value, sizeof *src), cudaMemcpyHostToDevice,
                                            state->stream),
                            "bring the weights to the device");
    if (status == TUMORCLASS_OK) status = check_range(state, value);
    if (status != TUMORCLASS_OK || !(state->memory[FORM_STORAGE][value] || state->memory[FORM_FLOAT][value]))
        return status;
    return is_rounded(state, value) ? stage_rounded(state, value) : stage(state, value, src);
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

/* The channels of dst twice as many as those of src: the first half, and the second one. */
static cudaError_t take_doubled(const struct gpu_state *state, int32_t value, const float *src)
{
    const struct shape *shape = &state->graph->values[value].shape;
    const bool constant = state->graph->values[value].constant;
    char *dst = state->memory[FORM_STORAGE][value];
    struct shape twice = *shape;
    gpu_loop loop;
    twice.extent[1] *= 2;
    loop_begin(&loop, &twice);
    loop.extent[1] = (int32_t)shape->extent[1];
    plain_strides(loop.stride[GPU_A], shape);
    loop_end(&loop);
    const cudaError_t error = gpu_narrow(dst, src, &loop, false, state->storage, state->stream);
    dst += (size_t)shape->extent[1] * storage_size(state->storage);
    return error == cudaSuccess ? gpu_narrow(dst, src, &loop, !constant, state->storage, state->stream) : error;
}

cudaError_t arena_take(const struct gpu_state *state, int32_t value)
{
    const float *staging = (const float *)(state->arena.base + state->arena.staging);
    cudaError_t error = cudaSuccess;
    gpu_loop loop;
    if (state->values[value].doubled) return take_doubled(state, value, staging);
    loop_of_layout(&loop, &state->graph->values[value].shape, true);
    for (int form = 0; form < FORMS && error == cudaSuccess; form++)
        if (state->values[value].needed[form])
            error = gpu_narrow(state->memory[form][value], staging, &loop, false, form_storage(state, form),
                               state->stream);
    return error;
}

cudaError_t arena_give(const struct gpu_state *state, int32_t value)
{
    const enum gpu_form home = state->values[value].home;
    gpu_loop loop;
    loop_of_layout(&loop, &state->graph->values[value].shape, false);
    return gpu_widen((float *)(state->arena.base + state->arena.staging), state->memory[home][value], &loop,
                     form_storage(state, home), state->stream);
}

cudaError_t arena_copy(const struct gpu_state *state, int32_t value)
{
    const enum gpu_form home = state->values[value].home, other = home == FORM_FLOAT ? FORM_STORAGE : FORM_FLOAT;
    gpu_loop loop = { .axes = 1, .extent = { (int32_t)shape_count(&state->graph->values[value].shape) } };
    loop.stride[GPU_DST][0] = loop.stride[GPU_A][0] = 1;
    if (!state->values[value].needed[other]) return cudaSuccess;
    if (home == FORM_FLOAT)
        return gpu_narrow(state->memory[other][value], state->memory[home][value], &loop, false, state->storage,
                          state->stream);
    return gpu_widen(state->memory[other][value], state->memory[home][value], &loop, state->storage, state->stream);
}
