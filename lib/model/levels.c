/* The levels of a network: values that a gradient can be taken at. A cut is a computed value that everything after it
 * goes through; at it the network falls into two parts. */
#include "model/graph_edit.h"
#include "base/memory.h"

enum { LEAST_CELLS = 24 }; /* along each axis of the default level: coarser cells are wider than small lesions */

struct last_read {
    int32_t *step; /* by value: the last node that reads it; -1: none */
    int32_t node;
};

static void note_read(void *context, int32_t *value)
{
    const struct last_read *last = context;
    last->step[*value] = last->node;
}

/* step[value]: the last node that reads it; the graph's output is read behind all of them. */
static void find_last_reads(int32_t *step, struct graph *graph)
{
    struct last_read last = { .step = step };
    for (int32_t v = 0; v < graph->value_count; v++) step[v] = -1;
    for (; last.node < graph->node_count; last.node++) node_reads(&graph->nodes[last.node], note_read, &last);
    step[graph->output] = graph->node_count;
}

/* cut[i]: the output of node i is one. That is, no other value made so far is read after node i. */
static void find_cuts(bool *cut, const int32_t *last_read, const struct graph *graph)
{
    int32_t reach = last_read[graph->input]; /* of the values made before node i: the last read of any */
    for (int32_t i = 0; i < graph->node_count; i++) {
        const int32_t output = graph->nodes[i].output;
        cut[i] = reach <= i && last_read[output] > i;
        if (last_read[output] > reach) reach = last_read[output];
    }
}

static const int64_t *cells_of(const struct graph *graph, int32_t value)
{
    return graph->values[value].shape.extent + 2;
}

static int64_t cell_count(const struct graph *graph, int32_t value)
{
    const int64_t *cells = cells_of(graph, value);
    return cells[0] * cells[1] * cells[2];
}

static bool is_volume(const struct graph *graph, int32_t value)
{
    const struct shape *shape = &graph->values[value].shape;
    return shape->rank == 5 && shape->extent[0] == 1 && cell_count(graph, value) > 1;
}

/* Where the level with the size of `value` stands; behind the last if there is none. */
static int32_t find_size(const struct graph *graph, int32_t value)
{
    const int64_t *cells = cells_of(graph, value);
    for (int32_t i = 0; i < graph->level_count; i++) {
        const int64_t *level = cells_of(graph, graph->levels[i]);
        if (cells[0] == level[0] && cells[1] == level[1] && cells[2] == level[2]) return i;
    }
    return graph->level_count;
}

/* In front of those that are no finer. */
static void insert_level(struct graph *graph, int32_t value)
{
    int32_t i = graph->level_count++;
    for (; i > 0 && cell_count(graph, graph->levels[i - 1]) <= cell_count(graph, value); i--)
        graph->levels[i] = graph->levels[i - 1];
    graph->levels[i] = value;
}

/* From the end, so that the first cut of a size is the last one, and the levels that there is no room for are early. */
static void collect_levels(struct graph *graph, const bool *cut)
{
    graph->level_count = 0;
    for (int32_t i = graph->node_count - 1; i >= 0 && graph->level_count < MAX_LEVELS; i--) {
        const int32_t value = graph->nodes[i].output;
        if (cut[i] && is_volume(graph, value) && find_size(graph, value) == graph->level_count)
            insert_level(graph, value);
    }
}

static void choose_default(struct graph *graph)
{
    for (int32_t i = 0; i < graph->level_count; i++) {
        const int64_t *cells = cells_of(graph, graph->levels[i]);
        const bool enough = cells[0] >= LEAST_CELLS && cells[1] >= LEAST_CELLS && cells[2] >= LEAST_CELLS;
        if (i == 0 || enough) graph->fine = graph->levels[i];
    }
}

static tumorclass_status fail_named(const struct graph *graph, const char *why)
{
    char text[160];
    shape_text(text, sizeof text, &graph->values[graph->fine].shape);
    return fail(TUMORCLASS_BAD_MODEL, "tumorclass.cam.fine_layer is '%s' (%s), %s", graph->values[graph->fine].name,
                text, why);
}

/* The tensor that the metadata name takes the place of its size's level. */
static tumorclass_status place_named(struct graph *graph, const bool *cut)
{
    int32_t node = 0;
    if (graph->fine == graph->input) return fail_named(graph, "which is the network's input");
    if (!is_volume(graph, graph->fine)) return fail_named(graph, "which is not 1 x C x D x H x W with several cells");
    while (node < graph->node_count && graph->nodes[node].output != graph->fine) node++;
    if (node == graph->node_count || !cut[node])
        return fail_named(graph, "which a part of the network goes around: all that follows must go through it");
    const int32_t place = find_size(graph, graph->fine);
    if (place == MAX_LEVELS) return fail_named(graph, "of a size that too many others follow");
    graph->levels[place] = graph->fine;
    return TUMORCLASS_OK;
}

tumorclass_status graph_find_levels(struct graph *graph)
{
    int32_t *last_read = memory_allocate((size_t)graph->value_count, sizeof *last_read);
    bool *cut = memory_allocate((size_t)graph->node_count, sizeof *cut);
    tumorclass_status status = TUMORCLASS_OK;
    if (last_read && cut) {
        find_last_reads(last_read, graph);
        find_cuts(cut, last_read, graph);
        collect_levels(graph, cut);
        if (graph->fine == NO_VALUE)
            choose_default(graph);
        else
            status = place_named(graph, cut);
    } else {
        status = fail(TUMORCLASS_OUT_OF_MEMORY, "no memory to find the levels of a network of %d nodes",
                      graph->node_count);
    }
    memory_free(last_read);
    memory_free(cut);
    return status;
}
