/* A long loop: threaded, saying how far it is, and stopped by a cancel within a fraction of a second. */
#ifndef BASE_WORK_H
#define BASE_WORK_H
#include "base/monitor.h"
#include "base/threads.h"

struct work {
    struct pool *pool;      /* NULL: this thread */
    struct monitor monitor; /* zero: silent */
    const char *stage;
};
struct work work_create(struct pool *pool, const struct monitor *monitor /* or NULL */, const char *stage);
/* The part of a piece of work that takes [from, to] of it, 0 to 1. */
struct work work_part(const struct work *work, double from, double to);
tumorclass_status work_report(const struct work *work, double done);

/* As pool_run, in rounds; `cost` is about the number of voxels that an item touches. */
tumorclass_status work_run(const struct work *work, pool_task *task, void *context, int64_t count, int64_t cost);

#endif
