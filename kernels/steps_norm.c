/* Norms, of instances and, as they are at inference, of batches: graph to kernel. */
#include "step.h"

static gpu_tensor tensor_of(const struct shape *shape, gpu_storage storage)
{
    const struct extents e = shape_extents(shape);
    return (gpu_tensor){ e.n, e.d * e.h * e.w, (int32_t)e.c, storage };
}

size_t gpu_workspace_instance_norm(const struct graph *graph, const struct node *node, gpu_storage storage)
{
    const gpu_tensor tensor = tensor_of(&graph->values[node->output].shape, storage);
    return gpu_instance_norm_workspace(&tensor);
}

cudaError_t gpu_run_instance_norm(const struct gpu_step *step)
{
    const int32_t *inputs = step->node->inputs;
    const gpu_tensor tensor = tensor_of(step_shape(step, step->node->output), step->storage);
    const gpu_epilogue epilogue = step_epilogue(step);
    return gpu_instance_norm(step->memory[step->node->output], step->memory[inputs[0]], step->wide[inputs[1]],
                             step->wide[inputs[2]], step->node->norm.epsilon, &tensor, &epilogue, step->workspace,
                             step->stream);
}

size_t gpu_workspace_instance_norm_back(const struct graph *graph, const struct node *node, gpu_storage storage)
{
    const gpu_tensor tensor = tensor_of(&graph->values[node->output].shape, storage);
    return gpu_instance_norm_back_workspace(&tensor);
}

cudaError_t gpu_run_instance_norm_back(const struct gpu_step *step)
{
    const int32_t *inputs = step->node->inputs;
    const gpu_tensor tensor = tensor_of(step_shape(step, step->node->output), step->storage);
    return gpu_instance_norm_back(step->memory[step->node->output], step->memory[inputs[0]], step->memory[inputs[1]],
                                  step->wide[inputs[2]], step->node->norm.epsilon, &tensor, step->workspace,
                                  step->stream);
}

cudaError_t gpu_run_scale_shift(const struct gpu_step *step)
{
    const int32_t *inputs = step->node->inputs;
    const gpu_tensor tensor = tensor_of(step_shape(step, step->node->output), step->storage);
    const gpu_epilogue epilogue = step_epilogue(step);
    return gpu_scale_shift(step->memory[step->node->output], step->memory[inputs[0]], step->wide[inputs[1]],
                           step->wide[inputs[2]], &tensor, &epilogue, step->stream);
}
