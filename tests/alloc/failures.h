/* Makes a system run out, call by call, and counts what is not given back. Two forms of it:
 *
 *     exhaustion.c  takes the place of the malloc family and of pthread_create in the whole process, so that the
 *                   calls of libc, zlib and libdeflate fail as well
 *     seam.c        the seam of base/memory.h, for sanitizers, which have a malloc of their own
 *
 * Calls are counted and fail only between failures_begin and failures_end. */
#ifndef TESTS_ALLOC_FAILURES_H
#define TESTS_ALLOC_FAILURES_H
#include <stdbool.h>
#include <stdint.h>

enum scarce { SCARCE_MEMORY, SCARCE_THREADS };

/* The `first` call of the next window (0: none) fails, and with `onwards` all behind it. False: this form cannot do
 * that. */
bool failures_plan(enum scarce what, int64_t first, bool onwards);
void failures_begin(void);
void failures_end(void);
/* Calls that failed since the plan was made. */
int64_t failures_count(void);
/* Blocks in use in the process, by this form's count. */
int64_t failures_in_use(void);

#endif
