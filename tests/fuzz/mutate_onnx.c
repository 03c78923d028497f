#include "mutate_onnx.h"
#include <stdbool.h>
#include <string.h>
#include "random.h"
#include "model/wire.h"
#include "unit/onnx_bytes.h"

/* ---- Which field of which message is what ---- */

enum message { MODEL, GRAPH, NODE, ATTRIBUTE, TENSOR, VALUE, TYPE, TENSOR_TYPE, SHAPE, DIMENSION, OPSET, ENTRY };
enum content { NUMBERS = 100, NAME, OPERATOR, ATTRIBUTE_NAME, BYTES }; /* or one of the messages */

static const struct {
    enum message message;
    uint32_t number;
    int content;
} schema[] = {
    { MODEL, 7, GRAPH },       { MODEL, 8, OPSET },       { MODEL, 14, ENTRY },   { GRAPH, 1, NODE },
    { GRAPH, 5, TENSOR },      { GRAPH, 11, VALUE },      { GRAPH, 12, VALUE },   { NODE, 1, NAME },
    { NODE, 2, NAME },         { NODE, 4, OPERATOR },     { NODE, 5, ATTRIBUTE }, { ATTRIBUTE, 1, ATTRIBUTE_NAME },
    { ATTRIBUTE, 5, TENSOR },  { ATTRIBUTE, 8, NUMBERS }, { TENSOR, 1, NUMBERS }, { TENSOR, 7, NUMBERS },
    { TENSOR, 8, NAME },       { VALUE, 1, NAME },        { VALUE, 2, TYPE },     { TYPE, 1, TENSOR_TYPE },
    { TENSOR_TYPE, 2, SHAPE }, { SHAPE, 1, DIMENSION },
};

static int content_of(enum message message, uint32_t number)
{
    for (size_t i = 0; i < sizeof schema / sizeof *schema; i++)
        if (schema[i].message == message && schema[i].number == number) return schema[i].content;
    return BYTES;
}

static const char *const operators[] = {
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Clip",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Conv",
    "Div",
    "Dropout",
    "Expand",
    "Flatten",
    "Gather",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNormalization",
    "LeakyRelu",
    "LogSoftmax",
    "MatMul",
    "MaxPool",
    "Mul",
    "Neg",
    "PRelu",
    "Pad",
    "Range",
    "Reciprocal",
    "ReduceMean",
    "Relu",
    "Reshape",
    "Shape",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Tanh",
    "Transpose",
    "Unsqueeze",
};
static const char *const attribute_names[] = {
    "alpha",     "auto_pad", "axes", "axis",    "beta",   "ceil_mode", "count_include_pad",
    "dilations", "end",      "ends", "epsilon", "group",  "keepdims",  "kernel_shape",
    "max",       "min",      "mode", "pads",    "perm",   "shape",     "start",
    "starts",    "strides",  "to",   "transA",  "transB", "value",
};

/* ---- Fields ---- */

struct field {
    struct text whole, payload; /* tag to end, and without tag and length */
    uint32_t number, type;
};

static struct field read_field(struct wire *wire)
{
    const unsigned char *begin = wire->next;
    if (!wire_next(wire)) return (struct field){ .whole = { NULL, 0 } };
    return (
        struct field){ { (const char *)begin, (size_t)(wire->next - begin) }, wire->payload, wire->number, wire->type };
}

static size_t count_fields(struct text message)
{
    size_t count = 0;
    for (struct wire wire = wire_open(message); wire_next(&wire);) count++;
    return count;
}

static struct field field_at(struct text message, size_t index)
{
    struct wire wire = wire_open(message);
    struct field field = read_field(&wire);
    while (index--) field = read_field(&wire);
    return field;
}

/* ---- Changes of one field ---- */

struct mutation {
    struct random random;
    struct text names[256]; /* of tensors in the file */
    size_t name_count;
};

static void collect_names(struct mutation *mutation, struct text data, enum message message)
{
    struct wire wire = wire_open(data);
    for (struct field field; (field = read_field(&wire)).whole.data;) {
        const int content = content_of(message, field.number);
        if (field.type != 2) continue;
        if (content == NAME && mutation->name_count < 256) mutation->names[mutation->name_count++] = field.payload;
        if (content < NUMBERS) collect_names(mutation, field.payload, (enum message)content);
    }
}

static void write_numbers(struct bytes *dst, uint32_t number, struct random *random)
{
    int64_t values[8];
    const size_t count = choose(random, 9);
    for (size_t i = 0; i < count; i++) values[i] = choose(random, 3) ? (int64_t)choose(random, 6) : odd_integer(random);
    field_packed(dst, number, count, values);
}

/* Bytes cut, extended or with one changed. */
static void write_bytes(struct bytes *dst, const struct field *field, struct random *random)
{
    const size_t size = field->payload.size, more = choose(random, 9);
    struct bytes changed = { 0 };
    bytes_append(&changed, field->payload.data, size);
    switch (choose(random, 3)) {
    case 0: changed.size = choose(random, size + 1); break;
    case 1:
        for (size_t i = 0; i < more; i++) bytes_append(&changed, &(uint8_t){ (uint8_t)choose(random, 256) }, 1);
        break;
    default:
        if (size) changed.data[choose(random, size)] = (uint8_t)choose(random, 256);
    }
    field_message(dst, field->number, changed);
}

static void write_text(struct bytes *dst, const struct field *field, int content, struct mutation *mutation)
{
    struct random *random = &mutation->random;
    const size_t operator_count = sizeof operators / sizeof *operators;
    const size_t attribute_count = sizeof attribute_names / sizeof *attribute_names;
    if (content == OPERATOR)
        field_text(dst, field->number, operators[choose(random, operator_count)]);
    else if (content == ATTRIBUTE_NAME)
        field_text(dst, field->number, attribute_names[choose(random, attribute_count)]);
    else {
        const struct text name = mutation->names[choose(random, mutation->name_count)];
        field_bytes(dst, field->number, name.data, name.size);
    }
}

static void write_changed(struct bytes *dst, const struct field *field, int content, struct mutation *mutation)
{
    struct random *random = &mutation->random;
    const double number = odd_number(random);
    if (field->type == 0)
        field_integer(dst, field->number, choose(random, 2) ? (int64_t)choose(random, 12) : odd_integer(random));
    else if (field->type == 5)
        field_float(dst, field->number, number > 3.4e38 || number < -3.4e38 ? 0 : (float)number);
    else if (field->type != 2)
        bytes_append(dst, field->whole.data, field->whole.size);
    else if (content == NUMBERS)
        write_numbers(dst, field->number, random);
    else if (content > NUMBERS && content < BYTES && choose(random, 4))
        write_text(dst, field, content, mutation);
    else
        write_bytes(dst, field, random);
}

/* ---- One change somewhere in a message ---- */

static void append(struct bytes *dst, struct text text)
{
    bytes_append(dst, text.data, text.size);
}

/* Leave out, double, swap with or copy another of the same message, or change. */
static void change_field(struct bytes *dst, struct text message, const struct field *field, int content,
                         struct mutation *mutation)
{
    struct random *random = &mutation->random;
    const struct field other = field_at(message, choose(random, count_fields(message)));
    switch (choose(random, 10)) {
    case 0: break;
    case 1:
        append(dst, field->whole);
        append(dst, field->whole);
        break;
    case 2: append(dst, other.whole); break;
    case 3:
        append(dst, other.whole);
        append(dst, field->whole);
        break;
    default: write_changed(dst, field, content, mutation);
    }
}

static void mutate_message(struct bytes *dst, struct text data, enum message message, struct mutation *mutation)
{
    const size_t count = count_fields(data);
    const size_t chosen = count ? choose(&mutation->random, count) : 0;
    struct wire wire = wire_open(data);
    for (size_t i = 0; i < count; i++) {
        const struct field field = read_field(&wire);
        const int content = content_of(message, field.number);
        if (i != chosen)
            append(dst, field.whole);
        else if (field.type == 2 && content < NUMBERS && choose(&mutation->random, 8)) {
            struct bytes inner = { 0 };
            mutate_message(&inner, field.payload, (enum message)content, mutation);
            field_message(dst, field.number, inner);
        } else
            change_field(dst, data, &field, content, mutation);
    }
}

size_t mutate_onnx(uint8_t *data, size_t size, size_t capacity, uint64_t seed)
{
    struct mutation mutation = { .random = { seed } };
    struct bytes changed = { 0 };
    bytes_append(&changed, data, size);
    for (uint64_t n = 1 + choose(&mutation.random, 3); n > 0 && changed.size; n--) {
        const struct text before = { (const char *)changed.data, changed.size };
        struct bytes after = { 0 };
        mutation.names[0] = (struct text){ "x", 1 };
        mutation.name_count = 1;
        collect_names(&mutation, before, MODEL);
        mutate_message(&after, before, MODEL, &mutation);
        bytes_free(&changed);
        changed = after;
    }
    if (changed.size && changed.size <= capacity) memcpy(data, changed.data, size = changed.size);
    bytes_free(&changed);
    return size;
}
