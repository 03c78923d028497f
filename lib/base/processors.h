/* How many threads suit this process, and what says so. */
#ifndef BASE_PROCESSORS_H
#define BASE_PROCESSORS_H
#include <stdint.h>

enum { THREAD_LIMITS = 4 };
struct thread_limit {
    const char *name; /* "affinity" */
    int64_t threads;  /* 0: not set */
};
/* The suggested number is the least of those that are set. */
void thread_limits(struct thread_limit limits[THREAD_LIMITS]);

/* The least value that `file` ("memory.max") of our cgroup (version 2) or of one of its parents begins with, in the
 * quota's way if it holds two: a / b, at least 1. 0: none is set, or the cgroups are of version 1. */
int64_t cgroup_least(const char *file);

#endif
