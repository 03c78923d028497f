#include "model/weights.h"
#include "model/external.h"
#include "model/wire.h"
#include "base/half.h"
#include "base/memory.h"
#include <string.h>

/* TensorProto: each type has a size where it lies as raw or external data, and a repeated field that may hold it
 * instead. A field of integers is wider than the type; least and most are what fits. */
static const struct type {
    const char *name;
    size_t size;
    uint32_t field;
    int64_t least, most; /* both 0: floats, or all of int64 and uint64 */
} types[] = {
    [0] = { "no type", 0, 0, 0, 0 },
    [ONNX_FLOAT] = { "float", 4, 4, 0, 0 },
    [ONNX_UINT8] = { "uint8", 1, 5, 0, UINT8_MAX },
    [ONNX_INT8] = { "int8", 1, 5, INT8_MIN, INT8_MAX },
    [ONNX_UINT16] = { "uint16", 2, 5, 0, UINT16_MAX },
    [ONNX_INT16] = { "int16", 2, 5, INT16_MIN, INT16_MAX },
    [ONNX_INT32] = { "int32", 4, 5, INT32_MIN, INT32_MAX },
    [ONNX_INT64] = { "int64", 8, 7, 0, 0 },
    [ONNX_STRING] = { "string", 0, 0, 0, 0 },
    [ONNX_BOOL] = { "bool", 1, 5, 0, 1 },
    [ONNX_FLOAT16] = { "float16", 2, 5, 0, UINT16_MAX },
    [ONNX_DOUBLE] = { "double", 8, 10, 0, 0 },
    [ONNX_UINT32] = { "uint32", 4, 11, 0, UINT32_MAX },
    [ONNX_UINT64] = { "uint64", 8, 11, 0, 0 },
    [14] = { "complex64", 0, 0, 0, 0 },
    [15] = { "complex128", 0, 0, 0, 0 },
    [ONNX_BFLOAT16] = { "bfloat16", 2, 5, 0, UINT16_MAX },
};

static const struct type *type_of(int32_t type)
{
    return type > 0 && (size_t)type < sizeof types / sizeof *types ? &types[type] : &types[0];
}

const char *onnx_type_name(int32_t type)
{
    return type_of(type) == &types[0] ? "unknown type" : types[type].name;
}

bool onnx_type_is_float(int32_t type)
{
    return type == ONNX_FLOAT || type == ONNX_DOUBLE || type == ONNX_FLOAT16 || type == ONNX_BFLOAT16;
}

bool onnx_type_is_integer(int32_t type)
{
    return type_of(type)->size && !onnx_type_is_float(type);
}

int64_t tensor_count(const struct onnx_tensor *tensor)
{
    for (int32_t i = 0; i < tensor->rank; i++)
        if (tensor->extents[i] == 0) return 0;
    return multiply_extents(tensor->extents, (size_t)tensor->rank);
}

/* A tensor's elements as raw data holds them: little endian, one after another. */
struct elements {
    const unsigned char *data; /* in the file, or the same as owned */
    void *owned;
};

static bool is_fixed(const struct type *type)
{
    return type->field == 4 || type->field == 10;
}

/* Elements of the typed field: *count is how many there are, those below `capacity` go to dst, integers as int64. */
static tumorclass_status read_field(void *dst, size_t *count, const struct onnx_tensor *tensor, size_t capacity)
{
    const struct type *type = type_of(tensor->type);
    *count = 0;
    struct wire wire = wire_open(tensor->message);
    while (wire_next(&wire)) {
        if (wire.number != type->field) continue;
        if (is_fixed(type))
            wire_fixed(&wire, dst, count, capacity, type->size);
        else
            wire_integers(&wire, dst, count, capacity);
    }
    return wire.status;
}

/* int64 to the type's own width, in place. */
static tumorclass_status narrow(void *block, const struct onnx_tensor *tensor, size_t count)
{
    const struct type *type = type_of(tensor->type);
    for (size_t i = 0; i < count; i++) {
        int64_t value;
        memcpy(&value, (char *)block + 8 * i, sizeof value);
        if (type->field == 5) value = (int32_t)value; /* as protobuf reads an int32 */
        if (type->least < type->most && (value < type->least || value > type->most))
            return fail(TUMORCLASS_BAD_MODEL, "%.*s holds %lld, which is no %s", text_shown(tensor->name),
                        tensor->name.data, (long long)value, type->name);
        memcpy((char *)block + type->size * i, &value, type->size);
    }
    return TUMORCLASS_OK;
}

static tumorclass_status read_typed(struct elements *elements, const struct onnx_tensor *tensor, size_t count)
{
    const struct type *type = type_of(tensor->type);
    size_t found;
    tumorclass_status status = read_field(NULL, &found, tensor, 0);
    if (status != TUMORCLASS_OK) return status;
    if (found != count)
        return fail(TUMORCLASS_BAD_MODEL, "%.*s has %zu elements, its shape needs %zu", text_shown(tensor->name),
                    tensor->name.data, found, count);

    elements->owned = memory_allocate(count, is_fixed(type) ? type->size : 8);
    if (!elements->owned) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %zu weights", count);
    elements->data = elements->owned;
    status = read_field(elements->owned, &found, tensor, count);
    return status == TUMORCLASS_OK && !is_fixed(type) ? narrow(elements->owned, tensor, count) : status;
}

static tumorclass_status read_elements(struct elements *elements, const struct onnx_tensor *tensor, const char *folder,
                                       size_t count)
{
    size_t size;
    if (!multiply_sizes(&size, count, type_of(tensor->type)->size))
        return fail(TUMORCLASS_BAD_MODEL, "%.*s has %zu elements", text_shown(tensor->name), tensor->name.data, count);
    if (tensor->external) {
        const tumorclass_status status = external_read(&elements->owned, tensor, folder, size);
        elements->data = elements->owned;
        return status;
    }
    if (count && !tensor->raw.size) return read_typed(elements, tensor, count);
    if (tensor->raw.size != size)
        return fail(TUMORCLASS_BAD_MODEL, "%.*s has %zu bytes of raw data, its shape needs %zu",
                    text_shown(tensor->name), tensor->name.data, tensor->raw.size, size);
    elements->data = (const unsigned char *)tensor->raw.data;
    return TUMORCLASS_OK;
}

/* The number of elements, if they fit the limit at `size` bytes each. */
static tumorclass_status check_count(size_t *count, const struct onnx_tensor *tensor, size_t size, uint64_t max_bytes)
{
    const int64_t elements = tensor_count(tensor);
    if (elements < 0)
        return fail(TUMORCLASS_BAD_MODEL, "%.*s has more elements than any file", text_shown(tensor->name),
                    tensor->name.data);
    if ((uint64_t)elements > max_bytes / size)
        return fail(TUMORCLASS_LIMIT, "%.*s has %lld elements, %llu bytes are left for them", text_shown(tensor->name),
                    tensor->name.data, (long long)elements, (unsigned long long)max_bytes);
    *count = (size_t)elements;
    return TUMORCLASS_OK;
}

static float float_at(const unsigned char *data, int32_t type, size_t i)
{
    uint16_t half;
    uint32_t bits;
    float single;
    double wide;
    switch (type) {
    case ONNX_DOUBLE: memcpy(&wide, data + 8 * i, 8); return (float)wide;
    case ONNX_FLOAT16: memcpy(&half, data + 2 * i, 2); return half_to_float(half);
    default: /* bfloat16 is the upper half of a float */
        memcpy(&half, data + 2 * i, 2);
        bits = (uint32_t)half << 16;
        memcpy(&single, &bits, 4);
        return single;
    }
}

/* What lies as aligned float32 stays where it is, and in whose hands it is. */
static tumorclass_status convert_floats(const float **data, float **owned, struct elements *elements, int32_t type,
                                        size_t count)
{
    if (type == ONNX_FLOAT && (uintptr_t)elements->data % _Alignof(float) == 0) {
        *data = (const float *)(const void *)elements->data;
        *owned = elements->owned;
        elements->owned = NULL;
        return TUMORCLASS_OK;
    }
    *data = *owned = memory_allocate(count, sizeof **owned);
    if (!*owned) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %zu weights", count);
    if (type == ONNX_FLOAT)
        memcpy(*owned, elements->data, count * sizeof **owned);
    else
        for (size_t i = 0; i < count; i++) (*owned)[i] = float_at(elements->data, type, i);
    return TUMORCLASS_OK;
}

tumorclass_status tensor_floats(const float **data, float **owned, const struct onnx_tensor *tensor, const char *folder,
                                uint64_t max_bytes)
{
    size_t count;
    struct elements elements = { NULL, NULL };
    *data = *owned = NULL;
    if (!onnx_type_is_float(tensor->type))
        return fail(TUMORCLASS_UNSUPPORTED, "%.*s is of type %s (%d), floats are needed", text_shown(tensor->name),
                    tensor->name.data, onnx_type_name(tensor->type), (int)tensor->type);

    tumorclass_status status = check_count(&count, tensor, sizeof **data, max_bytes);
    if (status == TUMORCLASS_OK) status = read_elements(&elements, tensor, folder, count);
    if (status == TUMORCLASS_OK) status = convert_floats(data, owned, &elements, tensor->type, count);
    memory_free(elements.owned);
    return status;
}

static int64_t integer_at(const unsigned char *data, const struct type *type, size_t i)
{
    uint64_t bits = 0;
    memcpy(&bits, data + type->size * i, type->size); /* little endian: the low bytes come first */
    if (type->size == 8 || type->least == 0) return (int64_t)bits;
    const uint64_t sign = (uint64_t)type->most + 1;
    return (int64_t)((bits ^ sign) - sign);
}

static tumorclass_status convert_integers(int64_t *values, const struct elements *elements,
                                          const struct onnx_tensor *tensor, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = integer_at(elements->data, type_of(tensor->type), i);
        if (tensor->type == ONNX_BOOL) values[i] = values[i] != 0;
        if (tensor->type == ONNX_UINT64 && values[i] < 0)
            return fail(TUMORCLASS_UNSUPPORTED, "%.*s holds %llu, which is beyond int64", text_shown(tensor->name),
                        tensor->name.data, (unsigned long long)values[i]);
    }
    return TUMORCLASS_OK;
}

tumorclass_status tensor_integers(int64_t **values, size_t *count, const struct onnx_tensor *tensor, const char *folder,
                                  uint64_t max_bytes)
{
    struct elements elements = { NULL, NULL };
    *values = NULL;
    *count = 0;
    if (!onnx_type_is_integer(tensor->type))
        return fail(TUMORCLASS_UNSUPPORTED, "%.*s is of type %s (%d), integers are needed", text_shown(tensor->name),
                    tensor->name.data, onnx_type_name(tensor->type), (int)tensor->type);

    tumorclass_status status = check_count(count, tensor, sizeof **values, max_bytes);
    if (status == TUMORCLASS_OK) status = read_elements(&elements, tensor, folder, *count);
    if (status == TUMORCLASS_OK) {
        *values = memory_allocate(*count, sizeof **values);
        status = *values ? convert_integers(*values, &elements, tensor, *count)
                         : fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %zu integers", *count);
    }
    if (status != TUMORCLASS_OK) {
        memory_free(*values);
        *values = NULL;
    }
    memory_free(elements.owned);
    return status;
}
