/* What is a walk through elements: activations, binary operations, and all that only moves elements. */
#include "step.h"

/* Element `index` of a tensor in device memory. */
static void *element(void *tensor, int64_t index, gpu_storage storage)
{
    return (char *)tensor + index * (int64_t)storage_size(storage);
}

static cudaError_t copy(const struct gpu_step *step, void *dst, const void *src, gpu_loop *loop)
{
    const gpu_epilogue nothing = { .activation = GPU_NONE };
    loop_end(loop);
    return gpu_elementwise(dst, src, NULL, GPU_COPY, 1, loop, &nothing, step->storage, step->stream);
}

static cudaError_t walk(const struct gpu_step *step, const void *a, const void *b, gpu_function function,
                        gpu_loop *loop)
{
    const gpu_epilogue epilogue = step_epilogue(step);
    if (epilogue.slopes > 1) loop->stride[GPU_SLOPE][1] = 1;
    loop_end(loop);
    return gpu_elementwise(step->memory[step->node->output], a, b, function, 1, loop, &epilogue, step->storage,
                           step->stream);
}

cudaError_t gpu_run_activation(const struct gpu_step *step)
{
    const struct node *node = step->node;
    gpu_loop loop;
    loop_begin(&loop, step_shape(step, node->output));
    loop_add(&loop, GPU_A, step_shape(step, node->inputs[0]));
    return walk(step, step->memory[node->inputs[0]], NULL, GPU_COPY, &loop);
}

cudaError_t gpu_run_activation_behind(const struct gpu_step *step)
{
    const struct node *node = step->node;
    gpu_loop loop;
    gpu_epilogue epilogue = step_epilogue(step);
    epilogue.residual = NULL;
    loop_begin(&loop, step_shape(step, node->output));
    loop_add(&loop, GPU_A, step_shape(step, node->output));
    if (epilogue.slopes > 1) loop.stride[GPU_SLOPE][1] = 1;
    loop_end(&loop);
    void *const dst = step->memory[node->output];
    return gpu_elementwise(dst, dst, NULL, GPU_COPY, 1, &loop, &epilogue, step->storage, step->stream);
}

/* g and x have dst's shape. */
cudaError_t gpu_run_activation_back(const struct gpu_step *step)
{
    const struct node *node = step->node;
    gpu_loop loop;
    loop_begin(&loop, step_shape(step, node->output));
    loop_add(&loop, GPU_A, step_shape(step, node->inputs[0]));
    loop_add(&loop, GPU_B, step_shape(step, node->inputs[1]));
    return walk(step, step->memory[node->inputs[0]], step->memory[node->inputs[1]], GPU_BACK, &loop);
}

cudaError_t gpu_run_binary(const struct gpu_step *step)
{
    static const gpu_function functions[] = {
        [BINARY_ADD] = GPU_ADD, [BINARY_SUB] = GPU_SUB, [BINARY_MUL] = GPU_MUL, [BINARY_DIV] = GPU_DIV
    };
    const struct node *node = step->node;
    gpu_loop loop;
    loop_begin(&loop, step_shape(step, node->output));
    loop_add(&loop, GPU_A, step_shape(step, node->inputs[0]));
    loop_add(&loop, GPU_B, step_shape(step, node->inputs[1]));
    return walk(step, step->memory[node->inputs[0]], step->memory[node->inputs[1]], functions[node->binary.kind],
                &loop);
}

cudaError_t gpu_run_transpose(const struct gpu_step *step)
{
    const struct node *node = step->node;
    const struct shape *from = step_shape(step, node->inputs[0]);
    int32_t stride[MAX_RANK];
    gpu_loop loop;
    loop_begin(&loop, step_shape(step, node->output));
    device_strides(stride, from);
    for (int32_t axis = 0; axis < from->rank; axis++)
        loop.stride[GPU_A][axis] = stride[node->transpose.permutation[axis]];
    return copy(step, step->memory[node->output], step->memory[node->inputs[0]], &loop);
}

/* A part of `whole` with the extents of `part`, one element a step. */
static void loop_within(gpu_loop *loop, const struct shape *whole, const struct shape *part)
{
    loop_begin(loop, whole);
    for (int32_t axis = 0; axis < part->rank; axis++) loop->extent[axis] = (int32_t)part->extent[axis];
}

cudaError_t gpu_run_concat(const struct gpu_step *step)
{
    const struct node *node = step->node;
    const struct shape *whole = step_shape(step, node->output);
    int32_t stride[MAX_RANK];
    int64_t before = 0;
    cudaError_t status = cudaSuccess;
    device_strides(stride, whole);
    for (int32_t i = 0; i < node->input_count && status == cudaSuccess; i++) {
        const struct shape *part = step_shape(step, node->inputs[i]);
        gpu_loop loop;
        loop_within(&loop, whole, part);
        loop_add(&loop, GPU_A, part);
        void *const dst = element(step->memory[node->output], before * stride[node->concat.axis], step->storage);
        status = copy(step, dst, step->memory[node->inputs[i]], &loop);
        before += part->extent[node->concat.axis];
    }
    return status;
}

/* The constant everywhere, and then what is left of the input in its place. A negative pad cuts off. */
cudaError_t gpu_run_pad(const struct gpu_step *step)
{
    const struct node *node = step->node;
    const struct shape *whole = step_shape(step, node->output), *from = step_shape(step, node->inputs[0]);
    int32_t dst_stride[MAX_RANK], src_stride[MAX_RANK];
    int64_t dst_first = 0, src_first = 0;
    struct shape kept = *from;
    gpu_loop loop;
    device_strides(dst_stride, whole);
    device_strides(src_stride, from);
    for (int32_t axis = 0; axis < from->rank; axis++) {
        const int64_t before = node->pad.before[axis], after = node->pad.after[axis];
        kept.extent[axis] += (before < 0 ? before : 0) + (after < 0 ? after : 0);
        if (kept.extent[axis] < 0) kept.extent[axis] = 0;
        dst_first += (before > 0 ? before : 0) * dst_stride[axis];
        src_first -= (before < 0 ? before : 0) * src_stride[axis];
    }
    const cudaError_t status = gpu_fill(step->memory[node->output], node->pad.value, shape_count(whole), step->storage,
                                        step->stream);
    if (status != cudaSuccess || shape_count(&kept) == 0) return status;
    loop_within(&loop, whole, &kept);
    for (int32_t axis = 0; axis < from->rank; axis++) loop.stride[GPU_A][axis] = src_stride[axis];
    return copy(step, element(step->memory[node->output], dst_first, step->storage),
                element(step->memory[node->inputs[0]], src_first, step->storage), &loop);
}

size_t gpu_workspace_reshape(const struct graph *graph, const struct node *node, gpu_storage storage)
{
    return (size_t)shape_count(&graph->values[node->output].shape) * storage_size(storage);
}

/* Elements keep their places in C order, which is not that of device memory: there, and from there on. */
cudaError_t gpu_run_reshape(const struct gpu_step *step)
{
    const struct node *node = step->node;
    gpu_loop loop;
    loop_begin(&loop, step_shape(step, node->inputs[0]));
    loop_add(&loop, GPU_A, step_shape(step, node->inputs[0]));
    plain_strides(loop.stride[GPU_DST], step_shape(step, node->inputs[0]));
    const cudaError_t status = copy(step, step->workspace, step->memory[node->inputs[0]], &loop);
    if (status != cudaSuccess) return status;
    loop_begin(&loop, step_shape(step, node->output));
    plain_strides(loop.stride[GPU_A], step_shape(step, node->output));
    return copy(step, step->memory[node->output], step->workspace, &loop);
}
