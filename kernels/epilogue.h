/* activation(x + residual), as the CPU's epilogue.c has it. */
#ifndef KERNELS_EPILOGUE_H
#define KERNELS_EPILOGUE_H
#include "kernels.h"
#include "storage.h"

__device__ inline float clamp_to(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

/* slope: the index of GPU_PRELU's. */
__device__ inline float activate(float x, const gpu_epilogue &epilogue, int slope)
{
    switch (epilogue.activation) {
    case GPU_RELU: return x < 0 ? 0 : x;
    case GPU_LEAKY_RELU: return x < 0 ? epilogue.alpha * x : x;
    case GPU_PRELU: return x < 0 ? epilogue.slope[slope] * x : x;
    case GPU_SIGMOID: return 1 / (1 + expf(-x));
    case GPU_HARD_SIGMOID: return clamp_to(fmaf(epilogue.alpha, x, epilogue.beta), 0, 1);
    case GPU_HARD_SWISH: return x * clamp_to(fmaf(x, 1 / 6.f, 0.5f), 0, 1);
    case GPU_CLIP: return clamp_to(x, epilogue.alpha, epilogue.beta);
    case GPU_TANH: return tanhf(x);
    default: return x;
    }
}

/* The derivative of an activation at x, by what PyTorch takes it for at kinks: the left side's for ReLU and its kin, 0 for
 * clips. Of sigmoid and tanh without a difference of near numbers. */
__device__ inline float derivative(float x, const gpu_epilogue &epilogue, int slope)
{
    const float near = expf(-fabsf(x)), y = fmaf(epilogue.alpha, x, epilogue.beta);
    switch (epilogue.activation) {
    case GPU_RELU: return x <= 0 ? 0 : 1;
    case GPU_LEAKY_RELU: return x > 0 ? 1 : epilogue.alpha;
    case GPU_PRELU: return x > 0 ? 1 : epilogue.slope[slope];
    case GPU_SIGMOID: return near / ((1 + near) * (1 + near));
    case GPU_HARD_SIGMOID: return y <= 0 || y >= 1 ? 0 : epilogue.alpha;
    case GPU_HARD_SWISH: return x < -3 ? 0 : x > 3 ? 1 : fmaf(x, 1 / 3.f, 0.5f);
    case GPU_CLIP: return x <= epilogue.alpha || x >= epilogue.beta ? 0 : 1;
    case GPU_TANH: return 4 * near * near / (fmaf(near, near, 1) * fmaf(near, near, 1));
    default: return 1;
    }
}

/* x: `Width` neighbours of the output, from element `index` on; slope: index of the first one's, slope_step to the next. */
template <class Storage, int Width>
__device__ inline void finish(Storage *dst, float *x, const gpu_epilogue &epilogue, int64_t index, int slope,
                              int slope_step)
{
    if (epilogue.residual) {
        float residual[Width];
        load_channels<Storage, Width>(residual, static_cast<const Storage *>(epilogue.residual) + index);
        for (int v = 0; v < Width; v++) x[v] += residual[v];
    }
    for (int v = 0; v < Width; v++) x[v] = activate(x[v], epilogue, slope + v * slope_step);
    store_channels<Storage, Width>(dst + index, x);
}

#endif
