#include "model/model.h"
#include "model/facts.h"
#include "model/trust.h"
#include "base/library_path.h"
#include "base/memory.h"
#include "base/sha256.h"
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static const uint64_t default_max_bytes = UINT64_C(2) << 30;
enum { MAX_EXTENT = 4096 };

/* ---- From an ONNX file to a model ---- */

static tumorclass_status fail_shape(const struct tumorclass_model *model, int32_t value, const char *what,
                                    const char *wanted)
{
    char text[160];
    shape_text(text, sizeof text, &model->graph.values[value].shape);
    return fail(TUMORCLASS_UNSUPPORTED, "its %s '%.100s' is %s, a classifier of scans has %s", what,
                model->graph.values[value].name, text, wanted);
}

/* One scan of one channel in, one row of classes out. */
static tumorclass_status check_shapes(const struct tumorclass_model *model)
{
    const struct graph *graph = &model->graph;
    const struct shape *input = &graph->values[graph->input].shape, *output = &graph->values[graph->output].shape;
    if (input->rank != 5 || input->extent[0] != 1 || input->extent[1] != 1)
        return fail_shape(model, graph->input, "input", "1 x 1 x D x H x W");
    if (output->rank != 2 || output->extent[0] != 1) return fail_shape(model, graph->output, "output", "1 x classes");
    return TUMORCLASS_OK;
}

/* options.shape is for a file that leaves its shape open: a file that does not may only agree. */
static tumorclass_status check_wish(const int64_t wish[3], const int64_t shape[3])
{
    if (!wish[0] || !memcmp(wish, shape, 3 * sizeof *shape)) return TUMORCLASS_OK;
    return fail(TUMORCLASS_BAD_ARGUMENT,
                "options.shape is %" PRId64 " x %" PRId64 " x %" PRId64 ", but the model's input is %" PRId64
                " x %" PRId64 " x %" PRId64,
                wish[0], wish[1], wish[2], shape[0], shape[1], shape[2]);
}

static int64_t embedding_width(const struct graph *graph)
{
    return graph->embedding == NO_VALUE ? 0 : shape_count(&graph->values[graph->embedding].shape);
}

static tumorclass_status build(struct tumorclass_model *model, const struct onnx_model *onnx, const char *folder,
                               const tumorclass_model_options *options)
{
    tumorclass_status status = metadata_read(&model->metadata, onnx);
    if (status != TUMORCLASS_OK) return status;

    struct graph_options graph_options = {
        folder, options->max_bytes, { 0, 0, 0 }, model->metadata.features, model->metadata.fine
    };
    const int64_t *named = model->metadata.preprocess.shape;
    memcpy(graph_options.shape, named[0] ? named : options->shape, sizeof graph_options.shape);
    status = graph_build(&model->graph, onnx, &graph_options);
    if (status == TUMORCLASS_OK) status = check_shapes(model);
    if (status != TUMORCLASS_OK) return status;

    const struct graph *graph = &model->graph;
    const int64_t *shape = graph->values[graph->input].shape.extent + 2;
    status = metadata_fit(&model->metadata, shape, graph->values[graph->output].shape.extent[1]);
    if (status == TUMORCLASS_OK) status = trust_fit_embedding(&model->metadata, embedding_width(graph));
    if (status == TUMORCLASS_OK) status = check_wish(options->shape, shape);
    if (status == TUMORCLASS_OK) status = facts_collect(model, onnx); /* of the network as its author knows it */
    if (status == TUMORCLASS_OK) status = graph_fuse(&model->graph);
    if (status == TUMORCLASS_OK) status = graph_find_levels(&model->graph);
    if (status == TUMORCLASS_OK) facts_add_levels(model);
    return status;
}

static tumorclass_status read_model(struct tumorclass_model *model, const void *data, size_t size, const char *folder,
                                    const tumorclass_model_options *options)
{
    struct onnx_model onnx;
    sha256(model->sha256, data, size);
    tumorclass_status status = onnx_read(&onnx, data, size);
    if (status == TUMORCLASS_OK) status = build(model, &onnx, folder, options);
    onnx_free(&onnx);
    return status;
}

/* ---- Loading ---- */

static tumorclass_status read_model_options(tumorclass_model_options *options, const tumorclass_model_options *given)
{
    const tumorclass_status status = read_options(options, given, sizeof *options, "model_options");
    if (status != TUMORCLASS_OK) return status;
    if (!options->max_bytes) options->max_bytes = default_max_bytes;

    const int64_t *shape = options->shape;
    const bool none = !shape[0] && !shape[1] && !shape[2];
    for (int i = 0; i < 3; i++)
        if (!none && (shape[i] < 1 || shape[i] > MAX_EXTENT))
            return fail(TUMORCLASS_BAD_ARGUMENT, "options.shape[%d] is %" PRId64 ", not in 1 to %d", i, shape[i],
                        MAX_EXTENT);
    return TUMORCLASS_OK;
}

static tumorclass_model *create_model(const char *name)
{
    tumorclass_model *model = memory_zeroed(1, sizeof *model);
    if (!model) return NULL;
    atomic_init(&model->references, 1);
    model->name = memory_string(name);
    if (model->name) return model;
    memory_free(model);
    return NULL;
}

/* The part of a path before the name; "." if there is none. */
static char *folder_of(const char *path)
{
    const size_t length = (size_t)(base_name(path) - path);
    return length ? memory_substring(path, length) : memory_string(".");
}

static tumorclass_status load_file(tumorclass_model **model, const char *path, const tumorclass_model_options *options)
{
    tumorclass_model *m = create_model(base_name(path));
    char *folder = folder_of(path);
    tumorclass_status status = m && folder ? TUMORCLASS_OK : fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a model");
    size_t size;
    if (status == TUMORCLASS_OK)
        status = file_load(&m->bytes, &size, path,
                           options->max_bytes < SIZE_MAX ? (size_t)options->max_bytes : SIZE_MAX);
    if (status == TUMORCLASS_OK) {
        status = read_model(m, m->bytes, size, folder, options);
        if (status != TUMORCLASS_OK) fail_within(status, "%s", m->name);
    }
    memory_free(folder);
    if (status != TUMORCLASS_OK) {
        tumorclass_model_free(m);
        return status;
    }
    *model = m;
    return TUMORCLASS_OK;
}

/* Beside the library, wherever that was moved to; else where it was installed. */
char *model_place(int32_t index)
{
    return index ? memory_string(TUMORCLASS_MODEL_PATH) : library_path(TUMORCLASS_MODEL_RELATIVE);
}

static tumorclass_status load_shipped(tumorclass_model **model, const tumorclass_model_options *options)
{
    char *path = model_place(0);
    if (path && access(path, R_OK) != 0) {
        memory_free(path);
        path = model_place(1);
    }
    if (!path) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the path of the model that ships with the library");
    const tumorclass_status status = load_file(model, path, options);
    memory_free(path);
    return status == TUMORCLASS_OK ? status : fail_within(status, "the model that ships with the library");
}

tumorclass_status tumorclass_model_load(tumorclass_model **model, const char *path,
                                        const tumorclass_model_options *options)
{
    if (!model) return fail(TUMORCLASS_BAD_ARGUMENT, "model is NULL");
    *model = NULL;
    tumorclass_model_options known;
    const tumorclass_status status = read_model_options(&known, options);
    if (status != TUMORCLASS_OK) return status;
    return path ? load_file(model, path, &known) : load_shipped(model, &known);
}

tumorclass_status tumorclass_model_load_memory(tumorclass_model **model, const void *data, size_t size,
                                               const tumorclass_model_options *options)
{
    if (!model) return fail(TUMORCLASS_BAD_ARGUMENT, "model is NULL");
    *model = NULL;
    if (!data) return fail(TUMORCLASS_BAD_ARGUMENT, "data is NULL");
    tumorclass_model_options known;
    tumorclass_status status = read_model_options(&known, options);
    if (status != TUMORCLASS_OK) return status;
    if (size > known.max_bytes)
        return fail(TUMORCLASS_LIMIT, "the model has %zu bytes, the limit is %" PRIu64, size, known.max_bytes);

    tumorclass_model *m = create_model("");
    if (m) m->bytes = memory_allocate(size, 1);
    if (m && m->bytes) {
        memcpy(m->bytes, data, size);
        status = read_model(m, m->bytes, size, NULL, &known);
    } else {
        status = fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a model of %zu bytes", size);
    }
    if (status != TUMORCLASS_OK) {
        tumorclass_model_free(m);
        return status;
    }
    *model = m;
    return TUMORCLASS_OK;
}

tumorclass_model *model_retain(tumorclass_model *model)
{
    atomic_fetch_add(&model->references, 1);
    return model;
}

void tumorclass_model_free(tumorclass_model *model)
{
    if (!model || atomic_fetch_sub(&model->references, 1) != 1) return;
    graph_free(&model->graph);
    metadata_free(&model->metadata);
    memory_free(model->bytes);
    memory_free(model->name);
    memory_free(model->fact_text);
    memory_free(model);
}

/* ---- Questions ---- */

const char *tumorclass_model_name(const tumorclass_model *model)
{
    return model->name;
}

const char *tumorclass_model_sha256(const tumorclass_model *model)
{
    return model->sha256;
}

int32_t tumorclass_model_class_count(const tumorclass_model *model)
{
    return model->metadata.class_count;
}

const char *tumorclass_model_class_name(const tumorclass_model *model, int32_t index)
{
    return index >= 0 && index < model->metadata.class_count ? model->metadata.classes[index] : NULL;
}

const char *tumorclass_model_class_code(const tumorclass_model *model, int32_t index)
{
    return index >= 0 && index < model->metadata.class_count ? model->metadata.codes[index] : NULL;
}

int32_t tumorclass_model_class_index(const tumorclass_model *model, const char *name)
{
    return name ? metadata_class(&model->metadata, name) : -1;
}

void tumorclass_model_input_shape(const tumorclass_model *model, int64_t shape[3])
{
    memcpy(shape, model->metadata.preprocess.shape, sizeof model->metadata.preprocess.shape);
}

const tumorclass_property *tumorclass_model_metadata(const tumorclass_model *model, size_t *count)
{
    if (count) *count = model->metadata.property_count;
    return model->metadata.properties;
}

const tumorclass_property *tumorclass_model_facts(const tumorclass_model *model, size_t *count)
{
    if (count) *count = model->fact_count;
    return model->facts;
}

int32_t tumorclass_model_level_count(const tumorclass_model *model)
{
    return model->graph.level_count;
}

int32_t tumorclass_model_default_level(const tumorclass_model *model)
{
    const struct graph *graph = &model->graph;
    int32_t level = graph->level_count;
    while (level > 0 && graph->levels[level - 1] != graph->fine) level--;
    return level;
}

void tumorclass_model_level_shape(const tumorclass_model *model, int32_t level, int64_t shape[3])
{
    const struct graph *graph = &model->graph;
    memset(shape, 0, 3 * sizeof *shape);
    if (level < 1 || level > graph->level_count) return;
    memcpy(shape, graph->values[graph->levels[level - 1]].shape.extent + 2, 3 * sizeof *shape);
}
