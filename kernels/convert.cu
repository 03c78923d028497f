/* Between a tensor as callers have it, float32 in C order, and as it lies on the device: the way in and the way out. */
#include "storage.h"
#include "kernels.h"

enum { THREADS = 256 };

/* One thread for an element of dst. */
template <class Dst, class Src> __global__ void convert(Dst *dst, const Src *src, gpu_loop loop, unsigned count)
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
    store_as(dst + to, to_float(src[from]));
}

template <class Dst, class Src>
static cudaError_t run(void *dst, const void *src, const gpu_loop *loop, cudaStream_t stream)
{
    int64_t count = 1;
    for (int axis = 0; axis < loop->axes; axis++) count *= loop->extent[axis];
    return gpu_launch(convert<Dst, Src>, dim3((unsigned)((count + THREADS - 1) / THREADS)), dim3(THREADS), stream,
                      static_cast<Dst *>(dst), static_cast<const Src *>(src), *loop, (unsigned)count);
}

cudaError_t gpu_narrow(void *dst, const float *src, const gpu_loop *loop, gpu_storage storage, cudaStream_t stream)
{
    gpu_loop collapsed = *loop;
    gpu_loop_collapse(&collapsed);
    switch (storage) {
    case GPU_FLOAT: return run<float, float>(dst, src, &collapsed, stream);
    case GPU_HALF: return run<__half, float>(dst, src, &collapsed, stream);
    default: return run<__nv_bfloat16, float>(dst, src, &collapsed, stream);
    }
}

cudaError_t gpu_widen(float *dst, const void *src, const gpu_loop *loop, gpu_storage storage, cudaStream_t stream)
{
    gpu_loop collapsed = *loop;
    gpu_loop_collapse(&collapsed);
    switch (storage) {
    case GPU_FLOAT: return run<float, float>(dst, src, &collapsed, stream);
    case GPU_HALF: return run<float, __half>(dst, src, &collapsed, stream);
    default: return run<float, __nv_bfloat16>(dst, src, &collapsed, stream);
    }
}
