/* The state behind the CUDA backend. */
#ifndef KERNELS_STATE_H
#define KERNELS_STATE_H
#include <sys/types.h>
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

/* A value is in one form, or in both: as the network's storage has it, and as float32, which is none of its own where the
 * storage is that. */
enum gpu_form { FORM_STORAGE, FORM_FLOAT, FORMS };

#define NOWHERE SIZE_MAX
struct gpu_value {
    bool needed[FORMS];
    enum gpu_form home; /* that it is made in; the other one is a copy */
    /* In FORM_STORAGE it has its channels twice. Of the network's input: itself, and behind that what the storage lost of
     * it; of the weights that meet both: themselves twice. */
    bool doubled;
    size_t tensor[FORMS], wide; /* where it lies in the arena; NOWHERE: not so. wide: as gpu_step has it */
};

struct gpu_state {
    const struct graph *graph;
    int32_t device;
    pid_t owner; /* devices do not survive fork */
    bool begun;  /* the device was found to serve */
    gpu_storage storage;
    bool tensor_float;
    struct plan plan;
    struct gpu_arena arena;
    enum gpu_form *form;      /* by node: of all that it reads and makes */
    struct gpu_value *values; /* by value, and so are the two that struct gpu_step has: */
    void **memory[FORMS];
    const float **wide;
    struct convolution_plan *convolutions; /* by node; only those of convolutions are made */
    /* Of the host, staging_size bytes each: on the way in, on the way out. */
    void *pinned_in, *pinned_out;
    cudaStream_t stream;
    cudaEvent_t uploaded; /* pinned_in may be written again */
    cudnnHandle_t cudnn;
    char description[256];
};

/* forms.c: of each node and value. */
tumorclass_status forms_choose(struct gpu_state *state);

/* arena.c. Once the convolutions are planned: where everything lies. LIMIT: a tensor is too large for the
 * kernels. */
tumorclass_status arena_plan(struct gpu_state *state);
/* Allocate it, and bring the constants there. UNSUPPORTED: one is too large for the storage. */
tumorclass_status arena_open(struct gpu_state *state);
/* Enqueue: from the staging to the value's tensor, in each form that is needed; and back, from its home. */
cudaError_t arena_take(const struct gpu_state *state, int32_t value);
cudaError_t arena_give(const struct gpu_state *state, int32_t value);
/* Enqueue: a value that was made is copied to its other form, where somebody needs it. */
cudaError_t arena_copy(const struct gpu_state *state, int32_t value);

static inline gpu_storage form_storage(const struct gpu_state *state, enum gpu_form form)
{
    return form == FORM_FLOAT ? GPU_FLOAT : state->storage;
}

static inline size_t value_bytes(const struct graph *graph, int32_t value, size_t element)
{
    return (size_t)shape_count(&graph->values[value].shape) * element;
}

#endif
