#include "base/work.h"
#include <stddef.h>

enum { ROUND_COST = 1 << 24 }; /* voxels between two reports: some tens of milliseconds */

struct round {
    pool_task *task;
    void *context;
    int64_t first;
};

struct work work_create(struct pool *pool, const struct monitor *monitor, const char *stage)
{
    return (struct work){ pool, monitor ? *monitor : (struct monitor){ 0 }, stage };
}

struct work work_part(const struct work *work, double from, double to)
{
    const double begin = work->monitor.from, length = work->monitor.to - begin;
    struct work part = *work;
    part.monitor = monitor_part(&work->monitor, begin + from * length, begin + to * length);
    return part;
}

tumorclass_status work_report(const struct work *work, double done)
{
    return monitor_report(&work->monitor, work->stage, done);
}

static void run_round(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct round *round = context;
    round->task(round->context, round->first + begin, round->first + end, worker);
}

tumorclass_status work_run(const struct work *work, pool_task *task, void *context, int64_t count, int64_t cost)
{
    const int64_t affordable = ROUND_COST / (cost > 0 ? cost : 1), least = pool_size(work->pool);
    const int64_t size = affordable > least ? affordable : least;
    for (int64_t first = 0; first < count; first += size) {
        const tumorclass_status status = work_report(work, (double)first / (double)count);
        if (status != TUMORCLASS_OK) return status;
        struct round round = { task, context, first };
        pool_run(work->pool, run_round, &round, count - first < size ? count - first : size);
    }
    return TUMORCLASS_OK;
}
