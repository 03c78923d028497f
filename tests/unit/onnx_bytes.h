/* Builds the bytes of an ONNX file in a test, without any other ONNX software:
 *
 *     struct onnx_file file = onnx_file(13);
 *     onnx_input(&file, "x", 5, (int64_t[]){ 1, 1, 8, 8, 8 });
 *     onnx_floats(&file, "w", 5, (int64_t[]){ 4, 1, 3, 3, 3 }, weights);
 *     onnx_node(&file, "Conv", "conv1", "x,w", "y");
 *     onnx_ints_attribute(&file, "pads", 6, (int64_t[]){ 1, 1, 1, 1, 1, 1 });   // of the last node
 *     onnx_output(&file, "y", 5, (int64_t[]){ 1, 4, 8, 8, 8 });
 *     struct bytes bytes = onnx_finish(&file);                                  // bytes_free when done
 *
 * Below that, fields of any protobuf message, for tests of odd files. Everything here aborts when memory is out. */
#ifndef TESTS_UNIT_ONNX_BYTES_H
#define TESTS_UNIT_ONNX_BYTES_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model/onnx.h"

/* ---- Protobuf ---- */

struct bytes {
    unsigned char *data;
    size_t size, capacity;
};

static inline void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){ 0 };
}

static inline void bytes_append(struct bytes *bytes, const void *data, size_t size)
{
    if (size > bytes->capacity - bytes->size) {
        bytes->capacity = 2 * (bytes->size + size) + 32;
        bytes->data = realloc(bytes->data, bytes->capacity);
        if (!bytes->data) abort();
    }
    if (size) memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static inline void bytes_varint(struct bytes *bytes, uint64_t value)
{
    for (; value > 127; value >>= 7) bytes_append(bytes, &(unsigned char){ (value & 127) | 128 }, 1);
    bytes_append(bytes, &(unsigned char){ (unsigned char)value }, 1);
}

static inline void bytes_tag(struct bytes *bytes, uint32_t number, uint32_t type)
{
    bytes_varint(bytes, (uint64_t)number << 3 | type);
}

static inline void field_integer(struct bytes *bytes, uint32_t number, int64_t value)
{
    bytes_tag(bytes, number, 0);
    bytes_varint(bytes, (uint64_t)value);
}

static inline void field_float(struct bytes *bytes, uint32_t number, float value)
{
    bytes_tag(bytes, number, 5);
    bytes_append(bytes, &value, sizeof value);
}

static inline void field_bytes(struct bytes *bytes, uint32_t number, const void *data, size_t size)
{
    bytes_tag(bytes, number, 2);
    bytes_varint(bytes, size);
    bytes_append(bytes, data, size);
}

static inline void field_text(struct bytes *bytes, uint32_t number, const char *text)
{
    field_bytes(bytes, number, text, strlen(text));
}

/* A message in a message; frees the inner one. */
static inline void field_message(struct bytes *bytes, uint32_t number, struct bytes message)
{
    field_bytes(bytes, number, message.data, message.size);
    bytes_free(&message);
}

static inline void field_packed(struct bytes *bytes, uint32_t number, size_t count, const int64_t *values)
{
    struct bytes packed = { 0 };
    for (size_t i = 0; i < count; i++) bytes_varint(&packed, (uint64_t)values[i]);
    field_message(bytes, number, packed);
}

/* ---- ONNX ---- */

struct onnx_file {
    struct bytes model, graph, node; /* node: the one that attributes go to, not yet in the graph */
};

static inline struct onnx_file onnx_file(int64_t opset)
{
    struct onnx_file file = { 0 };
    struct bytes import = { 0 };
    field_integer(&file.model, 1, 8);
    field_text(&file.model, 2, "libtumorclass tests");
    field_integer(&import, 2, opset);
    field_message(&file.model, 8, import);
    field_text(&file.graph, 2, "test");
    return file;
}

static inline void onnx_property(struct onnx_file *file, const char *key, const char *value)
{
    struct bytes entry = { 0 };
    field_text(&entry, 1, key);
    field_text(&entry, 2, value);
    field_message(&file->model, 14, entry);
}

/* ValueInfoProto of a float tensor; an extent of -1 is symbolic. */
static inline struct bytes onnx_value_info(const char *name, size_t rank, const int64_t *extents)
{
    struct bytes info = { 0 }, type = { 0 }, tensor = { 0 }, shape = { 0 };
    for (size_t i = 0; i < rank; i++) {
        struct bytes dimension = { 0 };
        if (extents[i] < 0)
            field_text(&dimension, 2, "any");
        else
            field_integer(&dimension, 1, extents[i]);
        field_message(&shape, 1, dimension);
    }
    field_integer(&tensor, 1, ONNX_FLOAT);
    field_message(&tensor, 2, shape);
    field_message(&type, 1, tensor);
    field_text(&info, 1, name);
    field_message(&info, 2, type);
    return info;
}

static inline void onnx_input(struct onnx_file *file, const char *name, size_t rank, const int64_t *extents)
{
    field_message(&file->graph, 11, onnx_value_info(name, rank, extents));
}

static inline void onnx_output(struct onnx_file *file, const char *name, size_t rank, const int64_t *extents)
{
    field_message(&file->graph, 12, onnx_value_info(name, rank, extents));
}

/* TensorProto without its elements. */
static inline struct bytes onnx_tensor_bytes(const char *name, int32_t type, size_t rank, const int64_t *extents)
{
    struct bytes tensor = { 0 };
    for (size_t i = 0; i < rank; i++) field_integer(&tensor, 1, extents[i]);
    field_integer(&tensor, 2, type);
    field_text(&tensor, 8, name);
    return tensor;
}

static inline struct bytes onnx_raw_tensor(const char *name, int32_t type, size_t rank, const int64_t *extents,
                                           const void *data, size_t size)
{
    struct bytes tensor = onnx_tensor_bytes(name, type, rank, extents);
    field_bytes(&tensor, 9, data, size);
    return tensor;
}

/* Say in a tensor's bytes that its elements lie in a file; an empty offset or length is left out. */
static inline void onnx_external(struct bytes *tensor, const char *location, const char *offset, const char *length)
{
    const char *const entries[3][2] = { { "location", location }, { "offset", offset }, { "length", length } };
    for (int i = 0; i < 3; i++) {
        struct bytes entry = { 0 };
        if (!*entries[i][1]) continue;
        field_text(&entry, 1, entries[i][0]);
        field_text(&entry, 2, entries[i][1]);
        field_message(tensor, 13, entry);
    }
    field_integer(tensor, 14, 1);
}

static inline size_t onnx_elements(size_t rank, const int64_t *extents)
{
    size_t count = 1;
    for (size_t i = 0; i < rank; i++) count *= (size_t)extents[i];
    return count;
}

/* An initializer of floats, or of int64s, as raw_data. */
static inline void onnx_floats(struct onnx_file *file, const char *name, size_t rank, const int64_t *extents,
                               const float *data)
{
    field_message(&file->graph, 5,
                  onnx_raw_tensor(name, ONNX_FLOAT, rank, extents, data, 4 * onnx_elements(rank, extents)));
}

static inline void onnx_integers(struct onnx_file *file, const char *name, size_t rank, const int64_t *extents,
                                 const int64_t *data)
{
    field_message(&file->graph, 5,
                  onnx_raw_tensor(name, ONNX_INT64, rank, extents, data, 8 * onnx_elements(rank, extents)));
}

static inline void onnx_flush_node(struct onnx_file *file)
{
    if (file->node.size) field_message(&file->graph, 1, file->node);
    file->node = (struct bytes){ 0 };
}

/* "x,w,,b": one text field a name; an empty name is an input left out. */
static inline void onnx_names(struct bytes *node, uint32_t number, const char *names)
{
    while (*names) {
        const size_t length = strcspn(names, ",");
        field_bytes(node, number, names, length);
        names += length;
        if (*names) names++;
    }
}

static inline void onnx_node(struct onnx_file *file, const char *operator_type, const char *name, const char *inputs,
                             const char *outputs)
{
    onnx_flush_node(file);
    onnx_names(&file->node, 1, inputs);
    onnx_names(&file->node, 2, outputs);
    field_text(&file->node, 3, name);
    field_text(&file->node, 4, operator_type);
}

static inline struct bytes onnx_attribute_bytes(const char *name, int32_t type)
{
    struct bytes attribute = { 0 };
    field_text(&attribute, 1, name);
    field_integer(&attribute, 20, type);
    return attribute;
}

static inline void onnx_int_attribute(struct onnx_file *file, const char *name, int64_t value)
{
    struct bytes attribute = onnx_attribute_bytes(name, ONNX_ATTRIBUTE_INT);
    field_integer(&attribute, 3, value);
    field_message(&file->node, 5, attribute);
}

static inline void onnx_float_attribute(struct onnx_file *file, const char *name, float value)
{
    struct bytes attribute = onnx_attribute_bytes(name, ONNX_ATTRIBUTE_FLOAT);
    field_float(&attribute, 2, value);
    field_message(&file->node, 5, attribute);
}

static inline void onnx_text_attribute(struct onnx_file *file, const char *name, const char *value)
{
    struct bytes attribute = onnx_attribute_bytes(name, ONNX_ATTRIBUTE_STRING);
    field_text(&attribute, 4, value);
    field_message(&file->node, 5, attribute);
}

static inline void onnx_ints_attribute(struct onnx_file *file, const char *name, size_t count, const int64_t *values)
{
    struct bytes attribute = onnx_attribute_bytes(name, ONNX_ATTRIBUTE_INTS);
    for (size_t i = 0; i < count; i++) field_integer(&attribute, 8, values[i]);
    field_message(&file->node, 5, attribute);
}

static inline void onnx_floats_attribute(struct onnx_file *file, const char *name, size_t count, const float *values)
{
    struct bytes attribute = onnx_attribute_bytes(name, ONNX_ATTRIBUTE_FLOATS);
    for (size_t i = 0; i < count; i++) field_float(&attribute, 7, values[i]);
    field_message(&file->node, 5, attribute);
}

/* `tensor` as made by onnx_raw_tensor; freed here. */
static inline void onnx_tensor_attribute(struct onnx_file *file, const char *name, struct bytes tensor)
{
    struct bytes attribute = onnx_attribute_bytes(name, ONNX_ATTRIBUTE_TENSOR);
    field_message(&attribute, 5, tensor);
    field_message(&file->node, 5, attribute);
}

/* The whole file; the builder is empty afterwards. */
static inline struct bytes onnx_finish(struct onnx_file *file)
{
    onnx_flush_node(file);
    field_message(&file->model, 7, file->graph);
    const struct bytes bytes = file->model;
    *file = (struct onnx_file){ 0 };
    return bytes;
}

#endif
