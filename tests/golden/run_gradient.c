/* run_gradient [--from-input] MODEL.onnx INPUT.f32 FOLDER
 *
 * Runs a model on the CPU backend, then the backward pass to each of its levels, with each method, for each class: from
 * that level's activations, or with --from-input from the input. Writes FOLDER/<level>.hirescam.f32 and
 * FOLDER/<level>.gradcam.f32, [classes][D][H][W], with a line "level TAB name of the tensor TAB its shape" for each level
 * on standard output. A failure prints "status name TAB sentence" on standard error and exits with 1, a leak of memory
 * with 2. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/files.h"
#include "base/memory.h"
#include "cpu/cpu_backend.h"
#include "gradient/gradient.h"
#include "model/model.h"
#include "network/network.h"

struct run {
    const struct graph *source;
    const char *folder;
    bool from_input;
    struct backend_options options;
    float *input, *levels[MAX_LEVELS]; /* activations */
};

static int64_t count_of(const struct graph *graph, int32_t value)
{
    return shape_count(&graph->values[value].shape);
}

static float *allocated(int64_t count)
{
    float *values = malloc((size_t)count * sizeof *values);
    if (!values) exit(EXIT_FAILURE);
    return values;
}

static tumorclass_status write_maps(const struct run *run, const float *maps, int64_t count, int32_t level,
                                    const char *method)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%d.%s.f32", run->folder, level, method);
    FILE *file = fopen(path, "wb");
    if (!file) return fail(TUMORCLASS_IO_ERROR, "%s cannot be written", path);
    const bool whole = fwrite(maps, sizeof *maps, (size_t)count, file) == (size_t)count;
    if (fclose(file) || !whole) return fail(TUMORCLASS_IO_ERROR, "%s cannot be written whole", path);
    return TUMORCLASS_OK;
}

/* For each class one run, with that class's logit alone in the seed. */
static tumorclass_status run_classes(float *maps, struct network *network, const struct graph *graph,
                                     const float *input)
{
    const int64_t classes = count_of(graph, graph->seed), cells = count_of(graph, graph->output);
    tumorclass_status status = TUMORCLASS_OK;
    for (int64_t c = 0; status == TUMORCLASS_OK && c < classes; c++) {
        float *seed = allocated(classes);
        for (int64_t i = 0; i < classes; i++) seed[i] = i == c;
        status = network_write(network, graph->seed, seed);
        if (status == TUMORCLASS_OK) status = network_run(network, input, NULL);
        if (status == TUMORCLASS_OK) status = network_read(network, maps + c * cells, graph->output);
        free(seed);
    }
    return status;
}

static tumorclass_status make_maps(const struct run *run, int32_t level, tumorclass_attention_method method,
                                   const char *name)
{
    const int32_t at = run->source->levels[level], start = run->from_input ? run->source->input : at;
    struct graph graph;
    struct network *network;
    tumorclass_status status = gradient_graph(&graph, run->source, start, at, method);
    if (status != TUMORCLASS_OK) return status;
    status = network_create(&network, &graph, &cpu_backend, &run->options);
    if (status == TUMORCLASS_OK) {
        const int64_t count = count_of(&graph, graph.seed) * count_of(&graph, graph.output);
        float *maps = allocated(count);
        status = run_classes(maps, network, &graph, run->from_input ? run->input : run->levels[level]);
        if (status == TUMORCLASS_OK) status = write_maps(run, maps, count, level + 1, name);
        free(maps);
    }
    network_free(network);
    graph_free(&graph);
    return status;
}

static tumorclass_status keep_level(void *user, struct network *network, const struct node *node)
{
    const struct run *run = user;
    for (int32_t i = 0; i < run->source->level_count; i++)
        if (run->source->levels[i] == node->output) return network_read(network, run->levels[i], node->output);
    return TUMORCLASS_OK;
}

static tumorclass_status run_forward(struct run *run)
{
    struct network *network;
    tumorclass_status status = network_create(&network, run->source, &cpu_backend, &run->options);
    if (status != TUMORCLASS_OK) return status;
    network_observe(network, keep_level, run);
    status = network_run(network, run->input, NULL);
    network_free(network);
    return status;
}

static tumorclass_status run_all(struct run *run)
{
    const struct graph *source = run->source;
    for (int32_t i = 0; i < source->level_count; i++) run->levels[i] = allocated(count_of(source, source->levels[i]));
    tumorclass_status status = run_forward(run);
    for (int32_t i = 0; status == TUMORCLASS_OK && i < source->level_count; i++) {
        char shape[128];
        const struct value *value = &source->values[source->levels[i]];
        shape_text(shape, sizeof shape, &value->shape);
        printf("%d\t%s\t%s\n", i + 1, value->name, shape);
        status = make_maps(run, i, TUMORCLASS_ATTENTION_HIRESCAM, "hirescam");
        if (status == TUMORCLASS_OK) status = make_maps(run, i, TUMORCLASS_ATTENTION_GRADCAM, "gradcam");
    }
    for (int32_t i = 0; i < source->level_count; i++) free(run->levels[i]);
    return status;
}

static tumorclass_status run_model(struct run *run, const char *path)
{
    void *input;
    size_t size;
    tumorclass_status status = file_load(&input, &size, path, SIZE_MAX);
    if (status != TUMORCLASS_OK) return status;
    const size_t wanted = (size_t)count_of(run->source, run->source->input) * sizeof(float);
    run->input = input;
    run->options.pool = pool_create(2);
    if (size != wanted)
        status = fail(TUMORCLASS_BAD_ARGUMENT, "input has %zu bytes, the graph's has %zu", size, wanted);
    else
        status = run_all(run);
    pool_free(run->options.pool);
    memory_free(input);
    return status;
}

int main(int argc, char **argv)
{
    const bool from_input = argc > 1 && !strcmp(argv[1], "--from-input");
    char **const paths = argv + (from_input ? 2 : 1);
    if (argc != (from_input ? 5 : 4)) {
        fputs("usage: run_gradient [--from-input] MODEL.onnx INPUT.f32 FOLDER\n", stderr);
        return 64;
    }
    tumorclass_model *model;
    tumorclass_status status = tumorclass_model_load(&model, paths[0], NULL);
    if (status == TUMORCLASS_OK)
        status = run_model(&(struct run){ .source = &model->graph, .folder = paths[2], .from_input = from_input },
                           paths[1]);
    tumorclass_model_free(model);
    if (status != TUMORCLASS_OK) fprintf(stderr, "%s\t%s\n", tumorclass_status_name(status), tumorclass_last_error());
    if (memory_blocks_in_use()) {
        fprintf(stderr, "%ld blocks of memory leaked\n", (long)memory_blocks_in_use());
        return 2;
    }
    return status == TUMORCLASS_OK ? 0 : 1;
}
