#include "cuda_backend.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/memory.h"
#include "convolution_node.h"
#include "device.h"
#include "state.h"

/* A plan that wants more than this gives way to the next one. */
static const int64_t most_workspace = (int64_t)256 << 20;

/* A session may be used by one thread after another, and each has a device of its own, which its program chose: it gets it
 * back. What does not work here does not work in the calls that follow, and they say so. */
static int enter(const struct gpu_state *state)
{
    int before = state->device;
    cudaGetDevice(&before);
    if (before != state->device) cudaSetDevice(state->device);
    return before;
}

static void leave(const struct gpu_state *state, int before)
{
    if (before != state->device) cudaSetDevice(before);
}

/* ---- Opening ---- */

static void take_precision(struct gpu_state *state, tumorclass_precision precision)
{
    state->storage = precision == TUMORCLASS_PRECISION_BFLOAT16  ? GPU_BFLOAT16
                     : precision >= TUMORCLASS_PRECISION_FLOAT32 ? GPU_FLOAT
                                                                 : GPU_HALF;
    state->tensor_float = precision == TUMORCLASS_PRECISION_TENSOR_FLOAT32;
}

static void describe_state(struct gpu_state *state)
{
    static const char *const names[GPU_STORAGES] = { "float32", "half precision", "bfloat16" };
    struct cudaDeviceProp properties;
    if (cudaGetDeviceProperties(&properties, state->device) != cudaSuccess) {
        cudaGetLastError();
        strcpy(properties.name, "unknown device");
    }
    snprintf(state->description, sizeof state->description, "%.120s, %s, cuDNN %zu.%zu.%zu", properties.name,
             state->tensor_float ? "TF32" : names[state->storage], cudnnGetVersion() / 10000,
             cudnnGetVersion() / 100 % 100, cudnnGetVersion() % 100);
}

static struct convolution convolution_at(const struct gpu_state *state, int32_t index)
{
    const struct node *node = &state->graph->nodes[index];
    struct convolution c = convolution_of(state->graph, node, form_storage(state, state->form[index]));
    if (state->values[node->inputs[1]].doubled) c.channels *= 2;
    return c;
}

static tumorclass_status plan_convolution(struct gpu_state *state, int32_t index)
{
    static const char *const names[GPU_STORAGES] = { "float32", "half", "bfloat16" };
    const struct node *node = &state->graph->nodes[index];
    const struct convolution c = convolution_at(state, index);
    const struct convolution_target target = { .handle = state->cudnn,
                                               .workspace = most_workspace,
                                               .tensor_float = state->tensor_float };
    const cudnnStatus_t error = convolution_plan_create(&state->convolutions[index], &c, &target);
    if (error != CUDNN_STATUS_NOT_SUPPORTED) return cudnn_check(error, "plan a convolution");
    cudaGetLastError();
    return fail(TUMORCLASS_UNSUPPORTED, "node %.100s (%s): cuDNN has no plan for it on this device in %s", node->name,
                node->onnx, names[c.storage]);
}

static tumorclass_status check_node(const struct node *node)
{
    if (node_is_convolution(node) || gpu_operations[node->operation].run) return TUMORCLASS_OK;
    return fail(TUMORCLASS_UNSUPPORTED, "node %.100s (%s) is an operation that the CUDA backend does not have: %s",
                node->name, node->onnx, operation_name(node->operation));
}

static tumorclass_status plan_nodes(struct gpu_state *state)
{
    tumorclass_status status = TUMORCLASS_OK;
    for (int32_t i = 0; i < state->graph->node_count && status == TUMORCLASS_OK; i++) {
        status = check_node(&state->graph->nodes[i]);
        if (status == TUMORCLASS_OK && node_is_convolution(&state->graph->nodes[i]))
            status = plan_convolution(state, i);
    }
    return status;
}

static tumorclass_status allocate_tables(struct gpu_state *state)
{
    const size_t values = (size_t)state->graph->value_count, nodes = (size_t)state->graph->node_count;
    for (int form = 0; form < FORMS; form++) state->memory[form] = memory_zeroed(values, sizeof *state->memory[form]);
    state->values = memory_zeroed(values, sizeof *state->values);
    state->wide = memory_zeroed(values, sizeof *state->wide);
    state->form = memory_zeroed(nodes, sizeof *state->form);
    state->convolutions = memory_zeroed(nodes, sizeof *state->convolutions);
    if (state->memory[FORM_STORAGE] && state->memory[FORM_FLOAT] && state->values && state->wide && state->form &&
        state->convolutions)
        return TUMORCLASS_OK;
    return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the CUDA backend");
}

static tumorclass_status open_stream(struct gpu_state *state)
{
    tumorclass_status status = cuda_check(cudaStreamCreateWithFlags(&state->stream, cudaStreamNonBlocking),
                                          "make a stream");
    if (status == TUMORCLASS_OK)
        status = cuda_check(cudaEventCreateWithFlags(&state->uploaded, cudaEventDisableTiming), "make an event");
    if (status == TUMORCLASS_OK) status = cudnn_check(cudnnCreate(&state->cudnn), "start");
    if (status == TUMORCLASS_OK) status = cudnn_check(cudnnSetStream(state->cudnn, state->stream), "use a stream");
    return status;
}

static tumorclass_status open_parts(struct gpu_state *state)
{
    tumorclass_status status = device_use(state->device, state->tensor_float);
    state->begun = status == TUMORCLASS_OK;
    if (status == TUMORCLASS_OK) status = allocate_tables(state);
    if (status == TUMORCLASS_OK) status = plan_create(&state->plan, state->graph, false);
    if (status == TUMORCLASS_OK) status = forms_choose(state);
    if (status == TUMORCLASS_OK) status = open_stream(state);
    if (status == TUMORCLASS_OK) status = plan_nodes(state);
    if (status == TUMORCLASS_OK) status = arena_plan(state);
    if (status == TUMORCLASS_OK) status = arena_open(state);
    if (status == TUMORCLASS_OK) describe_state(state);
    return status;
}

/* A device does not survive fork, and one that was refused was never begun: then there is nothing of it to give back. */
static void close_device(struct gpu_state *state)
{
    if (!state->begun || state->owner != getpid()) return;
    const int before = enter(state);
    if (state->stream) cudaStreamSynchronize(state->stream);
    for (int32_t i = 0; state->convolutions && i < state->graph->node_count; i++)
        convolution_plan_free(&state->convolutions[i]);
    if (state->cudnn) cudnnDestroy(state->cudnn);
    if (state->uploaded) cudaEventDestroy(state->uploaded);
    cudaFreeHost(state->pinned_in);
    cudaFreeHost(state->pinned_out);
    cudaFree(state->arena.base);
    if (state->stream) cudaStreamDestroy(state->stream);
    cudaGetLastError();
    leave(state, before);
}

static void close_state(void *state)
{
    struct gpu_state *s = state;
    if (!s) return;
    close_device(s);
    plan_free(&s->plan);
    for (int form = 0; form < FORMS; form++) memory_free(s->memory[form]);
    memory_free(s->values);
    memory_free(s->form);
    memory_free(s->wide);
    memory_free(s->convolutions);
    memory_free(s);
}

static tumorclass_status open_state(void **state, const struct graph *graph, const struct backend_options *options)
{
    *state = NULL;
    struct gpu_state *s = memory_zeroed(1, sizeof *s);
    if (!s) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the CUDA backend");
    s->graph = graph;
    s->device = options->device;
    take_precision(s, options->precision);
    s->owner = getpid();
    const int before = enter(s);
    const tumorclass_status status = open_parts(s);
    leave(s, before);
    if (status != TUMORCLASS_OK) {
        close_state(s);
        return status;
    }
    *state = s;
    return TUMORCLASS_OK;
}

/* ---- Questions ---- */

static const char *describe(const void *state)
{
    const struct gpu_state *s = state;
    return s->description;
}

static tumorclass_precision precision(const void *state)
{
    const struct gpu_state *s = state;
    if (s->storage == GPU_FLOAT)
        return s->tensor_float ? TUMORCLASS_PRECISION_TENSOR_FLOAT32 : TUMORCLASS_PRECISION_FLOAT32;
    return s->storage == GPU_HALF ? TUMORCLASS_PRECISION_HALF : TUMORCLASS_PRECISION_BFLOAT16;
}

static size_t held(const void *state)
{
    const struct gpu_state *s = state;
    return sizeof *s + s->arena.size + 2 * s->arena.staging_size;
}

/* ---- Running ---- */

/* A gradient goes through half precision multiplied by this: what is under 2^-14 there has few bits, and none under 2^-25.
 * It is linear in its seed, so the factor is taken out again of what comes out. */
static float gradient_scale(const struct gpu_state *state)
{
    return state->storage == GPU_HALF && state->graph->seed != NO_VALUE ? 1024 : 1;
}

static void scale(float *dst, size_t size, float factor)
{
    for (size_t i = 0; factor != 1 && i < size / sizeof *dst; i++) dst[i] *= factor;
}

static tumorclass_status upload_value(const struct gpu_state *s, int32_t value, const float *src)
{
    const size_t size = value_bytes(s->graph, value, sizeof *src);
    const tumorclass_status status = cuda_check(cudaEventSynchronize(s->uploaded),
                                                "wait for the input before this one");
    if (status != TUMORCLASS_OK) return status;
    memcpy(s->pinned_in, src, size);
    if (value == s->graph->seed) scale(s->pinned_in, size, gradient_scale(s));
    cudaError_t error = cudaMemcpyAsync(s->arena.base + s->arena.staging, s->pinned_in, size, cudaMemcpyHostToDevice,
                                        s->stream);
    if (error == cudaSuccess) error = cudaEventRecord(s->uploaded, s->stream);
    if (error == cudaSuccess) error = arena_take(s, value);
    return cuda_check(error, "bring the input to the device");
}

static tumorclass_status upload(void *state, int32_t value, const float *src)
{
    const int before = enter(state);
    const tumorclass_status status = upload_value(state, value, src);
    leave(state, before);
    return status;
}

static tumorclass_status run_convolution(const struct gpu_state *state, int32_t index, const struct gpu_step *step)
{
    const struct node *node = step->node;
    const bool back = node->operation == OPERATION_CONV_BACK;
    const struct convolution c = convolution_at(state, index);
    const bool biased = node->input_count > 2 && node->inputs[2] != NO_VALUE;
    const struct convolution_memory memory = {
        .x = step->memory[back ? node->output : node->inputs[0]],
        .y = step->memory[back ? node->inputs[0] : node->output],
        .w = step->memory[node->inputs[1]],
        .bias = !c.bias  ? NULL
                : biased ? step->memory[node->inputs[2]]
                         : state->arena.base + state->arena.zeros,
        .residual = c.residual ? step->memory[node->residual] : NULL,
        .workspace = step->workspace,
    };
    tumorclass_status status = cudnn_check(convolution_run(&state->convolutions[index], state->cudnn, &memory),
                                           "run a convolution");
    if (status == TUMORCLASS_OK && !back && node->activation != ACTIVATION_NONE && !c.relu)
        status = cuda_check(gpu_run_activation_behind(step), "run an activation");
    return status;
}

static tumorclass_status run(void *state, int32_t index)
{
    const struct gpu_state *s = state;
    const struct node *node = &s->graph->nodes[index];
    const enum gpu_form form = s->form[index];
    const struct gpu_step step = {
        s->graph, node, s->memory[form], s->wide, s->arena.base + s->arena.workspace, form_storage(s, form), s->stream
    };
    tumorclass_status status;
    const int before = enter(s);
    if (node_is_convolution(node))
        status = run_convolution(s, index, &step);
    else
        status = cuda_check(gpu_operations[node->operation].run(&step), "run a kernel");
    if (status == TUMORCLASS_OK) status = cuda_check(arena_copy(s, node->output), "copy a tensor");
    leave(s, before);
    return status;
}

static tumorclass_status download_value(const struct gpu_state *s, float *dst, int32_t value)
{
    const size_t size = value_bytes(s->graph, value, sizeof *dst);
    if (size > s->arena.staging_size)
        return fail(TUMORCLASS_LIMIT, "tensor %.100s is not kept on the device", s->graph->values[value].name);
    cudaError_t error = arena_give(s, value);
    if (error == cudaSuccess)
        error = cudaMemcpyAsync(s->pinned_out, s->arena.base + s->arena.staging, size, cudaMemcpyDeviceToHost,
                                s->stream);
    if (error == cudaSuccess) error = cudaStreamSynchronize(s->stream);
    if (error == cudaSuccess) memcpy(dst, s->pinned_out, size);
    if (error == cudaSuccess && value == s->graph->output) scale(dst, size, 1 / gradient_scale(s));
    return cuda_check(error, "bring a result from the device");
}

static tumorclass_status download(void *state, float *dst, int32_t value)
{
    const int before = enter(state);
    const tumorclass_status status = download_value(state, dst, value);
    leave(state, before);
    return status;
}

const struct backend cuda_backend = {
    "CUDA", open_state, close_state, describe, precision, held, upload, run, download
};
