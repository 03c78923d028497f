/* One node of the graph, ready to run: what every operation's function gets. */
#ifndef CPU_STEP_H
#define CPU_STEP_H
#include <assert.h>
#include "base/threads.h"
#include "model/plan.h"

struct step {
    const struct graph *graph;
    const struct plan *plan;
    const struct node *node;
    struct pool *pool;
    char *arena;
    char *scratch; /* scratch_size bytes for each worker, aligned to 64 */
    size_t scratch_size;
};

typedef void operation_run(const struct step *step);
/* Bytes of scratch that one worker needs for a node. */
typedef size_t operation_scratch(const struct graph *graph, const struct node *node);

struct operation_form {
    operation_run *run;
    operation_scratch *scratch; /* NULL: none */
};

static inline const struct shape *value_shape(const struct graph *graph, int32_t value)
{
    return &graph->values[value].shape;
}

static inline float *step_computed(const struct step *step, int32_t value)
{
    assert(step->plan->block_of[value] != NO_VALUE);
    return (float *)(void *)(step->arena + step->plan->blocks[step->plan->block_of[value]].offset);
}

/* NULL if the node leaves it out. */
static inline const float *step_value(const struct step *step, int32_t value)
{
    if (value == NO_VALUE) return NULL;
    const float *constant = step->graph->values[value].constant;
    return constant ? constant : step_computed(step, value);
}

static inline const float *step_input(const struct step *step, int32_t index)
{
    return index < step->node->input_count ? step_value(step, step->node->inputs[index]) : NULL;
}

static inline const struct shape *step_input_shape(const struct step *step, int32_t index)
{
    return value_shape(step->graph, step->node->inputs[index]);
}

static inline float *step_output(const struct step *step)
{
    return step_computed(step, step->node->output);
}

static inline const struct shape *step_output_shape(const struct step *step)
{
    return value_shape(step->graph, step->node->output);
}

static inline void *step_scratch(const struct step *step, int32_t worker)
{
    return step->scratch + (size_t)worker * step->scratch_size;
}

/* Work without a natural row, such as a whole tensor seen as one, is split into pieces of this many elements. */
enum { PIECE = 8192 };

static inline int64_t pieces_in(int64_t count)
{
    return (count + PIECE - 1) / PIECE;
}

static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
