/* Maximum or average of src under a window, for each n and c. Padding never wins a maximum; an average divides by the taps
 * inside the input or, if padding counts, inside the padded input. A thread for each position and `Width` channels. */
#include "window.h"

enum { THREADS = 256 };

template <class Storage, int Width>
__device__ static inline void add_tap(float *known, const Storage *src, bool maximum)
{
    float x[Width];
    load_channels<Storage, Width>(x, src);
    for (int v = 0; v < Width; v++)
        if (!maximum)
            known[v] += x[v];
        else if (x[v] > known[v] || isnan(x[v]))
            known[v] = x[v];
}

template <class Storage, int Width>
__global__ void pool_windows(Storage *dst, const Storage *src, gpu_pool pool, unsigned count)
{
    const unsigned index = blockIdx.x * THREADS + threadIdx.x, groups = (unsigned)(pool.channels / Width);
    if (index >= count) return;
    unsigned rest = index / groups;
    int place[3], from[3];
    for (int axis = 2; axis >= 0; axis--) {
        place[axis] = (int)(rest % (unsigned)pool.dst[axis]);
        from[axis] = place[axis] * pool.stride[axis] - pool.pad_before[axis];
        rest /= (unsigned)pool.dst[axis];
    }
    const Storage *const plane = src + (int64_t)rest * pool.src[0] * pool.src[1] * pool.src[2] * pool.channels +
                                 index % groups * Width;
    float known[Width];
    for (int v = 0; v < Width; v++) known[v] = pool.maximum ? -INFINITY : 0;
    for (int kz = 0; kz < pool.kernel[0]; kz++)
        for (int ky = 0; ky < pool.kernel[1]; ky++)
            for (int kx = 0; kx < pool.kernel[2]; kx++) {
                const int z = from[0] + kz * pool.dilation[0], y = from[1] + ky * pool.dilation[1];
                const int x = from[2] + kx * pool.dilation[2];
                const bool inside = z >= 0 && z < pool.src[0] && y >= 0 && y < pool.src[1] && x >= 0 && x < pool.src[2];
                const int64_t at = ((int64_t)z * pool.src[1] + y) * pool.src[2] + x;
                if (inside) add_tap<Storage, Width>(known, plane + at * pool.channels, pool.maximum);
            }
    const int taps = taps_counted(pool, 0, place[0]) * taps_counted(pool, 1, place[1]) *
                     taps_counted(pool, 2, place[2]);
    for (int v = 0; v < Width && !pool.maximum; v++) known[v] /= (float)taps;
    store_channels<Storage, Width>(dst + (int64_t)index * Width, known);
}

template <class Storage, int Width>
static cudaError_t run(void *dst, const void *src, const gpu_pool *pool, cudaStream_t stream)
{
    const int64_t count = (int64_t)pool->n * pool->dst[0] * pool->dst[1] * pool->dst[2] * (pool->channels / Width);
    return gpu_launch(pool_windows<Storage, Width>, dim3((unsigned)((count + THREADS - 1) / THREADS)), dim3(THREADS),
                      stream, static_cast<Storage *>(dst), static_cast<const Storage *>(src), *pool, (unsigned)count);
}

cudaError_t gpu_pool_windows(void *dst, const void *src, const gpu_pool *pool, gpu_storage storage, cudaStream_t stream)
{
    typedef cudaError_t form(void *, const void *, const gpu_pool *, cudaStream_t);
    static form *const forms[GPU_STORAGES][2] = {
        { run<float, 1>, run<float, 4> },
        { run<__half, 1>, run<__half, 8> },
        { run<__nv_bfloat16, 1>, run<__nv_bfloat16, 8> },
    };
    return forms[storage][pool->channels % (storage == GPU_FLOAT ? 4 : 8) == 0](dst, src, pool, stream);
}
