/* The smallest network that has everything: convolution, norm, global average pool, dense layer to three classes. */
#ifndef TESTS_UNIT_TINY_MODEL_H
#define TESTS_UNIT_TINY_MODEL_H
#include "unit/onnx_bytes.h"

/* The kernel lies in the file, or in `external`, a file beside it of TINY_KERNEL floats. */
enum { TINY_KERNEL = 2 * 27 };

static inline void tiny_kernel(struct onnx_file *file, const char *external)
{
    const int64_t shape[] = { 2, 1, 3, 3, 3 };
    float kernel[TINY_KERNEL];
    for (int i = 0; i < TINY_KERNEL; i++) kernel[i] = 0.01f * (float)(i - 20);
    if (!external) {
        onnx_floats(file, "kernel", 5, shape, kernel);
        return;
    }
    struct bytes tensor = onnx_tensor_bytes("kernel", ONNX_FLOAT, 5, shape);
    onnx_external(&tensor, external, "", "");
    field_message(&file->graph, 5, tensor);
}

static inline struct bytes tiny_model(int64_t d, int64_t h, int64_t w, const char *external)
{
    struct onnx_file file = onnx_file(13);
    const float ones[3] = { 1, 1, 1 }, dense[6] = { -1, -0.5f, 0, 0.5f, 1, 1.5f };
    onnx_property(&file, "tumorclass.schema", "1");
    onnx_property(&file, "tumorclass.classes", "glioma,metastasis,healthy");
    onnx_input(&file, "scan", 5, (int64_t[]){ 1, 1, d, h, w });
    tiny_kernel(&file, external);
    onnx_floats(&file, "ones", 1, (int64_t[]){ 2 }, ones);
    onnx_floats(&file, "dense", 2, (int64_t[]){ 3, 2 }, dense);
    onnx_floats(&file, "bias", 1, (int64_t[]){ 3 }, ones);
    onnx_node(&file, "Conv", "conv", "scan,kernel", "a");
    onnx_ints_attribute(&file, "pads", 6, (int64_t[]){ 1, 1, 1, 1, 1, 1 });
    onnx_node(&file, "InstanceNormalization", "norm", "a,ones,ones", "b");
    onnx_node(&file, "LeakyRelu", "relu", "b", "c");
    onnx_node(&file, "GlobalAveragePool", "pool", "c", "d");
    onnx_node(&file, "Flatten", "flat", "d", "e");
    onnx_node(&file, "Gemm", "head", "e,dense,bias", "logits");
    onnx_int_attribute(&file, "transB", 1);
    onnx_output(&file, "logits", 2, (int64_t[]){ 1, 3 });
    return onnx_finish(&file);
}

#endif
