#include "convolution.h"
#include <assert.h>
#include <string.h>

enum { AXES = 5, ALIGNMENT = 16, MOST_CONFIGURATIONS = 64 };
enum { UID_X = 1, UID_W, UID_Y, UID_BIAS, UID_RESIDUAL, UID_VIRTUAL };

/* ---- The graph of operations ---- */

static cudnnDataType_t type_of(gpu_storage storage)
{
    static const cudnnDataType_t types[GPU_STORAGES] = { CUDNN_DATA_FLOAT, CUDNN_DATA_HALF, CUDNN_DATA_BFLOAT16 };
    return types[storage];
}

/* dims: N, C, D, H, W; the channels are the innermost. Virtual ones exist only between operations, as float32. */
static cudnnBackendDescriptor_t add_tensor(struct descriptors *d, int64_t uid, const int64_t dims[AXES],
                                           cudnnDataType_t type)
{
    const bool is_virtual = uid >= UID_VIRTUAL;
    const cudnnDataType_t held = is_virtual ? CUDNN_DATA_FLOAT : type;
    int64_t stride[AXES], step = dims[1];
    stride[1] = 1;
    for (int axis = AXES - 1; axis >= 2; axis--) {
        stride[axis] = step;
        step *= dims[axis];
    }
    stride[0] = step;
    cudnnBackendDescriptor_t tensor = descriptor_create(d, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    descriptor_set(d, tensor, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &held);
    descriptor_set(d, tensor, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, AXES, dims);
    descriptor_set(d, tensor, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, AXES, stride);
    descriptor_set_integer(d, tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, uid);
    descriptor_set_integer(d, tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, ALIGNMENT);
    descriptor_set(d, tensor, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual);
    descriptor_finalize(d, tensor);
    return tensor;
}

static cudnnBackendDescriptor_t add_window(struct descriptors *d, const struct convolution *c)
{
    const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    cudnnBackendDescriptor_t window = descriptor_create(d, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    descriptor_set(d, window, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &sums);
    descriptor_set(d, window, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    descriptor_set_integer(d, window, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 3);
    descriptor_set(d, window, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 3, c->pad_before);
    descriptor_set(d, window, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 3, c->pad_after);
    descriptor_set(d, window, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 3, c->stride);
    descriptor_set(d, window, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 3, c->dilation);
    descriptor_finalize(d, window);
    return window;
}

/* In the order x, w, y, window, alpha, beta: forward, and by x. */
static const struct convolution_names {
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t x, w, y, window, alpha, beta;
} names[] = {
    { CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA },
    { CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA },
};

static cudnnBackendDescriptor_t add_convolution(struct descriptors *d, const struct convolution *c,
                                                cudnnBackendDescriptor_t x, cudnnBackendDescriptor_t w,
                                                cudnnBackendDescriptor_t y)
{
    const struct convolution_names *name = &names[c->back];
    const float alpha = 1, beta = 0;
    cudnnBackendDescriptor_t window = add_window(d, c), operation = descriptor_create(d, name->type);
    descriptor_set_descriptor(d, operation, name->x, x);
    descriptor_set_descriptor(d, operation, name->w, w);
    descriptor_set_descriptor(d, operation, name->y, y);
    descriptor_set_descriptor(d, operation, name->window, window);
    descriptor_set(d, operation, name->alpha, CUDNN_TYPE_FLOAT, 1, &alpha);
    descriptor_set(d, operation, name->beta, CUDNN_TYPE_FLOAT, 1, &beta);
    descriptor_finalize(d, operation);
    return operation;
}

/* b: NULL where there is no second operand. */
static cudnnBackendDescriptor_t add_pointwise(struct descriptors *d, cudnnPointwiseMode_t mode,
                                              cudnnBackendDescriptor_t x, cudnnBackendDescriptor_t b,
                                              cudnnBackendDescriptor_t y)
{
    const cudnnDataType_t precision = CUDNN_DATA_FLOAT;
    cudnnBackendDescriptor_t what = descriptor_create(d, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
    descriptor_set(d, what, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
    descriptor_set(d, what, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &precision);
    descriptor_finalize(d, what);
    cudnnBackendDescriptor_t operation = descriptor_create(d, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    descriptor_set_descriptor(d, operation, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what);
    descriptor_set_descriptor(d, operation, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    if (b) descriptor_set_descriptor(d, operation, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
    descriptor_set_descriptor(d, operation, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    descriptor_finalize(d, operation);
    return operation;
}

static cudnnBackendDescriptor_t add_graph(struct descriptors *d, const struct convolution *c)
{
    const cudnnDataType_t type = type_of(c->storage);
    const int64_t x_dims[AXES] = { c->n, c->channels, c->src[0], c->src[1], c->src[2] };
    const int64_t w_dims[AXES] = { c->filters, c->channels / c->groups, c->kernel[0], c->kernel[1], c->kernel[2] };
    const int64_t y_dims[AXES] = { c->n, c->filters, c->dst[0], c->dst[1], c->dst[2] };
    const int64_t bias_dims[AXES] = { 1, c->filters, 1, 1, 1 };
    cudnnBackendDescriptor_t operations[4];
    int count = 0, behind = c->residual + c->bias + c->relu;
    int64_t uid = UID_VIRTUAL;
    cudnnBackendDescriptor_t x = add_tensor(d, UID_X, x_dims, type), w = add_tensor(d, UID_W, w_dims, type);
    cudnnBackendDescriptor_t y = add_tensor(d, behind ? uid++ : UID_Y, y_dims, type), next;
    operations[count++] = add_convolution(d, c, x, w, y);
    for (int part = 0; part < 3; part++) {
        const bool there = (const bool[]){ c->residual, c->bias, c->relu }[part];
        if (!there) continue;
        cudnnBackendDescriptor_t b = NULL;
        if (part == 0) b = add_tensor(d, UID_RESIDUAL, y_dims, type);
        if (part == 1) b = add_tensor(d, UID_BIAS, bias_dims, type);
        next = add_tensor(d, --behind ? uid++ : UID_Y, y_dims, type);
        operations[count++] = add_pointwise(d, part == 2 ? CUDNN_POINTWISE_RELU_FWD : CUDNN_POINTWISE_ADD, y, b, next);
        y = next;
    }
    cudnnBackendDescriptor_t graph = descriptor_create(d, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    descriptor_set(d, graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, operations);
    descriptor_finalize(d, graph);
    return graph;
}

/* ---- The choice of an engine ---- */

struct engine {
    int64_t index;
    bool tensor_core, deterministic, rough, compiled_late; /* rough: sums or inputs of less precision than asked for */
};

static struct engine describe(struct descriptors *d, cudnnBackendDescriptor_t configuration)
{
    struct engine engine = { .index = -1, .deterministic = true };
    cudnnBackendNumericalNote_t numerical[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    cudnnBackendBehaviorNote_t behavior[CUDNN_BEHAVIOR_NOTE_TYPE_COUNT];
    cudnnBackendDescriptor_t of = descriptor_create(d, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    descriptor_get(d, configuration, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &of);
    descriptor_get(d, of, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &engine.index);
    int64_t count = descriptor_get(d, of, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                   CUDNN_NUMERICAL_NOTE_TYPE_COUNT, numerical);
    for (int64_t i = 0; i < count; i++) {
        engine.tensor_core = engine.tensor_core || numerical[i] == CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
        engine.rough = engine.rough || numerical[i] == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION ||
                       numerical[i] == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS;
        engine.deterministic = engine.deterministic && numerical[i] != CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
    }
    count = descriptor_get(d, of, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE,
                           CUDNN_BEHAVIOR_NOTE_TYPE_COUNT, behavior);
    for (int64_t i = 0; i < count; i++)
        engine.compiled_late = engine.compiled_late || behavior[i] == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION;
    return engine;
}

/* Plans of float32 on tensor cores multiply as TF32. */
static bool may_be_taken(const struct engine *engine, const struct convolution *c,
                         const struct convolution_target *target)
{
    const bool exact = c->storage != GPU_FLOAT || target->tensor_float || !engine->tensor_core;
    return engine->deterministic && !engine->rough && !engine->compiled_late && exact;
}

static cudnnBackendDescriptor_t add_device(struct descriptors *d, const struct convolution_target *target)
{
    cudnnBackendDescriptor_t device = descriptor_create(d, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    if (!target->device) {
        descriptor_set(d, device, CUDNN_ATTR_DEVICEPROP_HANDLE, CUDNN_TYPE_HANDLE, 1, &target->handle);
        descriptor_finalize(d, device);
        return device;
    }
    descriptor_set(d, device, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                   (int64_t)strlen(target->device), target->device);
    descriptor_finalize(d, device);
    return device;
}

/* What fails gives way to the next one; if none is left, a failure that was no refusal is what there is to say. */
static void pass_over(struct convolution_plan *plan)
{
    const cudnnStatus_t status = plan->descriptors.status;
    if (status != CUDNN_STATUS_SUCCESS && status != CUDNN_STATUS_NOT_SUPPORTED && !plan->failure)
        plan->failure = status;
    plan->descriptors.status = CUDNN_STATUS_SUCCESS;
}

/* A plan that fails to be made is no failure: the next one is asked. */
static bool try_configuration(struct convolution_plan *plan, cudnnBackendDescriptor_t configuration,
                              cudnnBackendDescriptor_t device, const struct convolution *c,
                              const struct convolution_target *target)
{
    struct descriptors *const d = &plan->descriptors;
    const int before = d->count;
    const struct engine engine = describe(d, configuration);
    int64_t workspace = INT64_MAX;
    if (d->status == CUDNN_STATUS_SUCCESS && may_be_taken(&engine, c, target)) {
        plan->plan = descriptor_create(d, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
        descriptor_set_descriptor(d, plan->plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
        descriptor_set_descriptor(d, plan->plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, device);
        descriptor_finalize(d, plan->plan);
        descriptor_get(d, plan->plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &workspace);
    }
    if (d->status == CUDNN_STATUS_SUCCESS && workspace <= target->workspace) {
        plan->workspace = workspace;
        plan->engine = engine.index;
        plan->tensor_core = engine.tensor_core;
        return true;
    }
    pass_over(plan);
    descriptors_free(d, before);
    plan->plan = NULL;
    return false;
}

static bool ask(struct convolution_plan *plan, cudnnBackendHeurMode_t mode, cudnnBackendDescriptor_t graph,
                cudnnBackendDescriptor_t device, const struct convolution *c, const struct convolution_target *target)
{
    struct descriptors *const d = &plan->descriptors;
    cudnnBackendDescriptor_t offered[MOST_CONFIGURATIONS];
    cudnnBackendDescriptor_t heuristic = descriptor_create(d, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    descriptor_set_descriptor(d, heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    descriptor_set(d, heuristic, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    descriptor_set_descriptor(d, heuristic, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, device);
    descriptor_finalize(d, heuristic);
    for (int i = 0; i < MOST_CONFIGURATIONS; i++) offered[i] = descriptor_create(d, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    const int64_t count = descriptor_get(d, heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                         MOST_CONFIGURATIONS, offered);
    plan->offered += count;
    for (int64_t i = 0; i < count; i++)
        if (try_configuration(plan, offered[i], device, c, target)) return true;
    return false;
}

cudnnStatus_t convolution_plan_create(struct convolution_plan *plan, const struct convolution *convolution,
                                      const struct convolution_target *target)
{
    struct descriptors *const d = &plan->descriptors;
    assert(target->handle || target->device);
    memset(plan, 0, sizeof *plan);
    cudnnBackendDescriptor_t graph = add_graph(d, convolution), device = add_device(d, target);
    const int before = d->count;
    if (d->status != CUDNN_STATUS_SUCCESS) return d->status;
    if (ask(plan, CUDNN_HEUR_MODE_A, graph, device, convolution, target)) return CUDNN_STATUS_SUCCESS;
    pass_over(plan); /* a heuristic that fails is as one that offers nothing */
    descriptors_free(d, before);
    if (ask(plan, CUDNN_HEUR_MODE_FALLBACK, graph, device, convolution, target)) return CUDNN_STATUS_SUCCESS;
    pass_over(plan);
    return plan->failure ? plan->failure : CUDNN_STATUS_NOT_SUPPORTED;
}

void convolution_plan_free(struct convolution_plan *plan)
{
    descriptors_free(&plan->descriptors, 0);
    plan->plan = NULL;
}

/* ---- Running ---- */

cudnnStatus_t convolution_run(const struct convolution_plan *plan, cudnnHandle_t handle,
                              const struct convolution_memory *memory)
{
    struct descriptors d = { .status = CUDNN_STATUS_SUCCESS };
    int64_t uid[5];
    const void *pointer[5];
    int count = 0;
    const struct {
        int64_t uid;
        const void *pointer;
    } all[] = { { UID_X, memory->x },
                { UID_W, memory->w },
                { UID_Y, memory->y },
                { UID_BIAS, memory->bias },
                { UID_RESIDUAL, memory->residual } };
    for (int i = 0; i < 5; i++) {
        if (!all[i].pointer) continue;
        uid[count] = all[i].uid;
        pointer[count++] = all[i].pointer;
    }
    cudnnBackendDescriptor_t pack = descriptor_create(&d, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    descriptor_set(&d, pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, count, uid);
    descriptor_set(&d, pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, count, pointer);
    descriptor_set(&d, pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &memory->workspace);
    descriptor_finalize(&d, pack);
    if (d.status == CUDNN_STATUS_SUCCESS) d.status = cudnnBackendExecute(handle, plan->plan, pack);
    descriptors_free(&d, 0);
    return d.status;
}
