/* The operators there are, and what their importers share: sentences, attributes, constant inputs. */
#include "model/operators.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum { FIRST = 1, BOTH = 3, ALL = -1 }; /* which inputs may be activations */

static const struct operator_entry operators[] = {
    { "Add", 1, 2, 2, BOTH, import_add, fold_add },
    { "AveragePool", 1, 1, 1, FIRST, import_average_pool, NULL },
    { "BatchNormalization", 1, 5, 5, FIRST, import_batch_norm, NULL },
    { "Cast", 1, 1, 1, FIRST, import_cast, fold_cast },
    { "Clip", 1, 1, 3, FIRST, import_clip, NULL },
    { "Concat", 1, 1, -1, (uint32_t)ALL, import_concat, fold_concat },
    { "Constant", 1, 0, 0, 0, NULL, fold_constant },
    { "ConstantOfShape", 9, 1, 1, 0, NULL, fold_constant_of_shape },
    { "Conv", 1, 2, 3, FIRST, import_conv, NULL },
    { "Div", 1, 2, 2, BOTH, import_div, fold_div },
    { "Dropout", 1, 1, 3, FIRST, import_dropout, import_dropout },
    { "Expand", 8, 2, 2, 0, NULL, fold_expand },
    { "Flatten", 1, 1, 1, FIRST, import_flatten, import_flatten },
    { "Gather", 1, 2, 2, 0, NULL, fold_gather },
    { "Gemm", 1, 2, 3, BOTH | 4, import_gemm, NULL },
    { "GlobalAveragePool", 1, 1, 1, FIRST, import_global_average, NULL },
    { "GlobalMaxPool", 1, 1, 1, FIRST, import_global_max, NULL },
    { "HardSigmoid", 1, 1, 1, FIRST, import_hard_sigmoid, NULL },
    { "HardSwish", 14, 1, 1, FIRST, import_hard_swish, NULL },
    { "Identity", 1, 1, 1, FIRST, pass_through, pass_through },
    { "InstanceNormalization", 1, 3, 3, FIRST, import_instance_norm, NULL },
    { "LeakyRelu", 1, 1, 1, FIRST, import_leaky_relu, NULL },
    { "LogSoftmax", 1, 1, 1, FIRST, import_log_softmax, NULL },
    { "MatMul", 1, 2, 2, BOTH, import_matmul, NULL },
    { "MaxPool", 1, 1, 1, FIRST, import_max_pool, NULL },
    { "Mul", 1, 2, 2, BOTH, import_mul, fold_mul },
    { "Neg", 1, 1, 1, 0, NULL, fold_neg },
    { "PRelu", 1, 2, 2, FIRST, import_prelu, NULL },
    { "Pad", 1, 1, 4, FIRST, import_pad, NULL },
    { "Range", 11, 3, 3, 0, NULL, fold_range },
    { "Reciprocal", 1, 1, 1, 0, NULL, fold_reciprocal },
    { "ReduceMean", 1, 1, 2, FIRST, import_reduce_mean, NULL },
    { "Relu", 1, 1, 1, FIRST, import_relu, NULL },
    { "Reshape", 1, 2, 2, FIRST, import_reshape, import_reshape },
    { "Shape", 1, 1, 1, FIRST, import_shape, import_shape },
    { "Sigmoid", 1, 1, 1, FIRST, import_sigmoid, NULL },
    { "Slice", 1, 1, 5, 0, NULL, fold_slice },
    { "Softmax", 1, 1, 1, FIRST, import_softmax, NULL },
    { "Sqrt", 1, 1, 1, 0, NULL, fold_sqrt },
    { "Squeeze", 1, 1, 2, FIRST, import_squeeze, import_squeeze },
    { "Sub", 1, 2, 2, BOTH, import_sub, fold_sub },
    { "Tanh", 1, 1, 1, FIRST, import_tanh, NULL },
    { "Transpose", 1, 1, 1, FIRST, import_transpose, fold_transpose },
    { "Unsqueeze", 1, 1, 2, FIRST, import_unsqueeze, import_unsqueeze },
};

const struct operator_entry *operator_find(struct text type)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (text_is(type, operators[i].type)) return &operators[i];
    return NULL;
}

tumorclass_status fail_node(const struct walk *walk, tumorclass_status status, const char *format, ...)
{
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    const struct onnx_node *node = walk->node;
    const struct text name = node->name.size || !node->output_count ? node->name : node->outputs[0];
    return fail(status, "node '%.*s' (%.*s) %s", TEXT(name), TEXT(node->operator_type), sentence);
}

const struct onnx_attribute *attribute_any(struct walk *walk, const char *name)
{
    const struct onnx_attribute *attribute = onnx_find(walk->node, name);
    if (attribute) walk->attributes_read |= (uint64_t)1 << (attribute - walk->node->attributes);
    return attribute;
}

void attribute_ignore(struct walk *walk, const char *name)
{
    (void)attribute_any(walk, name);
}

static const struct onnx_attribute *attribute_typed(struct walk *walk, const char *name, int32_t type,
                                                    const char *type_name)
{
    const struct onnx_attribute *attribute = attribute_any(walk, name);
    if (!attribute || attribute->type == type) return attribute;
    if (walk->attribute_status == TUMORCLASS_OK)
        walk->attribute_status = fail_node(walk, TUMORCLASS_BAD_MODEL, "has an attribute '%s' that is not %s", name,
                                           type_name);
    return NULL;
}

int64_t attribute_int(struct walk *walk, const char *name, int64_t otherwise)
{
    const struct onnx_attribute *attribute = attribute_typed(walk, name, ONNX_ATTRIBUTE_INT, "an integer");
    return attribute ? attribute->i : otherwise;
}

float attribute_float(struct walk *walk, const char *name, float otherwise)
{
    const struct onnx_attribute *attribute = attribute_typed(walk, name, ONNX_ATTRIBUTE_FLOAT, "a float");
    return attribute ? attribute->f : otherwise;
}

bool attribute_text(struct walk *walk, const char *name, struct text *text)
{
    const struct onnx_attribute *attribute = attribute_typed(walk, name, ONNX_ATTRIBUTE_STRING, "a string");
    if (attribute) *text = attribute->s;
    return attribute != NULL;
}

const int64_t *attribute_ints(struct walk *walk, const char *name, size_t *count)
{
    static const int64_t none;
    const struct onnx_attribute *attribute = attribute_typed(walk, name, ONNX_ATTRIBUTE_INTS, "a list of integers");
    *count = attribute ? attribute->count : 0;
    if (!attribute) return NULL;
    return attribute->count ? attribute->ints : &none;
}

bool has_input(const struct walk *walk, size_t index)
{
    return index < walk->input_count && walk->inputs[index];
}

static const struct tensor *constant_input(struct walk *walk, size_t index, int32_t kind)
{
    if (!has_input(walk, index)) return NULL;
    const struct tensor *input = walk->inputs[index];
    if (input->kind == kind) return input;
    if (walk->attribute_status == TUMORCLASS_OK)
        walk->attribute_status = fail_node(walk, TUMORCLASS_BAD_MODEL, "has an input %zu '%.*s' that is not of %s",
                                           index, TEXT(walk->node->inputs[index]),
                                           kind == TENSOR_INTEGERS ? "integers" : "floats");
    return NULL;
}

const int64_t *input_integers(struct walk *walk, size_t index, size_t *count)
{
    const struct tensor *input = constant_input(walk, index, TENSOR_INTEGERS);
    *count = input ? (size_t)shape_count(&input->shape) : 0;
    return input ? input->integers : NULL;
}

const float *input_floats(struct walk *walk, size_t index, size_t *count)
{
    const struct tensor *input = constant_input(walk, index, TENSOR_FLOATS);
    *count = input ? (size_t)shape_count(&input->shape) : 0;
    return input ? walk->graph->values[input->value].constant : NULL;
}

tumorclass_status check_channels(const struct walk *walk, size_t index, const char *what, int64_t count)
{
    const struct tensor *input = walk->inputs[index];
    if (input->kind != TENSOR_FLOATS)
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "has a %s that is not of floats", what);
    if (input->shape.rank != 1 || input->shape.extent[0] != count) {
        char text[128];
        shape_text(text, sizeof text, &input->shape);
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "has %lld channels but a %s of shape %s", (long long)count, what,
                         text);
    }
    return TUMORCLASS_OK;
}

tumorclass_status check_axis(const struct walk *walk, int32_t *axis, int64_t given, int32_t rank)
{
    if (given < -rank || given >= rank)
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "names axis %lld of a tensor of %d axes", (long long)given, rank);
    *axis = (int32_t)(given < 0 ? given + rank : given);
    return TUMORCLASS_OK;
}

tumorclass_status check_axes(const struct walk *walk, bool axes[MAX_RANK], const int64_t *list, size_t count,
                             int32_t rank)
{
    for (int32_t i = 0; i < MAX_RANK; i++) axes[i] = false;
    for (size_t i = 0; i < count; i++) {
        int32_t axis = 0;
        const tumorclass_status status = check_axis(walk, &axis, list[i], rank);
        if (status != TUMORCLASS_OK) return status;
        if (axes[axis]) return fail_node(walk, TUMORCLASS_BAD_MODEL, "names axis %d twice", axis);
        axes[axis] = true;
    }
    return TUMORCLASS_OK;
}

tumorclass_status broadcast_shapes(const struct walk *walk, struct shape *shape, const struct shape *a,
                                   const struct shape *b)
{
    *shape = a->rank >= b->rank ? *a : *b;
    const struct shape *shorter = a->rank >= b->rank ? b : a;
    const int32_t shift = shape->rank - shorter->rank;
    for (int32_t i = 0; i < shorter->rank; i++) {
        int64_t *extent = &shape->extent[i + shift];
        if (*extent == shorter->extent[i] || shorter->extent[i] == 1) continue;
        if (*extent != 1) {
            char text_a[128], text_b[128];
            shape_text(text_a, sizeof text_a, a);
            shape_text(text_b, sizeof text_b, b);
            return fail_node(walk, TUMORCLASS_BAD_MODEL, "has inputs of shapes %s and %s, which do not go together",
                             text_a, text_b);
        }
        *extent = shorter->extent[i];
    }
    return TUMORCLASS_OK;
}
