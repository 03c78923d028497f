/* What the walk leaves behind: values, nodes and constants of the graph. */
#include "model/operators.h"
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "model/weights.h"

static const int64_t max_elements = (int64_t)1 << 40; /* of a tensor: sizes in bytes stay far from overflow */

static char *joined(struct text name, const char *suffix)
{
    const size_t size = name.size + strlen(suffix) + 1;
    char *text = memory_allocate(size, 1);
    if (!text) return NULL;
    if (name.size) memcpy(text, name.data, name.size);
    memcpy(text + name.size, suffix, size - name.size);
    return text;
}

tumorclass_status add_activation(struct walk *walk, int32_t *value, struct text name, const char *suffix,
                                 const struct shape *shape)
{
    const int64_t count = multiply_extents(shape->extent, (size_t)shape->rank);
    if (count < 0 || count > max_elements) {
        char text[128];
        shape_text(text, sizeof text, shape);
        return fail(TUMORCLASS_UNSUPPORTED, "tensor '%.*s' has the shape %s: empty, or more than 2^40 elements",
                    TEXT(name), text);
    }
    char *full = joined(name, suffix);
    if (!full) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the name of a tensor");
    const tumorclass_status status = graph_add_value(walk->graph, value, full, shape);
    memory_free(full);
    return status;
}

tumorclass_status emit_before(struct walk *walk, int32_t *output, const struct node *node, const int32_t *inputs,
                              int32_t input_count, const struct shape *shape, const char *suffix)
{
    const struct onnx_node *source = walk->node;
    tumorclass_status status = add_activation(walk, output, source->outputs[0], suffix, shape);
    if (status != TUMORCLASS_OK) return status;

    char *name = joined(source->name.size ? source->name : source->outputs[0], suffix);
    if (!name) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the name of a node");
    struct node made = *node;
    made.onnx = operator_find(source->operator_type)->type;
    made.output = *output;
    status = graph_add_node(walk->graph, &made, name, inputs, input_count);
    memory_free(name);
    return status;
}

tumorclass_status emit(struct walk *walk, const struct node *node, const int32_t *inputs, int32_t input_count,
                       const struct shape *shape)
{
    int32_t output;
    const tumorclass_status status = emit_before(walk, &output, node, inputs, input_count, shape, "");
    if (status == TUMORCLASS_OK)
        walk->result->tensor = (struct tensor){ .kind = TENSOR_ACTIVATION, .shape = *shape, .value = output };
    return status;
}

tumorclass_status emit_unary(struct walk *walk, const struct node *node, const struct shape *shape)
{
    return emit(walk, node, &walk->inputs[0]->value, 1, shape);
}

tumorclass_status pass_through(struct walk *walk)
{
    walk->result->tensor = *walk->inputs[0];
    return TUMORCLASS_OK;
}

tumorclass_status charge(struct walk *walk, int64_t count, size_t size)
{
    size_t bytes;
    if (!multiply_sizes(&bytes, (size_t)count, size) || bytes > walk->bytes_left)
        return fail(TUMORCLASS_LIMIT, "the model's constants take more than %llu bytes",
                    (unsigned long long)walk->options->max_bytes);
    walk->bytes_left -= bytes;
    return TUMORCLASS_OK;
}

/* The elements of a constant to be (no extent is negative), charged before anything is allocated. */
static tumorclass_status charge_shape(struct walk *walk, const struct shape *shape, size_t size)
{
    for (int32_t i = 0; i < shape->rank; i++)
        if (shape->extent[i] == 0) return TUMORCLASS_OK;
    const int64_t count = multiply_extents(shape->extent, (size_t)shape->rank);
    return charge(walk, count < 0 ? INT64_MAX : count, size);
}

static tumorclass_status add_floats(struct walk *walk, int32_t *value, float **data, struct text name,
                                    const char *suffix, const struct shape *shape)
{
    tumorclass_status status = charge_shape(walk, shape, sizeof **data);
    if (status != TUMORCLASS_OK) return status;
    char *full = joined(name, suffix);
    if (!full) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the name of a tensor");
    status = graph_add_constant(walk->graph, value, data, full, shape);
    memory_free(full);
    return status;
}

tumorclass_status make_weights(struct walk *walk, int32_t *value, float **data, const char *suffix,
                               const struct shape *shape)
{
    return add_floats(walk, value, data, walk->node->outputs[0], suffix, shape);
}

tumorclass_status make_floats(struct walk *walk, float **data, const struct shape *shape)
{
    int32_t value;
    const tumorclass_status status = add_floats(walk, &value, data, walk->result->name, "", shape);
    if (status == TUMORCLASS_OK)
        walk->result->tensor = (struct tensor){ .kind = TENSOR_FLOATS, .shape = *shape, .value = value };
    return status;
}

tumorclass_status make_integers(struct walk *walk, int64_t **data, const struct shape *shape)
{
    const tumorclass_status status = charge_shape(walk, shape, sizeof **data);
    if (status != TUMORCLASS_OK) return status;
    struct symbol *symbol = walk->result;
    *data = symbol->owned = memory_allocate((size_t)shape_count(shape), sizeof **data);
    if (!symbol->owned) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for '%.*s'", TEXT(symbol->name));
    symbol->tensor = (struct tensor){
        .kind = TENSOR_INTEGERS, .shape = *shape, .value = NO_VALUE, .integers = symbol->owned
    };
    return TUMORCLASS_OK;
}

static tumorclass_status read_floats(struct walk *walk, struct symbol *symbol, const struct onnx_tensor *tensor)
{
    const float *data;
    float *owned;
    tumorclass_status status = tensor_floats(&data, &owned, tensor, walk->options->folder, walk->bytes_left);
    if (status != TUMORCLASS_OK) return status;

    status = charge_shape(walk, &symbol->tensor.shape, sizeof *data);
    char *name = joined(symbol->name, "");
    if (status == TUMORCLASS_OK && !name) status = fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the name of a tensor");
    int32_t value = NO_VALUE;
    if (status == TUMORCLASS_OK) status = graph_add_value(walk->graph, &value, name, &symbol->tensor.shape);
    memory_free(name);
    if (status != TUMORCLASS_OK) {
        memory_free(owned);
        return status;
    }
    walk->graph->values[value].constant = data;
    walk->graph->values[value].owned = owned;
    symbol->tensor.kind = TENSOR_FLOATS;
    symbol->tensor.value = value;
    return TUMORCLASS_OK;
}

tumorclass_status read_tensor(struct walk *walk, struct symbol *symbol, const struct onnx_tensor *tensor)
{
    if (tensor->rank < 0 || tensor->rank > MAX_RANK || tensor_count(tensor) < 0)
        return fail(TUMORCLASS_BAD_MODEL, "tensor '%.*s' has a shape that cannot be", TEXT(symbol->name));
    symbol->tensor = (struct tensor){ .stored = true, .value = NO_VALUE, .shape = { .rank = tensor->rank } };
    for (int32_t i = 0; i < tensor->rank; i++) symbol->tensor.shape.extent[i] = tensor->extents[i];
    if (onnx_type_is_float(tensor->type)) return read_floats(walk, symbol, tensor);
    if (!onnx_type_is_integer(tensor->type))
        return fail(TUMORCLASS_UNSUPPORTED, "tensor '%.*s' is of type %s", TEXT(symbol->name),
                    onnx_type_name(tensor->type));

    size_t count;
    tumorclass_status status = tensor_integers(&symbol->owned, &count, tensor, walk->options->folder, walk->bytes_left);
    if (status == TUMORCLASS_OK) status = charge(walk, (int64_t)count, sizeof *symbol->owned);
    symbol->tensor.integers = symbol->owned;
    symbol->tensor.kind = TENSOR_INTEGERS;
    return status;
}
