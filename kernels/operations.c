#include "step.h"

const struct gpu_operation gpu_operations[OPERATION_COUNT] = {
    [OPERATION_ACTIVATION] = { gpu_run_activation, NULL },
    [OPERATION_BINARY] = { gpu_run_binary, NULL },
    [OPERATION_CONCAT] = { gpu_run_concat, NULL },
    [OPERATION_INSTANCE_NORM] = { gpu_run_instance_norm, gpu_workspace_instance_norm },
    [OPERATION_MATMUL] = { gpu_run_matmul, NULL },
    [OPERATION_PAD] = { gpu_run_pad, NULL },
    [OPERATION_POOL] = { gpu_run_pool, NULL },
    [OPERATION_REDUCE] = { gpu_run_reduce, gpu_workspace_reduce },
    [OPERATION_RESHAPE] = { gpu_run_reshape, gpu_workspace_reshape },
    [OPERATION_SCALE_SHIFT] = { gpu_run_scale_shift, NULL },
    [OPERATION_SOFTMAX] = { gpu_run_softmax, NULL },
    [OPERATION_ACTIVATION_BACK] = { gpu_run_activation_back, NULL },
    [OPERATION_INSTANCE_NORM_BACK] = { gpu_run_instance_norm_back, gpu_workspace_instance_norm_back },
    [OPERATION_POOL_BACK] = { gpu_run_pool_back, NULL },
    [OPERATION_REDUCE_BACK] = { gpu_run_reduce_back, NULL },
    [OPERATION_SOFTMAX_BACK] = { gpu_run_softmax_back, NULL },
    [OPERATION_TRANSPOSE] = { gpu_run_transpose, NULL },
};

gpu_epilogue step_epilogue(const struct gpu_step *step)
{
    const struct node *node = step->node;
    const bool slopes = node->slope != NO_VALUE;
    return (gpu_epilogue){ .residual = node->residual == NO_VALUE ? NULL : step->memory[node->residual],
                           .slope = slopes ? step->wide[node->slope] : NULL,
                           .slopes = slopes ? (int32_t)shape_count(step_shape(step, node->slope)) : 0,
                           .activation = (gpu_activation)node->activation,
                           .alpha = node->alpha,
                           .beta = node->beta };
}

bool step_reads_wide(const struct node *node, int32_t value)
{
    const bool norm = node->operation == OPERATION_INSTANCE_NORM || node->operation == OPERATION_SCALE_SHIFT;
    const bool back = node->operation == OPERATION_INSTANCE_NORM_BACK;
    return value == node->slope || (back && value == node->inputs[2]) ||
           (norm && (value == node->inputs[1] || value == node->inputs[2]));
}
