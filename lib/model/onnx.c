#include "model/onnx.h"
#include "model/wire.h"
#include "base/memory.h"
#include <string.h>

/* Field numbers are those of onnx.proto; each function names the message it reads. */

bool text_is(struct text text, const char *string)
{
    return text.size == strlen(string) && !memcmp(text.data, string, text.size);
}

bool text_equal(struct text a, struct text b)
{
    return a.size == b.size && !memcmp(a.data, b.data, a.size);
}

int text_shown(struct text text)
{
    size_t size = text.size < 100 ? text.size : 100;
    while (size && size < text.size && (text.data[size] & 0xc0) == 0x80) size--; /* not within a character */
    return (int)size;
}

static const struct text no_text = { "", 0 };

/* Zeroed room for every occurrence of a repeated field. A failed reader gets none and stops before it needs it. */
static void *array_of(struct wire *wire, struct text message, uint32_t number, size_t size, size_t limit,
                      const char *name)
{
    if (wire->status != TUMORCLASS_OK) return NULL;
    const size_t count = wire_count(message, number);
    void *array = count > limit ? NULL : memory_zeroed(count, size);
    if (count > limit)
        wire->status = fail(TUMORCLASS_UNSUPPORTED, "%zu %s, the limit is %zu", count, name, limit);
    else if (!array)
        wire->status = fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %zu %s", count, name);
    return array;
}

/* StringStringEntryProto */
static tumorclass_status read_entry(struct text *key, struct text *value, struct text message)
{
    *key = *value = no_text;
    struct wire wire = wire_open(message);
    while (wire_next(&wire)) {
        if (wire.number == 1) *key = wire_text(&wire);
        if (wire.number == 2) *value = wire_text(&wire);
    }
    return wire.status;
}

static tumorclass_status read_decimal(uint64_t *number, struct text text, const char *name)
{
    *number = 0;
    for (size_t i = 0; i < text.size; i++) {
        const uint64_t digit = (uint64_t)(unsigned char)text.data[i] - '0';
        if (digit > 9 || *number > (UINT64_MAX - digit) / 10)
            return fail(TUMORCLASS_BAD_MODEL, "external data has the %s \"%.*s\"", name, text_shown(text), text.data);
        *number = 10 * *number + digit;
    }
    return TUMORCLASS_OK;
}

static tumorclass_status read_external_entry(struct onnx_tensor *tensor, struct text message)
{
    struct text key, value;
    const tumorclass_status status = read_entry(&key, &value, message);
    if (status != TUMORCLASS_OK) return status;
    if (text_is(key, "location")) tensor->location = value;
    if (text_is(key, "offset")) return read_decimal(&tensor->offset, value, "offset");
    if (text_is(key, "length")) return read_decimal(&tensor->length, value, "length");
    return TUMORCLASS_OK;
}

static tumorclass_status check_tensor(struct onnx_tensor *tensor, size_t rank)
{
    if (rank > ONNX_MAX_RANK)
        return fail(TUMORCLASS_UNSUPPORTED, "%.*s has rank %zu, the limit is %d", text_shown(tensor->name),
                    tensor->name.data, rank, ONNX_MAX_RANK);
    tensor->rank = (int32_t)rank;
    for (size_t i = 0; i < rank; i++)
        if (tensor->extents[i] < 0)
            return fail(TUMORCLASS_BAD_MODEL, "%.*s has the extent %lld", text_shown(tensor->name), tensor->name.data,
                        (long long)tensor->extents[i]);
    if (tensor->external && !tensor->location.size)
        return fail(TUMORCLASS_BAD_MODEL, "%.*s has external data without a location", text_shown(tensor->name),
                    tensor->name.data);
    return TUMORCLASS_OK;
}

/* TensorProto. Elements in typed fields are read from `message` when they are wanted. */
static tumorclass_status read_tensor(struct onnx_tensor *tensor, struct text message)
{
    *tensor = (struct onnx_tensor){
        .name = no_text, .raw = no_text, .message = message, .location = no_text, .length = UINT64_MAX
    };
    struct wire wire = wire_open(message);
    size_t rank = 0;
    while (wire_next(&wire)) {
        switch (wire.number) {
        case 1: wire_integers(&wire, tensor->extents, &rank, ONNX_MAX_RANK); break;
        case 2: tensor->type = (int32_t)wire_integer(&wire); break;
        case 8: tensor->name = wire_text(&wire); break;
        case 9: tensor->raw = wire_bytes(&wire); break;
        case 13: wire_nest(&wire, read_external_entry(tensor, wire_bytes(&wire))); break;
        case 14: tensor->external = wire_integer(&wire) == 1; break;
        }
    }
    return wire.status == TUMORCLASS_OK ? check_tensor(tensor, rank) : wire.status;
}

/* Room for the numbers of an AttributeProto, which may come in any number of packed and unpacked fields. */
static tumorclass_status reserve_numbers(struct onnx_attribute *attribute, struct text message)
{
    size_t floats = 0, ints = 0;
    struct wire wire = wire_open(message);
    while (wire_next(&wire)) {
        if (wire.number == 7) wire_fixed(&wire, NULL, &floats, 0, sizeof *attribute->floats);
        if (wire.number == 8) wire_integers(&wire, NULL, &ints, 0);
    }
    if (wire.status != TUMORCLASS_OK) return wire.status;
    if (floats && ints) return fail(TUMORCLASS_BAD_MODEL, "both floats and integers");

    attribute->count = floats + ints;
    if (floats) attribute->floats = memory_allocate(floats, sizeof *attribute->floats);
    if (ints) attribute->ints = memory_allocate(ints, sizeof *attribute->ints);
    if (attribute->count && !attribute->floats && !attribute->ints)
        return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %zu numbers", attribute->count);
    return TUMORCLASS_OK;
}

/* AttributeProto */
static tumorclass_status read_attribute(struct onnx_attribute *attribute, struct text message)
{
    attribute->name = attribute->s = no_text;
    const tumorclass_status status = reserve_numbers(attribute, message);
    if (status != TUMORCLASS_OK) return status;

    struct wire wire = wire_open(message);
    size_t count = 0;
    while (wire_next(&wire)) {
        switch (wire.number) {
        case 1: attribute->name = wire_text(&wire); break;
        case 2: attribute->f = wire_float(&wire); break;
        case 3: attribute->i = wire_integer(&wire); break;
        case 4: attribute->s = wire_bytes(&wire); break;
        case 5: wire_nest(&wire, read_tensor(&attribute->tensor, wire_bytes(&wire))); break;
        case 7: wire_fixed(&wire, attribute->floats, &count, attribute->count, sizeof *attribute->floats); break;
        case 8: wire_integers(&wire, attribute->ints, &count, attribute->count); break;
        case 20: attribute->type = (int32_t)wire_integer(&wire); break;
        }
    }
    return wire.status;
}

static tumorclass_status fail_node(const struct onnx_node *node, size_t index, const char *why, struct text what)
{
    return fail(TUMORCLASS_UNSUPPORTED, "node %zu '%.*s' (%.*s) %s%.*s", index, text_shown(node->name), node->name.data,
                text_shown(node->operator_type), node->operator_type.data, why, text_shown(what), what.data);
}

static tumorclass_status check_node(const struct onnx_node *node, size_t index)
{
    if (node->domain.size && !text_is(node->domain, "ai.onnx"))
        return fail_node(node, index, "is of the domain ", node->domain);
    for (size_t i = 0; i < node->attribute_count; i++)
        if (node->attributes[i].type == ONNX_ATTRIBUTE_GRAPH || node->attributes[i].type == ONNX_ATTRIBUTE_GRAPHS)
            return fail_node(node, index, "has a graph inside it", no_text);
    return TUMORCLASS_OK;
}

static tumorclass_status within(const char *name, size_t index, tumorclass_status status)
{
    return status == TUMORCLASS_OK ? status : fail_within(status, "%s %zu", name, index);
}

/* NodeProto */
static tumorclass_status read_node(struct onnx_node *node, struct text message)
{
    node->name = node->operator_type = node->domain = no_text;
    struct wire wire = wire_open(message);
    node->inputs = array_of(&wire, message, 1, sizeof *node->inputs, ONNX_MAX_NAMES, "inputs");
    node->outputs = array_of(&wire, message, 2, sizeof *node->outputs, ONNX_MAX_NAMES, "outputs");
    node->attributes = array_of(&wire, message, 5, sizeof *node->attributes, ONNX_MAX_ATTRIBUTES, "attributes");
    while (wire_next(&wire)) {
        const size_t n = node->attribute_count;
        switch (wire.number) {
        case 1: node->inputs[node->input_count++] = wire_text(&wire); break;
        case 2: node->outputs[node->output_count++] = wire_text(&wire); break;
        case 3: node->name = wire_text(&wire); break;
        case 4: node->operator_type = wire_text(&wire); break;
        case 5:
            node->attribute_count++;
            wire_nest(&wire, within("attribute", n, read_attribute(&node->attributes[n], wire_bytes(&wire))));
            break;
        case 7: node->domain = wire_text(&wire); break;
        }
    }
    return wire.status;
}

/* TensorShapeProto.Dimension: a number, or a symbol, which is -1 */
static tumorclass_status read_dimension(int64_t *extent, struct text message)
{
    *extent = -1;
    struct wire wire = wire_open(message);
    while (wire_next(&wire))
        if (wire.number == 1) *extent = wire_integer(&wire);
    if (*extent <= 0) *extent = -1; /* some exporters write 0 or a negative number for "any" */
    return wire.status;
}

/* TensorShapeProto */
static tumorclass_status read_shape(struct onnx_value *value, struct text message)
{
    const size_t rank = wire_count(message, 1);
    if (rank > ONNX_MAX_RANK) return fail(TUMORCLASS_UNSUPPORTED, "rank %zu, the limit is %d", rank, ONNX_MAX_RANK);
    value->rank = 0;
    struct wire wire = wire_open(message);
    while (wire_next(&wire))
        if (wire.number == 1) wire_nest(&wire, read_dimension(&value->extents[value->rank++], wire_bytes(&wire)));
    return wire.status;
}

/* TypeProto.Tensor */
static tumorclass_status read_tensor_type(struct onnx_value *value, struct text message)
{
    struct wire wire = wire_open(message);
    while (wire_next(&wire)) {
        if (wire.number == 1) value->type = (int32_t)wire_integer(&wire);
        if (wire.number == 2) wire_nest(&wire, read_shape(value, wire_bytes(&wire)));
    }
    return wire.status;
}

/* TypeProto: sequences, maps and the like leave type 0 */
static tumorclass_status read_type(struct onnx_value *value, struct text message)
{
    struct wire wire = wire_open(message);
    while (wire_next(&wire))
        if (wire.number == 1) wire_nest(&wire, read_tensor_type(value, wire_bytes(&wire)));
    return wire.status;
}

/* ValueInfoProto */
static tumorclass_status read_value(struct onnx_value *value, struct text message)
{
    *value = (struct onnx_value){ .name = no_text, .rank = -1 };
    struct wire wire = wire_open(message);
    while (wire_next(&wire)) {
        if (wire.number == 1) value->name = wire_text(&wire);
        if (wire.number == 2) wire_nest(&wire, read_type(value, wire_bytes(&wire)));
    }
    return wire.status;
}

static void read_graph_field(struct onnx_model *model, struct wire *wire)
{
    size_t n;
    switch (wire->number) {
    case 1:
        n = model->node_count++;
        wire_nest(wire, within("node", n, read_node(&model->nodes[n], wire_bytes(wire))));
        if (wire->status == TUMORCLASS_OK) wire->status = check_node(&model->nodes[n], n);
        break;
    case 5:
        n = model->initializer_count++;
        wire_nest(wire, within("initializer", n, read_tensor(&model->initializers[n], wire_bytes(wire))));
        break;
    case 11:
        n = model->input_count++;
        wire_nest(wire, within("input", n, read_value(&model->inputs[n], wire_bytes(wire))));
        break;
    case 12:
        n = model->output_count++;
        wire_nest(wire, within("output", n, read_value(&model->outputs[n], wire_bytes(wire))));
        break;
    case 15: wire_nest(wire, fail(TUMORCLASS_UNSUPPORTED, "the graph has sparse initializers")); break;
    }
}

/* GraphProto */
static tumorclass_status read_graph(struct onnx_model *model, struct text message)
{
    if (model->nodes) return fail(TUMORCLASS_BAD_MODEL, "two graphs in one file");
    struct wire wire = wire_open(message);
    model->nodes = array_of(&wire, message, 1, sizeof *model->nodes, ONNX_MAX_NODES, "nodes");
    model->initializers = array_of(&wire, message, 5, sizeof *model->initializers, ONNX_MAX_NODES, "initializers");
    model->inputs = array_of(&wire, message, 11, sizeof *model->inputs, ONNX_MAX_NODES, "inputs");
    model->outputs = array_of(&wire, message, 12, sizeof *model->outputs, ONNX_MAX_NAMES, "outputs");
    while (wire_next(&wire)) read_graph_field(model, &wire);
    return wire.status;
}

/* OperatorSetIdProto: only that of ONNX's own domain is kept */
static tumorclass_status read_opset(struct onnx_model *model, struct text message)
{
    struct text domain = no_text;
    int64_t version = 0;
    struct wire wire = wire_open(message);
    while (wire_next(&wire)) {
        if (wire.number == 1) domain = wire_text(&wire);
        if (wire.number == 2) version = wire_integer(&wire);
    }
    if (!domain.size || text_is(domain, "ai.onnx")) model->opset = version;
    return wire.status;
}

static void read_model_field(struct onnx_model *model, struct wire *wire)
{
    size_t n;
    switch (wire->number) {
    case 1: model->ir_version = wire_integer(wire); break;
    case 2: model->producer = wire_text(wire); break;
    case 3: model->producer_version = wire_text(wire); break;
    case 7: wire_nest(wire, read_graph(model, wire_bytes(wire))); break;
    case 8: wire_nest(wire, read_opset(model, wire_bytes(wire))); break;
    case 14:
        n = model->property_count++;
        wire_nest(wire, within("metadata entry", n, read_entry(&model->keys[n], &model->values[n], wire_bytes(wire))));
        break;
    }
}

static tumorclass_status check_model(const struct onnx_model *model)
{
    if (!model->nodes) return fail(TUMORCLASS_BAD_MODEL, "no graph in it");
    if (!model->opset) return fail(TUMORCLASS_BAD_MODEL, "it does not say which operator set it uses");
    if (model->opset < ONNX_LEAST_OPSET)
        return fail(TUMORCLASS_UNSUPPORTED, "it uses operator set %lld, the oldest that can be read is %d",
                    (long long)model->opset, ONNX_LEAST_OPSET);
    return TUMORCLASS_OK;
}

/* ModelProto */
tumorclass_status onnx_read(struct onnx_model *model, const void *data, size_t size)
{
    const struct text message = { data, size };
    *model = (struct onnx_model){ .producer = no_text, .producer_version = no_text };
    struct wire wire = wire_open(message);
    model->keys = array_of(&wire, message, 14, sizeof *model->keys, ONNX_MAX_NAMES, "metadata entries");
    model->values = array_of(&wire, message, 14, sizeof *model->values, ONNX_MAX_NAMES, "metadata entries");
    while (wire_next(&wire)) read_model_field(model, &wire);

    const tumorclass_status status = wire.status == TUMORCLASS_OK ? check_model(model) : wire.status;
    if (status != TUMORCLASS_OK) onnx_free(model);
    return status;
}

void onnx_free(struct onnx_model *model)
{
    for (size_t i = 0; i < model->node_count; i++) {
        struct onnx_node *node = &model->nodes[i];
        for (size_t k = 0; k < node->attribute_count; k++) {
            memory_free(node->attributes[k].floats);
            memory_free(node->attributes[k].ints);
        }
        memory_free(node->inputs);
        memory_free(node->outputs);
        memory_free(node->attributes);
    }
    memory_free(model->nodes);
    memory_free(model->initializers);
    memory_free(model->inputs);
    memory_free(model->outputs);
    memory_free(model->keys);
    memory_free(model->values);
    *model = (struct onnx_model){ .node_count = 0 };
}

const struct onnx_attribute *onnx_find(const struct onnx_node *node, const char *name)
{
    for (size_t i = 0; i < node->attribute_count; i++)
        if (text_is(node->attributes[i].name, name)) return &node->attributes[i];
    return NULL;
}
