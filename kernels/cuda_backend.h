/* The CUDA backend: one graph on one device, its tensors in one allocation, all work on one stream. */
#ifndef KERNELS_CUDA_BACKEND_H
#define KERNELS_CUDA_BACKEND_H
#include "network/backend.h"

extern const struct backend cuda_backend;

#endif
