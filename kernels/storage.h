/* How tensors lie in device memory: N x D x H x W x C, in one of three types. Kernels read and write `Width` neighbouring
 * channels at once, and compute in float. */
#ifndef KERNELS_STORAGE_H
#define KERNELS_STORAGE_H
#include "gpu.h"

__device__ inline float to_float(float x)
{
    return x;
}

__device__ inline float to_float(__half x)
{
    return __half2float(x);
}

__device__ inline float to_float(__nv_bfloat16 x)
{
    return __bfloat162float(x);
}

__device__ inline void store_as(float *dst, float x)
{
    *dst = x;
}

__device__ inline void store_as(__half *dst, float x)
{
    *dst = __float2half_rn(x);
}

__device__ inline void store_as(__nv_bfloat16 *dst, float x)
{
    *dst = __float2bfloat16_rn(x);
}

/* Of 16 bytes at most: one load or store instruction. */
template <class Storage, int Width> struct alignas(sizeof(Storage) * Width) channels {
    Storage at[Width];
};

template <class Storage, int Width> __device__ inline void load_channels(float *dst, const Storage *src)
{
    const auto lanes = *reinterpret_cast<const channels<Storage, Width> *>(src);
    for (int v = 0; v < Width; v++) dst[v] = to_float(lanes.at[v]);
}

template <class Storage, int Width> __device__ inline void store_channels(Storage *dst, const float *src)
{
    channels<Storage, Width> lanes;
    for (int v = 0; v < Width; v++) store_as(&lanes.at[v], src[v]);
    *reinterpret_cast<channels<Storage, Width> *>(dst) = lanes;
}

#endif
