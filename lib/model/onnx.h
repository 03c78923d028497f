/* model: reads an ONNX file into a graph of our own operations, simplifies it, and plans how to run it.
 * Includes base only.
 *
 * onnx: the file's messages as they are, pointing into its bytes: no copy, no interpretation. Field numbers are those
 * of onnx.proto (ONNX 1.0 to IR version 10+). */
#ifndef MODEL_ONNX_H
#define MODEL_ONNX_H
#include "base/status.h"

struct text { /* a string of the file: not terminated */
    const char *data;
    size_t size;
};
bool text_is(struct text text, const char *string);
bool text_equal(struct text a, struct text b);
int text_shown(struct text text); /* for "%.*s", text_shown(t), t.data: its size, at most 100 */

/* TensorProto.DataType */
enum {
    ONNX_FLOAT = 1,
    ONNX_UINT8 = 2,
    ONNX_INT8 = 3,
    ONNX_UINT16 = 4,
    ONNX_INT16 = 5,
    ONNX_INT32 = 6,
    ONNX_INT64 = 7,
    ONNX_STRING = 8,
    ONNX_BOOL = 9,
    ONNX_FLOAT16 = 10,
    ONNX_DOUBLE = 11,
    ONNX_UINT32 = 12,
    ONNX_UINT64 = 13,
    ONNX_BFLOAT16 = 16
};

enum { ONNX_MAX_RANK = 8 };
enum { ONNX_LEAST_OPSET = 6 };
/* More than these, and the file is not a network that anyone runs: they bound what a small file can make us allocate. */
enum { ONNX_MAX_NODES = 65536, ONNX_MAX_ATTRIBUTES = 64, ONNX_MAX_NAMES = 4096 };

struct onnx_tensor {
    struct text name;
    int32_t type, rank;
    int64_t extents[ONNX_MAX_RANK];
    struct text raw;         /* raw_data, little endian; or empty */
    struct text message;     /* the whole tensor: typed fields are read from it, see weights.h */
    struct text location;    /* external data: file name; or empty */
    uint64_t offset, length; /* in that file; a length of UINT64_MAX: to its end */
    bool external;
};

enum {
    ONNX_ATTRIBUTE_FLOAT = 1,
    ONNX_ATTRIBUTE_INT = 2,
    ONNX_ATTRIBUTE_STRING = 3,
    ONNX_ATTRIBUTE_TENSOR = 4,
    ONNX_ATTRIBUTE_GRAPH = 5,
    ONNX_ATTRIBUTE_FLOATS = 6,
    ONNX_ATTRIBUTE_INTS = 7,
    ONNX_ATTRIBUTE_GRAPHS = 10
};

struct onnx_attribute {
    struct text name;
    int32_t type;
    float f;
    int64_t i;
    struct text s;
    struct onnx_tensor tensor;
    float *floats;
    int64_t *ints;
    size_t count; /* of floats or ints */
};

struct onnx_node {
    struct text name, operator_type, domain;
    struct text *inputs, *outputs;
    struct onnx_attribute *attributes;
    size_t input_count, output_count, attribute_count;
};

struct onnx_value { /* a graph input or output */
    struct text name;
    int32_t type, rank;             /* rank -1: not given */
    int64_t extents[ONNX_MAX_RANK]; /* -1: symbolic or not given */
};

struct onnx_model {
    int64_t ir_version, opset; /* opset of the default domain, at least ONNX_LEAST_OPSET */
    struct text producer, producer_version;
    struct onnx_node *nodes;
    struct onnx_tensor *initializers;
    struct onnx_value *inputs, *outputs;
    struct text *keys, *values; /* metadata_props */
    size_t node_count, initializer_count, input_count, output_count, property_count;
};

/* Walk the whole file. Everything is checked for form here (lengths, depth, counts), nothing for meaning, except that
 * graphs within graphs, other domains than ONNX's own and sparse initializers are refused. No name has a zero in it.
 * BAD_MODEL, UNSUPPORTED, OUT_OF_MEMORY. The model points into `data`, which must outlive it. */
tumorclass_status onnx_read(struct onnx_model *model, const void *data, size_t size);
void onnx_free(struct onnx_model *model);

const struct onnx_attribute *onnx_find(const struct onnx_node *node, const char *name); /* NULL if absent */

#endif
