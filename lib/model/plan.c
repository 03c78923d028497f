#include "model/plan.h"
#include <stdlib.h>
#include "base/memory.h"

static void extend(struct plan *plan, int32_t value, int32_t step)
{
    if (value == NO_VALUE || plan->block_of[value] == NO_VALUE) return;
    struct block *block = &plan->blocks[plan->block_of[value]];
    if (step > block->last) block->last = step;
}

static void open_block(struct plan *plan, int32_t value, int32_t step)
{
    plan->block_of[value] = plan->block_count;
    plan->blocks[plan->block_count++] = (struct block){ .value = value, .first = step, .last = step };
}

static void follow_nodes(struct plan *plan, bool reshapes_share)
{
    const struct graph *graph = plan->graph;
    open_block(plan, graph->input, -1);
    if (graph->seed != NO_VALUE) open_block(plan, graph->seed, -1);
    for (int32_t i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->nodes[i];
        for (int32_t k = 0; k < node->input_count; k++) extend(plan, node->inputs[k], i);
        extend(plan, node->residual, i);
        if (reshapes_share && node->operation == OPERATION_RESHAPE)
            plan->block_of[node->output] = plan->block_of[node->inputs[0]];
        else
            open_block(plan, node->output, i);
    }
    extend(plan, graph->output, graph->node_count);
    extend(plan, graph->features, graph->node_count);
    extend(plan, graph->embedding, graph->node_count);
    extend(plan, graph->fine, graph->node_count);
}

tumorclass_status plan_create(struct plan *plan, const struct graph *graph, bool reshapes_share)
{
    *plan = (struct plan){ .graph = graph };
    plan->blocks = memory_zeroed((size_t)graph->node_count + 2, sizeof *plan->blocks);
    plan->block_of = memory_allocate((size_t)graph->value_count, sizeof *plan->block_of);
    if (!plan->blocks || !plan->block_of) {
        plan_free(plan);
        return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory to plan %d steps", graph->node_count);
    }
    for (int32_t v = 0; v < graph->value_count; v++) plan->block_of[v] = NO_VALUE;
    follow_nodes(plan, reshapes_share);
    return TUMORCLASS_OK;
}

void plan_free(struct plan *plan)
{
    memory_free(plan->blocks);
    memory_free(plan->block_of);
    *plan = (struct plan){ 0 };
}

static int larger_first(const void *left, const void *right)
{
    const struct block *a = *(struct block *const *)left, *b = *(struct block *const *)right;
    if (a->size != b->size) return a->size < b->size ? 1 : -1;
    return a < b ? -1 : a > b; /* as they stand in the plan */
}

static bool live_together(const struct block *a, const struct block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* placed[0 .. count) have offsets, and ascend by them: the lowest gap between those that live with `block`. */
static size_t lowest_gap(const struct block *block, struct block *const *placed, int32_t count)
{
    size_t end = 0;
    for (int32_t i = 0; i < count; i++) {
        if (!live_together(block, placed[i])) continue;
        if (placed[i]->offset >= end && placed[i]->offset - end >= block->size) break;
        const size_t behind = placed[i]->offset + placed[i]->size;
        if (behind > end) end = behind;
    }
    return end;
}

static void insert(struct block **placed, int32_t count, struct block *block)
{
    int32_t i = count;
    for (; i > 0 && placed[i - 1]->offset > block->offset; i--) placed[i] = placed[i - 1];
    placed[i] = block;
}

static bool sum_fits(const struct plan *plan)
{
    size_t sum = 0;
    for (int32_t i = 0; i < plan->block_count; i++) {
        if (plan->blocks[i].size > SIZE_MAX - sum) return false;
        sum += plan->blocks[i].size;
    }
    return true;
}

tumorclass_status plan_pack(struct plan *plan)
{
    const int32_t count = plan->block_count;
    if (!sum_fits(plan))
        return fail(TUMORCLASS_LIMIT, "the network's %d tensors take more bytes than there are", count);
    struct block **order = memory_allocate(2 * (size_t)count, sizeof *order);
    if (!order) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory to plan %d tensors", count);
    struct block **placed = order + count;
    for (int32_t i = 0; i < count; i++) order[i] = &plan->blocks[i];
    qsort(order, (size_t)count, sizeof *order, larger_first);

    plan->arena_size = 0;
    for (int32_t i = 0; i < count; i++) {
        struct block *block = order[i];
        block->offset = lowest_gap(block, placed, i);
        insert(placed, i, block);
        if (block->offset + block->size > plan->arena_size) plan->arena_size = block->offset + block->size;
    }
    memory_free(order);
    return TUMORCLASS_OK;
}
