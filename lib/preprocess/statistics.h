/* Statistics of a set of voxels, in double and in a fixed order: the same bits for any number of threads. */
#ifndef PREPROCESS_STATISTICS_H
#define PREPROCESS_STATISTICS_H
#include "base/work.h"

struct sample {
    const float *values;
    const unsigned char *inside; /* which of them; NULL: all that are finite */
    int64_t count;               /* values, not those inside */
};

struct moments {
    int64_t count; /* values in the sample; the rest is meaningless if that is 0 */
    double minimum, maximum, mean, deviation;
};
tumorclass_status measure_moments(struct moments *moments, const struct sample *sample, const struct work *work);

/* The exact percentile as numpy's method "linear" has it; `population` is moments.count, at least 1. */
tumorclass_status measure_percentile(double *value, const struct sample *sample, int64_t population, double percent,
                                     const struct work *work);

/* Histogram over [low, high] of bins that are equal for sqrt(v - low), so that they widen with the intensity; values
 * beyond are counted in the first and the last bin. */
enum { BINS = 256 };
tumorclass_status count_bins(int64_t bins[BINS], const struct sample *sample, double low, double high,
                             const struct work *work);
double bin_edge(int bin, double low, double high); /* where a bin begins */

#endif
