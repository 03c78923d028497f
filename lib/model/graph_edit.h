/* For those who make and change graphs: the walk over the file, and the passes. */
#ifndef MODEL_GRAPH_EDIT_H
#define MODEL_GRAPH_EDIT_H
#include "model/graph.h"

struct graph graph_empty(void);
enum { MAX_NODES = 1 << 14 };        /* of a graph: bounds the work of plan_pack */
struct node node_of(operation kind); /* everything else zero or NO_VALUE */

/* A computed value. `name` is copied. */
tumorclass_status graph_add_value(struct graph *graph, int32_t *value, const char *name, const struct shape *shape);
/* A constant that owns room for its elements, to be filled in by the caller. Extents may be 0. */
tumorclass_status graph_add_constant(struct graph *graph, int32_t *value, float **data, const char *name,
                                     const struct shape *shape);
/* A copy of `node` with copies of its name and inputs, at the end. */
tumorclass_status graph_add_node(struct graph *graph, const struct node *node, const char *name, const int32_t *inputs,
                                 int32_t input_count);
/* A new name for a value: its old one with `suffix`. */
tumorclass_status graph_rename(struct graph *graph, int32_t value, const char *suffix);
/* Drop nodes that nothing kept depends on (and those with output NO_VALUE), then the values that nobody reads. */
tumorclass_status graph_compact(struct graph *graph);

/* Call visit on every value that a node reads (inputs, slope, residual); none is NO_VALUE. */
void node_reads(struct node *node, void (*visit)(void *context, int32_t *value), void *context);
/* The same for the values that the graph itself names: input, output, features, head, embedding, fine,
 * seed, levels. */
void graph_keeps(struct graph *graph, void (*visit)(void *context, int32_t *value), void *context);

#endif
