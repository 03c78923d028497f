/* Tensors as the CUDA backend holds them, made of a graph's and made a graph's again. What is device memory there is
 * ordinary memory here, each tensor in a block of its own. */
#ifndef EMULATION_DEVICE_H
#define EMULATION_DEVICE_H
#include <string.h>
#include "base/half.h"
#include "build_graph.h"
#include "step.h"

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

static inline float rounded_to(float x, gpu_storage storage)
{
    union {
        float wide;
        uint16_t narrow;
    } room = { .wide = 0 };
    store(&room, 0, x, storage);
    return loaded(&room, 0, storage);
}

/* Filled with NaN, and not a byte longer than it is. */
static inline void *device_tensor(const struct shape *shape, gpu_storage storage)
{
    const size_t size = (size_t)shape_count(shape) * storage_size(storage);
    void *const block = malloc(size);
    must(block ? TUMORCLASS_OK : TUMORCLASS_OUT_OF_MEMORY);
    return memset(block, 0xff, size);
}

/* Index in device memory of element `index` in C order. */
static inline int64_t device_index(const struct shape *shape, int64_t index)
{
    int32_t stride[MAX_RANK];
    int64_t place = 0;
    device_strides(stride, shape);
    for (int32_t axis = shape->rank - 1; axis >= 0; axis--) {
        place += index % shape->extent[axis] * stride[axis];
        index /= shape->extent[axis];
    }
    return place;
}

static inline void *to_device(const float *src, const struct shape *shape, gpu_storage storage)
{
    void *const block = device_tensor(shape, storage);
    for (int64_t i = 0; i < shape_count(shape); i++) store(block, device_index(shape, i), src[i], storage);
    return block;
}

static inline void from_device(float *dst, const void *src, const struct shape *shape, gpu_storage storage)
{
    for (int64_t i = 0; i < shape_count(shape); i++) dst[i] = loaded(src, device_index(shape, i), storage);
}

/* Run the graph's one node on `input`, C order, as the backend would. */
static inline cudaError_t run_on_device(float *dst, const struct graph *graph, const float *input, gpu_storage storage)
{
    const struct node *node = &graph->nodes[0];
    const struct gpu_operation *how = &gpu_operations[node->operation];
    void **const memory = calloc((size_t)graph->value_count, sizeof *memory);
    const float **const wide = calloc((size_t)graph->value_count, sizeof *wide);
    must(memory && wide ? TUMORCLASS_OK : TUMORCLASS_OUT_OF_MEMORY);
    for (int32_t v = 0; v < graph->value_count; v++) {
        const float *src = v == graph->input ? input : graph->values[v].constant;
        wide[v] = graph->values[v].constant;
        memory[v] = src ? to_device(src, &graph->values[v].shape, storage)
                        : device_tensor(&graph->values[v].shape, storage);
    }
    const size_t size = how->workspace ? how->workspace(graph, node, storage) : 0;
    void *const workspace = size ? memset(malloc(size), 0xff, size) : NULL;
    const struct gpu_step step = { graph, node, memory, wide, workspace, storage, NULL };
    const cudaError_t status = how->run(&step);
    from_device(dst, memory[node->output], &graph->values[node->output].shape, storage);
    for (int32_t v = 0; v < graph->value_count; v++) free(memory[v]);
    free(workspace);
    free(memory);
    free(wide);
    return status;
}

#endif
