/* What the fake cuDNN computes: in float32, each tensor read and written in its own type. */
#include <algorithm>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include "fake_cudnn.h"
#include "fake_device.h"

/* A tensor as float32, N x C x D x H x W walked by its strides. */
struct wide_tensor {
    fake_tensor tensor;
    std::vector<float> *at;
};

/* Those of one run: what is virtual lives here alone. */
class run
{
  public:
    explicit run(const std::map<int64_t, void *> &given) : memory(given)
    {
    }
    wide_tensor read(const fake_descriptor &d);
    wide_tensor begin(const fake_descriptor &d); /* to be written: zeros */
    void write(const wide_tensor &tensor);

  private:
    const std::map<int64_t, void *> &memory;
    std::map<int64_t, std::vector<float>> values;
};

wide_tensor run::begin(const fake_descriptor &d)
{
    const fake_tensor tensor = tensor_of(d);
    std::vector<float> &at = values[tensor.uid];
    at.assign((size_t)tensor_elements(tensor), 0);
    return { tensor, &at };
}

wide_tensor run::read(const fake_descriptor &d)
{
    const fake_tensor tensor = tensor_of(d);
    if (values.count(tensor.uid)) return { tensor, &values[tensor.uid] };
    const wide_tensor made = begin(d);
    const void *const from = memory.at(tensor.uid);
    for (size_t i = 0; i < made.at->size(); i++)
        (*made.at)[i] = tensor.type == CUDNN_DATA_FLOAT ? static_cast<const float *>(from)[i]
                        : tensor.type == CUDNN_DATA_HALF
                            ? __half2float(static_cast<const __half *>(from)[i])
                            : __bfloat162float(static_cast<const __nv_bfloat16 *>(from)[i]);
    return made;
}

void run::write(const wide_tensor &made)
{
    if (made.tensor.is_virtual) return;
    void *const to = memory.at(made.tensor.uid);
    for (size_t i = 0; i < made.at->size(); i++) {
        const float x = (*made.at)[i];
        if (made.tensor.type == CUDNN_DATA_FLOAT)
            static_cast<float *>(to)[i] = x;
        else if (made.tensor.type == CUDNN_DATA_HALF)
            static_cast<__half *>(to)[i] = __float2half_rn(x);
        else
            static_cast<__nv_bfloat16 *>(to)[i] = __float2bfloat16_rn(x);
    }
}

/* Weights K x C x kD x kH x kW as taps x C x K, so that the innermost loop runs through filters. */
static std::vector<float> filters_innermost(const wide_tensor &w)
{
    const auto &e = w.tensor.extent, &s = w.tensor.stride;
    std::vector<float> turned;
    for (int64_t d = 0; d < e[2]; d++)
        for (int64_t h = 0; h < e[3]; h++)
            for (int64_t x = 0; x < e[4]; x++)
                for (int64_t c = 0; c < e[1]; c++)
                    for (int64_t k = 0; k < e[0]; k++)
                        turned.push_back((*w.at)[(size_t)(k * s[0] + c * s[1] + d * s[2] + h * s[3] + x * s[4])]);
    return turned;
}

/* Calls visit(voxel of x, voxel of y, tap) for all taps of all windows that lie inside: offsets of their first channels. */
template <class Visit>
static void through_windows(const fake_tensor &x, const fake_tensor &w, const fake_tensor &y,
                            const fake_descriptor &window, Visit visit)
{
    const auto pad = integers(window, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS),
               stride = integers(window, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES),
               dilation = integers(window, CUDNN_ATTR_CONVOLUTION_DILATIONS);
    const auto inside = [&](int axis, int64_t at, int64_t tap, int64_t *place) {
        *place = at * stride[axis] - pad[axis] + tap * dilation[axis];
        return *place >= 0 && *place < x.extent[axis + 2];
    };
    for (int64_t n = 0; n < y.extent[0]; n++)
        for (int64_t d = 0; d < y.extent[2]; d++)
            for (int64_t h = 0; h < y.extent[3]; h++)
                for (int64_t v = 0; v < y.extent[4]; v++) {
                    const int64_t to = n * y.stride[0] + d * y.stride[2] + h * y.stride[3] + v * y.stride[4];
                    for (int64_t tap = 0; tap < w.extent[2] * w.extent[3] * w.extent[4]; tap++) {
                        int64_t at[3];
                        if (inside(0, d, tap / (w.extent[3] * w.extent[4]), &at[0]) &&
                            inside(1, h, tap / w.extent[4] % w.extent[3], &at[1]) &&
                            inside(2, v, tap % w.extent[4], &at[2]))
                            visit(n * x.stride[0] + at[0] * x.stride[2] + at[1] * x.stride[3] + at[2] * x.stride[4], to,
                                  tap);
                    }
                }
}

/* sum[k] += x[c] w[c][k], and sum[c] += w[c][k] y[k]; rows of w are `step` apart. Nearly all the time goes into these. */
__attribute__((optimize("O3"), target_clones("avx2", "default"))) static void
add_products(float *__restrict sum, const float *__restrict x, const float *__restrict w, int64_t channels,
             int64_t filters, int64_t step)
{
    for (int64_t c = 0; c < channels; c++, w += step)
        for (int64_t k = 0; k < filters; k++) sum[k] += x[c] * w[k];
}

__attribute__((optimize("O3"), target_clones("avx2", "default"))) static void
add_products_back(float *__restrict sum, const float *__restrict y, const float *__restrict w, int64_t channels,
                  int64_t filters, int64_t step)
{
    for (int64_t c = 0; c < channels; c++, w += step) {
        float parts[8] = {};
        int64_t k = 0;
        for (; k + 8 <= filters; k += 8)
            for (int part = 0; part < 8; part++) parts[part] += y[k + part] * w[k + part];
        for (; k < filters; k++) parts[0] += y[k] * w[k];
        for (int part = 0; part < 8; part++) sum[c] += parts[part];
    }
}

static void check_channels_last(const wide_tensor &tensor)
{
    if (tensor.tensor.stride[1] != 1) fake_die("the fake convolves N x D x H x W x C alone");
}

static void convolve(run *r, const fake_descriptor &operation)
{
    const wide_tensor x = r->read(*part(operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X)),
                      w = r->read(*part(operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W)),
                      y = r->begin(*part(operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y));
    const int64_t filters = w.tensor.extent[0], channels = w.tensor.extent[1], groups = x.tensor.extent[1] / channels,
                  own = filters / groups;
    const std::vector<float> weights = filters_innermost(w);
    check_channels_last(x);
    check_channels_last(y);
    through_windows(x.tensor, w.tensor, y.tensor, *part(operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC),
                    [&](int64_t from, int64_t to, int64_t tap) {
                        for (int64_t group = 0; group < groups; group++)
                            add_products(
                                &(*y.at)[(size_t)(to + group * own)], &(*x.at)[(size_t)(from + group * channels)],
                                &weights[(size_t)(tap * channels * filters + group * own)], channels, own, filters);
                    });
    r->write(y);
}

static void convolve_back(run *r, const fake_descriptor &operation)
{
    const wide_tensor y = r->read(*part(operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY)),
                      w = r->read(*part(operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W)),
                      x = r->begin(*part(operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX));
    const int64_t filters = w.tensor.extent[0], channels = w.tensor.extent[1], groups = x.tensor.extent[1] / channels,
                  own = filters / groups;
    const std::vector<float> weights = filters_innermost(w);
    check_channels_last(x);
    check_channels_last(y);
    through_windows(x.tensor, w.tensor, y.tensor, *part(operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC),
                    [&](int64_t to, int64_t from, int64_t tap) {
                        for (int64_t group = 0; group < groups; group++)
                            add_products_back(
                                &(*x.at)[(size_t)(to + group * channels)], &(*y.at)[(size_t)(from + group * own)],
                                &weights[(size_t)(tap * channels * filters + group * own)], channels, own, filters);
                    });
    r->write(x);
}

/* b is of y's shape, or one value a channel. All have the channels innermost. */
static void add_or_clip(run *r, const fake_descriptor &operation)
{
    const cudnnPointwiseMode_t mode = attribute<cudnnPointwiseMode_t>(
        *part(operation, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR), CUDNN_ATTR_POINTWISE_MODE);
    const fake_descriptor *const operand = part(operation, CUDNN_ATTR_OPERATION_POINTWISE_BDESC);
    const wide_tensor x = r->read(*part(operation, CUDNN_ATTR_OPERATION_POINTWISE_XDESC)),
                      b = operand ? r->read(*operand) : x,
                      y = r->begin(*part(operation, CUDNN_ATTR_OPERATION_POINTWISE_YDESC));
    if (x.tensor.extent != y.tensor.extent || x.tensor.stride != y.tensor.stride)
        fake_die("a pointwise operation broadcasts");
    for (size_t i = 0; i < y.at->size(); i++) {
        const float value = (*x.at)[i];
        (*y.at)[i] = mode == CUDNN_POINTWISE_ADD ? value + (*b.at)[i % b.at->size()] : std::max(value, 0.0f);
    }
    if (mode != CUDNN_POINTWISE_ADD && mode != CUDNN_POINTWISE_RELU_FWD) fake_die("pointwise mode %d", (int)mode);
    r->write(y);
}

void fake_execute(const fake_descriptor &graph, const std::map<int64_t, void *> &memory)
{
    run r(memory);
    for (const fake_descriptor_ptr &operation : graph.attributes.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).descriptors) {
        switch (operation->type) {
        case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR: convolve(&r, *operation); break;
        case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR: convolve_back(&r, *operation); break;
        case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR: add_or_clip(&r, *operation); break;
        default: fake_die("operation %d", (int)operation->type);
        }
    }
}
