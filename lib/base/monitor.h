/* What a long call reports to its caller, and how the caller stops it. */
#ifndef BASE_MONITOR_H
#define BASE_MONITOR_H
#include <stdatomic.h>
#include "base/status.h"

struct monitor {
    atomic_int *cancelled; /* NULL: cannot be */
    tumorclass_progress_fn progress;
    void *progress_user;
    double from, to; /* the part of the whole call that the running stage takes */
};

/* Say that `done` (0 to 1) of `stage` is done; CANCELLED if the caller asked for that. NULL is silent.
 * Call it often enough that a cancel is heard within a second. */
tumorclass_status monitor_report(const struct monitor *monitor, const char *stage, double done);
/* The same monitor for a stage that takes [from, to] of the whole call. */
struct monitor monitor_part(const struct monitor *monitor, double from, double to);

#endif
