/* seeds FOLDER: writes the files of corpus/ that mutation starts from; those named crash-* are finds, and are kept. */
#include <string.h>
#include <sys/stat.h>
#include "base/files.h"
#include "base/memory.h"
#include "fuzz.h"
#include "image/gzip.h"
#include "mutate_gzip.h"
#include "random.h"
#include "tiny_model.h"
#include "unit/test_image_files.h"

static const char *root;

static void put_seed(const char *target, const char *name, const void *data, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, target);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", root, target, name);
    promise(tumorclass_write_file(path, data, size) == TUMORCLASS_OK, "a seed can be written");
}

static void nifti_seeds(void)
{
    static const char *const names[] = { "version-1", "version-1-swapped", "version-2", "version-2-swapped" };
    for (int n = 0; n < 4; n++) {
        struct nifti_file file = make_file(1 + n / 2, n % 2);
        void *stream;
        size_t size;
        put_seed("nifti", names[n], file.bytes, file.size);
        promise(gzip_deflate(&stream, &size, file.bytes, file.size) == TUMORCLASS_OK, "a small file can be compressed");
        put_seed("gzip", names[n], stream, size);
        memory_free(stream);
        if (n == 3) file.bytes[5] = 'i'; /* of a pair: no bytes between header and voxels */
        if (n == 0) file.bytes[345] = 'i';
        set(&file, VOX_OFFSET, 0);
        if (n == 0) put_seed("nifti", "pair-1", file.bytes, file.size);
        if (n == 3) put_seed("nifti", "pair-2", file.bytes, file.size);
    }
}

static void many_members(void)
{
    const struct nifti_file file = make_file(1, false);
    uint8_t stream[4096];
    for (uint64_t seed = 1; seed < 5; seed++) {
        char name[32];
        memcpy(stream, file.bytes, file.size);
        snprintf(name, sizeof name, "changed-%d", (int)seed);
        put_seed("gzip", name, stream, mutate_gzip(stream, file.size, sizeof stream, seed));
    }
}

/* Shapes left open, and computed in the graph. */
static struct bytes open_network(void)
{
    struct onnx_file file = onnx_file(13);
    onnx_property(&file, "tumorclass.input.shape", "8,6,4");
    onnx_input(&file, "x", 5, (int64_t[]){ -1, 1, -1, -1, -1 });
    onnx_floats(&file, "w", 5, (int64_t[]){ 2, 1, 1, 1, 1 }, (float[]){ 1, -1 });
    onnx_integers(&file, "axes", 1, (int64_t[]){ 3 }, (int64_t[]){ 2, 3, 4 });
    onnx_integers(&file, "ends", 1, (int64_t[]){ 1 }, (int64_t[]){ 1 });
    onnx_node(&file, "Conv", "a", "x,w", "a");
    onnx_node(&file, "MaxPool", "b", "a", "b");
    onnx_ints_attribute(&file, "kernel_shape", 3, (int64_t[]){ 2, 2, 2 });
    onnx_ints_attribute(&file, "strides", 3, (int64_t[]){ 2, 2, 2 });
    onnx_node(&file, "Sigmoid", "c", "b", "c");
    onnx_node(&file, "Mul", "d", "b,c", "d");
    onnx_node(&file, "Concat", "e", "d,b", "e");
    onnx_int_attribute(&file, "axis", 1);
    onnx_node(&file, "ReduceMean", "f", "e", "f");
    onnx_ints_attribute(&file, "axes", 3, (int64_t[]){ 2, 3, 4 });
    onnx_node(&file, "Shape", "g", "f", "g");
    onnx_node(&file, "Slice", "h", "g,first,ends", "h");
    onnx_integers(&file, "first", 1, (int64_t[]){ 1 }, (int64_t[]){ 0 });
    onnx_node(&file, "Constant", "i", "", "i");
    onnx_tensor_attribute(&file, "value", onnx_raw_tensor("t", ONNX_INT64, 1, (int64_t[]){ 1 }, "\4\0\0\0\0\0\0", 8));
    onnx_node(&file, "Concat", "j", "h,i", "j");
    onnx_int_attribute(&file, "axis", 0);
    onnx_node(&file, "Reshape", "k", "f,j", "k");
    onnx_node(&file, "Softmax", "l", "k", "l");
    onnx_output(&file, "l", 2, (int64_t[]){ -1, 4 });
    return onnx_finish(&file);
}

static void onnx_seeds(void)
{
    struct bytes bytes = tiny_model(NULL);
    put_seed("onnx", "tiny", bytes.data, bytes.size);
    bytes_free(&bytes);
    bytes = open_network();
    put_seed("onnx", "open", bytes.data, bytes.size);
    bytes_free(&bytes);
}

static void metadata_seeds(void)
{
    static const char all[] = "tumorclass.schema=1\ntumorclass.classes=glioma,metastasis,healthy\n"
                              "tumorclass.class_codes=GLI,METS,HLTH\ntumorclass.input.orientation=RAS\n"
                              "tumorclass.input.grid=spacing 1,1.5,2e0\ntumorclass.input.shape=8,9,10\n"
                              "tumorclass.input.stripped=yes\ntumorclass.norm=percentile 0.5,99.5 clip\n"
                              "tumorclass.background=-1.25e-3\ntumorclass.cam.layer=conv\n"
                              "tumorclass.calibration.temperature=1.5\ntumorclass.trained=no\nother=\n"
                              "tumorclass.cam.fine_layer=c\ntumorclass.calibration.coverage=0.9\n"
                              "tumorclass.calibration.conformal=0.8,0.7,0.6\ntumorclass.calibration.abstain=0.4\n"
                              "tumorclass.ood.centres=0.5,1;0,0;1,2\ntumorclass.ood.deviations=1,0.5\n"
                              "tumorclass.ood.threshold=3\ntumorclass.selftest=1,2,3\n";
    put_seed("metadata", "all", all, sizeof all - 1);
    put_seed("metadata", "stretch", "tumorclass.input.grid=stretch\ntumorclass.norm=zscore", 52);
}

static void volume_seeds(void)
{
    struct random random = { 1 };
    for (int n = 0; n < 12; n++) {
        static const uint8_t identity[12] = { 124, 120, 120, 100, 120, 128, 120, 110, 120, 120, 116, 120 };
        uint8_t bytes[160] = {
            (uint8_t)(n % 4), (uint8_t)(n % 3), (uint8_t)(1 + n % 11), 0, (uint8_t)(7 * n), 7, 8, 9, 124, 120, 0
        };
        char name[16];
        memcpy(bytes + 11, identity, sizeof identity);
        for (size_t i = 23; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i % 3 ? choose(&random, 200) : 0);
        snprintf(name, sizeof name, "type-%d", 1 + n);
        put_seed("volume", name, bytes, sizeof bytes);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    root = argv[1];
    nifti_seeds();
    many_members();
    onnx_seeds();
    metadata_seeds();
    volume_seeds();
    return 0;
}
