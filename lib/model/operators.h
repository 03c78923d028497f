/* operators: one walk over the nodes of an ONNX file, and the importers it calls, one for each operator.
 *
 * Every name of the file is either a constant, known at load, or an activation, computed in a run. A node that reads
 * only constants is evaluated here (shape arithmetic, weights that the exporter left unfolded); any other becomes
 * nodes of our own. Inside this room only. */
#ifndef MODEL_OPERATORS_H
#define MODEL_OPERATORS_H
#include "model/graph_edit.h"
#include "model/onnx.h"

/* A name of a hostile file in a sentence: TEXT(text) for "%.*s". */
#define TEXT(text) text_shown(text), (text).data

enum { LAST_OPSET = 28 }; /* up to it, from 6 on, every operator we have was read version by version */
enum { TENSOR_UNMADE, TENSOR_ACTIVATION, TENSOR_FLOATS, TENSOR_INTEGERS };

/* What a name stands for. Constants (floats, integers) may have no elements; activations always have some. */
struct tensor {
    int32_t kind;
    bool stored; /* its numbers stand in the file as they are */
    struct shape shape;
    int32_t value;           /* of the graph: activations and floats */
    const int64_t *integers; /* all integer types and booleans */
};

enum { SYMBOL_INITIALIZER, SYMBOL_INPUT, SYMBOL_OUTPUT }; /* who makes it: the last is of a node */

struct symbol {
    struct text name;
    int32_t maker;
    size_t index; /* of the initializer, input or node */
    bool needed;  /* the graph's output depends on it */
    struct tensor tensor;
    int64_t *owned; /* integers of this symbol's making */
};

struct walk {
    struct graph *graph;
    const struct onnx_model *model;
    const struct graph_options *options;
    struct symbol *symbols; /* sorted by name */
    size_t symbol_count;
    uint64_t bytes_left; /* for constants */

    /* The node at hand. */
    const struct onnx_node *node;
    const struct tensor **inputs; /* NULL: left out */
    size_t input_count;
    struct symbol *result;              /* its first output */
    uint64_t attributes_read;           /* bit i: attribute i was asked for */
    tumorclass_status attribute_status; /* the first failure of attribute_ and integers_ below */
};

/* symbols.c: all names of the file, those that matter marked. */
tumorclass_status symbols_collect(struct walk *walk);
void symbols_free(struct walk *walk);
bool node_needed(const struct walk *walk, const struct onnx_node *node); /* one of its outputs is */
struct symbol *symbol_find(const struct walk *walk, struct text name);   /* NULL: nothing in the file has that name */

typedef tumorclass_status operator_import(struct walk *walk);
struct operator_entry {
    const char *type;
    int32_t since;           /* the opset that brought it */
    int32_t least, most;     /* inputs; most -1: any number */
    uint32_t computed;       /* bit i: input i may be an activation; the others must be constants */
    operator_import *import; /* some input is an activation; NULL: refused */
    operator_import *fold;   /* all are constants; NULL: refused */
};
const struct operator_entry *operator_find(struct text type); /* NULL: unknown */

/* "node 'x' (Conv): " and the sentence. */
tumorclass_status fail_node(const struct walk *walk, tumorclass_status status, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Attributes of the node at hand; a wrong type fails the node when its importer returns, as does an attribute that the
 * file has and the importer never asked for. */
int64_t attribute_int(struct walk *walk, const char *name, int64_t otherwise);
float attribute_float(struct walk *walk, const char *name, float otherwise);
bool attribute_text(struct walk *walk, const char *name, struct text *text);
const int64_t *attribute_ints(struct walk *walk, const char *name, size_t *count); /* NULL: absent */
const struct onnx_attribute *attribute_any(struct walk *walk, const char *name);
void attribute_ignore(struct walk *walk, const char *name); /* means nothing at inference */

/* Constant inputs. NULL: left out, or (the node fails) not of that kind. */
const int64_t *input_integers(struct walk *walk, size_t index, size_t *count);
const float *input_floats(struct walk *walk, size_t index, size_t *count);
bool has_input(const struct walk *walk, size_t index);
/* Input `index` must be `count` floats (scale, mean, ... of a channel each). */
tumorclass_status check_channels(const struct walk *walk, size_t index, const char *what, int64_t count);
/* From -rank .. rank - 1 to 0 .. rank - 1. */
tumorclass_status check_axis(const struct walk *walk, int32_t *axis, int64_t given, int32_t rank);
/* axes[i]: axis i is in the list. Duplicates are refused. */
tumorclass_status check_axes(const struct walk *walk, bool axes[MAX_RANK], const int64_t *list, size_t count,
                             int32_t rank);
tumorclass_status broadcast_shapes(const struct walk *walk, struct shape *shape, const struct shape *a,
                                   const struct shape *b);

/* A computed value of the graph, its shape checked. */
tumorclass_status add_activation(struct walk *walk, int32_t *value, struct text name, const char *suffix,
                                 const struct shape *shape);
/* Add a node; its output is the ONNX node's. `node` is finished but for inputs and output. */
tumorclass_status emit(struct walk *walk, const struct node *node, const int32_t *inputs, int32_t input_count,
                       const struct shape *shape);
/* The same for a node in between: its output has the ONNX node's name and a suffix. */
tumorclass_status emit_before(struct walk *walk, int32_t *output, const struct node *node, const int32_t *inputs,
                              int32_t input_count, const struct shape *shape, const char *suffix);
tumorclass_status emit_unary(struct walk *walk, const struct node *node, const struct shape *shape); /* of input 0 */
tumorclass_status emit_reshape(struct walk *walk, const struct shape *shape);                        /* of input 0 */
/* The output is input 0 under another name. */
tumorclass_status pass_through(struct walk *walk);

/* The output is a new constant with room for its elements (which count against the limit). */
tumorclass_status make_floats(struct walk *walk, float **data, const struct shape *shape);
tumorclass_status make_integers(struct walk *walk, int64_t **data, const struct shape *shape);
/* A constant that is no output: weights in another form. */
tumorclass_status make_weights(struct walk *walk, int32_t *value, float **data, const char *suffix,
                               const struct shape *shape);
tumorclass_status charge(struct walk *walk, int64_t count, size_t size);
/* Numbers of a tensor of the file, as constant `tensor`. */
tumorclass_status read_tensor(struct walk *walk, struct symbol *symbol, const struct onnx_tensor *tensor);

/* operators_window.c */
operator_import import_conv, import_max_pool, import_average_pool, import_global_average, import_global_max;
/* operators_pad.c */
operator_import import_pad;
/* operators_elementwise.c */
operator_import import_relu, import_leaky_relu, import_prelu, import_sigmoid, import_hard_sigmoid, import_hard_swish,
    import_clip, import_tanh, import_add, import_sub, import_mul, import_div, import_batch_norm, import_instance_norm,
    import_dropout, import_cast;
/* operators_shape.c */
operator_import import_reshape, import_flatten, import_squeeze, import_unsqueeze, import_transpose, import_concat,
    import_shape;
/* operators_dense.c */
operator_import import_gemm, import_matmul, import_softmax, import_log_softmax, import_reduce_mean;
/* fold.c */
operator_import fold_gather, fold_slice, fold_concat, fold_expand, fold_range, fold_transpose;
/* fold_arithmetic.c */
operator_import fold_constant, fold_constant_of_shape, fold_cast, fold_add, fold_sub, fold_mul, fold_div, fold_sqrt,
    fold_neg, fold_reciprocal;

/* What import and folding share. */
tumorclass_status transposed(struct walk *walk, struct shape *shape, int32_t permutation[MAX_RANK]);
tumorclass_status concatenated(struct walk *walk, struct shape *shape, int32_t *axis);
tumorclass_status check_legacy_broadcast(struct walk *walk);
tumorclass_status refuse_activation_constants(const struct walk *walk);

/* head.c: take a final softmax off; find what class activation maps are made from. */
tumorclass_status graph_find_head(struct walk *walk);

#endif
