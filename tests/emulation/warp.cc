/* Operations of the lanes of a warp: each waits for the others that its mask names. */
#include "scheduler.h"
#include "fiber.h"

enum { MOST_WARPS = MOST_THREADS / 32 };

/* Lanes that arrived for one operation. Kernels use full masks, so a warp has one at a time, and one that its lanes have
 * still to read. */
struct gathering {
    const emulation_site *site;
    emulation_operation operation;
    unsigned mask, arrived, left;
    uint64_t value[32];
    char tag;
};
static gathering gatherings[MOST_WARPS][2];
static unsigned current[MOST_WARPS];

void warp_begin_block()
{
    for (int w = 0; w < MOST_WARPS; w++) {
        current[w] = 0;
        gatherings[w][0].mask = gatherings[w][1].mask = 0;
    }
}

static void check_mask(unsigned mask, unsigned warp, const emulation_site *site)
{
    if (!(mask >> emulation_lane & 1))
        emulation_fail("%s:%d: the mask %08x does not name the lane %d that calls", site->file, site->line, mask,
                       emulation_lane);
    for (unsigned lane = 0; lane < 32; lane++) {
        const unsigned thread = 32 * warp + lane;
        if (!(mask >> lane & 1)) continue;
        if (thread >= block_size)
            emulation_fail("%s:%d: the mask %08x names lane %u, which the block has not", site->file, site->line, mask,
                           lane);
        if (block_threads[thread].status == THREAD_DONE)
            emulation_fail("%s:%d: the mask %08x names lane %u, which has returned", site->file, site->line, mask,
                           lane);
    }
}

static void join(gathering *g, unsigned mask, emulation_operation operation, const emulation_site *site)
{
    if (!g->mask) {
        g->site = site;
        g->operation = operation;
        g->mask = mask;
        g->arrived = g->left = 0;
    }
    if (g->site != site || g->operation != operation || g->mask != mask)
        emulation_fail("%s:%d: a warp operation with mask %08x, while lanes of this warp wait at %s:%d with %08x",
                       site->file, site->line, mask, g->site->file, g->site->line, g->mask);
}

void emulation_warp(uint64_t all[32], uint64_t value, unsigned mask, emulation_operation operation,
                    const emulation_site *site)
{
    const unsigned warp = this_thread / 32, lane = (unsigned)emulation_lane;
    check_mask(mask, warp, site);
    gathering *const g = &gatherings[warp][current[warp]];
    join(g, mask, operation, site);
    g->value[lane] = value;
    g->arrived |= 1u << lane;
    if (operation == EMULATION_SYNC) fiber_release(&g->tag);
    if (g->arrived == mask) {
        current[warp] ^= 1;
        for (unsigned l = 0; l < 32; l++)
            if (mask >> l & 1 && l != lane) block_threads[32 * warp + l].status = THREAD_READY;
    } else {
        wait_here(THREAD_IN_WARP, site);
    }
    if (operation == EMULATION_SYNC) fiber_acquire(&g->tag);
    for (int l = 0; l < 32; l++) static_cast<volatile uint64_t *>(all)[l] = g->value[l];
    g->left |= 1u << lane;
    if (g->left == mask) g->mask = 0;
}
