/* dump_model FILE...: what the walker reads from ONNX files, a line for each thing, texts in hexadecimal, weights as
 * SHA-256 of float32 or int64. onnx_read.py prints the same with the onnx package. A leak of memory exits with 2. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/files.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "model/weights.h"

static void put_text(struct text text)
{
    putchar(' ');
    for (size_t i = 0; i < text.size; i++) printf("%02x", (unsigned char)text.data[i]);
    if (!text.size) putchar('-');
}

static void put_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    printf(" %08" PRIx32, bits);
}

static void put_extents(const int64_t *extents, int32_t rank)
{
    printf(" [");
    for (int32_t i = 0; i < rank; i++) printf("%s%" PRId64, i ? "," : "", extents[i]);
    putchar(']');
}

static void put_elements(const struct onnx_tensor *tensor, const char *folder)
{
    const float *data = NULL;
    float *owned = NULL;
    int64_t *values = NULL;
    size_t count = (size_t)tensor_count(tensor);
    char hex[65] = "";
    tumorclass_status status = TUMORCLASS_UNSUPPORTED;
    if (onnx_type_is_float(tensor->type)) {
        status = tensor_floats(&data, &owned, tensor, folder, UINT64_MAX);
        if (status == TUMORCLASS_OK) sha256(hex, data, count * sizeof *data);
    } else if (onnx_type_is_integer(tensor->type)) {
        status = tensor_integers(&values, &count, tensor, folder, UINT64_MAX);
        if (status == TUMORCLASS_OK) sha256(hex, values, count * sizeof *values);
    }
    printf(" %s", status == TUMORCLASS_OK ? hex : tumorclass_status_name(status));
    memory_free(owned);
    memory_free(values);
}

static void put_tensor(const struct onnx_tensor *tensor, const char *folder)
{
    put_text(tensor->name);
    printf(" %s", onnx_type_name(tensor->type));
    put_extents(tensor->extents, tensor->rank);
    put_elements(tensor, folder);
}

static void put_attribute(const struct onnx_attribute *attribute, const char *folder)
{
    printf(" attribute");
    put_text(attribute->name);
    printf(" %d", (int)attribute->type);
    switch (attribute->type) {
    case ONNX_ATTRIBUTE_FLOAT: put_float(attribute->f); break;
    case ONNX_ATTRIBUTE_INT: printf(" %" PRId64, attribute->i); break;
    case ONNX_ATTRIBUTE_STRING: put_text(attribute->s); break;
    case ONNX_ATTRIBUTE_TENSOR: put_tensor(&attribute->tensor, folder); break;
    case ONNX_ATTRIBUTE_FLOATS:
        for (size_t i = 0; i < attribute->count; i++) put_float(attribute->floats[i]);
        break;
    case ONNX_ATTRIBUTE_INTS:
        for (size_t i = 0; i < attribute->count; i++) printf(" %" PRId64, attribute->ints[i]);
        break;
    }
}

static void put_node(const struct onnx_node *node, const char *folder)
{
    printf("node");
    put_text(node->name);
    put_text(node->operator_type);
    for (size_t i = 0; i < node->input_count; i++) put_text(node->inputs[i]);
    printf(" ->");
    for (size_t i = 0; i < node->output_count; i++) put_text(node->outputs[i]);
    for (size_t i = 0; i < node->attribute_count; i++) put_attribute(&node->attributes[i], folder);
    putchar('\n');
}

static void put_value(const char *what, const struct onnx_value *value)
{
    printf("%s", what);
    put_text(value->name);
    printf(" %d", (int)value->type);
    if (value->rank >= 0) put_extents(value->extents, value->rank);
    putchar('\n');
}

static void put_model(const struct onnx_model *model, const char *folder)
{
    printf("model %" PRId64 " %" PRId64, model->ir_version, model->opset);
    put_text(model->producer);
    put_text(model->producer_version);
    putchar('\n');
    for (size_t i = 0; i < model->property_count; i++) {
        printf("property");
        put_text(model->keys[i]);
        put_text(model->values[i]);
        putchar('\n');
    }
    for (size_t i = 0; i < model->input_count; i++) put_value("input", &model->inputs[i]);
    for (size_t i = 0; i < model->output_count; i++) put_value("output", &model->outputs[i]);
    for (size_t i = 0; i < model->initializer_count; i++) {
        printf("initializer");
        put_tensor(&model->initializers[i], folder);
        putchar('\n');
    }
    for (size_t i = 0; i < model->node_count; i++) put_node(&model->nodes[i], folder);
}

static tumorclass_status dump(const char *path)
{
    void *data;
    size_t size;
    struct onnx_model model;
    char folder[4096];
    snprintf(folder, sizeof folder, "%.*s.", (int)(base_name(path) - path), path);
    tumorclass_status status = file_load(&data, &size, path, SIZE_MAX);
    if (status != TUMORCLASS_OK) return status;
    status = onnx_read(&model, data, size);
    if (status == TUMORCLASS_OK) put_model(&model, folder);
    onnx_free(&model);
    memory_free(data);
    return status;
}

int main(int count, char **paths)
{
    for (int i = 1; i < count; i++) {
        printf("file %s\n", paths[i]);
        const tumorclass_status status = dump(paths[i]);
        if (status != TUMORCLASS_OK) printf("%s: %s\n", tumorclass_status_name(status), tumorclass_last_error());
    }
    return memory_blocks_in_use() ? 2 : 0;
}
