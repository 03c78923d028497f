/* Reductions, softmax, matrix products: graph to kernel. */
#include "step.h"

static void add_axis(gpu_loop *loop, int64_t extent, int32_t dst, int32_t src)
{
    loop->extent[loop->axes] = (int32_t)extent;
    loop->stride[GPU_DST][loop->axes] = dst;
    loop->stride[GPU_A][loop->axes++] = src;
}

/* The output has the reduced axes with extent 1, or lacks them. */
static gpu_reduction reduction_of(const struct node *node, const struct shape *from, const struct shape *to)
{
    gpu_reduction reduction = { .kind = (gpu_reduction_kind)node->reduce.kind };
    int32_t src[MAX_RANK], dst[MAX_RANK], kept = 0;
    device_strides(src, from);
    device_strides(dst, to);
    for (int32_t axis = 0; axis < from->rank; axis++) {
        const bool reduced = node->reduce.axes[axis], there = to->rank == from->rank;
        if (reduced)
            add_axis(&reduction.reduced, from->extent[axis], 0, src[axis]);
        else
            add_axis(&reduction.kept, from->extent[axis], dst[there ? axis : kept++], src[axis]);
    }
    loop_end(&reduction.kept);
    return reduction;
}

size_t gpu_workspace_reduce(const struct graph *graph, const struct node *node, gpu_storage storage)
{
    const gpu_reduction reduction = reduction_of(node, &graph->values[node->inputs[0]].shape,
                                                 &graph->values[node->output].shape);
    (void)storage;
    return gpu_reduce_workspace(&reduction);
}

cudaError_t gpu_run_reduce(const struct gpu_step *step)
{
    const struct node *node = step->node;
    const gpu_reduction reduction = reduction_of(node, step_shape(step, node->inputs[0]),
                                                 step_shape(step, node->output));
    return gpu_reduce(step->memory[node->output], step->memory[node->inputs[0]], &reduction, step->storage,
                      step->workspace, step->stream);
}

/* g[kept axes] everywhere, or its equal share of a mean; of a maximum to the largest. */
cudaError_t gpu_run_reduce_back(const struct gpu_step *step)
{
    const struct node *node = step->node;
    const struct shape *from = step_shape(step, node->output), *to = step_shape(step, node->inputs[0]);
    const gpu_reduction reduction = reduction_of(node, from, to);
    const gpu_epilogue nothing = { .activation = GPU_NONE };
    void *const dst = step->memory[node->output], *const g = step->memory[node->inputs[0]];
    if (node->reduce.kind == REDUCE_MAX)
        return gpu_maximum_back(dst, g, step->memory[node->inputs[1]], &reduction, step->storage, step->stream);
    const float share = (float)shape_count(to) / (float)shape_count(from);
    int32_t stride[MAX_RANK], kept = 0;
    gpu_loop loop;
    loop_begin(&loop, from);
    device_strides(stride, to);
    for (int32_t axis = 0; axis < from->rank; axis++) {
        const bool there = to->rank == from->rank;
        if (!node->reduce.axes[axis]) loop.stride[GPU_A][axis] = stride[there ? axis : kept++];
    }
    loop_end(&loop);
    return gpu_elementwise(dst, g, NULL, GPU_COPY, node->reduce.kind == REDUCE_MEAN ? share : 1, &loop, &nothing,
                           step->storage, step->stream);
}

/* A walk through the beginnings of all lines along the softmax's axis; returns the step along them. */
static int32_t softmax_lines(gpu_loop *lines, const struct gpu_step *step)
{
    const struct shape *shape = step_shape(step, step->node->output);
    int32_t stride[MAX_RANK];
    device_strides(stride, shape);
    loop_begin(lines, shape);
    loop_add(lines, GPU_A, shape);
    lines->extent[step->node->softmax.axis] = 1;
    return stride[step->node->softmax.axis];
}

static int32_t softmax_extent(const struct gpu_step *step)
{
    return (int32_t)step_shape(step, step->node->output)->extent[step->node->softmax.axis];
}

cudaError_t gpu_run_softmax(const struct gpu_step *step)
{
    const struct node *node = step->node;
    gpu_loop lines;
    const int32_t along = softmax_lines(&lines, step);
    return gpu_softmax(step->memory[node->output], step->memory[node->inputs[0]], &lines, softmax_extent(step), along,
                       along, node->softmax.log, step->storage, step->stream);
}

cudaError_t gpu_run_softmax_back(const struct gpu_step *step)
{
    const struct node *node = step->node;
    gpu_loop lines;
    const int32_t along = softmax_lines(&lines, step);
    return gpu_softmax_back(step->memory[node->output], step->memory[node->inputs[0]], step->memory[node->inputs[1]],
                            &lines, softmax_extent(step), along, node->softmax.log, step->storage, step->stream);
}

/* An input's axes but the last two broadcast with the output's; returns the stride along k. */
static int32_t add_matrices(gpu_product *product, int operand, const struct shape *shape, bool transposed, bool rows)
{
    gpu_loop *const loop = &product->loop;
    const int last = loop->axes - 1, missing = loop->axes - shape->rank;
    int32_t stride[MAX_RANK];
    device_strides(stride, shape);
    for (int32_t axis = 0; axis < shape->rank - 2; axis++)
        loop->stride[operand][missing + axis] = shape->extent[axis] == 1 ? 0 : stride[axis];
    const int32_t row = stride[shape->rank - (transposed ? 1 : 2)], column = stride[shape->rank - (transposed ? 2 : 1)];
    loop->stride[operand][last - 1] = rows ? row : 0;
    loop->stride[operand][last] = rows ? 0 : column;
    return rows ? column : row;
}

cudaError_t gpu_run_matmul(const struct gpu_step *step)
{
    const struct node *node = step->node;
    const struct shape *a = step_shape(step, node->inputs[0]), *b = step_shape(step, node->inputs[1]);
    const int32_t bias = node->input_count > 2 ? node->inputs[2] : NO_VALUE;
    gpu_product product = { .alpha = node->matmul.alpha, .beta = node->matmul.beta };
    loop_begin(&product.loop, step_shape(step, node->output));
    product.k = (int32_t)a->extent[a->rank - (node->matmul.transpose_a ? 2 : 1)];
    product.step_a = add_matrices(&product, GPU_A, a, node->matmul.transpose_a, true);
    product.step_b = add_matrices(&product, GPU_B, b, node->matmul.transpose_b, false);
    if (bias != NO_VALUE) loop_add(&product.loop, GPU_SLOPE, step_shape(step, bias));
    loop_end(&product.loop);
    return gpu_matmul(step->memory[node->output], step->memory[node->inputs[0]], step->memory[node->inputs[1]],
                      bias == NO_VALUE ? NULL : step->memory[bias], &product, step->storage, step->stream);
}
