/* A whole classifier small enough to run thousands of times, as the bytes of an ONNX file: two convolutions with
 * instance norm and a residual, global average pool, dense layer, three classes. */
#ifndef TESTS_SMALL_MODEL_H
#define TESTS_SMALL_MODEL_H
#include "unit/onnx_bytes.h"

enum { SMALL_EXTENT = 12, SMALL_CLASSES = 3 };

/* Numbers that differ, between -0.5 and 0.5, the same every time. */
static inline const float *small_weights(void)
{
    static float weights[1024];
    for (int i = 0; i < 1024; i++) weights[i] = (float)(i * 7919 % 1009) / 1009 - 0.5F;
    return weights;
}

static inline void small_block(struct onnx_file *file, const char *name, const char *input, int64_t channels_in,
                               int64_t channels, int64_t stride)
{
    static const char *const parts[] = { "weight", "scale", "shift", "conv", "norm" };
    char names[5][32], inputs[3][96];
    for (int i = 0; i < 5; i++) snprintf(names[i], sizeof names[i], "%s.%s", name, parts[i]);
    snprintf(inputs[0], sizeof inputs[0], "%s,%s", input, names[0]);
    snprintf(inputs[1], sizeof inputs[1], "%s,%s,%s", names[3], names[1], names[2]);

    onnx_floats(file, names[0], 5, (int64_t[]){ channels, channels_in, 3, 3, 3 }, small_weights());
    onnx_floats(file, names[1], 1, &channels, small_weights() + 40);
    onnx_floats(file, names[2], 1, &channels, small_weights() + 50);
    onnx_node(file, "Conv", names[3], inputs[0], names[3]);
    onnx_ints_attribute(file, "pads", 6, (int64_t[]){ 1, 1, 1, 1, 1, 1 });
    onnx_ints_attribute(file, "strides", 3, (int64_t[]){ stride, stride, stride });
    onnx_node(file, "InstanceNormalization", names[4], inputs[1], names[4]);
    onnx_node(file, "LeakyRelu", name, names[4], name);
}

/* `external`: NULL, or the file in which the dense layer's 24 floats lie; free with bytes_free. */
static inline struct bytes small_model(const char *external)
{
    struct onnx_file file = onnx_file(13);
    struct bytes dense = external ? onnx_tensor_bytes("dense", ONNX_FLOAT, 2, (int64_t[]){ SMALL_CLASSES, 8 })
                                  : onnx_raw_tensor("dense", ONNX_FLOAT, 2, (int64_t[]){ SMALL_CLASSES, 8 },
                                                    small_weights() + 100, 96);
    if (external) onnx_external(&dense, external, "0", "96");
    onnx_property(&file, "tumorclass.schema", "1");
    onnx_property(&file, "tumorclass.classes", "glioma,metastasis,healthy");
    onnx_property(&file, "tumorclass.class_codes", "GLI,METS,HLTH");
    onnx_input(&file, "scan", 5, (int64_t[]){ 1, 1, SMALL_EXTENT, SMALL_EXTENT, SMALL_EXTENT });
    small_block(&file, "first", "scan", 1, 4, 1);
    small_block(&file, "context", "first", 4, 4, 1);
    onnx_node(&file, "Add", "sum", "first,context", "sum");
    small_block(&file, "second", "sum", 4, 8, 2);
    field_message(&file.graph, 5, dense);
    onnx_floats(&file, "bias", 1, (int64_t[]){ SMALL_CLASSES }, small_weights() + 200);
    onnx_node(&file, "GlobalAveragePool", "pool", "second", "pool");
    onnx_node(&file, "Flatten", "flat", "pool", "flat");
    onnx_node(&file, "Gemm", "head", "flat,dense,bias", "logits");
    onnx_int_attribute(&file, "transB", 1);
    onnx_output(&file, "logits", 2, (int64_t[]){ 1, SMALL_CLASSES });
    return onnx_finish(&file);
}

#endif
