/* What the plugin's host code enqueues. Pointers are to device memory and 16-byte aligned; a tensor is N x P x C with the
 * channels innermost, P = D H W positions, in one `gpu_storage`. A call checks nothing, returns at once, and what it
 * enqueued runs on `stream`. Sums are taken in a fixed order: the same input gives the same bits. */
#ifndef KERNELS_KERNELS_H
#define KERNELS_KERNELS_H
#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef enum gpu_storage { GPU_FLOAT, GPU_HALF, GPU_BFLOAT16, GPU_STORAGES } gpu_storage;

/* As model/graph.h has them. */
typedef enum gpu_activation {
    GPU_NONE,
    GPU_RELU,
    GPU_LEAKY_RELU,
    GPU_PRELU,
    GPU_SIGMOID,
    GPU_HARD_SIGMOID,
    GPU_HARD_SWISH,
    GPU_CLIP,
    GPU_TANH
} gpu_activation;

/* dst = activation(x + residual), behind an operation that gives x. */
typedef struct gpu_epilogue {
    const void *residual; /* of the output's shape and storage, or NULL */
    const float *slope;   /* of GPU_PRELU: one value, or one a channel */
    int32_t slopes;       /* how many */
    gpu_activation activation;
    float alpha, beta;
} gpu_epilogue;

typedef struct gpu_tensor {
    int64_t n, positions;
    int32_t channels;
    gpu_storage storage;
} gpu_tensor;

/* Up to four operands walked side by side, the last axis the fastest: an operand's element is at the sum of index *
 * stride, in elements. A stride of 0 repeats. Extents and offsets are below 2^31. */
enum { GPU_AXES = 8 };
enum { GPU_DST, GPU_A, GPU_B, GPU_SLOPE, GPU_OPERANDS };
typedef struct gpu_loop {
    int32_t axes;
    int32_t extent[GPU_AXES];
    int32_t stride[GPU_OPERANDS][GPU_AXES];
} gpu_loop;
/* Neighbouring axes through which all operands walk evenly become one, and axes of 1 go: the same walk. */
void gpu_loop_collapse(gpu_loop *loop);

typedef enum gpu_function { GPU_COPY, GPU_ADD, GPU_SUB, GPU_MUL, GPU_DIV, GPU_BACK } gpu_function;
/* dst = epilogue(factor * (a function b)): b is NULL for GPU_COPY, the residual is walked as dst is, the slope as
 * GPU_SLOPE says. GPU_BACK: a times the derivative of the epilogue's activation at b, and no more. dst may be a or b where
 * they are walked alike. */
cudaError_t gpu_elementwise(void *dst, const void *a, const void *b, gpu_function function, float factor,
                            const gpu_loop *loop, const gpu_epilogue *epilogue, gpu_storage storage,
                            cudaStream_t stream);

/* To the storage from float32, and back: the loop walks dst and src (GPU_A). rest: what the storage loses of src. */
cudaError_t gpu_narrow(void *dst, const float *src, const gpu_loop *loop, bool rest, gpu_storage storage,
                       cudaStream_t stream);
cudaError_t gpu_widen(float *dst, const void *src, const gpu_loop *loop, gpu_storage storage, cudaStream_t stream);

/* The same value in `count` elements. */
cudaError_t gpu_fill(void *dst, float value, int64_t count, gpu_storage storage, cudaStream_t stream);

/* (src - mean) / sqrt(variance + epsilon) * scale[c] + shift[c], then the epilogue; dst may be src. Mean and variance are
 * over the positions of each n and c. workspace: gpu_instance_norm_workspace bytes. */
size_t gpu_instance_norm_workspace(const gpu_tensor *tensor);
cudaError_t gpu_instance_norm(void *dst, const void *src, const float *scale, const float *shift, float epsilon,
                              const gpu_tensor *tensor, const gpu_epilogue *epilogue, void *workspace,
                              cudaStream_t stream);

/* The gradient by src, g being that by the output: with y = (src - mean) / sqrt(variance + epsilon),
 * scale[c] / sqrt(variance + epsilon) * (g - mean of g - y * mean of g y). dst may be g. */
size_t gpu_instance_norm_back_workspace(const gpu_tensor *tensor);
cudaError_t gpu_instance_norm_back(void *dst, const void *g, const void *src, const float *scale, float epsilon,
                                   const gpu_tensor *tensor, void *workspace, cudaStream_t stream);

/* src * scale[c] + shift[c], then the epilogue; dst may be src. */
cudaError_t gpu_scale_shift(void *dst, const void *src, const float *scale, const float *shift,
                            const gpu_tensor *tensor, const gpu_epilogue *epilogue, cudaStream_t stream);

/* Mean, maximum or sum over axes. kept walks dst and src (GPU_A) through the outputs, reduced walks src through what each
 * takes together; sums are double. workspace: gpu_reduce_workspace bytes. */
typedef enum gpu_reduction_kind { GPU_MEAN, GPU_MAXIMUM, GPU_SUM } gpu_reduction_kind;
typedef struct gpu_reduction {
    gpu_loop kept, reduced;
    gpu_reduction_kind kind;
} gpu_reduction;
size_t gpu_reduce_workspace(const gpu_reduction *reduction);
cudaError_t gpu_reduce(void *dst, const void *src, const gpu_reduction *reduction, gpu_storage storage, void *workspace,
                       cudaStream_t stream);

/* The gradient of a maximum by its input x, of dst's and x's strides (GPU_A); kept walks g as GPU_DST. The first of the
 * largest in reduced's order has all. */
cudaError_t gpu_maximum_back(void *dst, const void *g, const void *x, const gpu_reduction *reduction,
                             gpu_storage storage, cudaStream_t stream);

/* Along an axis of `extent` elements, one every `step`; lines walks dst and src (GPU_A) through all other axes. */
cudaError_t gpu_softmax(void *dst, const void *src, const gpu_loop *lines, int32_t extent, int32_t dst_step,
                        int32_t src_step, bool logarithm, gpu_storage storage, cudaStream_t stream);
/* The gradient by its input, y being its output: y (g - sum of g y), or g - exp(y) sum of g of the logarithm. All three are
 * walked alike, as lines and step say. */
cudaError_t gpu_softmax_back(void *dst, const void *g, const void *y, const gpu_loop *lines, int32_t extent,
                             int32_t step, bool logarithm, gpu_storage storage, cudaStream_t stream);

/* dst = alpha * sum over k of a b + beta * bias: loop walks dst, a, b and, as GPU_SLOPE, the bias through dst's elements;
 * the steps are those along k. bias may be NULL. */
typedef struct gpu_product {
    gpu_loop loop;
    int32_t k, step_a, step_b;
    float alpha, beta;
} gpu_product;
cudaError_t gpu_matmul(void *dst, const void *a, const void *b, const void *bias, const gpu_product *product,
                       gpu_storage storage, cudaStream_t stream);

/* Windows over D, H, W of N x D x H x W x C. */
typedef struct gpu_pool {
    int32_t n, channels, src[3], dst[3];
    int32_t kernel[3], stride[3], dilation[3], pad_before[3], pad_after[3];
    bool maximum, count_padding;
} gpu_pool;
cudaError_t gpu_pool_windows(void *dst, const void *src, const gpu_pool *pool, gpu_storage storage,
                             cudaStream_t stream);
/* The gradient by the input x: dst and x of the extents src, g of the extents dst. */
cudaError_t gpu_pool_windows_back(void *dst, const void *g, const void *x, const gpu_pool *pool, gpu_storage storage,
                                  cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
