/* Importers of operators that work element by element or channel by channel. */
#include "model/operators.h"
#include <float.h>
#include <math.h>
#include "model/weights.h"

static tumorclass_status emit_activation(struct walk *walk, activation function, float alpha, float beta)
{
    struct node node = node_of(OPERATION_ACTIVATION);
    node.activation = function;
    node.alpha = alpha;
    node.beta = beta;
    return emit_unary(walk, &node, &walk->inputs[0]->shape);
}

tumorclass_status import_relu(struct walk *walk)
{
    return emit_activation(walk, ACTIVATION_RELU, 0, 0);
}

tumorclass_status import_leaky_relu(struct walk *walk)
{
    return emit_activation(walk, ACTIVATION_LEAKY_RELU, attribute_float(walk, "alpha", 0.01f), 0);
}

tumorclass_status import_sigmoid(struct walk *walk)
{
    return emit_activation(walk, ACTIVATION_SIGMOID, 0, 0);
}

tumorclass_status import_hard_sigmoid(struct walk *walk)
{
    const float alpha = attribute_float(walk, "alpha", 0.2f);
    return emit_activation(walk, ACTIVATION_HARD_SIGMOID, alpha, attribute_float(walk, "beta", 0.5f));
}

tumorclass_status import_hard_swish(struct walk *walk)
{
    return emit_activation(walk, ACTIVATION_HARD_SWISH, 0, 0);
}

tumorclass_status import_tanh(struct walk *walk)
{
    return emit_activation(walk, ACTIVATION_TANH, 0, 0);
}

static tumorclass_status read_bound(struct walk *walk, float *bound, size_t index, const char *name)
{
    if (walk->model->opset < 11) *bound = attribute_float(walk, name, *bound);
    if (!has_input(walk, index)) return TUMORCLASS_OK;
    size_t count;
    const float *constant = input_floats(walk, index, &count);
    if (!constant || count != 1)
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "has a bound '%s' that is not one float", name);
    *bound = *constant;
    return TUMORCLASS_OK;
}

tumorclass_status import_clip(struct walk *walk)
{
    float least = -FLT_MAX, most = FLT_MAX;
    tumorclass_status status = read_bound(walk, &least, 1, "min");
    if (status == TUMORCLASS_OK) status = read_bound(walk, &most, 2, "max");
    if (least > most) least = most; /* min(max(x, least), most): the upper bound wins */
    return status == TUMORCLASS_OK ? emit_activation(walk, ACTIVATION_CLIP, least, most) : status;
}

/* One slope for all, or one a channel: [C, 1, 1, 1] against [N, C, D, H, W]; before opset 7 also [C]. */
static bool slope_fits(const struct walk *walk, const struct shape *x, const struct shape *slope)
{
    if (shape_count(slope) == 1) return true;
    if (x->rank < 2 || x->rank > 5 || shape_count(slope) != x->extent[1]) return false;
    if (walk->model->opset < 7 && slope->rank == 1) return true;
    const int32_t channel = 1 - (x->rank - slope->rank);
    return channel >= 0 && slope->extent[channel] == x->extent[1];
}

tumorclass_status import_prelu(struct walk *walk)
{
    const struct tensor *x = walk->inputs[0], *slope = walk->inputs[1];
    if (slope->kind != TENSOR_FLOATS || !slope_fits(walk, &x->shape, &slope->shape)) {
        char text[128];
        shape_text(text, sizeof text, &slope->shape);
        return fail_node(walk, TUMORCLASS_UNSUPPORTED, "has slopes of shape %s: one, or one a channel is supported",
                         text);
    }
    struct node node = node_of(OPERATION_ACTIVATION);
    node.activation = ACTIVATION_PRELU;
    node.slope = slope->value;
    return emit_unary(walk, &node, &x->shape);
}

static bool fills_space(const struct shape *shape)
{
    int64_t space = 1;
    for (int32_t i = 2; i < shape->rank; i++) space *= shape->extent[i];
    return shape->rank >= 4 && space > 1;
}

/* A network that detaches a tensor (MONAI's shortcut A does) is traced into a file with the activations of the
 * exporter's example input in it: every scan would get a part of that one's answer. */
tumorclass_status refuse_activation_constants(const struct walk *walk)
{
    const struct tensor *frozen = NULL;
    struct text name = { 0 };
    bool joined = false;
    for (size_t i = 0; i < walk->input_count; i++) {
        if (!walk->inputs[i]->stored)
            joined = true;
        else if (fills_space(&walk->inputs[i]->shape)) {
            frozen = walk->inputs[i];
            name = walk->node->inputs[i];
        }
    }
    if (!frozen || !joined) return TUMORCLASS_OK;
    char text[128];
    shape_text(text, sizeof text, &frozen->shape);
    return fail_node(walk, TUMORCLASS_UNSUPPORTED,
                     "joins '%.*s', a constant of the size of activations (%s), to what depends on the input: the "
                     "exporter froze its example input's activations into the file, as it does with MONAI's ResNet of "
                     "shortcut_type 'A'; train and export it with shortcut_type 'B'",
                     TEXT(name), text);
}

/* Before opset 7 the second shape was placed by attributes; where they say what numpy does, they are taken. */
tumorclass_status check_legacy_broadcast(struct walk *walk)
{
    if (walk->model->opset >= 7) return TUMORCLASS_OK;
    const struct shape *a = &walk->inputs[0]->shape, *b = &walk->inputs[1]->shape;
    const bool broadcast = attribute_int(walk, "broadcast", 0);
    const int64_t axis = attribute_int(walk, "axis", a->rank - b->rank);
    if ((broadcast || a->rank == b->rank) && axis == a->rank - b->rank) return TUMORCLASS_OK;
    return fail_node(walk, TUMORCLASS_UNSUPPORTED, "places its second input at axis %lld, as before opset 7",
                     (long long)axis);
}

/* x + 0, x * 1 and the like, which exporters write for a factor that happens to be one. */
static bool changes_nothing(const struct walk *walk, int32_t kind, const struct shape *shape)
{
    const struct tensor *x = walk->inputs[0], *constant = walk->inputs[1];
    if (constant->kind != TENSOR_FLOATS || x->shape.rank != shape->rank) return false;
    const float neutral = kind == BINARY_MUL || kind == BINARY_DIV;
    const float *data = walk->graph->values[constant->value].constant;
    for (int64_t i = 0; i < shape_count(&constant->shape); i++)
        if (data[i] != neutral) return false;
    return shape_count(&x->shape) == shape_count(shape);
}

static tumorclass_status import_binary(struct walk *walk, int32_t kind)
{
    const struct tensor *a = walk->inputs[0], *b = walk->inputs[1];
    struct node node = node_of(OPERATION_BINARY);
    node.binary.kind = kind;
    struct shape shape;
    tumorclass_status status = refuse_activation_constants(walk);
    if (status == TUMORCLASS_OK) status = check_legacy_broadcast(walk);
    if (status == TUMORCLASS_OK) status = broadcast_shapes(walk, &shape, &a->shape, &b->shape);
    if (status != TUMORCLASS_OK) return status;
    if (changes_nothing(walk, kind, &shape)) return pass_through(walk);
    const int32_t inputs[] = { a->value, b->value };
    return emit(walk, &node, inputs, 2, &shape);
}

tumorclass_status import_add(struct walk *walk)
{
    return import_binary(walk, BINARY_ADD);
}

tumorclass_status import_sub(struct walk *walk)
{
    return import_binary(walk, BINARY_SUB);
}

tumorclass_status import_mul(struct walk *walk)
{
    return import_binary(walk, BINARY_MUL);
}

tumorclass_status import_div(struct walk *walk)
{
    return import_binary(walk, BINARY_DIV);
}

static tumorclass_status check_batch_norm(struct walk *walk, int64_t channels)
{
    static const char *const names[] = { "input", "scale", "bias", "mean", "variance" };
    attribute_ignore(walk, "momentum");
    if (walk->model->opset < 9 && attribute_int(walk, "spatial", 1) != 1)
        return fail_node(walk, TUMORCLASS_UNSUPPORTED, "has spatial = 0: statistics a channel are supported");
    if (walk->model->opset < 7 && attribute_int(walk, "is_test", 0) != 1)
        return fail_node(walk, TUMORCLASS_UNSUPPORTED, "is in training mode: export the model for inference");
    if (walk->model->opset >= 14 && attribute_int(walk, "training_mode", 0))
        return fail_node(walk, TUMORCLASS_UNSUPPORTED, "is in training mode: export the model for inference");
    for (size_t i = 1; i < 5; i++) {
        const tumorclass_status status = check_channels(walk, i, names[i], channels);
        if (status != TUMORCLASS_OK) return status;
    }
    return TUMORCLASS_OK;
}

/* (x - mean) / sqrt(variance + epsilon) * scale + bias = x * factor + shift */
static tumorclass_status batch_norm_constants(struct walk *walk, int64_t channels, int32_t inputs[3])
{
    const double epsilon = attribute_float(walk, "epsilon", 1e-5f);
    size_t count;
    const float *scale = input_floats(walk, 1, &count), *bias = input_floats(walk, 2, &count);
    const float *mean = input_floats(walk, 3, &count), *variance = input_floats(walk, 4, &count);
    const struct shape shape = { 1, { channels } };
    float *factors, *shifts;
    tumorclass_status status = make_weights(walk, &inputs[1], &factors, ".scale", &shape);
    if (status == TUMORCLASS_OK) status = make_weights(walk, &inputs[2], &shifts, ".shift", &shape);
    if (status != TUMORCLASS_OK) return status;
    for (int64_t c = 0; c < channels; c++) {
        if (!(variance[c] + epsilon > 0))
            return fail_node(walk, TUMORCLASS_BAD_MODEL, "has variance %g in channel %lld", (double)variance[c],
                             (long long)c);
        const double factor = scale[c] / sqrt(variance[c] + epsilon);
        factors[c] = (float)factor;
        shifts[c] = (float)(bias[c] - mean[c] * factor);
    }
    return TUMORCLASS_OK;
}

tumorclass_status import_batch_norm(struct walk *walk)
{
    const struct shape *x = &walk->inputs[0]->shape;
    if (x->rank < 2 || x->rank > 5)
        return fail_node(walk, TUMORCLASS_UNSUPPORTED, "reads a tensor of %d axes: 2 to 5 are supported", x->rank);
    int32_t inputs[3] = { walk->inputs[0]->value, NO_VALUE, NO_VALUE };
    tumorclass_status status = check_batch_norm(walk, x->extent[1]);
    if (status == TUMORCLASS_OK) status = batch_norm_constants(walk, x->extent[1], inputs);
    if (status != TUMORCLASS_OK) return status;
    const struct node node = node_of(OPERATION_SCALE_SHIFT);
    return emit(walk, &node, inputs, 3, x);
}

tumorclass_status import_instance_norm(struct walk *walk)
{
    const struct shape *x = &walk->inputs[0]->shape;
    if (x->rank < 3 || x->rank > 5)
        return fail_node(walk, TUMORCLASS_UNSUPPORTED, "reads a tensor of %d axes: 3 to 5 are supported", x->rank);
    struct node node = node_of(OPERATION_INSTANCE_NORM);
    node.norm.epsilon = attribute_float(walk, "epsilon", 1e-5f);
    if (!(node.norm.epsilon >= 0))
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "has epsilon %g", (double)node.norm.epsilon);
    tumorclass_status status = check_channels(walk, 1, "scale", x->extent[1]);
    if (status == TUMORCLASS_OK) status = check_channels(walk, 2, "bias", x->extent[1]);
    if (status != TUMORCLASS_OK) return status;
    const int32_t inputs[] = { walk->inputs[0]->value, walk->inputs[1]->value, walk->inputs[2]->value };
    return emit(walk, &node, inputs, 3, x);
}

tumorclass_status import_dropout(struct walk *walk)
{
    attribute_ignore(walk, "ratio");
    attribute_ignore(walk, "seed");
    size_t count;
    bool training = walk->model->opset < 7 && attribute_int(walk, "is_test", 0) != 1;
    const int64_t *flag = input_integers(walk, 2, &count);
    for (size_t i = 0; i < count; i++) training = training || flag[i];
    if (training) return fail_node(walk, TUMORCLASS_UNSUPPORTED, "is in training mode: export the model for inference");
    return pass_through(walk);
}

/* Everything is computed in float32, so a cast from float to float changes nothing. */
tumorclass_status import_cast(struct walk *walk)
{
    attribute_ignore(walk, "saturate");
    attribute_ignore(walk, "round_mode");
    const int32_t type = (int32_t)attribute_int(walk, "to", 0);
    if (!onnx_type_is_float(type))
        return fail_node(walk, TUMORCLASS_UNSUPPORTED, "casts activations to %s: they must stay floats",
                         onnx_type_name(type));
    return pass_through(walk);
}
