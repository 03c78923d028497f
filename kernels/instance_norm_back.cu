/* The gradient of an instance norm by its input: with y = (src - mean) / sqrt(variance + epsilon),
 *   dst = scale[c] / sqrt(variance + epsilon) * (g - mean of g - y * mean of g y)
 * src is read three times, g twice, dst is written once. Sums are taken in an order that the shape alone decides. */
#include "moments.h"

struct sums {
    float g, product; /* of g, and of g * (src - mean) */
};

/* dst[n][slab][c]. Grid: slabs, tiles of channels, n. */
template <class Storage, int Width>
__global__ void sum_slabs(sums *dst, const Storage *g, const Storage *src, const plane *planes, int positions,
                          int channels, int groups, int slab)
{
    GPU_SHARED(sums, kept, THREADS * Width);
    const int thread = (int)threadIdx.x, group = thread % groups, row = thread / groups, rows = THREADS / groups;
    const int channel = ((int)blockIdx.y * groups + group) * Width;
    const int first = (int)blockIdx.x * slab, last = positions - first < slab ? positions : first + slab;
    const bool inside = channel < channels;
    const int64_t plane_first = (int64_t)blockIdx.z * positions * channels + channel;
    sums known[Width] = {};
    for (int p = first + row; inside && p < last; p += rows) {
        float x[Width], slope[Width];
        load_channels<Storage, Width>(x, src + plane_first + (int64_t)p * channels);
        load_channels<Storage, Width>(slope, g + plane_first + (int64_t)p * channels);
        for (int v = 0; v < Width; v++) {
            const float mean = planes[(int64_t)blockIdx.z * channels + channel + v].mean;
            known[v].g += slope[v];
            known[v].product = fmaf(slope[v], x[v] - mean, known[v].product);
        }
    }
    for (int v = 0; v < Width; v++) kept[v * THREADS + thread] = known[v];
    for (int reach = rows / 2; reach > 0; reach /= 2) {
        __syncthreads();
        if (row >= reach) continue;
        for (int v = 0; v < Width; v++) {
            const sums other = kept[v * THREADS + thread + reach * groups];
            kept[v * THREADS + thread].g += other.g;
            kept[v * THREADS + thread].product += other.product;
        }
    }
    if (row > 0 || !inside) return;
    sums *const out = dst + ((int64_t)blockIdx.z * gridDim.x + blockIdx.x) * channels + channel;
    for (int v = 0; v < Width; v++) out[v] = kept[v * THREADS + thread];
}

/* dst[n][c] = the means: of g, and of g y over sqrt(variance + epsilon). Grid: channels, n. */
__global__ void join_sums(sums *dst, const sums *src, const plane *planes, int positions, int channels, int slabs)
{
    const int channel = (int)(blockIdx.x * THREADS + threadIdx.x);
    if (channel >= channels) return;
    double g = 0, product = 0;
    for (int s = 0; s < slabs; s++) {
        const sums slab = src[((int64_t)blockIdx.y * slabs + s) * channels + channel];
        g += slab.g;
        product += slab.product;
    }
    const int64_t at = (int64_t)blockIdx.y * channels + channel;
    const double sharpness = planes[at].sharpness;
    dst[at] = { (float)(g / positions), (float)(product / positions * sharpness * sharpness) };
}

template <class Storage, int Width>
__global__ void denormalize(Storage *dst, const Storage *g, const Storage *src, const plane *planes, const sums *means,
                            const float *scale, int positions, int channels)
{
    const unsigned groups = (unsigned)(channels / Width), index = blockIdx.x * THREADS + threadIdx.x;
    if (index >= groups * (unsigned)positions) return;
    const int channel = (int)(index % groups) * Width;
    const int64_t at = ((int64_t)blockIdx.y * positions * groups + index) * Width;
    float x[Width], slope[Width];
    load_channels<Storage, Width>(x, src + at);
    load_channels<Storage, Width>(slope, g + at);
    for (int v = 0; v < Width; v++) {
        const int64_t of = (int64_t)blockIdx.y * channels + channel + v;
        const float centred = fmaf(planes[of].mean - x[v], means[of].product, slope[v] - means[of].g);
        x[v] = centred * (planes[of].sharpness * scale[channel + v]);
    }
    store_channels<Storage, Width>(dst + at, x);
}

template <class Storage, int Width>
static cudaError_t run(void *dst, const void *g, const void *src, const float *scale, float epsilon,
                       const gpu_tensor *tensor, void *workspace, cudaStream_t stream)
{
    const tiling t = tiling_of(tensor);
    const int channels = tensor->channels, positions = (int)tensor->positions;
    const unsigned n = (unsigned)tensor->n;
    plane *const planes = static_cast<plane *>(workspace);
    sums *const means = reinterpret_cast<sums *>(planes + tensor->n * channels), *const slabs = means +
                                                                                                tensor->n * channels;
    const Storage *const from = static_cast<const Storage *>(src), *const slope = static_cast<const Storage *>(g);
    cudaError_t status = measure_planes<Storage, Width>(planes, reinterpret_cast<moments *>(slabs), src, epsilon,
                                                        tensor, stream);
    if (status == cudaSuccess)
        status = gpu_launch(sum_slabs<Storage, Width>, dim3((unsigned)t.slabs, (unsigned)t.tiles, n), dim3(THREADS),
                            stream, slabs, slope, from, planes, positions, channels, t.groups, t.slab);
    if (status == cudaSuccess)
        status = gpu_launch(join_sums, dim3((unsigned)((channels + THREADS - 1) / THREADS), n), dim3(THREADS), stream,
                            means, slabs, planes, positions, channels, t.slabs);
    if (status != cudaSuccess) return status;
    const int64_t threads = (int64_t)positions * (channels / Width);
    return gpu_launch(denormalize<Storage, Width>, dim3((unsigned)((threads + THREADS - 1) / THREADS), n),
                      dim3(THREADS), stream, static_cast<Storage *>(dst), slope, from, planes, means, scale, positions,
                      channels);
}

/* Moments of slabs, and then sums of slabs in their place. */
size_t gpu_instance_norm_back_workspace(const gpu_tensor *tensor)
{
    static_assert(sizeof(sums) == sizeof(moments), "they take turns");
    const tiling t = tiling_of(tensor);
    return (size_t)tensor->n * (size_t)tensor->channels *
           (sizeof(plane) + sizeof(sums) + sizeof(moments) * (size_t)t.slabs);
}

cudaError_t gpu_instance_norm_back(void *dst, const void *g, const void *src, const float *scale, float epsilon,
                                   const gpu_tensor *tensor, void *workspace, cudaStream_t stream)
{
    typedef cudaError_t form(void *, const void *, const void *, const float *, float, const gpu_tensor *, void *,
                             cudaStream_t);
    static form *const forms[GPU_STORAGES][2] = {
        { run<float, 1>, run<float, 4> },
        { run<__half, 1>, run<__half, 8> },
        { run<__nv_bfloat16, 1>, run<__nv_bfloat16, 8> },
    };
    return forms[tensor->storage][tiling_of(tensor).width > 1](dst, g, src, scale, epsilon, tensor, workspace, stream);
}
