/* Between a tensor as callers have it, float32 in C order, and as it lies on the device: the way in and the way out. */
#include "storage.h"
#include "kernels.h"

enum { THREADS = 256 };

/* One thread for an element of dst. */
template <class Dst, class Src>
__global__ void convert(Dst *dst, const Src *src, gpu_loop loop, bool rest, unsigned count)
{
    unsigned index = blockIdx.x * THREADS + threadIdx.x;
    if (index >= count) return;
    int to = 0, from = 0;
    for (int axis = loop.axes - 1; axis >= 0; axis--) {
        const unsigned extent = (unsigned)loop.extent[axis], along = index % extent;
        to += (int)along * loop.stride[GPU_DST][axis];
        from += (int)along * loop.stride[GPU_A][axis];
        index /= extent;
    }
    const float x = to_float(src[from]);
    Dst rounded;
    store_as(&rounded, x);
    if (rest) store_as(&rounded, x - to_float(rounded));
    dst[to] = rounded;
}

template <class Dst, class Src>
static cudaError_t run(void *dst, const void *src, const gpu_loop *given, bool rest, cudaStream_t stream)
{
    gpu_loop loop = *given;
    gpu_loop_collapse(&loop);
    int64_t count = 1;
    for (int axis = 0; axis < loop.axes; axis++) count *= loop.extent[axis];
    return gpu_launch(convert<Dst, Src>, dim3((unsigned)((count + THREADS - 1) / THREADS)), dim3(THREADS), stream,
                      static_cast<Dst *>(dst), static_cast<const Src *>(src), loop, rest, (unsigned)count);
}

cudaError_t gpu_narrow(void *dst, const float *src, const gpu_loop *loop, bool rest, gpu_storage storage,
                       cudaStream_t stream)
{
    switch (storage) {
    case GPU_FLOAT: return run<float, float>(dst, src, loop, rest, stream);
    case GPU_HALF: return run<__half, float>(dst, src, loop, rest, stream);
    default: return run<__nv_bfloat16, float>(dst, src, loop, rest, stream);
    }
}

cudaError_t gpu_widen(float *dst, const void *src, const gpu_loop *loop, gpu_storage storage, cudaStream_t stream)
{
    switch (storage) {
    case GPU_FLOAT: return run<float, float>(dst, src, loop, false, stream);
    case GPU_HALF: return run<float, __half>(dst, src, loop, false, stream);
    default: return run<float, __nv_bfloat16>(dst, src, loop, false, stream);
    }
}
