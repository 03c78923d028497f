/* Tensors as the CUDA backend holds them, made of a graph's and made a graph's again. What is device memory there is
 * ordinary memory here, each tensor in a block of its own. */
#ifndef EMULATION_DEVICE_H
#define EMULATION_DEVICE_H
#include <string.h>
#include "base/half.h"
#include "build_graph.h"
#include "kernels.h"

static const char *const storage_names[GPU_STORAGES] = { "float", "half", "bfloat16" };

static inline uint16_t half_of(float x)
{
    const _Float16 half = (_Float16)x;
    uint16_t bits;
    memcpy(&bits, &half, sizeof bits);
    return bits;
}

/* To the nearest, ties to even. */
static inline uint16_t bfloat16_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (isnan(x)) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline size_t storage_size(gpu_storage storage)
{
    return storage == GPU_FLOAT ? sizeof(float) : sizeof(uint16_t);
}

static inline void store(void *dst, int64_t index, float x, gpu_storage storage)
{
    if (storage == GPU_FLOAT) ((float *)dst)[index] = x;
    if (storage == GPU_HALF) ((uint16_t *)dst)[index] = half_of(x);
    if (storage == GPU_BFLOAT16) ((uint16_t *)dst)[index] = bfloat16_of(x);
}

static inline float loaded(const void *src, int64_t index, gpu_storage storage)
{
    if (storage == GPU_FLOAT) return ((const float *)src)[index];
    const uint16_t bits = ((const uint16_t *)src)[index];
    if (storage == GPU_HALF) return half_to_float(bits);
    const uint32_t wide = (uint32_t)bits << 16;
    float x;
    memcpy(&x, &wide, sizeof x);
    return x;
}

static inline gpu_tensor tensor_of(const struct shape *shape, gpu_storage storage)
{
    const struct extents e = shape_extents(shape);
    return (gpu_tensor){ e.n, e.d * e.h * e.w, (int32_t)e.c, storage };
}

/* Filled with NaN: 16-byte aligned, and not a byte longer than it is. */
static inline void *device_tensor(const gpu_tensor *tensor)
{
    const size_t size = (size_t)(tensor->n * tensor->positions * tensor->channels) * storage_size(tensor->storage);
    void *const block = malloc(size);
    if (block) memset(block, 0xff, size);
    return block;
}

/* Index in the device's order of element `index` in C order. */
static inline int64_t device_index(const gpu_tensor *tensor, int64_t index)
{
    const int64_t p = index % tensor->positions, plane = index / tensor->positions;
    const int64_t c = plane % tensor->channels, n = plane / tensor->channels;
    return (n * tensor->positions + p) * tensor->channels + c;
}

static inline void *to_device(const float *src, const gpu_tensor *tensor)
{
    const int64_t count = tensor->n * tensor->positions * tensor->channels;
    void *const block = device_tensor(tensor);
    for (int64_t i = 0; block && i < count; i++) store(block, device_index(tensor, i), src[i], tensor->storage);
    return block;
}

static inline void from_device(float *dst, const void *src, const gpu_tensor *tensor)
{
    const int64_t count = tensor->n * tensor->positions * tensor->channels;
    for (int64_t i = 0; i < count; i++) dst[i] = loaded(src, device_index(tensor, i), tensor->storage);
}

#endif
