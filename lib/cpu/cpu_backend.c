#include "cpu/cpu_backend.h"
#include <string.h>
#include "base/memory.h"
#include "cpu/state.h"

enum { ALIGNMENT = 64 };

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Graphs hold no tensor whose bytes overflow: their extents are checked when they are built. */
static size_t value_bytes(const struct graph *graph, int32_t value)
{
    return aligned((size_t)shape_count(value_shape(graph, value)) * sizeof(float));
}

static tumorclass_status plan_memory(struct plan *plan, const struct graph *graph)
{
    tumorclass_status status = plan_create(plan, graph, true);
    if (status != TUMORCLASS_OK) return status;
    for (int32_t i = 0; i < plan->block_count; i++) plan->blocks[i].size = value_bytes(graph, plan->blocks[i].value);
    status = plan_pack(plan);
    if (status != TUMORCLASS_OK) plan_free(plan);
    return status;
}

/* Of one worker: what the most demanding node needs. */
static size_t scratch_bytes(const struct graph *graph, const struct tier *tier)
{
    size_t bytes = 0;
    for (int32_t i = 0; i < graph->node_count; i++) {
        operation_scratch *scratch = tier->operations[graph->nodes[i].operation].scratch;
        const size_t wanted = scratch ? aligned(scratch(graph, &graph->nodes[i])) : 0;
        if (wanted > bytes) bytes = wanted;
    }
    return bytes;
}

tumorclass_status cpu_measure(size_t *bytes, const struct graph *graph, int32_t threads, int32_t tier)
{
    struct plan plan;
    const tumorclass_status status = plan_memory(&plan, graph);
    if (status != TUMORCLASS_OK) return status;
    size_t scratch;
    const bool representable = multiply_sizes(&scratch, scratch_bytes(graph, tier_get(tier)), (size_t)threads);
    *bytes = sizeof(struct cpu_state) + plan.arena_size + scratch;
    plan_free(&plan);
    if (!representable || *bytes < scratch) return fail(TUMORCLASS_LIMIT, "the network needs more memory than exists");
    return TUMORCLASS_OK;
}

static void close_state(void *state)
{
    struct cpu_state *s = state;
    if (!s) return;
    plan_free(&s->plan);
    memory_free(s->arena);
    memory_free(s->scratch);
    memory_free(s);
}

static tumorclass_status allocate(struct cpu_state *state)
{
    const int32_t threads = pool_size(state->pool);
    state->scratch_size = scratch_bytes(state->graph, state->tier);
    state->arena = memory_allocate(state->plan.arena_size, 1);
    state->scratch = memory_allocate((size_t)threads, state->scratch_size);
    if (state->arena && state->scratch) return TUMORCLASS_OK;
    return fail(TUMORCLASS_OUT_OF_MEMORY,
                "no memory for a network's tensors (%zu MiB) and for %d threads (%zu MiB each)",
                state->plan.arena_size >> 20, (int)threads, state->scratch_size >> 20);
}

tumorclass_status cpu_open(struct cpu_state **state, const struct graph *graph, const struct backend_options *options,
                           const struct tier *tier)
{
    *state = NULL;
    struct cpu_state *s = memory_zeroed(1, sizeof *s);
    if (!s) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the CPU backend");
    s->graph = graph;
    s->tier = tier;
    s->pool = options->pool;
    tumorclass_status status = plan_memory(&s->plan, graph);
    if (status != TUMORCLASS_OK) {
        memory_free(s);
        return status;
    }
    status = allocate(s);
    if (status != TUMORCLASS_OK) {
        close_state(s);
        return status;
    }
    *state = s;
    return TUMORCLASS_OK;
}

static tumorclass_status open_state(void **state, const struct graph *graph, const struct backend_options *options)
{
    struct cpu_state *s;
    const tumorclass_status status = cpu_open(&s, graph, options, tier_get(options->tier));
    *state = s;
    return status;
}

static const char *describe(const void *state)
{
    const struct cpu_state *s = state;
    return s->tier->name;
}

static tumorclass_precision precision(const void *state)
{
    (void)state;
    return TUMORCLASS_PRECISION_FLOAT32;
}

static size_t held(const void *state)
{
    const struct cpu_state *s = state;
    return sizeof *s + s->plan.arena_size + (size_t)pool_size(s->pool) * s->scratch_size;
}

static struct step step_of(const struct cpu_state *state, const struct node *node)
{
    return (struct step){ state->graph,   &state->plan,       node, state->pool, state->arena,
                          state->scratch, state->scratch_size };
}

static tumorclass_status upload(void *state, int32_t value, const float *src)
{
    const struct step step = step_of(state, NULL);
    memcpy(step_computed(&step, value), src, (size_t)shape_count(value_shape(step.graph, value)) * sizeof *src);
    return TUMORCLASS_OK;
}

static tumorclass_status run(void *state, int32_t index)
{
    const struct cpu_state *s = state;
    const struct node *node = &s->graph->nodes[index];
    const struct step step = step_of(s, node);
    if (s->tier->operations[node->operation].run) s->tier->operations[node->operation].run(&step);
    return TUMORCLASS_OK;
}

static tumorclass_status download(void *state, float *dst, int32_t value)
{
    const struct step step = step_of(state, NULL);
    memcpy(dst, step_value(&step, value), (size_t)shape_count(value_shape(step.graph, value)) * sizeof *dst);
    return TUMORCLASS_OK;
}

const struct backend cpu_backend = { "CPU", open_state, close_state, describe, precision, held, upload, run, download };
