/* Windows over D, H, W. */
#ifndef KERNELS_WINDOW_H
#define KERNELS_WINDOW_H
#include "kernels.h"
#include "storage.h"

/* Taps that an average divides by, along one axis. */
__device__ static inline int taps_counted(const gpu_pool &pool, int axis, int place)
{
    const int low = pool.count_padding ? -pool.pad_before[axis] : 0;
    const int high = pool.src[axis] + (pool.count_padding ? pool.pad_after[axis] : 0);
    int taps = 0;
    for (int k = 0; k < pool.kernel[axis]; k++) {
        const int at = place * pool.stride[axis] + k * pool.dilation[axis] - pool.pad_before[axis];
        taps += at >= low && at < high;
    }
    return taps;
}

#endif
