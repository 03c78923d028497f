#include "base/monitor.h"
#include <stddef.h>

tumorclass_status monitor_report(const struct monitor *monitor, const char *stage, double done)
{
    if (!monitor) return TUMORCLASS_OK;
    if (monitor->cancelled && atomic_exchange(monitor->cancelled, 0))
        return fail(TUMORCLASS_CANCELLED, "cancelled in %s", stage);
    if (monitor->progress)
        monitor->progress(monitor->progress_user, stage, monitor->from + done * (monitor->to - monitor->from));
    return TUMORCLASS_OK;
}

struct monitor monitor_part(const struct monitor *monitor, double from, double to)
{
    struct monitor part = monitor ? *monitor : (struct monitor){ 0 };
    part.from = from;
    part.to = to;
    return part;
}
