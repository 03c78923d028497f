#include "base/memory.h"
#include "failures.h"

static int64_t planned_first, failed;

bool failures_plan(enum scarce what, int64_t first, bool onwards)
{
    planned_first = first;
    failed = 0;
    return what == SCARCE_MEMORY && !onwards;
}

void failures_begin(void)
{
    memory_fail_at(planned_first);
}

void failures_end(void)
{
    failed += memory_fail_at(0) == 0 && planned_first;
    planned_first = 0;
}

int64_t failures_count(void)
{
    return failed;
}

int64_t failures_in_use(void)
{
    return memory_blocks_in_use();
}
