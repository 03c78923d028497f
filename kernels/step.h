/* One node of the graph on the device, ready to be enqueued: what every operation's function gets. */
#ifndef KERNELS_STEP_H
#define KERNELS_STEP_H
#include "layout.h"

struct gpu_step {
    const struct graph *graph;
    const struct node *node;
    void *const *memory;      /* by value: its tensor in `storage`, a reshape's too. NULL: not on the device */
    const float *const *wide; /* by value: a constant as float32 in C order, where an operation reads it so */
    void *workspace;          /* of operation.workspace bytes */
    gpu_storage storage;
    cudaStream_t stream;
};

typedef cudaError_t gpu_run(const struct gpu_step *step);
typedef size_t gpu_workspace(const struct graph *graph, const struct node *node, gpu_storage storage);

struct gpu_operation {
    gpu_run *run;             /* NULL: there is none yet */
    gpu_workspace *workspace; /* NULL: no bytes */
};
extern const struct gpu_operation gpu_operations[OPERATION_COUNT];

gpu_run gpu_run_activation, gpu_run_binary, gpu_run_concat, gpu_run_instance_norm, gpu_run_matmul, gpu_run_pad,
    gpu_run_pool, gpu_run_reduce, gpu_run_reshape, gpu_run_scale_shift, gpu_run_softmax, gpu_run_transpose;
gpu_run gpu_run_activation_back, gpu_run_instance_norm_back, gpu_run_pool_back, gpu_run_reduce_back,
    gpu_run_softmax_back;
gpu_workspace gpu_workspace_instance_norm, gpu_workspace_instance_norm_back, gpu_workspace_reduce,
    gpu_workspace_reshape;

static inline size_t storage_size(gpu_storage storage)
{
    return storage == GPU_FLOAT ? 4 : 2;
}

static inline const struct shape *step_shape(const struct gpu_step *step, int32_t value)
{
    return &step->graph->values[value].shape;
}

/* dst = activation(dst): where the plan of a convolution could not take it. */
gpu_run gpu_run_activation_behind;

/* Whether the node reads this constant as float32 in C order: scales, shifts and slopes. */
bool step_reads_wide(const struct node *node, int32_t value);

/* What fusion hung behind the node, but for where the slope is walked. */
gpu_epilogue step_epilogue(const struct gpu_step *step);

#endif
