/* gradient: the backward pass of a network, written as a graph of the same kind, so that any backend runs it.
 * Includes base and model. */
#ifndef GRADIENT_GRADIENT_H
#define GRADIENT_GRADIENT_H
#include "model/graph.h"

/* A graph that goes from the value `start` of `source` forward to the logits and from them back to the value `at`, and
 * gives one map on the cells of `at`, 1 x 1 x D x H x W, in units of the logit:
 *   HIRESCAM  n sum_k g_k A_k cell by cell        GRADCAM  sum_k (sum over cells of g_k) A_k
 * with A the activations at `at`, n its cells, and g the gradient by A of sum_c seed_c logit_c.
 * `start` is source->input or one of its levels; `at` is a level not before it. The graph's inputs are `input` (the
 * activations at `start`) and `seed` [1, classes]. Constants may lie in `source`, which outlives the graph.
 * UNSUPPORTED, naming the node, if an operation behind `at` has no gradient. */
tumorclass_status gradient_graph(struct graph *graph, const struct graph *source, int32_t start, int32_t at,
                                 tumorclass_attention_method method);

#endif
