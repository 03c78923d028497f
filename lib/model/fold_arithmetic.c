/* Nodes that read only constants, evaluated at load: making and computing numbers. */
#include "model/operators.h"
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "model/weights.h"

static tumorclass_status make_integer_list(struct walk *walk, const int64_t *list, int64_t count, int32_t rank)
{
    const struct shape shape = { rank, { count } };
    int64_t *data;
    const tumorclass_status status = make_integers(walk, &data, &shape);
    if (status == TUMORCLASS_OK && count) memcpy(data, list, (size_t)count * sizeof *data);
    return status;
}

static tumorclass_status make_float_list(struct walk *walk, const float *list, int64_t count, int32_t rank)
{
    const struct shape shape = { rank, { count } };
    float *data;
    const tumorclass_status status = make_floats(walk, &data, &shape);
    if (status == TUMORCLASS_OK && count) memcpy(data, list, (size_t)count * sizeof *data);
    return status;
}

tumorclass_status fold_constant(struct walk *walk)
{
    const struct onnx_attribute *a;
    if ((a = attribute_any(walk, "value")) && a->type == ONNX_ATTRIBUTE_TENSOR)
        return read_tensor(walk, walk->result, &a->tensor);
    if ((a = attribute_any(walk, "value_float")) && a->type == ONNX_ATTRIBUTE_FLOAT)
        return make_float_list(walk, &a->f, 1, 0);
    if ((a = attribute_any(walk, "value_floats")) && a->type == ONNX_ATTRIBUTE_FLOATS)
        return make_float_list(walk, a->floats, (int64_t)a->count, 1);
    if ((a = attribute_any(walk, "value_int")) && a->type == ONNX_ATTRIBUTE_INT)
        return make_integer_list(walk, &a->i, 1, 0);
    if ((a = attribute_any(walk, "value_ints")) && a->type == ONNX_ATTRIBUTE_INTS)
        return make_integer_list(walk, a->ints, (int64_t)a->count, 1);
    return fail_node(walk, TUMORCLASS_UNSUPPORTED, "is neither a dense tensor nor floats nor integers");
}

/* All elements are the attribute's one: float, or integer; 0.0f without it. */
tumorclass_status fold_constant_of_shape(struct walk *walk)
{
    size_t count;
    const int64_t *extents = input_integers(walk, 0, &count);
    if (!extents) return walk->attribute_status;
    if (count > MAX_RANK) return fail_node(walk, TUMORCLASS_UNSUPPORTED, "makes a tensor of %zu axes", count);
    struct shape shape = { .rank = (int32_t)count };
    for (size_t i = 0; i < count; i++) {
        shape.extent[i] = extents[i];
        if (extents[i] < 0)
            return fail_node(walk, TUMORCLASS_BAD_MODEL, "asks for an extent of %lld", (long long)extents[i]);
    }
    struct symbol fill = { .name = walk->result->name, .tensor.kind = TENSOR_FLOATS, .tensor.value = NO_VALUE };
    const struct onnx_attribute *value = attribute_any(walk, "value");
    tumorclass_status status = TUMORCLASS_OK;
    if (value && (value->type != ONNX_ATTRIBUTE_TENSOR || tensor_count(&value->tensor) != 1))
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "has a value that is not one number");
    if (value) status = read_tensor(walk, &fill, &value->tensor);
    if (status == TUMORCLASS_OK && fill.tensor.kind == TENSOR_INTEGERS) {
        int64_t *data;
        status = make_integers(walk, &data, &shape);
        for (int64_t i = 0; status == TUMORCLASS_OK && i < shape_count(&shape); i++) data[i] = fill.owned[0];
    } else if (status == TUMORCLASS_OK) {
        float *data;
        status = make_floats(walk, &data, &shape);
        const float number = value ? walk->graph->values[fill.tensor.value].constant[0] : 0;
        for (int64_t i = 0; status == TUMORCLASS_OK && i < shape_count(&shape); i++) data[i] = number;
    }
    memory_free(fill.owned);
    return status;
}

/* As C truncates, but for what does not fit: the nearest integer there is; NaN is 0. */
static int64_t truncated(float number)
{
    if (isnan(number)) return 0;
    if (number >= 9223372036854775808.f) return INT64_MAX;
    return number < -9223372036854775808.f ? INT64_MIN : (int64_t)number;
}

tumorclass_status fold_cast(struct walk *walk)
{
    attribute_ignore(walk, "saturate");
    attribute_ignore(walk, "round_mode");
    const struct tensor input = *walk->inputs[0];
    const int32_t type = (int32_t)attribute_int(walk, "to", 0);
    const int64_t count = shape_count(&input.shape);
    const bool to_integer = onnx_type_is_integer(type);
    if (!to_integer && !onnx_type_is_float(type))
        return fail_node(walk, TUMORCLASS_UNSUPPORTED, "casts to %s", onnx_type_name(type));
    if (type != ONNX_BOOL && to_integer == (input.kind == TENSOR_INTEGERS)) return pass_through(walk);
    if (!to_integer) {
        float *data;
        const tumorclass_status status = make_floats(walk, &data, &input.shape);
        for (int64_t i = 0; status == TUMORCLASS_OK && i < count; i++) data[i] = (float)input.integers[i];
        return status;
    }
    int64_t *data;
    const tumorclass_status status = make_integers(walk, &data, &input.shape);
    if (status != TUMORCLASS_OK) return status;
    const float *floats = input.kind == TENSOR_FLOATS ? walk->graph->values[input.value].constant : NULL;
    for (int64_t i = 0; i < count; i++) {
        data[i] = floats ? truncated(floats[i]) : input.integers[i];
        if (type == ONNX_BOOL) data[i] = floats ? floats[i] != 0 : input.integers[i] != 0;
    }
    return TUMORCLASS_OK;
}

/* Shape arithmetic that overflows is a bad file, not a number. */
static bool integer_result(int64_t *result, int32_t kind, int64_t a, int64_t b)
{
    const int64_t limit = (int64_t)1 << 62;
    if (kind == BINARY_DIV) {
        if (b == 0 || (a == INT64_MIN && b == -1)) return false;
        *result = a / b;
        return true;
    }
    if (kind == BINARY_MUL) {
        if (a && b && (a == INT64_MIN || b == INT64_MIN || (a < 0 ? -a : a) > limit / (b < 0 ? -b : b))) return false;
        *result = a * b;
        return true;
    }
    if (a > limit || a < -limit || b > limit || b < -limit) return false;
    *result = kind == BINARY_ADD ? a + b : a - b;
    return true;
}

static float float_result(int32_t kind, float a, float b)
{
    switch (kind) {
    case BINARY_ADD: return a + b;
    case BINARY_SUB: return a - b;
    case BINARY_MUL: return a * b;
    default: return a / b;
    }
}

/* Where in `input` the element `index` of the broadcast `shape` comes from. */
static int64_t source_index(int64_t index, const struct shape *shape, const struct shape *input)
{
    int64_t source = 0, step = 1;
    for (int32_t i = shape->rank - 1, k = input->rank - 1; k >= 0; i--, k--) {
        if (input->extent[k] != 1) source += index % shape->extent[i] * step;
        step *= input->extent[k];
        index /= shape->extent[i];
    }
    return source;
}

static tumorclass_status compute(struct walk *walk, int32_t kind, const struct shape *shape)
{
    const struct tensor a = *walk->inputs[0], b = *walk->inputs[1];
    const int64_t count = shape_count(shape);
    if (a.kind == TENSOR_FLOATS) {
        float *data;
        const tumorclass_status status = make_floats(walk, &data, shape);
        if (status != TUMORCLASS_OK) return status;
        const float *of_a = walk->graph->values[a.value].constant, *of_b = walk->graph->values[b.value].constant;
        for (int64_t i = 0; i < count; i++)
            data[i] = float_result(kind, of_a[source_index(i, shape, &a.shape)],
                                   of_b[source_index(i, shape, &b.shape)]);
        return TUMORCLASS_OK;
    }
    int64_t *data;
    const tumorclass_status status = make_integers(walk, &data, shape);
    if (status != TUMORCLASS_OK) return status;
    for (int64_t i = 0; i < count; i++) {
        const int64_t x = a.integers[source_index(i, shape, &a.shape)];
        const int64_t y = b.integers[source_index(i, shape, &b.shape)];
        if (!integer_result(&data[i], kind, x, y))
            return fail_node(walk, TUMORCLASS_BAD_MODEL, "computes with %lld and %lld what no integer holds",
                             (long long)x, (long long)y);
    }
    return TUMORCLASS_OK;
}

static tumorclass_status fold_binary(struct walk *walk, int32_t kind)
{
    struct shape shape;
    const struct tensor *a = walk->inputs[0], *b = walk->inputs[1];
    if (a->kind != b->kind) return fail_node(walk, TUMORCLASS_BAD_MODEL, "mixes floats with integers");
    tumorclass_status status = check_legacy_broadcast(walk);
    if (status == TUMORCLASS_OK) status = broadcast_shapes(walk, &shape, &a->shape, &b->shape);
    return status == TUMORCLASS_OK ? compute(walk, kind, &shape) : status;
}

tumorclass_status fold_add(struct walk *walk)
{
    return fold_binary(walk, BINARY_ADD);
}

tumorclass_status fold_sub(struct walk *walk)
{
    return fold_binary(walk, BINARY_SUB);
}

tumorclass_status fold_mul(struct walk *walk)
{
    return fold_binary(walk, BINARY_MUL);
}

tumorclass_status fold_div(struct walk *walk)
{
    return fold_binary(walk, BINARY_DIV);
}

static tumorclass_status fold_unary(struct walk *walk, float (*function)(float))
{
    size_t unused;
    const float *source = input_floats(walk, 0, &unused);
    if (!source) return walk->attribute_status;
    const struct shape shape = walk->inputs[0]->shape;
    float *data;
    const tumorclass_status status = make_floats(walk, &data, &shape);
    for (int64_t i = 0; status == TUMORCLASS_OK && i < shape_count(&shape); i++) data[i] = function(source[i]);
    return status;
}

static float negative(float x)
{
    return -x;
}

static float inverse(float x)
{
    return 1 / x;
}

tumorclass_status fold_sqrt(struct walk *walk)
{
    return fold_unary(walk, sqrtf);
}

tumorclass_status fold_neg(struct walk *walk)
{
    return fold_unary(walk, negative);
}

tumorclass_status fold_reciprocal(struct walk *walk)
{
    return fold_unary(walk, inverse);
}
