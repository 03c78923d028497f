/* dst = activation(a function b + residual), or of a alone, each operand walked with strides of its own: broadcasting,
 * concatenation, padding, transposition and plain copies are all walks.
 *
 * Where the fastest axis is evenly divided, a thread takes 16 bytes of each operand. */
#include "epilogue.h"

enum { THREADS = 256 };

/* `Width` neighbours, or one value that stands for all of them. */
template <class Storage, int Width> __device__ static inline void load_walked(float *x, const Storage *src, int stride)
{
    if (Width == 1 || stride != 0) {
        load_channels<Storage, Width>(x, src);
    } else {
        const float one = to_float(*src);
        for (int v = 0; v < Width; v++) x[v] = one;
    }
}

__device__ static inline float apply(float a, float b, gpu_function function)
{
    switch (function) {
    case GPU_ADD: return a + b;
    case GPU_SUB: return a - b;
    case GPU_MUL: return a * b;
    case GPU_DIV: return a / b;
    default: return a;
    }
}

/* One thread for `Width` neighbours along the last axis, whose extent is divided by it already. */
template <class Storage, int Width>
__global__ void walk(Storage *dst, const Storage *a, const Storage *b, gpu_function function, float factor,
                     gpu_loop loop, gpu_epilogue epilogue, unsigned count)
{
    unsigned index = blockIdx.x * THREADS + threadIdx.x;
    if (index >= count) return;
    int at[GPU_OPERANDS] = {};
    for (int axis = loop.axes - 1; axis >= 0; axis--) {
        const unsigned extent = (unsigned)loop.extent[axis], along = index % extent;
        const int place = (int)along * (axis == loop.axes - 1 ? Width : 1);
        for (int operand = 0; operand < GPU_OPERANDS; operand++) at[operand] += place * loop.stride[operand][axis];
        index /= extent;
    }
    const int last = loop.axes - 1;
    float x[Width], y[Width] = {};
    load_walked<Storage, Width>(x, a + at[GPU_A], loop.stride[GPU_A][last]);
    const int slope = at[GPU_SLOPE], slope_step = loop.stride[GPU_SLOPE][last];
    if (b) load_walked<Storage, Width>(y, b + at[GPU_B], loop.stride[GPU_B][last]);
    if (function == GPU_BACK) {
        for (int v = 0; v < Width; v++) {
            const float rise = derivative(y[v], epilogue, slope + v * slope_step);
            x[v] = rise == 0 ? 0 : x[v] * rise; /* nothing of what is infinite, too */
        }
        store_channels<Storage, Width>(dst + at[GPU_DST], x);
        return;
    }
    for (int v = 0; v < Width; v++) x[v] = factor * (b ? apply(x[v], y[v], function) : x[v]);
    finish<Storage, Width>(dst, x, epilogue, at[GPU_DST], slope, slope_step);
}

static bool walks_in_vectors(const gpu_loop *loop, int operand, const void *start, int width)
{
    const int last = loop->axes - 1, step = loop->stride[operand][last];
    if (!start || (step == 0 && operand != GPU_DST)) return true;
    bool even = step == 1 && reinterpret_cast<uintptr_t>(start) % 16 == 0;
    for (int axis = 0; axis < last; axis++) even = even && loop->stride[operand][axis] % width == 0;
    return even;
}

template <class Storage, int Width>
static cudaError_t run(void *dst, const void *a, const void *b, gpu_function function, float factor,
                       const gpu_loop *loop, const gpu_epilogue *epilogue, cudaStream_t stream)
{
    gpu_loop divided = *loop;
    int64_t count = 1;
    divided.extent[loop->axes - 1] /= Width;
    for (int axis = 0; axis < loop->axes; axis++) count *= divided.extent[axis];
    return gpu_launch(walk<Storage, Width>, dim3((unsigned)((count + THREADS - 1) / THREADS)), dim3(THREADS), stream,
                      static_cast<Storage *>(dst), static_cast<const Storage *>(a), static_cast<const Storage *>(b),
                      function, factor, divided, *epilogue, (unsigned)count);
}

cudaError_t gpu_elementwise(void *dst, const void *a, const void *b, gpu_function function, float factor,
                            const gpu_loop *loop, const gpu_epilogue *epilogue, gpu_storage storage,
                            cudaStream_t stream)
{
    typedef cudaError_t form(void *, const void *, const void *, gpu_function, float, const gpu_loop *,
                             const gpu_epilogue *, cudaStream_t);
    static form *const forms[GPU_STORAGES][2] = {
        { run<float, 1>, run<float, 4> },
        { run<__half, 1>, run<__half, 8> },
        { run<__nv_bfloat16, 1>, run<__nv_bfloat16, 8> },
    };
    gpu_loop collapsed = *loop;
    gpu_loop_collapse(&collapsed);
    const int width = storage == GPU_FLOAT ? 4 : 8, last = collapsed.axes - 1;
    const int slope = collapsed.stride[GPU_SLOPE][last];
    const bool vectors = collapsed.extent[last] % width == 0 && (slope == 0 || slope == 1) &&
                         walks_in_vectors(&collapsed, GPU_DST, dst, width) &&
                         walks_in_vectors(&collapsed, GPU_DST, epilogue->residual, width) &&
                         walks_in_vectors(&collapsed, GPU_A, a, width) && walks_in_vectors(&collapsed, GPU_B, b, width);
    return forms[storage][vectors](dst, a, b, function, factor, &collapsed, epilogue, stream);
}

template <class Storage> __global__ void fill(Storage *dst, float value, unsigned count)
{
    const unsigned index = blockIdx.x * THREADS + threadIdx.x;
    if (index < count) store_as(dst + index, value);
}

cudaError_t gpu_fill(void *dst, float value, int64_t count, gpu_storage storage, cudaStream_t stream)
{
    const dim3 grid((unsigned)((count + THREADS - 1) / THREADS)), block(THREADS);
    switch (storage) {
    case GPU_FLOAT: return gpu_launch(fill<float>, grid, block, stream, static_cast<float *>(dst), value, count);
    case GPU_HALF: return gpu_launch(fill<__half>, grid, block, stream, static_cast<__half *>(dst), value, count);
    default:
        return gpu_launch(fill<__nv_bfloat16>, grid, block, stream, static_cast<__nv_bfloat16 *>(dst), value, count);
    }
}
