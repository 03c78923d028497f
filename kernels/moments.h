/* Mean and variance of each n and c over all positions, in two kernels: moments of slabs of positions, then of whole planes.
 * Moments are merged in pairs (Chan, Golub and LeVeque 1983) in an order that the shape alone decides, and lose nothing
 * where the mean is large beside the deviation. */
#ifndef KERNELS_MOMENTS_H
#define KERNELS_MOMENTS_H
#include "kernels.h"
#include "storage.h"

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

struct plane {
    float mean, sharpness; /* 1 / sqrt(variance + epsilon) */
};

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

/* dst[n][c]: of whole planes. Grid: JOIN_CHANNELS channels a block, n. */
template <int Threads>
__global__ void join_slabs(plane *dst, const moments *src, float epsilon, int positions, int channels, int slabs,
                           int slab)
{
    GPU_SHARED(moments, kept, Threads);
    GPU_SHARED(float, counts, Threads);
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
    dst[(int64_t)blockIdx.y * channels + channel] = { known.mean, 1 / sqrtf(known.squares / count + epsilon) };
}

/* planes[n][c], by way of slabs[n][slab][c]. */
template <class Storage, int Width>
static cudaError_t measure_planes(plane *planes, moments *slabs, const void *src, float epsilon,
                                  const gpu_tensor *tensor, cudaStream_t stream)
{
    const tiling t = tiling_of(tensor);
    const int channels = tensor->channels, positions = (int)tensor->positions;
    const unsigned n = (unsigned)tensor->n, joins = (unsigned)((channels + JOIN_CHANNELS - 1) / JOIN_CHANNELS);
    const cudaError_t status = gpu_launch(measure_slabs<Storage, Width>, dim3((unsigned)t.slabs, (unsigned)t.tiles, n),
                                          dim3(THREADS), stream, slabs, static_cast<const Storage *>(src), positions,
                                          channels, t.groups, t.slab);
    if (status != cudaSuccess) return status;
    return gpu_launch(join_slabs<THREADS>, dim3(joins, n), dim3(THREADS), stream, planes, slabs, epsilon, positions,
                      channels, t.slabs, t.slab);
}

#endif
