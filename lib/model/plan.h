/* When each tensor lives, and where: memory for a run, known before it. */
#ifndef MODEL_PLAN_H
#define MODEL_PLAN_H
#include "model/graph.h"

/* A block of the arena: one computed value, and all reshapes of it that share its memory. Alive from step `first` to step `last`, both
 * included; the graph's input and seed are alive from -1, its output, features, embedding and fine until after
 * the last step. */
struct block {
    int32_t value;
    int32_t first, last;
    size_t size, offset; /* in bytes of the arena; size set by the backend, offset by plan_pack */
};

struct plan {
    const struct graph *graph;
    struct block *blocks;
    int32_t block_count;
    int32_t *block_of; /* by value; NO_VALUE for constants and unused values */
    size_t arena_size; /* set by plan_pack */
};

/* reshapes_share: a reshape lies where its input does; else it is a value as any other. */
tumorclass_status plan_create(struct plan *plan, const struct graph *graph, bool reshapes_share);
/* Give each block an offset so that no two that live at a time overlap: largest first, lowest gap that fits.
 * Offsets are multiples of 64 if the sizes are. */
tumorclass_status plan_pack(struct plan *plan);
void plan_free(struct plan *plan);

#endif
