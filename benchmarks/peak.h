/* What a convolution is measured against: the multiply-adds that this processor can do in registers, tier by tier. */
#ifndef BENCHMARKS_PEAK_H
#define BENCHMARKS_PEAK_H
#include "base/threads.h"

/* Floating-point operations a second on all threads of a pool, with the instructions of a tier as the CPU backend
 * names it. Takes about 5 ms. */
double peak_rate(struct pool *pool, const char *tier);

double seconds_now(void);

#endif
