#include "planted.h"
#include "gpu.h"

enum { THREADS = 64 };

template <bool Barrier> __global__ void sum_block(float *dst, const float *src, int count)
{
    GPU_SHARED(float, kept, THREADS);
    const int thread = (int)threadIdx.x, index = (int)blockIdx.x * THREADS + thread;
    kept[thread] = index < count ? src[index] : 0;
    for (int reach = THREADS / 2; reach > 0; reach /= 2) {
        if (Barrier) __syncthreads();
        if (thread < reach) kept[thread] += kept[thread + reach];
    }
    if (thread == 0) dst[blockIdx.x] = kept[0];
}

__global__ void read_unwritten(float *dst, const float *src)
{
    GPU_SHARED(float, kept, THREADS);
    const int thread = (int)threadIdx.x;
    if (thread < THREADS / 2) kept[thread] = src[thread];
    __syncthreads();
    dst[thread] = kept[THREADS - 1 - thread];
}

__global__ void go_round_barrier(float *dst, const float *src)
{
    if (threadIdx.x < THREADS / 2) __syncthreads();
    dst[threadIdx.x] = src[threadIdx.x];
}

__global__ void two_on_a_line(float *dst, const float *src)
{
    // clang-format off
    if (threadIdx.x < THREADS / 2) __syncthreads(); else __syncthreads();
    // clang-format on
    dst[threadIdx.x] = src[threadIdx.x];
}

__global__ void return_before_barrier(float *dst, const float *src)
{
    if (threadIdx.x == 5) return;
    __syncthreads();
    dst[threadIdx.x] = src[threadIdx.x];
}

__global__ void shuffle_in_branch(float *dst, const float *src)
{
    float x = src[threadIdx.x];
    if (threadIdx.x % 32 < 16) x += __shfl_xor_sync(0xffffffffu, x, 1);
    dst[threadIdx.x] = x;
}

__global__ void shuffle_from_outside(float *dst, const float *src)
{
    float x = src[threadIdx.x];
    if (threadIdx.x % 32 < 16) x += __shfl_down_sync(0x0000ffffu, x, 4);
    dst[threadIdx.x] = x;
}

__global__ void take_too_much(float *dst, const float *src)
{
    GPU_SHARED(float, kept, 49 * 256);
    kept[threadIdx.x] = src[threadIdx.x];
    dst[threadIdx.x] = kept[threadIdx.x];
}

__global__ void read_beyond(float *dst, const float *src, int count)
{
    for (int i = (int)threadIdx.x; i <= count; i += THREADS) dst[threadIdx.x] = src[i];
}

__global__ void shared_beyond(float *dst, const float *src)
{
    GPU_SHARED(float, kept, THREADS);
    float *const next = kept + 1;
    next[threadIdx.x] = src[threadIdx.x];
    dst[threadIdx.x] = next[threadIdx.x];
}

__global__ void race_blocks(float *dst, const float *src)
{
    if (threadIdx.x == 0 && src[blockIdx.x] > dst[0]) dst[0] = src[blockIdx.x];
}

static dim3 blocks(int count)
{
    return dim3((unsigned)(count + THREADS - 1) / THREADS);
}

void planted_nothing(float *dst, const float *src, int count)
{
    gpu_launch(sum_block<true>, blocks(count), dim3(THREADS), nullptr, dst, src, count);
}

void planted_missing_barrier(float *dst, const float *src, int count)
{
    gpu_launch(sum_block<false>, blocks(count), dim3(THREADS), nullptr, dst, src, count);
}

void planted_unwritten_shared(float *dst, const float *src, int)
{
    gpu_launch(read_unwritten, dim3(1), dim3(THREADS), nullptr, dst, src);
}

void planted_divergent_barrier(float *dst, const float *src, int)
{
    gpu_launch(go_round_barrier, dim3(1), dim3(THREADS), nullptr, dst, src);
}

void planted_barriers_on_a_line(float *dst, const float *src, int)
{
    gpu_launch(two_on_a_line, dim3(1), dim3(THREADS), nullptr, dst, src);
}

void planted_return_before(float *dst, const float *src, int)
{
    gpu_launch(return_before_barrier, dim3(1), dim3(THREADS), nullptr, dst, src);
}

void planted_divergent_shuffle(float *dst, const float *src, int)
{
    gpu_launch(shuffle_in_branch, dim3(1), dim3(THREADS), nullptr, dst, src);
}

void planted_shuffle_outside(float *dst, const float *src, int)
{
    gpu_launch(shuffle_from_outside, dim3(1), dim3(THREADS), nullptr, dst, src);
}

void planted_too_much_shared(float *dst, const float *src, int)
{
    gpu_launch(take_too_much, dim3(1), dim3(THREADS), nullptr, dst, src);
}

void planted_too_many_threads(float *dst, const float *src, int count)
{
    gpu_launch(read_beyond, dim3(1), dim3(1025), nullptr, dst, src, count);
}

void planted_read_beyond(float *dst, const float *src, int count)
{
    gpu_launch(read_beyond, dim3(1), dim3(THREADS), nullptr, dst, src, count);
}

void planted_shared_beyond(float *dst, const float *src, int)
{
    gpu_launch(shared_beyond, dim3(1), dim3(THREADS), nullptr, dst, src);
}

void planted_racing_blocks(float *dst, const float *src, int count)
{
    gpu_launch(race_blocks, blocks(count), dim3(THREADS), nullptr, dst, src);
}
