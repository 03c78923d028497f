#include "support.h"
#include <string.h>
#include <sys/stat.h>
#include "unit/onnx_bytes.h"
#include "base/library_path.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "model/model.h"

/* conv 3x3x3 of 1 to 2 channels, ReLU, global average, dense layer to 3 classes; shapes as given. */
static void add_network(struct onnx_file *file, size_t rank, const int64_t *input)
{
    float kernel[2 * 27], dense[3 * 2];
    for (int i = 0; i < 54; i++) kernel[i] = 0.01f * (float)(i - 20);
    for (int i = 0; i < 6; i++) dense[i] = 0.5f * (float)i - 1;
    onnx_input(file, "scan", rank, input);
    onnx_floats(file, "kernel", 5, (int64_t[]){ 2, 1, 3, 3, 3 }, kernel);
    onnx_floats(file, "dense", 2, (int64_t[]){ 3, 2 }, dense);
    onnx_floats(file, "bias", 1, (int64_t[]){ 3 }, dense);
    onnx_node(file, "Conv", "conv", "scan,kernel", "a");
    onnx_ints_attribute(file, "pads", 6, (int64_t[]){ 1, 1, 1, 1, 1, 1 });
    onnx_node(file, "Relu", "relu", "a", "b");
    onnx_node(file, "GlobalAveragePool", "pool", "b", "c");
    onnx_node(file, "Flatten", "flat", "c", "d");
    onnx_node(file, "Gemm", "head", "d,dense,bias", "logits");
    onnx_int_attribute(file, "transB", 1);
    onnx_output(file, "logits", 2, (int64_t[]){ 1, 3 });
}

static const int64_t fixed[] = { 1, 1, 6, 7, 8 }, open_space[] = { -1, 1, -1, -1, -1 };

static struct bytes small_model(const int64_t *input)
{
    struct onnx_file file = onnx_file(13);
    onnx_property(&file, "tumorclass.schema", "1");
    onnx_property(&file, "tumorclass.classes", "glioma,metastasis,healthy");
    onnx_property(&file, "tumorclass.class_codes", "GLI,METS,HLTH");
    add_network(&file, 5, input);
    return onnx_finish(&file);
}

static void assert_sentence(const char *part)
{
    ck_assert_msg(strstr(tumorclass_last_error(), part) != NULL, "'%s' is not in '%s'", part, tumorclass_last_error());
}

static tumorclass_status load(struct bytes bytes, const tumorclass_model_options *options)
{
    tumorclass_model *model = (tumorclass_model *)&bytes;
    const tumorclass_status status = tumorclass_model_load_memory(&model, bytes.data, bytes.size, options);
    ck_assert_int_eq(model != NULL, status == TUMORCLASS_OK);
    tumorclass_model_free(model);
    bytes_free(&bytes);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
    return status;
}

START_TEST(a_model_says_what_it_is)
{
    struct bytes bytes = small_model(fixed);
    tumorclass_model *model;
    ck_assert_int_eq(tumorclass_model_load_memory(&model, bytes.data, bytes.size, NULL), TUMORCLASS_OK);
    char hex[65];
    sha256(hex, bytes.data, bytes.size);
    memset(bytes.data, 0xff, bytes.size); /* it was copied */
    ck_assert_str_eq(tumorclass_model_sha256(model), hex);
    ck_assert_str_eq(tumorclass_model_name(model), "");

    int64_t shape[3];
    tumorclass_model_input_shape(model, shape);
    ck_assert_mem_eq(shape, fixed + 2, sizeof shape);
    ck_assert_int_eq(tumorclass_model_class_count(model), 3);
    ck_assert_str_eq(tumorclass_model_class_name(model, 1), "metastasis");
    ck_assert_str_eq(tumorclass_model_class_code(model, 2), "HLTH");
    ck_assert_ptr_null(tumorclass_model_class_name(model, 3));
    ck_assert_ptr_null(tumorclass_model_class_code(model, -1));
    ck_assert_int_eq(tumorclass_model_class_index(model, "gli"), 0);
    ck_assert_int_eq(tumorclass_model_class_index(model, "Healthy"), 2);
    ck_assert_int_eq(tumorclass_model_class_index(model, "heart"), -1);
    ck_assert_int_eq(tumorclass_model_class_index(model, NULL), -1);

    size_t count;
    const tumorclass_property *metadata = tumorclass_model_metadata(model, &count);
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(metadata[0].key, "tumorclass.schema");
    ck_assert_str_eq(metadata[2].value, "GLI,METS,HLTH");
    tumorclass_model_free(model);
    bytes_free(&bytes);
}
END_TEST

START_TEST(facts_are_those_of_the_file)
{
    static const char *const expected[][2] = {
        { "format", "ONNX, operator set 13" },
        { "producer", "libtumorclass tests" },
        { "input", "1 x 1 x 6 x 7 x 8" },
        { "output", "1 x 3" },
        { "operators", "Conv 1, Relu 1, GlobalAveragePool 1, Flatten 1, Gemm 1" },
        { "parameters", "63" },         /* 2 * 27 + 3 * 2 + 3 */
        { "multiplications", "18150" }, /* 2 * 336 outputs of 27 products each, and 3 of 2 */
        { "features", "1 x 2 x 6 x 7 x 8" },
        { "attention levels", "6 x 7 x 8 (default)" },
    };
    struct bytes bytes = small_model(fixed);
    tumorclass_model *model;
    size_t count;
    ck_assert_int_eq(tumorclass_model_load_memory(&model, bytes.data, bytes.size, NULL), TUMORCLASS_OK);
    const tumorclass_property *facts = tumorclass_model_facts(model, &count);
    ck_assert_uint_eq(count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < count; i++) {
        ck_assert_str_eq(facts[i].key, expected[i][0]);
        ck_assert_str_eq(facts[i].value, expected[i][1]);
    }
    tumorclass_model_free(model);
    bytes_free(&bytes);
}
END_TEST

START_TEST(the_last_user_frees_the_model)
{
    struct bytes bytes = small_model(fixed);
    tumorclass_model *model;
    ck_assert_int_eq(tumorclass_model_load_memory(&model, bytes.data, bytes.size, NULL), TUMORCLASS_OK);
    ck_assert_ptr_eq(model_retain(model), model);
    tumorclass_model_free(model);
    ck_assert_int_eq(tumorclass_model_class_count(model), 3);
    tumorclass_model_free(model);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
    tumorclass_model_free(NULL);
    bytes_free(&bytes);
}
END_TEST

START_TEST(arguments_are_checked)
{
    tumorclass_model *model = (tumorclass_model *)"";
    tumorclass_model_options options = TUMORCLASS_MODEL_OPTIONS_INIT;
    ck_assert_int_eq(tumorclass_model_load(NULL, "x", NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_int_eq(tumorclass_model_load_memory(NULL, "x", 1, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_int_eq(tumorclass_model_load_memory(&model, NULL, 1, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_ptr_null(model);
    options.shape[1] = 5;
    ck_assert_int_eq(tumorclass_model_load(&model, "x", &options), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_str_eq(tumorclass_last_error(), "options.shape[0] is 0, not in 1 to 4096");
    options.struct_size = 3;
    ck_assert_int_eq(tumorclass_model_load(&model, "x", &options), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_int_eq(tumorclass_model_load(&model, "/no/such/model.onnx", NULL), TUMORCLASS_IO_ERROR);
    ck_assert_str_eq(tumorclass_last_error(), "model.onnx cannot be opened: No such file or directory");
}
END_TEST

START_TEST(an_open_shape_is_filled_by_options_or_metadata)
{
    tumorclass_model_options options = TUMORCLASS_MODEL_OPTIONS_INIT;
    struct bytes bytes = small_model(open_space);
    tumorclass_model *model;
    int64_t shape[3];
    memcpy(options.shape, (int64_t[]){ 9, 10, 11 }, sizeof options.shape);
    ck_assert_int_eq(tumorclass_model_load_memory(&model, bytes.data, bytes.size, &options), TUMORCLASS_OK);
    tumorclass_model_input_shape(model, shape);
    ck_assert_mem_eq(shape, options.shape, sizeof shape);
    tumorclass_model_free(model);
    bytes_free(&bytes);

    struct onnx_file file = onnx_file(13);
    onnx_property(&file, "tumorclass.input.shape", "4,5,6");
    add_network(&file, 5, open_space);
    bytes = onnx_finish(&file);
    ck_assert_int_eq(tumorclass_model_load_memory(&model, bytes.data, bytes.size, NULL), TUMORCLASS_OK);
    tumorclass_model_input_shape(model, shape);
    ck_assert_mem_eq(shape, ((int64_t[]){ 4, 5, 6 }), sizeof shape);
    tumorclass_model_free(model);
    ck_assert_int_eq(tumorclass_model_load_memory(&model, bytes.data, bytes.size, &options), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_str_eq(tumorclass_last_error(), "options.shape is 9 x 10 x 11, but the model's input is 4 x 5 x 6");
    bytes_free(&bytes);
    ck_assert_int_ne(load(small_model(open_space), NULL), TUMORCLASS_OK);
    ck_assert_int_eq(load(small_model(fixed), &options), TUMORCLASS_BAD_ARGUMENT);
}
END_TEST

static tumorclass_status load_with_input(size_t rank, const int64_t *input, int64_t channels)
{
    struct onnx_file file = onnx_file(13);
    float kernel[4 * 27] = { 1 };
    const int64_t kernel_shape[] = { 2, channels, 3, 3, 3 };
    onnx_input(&file, "scan", rank, input);
    onnx_floats(&file, "kernel", rank, kernel_shape, kernel);
    onnx_node(&file, "Conv", "conv", "scan,kernel", "a");
    onnx_node(&file, "GlobalAveragePool", "pool", "a", "c");
    onnx_node(&file, "Flatten", "flat", "c", "logits");
    onnx_output(&file, "logits", 2, (int64_t[]){ 1, 2 });
    return load(onnx_finish(&file), NULL);
}

START_TEST(what_is_no_classifier_of_scans_is_refused)
{
    ck_assert_int_eq(load_with_input(5, (int64_t[]){ 1, 1, 6, 7, 8 }, 1), TUMORCLASS_OK);
    ck_assert_int_eq(load_with_input(5, (int64_t[]){ 1, 2, 6, 7, 8 }, 2), TUMORCLASS_UNSUPPORTED);
    ck_assert_str_eq(tumorclass_last_error(),
                     "its input 'scan' is 1 x 2 x 6 x 7 x 8, a classifier of scans has 1 x 1 x D x H x W");
    ck_assert_int_eq(load_with_input(4, (int64_t[]){ 1, 1, 6, 7 }, 1), TUMORCLASS_UNSUPPORTED);
    assert_sentence("its input 'scan' is 1 x 1 x 6 x 7, a");
    ck_assert_int_eq(load_with_input(5, (int64_t[]){ 3, 1, 6, 7, 8 }, 1), TUMORCLASS_UNSUPPORTED);
    assert_sentence("3 x 1 x 6 x 7 x 8");

    struct onnx_file file = onnx_file(13);
    onnx_input(&file, "scan", 5, fixed);
    onnx_node(&file, "Relu", "relu", "scan", "map");
    onnx_output(&file, "map", 5, fixed);
    ck_assert_int_eq(load(onnx_finish(&file), NULL), TUMORCLASS_UNSUPPORTED);
    assert_sentence("is 1 x 1 x 6 x 7 x 8, a classifier of scans has 1 x classes");
}
END_TEST

START_TEST(metadata_that_does_not_fit_is_refused)
{
    struct onnx_file file = onnx_file(13);
    onnx_property(&file, "tumorclass.classes", "a,b");
    add_network(&file, 5, fixed);
    ck_assert_int_eq(load(onnx_finish(&file), NULL), TUMORCLASS_BAD_MODEL);
    assert_sentence("the metadata names 2 classes, the model has 3 outputs");
    file = onnx_file(13);
    onnx_property(&file, "tumorclass.norm", "?");
    add_network(&file, 5, fixed);
    ck_assert_int_eq(load(onnx_finish(&file), NULL), TUMORCLASS_BAD_MODEL);
    assert_sentence("tumorclass.norm is \"?\"");
}
END_TEST

/* `centres` of a model with an embedding of two features. */
static tumorclass_status load_with_cloud(const char *centres, const char *deviations, bool pooled)
{
    struct onnx_file file = onnx_file(13);
    onnx_property(&file, "tumorclass.ood.centres", centres);
    onnx_property(&file, "tumorclass.ood.deviations", deviations);
    onnx_property(&file, "tumorclass.ood.threshold", "2");
    if (pooled) {
        add_network(&file, 5, fixed);
    } else {
        float dense[3 * 336] = { 1 };
        onnx_input(&file, "scan", 5, fixed);
        onnx_floats(&file, "dense", 2, (int64_t[]){ 3, 336 }, dense);
        onnx_node(&file, "Flatten", "flat", "scan", "all");
        onnx_node(&file, "Gemm", "head", "all,dense", "logits");
        onnx_int_attribute(&file, "transB", 1);
        onnx_output(&file, "logits", 2, (int64_t[]){ 1, 3 });
    }
    return load(onnx_finish(&file), NULL);
}

START_TEST(training_cloud_has_the_features_of_the_embedding)
{
    ck_assert_int_eq(load_with_cloud("1,2", "1,1", true), TUMORCLASS_OK);
    ck_assert_int_eq(load_with_cloud("1,2;3,4;5,6", "1,1", true), TUMORCLASS_OK);
    ck_assert_int_eq(load_with_cloud("1,2,3", "1,1,1", true), TUMORCLASS_BAD_MODEL);
    assert_sentence("a row of tumorclass.ood.centres has 3 numbers, the model's embedding 2");
    ck_assert_int_eq(load_with_cloud("1,2", "1,1", false), TUMORCLASS_BAD_MODEL);
    assert_sentence("the model has no global average pool");
}
END_TEST

/* A model in a folder of its own, with or without its kernel in a file beside it. */
struct files {
    char folder[64], model[96], weights[96];
};

static void write_files(struct files *files, struct bytes bytes, const void *weights, size_t size)
{
    strcpy(files->folder, "/tmp/tumorclass-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(files->folder));
    snprintf(files->model, sizeof files->model, "%s/small.onnx", files->folder);
    snprintf(files->weights, sizeof files->weights, "%s/weights.bin", files->folder);
    ck_assert_int_eq(tumorclass_write_file(files->model, bytes.data, bytes.size), TUMORCLASS_OK);
    if (size) ck_assert_int_eq(tumorclass_write_file(files->weights, weights, size), TUMORCLASS_OK);
    bytes_free(&bytes);
}

static void remove_files(const struct files *files)
{
    unlink(files->model);
    unlink(files->weights);
    ck_assert_int_eq(rmdir(files->folder), 0);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
}

START_TEST(a_file_is_named_by_its_base_name)
{
    struct files files;
    tumorclass_model *model;
    write_files(&files, small_model(fixed), NULL, 0);
    ck_assert_int_eq(tumorclass_model_load(&model, files.model, NULL), TUMORCLASS_OK);
    ck_assert_str_eq(tumorclass_model_name(model), "small.onnx");
    tumorclass_model_free(model);

    ck_assert_int_eq(chdir(files.folder), 0);
    ck_assert_int_eq(tumorclass_model_load(&model, "small.onnx", NULL), TUMORCLASS_OK);
    tumorclass_model_free(model);
    ck_assert_int_eq(chdir("/"), 0);

    tumorclass_model_options options = TUMORCLASS_MODEL_OPTIONS_INIT;
    options.max_bytes = 100;
    ck_assert_int_eq(tumorclass_model_load(&model, files.model, &options), TUMORCLASS_LIMIT);
    assert_sentence("small.onnx: has ");
    ck_assert_int_eq(tumorclass_write_file(files.model, "\x3a\x05", 2), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_model_load(&model, files.model, NULL), TUMORCLASS_BAD_MODEL);
    assert_sentence("small.onnx: field 7 has 5 bytes");
    remove_files(&files);
}
END_TEST

static struct bytes model_with_external_kernel(void)
{
    struct onnx_file file = onnx_file(13);
    const float dense[4] = { 1, 0, 0, 1 };
    struct bytes kernel = onnx_tensor_bytes("kernel", ONNX_FLOAT, 5, (int64_t[]){ 2, 1, 3, 3, 3 });
    onnx_external(&kernel, "weights.bin", "8", "216");
    field_message(&file.graph, 5, kernel);
    onnx_input(&file, "scan", 5, fixed);
    onnx_floats(&file, "dense", 2, (int64_t[]){ 2, 2 }, dense);
    onnx_node(&file, "Conv", "conv", "scan,kernel", "a");
    onnx_node(&file, "GlobalAveragePool", "pool", "a", "c");
    onnx_node(&file, "Flatten", "flat", "c", "d");
    onnx_node(&file, "Gemm", "head", "d,dense", "logits");
    onnx_output(&file, "logits", 2, (int64_t[]){ 1, 2 });
    return onnx_finish(&file);
}

START_TEST(external_weights_lie_beside_the_file_and_outlive_it)
{
    struct files files;
    tumorclass_model *model;
    float weights[56];
    for (int i = 0; i < 56; i++) weights[i] = (float)i;
    write_files(&files, model_with_external_kernel(), weights, sizeof weights);
    ck_assert_int_eq(tumorclass_model_load(&model, files.model, NULL), TUMORCLASS_OK);
    unlink(files.weights);
    const int32_t kernel = graph_find(&model->graph, "kernel");
    ck_assert_int_ne(kernel, NO_VALUE);
    ck_assert_mem_eq(model->graph.values[kernel].constant, weights + 2, 216);
    tumorclass_model_free(model);

    ck_assert_int_eq(tumorclass_model_load(&model, files.model, NULL), TUMORCLASS_IO_ERROR);
    assert_sentence("small.onnx: ");
    assert_sentence("kernel lies in the file \"weights.bin\"");
    remove_files(&files);
    ck_assert_int_eq(load(model_with_external_kernel(), NULL), TUMORCLASS_BAD_MODEL);
    assert_sentence("a model in memory has no folder");
}
END_TEST

START_TEST(the_limit_counts_external_weights)
{
    struct files files;
    tumorclass_model *model;
    tumorclass_model_options options = TUMORCLASS_MODEL_OPTIONS_INIT;
    const float weights[56] = { 0 };
    struct bytes bytes = model_with_external_kernel();
    write_files(&files, bytes, weights, sizeof weights);
    struct stat about;
    ck_assert_int_eq(stat(files.model, &about), 0);
    options.max_bytes = (uint64_t)about.st_size + 1000;
    ck_assert_int_eq(tumorclass_model_load(&model, files.model, &options), TUMORCLASS_OK);
    tumorclass_model_free(model);
    remove_files(&files);

    struct onnx_file file = onnx_file(13); /* one small file, mentioned over and over */
    onnx_input(&file, "scan", 5, fixed);
    for (int i = 0; i < 200; i++) {
        char name[16], chain[40];
        struct bytes kernel;
        snprintf(name, sizeof name, "k%d", i);
        kernel = onnx_tensor_bytes(name, ONNX_FLOAT, 5, (int64_t[]){ 1, 1, 3, 3, 6 });
        onnx_external(&kernel, "weights.bin", "8", "216");
        field_message(&file.graph, 5, kernel);
        snprintf(chain, sizeof chain, i ? "y%d,%s" : "scan,k0", i - 1, name);
        snprintf(name, sizeof name, "y%d", i);
        onnx_node(&file, "Conv", name, chain, name);
        onnx_text_attribute(&file, "auto_pad", "SAME_UPPER");
    }
    onnx_output(&file, "y199", 5, fixed);
    bytes = onnx_finish(&file);
    options.max_bytes = bytes.size + 1000;
    ck_assert_uint_lt(options.max_bytes, 200 * 216);
    write_files(&files, bytes, weights, sizeof weights);
    ck_assert_int_eq(tumorclass_model_load(&model, files.model, &options), TUMORCLASS_LIMIT);
    remove_files(&files);
}
END_TEST

START_TEST(a_library_knows_its_folder)
{
    char *path = library_path("../x");
    ck_assert_ptr_nonnull(path);
    const char *end = strstr(path, "../x");
    ck_assert_ptr_nonnull(end);
    ck_assert(end == path || end[-1] == '/');
    char folder[4096];
    snprintf(folder, sizeof folder, "%.*s.", (int)(end - path), path);
    ck_assert_int_eq(access(folder, X_OK), 0);
    memory_free(path);
}
END_TEST

/* Load what may be anything: it loads, or says why not. */
static void load_anything(const unsigned char *data, size_t size)
{
    unsigned char *copy = malloc(size + !size);
    tumorclass_model *model;
    memcpy(copy, data, size);
    const tumorclass_status status = tumorclass_model_load_memory(&model, copy, size, NULL);
    free(copy);
    ck_assert_int_eq(model != NULL, status == TUMORCLASS_OK);
    tumorclass_model_free(model);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
}

START_TEST(a_file_cut_short_anywhere_is_refused)
{
    struct bytes bytes = small_model(fixed);
    for (size_t size = 0; size < bytes.size; size++) {
        tumorclass_model *model;
        load_anything(bytes.data, size);
        ck_assert_int_eq(tumorclass_model_load_memory(&model, bytes.data, size, NULL), TUMORCLASS_BAD_MODEL);
    }
    bytes_free(&bytes);
}
END_TEST

START_TEST(a_file_with_bytes_changed_does_no_harm)
{
    const unsigned seed = 20240608;
    printf("seed %u\n", seed);
    srand(seed);
    struct bytes bytes = small_model(fixed);
    for (size_t i = 0; i < bytes.size; i++) {
        const unsigned char kept = bytes.data[i];
        for (int bit = 0; bit < 8; bit++) {
            bytes.data[i] = (unsigned char)(kept ^ 1 << bit);
            load_anything(bytes.data, bytes.size);
        }
        bytes.data[i] = kept;
    }
    for (int round = 0; round < 5000; round++) {
        struct bytes changed = { 0 };
        bytes_append(&changed, bytes.data, bytes.size);
        for (int k = 0; k < 1 + rand() % 4; k++) changed.data[(size_t)rand() % changed.size] = (unsigned char)rand();
        load_anything(changed.data, changed.size);
        bytes_free(&changed);
    }
    bytes_free(&bytes);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    struct files files;
    tumorclass_model *model;
    write_files(&files, small_model(fixed), NULL, 0);
    int64_t nth = 1;
    for (;; nth++) {
        memory_fail_at(nth);
        const tumorclass_status status = tumorclass_model_load(&model, files.model, NULL);
        memory_fail_at(0);
        tumorclass_model_free(model);
        ck_assert_int_eq(memory_blocks_in_use(), 0);
        if (status == TUMORCLASS_OK) break;
        ck_assert_int_eq(status, TUMORCLASS_OUT_OF_MEMORY);
        assert_sentence("no memory");
    }
    ck_assert_int_gt(nth, 40);
    remove_files(&files);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("model");
    tcase_set_timeout(cases, 300);
    tcase_add_test(cases, a_model_says_what_it_is);
    tcase_add_test(cases, facts_are_those_of_the_file);
    tcase_add_test(cases, the_last_user_frees_the_model);
    tcase_add_test(cases, arguments_are_checked);
    tcase_add_test(cases, an_open_shape_is_filled_by_options_or_metadata);
    tcase_add_test(cases, what_is_no_classifier_of_scans_is_refused);
    tcase_add_test(cases, metadata_that_does_not_fit_is_refused);
    tcase_add_test(cases, training_cloud_has_the_features_of_the_embedding);
    tcase_add_test(cases, a_file_is_named_by_its_base_name);
    tcase_add_test(cases, external_weights_lie_beside_the_file_and_outlive_it);
    tcase_add_test(cases, the_limit_counts_external_weights);
    tcase_add_test(cases, a_library_knows_its_folder);
    tcase_add_test(cases, a_file_cut_short_anywhere_is_refused);
    tcase_add_test(cases, a_file_with_bytes_changed_does_no_harm);
    tcase_add_test(cases, every_allocation_may_fail);
    Suite *suite = suite_create("model");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
