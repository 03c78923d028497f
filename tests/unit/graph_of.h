/* A graph from a file made in a test, and the sentence with which it is refused. */
#ifndef TESTS_UNIT_GRAPH_OF_H
#define TESTS_UNIT_GRAPH_OF_H
#include "support.h"
#include "onnx_bytes.h"
#include "base/memory.h"
#include "model/graph.h"

#define AXES(...)                                                                                                      \
    sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t), (int64_t[])                                                  \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

enum { WEIGHT_LIMIT = 1 << 20 };

static inline tumorclass_status build_bytes(struct graph *graph, const struct bytes *bytes,
                                            const struct graph_options *options)
{
    struct onnx_model model;
    *graph = (struct graph){ .output = NO_VALUE };
    tumorclass_status status = onnx_read(&model, bytes->data, bytes->size);
    if (status != TUMORCLASS_OK) return status;
    status = graph_build(graph, &model, options);
    onnx_free(&model);
    return status;
}

static inline struct graph_options plain_options(void)
{
    return (struct graph_options){ .max_bytes = WEIGHT_LIMIT };
}

/* The bytes must outlive the graph: weights lie in them. */
static inline struct graph graph_of(struct onnx_file *file, struct bytes *bytes)
{
    struct graph graph;
    const struct graph_options options = plain_options();
    *bytes = onnx_finish(file);
    const tumorclass_status status = build_bytes(&graph, bytes, &options);
    ck_assert_msg(status == TUMORCLASS_OK, "refused: %s", tumorclass_last_error());
    return graph;
}

/* The file must be refused with this status, in a sentence that contains `part`, and nothing may be left over. */
static inline void refused(struct onnx_file file, const struct graph_options *options, tumorclass_status wanted,
                           const char *part)
{
    const int64_t blocks = memory_blocks_in_use();
    const struct graph_options plain = plain_options();
    struct graph graph;
    struct bytes bytes = onnx_finish(&file);
    const tumorclass_status status = build_bytes(&graph, &bytes, options ? options : &plain);
    bytes_free(&bytes);
    ck_assert_msg(status != TUMORCLASS_OK, "accepted, where '%s' was expected", part);
    ck_assert_msg(status == wanted && strstr(tumorclass_last_error(), part), "%s: %s, not %s: %s",
                  tumorclass_status_name(status), tumorclass_last_error(), tumorclass_status_name(wanted), part);
    ck_assert_int_eq(memory_blocks_in_use(), blocks);
}

static inline void has_shape(const struct graph *graph, const char *name, const char *shape)
{
    char text[128];
    const int32_t value = graph_find(graph, name);
    ck_assert_msg(value != NO_VALUE, "no value %s", name);
    shape_text(text, sizeof text, &graph->values[value].shape);
    ck_assert_msg(!strcmp(text, shape), "%s has the shape %s, not %s", name, text, shape);
}

static inline const struct node *node_that_makes(const struct graph *graph, const char *name)
{
    for (int32_t i = 0; i < graph->node_count; i++)
        if (!strcmp(graph->values[graph->nodes[i].output].name, name)) return &graph->nodes[i];
    ck_abort_msg("no node makes %s", name);
    return NULL;
}

/* An initializer of 0, 1, 2, .. times `step`, plus `start`. */
static inline void ramp(struct onnx_file *file, const char *name, float start, float step, size_t rank,
                        const int64_t *extents)
{
    const size_t count = onnx_elements(rank, extents);
    float *data = calloc(count + 1, sizeof *data);
    for (size_t i = 0; i < count; i++) data[i] = start + step * (float)i;
    onnx_floats(file, name, rank, extents, data);
    free(data);
}

/* A file with an input x and an output y of unknown shape. */
static inline struct onnx_file file_with(int64_t opset, size_t rank, const int64_t *extents)
{
    struct onnx_file file = onnx_file(opset);
    onnx_input(&file, "x", rank, extents);
    onnx_output(&file, "y", 1, (int64_t[]){ -1 });
    return file;
}

#endif
