#include "preprocess/statistics.h"
#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* A sample is cut into this many equal runs, whatever the number of threads: each is summed from its first value to its
 * last, then the sums from the first run to the last. */
enum { RUNS = 64 };

/* Intensities are mostly integers, and bins often divide their range evenly: without a shift whole grey levels would lie
 * on an edge, and the rounding of a rescaled copy would decide to which side they fall. */
static const double bin_shift = 0.01;

static int64_t run_begin(const struct sample *sample, int64_t run)
{
    return sample->count / RUNS * run + sample->count % RUNS * run / RUNS;
}

static bool has(const struct sample *sample, int64_t i)
{
    return sample->inside ? sample->inside[i] : isfinite(sample->values[i]);
}

static tumorclass_status over_runs(const struct work *work, pool_task *task, void *context, const struct sample *sample)
{
    return work_run(work, task, context, RUNS, sample->count / RUNS);
}

struct sums {
    const struct sample *sample;
    double mean;
    struct {
        int64_t count;
        double minimum, maximum, sum, squares;
    } runs[RUNS];
};

static void sum_runs(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    struct sums *sums = context;
    const struct sample *sample = sums->sample;
    for (int64_t run = begin; run < end; run++) {
        int64_t count = 0;
        double sum = 0;
        float minimum = INFINITY, maximum = -INFINITY;
        for (int64_t i = run_begin(sample, run); i < run_begin(sample, run + 1); i++) {
            if (!has(sample, i)) continue;
            const float value = sample->values[i];
            count++;
            sum += value;
            if (value < minimum) minimum = value;
            if (value > maximum) maximum = value;
        }
        sums->runs[run].count = count;
        sums->runs[run].sum = sum;
        sums->runs[run].minimum = minimum;
        sums->runs[run].maximum = maximum;
    }
}

static void sum_squares(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    struct sums *sums = context;
    const struct sample *sample = sums->sample;
    for (int64_t run = begin; run < end; run++) {
        double squares = 0;
        for (int64_t i = run_begin(sample, run); i < run_begin(sample, run + 1); i++) {
            if (!has(sample, i)) continue;
            const double difference = sample->values[i] - sums->mean;
            squares += difference * difference;
        }
        sums->runs[run].squares = squares;
    }
}

tumorclass_status measure_moments(struct moments *moments, const struct sample *sample, const struct work *work)
{
    struct sums sums = { .sample = sample };
    *moments = (struct moments){ .minimum = INFINITY, .maximum = -INFINITY };
    const struct work first = work_part(work, 0, 0.5), second = work_part(work, 0.5, 1);
    tumorclass_status status = over_runs(&first, sum_runs, &sums, sample);
    if (status != TUMORCLASS_OK) return status;
    for (int run = 0; run < RUNS; run++) {
        moments->count += sums.runs[run].count;
        moments->mean += sums.runs[run].sum;
        moments->minimum = fmin(moments->minimum, sums.runs[run].minimum);
        moments->maximum = fmax(moments->maximum, sums.runs[run].maximum);
    }
    if (!moments->count) return TUMORCLASS_OK;

    moments->mean /= (double)moments->count;
    sums.mean = moments->mean;
    status = over_runs(&second, sum_squares, &sums, sample);
    double squares = 0;
    for (int run = 0; run < RUNS; run++) squares += sums.runs[run].squares;
    moments->deviation = sqrt(squares / (double)moments->count);
    return status;
}

/* Bits of a float, so that they are ordered as the floats are. */
static uint32_t key_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 31 ? ~bits : bits | UINT32_C(1) << 31;
}

static float value_of(uint32_t key)
{
    const uint32_t bits = key >> 31 ? key & ~(UINT32_C(1) << 31) : ~key;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Selection by counting: the leading bits of the key that is sought, then the next, then the last. */
enum { DIGITS = 2048 };
static const struct {
    int shift, bits;
} levels[] = { { 21, 11 }, { 10, 11 }, { 0, 10 } };

struct counting {
    const struct sample *sample;
    uint32_t prefix; /* of the keys that are counted: all bits above this level's */
    int shift, bits;
    _Atomic int64_t counts[DIGITS];
};

static void count_digits(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    struct counting *counting = context;
    const struct sample *sample = counting->sample;
    const int shift = counting->shift;
    const uint32_t digit = (UINT32_C(1) << counting->bits) - 1;
    int64_t counts[DIGITS] = { 0 };
    for (int64_t i = run_begin(sample, begin); i < run_begin(sample, end); i++) {
        if (!has(sample, i)) continue;
        const uint32_t key = key_of(sample->values[i]);
        if ((uint64_t)key >> shift >> counting->bits == counting->prefix) counts[key >> shift & digit]++;
    }
    for (size_t n = 0; n < DIGITS; n++)
        if (counts[n]) atomic_fetch_add_explicit(&counting->counts[n], counts[n], memory_order_relaxed);
}

/* Key of the value with `*rank` (from 0) values before it; *rank becomes the number of equal ones after it. */
static tumorclass_status select_key(uint32_t *key, int64_t *rank, const struct sample *sample, const struct work *work)
{
    uint32_t prefix = 0;
    int64_t before = *rank, equal = 0;
    for (size_t level = 0; level < sizeof levels / sizeof *levels; level++) {
        struct counting counting = { sample, prefix, levels[level].shift, levels[level].bits, { 0 } };
        const struct work part = work_part(work, 0.25 * (double)level, 0.25 * (double)(level + 1));
        const tumorclass_status status = over_runs(&part, count_digits, &counting, sample);
        if (status != TUMORCLASS_OK) return status;
        uint32_t digit = 0;
        for (equal = counting.counts[0]; before >= equal && digit + 1 < DIGITS; equal = counting.counts[++digit])
            before -= equal;
        prefix = prefix << levels[level].bits | digit;
    }
    *key = prefix;
    *rank = equal - 1 - before;
    return TUMORCLASS_OK;
}

struct successor {
    const struct sample *sample;
    uint32_t key, next[RUNS];
};

static void find_next(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    struct successor *successor = context;
    const struct sample *sample = successor->sample;
    for (int64_t run = begin; run < end; run++) {
        uint32_t next = UINT32_MAX;
        for (int64_t i = run_begin(sample, run); i < run_begin(sample, run + 1); i++) {
            if (!has(sample, i)) continue;
            const uint32_t key = key_of(sample->values[i]);
            if (key > successor->key && key < next) next = key;
        }
        successor->next[run] = next;
    }
}

static tumorclass_status next_key(uint32_t *next, uint32_t key, const struct sample *sample, const struct work *work)
{
    struct successor successor = { .sample = sample, .key = key };
    const struct work part = work_part(work, 0.75, 1);
    const tumorclass_status status = over_runs(&part, find_next, &successor, sample);
    if (status != TUMORCLASS_OK) return status;
    *next = UINT32_MAX;
    for (int run = 0; run < RUNS; run++)
        if (successor.next[run] < *next) *next = successor.next[run];
    return TUMORCLASS_OK;
}

tumorclass_status measure_percentile(double *value, const struct sample *sample, int64_t population, double percent,
                                     const struct work *work)
{
    const double position = percent / 100 * (double)(population - 1);
    int64_t rank = (int64_t)position;
    const double fraction = position - (double)rank;
    uint32_t key;
    tumorclass_status status = select_key(&key, &rank, sample, work);
    if (status != TUMORCLASS_OK) return status;
    *value = value_of(key);
    if (fraction == 0 || rank > 0) return TUMORCLASS_OK;

    uint32_t next;
    status = next_key(&next, key, sample, work);
    if (status == TUMORCLASS_OK) *value += fraction * ((double)value_of(next) - *value);
    return status;
}

struct binning {
    const struct sample *sample;
    double low, scale;
    _Atomic int64_t counts[BINS];
};

static void count_values(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    struct binning *binning = context;
    const struct sample *sample = binning->sample;
    int64_t counts[BINS] = { 0 };
    for (int64_t i = run_begin(sample, begin); i < run_begin(sample, end); i++) {
        if (!has(sample, i)) continue;
        const double share = (sample->values[i] - binning->low) * binning->scale;
        const double bin = BINS * sqrt(share > 0 ? share : 0) + bin_shift;
        counts[bin < BINS ? (int)bin : BINS - 1]++;
    }
    for (size_t n = 0; n < BINS; n++) atomic_fetch_add_explicit(&binning->counts[n], counts[n], memory_order_relaxed);
}

tumorclass_status count_bins(int64_t bins[BINS], const struct sample *sample, double low, double high,
                             const struct work *work)
{
    struct binning binning = { sample, low, 1 / (high - low), { 0 } };
    const tumorclass_status status = over_runs(work, count_values, &binning, sample);
    for (size_t n = 0; n < BINS; n++) bins[n] = binning.counts[n];
    return status;
}

double bin_edge(int bin, double low, double high)
{
    const double root = bin > bin_shift ? (bin - bin_shift) / BINS : 0;
    return low + root * root * (high - low);
}
