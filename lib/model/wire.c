#include "model/wire.h"
#include <string.h>

_Static_assert(sizeof(float) == 4 && sizeof(double) == 8, "ONNX numbers are IEEE 754");
#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "ONNX numbers are little endian, and are used where they lie"
#endif

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

struct wire wire_open(struct text message)
{
    const unsigned char *data = (const unsigned char *)message.data;
    return (struct wire){ .next = data, .end = data + message.size, .payload = { "", 0 } };
}

/* Seven bits a byte, least first; the high bit says that more follow. At most 64 bits. */
static bool read_varint(const unsigned char **next, const unsigned char *end, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64 && *next < end; shift += 7) {
        const unsigned char byte = *(*next)++;
        if (shift == 63 && byte > 1) return false;
        *value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return true;
    }
    return false;
}

static bool stop(struct wire *wire, const char *what)
{
    wire->status = fail(TUMORCLASS_BAD_MODEL, "field %u %s", wire->number, what);
    return false;
}

static bool take(struct wire *wire, uint64_t size)
{
    const size_t left = (size_t)(wire->end - wire->next);
    if (size > left) {
        wire->status = fail(TUMORCLASS_BAD_MODEL, "field %u has %llu bytes, but its message ends after %zu",
                            wire->number, (unsigned long long)size, left);
        return false;
    }
    wire->payload = (struct text){ (const char *)wire->next, (size_t)size };
    wire->next += size;
    return true;
}

static bool take_varint(struct wire *wire)
{
    const unsigned char *next = wire->next;
    uint64_t unused;
    if (!read_varint(&next, wire->end, &unused)) return stop(wire, "is a number that does not end");
    return take(wire, (uint64_t)(next - wire->next));
}

bool wire_next(struct wire *wire)
{
    uint64_t tag, size;
    if (wire->status != TUMORCLASS_OK || wire->next == wire->end) return false;
    wire->number = 0;
    if (!read_varint(&wire->next, wire->end, &tag) || tag > UINT32_MAX || tag < 8)
        return stop(wire, "stands where a field should begin");
    wire->number = (uint32_t)(tag >> 3);
    wire->type = tag & 7;

    switch (wire->type) {
    case VARINT: return take_varint(wire);
    case FIXED64: return take(wire, 8);
    case FIXED32: return take(wire, 4);
    case BYTES: return read_varint(&wire->next, wire->end, &size) ? take(wire, size) : stop(wire, "has no length");
    default: return stop(wire, "has a wire type that ONNX does not use");
    }
}

size_t wire_count(struct text message, uint32_t number)
{
    size_t count = 0;
    for (struct wire wire = wire_open(message); wire_next(&wire);) count += wire.number == number;
    return count;
}

static bool has_type(struct wire *wire, uint32_t type)
{
    return wire->type == type || stop(wire, "has the wrong wire type");
}

struct text wire_bytes(struct wire *wire)
{
    return has_type(wire, BYTES) ? wire->payload : (struct text){ "", 0 };
}

/* Bytes that follow a first byte of UTF-8; -1 if none can. */
static int continuation_bytes(unsigned char first)
{
    if (first == 0) return -1;
    if (first < 0x80) return 0;
    return first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : -1;
}

static bool is_utf8(struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        int following = continuation_bytes((unsigned char)text.data[i]);
        if (following < 0) return false;
        for (; following > 0; following--)
            if (++i == text.size || (text.data[i] & 0xc0) != 0x80) return false;
    }
    return true;
}

struct text wire_text(struct wire *wire)
{
    const struct text text = wire_bytes(wire);
    if (!is_utf8(text)) stop(wire, "is not UTF-8 text, or has a zero byte in it");
    return text;
}

int64_t wire_integer(struct wire *wire)
{
    int64_t value = 0;
    size_t count = 0;
    if (has_type(wire, VARINT)) wire_integers(wire, &value, &count, 1);
    return value;
}

float wire_float(struct wire *wire)
{
    float value = 0;
    size_t count = 0;
    if (has_type(wire, FIXED32)) wire_fixed(wire, &value, &count, 1, sizeof value);
    return value;
}

void wire_nest(struct wire *wire, tumorclass_status inner)
{
    if (wire->status == TUMORCLASS_OK) wire->status = inner;
}

void wire_integers(struct wire *wire, int64_t *dst, size_t *count, size_t capacity)
{
    if (wire->type != VARINT && !has_type(wire, BYTES)) return;
    const unsigned char *next = (const unsigned char *)wire->payload.data, *end = next + wire->payload.size;
    while (next < end) {
        uint64_t value;
        if (!read_varint(&next, end, &value)) {
            stop(wire, "holds a number that does not end");
            return;
        }
        if (*count < capacity) dst[*count] = (int64_t)value;
        ++*count;
    }
}

void wire_fixed(struct wire *wire, void *dst, size_t *count, size_t capacity, size_t size)
{
    if (wire->type != (size == 4 ? FIXED32 : FIXED64) && !has_type(wire, BYTES)) return;
    const size_t elements = wire->payload.size / size;
    if (wire->payload.size % size) {
        stop(wire, "does not hold a whole number of elements");
        return;
    }
    const size_t room = *count < capacity ? capacity - *count : 0, stored = elements < room ? elements : room;
    if (stored) memcpy((char *)dst + *count * size, wire->payload.data, stored * size);
    *count += elements;
}
