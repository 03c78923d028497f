/* Pooling: graph to kernel. */
#include "step.h"

static void take_extents(int32_t extents[3], const struct extents *e)
{
    extents[0] = (int32_t)e->d;
    extents[1] = (int32_t)e->h;
    extents[2] = (int32_t)e->w;
}

static gpu_pool pool_of(const struct node *node, const struct shape *x, const struct shape *y)
{
    const struct window *window = &node->pool.window;
    const struct extents from = shape_extents(x), to = shape_extents(y);
    gpu_pool pool = { .n = (int32_t)from.n,
                      .channels = (int32_t)from.c,
                      .maximum = node->pool.kind == POOL_MAX,
                      .count_padding = node->pool.count_padding };
    take_extents(pool.src, &from);
    take_extents(pool.dst, &to);
    for (int axis = 0; axis < 3; axis++) {
        pool.kernel[axis] = (int32_t)window->kernel[axis];
        pool.stride[axis] = (int32_t)window->stride[axis];
        pool.dilation[axis] = (int32_t)window->dilation[axis];
        pool.pad_before[axis] = (int32_t)window->pad_before[axis];
        pool.pad_after[axis] = (int32_t)window->pad_after[axis];
    }
    return pool;
}

cudaError_t gpu_run_pool(const struct gpu_step *step)
{
    const struct node *node = step->node;
    const gpu_pool pool = pool_of(node, step_shape(step, node->inputs[0]), step_shape(step, node->output));
    return gpu_pool_windows(step->memory[node->output], step->memory[node->inputs[0]], &pool, step->storage,
                            step->stream);
}

cudaError_t gpu_run_pool_back(const struct gpu_step *step)
{
    const struct node *node = step->node;
    const gpu_pool pool = pool_of(node, step_shape(step, node->output), step_shape(step, node->inputs[0]));
    return gpu_pool_windows_back(step->memory[node->output], step->memory[node->inputs[0]],
                                 step->memory[node->inputs[1]], &pool, step->storage, step->stream);
}
