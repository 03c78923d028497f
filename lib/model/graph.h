/* The network as operations of our own: what backends see. Every node has one output; every shape is known. */
#ifndef MODEL_GRAPH_H
#define MODEL_GRAPH_H
#include "base/status.h"

enum { MAX_RANK = 8, MAX_LEVELS = 16, NO_VALUE = -1 };

struct shape {
    int32_t rank;
    int64_t extent[MAX_RANK];
};
int64_t shape_count(const struct shape *shape); /* elements; 1 for rank 0 */
/* A tensor N x C x D x H x W of rank 2 to 5: missing spatial axes, on the left (D first), are 1. */
struct extents {
    int64_t n, c, d, h, w;
};
struct extents shape_extents(const struct shape *shape);
void shape_text(char *text, size_t size, const struct shape *shape); /* "1 x 16 x 128 x 128 x 128" */

/* A tensor: float32, C order. A constant has data; the rest is computed in a run. */
struct value {
    char *name; /* as in the file */
    struct shape shape;
    const float *constant; /* NULL: computed */
    float *owned;          /* the same, if the graph must free it; NULL if it lies in the file */
};

typedef enum activation {
    ACTIVATION_NONE,
    ACTIVATION_RELU,
    ACTIVATION_LEAKY_RELU, /* x < 0 ? alpha * x : x */
    ACTIVATION_PRELU,      /* alpha from node.slope: one value, or one a channel */
    ACTIVATION_SIGMOID,
    ACTIVATION_HARD_SIGMOID, /* max(0, min(1, alpha * x + beta)) */
    ACTIVATION_HARD_SWISH,   /* x * max(0, min(1, x / 6 + 1 / 2)) */
    ACTIVATION_CLIP,         /* to [alpha, beta] */
    ACTIVATION_TANH
} activation;

typedef enum operation {
    OPERATION_ACTIVATION,    /* x */
    OPERATION_BINARY,        /* a, b: numpy broadcasting */
    OPERATION_CONCAT,        /* any number of inputs, along axis */
    OPERATION_CONV,          /* x [N, C, ...], weight [O, C / groups, kD, kH, kW], bias [O] or NO_VALUE */
    OPERATION_INSTANCE_NORM, /* x, scale [C], shift [C]: (x - mean) / sqrt(var + epsilon) * scale + shift */
    OPERATION_MATMUL,        /* a [.., M, K], b [.., K, N], bias or NO_VALUE: alpha * a b + beta * bias, see matmul */
    OPERATION_PAD,           /* x, constant value */
    OPERATION_POOL,          /* x */
    OPERATION_REDUCE,        /* x: mean or maximum over axes; a global pool is one over all spatial axes */
    OPERATION_RESHAPE,       /* x: the same elements in the same order: no work, shares its input's memory */
    OPERATION_SCALE_SHIFT,   /* x, scale [C], shift [C]: batch norm as it is at inference */
    OPERATION_SOFTMAX,       /* x, along axis; logarithm if log */
    OPERATION_TRANSPOSE,     /* x, axes permuted */
    /* The backward pass: each takes g, the gradient of some number by the output of the operation that it is named
     * after, has that operation's attributes, and gives the gradient by its input x, with the shape of x. */
    OPERATION_ACTIVATION_BACK,    /* g, x */
    OPERATION_CONV_BACK,          /* g, weight */
    OPERATION_INSTANCE_NORM_BACK, /* g, x, scale */
    OPERATION_POOL_BACK,          /* g, x; of equal maxima in a window the first takes all */
    OPERATION_REDUCE_BACK,        /* g, x; g may lack the reduced axes; of equal maxima the first takes all */
    OPERATION_SOFTMAX_BACK,       /* g, y: the softmax's output */
    OPERATION_COUNT
} operation;
const char *operation_name(operation operation);

/* Convolution and pooling, in the order D, H, W; a rank below 5 has leading ones (pads: zeros). The output's shape says
 * how many windows there are: a pool's last may reach past the padding (ceil_mode), where nothing is. */
struct window {
    int64_t kernel[3], stride[3], dilation[3], pad_before[3], pad_after[3];
};

enum { BINARY_ADD, BINARY_SUB, BINARY_MUL, BINARY_DIV };
enum { POOL_MAX, POOL_AVERAGE };
enum { REDUCE_MEAN, REDUCE_MAX, REDUCE_SUM };
enum { MAX_INPUTS = 3 }; /* of all operations but concat */

struct node {
    operation operation;
    char *name;       /* of the ONNX node, or its first output's if it has none */
    const char *onnx; /* operator type, for reports: "Conv" */
    int32_t *inputs;  /* values; NO_VALUE: left out */
    int32_t input_count;
    int32_t output; /* value */
    union {
        struct {
            struct window window;
            int64_t groups;
        } conv;
        struct {
            struct window window;
            int32_t kind;
            bool count_padding;
        } pool; /* average: count_include_pad */
        struct {
            int32_t kind;
        } binary;
        struct {
            int32_t axis;
        } concat;
        struct {
            float epsilon;
        } norm;
        struct {
            bool transpose_a, transpose_b;
            float alpha, beta;
        } matmul;
        struct {
            int64_t before[MAX_RANK], after[MAX_RANK];
            float value;
        } pad;
        struct {
            bool axes[MAX_RANK];
            int32_t kind;
        } reduce;
        struct {
            int32_t axis;
            bool log;
        } softmax;
        struct {
            int32_t permutation[MAX_RANK];
        } transpose;
    };
    /* What fusion hung behind the operation: output = activation(operation(inputs) + residual). An OPERATION_ACTIVATION
     * has its function here too, and so has ACTIVATION_BACK. Only CONV, INSTANCE_NORM, SCALE_SHIFT, BINARY (and
     * ACTIVATION) carry one. */
    activation activation;
    float alpha, beta;
    int32_t slope;    /* PRelu: value with the slopes, else NO_VALUE */
    int32_t residual; /* value with the output's shape, or NO_VALUE */
};

struct graph {
    struct value *values;
    struct node *nodes; /* in an order in which they can run */
    int32_t value_count, value_capacity, node_count, node_capacity;
    int32_t input, output; /* values; the output is the logits: a final softmax is taken off */
    int32_t features;      /* what the global average pool in front of the last dense layer reads, [1, C, D, H, W];
                            * or NO_VALUE */
    int32_t head_weight;   /* that layer's weight as constant [classes, channels]; NO_VALUE without features */
    int32_t head_bias;     /* [classes], or NO_VALUE */
    int32_t embedding;     /* the pooled features, or NO_VALUE */
    int32_t levels[MAX_LEVELS], level_count; /* where fine maps can be made, finest first: see model/levels.c */
    int32_t fine; /* the default one of them, kept to the end of a run; NO_VALUE without levels. Before graph_fuse: the
                   * tensor that the metadata name, or NO_VALUE */
    int32_t seed; /* of a graph with a backward pass: a second input, the weights of the logits whose sum is
                   * differentiated; else NO_VALUE */
};

struct onnx_model;
struct graph_options {
    const char *folder;   /* where external data may lie; NULL: nowhere */
    uint64_t max_bytes;   /* weights, external ones included */
    int64_t shape[3];     /* for a symbolic spatial input; 0: none */
    const char *features; /* cam.layer of the metadata: name of the tensor to use instead of the one found; or NULL */
    const char *fine;     /* cam.fine_layer, or NULL */
};

/* Check and translate: shapes inferred, shape arithmetic folded, float16 / bfloat16 / double weights to float32. */
tumorclass_status graph_build(struct graph *graph, const struct onnx_model *model, const struct graph_options *options);
/* Passes over a built graph: batch norm into convolutions, dead bias before a norm, activations and residual adds into
 * the node before them. `features`, `embedding` and `fine` stay values of the graph. */
tumorclass_status graph_fuse(struct graph *graph);
/* After graph_fuse: find the levels and settle `fine`. BAD_MODEL if the tensor that the metadata name is none. */
tumorclass_status graph_find_levels(struct graph *graph);
void graph_free(struct graph *graph);

/* Cell o of a tensor 1 x C x D x H x W stands over index first + o * step of the network's input, axis by axis. */
struct placement {
    double first[3], step[3];
};
/* Along the way from the input to the tensor; where an operation on it moves cells (a transposition), as if the cells
 * tiled the input. */
struct placement graph_place(const struct graph *graph, int32_t value);

int32_t graph_find(const struct graph *graph, const char *name); /* value by name, or NO_VALUE */
int64_t graph_multiplications(const struct graph *graph);        /* multiply-accumulates a run, padding taps counted */
int64_t node_multiplications(const struct graph *graph, const struct node *node); /* this node's part of them */
int64_t graph_parameters(const struct graph *graph); /* floats in constants that nodes use */

#endif
