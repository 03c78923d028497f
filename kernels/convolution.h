/* A convolution as the plugin asks cuDNN for it:
 *   y = relu(conv(x, w) + residual + bias)     residual and relu as wanted, with the bias; or the convolution alone
 * or its gradient by x alone. Tensors are N x D x H x W x C, weights K x kD x kH x kW x C / groups, all of one storage; sums
 * are float32. In this order, and with the bias in the tensors' storage, cuDNN has it compiled already. */
#ifndef KERNELS_CONVOLUTION_H
#define KERNELS_CONVOLUTION_H
#include "descriptors.h"
#include "kernels.h"

struct convolution {
    int64_t n, channels, filters, groups; /* channels of x, filters: channels of y */
    int64_t src[3], dst[3];               /* D, H, W of x and y */
    int64_t kernel[3], stride[3], dilation[3], pad_before[3], pad_after[3];
    gpu_storage storage;
    bool bias, residual, relu;
    bool back; /* x from y: what is behind the convolution is not there */
};

struct convolution_target {
    cudnnHandle_t handle; /* the device that plans are for, or NULL: */
    const char *device;   /* its properties as JSON. Such plans cannot run */
    int64_t workspace;    /* most bytes that a plan may want */
    bool tensor_float;    /* GPU_FLOAT may be multiplied as TF32 */
};

/* Deterministic, and compiled when cuDNN was. */
struct convolution_plan {
    struct descriptors descriptors;
    cudnnBackendDescriptor_t plan;
    int64_t workspace, engine; /* bytes; cuDNN's number of the engine */
    int64_t offered;           /* configurations that the heuristics offered */
    bool tensor_core;
    cudnnStatus_t failure; /* the first that was no refusal, on the way to a plan */
};

/* The first plan that may be taken, of the heuristics' and then of the fallbacks'. NOT_SUPPORTED: there is none; `plan` must
 * be freed in any case. */
cudnnStatus_t convolution_plan_create(struct convolution_plan *plan, const struct convolution *convolution,
                                      const struct convolution_target *target);
void convolution_plan_free(struct convolution_plan *plan);

struct convolution_memory {
    void *x, *y; /* back: x is written */
    const void *w, *bias, *residual;
    void *workspace;
};
cudnnStatus_t convolution_run(const struct convolution_plan *plan, cudnnHandle_t handle,
                              const struct convolution_memory *memory);

#endif
