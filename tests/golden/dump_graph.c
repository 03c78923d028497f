/* dump_graph [--fuse] [--shape D,H,W] MODEL.onnx
 *
 * Reads a model and prints its graph, nothing run: a line "value TAB name TAB shape TAB operation TAB ONNX operator"
 * for every computed tensor, and "graph TAB key TAB number or name" for what the graph says of itself. A failure prints
 * "status name TAB sentence" on standard error and exits with 1. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include "base/files.h"
#include "base/memory.h"
#include "model/onnx.h"
#include "model/plan.h"

static void print_name(const char *key, const struct graph *graph, int32_t value)
{
    printf("graph\t%s\t%s\n", key, value == NO_VALUE ? "" : graph->values[value].name);
}

static tumorclass_status print_arena(const struct graph *graph)
{
    struct plan plan;
    tumorclass_status status = plan_create(&plan, graph, true);
    if (status != TUMORCLASS_OK) return status;
    size_t sum = 0;
    for (int32_t i = 0; i < plan.block_count; i++) {
        plan.blocks[i].size = sizeof(float) * (size_t)shape_count(&graph->values[plan.blocks[i].value].shape);
        sum += plan.blocks[i].size;
    }
    status = plan_pack(&plan);
    if (status == TUMORCLASS_OK) printf("graph\tarena\t%zu\ngraph\tblocks\t%zu\n", plan.arena_size, sum);
    plan_free(&plan);
    return status;
}

static tumorclass_status print_graph(const struct graph *graph)
{
    for (int32_t i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->nodes[i];
        const struct value *value = &graph->values[node->output];
        char shape[128];
        shape_text(shape, sizeof shape, &value->shape);
        printf("value\t%s\t%s\t%s\t%s\n", value->name, shape, operation_name(node->operation), node->onnx);
    }
    print_name("input", graph, graph->input);
    print_name("output", graph, graph->output);
    print_name("features", graph, graph->features);
    print_name("embedding", graph, graph->embedding);
    printf("graph\tmultiplications\t%" PRId64 "\n", graph_multiplications(graph));
    printf("graph\tparameters\t%" PRId64 "\n", graph_parameters(graph));
    return print_arena(graph);
}

static tumorclass_status dump(const char *path, const int64_t shape[3], bool fuse)
{
    void *data;
    size_t size;
    tumorclass_status status = file_load(&data, &size, path, SIZE_MAX);
    if (status != TUMORCLASS_OK) return status;
    struct onnx_model model;
    status = onnx_read(&model, data, size);
    if (status == TUMORCLASS_OK) {
        const struct graph_options options = { .max_bytes = UINT64_MAX, .shape = { shape[0], shape[1], shape[2] } };
        struct graph graph;
        status = graph_build(&graph, &model, &options);
        if (status == TUMORCLASS_OK && fuse) status = graph_fuse(&graph);
        if (status == TUMORCLASS_OK) status = print_graph(&graph);
        graph_free(&graph);
        onnx_free(&model);
    }
    memory_free(data);
    return status;
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "fuse", no_argument, NULL, 'f' },
                                             { "shape", required_argument, NULL, 's' },
                                             { 0 } };
    bool fuse = false;
    int64_t shape[3] = { 0 };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'f')
            fuse = true;
        else if (option != 's' || sscanf(optarg, "%" SCNd64 ",%" SCNd64 ",%" SCNd64, shape, shape + 1, shape + 2) != 3)
            return 2;
    }
    if (optind + 1 != argc) return 2;
    const tumorclass_status status = dump(argv[optind], shape, fuse);
    if (status == TUMORCLASS_OK) return memory_blocks_in_use() ? 2 : 0;
    fprintf(stderr, "%s\t%s\n", tumorclass_status_name(status), tumorclass_last_error());
    return 1;
}
