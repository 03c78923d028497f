/* The graph that gradient_graph makes, while it is made: a forward part, copied from the source, and behind it the
 * backward part, which each node's rule appends to in turn. Inside this room only. */
#ifndef GRADIENT_TAPE_H
#define GRADIENT_TAPE_H
#include "model/graph_edit.h"

struct tape {
    struct graph *graph;
    int32_t at;        /* where the gradient is taken */
    int32_t forward;   /* nodes of the forward part */
    int32_t *gradient; /* by value of the forward part: the value that is its gradient so far, or NO_VALUE */
    bool *behind;      /* by value of the forward part: `at`, or depends on it */
};

/* The forward part, for the nodes of `source` between `start` and its output: graph->input and graph->output, `at`,
 * `forward` and `behind` are set. Behind `at` a node does one thing: what fusion hung on it is a node again, so that
 * every value that a rule needs is there. */
tumorclass_status tape_copy(struct tape *tape, const struct graph *source, int32_t start, int32_t at);

/* A node at the end, and its output, named "gradient of" the value `of`. */
tumorclass_status tape_append(struct tape *tape, int32_t *output, const struct node *node, const int32_t *inputs,
                              int32_t input_count, const struct shape *shape, int32_t of);
/* a op b, of the shape of a. */
tumorclass_status tape_binary(struct tape *tape, int32_t *output, int32_t kind, int32_t a, int32_t b, int32_t of);
/* A number as constant of shape [1]. */
tumorclass_status tape_number(struct tape *tape, int32_t *value, float number);

/* Whether anybody wants the gradient by this value. */
bool tape_wants(const struct tape *tape, int32_t value);
/* One more reader's part of the gradient by `value`; the parts are added. Where the reader broadcast the value, the
 * part is summed over what was one element. */
tumorclass_status tape_give(struct tape *tape, int32_t value, int32_t part);
/* The part is what this node makes. */
tumorclass_status tape_give_node(struct tape *tape, int32_t value, const struct node *node, const int32_t *inputs,
                                 int32_t input_count);

static inline const struct shape *tape_shape(const struct tape *tape, int32_t value)
{
    return &tape->graph->values[value].shape;
}

/* UNSUPPORTED: "node 'x' (Conv) has no gradient: " and why. */
tumorclass_status fail_gradient(const struct node *node, const char *why);

/* Given the gradient g by a node's output, gives the gradients by its inputs. The node is bare: no residual, and an
 * activation only if it is one. */
typedef tumorclass_status gradient_rule(struct tape *tape, const struct node *node, int32_t g);
/* rules_elementwise.c */
gradient_rule activation_rule, binary_rule, instance_norm_rule, scale_shift_rule;
/* rules_window.c */
gradient_rule conv_rule, pool_rule;
/* rules_dense.c */
gradient_rule matmul_rule, reduce_rule, softmax_rule;
/* rules_shape.c */
gradient_rule concat_rule, pad_rule, reshape_rule, transpose_rule;

#endif
