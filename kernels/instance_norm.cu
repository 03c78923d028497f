/* dst = activation((src - mean) / sqrt(variance + epsilon) * scale[c] + shift[c] + residual), mean and variance over the
 * positions of each n and c.
 *
 * Three kernels: moments of slabs of positions, of whole planes, and the change itself. So src is read twice and dst is
 * written once: 3 values a voxel and channel, 4 with a residual. Moments are merged in pairs (Chan, Golub and LeVeque 1983)
 * in an order that the shape alone decides, and lose nothing where the mean is large beside the deviation. */
#include "epilogue.h"

enum { THREADS = 256, BATCH = 4, SLAB_ROUNDS = 16, JOIN_CHANNELS = 32, JOIN_ROWS = THREADS / JOIN_CHANNELS };

/* Of values whose number is known: their mean, and the sum of their squared deviations from it. */
struct moments {
    float mean, squares;
};

__device__ static inline moments merge(moments a, float count_a, moments b, float count_b)
{
    if (count_b == 0) return a;
    const float share = count_b / (count_a + count_b), apart = b.mean - a.mean;
    return { fmaf(apart, share, a.mean), fmaf(apart * apart, count_a * share, a.squares + b.squares) };
}

/* How a block of threads covers channels and positions. */
struct tiling {
    int groups; /* of `width` channels, side by side: a power of two */
    int rows;   /* of positions: THREADS / groups */
    int width, tiles, slabs;
    int slab; /* positions a block */
};

static tiling tiling_of(const gpu_tensor *tensor)
{
    const int widest = tensor->storage == GPU_FLOAT ? 4 : 8;
    tiling t = {};
    t.width = tensor->channels % widest == 0 ? widest : 1;
    const int wanted = tensor->channels / t.width;
    for (t.groups = 1; t.groups < wanted && t.groups < 32;) t.groups *= 2;
    t.rows = THREADS / t.groups;
    t.tiles = (wanted + t.groups - 1) / t.groups;
    t.slab = t.rows * BATCH * SLAB_ROUNDS;
    t.slabs = (int)((tensor->positions + t.slab - 1) / t.slab);
    return t;
}

/* Of up to BATCH positions of `Width` channels, joined to what is known so far. */
template <class Storage, int Width>
__device__ static void add_batch(moments *known, float *count, const Storage *src, int from, int to, int step,
                                 int stride)
{
    float values[BATCH][Width];
    int taken = 0;
    for (int b = 0; b < BATCH; b++) {
        const int p = from + b * step;
        for (int v = 0; v < Width; v++) values[b][v] = 0;
        if (p >= to) continue;
        load_channels<Storage, Width>(values[b], src + (int64_t)p * stride);
        taken++;
    }
    if (!taken) return;
    for (int v = 0; v < Width; v++) {
        moments batch = { 0, 0 };
        for (int b = 0; b < BATCH; b++) batch.mean += values[b][v];
        batch.mean /= (float)taken;
        for (int b = 0; b < BATCH; b++) {
            const float off = values[b][v] - batch.mean;
            if (b < taken) batch.squares = fmaf(off, off, batch.squares);
        }
        known[v] = merge(known[v], *count, batch, (float)taken);
    }
    *count += (float)taken;
}

/* dst[n][slab][c]. Grid: slabs, tiles of channels, n. */
template <class Storage, int Width>
__global__ void measure_slabs(moments *dst, const Storage *src, int positions, int channels, int groups, int slab)
{
    GPU_SHARED(moments, kept, THREADS * Width);
    GPU_SHARED(float, counts, THREADS);
    const int thread = (int)threadIdx.x, group = thread % groups, row = thread / groups, rows = THREADS / groups;
    const int channel = ((int)blockIdx.y * groups + group) * Width;
    const int first = (int)blockIdx.x * slab, last = positions - first < slab ? positions : first + slab;
    const bool inside = channel < channels;
    const Storage *plane = src + (int64_t)blockIdx.z * positions * channels + channel;
    moments known[Width] = {};
    float count = 0;
    for (int p = first + row; inside && p < last; p += rows * BATCH)
        add_batch<Storage, Width>(known, &count, plane, p, last, rows, channels);
    for (int v = 0; v < Width; v++) kept[v * THREADS + thread] = known[v];
    counts[thread] = count;
    for (int reach = rows / 2; reach > 0; reach /= 2) {
        __syncthreads();
        if (row >= reach) continue;
        const int other = thread + reach * groups;
        for (int v = 0; v < Width; v++)
            kept[v * THREADS + thread] = merge(kept[v * THREADS + thread], counts[thread], kept[v * THREADS + other],
                                               counts[other]);
        counts[thread] += counts[other];
    }
    if (row > 0 || !inside) return;
    moments *const out = dst + ((int64_t)blockIdx.z * gridDim.x + blockIdx.x) * channels + channel;
    for (int v = 0; v < Width; v++) out[v] = kept[v * THREADS + thread];
}

/* moments becomes (mean, factor) in dst[n][c]: scale / sqrt(variance + epsilon). Grid: JOIN_CHANNELS channels a block, n. */
__global__ void join_slabs(moments *dst, const moments *src, const float *scale, float epsilon, int positions,
                           int channels, int slabs, int slab)
{
    GPU_SHARED(moments, kept, THREADS);
    GPU_SHARED(float, counts, THREADS);
    const int thread = (int)threadIdx.x, row = thread / JOIN_CHANNELS;
    const int channel = (int)blockIdx.x * JOIN_CHANNELS + thread % JOIN_CHANNELS;
    moments known = { 0, 0 };
    float count = 0;
    for (int s = row; channel < channels && s < slabs; s += JOIN_ROWS) {
        const float more = (float)(positions - s * slab < slab ? positions - s * slab : slab);
        known = merge(known, count, src[((int64_t)blockIdx.y * slabs + s) * channels + channel], more);
        count += more;
    }
    kept[thread] = known;
    counts[thread] = count;
    __syncthreads();
    if (row > 0 || channel >= channels) return;
    for (int r = 1; r < JOIN_ROWS; r++) {
        const int other = thread + r * JOIN_CHANNELS;
        known = merge(known, count, kept[other], counts[other]);
        count += counts[other];
    }
    const float factor = scale[channel] / sqrtf(known.squares / count + epsilon);
    dst[(int64_t)blockIdx.y * channels + channel] = { known.mean, factor };
}

/* (src - mean) * factor + shift: of each plane or, without planes, src * scale + shift. Grid: positions x groups, n. */
template <class Storage, int Width>
__global__ void normalize(Storage *dst, const Storage *src, const moments *plane, const float *scale,
                          const float *shift, int positions, int channels, gpu_epilogue epilogue)
{
    const unsigned groups = (unsigned)(channels / Width), index = blockIdx.x * THREADS + threadIdx.x;
    if (index >= groups * (unsigned)positions) return;
    const int channel = (int)(index % groups) * Width;
    const int64_t at = ((int64_t)blockIdx.y * positions * groups + index) * Width;
    float x[Width];
    load_channels<Storage, Width>(x, src + at);
    for (int v = 0; v < Width; v++) {
        const int c = channel + v;
        const moments of = plane ? plane[(int64_t)blockIdx.y * channels + c] : moments{ 0, scale[c] };
        x[v] = fmaf(x[v] - of.mean, of.squares, shift[c]);
    }
    const bool one_slope = epilogue.slopes == 1;
    finish<Storage, Width>(dst, x, epilogue, at, one_slope ? 0 : channel, one_slope ? 0 : 1);
}

template <class Storage, int Width>
static cudaError_t change(void *dst, const void *src, const moments *planes, const float *scale, const float *shift,
                          const gpu_tensor *tensor, const gpu_epilogue *epilogue, cudaStream_t stream)
{
    const int64_t threads = tensor->positions * (tensor->channels / Width);
    const dim3 grid((unsigned)((threads + THREADS - 1) / THREADS), (unsigned)tensor->n);
    return gpu_launch(normalize<Storage, Width>, grid, dim3(THREADS), stream, static_cast<Storage *>(dst),
                      static_cast<const Storage *>(src), planes, scale, shift, (int)tensor->positions, tensor->channels,
                      *epilogue);
}

/* Without a workspace there are no moments to take. */
template <class Storage, int Width>
static cudaError_t run(void *dst, const void *src, const float *scale, const float *shift, float epsilon,
                       const gpu_tensor *tensor, const gpu_epilogue *epilogue, void *workspace, cudaStream_t stream)
{
    moments *const planes = static_cast<moments *>(workspace);
    if (!planes) return change<Storage, Width>(dst, src, planes, scale, shift, tensor, epilogue, stream);
    const tiling t = tiling_of(tensor);
    const int channels = tensor->channels, positions = (int)tensor->positions;
    const unsigned n = (unsigned)tensor->n, joins = (unsigned)((channels + JOIN_CHANNELS - 1) / JOIN_CHANNELS);
    moments *const slabs = planes + tensor->n * channels;
    cudaError_t status = gpu_launch(measure_slabs<Storage, Width>, dim3((unsigned)t.slabs, (unsigned)t.tiles, n),
                                    dim3(THREADS), stream, slabs, static_cast<const Storage *>(src), positions,
                                    channels, t.groups, t.slab);
    if (status == cudaSuccess)
        status = gpu_launch(join_slabs, dim3(joins, n), dim3(THREADS), stream, planes, slabs, scale, epsilon, positions,
                            channels, t.slabs, t.slab);
    if (status != cudaSuccess) return status;
    return change<Storage, Width>(dst, src, planes, scale, shift, tensor, epilogue, stream);
}

size_t gpu_instance_norm_workspace(const gpu_tensor *tensor)
{
    const tiling t = tiling_of(tensor);
    return sizeof(moments) * (size_t)tensor->n * (size_t)tensor->channels * (size_t)(1 + t.slabs);
}

cudaError_t gpu_instance_norm(void *dst, const void *src, const float *scale, const float *shift, float epsilon,
                              const gpu_tensor *tensor, const gpu_epilogue *epilogue, void *workspace,
                              cudaStream_t stream)
{
    typedef cudaError_t form(void *, const void *, const float *, const float *, float, const gpu_tensor *,
                             const gpu_epilogue *, void *, cudaStream_t);
    static form *const forms[GPU_STORAGES][2] = {
        { run<float, 1>, run<float, 4> },
        { run<__half, 1>, run<__half, 8> },
        { run<__nv_bfloat16, 1>, run<__nv_bfloat16, 8> },
    };
    return forms[tensor->storage][tiling_of(tensor).width > 1](dst, src, scale, shift, epsilon, tensor, epilogue,
                                                               workspace, stream);
}

cudaError_t gpu_scale_shift(void *dst, const void *src, const float *scale, const float *shift,
                            const gpu_tensor *tensor, const gpu_epilogue *epilogue, cudaStream_t stream)
{
    return gpu_instance_norm(dst, src, scale, shift, 0, tensor, epilogue, NULL, stream);
}
