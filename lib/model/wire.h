/* wire: protobuf's wire format, one message at a time, pointing into its bytes. No schema, no recursion, no memory:
 *
 *     for (struct wire wire = wire_open(message); wire_next(&wire);)
 *         if (wire.number == 4) name = wire_text(&wire);
 *
 * The first failure ends the loop and stays in wire.status. */
#ifndef MODEL_WIRE_H
#define MODEL_WIRE_H
#include "model/onnx.h"

struct wire {
    const unsigned char *next, *end; /* what is left of the message */
    tumorclass_status status;
    uint32_t number, type; /* of the current field */
    struct text payload;   /* its bytes: of the number itself, or behind the length */
};

struct wire wire_open(struct text message);
bool wire_next(struct wire *wire); /* to the next field; false at the end and after a failure */

/* How often a field occurs, up to the first failure. */
size_t wire_count(struct text message, uint32_t number);

/* The current field, if it is of that kind; anything else is a failure. */
struct text wire_bytes(struct wire *wire);
struct text wire_text(struct wire *wire); /* UTF-8 without a zero byte */
int64_t wire_integer(struct wire *wire);
float wire_float(struct wire *wire);
/* How reading a message inside this one ended; the first failure stays. */
void wire_nest(struct wire *wire, tumorclass_status inner);

/* The current field of repeated numbers, packed or not: *count grows by its elements; of all of them, those below
 * `capacity` are stored at dst[0], dst[1], ... */
void wire_integers(struct wire *wire, int64_t *dst, size_t *count, size_t capacity);
void wire_fixed(struct wire *wire, void *dst, size_t *count, size_t capacity, size_t size); /* of 4 or 8 bytes */

#endif
