/* dst = exp(x - max) / sum over the axis of exp(x - max), or its logarithm: one block for each line along the axis, which
 * is read three times, from the cache but for the first. */
#include "storage.h"
#include "kernels.h"

enum { THREADS = 128 };

/* To all threads of the block, in one fixed order: the sum, or the maximum. */
__device__ static float over_block(float *kept, float x, bool sum)
{
    const int thread = (int)threadIdx.x;
    __syncthreads(); /* what was kept before has been read */
    kept[thread] = x;
    for (int reach = THREADS / 2; reach > 0; reach /= 2) {
        __syncthreads();
        if (thread >= reach) continue;
        const float other = kept[thread + reach];
        kept[thread] = sum ? kept[thread] + other : fmaxf(kept[thread], other);
    }
    __syncthreads();
    return kept[0];
}

template <class Storage>
__global__ void softmax_lines(Storage *dst, const Storage *src, gpu_loop lines, int extent, int dst_step, int src_step,
                              bool logarithm)
{
    GPU_SHARED(float, kept, THREADS);
    unsigned line = blockIdx.x;
    for (int axis = lines.axes - 1; axis >= 0; axis--) {
        const int along = (int)(line % (unsigned)lines.extent[axis]);
        dst += along * lines.stride[GPU_DST][axis];
        src += along * lines.stride[GPU_A][axis];
        line /= (unsigned)lines.extent[axis];
    }
    float most = -INFINITY, sum = 0;
    for (int i = (int)threadIdx.x; i < extent; i += THREADS) most = fmaxf(most, to_float(src[i * src_step]));
    most = over_block(kept, most, false);
    for (int i = (int)threadIdx.x; i < extent; i += THREADS) sum += expf(to_float(src[i * src_step]) - most);
    sum = over_block(kept, sum, true);
    for (int i = (int)threadIdx.x; i < extent; i += THREADS) {
        const float x = to_float(src[i * src_step]) - most;
        store_as(dst + i * dst_step, logarithm ? x - logf(sum) : expf(x) / sum);
    }
}

template <class Storage>
__global__ void softmax_lines_back(Storage *dst, const Storage *g, const Storage *y, gpu_loop lines, int extent,
                                   int step, bool logarithm)
{
    GPU_SHARED(float, kept, THREADS);
    unsigned line = blockIdx.x;
    int first = 0;
    for (int axis = lines.axes - 1; axis >= 0; axis--) {
        first += (int)(line % (unsigned)lines.extent[axis]) * lines.stride[GPU_DST][axis];
        line /= (unsigned)lines.extent[axis];
    }
    float sum = 0;
    for (int i = (int)threadIdx.x; i < extent; i += THREADS) {
        const float slope = to_float(g[first + i * step]);
        sum = logarithm ? sum + slope : fmaf(slope, to_float(y[first + i * step]), sum);
    }
    sum = over_block(kept, sum, true);
    for (int i = (int)threadIdx.x; i < extent; i += THREADS) {
        const int at = first + i * step;
        const float slope = to_float(g[at]), output = to_float(y[at]);
        store_as(dst + at, logarithm ? fmaf(-expf(output), sum, slope) : output * (slope - sum));
    }
}

template <class Storage>
static cudaError_t run(void *dst, const void *src, const gpu_loop *lines, int extent, int dst_step, int src_step,
                       bool logarithm, cudaStream_t stream)
{
    int64_t count = 1;
    for (int axis = 0; axis < lines->axes; axis++) count *= lines->extent[axis];
    return gpu_launch(softmax_lines<Storage>, dim3((unsigned)count), dim3(THREADS), stream, static_cast<Storage *>(dst),
                      static_cast<const Storage *>(src), *lines, extent, dst_step, src_step, logarithm);
}

cudaError_t gpu_softmax(void *dst, const void *src, const gpu_loop *lines, int32_t extent, int32_t dst_step,
                        int32_t src_step, bool logarithm, gpu_storage storage, cudaStream_t stream)
{
    typedef cudaError_t form(void *, const void *, const gpu_loop *, int, int, int, bool, cudaStream_t);
    static form *const forms[GPU_STORAGES] = { run<float>, run<__half>, run<__nv_bfloat16> };
    return forms[storage](dst, src, lines, extent, dst_step, src_step, logarithm, stream);
}

template <class Storage>
static cudaError_t run_back(void *dst, const void *g, const void *y, const gpu_loop *lines, int extent, int step,
                            bool logarithm, cudaStream_t stream)
{
    int64_t count = 1;
    for (int axis = 0; axis < lines->axes; axis++) count *= lines->extent[axis];
    return gpu_launch(softmax_lines_back<Storage>, dim3((unsigned)count), dim3(THREADS), stream,
                      static_cast<Storage *>(dst), static_cast<const Storage *>(g), static_cast<const Storage *>(y),
                      *lines, extent, step, logarithm);
}

cudaError_t gpu_softmax_back(void *dst, const void *g, const void *y, const gpu_loop *lines, int32_t extent,
                             int32_t step, bool logarithm, gpu_storage storage, cudaStream_t stream)
{
    typedef cudaError_t form(void *, const void *, const void *, const gpu_loop *, int, int, bool, cudaStream_t);
    static form *const forms[GPU_STORAGES] = { run_back<float>, run_back<__half>, run_back<__nv_bfloat16> };
    return forms[storage](dst, g, y, lines, extent, step, logarithm, stream);
}
