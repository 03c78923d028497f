/* network: runs a graph on a backend. backend.h is the one seam between the library and any device.
 * Includes base and model. */
#ifndef NETWORK_BACKEND_H
#define NETWORK_BACKEND_H
#include "base/status.h"
#include "base/threads.h"
#include "model/graph.h"

struct backend_options {
    struct pool *pool; /* borrowed; outlives the state */
    int32_t device;
    int32_t tier;      /* of the CPU: the n-th instruction set of tier_get */
    int32_t precision; /* tumorclass_precision */
};

/* Taken whole. A state is one arena with packed weights for one graph; graph and options.pool outlive it. Layout and
 * precision of tensors inside it are the backend's own; upload and download speak float32 in C order. */
struct backend {
    const char *name; /* "CPU" */
    tumorclass_status (*open)(void **state, const struct graph *graph, const struct backend_options *options);
    void (*close)(void *state); /* NULL included */
    /* What runs, in words: "AVX-512". */
    const char *(*describe)(const void *state);
    tumorclass_precision (*precision)(const void *state); /* what it computes with: never DEFAULT */
    /* Bytes that the state holds, of the host and of the device. */
    size_t (*held)(const void *state);
    tumorclass_status (*upload)(void *state, int32_t value, const float *src);
    /* Run node `index` of the graph; no allocation. May return before the device is done. */
    tumorclass_status (*run)(void *state, int32_t index);
    /* Wait, and copy a value out. Only values that are alive after the last node run. */
    tumorclass_status (*download)(void *state, float *dst, int32_t value);
};

#endif
