/* Run a call with every failure that it can meet, and hold it to what it must then do. */
#ifndef TESTS_ALLOC_EXHAUST_H
#define TESTS_ALLOC_EXHAUST_H
#include "failures.h"
#include "tumorclass/tumorclass.h"

struct call {
    const char *name;
    tumorclass_status (*run)(uint64_t *digest, const struct call *call);
    const char *file; /* in the test's folder */
    int32_t class_index, method;
    uint32_t flips;
    size_t models;
    int64_t step; /* every so many failures of a long call, from the 16th on; 0: each */
};

/* The folder that no call may leave a file in. */
void exhaust_watch(const char *folder);
/* How many failures of that kind could be had. */
int64_t exhaust(const struct call *call, enum scarce what, bool onwards);
/* Of memory: single ones, and all from one on. `least`: single failures that there must be, or the window is not where
 * the work is. */
void exhaust_calls(const struct call *calls, size_t count, int64_t least);

#endif
