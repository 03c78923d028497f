/* One source for two compilers. nvcc makes GPU code of a kernel; a C++ compiler makes a program that runs the same kernel
 * on a processor, thread by thread (tests/emulation), where sanitizers watch it.
 *
 * Kernels keep to what both can do alike: explicit fmaf, no atomics on floats, full warp masks, no return before a
 * barrier, shared memory from GPU_SHARED alone. Half precision is loaded, computed with as float, and stored. */
#ifndef KERNELS_GPU_H
#define KERNELS_GPU_H
#include <cuda_runtime_api.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#ifdef __CUDACC__

/* A block's array `name` of `count` elements. */
#define GPU_SHARED(type, name, count) __shared__ type name[count]

/* Enqueue a kernel. The status is that of this launch: what others left behind (an engine that cuDNN refused, another user
 * of the runtime in this thread) is cleared before. A device that failed says so again. */
template <class... Parameters, class... Arguments>
static inline cudaError_t gpu_launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, cudaStream_t stream,
                                     Arguments... arguments)
{
    cudaGetLastError();
    kernel<<<grid, block, 0, stream>>>(static_cast<Parameters>(arguments)...);
    return cudaGetLastError();
}

#else
#include "emulation.h"
#endif
#endif
