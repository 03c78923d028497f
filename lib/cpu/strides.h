/* Tensors walked along the axes of another: an output's rows, and where each of them lies in an input. */
#ifndef CPU_STRIDES_H
#define CPU_STRIDES_H
#include "cpu/step.h"

/* stride[i] of a tensor in C order. */
static inline void strides_of(int64_t stride[MAX_RANK], const struct shape *shape)
{
    int64_t step = 1;
    for (int32_t i = shape->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= shape->extent[i];
    }
}

/* Strides of `shape` along the axes of `result`, as numpy broadcasts it there: 0 where it repeats. */
static inline void strides_broadcast(int64_t stride[MAX_RANK], const struct shape *shape, const struct shape *result)
{
    int64_t own[MAX_RANK];
    const int32_t added = result->rank - shape->rank;
    assert(added >= 0);
    strides_of(own, shape);
    for (int32_t i = 0; i < result->rank; i++)
        stride[i] = i < added || shape->extent[i - added] == 1 ? 0 : own[i - added];
}

/* Sum of index[i] * stride[i] over the first `axes` axes, for the number'th index in C order. */
static inline int64_t offset_of(int64_t number, const int64_t *extent, const int64_t *stride, int32_t axes)
{
    int64_t offset = 0;
    for (int32_t i = axes - 1; i >= 0; i--) {
        offset += number % extent[i] * stride[i];
        number /= extent[i];
    }
    return offset;
}

#endif
