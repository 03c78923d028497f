/* The CUDA device: whether there is one that serves, and what is said when a call fails. */
#ifndef KERNELS_DEVICE_H
#define KERNELS_DEVICE_H
#include <cuda_runtime_api.h>
#include <cudnn_graph.h>
#include "kernels.h"
#include "model/graph.h"

/* As struct plugin has them. */
int32_t device_count(char *why, size_t size);
void device_describe(char *text, size_t size);

/* Make it this thread's. NO_BACKEND: it cannot do what these kernels ask for, or cuDNN is the wrong one; UNSUPPORTED: that is
 * so for TF32 alone. */
tumorclass_status device_use(int32_t device, bool tensor_float);

/* OK, or the sentence: what was done, and what CUDA or cuDNN says to it. A launch after this one reports its own error. */
tumorclass_status cuda_check(cudaError_t error, const char *what);
tumorclass_status cudnn_check(cudnnStatus_t error, const char *what);

#endif
