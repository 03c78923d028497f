/* The gradient of a pool by its input x: every window hands its g to its first largest element or, of an average, in equal
 * shares to its elements. Each element of dst gathers what it is given, so no sum depends on an order of threads; of a
 * maximum every window is searched once for each of its elements. */
#include "window.h"

enum { THREADS = 256 };

/* Does b take the place of the largest so far? A NaN always does, as on the CPU. */
__device__ static inline bool beats(float b, float a)
{
    return b > a || isnan(b);
}

/* Position in the channel of a window's first largest element. */
template <class Storage> __device__ static int winner(const Storage *x, const gpu_pool &pool, const int window[3])
{
    int best = -1;
    float largest = 0;
    for (int tap = 0; tap < pool.kernel[0] * pool.kernel[1] * pool.kernel[2]; tap++) {
        const int k[3] = { tap / pool.kernel[2] / pool.kernel[1], tap / pool.kernel[2] % pool.kernel[1],
                           tap % pool.kernel[2] };
        int at = 0;
        bool inside = true;
        for (int axis = 0; axis < 3; axis++) {
            const int place = window[axis] * pool.stride[axis] + k[axis] * pool.dilation[axis] - pool.pad_before[axis];
            inside = inside && place >= 0 && place < pool.src[axis];
            at = at * pool.src[axis] + place;
        }
        if (!inside) continue;
        const float value = to_float(x[(int64_t)at * pool.channels]);
        if (best >= 0 && !beats(value, largest)) continue;
        best = at;
        largest = value;
    }
    return best;
}

/* What the window hands to the element at `position` of the channel. */
template <class Storage>
__device__ static float share(const Storage *g, const Storage *x, const gpu_pool &pool, const int window[3],
                              int position)
{
    const int64_t at = ((int64_t)window[0] * pool.dst[1] + window[1]) * pool.dst[2] + window[2];
    const float given = to_float(g[at * pool.channels]);
    if (pool.maximum) return winner(x, pool, window) == position ? given : 0;
    return given / (float)(taps_counted(pool, 0, window[0]) * taps_counted(pool, 1, window[1]) *
                           taps_counted(pool, 2, window[2]));
}

/* Index along an axis of the window that has the element under tap k, or -1. */
__device__ static inline int window_over(const gpu_pool &pool, int axis, int place, int k)
{
    const int from = place + pool.pad_before[axis] - k * pool.dilation[axis];
    if (from < 0 || from % pool.stride[axis] != 0 || from / pool.stride[axis] >= pool.dst[axis]) return -1;
    return from / pool.stride[axis];
}

/* A thread for each element of dst asks all windows that hold it. */
template <class Storage>
__global__ void pool_windows_back(Storage *dst, const Storage *g, const Storage *x, gpu_pool pool, unsigned count)
{
    const unsigned index = blockIdx.x * THREADS + threadIdx.x;
    if (index >= count) return;
    const unsigned channel = index % (unsigned)pool.channels;
    unsigned rest = index / (unsigned)pool.channels;
    const int volume = pool.src[0] * pool.src[1] * pool.src[2], position = (int)(rest % (unsigned)volume);
    int place[3], window[3];
    for (int axis = 2; axis >= 0; axis--) {
        place[axis] = (int)(rest % (unsigned)pool.src[axis]);
        rest /= (unsigned)pool.src[axis];
    }
    const Storage *const plane_x = x + (int64_t)rest * volume * pool.channels + channel;
    const Storage *const plane_g = g + (int64_t)rest * pool.dst[0] * pool.dst[1] * pool.dst[2] * pool.channels +
                                   channel;
    float sum = 0;
    for (int kz = 0; kz < pool.kernel[0]; kz++) {
        window[0] = window_over(pool, 0, place[0], kz);
        for (int ky = 0; window[0] >= 0 && ky < pool.kernel[1]; ky++) {
            window[1] = window_over(pool, 1, place[1], ky);
            for (int kx = 0; window[1] >= 0 && kx < pool.kernel[2]; kx++) {
                window[2] = window_over(pool, 2, place[2], kx);
                if (window[2] >= 0) sum += share(plane_g, plane_x, pool, window, position);
            }
        }
    }
    store_as(dst + index, sum);
}

template <class Storage>
static cudaError_t run_back(void *dst, const void *g, const void *x, const gpu_pool *pool, cudaStream_t stream)
{
    const int64_t count = (int64_t)pool->n * pool->src[0] * pool->src[1] * pool->src[2] * pool->channels;
    return gpu_launch(pool_windows_back<Storage>, dim3((unsigned)((count + THREADS - 1) / THREADS)), dim3(THREADS),
                      stream, static_cast<Storage *>(dst), static_cast<const Storage *>(g),
                      static_cast<const Storage *>(x), *pool, (unsigned)count);
}

cudaError_t gpu_pool_windows_back(void *dst, const void *g, const void *x, const gpu_pool *pool, gpu_storage storage,
                                  cudaStream_t stream)
{
    typedef cudaError_t form(void *, const void *, const void *, const gpu_pool *, cudaStream_t);
    static form *const forms[GPU_STORAGES] = { run_back<float>, run_back<__half>, run_back<__nv_bfloat16> };
    return forms[storage](dst, g, x, pool, stream);
}
