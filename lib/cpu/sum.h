/* Sums in double, in a fixed order that the compiler can run in vectors: partial sum l takes elements l, l + 16, ... */
#ifndef CPU_SUM_H
#define CPU_SUM_H
#include <stdint.h>

enum { PARTIAL_SUMS = 16 };

static inline double sum_partials(const double partial[PARTIAL_SUMS])
{
    double total = 0;
    for (int l = 0; l < PARTIAL_SUMS; l++) total += partial[l];
    return total;
}

/* The sum of src[i]. */
static inline double sum_of(const float *src, int64_t count)
{
    double partial[PARTIAL_SUMS] = { 0 };
    int64_t i = 0;
    for (; i + PARTIAL_SUMS <= count; i += PARTIAL_SUMS)
        for (int l = 0; l < PARTIAL_SUMS; l++) partial[l] += src[i + l];
    for (int l = 0; i + l < count; l++) partial[l] += src[i + l];
    return sum_partials(partial);
}

/* The sum of (src[i] - mean)^2. */
static inline double sum_of_squares(const float *src, int64_t count, double mean)
{
    double partial[PARTIAL_SUMS] = { 0 };
    int64_t i = 0;
    for (; i + PARTIAL_SUMS <= count; i += PARTIAL_SUMS)
        for (int l = 0; l < PARTIAL_SUMS; l++) partial[l] += (src[i + l] - mean) * (src[i + l] - mean);
    for (int l = 0; i + l < count; l++) partial[l] += (src[i + l] - mean) * (src[i + l] - mean);
    return sum_partials(partial);
}

/* The sum of factor[i] * (src[i] - mean). */
static inline double sum_of_products(const float *factor, const float *src, int64_t count, double mean)
{
    double partial[PARTIAL_SUMS] = { 0 };
    int64_t i = 0;
    for (; i + PARTIAL_SUMS <= count; i += PARTIAL_SUMS)
        for (int l = 0; l < PARTIAL_SUMS; l++) partial[l] += factor[i + l] * (src[i + l] - mean);
    for (int l = 0; i + l < count; l++) partial[l] += factor[i + l] * (src[i + l] - mean);
    return sum_partials(partial);
}

#endif
