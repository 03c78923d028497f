/* The state behind the CUDA backend. */
#ifndef KERNELS_STATE_H
#define KERNELS_STATE_H
#include "convolution.h"
#include "model/plan.h"
#include "network/backend.h"
#include "step.h"

/* The one allocation on the device: its parts begin at multiples of 256 bytes. */
struct gpu_arena {
    char *base;
    size_t size;
    size_t tensors, workspace, zeros, staging; /* where each part begins; in `tensors` they lie as plan.c packed them */
    size_t workspace_size;
    size_t zeros_size;   /* for a convolution that must have a bias and has none */
    size_t staging_size; /* a value in float32 and C order, on its way in or out */
};

/* Where a value lies in the arena; NOWHERE: not in this form. */
#define NOWHERE SIZE_MAX
struct gpu_place {
    size_t tensor, wide;
};

struct gpu_state {
    const struct graph *graph;
    int32_t device;
    gpu_storage storage;
    bool tensor_float;
    struct plan plan;
    struct gpu_arena arena;
    struct gpu_place *places; /* by value, and so are the two that struct gpu_step has: */
    void **memory;
    const float **wide;
    struct convolution_plan *convolutions; /* by node; only those of convolutions are made */
    /* Of the host, staging_size bytes each: on the way in, on the way out. */
    void *pinned_in, *pinned_out;
    cudaStream_t stream;
    cudaEvent_t uploaded; /* pinned_in may be written again */
    cudnnHandle_t cudnn;
    char description[256];
};

/* arena.c. Once the convolutions are planned: where everything lies. LIMIT: a tensor
 * is too large for the kernels. */
tumorclass_status arena_plan(struct gpu_state *state);
/* Allocate it, and bring the constants there. UNSUPPORTED: one is too large for the storage. */
tumorclass_status arena_open(struct gpu_state *state);
/* Enqueue: between the staging and the value's tensor. */
cudaError_t arena_take(const struct gpu_state *state, int32_t value);
cudaError_t arena_give(const struct gpu_state *state, int32_t value);

static inline size_t value_bytes(const struct graph *graph, int32_t value, size_t element)
{
    return (size_t)shape_count(&graph->values[value].shape) * element;
}

#endif
