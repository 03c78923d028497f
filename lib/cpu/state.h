/* The state behind the CPU backend, for cpu_backend.c and for tests, which look inside and choose the tier. */
#ifndef CPU_STATE_H
#define CPU_STATE_H
#include "cpu/cpu_backend.h"
#include "cpu/tiers.h"

struct cpu_state {
    const struct graph *graph;
    const struct tier *tier;
    struct pool *pool;
    struct plan plan;
    char *arena;   /* plan.arena_size bytes */
    char *scratch; /* scratch_size bytes for each worker */
    size_t scratch_size;
};

tumorclass_status cpu_open(struct cpu_state **state, const struct graph *graph, const struct backend_options *options,
                           const struct tier *tier);

#endif
