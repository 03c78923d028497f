/* The least work that is still a classifier with an attention map: 6 x 7 x 8 voxels, two channels, three classes. */
#ifndef TESTS_FUZZ_TINY_MODEL_H
#define TESTS_FUZZ_TINY_MODEL_H
#include "unit/onnx_bytes.h"

/* `external`: NULL, or the file that the four floats of the kernel are. */
static inline struct bytes tiny_model(const char *external)
{
    struct onnx_file file = onnx_file(13);
    const float ones[3] = { 1, 1, 1 }, dense[6] = { -1, -0.5f, 0, 0.5f, 1, 1.5f };
    onnx_property(&file, "tumorclass.schema", "1");
    onnx_property(&file, "tumorclass.classes", "glioma,metastasis,healthy");
    onnx_property(&file, "tumorclass.cam.fine_layer", "a");
    onnx_property(&file, "tumorclass.calibration.coverage", "0.9");
    onnx_property(&file, "tumorclass.calibration.conformal", "0.8,0.7,0.6");
    onnx_property(&file, "tumorclass.calibration.abstain", "0.4");
    onnx_property(&file, "tumorclass.ood.centres", "0.5,1;0,0;1,2");
    onnx_property(&file, "tumorclass.ood.deviations", "1,0.5");
    onnx_property(&file, "tumorclass.ood.threshold", "3");
    onnx_property(&file, "tumorclass.selftest", "1,2,3");
    onnx_input(&file, "scan", 5, (int64_t[]){ 1, 1, 6, 7, 8 });
    struct bytes kernel = onnx_tensor_bytes("kernel", ONNX_FLOAT, 5, (int64_t[]){ 2, 1, 1, 1, 2 });
    if (external)
        onnx_external(&kernel, external, "", "");
    else
        field_bytes(&kernel, 9, dense, 16);
    field_message(&file.graph, 5, kernel);
    onnx_floats(&file, "ones", 1, (int64_t[]){ 2 }, ones);
    onnx_floats(&file, "dense", 2, (int64_t[]){ 3, 2 }, dense);
    onnx_floats(&file, "bias", 1, (int64_t[]){ 3 }, ones);
    onnx_node(&file, "Conv", "conv", "scan,kernel", "a");
    onnx_ints_attribute(&file, "strides", 3, (int64_t[]){ 2, 2, 2 });
    onnx_ints_attribute(&file, "pads", 6, (int64_t[]){ 0, 0, 1, 0, 0, 1 });
    onnx_node(&file, "InstanceNormalization", "norm", "a,ones,ones", "b");
    onnx_node(&file, "LeakyRelu", "relu", "b", "c");
    onnx_float_attribute(&file, "alpha", 0.3f);
    onnx_node(&file, "Add", "sum", "a,c", "d");
    onnx_node(&file, "GlobalAveragePool", "pool", "d", "e");
    onnx_node(&file, "Flatten", "flat", "e", "f");
    onnx_node(&file, "Gemm", "head", "f,dense,bias", "logits");
    onnx_int_attribute(&file, "transB", 1);
    onnx_output(&file, "logits", 2, (int64_t[]){ 1, 3 });
    return onnx_finish(&file);
}

#endif
