/* cuDNN's graph API, as far as the plugin calls it: strict about types, counts and the order of calls. The heuristic offers
 * engines that must be passed over before the one that runs. */
#include "fake_cudnn.h"
#include <cstdio>
#include <cstring>
#include <set>
#include "fake_device.h"

/* In the order in which they are offered. */
enum { REFUSES_PLANS, IS_RANDOM, WANTS_TOO_MUCH, WORKS, ENGINES };
static const int64_t workspaces[ENGINES] = { 0, 0, (int64_t)40 << 30, 4096 };

struct cudnnContext {
    cudaStream_t stream;
};
static std::set<cudnnContext *> handles;
static std::map<void *, fake_descriptor_ptr> alive;
static char last_message[256];

#define ENTER const std::lock_guard<std::recursive_mutex> guard(fake_lock)
#define MAY_FAIL(status)                                                                                               \
    ENTER;                                                                                                             \
    if (fake_must_fail(__func__)) return refused(status, "the fake was told to fail")

static cudnnStatus_t refused(cudnnStatus_t status, const char *why)
{
    snprintf(last_message, sizeof last_message, "fake cuDNN: %s", why);
    fake_leave_error(cudaErrorInvalidValue);
    return status;
}

/* ---- What may be set ---- */

struct rule {
    cudnnBackendDescriptorType_t of;
    cudnnBackendAttributeName_t name;
    cudnnBackendAttributeType_t type;
    int64_t least, most;
};
static const rule rules[] = {
    { CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, 1 },
    { CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 5, 5 },
    { CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 5, 5 },
    { CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, 1 },
    { CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, 1 },
    { CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, 1 },
    { CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, 1 },
    { CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, 1 },
    { CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, 1 },
    { CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 3, 3 },
    { CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 3, 3 },
    { CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 3, 3 },
    { CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 3, 3 },
    { CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
      CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1 },
    { CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
      CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1 },
    { CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
      CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1 },
    { CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
      CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1 },
    { CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
      CUDNN_TYPE_FLOAT, 1, 1 },
    { CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
      CUDNN_TYPE_FLOAT, 1, 1 },
    { CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
      CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1 },
    { CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
      CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1 },
    { CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
      CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1 },
    { CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
      CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1 },
    { CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
      CUDNN_TYPE_FLOAT, 1, 1 },
    { CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
      CUDNN_TYPE_FLOAT, 1, 1 },
    { CUDNN_BACKEND_POINTWISE_DESCRIPTOR, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, 1 },
    { CUDNN_BACKEND_POINTWISE_DESCRIPTOR, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, 1 },
    { CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR,
      CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1 },
    { CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, CUDNN_TYPE_BACKEND_DESCRIPTOR,
      1, 1 },
    { CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, CUDNN_TYPE_BACKEND_DESCRIPTOR,
      0, 1 },
    { CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, CUDNN_TYPE_BACKEND_DESCRIPTOR,
      1, 1 },
    { CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 16 },
    { CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, CUDNN_ATTR_DEVICEPROP_HANDLE, CUDNN_TYPE_HANDLE, 1, 1 },
    { CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1 },
    { CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, 1 },
    { CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1 },
    { CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR,
      1, 1 },
    { CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
      1 },
    { CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, 1, 16 },
    { CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 1, 16 },
    { CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, 1 },
};

static size_t attribute_size(cudnnBackendAttributeType_t type)
{
    switch (type) {
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR: return 8;
    case CUDNN_TYPE_BOOLEAN: return 1;
    default: return 4;
    }
}

static fake_descriptor_ptr found(cudnnBackendDescriptor_t descriptor)
{
    const auto at = alive.find(descriptor);
    return at == alive.end() ? nullptr : at->second;
}

static cudnnStatus_t take_descriptors(fake_attribute *attribute, const void *values)
{
    for (int64_t i = 0; i < attribute->count; i++) {
        const fake_descriptor_ptr given = found(static_cast<const cudnnBackendDescriptor_t *>(values)[i]);
        if (!given) return refused(CUDNN_STATUS_BAD_PARAM, "an attribute is no descriptor");
        if (!given->finalized) return refused(CUDNN_STATUS_NOT_INITIALIZED, "an attribute is not finalized");
        attribute->descriptors.push_back(given);
    }
    return CUDNN_STATUS_SUCCESS;
}

/* ---- What is checked when all is set ---- */

fake_tensor tensor_of(const fake_descriptor &d)
{
    return { integers(d, CUDNN_ATTR_TENSOR_DIMENSIONS), integers(d, CUDNN_ATTR_TENSOR_STRIDES),
             attribute<cudnnDataType_t>(d, CUDNN_ATTR_TENSOR_DATA_TYPE),
             attribute<int64_t>(d, CUDNN_ATTR_TENSOR_UNIQUE_ID), attribute<bool>(d, CUDNN_ATTR_TENSOR_IS_VIRTUAL) };
}

int64_t tensor_elements(const fake_tensor &tensor)
{
    int64_t count = 1;
    for (size_t axis = 0; axis < tensor.extent.size(); axis++) count += (tensor.extent[axis] - 1) * tensor.stride[axis];
    return count;
}

size_t type_size(cudnnDataType_t type)
{
    return type == CUDNN_DATA_FLOAT ? 4 : 2;
}

static bool fits(const fake_tensor &x, const fake_tensor &w, const fake_tensor &y, const fake_descriptor &window)
{
    const auto before = integers(window, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS),
               after = integers(window, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS),
               stride = integers(window, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES),
               dilation = integers(window, CUDNN_ATTR_CONVOLUTION_DILATIONS);
    bool right = x.extent[0] == y.extent[0] && w.extent[0] == y.extent[1] && x.extent[1] % w.extent[1] == 0;
    for (size_t axis = 0; axis < 3; axis++) {
        const int64_t reach = dilation[axis] * (w.extent[axis + 2] - 1) + 1;
        const int64_t windows = (x.extent[axis + 2] + before[axis] + after[axis] - reach) / stride[axis] + 1;
        right = right && windows == y.extent[axis + 2];
    }
    return right;
}

static cudnnStatus_t check(const fake_descriptor &d)
{
    const bool forward = d.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR;
    if (forward || d.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR) {
        const auto name = [&](cudnnBackendAttributeName_t a, cudnnBackendAttributeName_t b) { return forward ? a : b; };
        const bool right = fits(tensor_of(*part(d, name(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                                                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX))),
                                tensor_of(*part(d, name(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                                                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W))),
                                tensor_of(*part(d, name(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                                                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY))),
                                *part(d, name(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                                              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC)));
        if (!right) return refused(CUDNN_STATUS_BAD_PARAM, "extents of a convolution do not fit");
    }
    if (d.type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR &&
        part(d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)->engine == REFUSES_PLANS)
        return refused(CUDNN_STATUS_NOT_SUPPORTED, "this engine makes no plan");
    return CUDNN_STATUS_SUCCESS;
}

/* ---- What can be asked for ---- */

static cudnnStatus_t give_engines(const fake_descriptor &heuristic, int64_t most, int64_t *count, void *values)
{
    const int64_t offered = attribute<cudnnBackendHeurMode_t>(heuristic, CUDNN_ATTR_ENGINEHEUR_MODE) ==
                                    CUDNN_HEUR_MODE_A
                                ? ENGINES
                                : 0;
    *count = offered;
    for (int64_t i = 0; i < most && i < offered; i++) {
        const fake_descriptor_ptr given = found(static_cast<cudnnBackendDescriptor_t *>(values)[i]);
        if (!given || given->type != CUDNN_BACKEND_ENGINECFG_DESCRIPTOR)
            return refused(CUDNN_STATUS_BAD_PARAM, "results go into configurations");
        given->engine = (int)i;
        given->finalized = true;
        given->attributes[CUDNN_ATTR_ENGINE_OPERATION_GRAPH] = heuristic.attributes.at(
            CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
    }
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t give_integer(int64_t value, int64_t *count, void *values)
{
    *count = 1;
    memcpy(values, &value, sizeof value);
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t give(const fake_descriptor &d, cudnnBackendAttributeName_t name, int64_t most, int64_t *count,
                          void *values)
{
    switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS: return give_engines(d, most, count, values);
    case CUDNN_ATTR_ENGINECFG_ENGINE: {
        const fake_descriptor_ptr engine = found(*static_cast<cudnnBackendDescriptor_t *>(values));
        if (!engine) return refused(CUDNN_STATUS_BAD_PARAM, "the engine goes into a descriptor");
        engine->engine = d.engine;
        engine->finalized = true;
        *count = 1;
        return CUDNN_STATUS_SUCCESS;
    }
    case CUDNN_ATTR_ENGINE_GLOBAL_INDEX: return give_integer(d.engine, count, values);
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE: {
        const cudnnBackendNumericalNote_t note = d.engine == IS_RANDOM ? CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC
                                                                       : CUDNN_NUMERICAL_NOTE_FFT;
        *count = d.engine == IS_RANDOM;
        if (*count) memcpy(values, &note, sizeof note);
        return CUDNN_STATUS_SUCCESS;
    }
    case CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE: *count = 0; return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
        return give_integer(workspaces[part(d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)->engine], count, values);
    default: return refused(CUDNN_STATUS_NOT_SUPPORTED, "the fake has no such attribute");
    }
}

/* ---- Running ---- */

static cudnnStatus_t check_memory(const fake_descriptor &graph, const std::map<int64_t, void *> &memory)
{
    for (const auto &operation : graph.attributes.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).descriptors)
        for (const auto &entry : operation->attributes)
            for (const auto &given : entry.second.descriptors) {
                if (given->type != CUDNN_BACKEND_TENSOR_DESCRIPTOR) continue;
                const fake_tensor tensor = tensor_of(*given);
                if (tensor.is_virtual) continue;
                const auto at = memory.find(tensor.uid);
                if (at == memory.end()) return refused(CUDNN_STATUS_BAD_PARAM, "a tensor has no memory");
                const size_t size = (size_t)tensor_elements(tensor) * type_size(tensor.type);
                const int64_t alignment = attribute<int64_t>(*given, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
                if (!on_device(at->second, size) || reinterpret_cast<uintptr_t>(at->second) % (uintptr_t)alignment)
                    return refused(CUDNN_STATUS_BAD_PARAM, "a tensor does not lie on the device, or not aligned");
            }
    return CUDNN_STATUS_SUCCESS;
}

static void report(char *text, size_t size)
{
    if (!alive.empty()) snprintf(text + strlen(text), size - strlen(text), "%zu descriptors ", alive.size());
    if (!handles.empty()) snprintf(text + strlen(text), size - strlen(text), "%zu cuDNN handles ", handles.size());
}

extern "C" {

size_t cudnnGetVersion(void)
{
    return fake_has()->cudnn_version;
}

size_t cudnnGetCudartVersion(void)
{
    return fake_has()->cudnn_cudart;
}

const char *cudnnGetErrorString(cudnnStatus_t status)
{
    static thread_local char text[64];
    snprintf(text, sizeof text, "cuDNN status %d of the fake", (int)status);
    return text;
}

void cudnnGetLastErrorString(char *message, size_t most)
{
    snprintf(message, most, "%s", last_message);
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle)
{
    MAY_FAIL(CUDNN_STATUS_NOT_INITIALIZED);
    fake_report_also(report);
    *handle = new cudnnContext{ nullptr };
    handles.insert(*handle);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle)
{
    ENTER;
    if (!handles.erase(handle)) fake_die("cudnnDestroy of no handle");
    delete handle;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream)
{
    MAY_FAIL(CUDNN_STATUS_EXECUTION_FAILED);
    handle->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *descriptor)
{
    MAY_FAIL(CUDNN_STATUS_ALLOC_FAILED);
    *descriptor = new char;
    alive[*descriptor] = std::make_shared<fake_descriptor>(fake_descriptor{ type, {}, false, -1 });
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor)
{
    ENTER;
    if (!alive.erase(descriptor)) fake_die("a descriptor is destroyed that does not exist");
    delete static_cast<char *>(descriptor);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count, const void *values)
{
    MAY_FAIL(CUDNN_STATUS_BAD_PARAM);
    const fake_descriptor_ptr d = found(descriptor);
    if (!d) return refused(CUDNN_STATUS_BAD_PARAM, "no descriptor");
    if (d->finalized) return refused(CUDNN_STATUS_NOT_INITIALIZED, "an attribute is set after the end");
    const rule *of = nullptr;
    for (const rule &candidate : rules)
        if (candidate.of == d->type && candidate.name == name) of = &candidate;
    if (!of || of->type != type || count < of->least || count > of->most)
        return refused(CUDNN_STATUS_BAD_PARAM, "an attribute of another type or count");
    fake_attribute given = { count, {}, {} };
    if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
        const cudnnStatus_t status = take_descriptors(&given, values);
        if (status != CUDNN_STATUS_SUCCESS) return status;
    } else {
        const char *const first = static_cast<const char *>(values);
        given.bytes.assign(first, first + (size_t)count * attribute_size(type));
    }
    d->attributes[name] = given;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor)
{
    MAY_FAIL(CUDNN_STATUS_NOT_SUPPORTED);
    const fake_descriptor_ptr d = found(descriptor);
    if (!d || d->finalized) return refused(CUDNN_STATUS_BAD_PARAM, "no descriptor that could be finalized");
    for (const rule &candidate : rules)
        if (candidate.of == d->type && candidate.least && !d->attributes.count(candidate.name))
            return refused(CUDNN_STATUS_BAD_PARAM, "an attribute is missing");
    const cudnnStatus_t status = check(*d);
    d->finalized = status == CUDNN_STATUS_SUCCESS;
    return status;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t const descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t, int64_t most, int64_t *count, void *values)
{
    MAY_FAIL(CUDNN_STATUS_BAD_PARAM);
    const fake_descriptor_ptr d = found(descriptor);
    if (!d || !d->finalized) return refused(CUDNN_STATUS_NOT_INITIALIZED, "an attribute is asked for before the end");
    return give(*d, name, most, count, values);
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan, cudnnBackendDescriptor_t pack)
{
    MAY_FAIL(CUDNN_STATUS_EXECUTION_FAILED);
    const fake_descriptor_ptr p = found(plan), v = found(pack);
    if (!p || !v || !p->finalized || !v->finalized) return refused(CUDNN_STATUS_BAD_PARAM, "no plan, or no pack");
    const auto uids = integers(*v, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS),
               pointers = integers(*v, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
    if (uids.size() != pointers.size()) return refused(CUDNN_STATUS_BAD_PARAM, "more pointers than tensors, or less");
    std::map<int64_t, void *> memory;
    for (size_t i = 0; i < uids.size(); i++) memory[uids[i]] = reinterpret_cast<void *>(pointers[i]);
    const fake_descriptor *const configuration = part(*p, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    const fake_descriptor_ptr graph = configuration->attributes.at(CUDNN_ATTR_ENGINE_OPERATION_GRAPH).descriptors[0];
    void *const workspace = attribute<void *>(*v, CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
    const size_t size = (size_t)workspaces[configuration->engine];
    const cudnnStatus_t status = check_memory(*graph, memory);
    if (status != CUDNN_STATUS_SUCCESS) return status;
    if (!on_device(workspace, size)) return refused(CUDNN_STATUS_BAD_PARAM, "the workspace does not lie on the device");
    stream_enqueue(handle->stream, [=] {
        memset(workspace, 0xa5, size);
        fake_execute(*graph, memory);
    });
    return CUDNN_STATUS_SUCCESS;
}
}
