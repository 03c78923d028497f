/* run_graph [--no-fuse] [--output-only] [--shape D,H,W] [--threads N] MODEL.onnx INPUT.f32 FOLDER
 *
 * Runs a model on the CPU backend and writes each node's output (or only the graph's) as FOLDER/<index>.f32, with a
 * line "index TAB name TAB shape" for each on standard output: what the Python tests hold against other runtimes.
 * A failure prints "status name TAB sentence" on standard error and exits with 1, a leak of memory with 2. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/files.h"
#include "base/memory.h"
#include "cpu/cpu_backend.h"
#include "model/onnx.h"
#include "network/network.h"

struct arguments {
    const char *model, *input, *folder;
    bool fuse, output_only;
    int64_t shape[3];
    int32_t threads;
};

struct dump {
    const struct graph *graph;
    const char *folder;
    int32_t index;
};

static tumorclass_status write_values(const struct dump *dump, const float *values, int64_t count)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%d.f32", dump->folder, dump->index);
    FILE *file = fopen(path, "wb");
    if (!file) return fail(TUMORCLASS_IO_ERROR, "%s cannot be written", path);
    const bool whole = fwrite(values, sizeof *values, (size_t)count, file) == (size_t)count;
    if (fclose(file) || !whole) return fail(TUMORCLASS_IO_ERROR, "%s cannot be written whole", path);
    return TUMORCLASS_OK;
}

static tumorclass_status dump_value(struct dump *dump, struct network *network, int32_t index)
{
    const struct value *value = &dump->graph->values[index];
    const int64_t count = shape_count(&value->shape);
    float *values = malloc((size_t)count * sizeof *values);
    if (!values) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory to read %s", value->name);

    tumorclass_status status = network_read(network, values, index);
    if (status == TUMORCLASS_OK) status = write_values(dump, values, count);
    free(values);
    char shape[256];
    shape_text(shape, sizeof shape, &value->shape);
    printf("%d\t%s\t%s\n", dump->index++, value->name, shape);
    return status;
}

static tumorclass_status dump_node(void *user, struct network *network, const struct node *node)
{
    return dump_value(user, network, node->output);
}

static tumorclass_status run_network(const struct arguments *arguments, const struct graph *graph, struct pool *pool,
                                     const float *input)
{
    struct network *network;
    const struct backend_options options = { .pool = pool };
    tumorclass_status status = network_create(&network, graph, &cpu_backend, &options);
    if (status != TUMORCLASS_OK) return status;
    struct dump dump = { .graph = graph, .folder = arguments->folder };
    if (!arguments->output_only) network_observe(network, dump_node, &dump);
    status = network_run(network, input, NULL);
    if (status == TUMORCLASS_OK && arguments->output_only) status = dump_value(&dump, network, graph->output);
    network_free(network);
    return status;
}

static tumorclass_status run_on_file(const struct arguments *arguments, const struct graph *graph)
{
    void *input;
    size_t size;
    tumorclass_status status = file_load(&input, &size, arguments->input, SIZE_MAX);
    if (status != TUMORCLASS_OK) return status;
    const size_t wanted = (size_t)shape_count(&graph->values[graph->input].shape) * sizeof(float);
    struct pool *pool = pool_create(arguments->threads);
    if (size != wanted)
        status = fail(TUMORCLASS_BAD_ARGUMENT, "input has %zu bytes, the graph's has %zu", size, wanted);
    else
        status = run_network(arguments, graph, pool, input);
    pool_free(pool);
    memory_free(input);
    return status;
}

static tumorclass_status build_and_run(const struct arguments *arguments, const struct onnx_model *model)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", arguments->model);
    folder[base_name(arguments->model) - arguments->model] = 0;
    struct graph_options options = { .folder = folder[0] ? folder : ".", .max_bytes = UINT64_C(1) << 40 };
    memcpy(options.shape, arguments->shape, sizeof options.shape);

    struct graph graph;
    tumorclass_status status = graph_build(&graph, model, &options);
    if (status != TUMORCLASS_OK) return status;
    if (arguments->fuse) status = graph_fuse(&graph);
    if (status == TUMORCLASS_OK) status = run_on_file(arguments, &graph);
    graph_free(&graph);
    return status;
}

static tumorclass_status run_file(const struct arguments *arguments)
{
    void *data;
    size_t size;
    tumorclass_status status = file_load(&data, &size, arguments->model, SIZE_MAX);
    if (status != TUMORCLASS_OK) return status;
    struct onnx_model model;
    status = onnx_read(&model, data, size);
    if (status == TUMORCLASS_OK) {
        status = build_and_run(arguments, &model);
        onnx_free(&model);
    }
    memory_free(data);
    return status;
}

static bool read_arguments(struct arguments *arguments, int argc, char **argv)
{
    static const struct option options[] = { { "no-fuse", no_argument, NULL, 'n' },
                                             { "output-only", no_argument, NULL, 'o' },
                                             { "shape", required_argument, NULL, 's' },
                                             { "threads", required_argument, NULL, 't' },
                                             { 0 } };
    *arguments = (struct arguments){ .fuse = true, .threads = 1 };
    int64_t *const shape = arguments->shape;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'n')
            arguments->fuse = false;
        else if (option == 'o')
            arguments->output_only = true;
        else if (option == 't')
            arguments->threads = atoi(optarg);
        else if (option != 's' ||
                 sscanf(optarg, "%" SCNd64 ",%" SCNd64 ",%" SCNd64, &shape[0], &shape[1], &shape[2]) != 3)
            return false;
    }
    if (argc - optind != 3) return false;
    arguments->model = argv[optind];
    arguments->input = argv[optind + 1];
    arguments->folder = argv[optind + 2];
    return true;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    if (!read_arguments(&arguments, argc, argv)) {
        fputs(
            "usage: run_graph [--no-fuse] [--output-only] [--shape D,H,W] [--threads N] MODEL.onnx INPUT.f32 FOLDER\n",
            stderr);
        return 64;
    }
    const tumorclass_status status = run_file(&arguments);
    if (status != TUMORCLASS_OK) fprintf(stderr, "%s\t%s\n", tumorclass_status_name(status), tumorclass_last_error());
    if (memory_blocks_in_use()) {
        fprintf(stderr, "%ld blocks of memory leaked\n", (long)memory_blocks_in_use());
        return 2;
    }
    return status == TUMORCLASS_OK ? 0 : 1;
}
