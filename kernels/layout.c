#include "layout.h"
#include <assert.h>

bool layout_fits(const struct shape *shape)
{
    return shape_count(shape) <= INT32_MAX;
}

void device_strides(int32_t stride[MAX_RANK], const struct shape *shape)
{
    const bool channels_last = shape->rank >= 3 && shape->rank <= 5;
    int32_t step = 1;
    assert(layout_fits(shape));
    if (channels_last) {
        stride[1] = 1;
        step = (int32_t)shape->extent[1];
    }
    for (int32_t axis = shape->rank - 1; axis >= 0; axis--) {
        if (channels_last && axis == 1) continue;
        stride[axis] = step;
        step *= (int32_t)shape->extent[axis];
    }
}

void plain_strides(int32_t stride[MAX_RANK], const struct shape *shape)
{
    int32_t step = 1;
    for (int32_t axis = shape->rank - 1; axis >= 0; axis--) {
        stride[axis] = step;
        step *= (int32_t)shape->extent[axis];
    }
}

void loop_begin(gpu_loop *loop, const struct shape *shape)
{
    *loop = (gpu_loop){ .axes = shape->rank };
    for (int32_t axis = 0; axis < shape->rank; axis++) loop->extent[axis] = (int32_t)shape->extent[axis];
    device_strides(loop->stride[GPU_DST], shape);
}

void loop_add(gpu_loop *loop, int operand, const struct shape *shape)
{
    int32_t stride[MAX_RANK];
    device_strides(stride, shape);
    const int32_t missing = loop->axes - shape->rank;
    for (int32_t axis = 0; axis < shape->rank; axis++)
        loop->stride[operand][missing + axis] = shape->extent[axis] == 1 ? 0 : stride[axis];
}

static void swap_axes(gpu_loop *loop, int a, int b)
{
    const int32_t extent = loop->extent[a];
    loop->extent[a] = loop->extent[b];
    loop->extent[b] = extent;
    for (int operand = 0; operand < GPU_OPERANDS; operand++) {
        const int32_t stride = loop->stride[operand][a];
        loop->stride[operand][a] = loop->stride[operand][b];
        loop->stride[operand][b] = stride;
    }
}

void loop_end(gpu_loop *loop)
{
    for (int i = 1; i < loop->axes; i++)
        for (int j = i; j > 0 && loop->stride[GPU_DST][j] > loop->stride[GPU_DST][j - 1]; j--)
            swap_axes(loop, j, j - 1);
}

void loop_of_layout(gpu_loop *loop, const struct shape *shape, bool to_device)
{
    loop_begin(loop, shape);
    plain_strides(loop->stride[to_device ? GPU_A : GPU_DST], shape);
    if (!to_device) device_strides(loop->stride[GPU_A], shape);
    loop_end(loop);
}
