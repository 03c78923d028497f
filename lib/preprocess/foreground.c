#include "preprocess/foreground.h"
#include <math.h>
#include "preprocess/components.h"
#include "preprocess/statistics.h"

static const double least_share = 0.05, most_share = 0.95;      /* of the volume: beyond, nothing was found */
static const double histogram_low = 0.1, histogram_high = 99.9; /* percentiles */
static const double dark_range = 0.05;  /* of the scan's: a background value as low may be that of air with noise */
static const double bright_share = 0.7; /* of the foreground: with less above Otsu's threshold, it is */

typedef void visit_values(void *context, const float *values, int64_t count);

/* Every voxel on the six faces, once. */
static void visit_faces(const struct voxels *voxels, visit_values *visit, void *context)
{
    const int64_t *shape = voxels->view.shape, width = shape[2];
    for (int64_t d = 0; d < shape[0]; d++)
        for (int64_t h = 0; h < shape[1]; h++) {
            const float *line = voxels->values + (d * shape[1] + h) * width;
            if (d == 0 || d == shape[0] - 1 || h == 0 || h == shape[1] - 1) {
                visit(context, line, width);
                continue;
            }
            visit(context, line, 1);
            if (width > 1) visit(context, line + width - 1, 1);
        }
}

static bool same(float a, float b)
{
    return a == b || (!isfinite(a) && !isfinite(b));
}

struct ballot {
    float candidate;
    int64_t lead, votes, voters;
};

/* Majority vote (Boyer and Moore 1981): if a value has more than half of the votes, it is the candidate at the end. */
static void vote(void *context, const float *values, int64_t count)
{
    struct ballot *ballot = context;
    for (int64_t i = 0; i < count; i++) {
        if (ballot->lead == 0) ballot->candidate = values[i];
        ballot->lead += same(values[i], ballot->candidate) ? 1 : -1;
    }
}

static void count_votes(void *context, const float *values, int64_t count)
{
    struct ballot *ballot = context;
    ballot->voters += count;
    for (int64_t i = 0; i < count; i++) ballot->votes += same(values[i], ballot->candidate);
}

void find_background(struct preprocess_facts *facts, const struct voxels *voxels)
{
    struct ballot ballot = { 0 };
    visit_faces(voxels, vote, &ballot);
    visit_faces(voxels, count_votes, &ballot);
    const bool elected = 2 * ballot.votes > ballot.voters;
    facts->background_value = !elected ? 0 : isfinite(ballot.candidate) ? (double)ballot.candidate : NAN;
    facts->background_share = elected ? (double)ballot.votes / (double)ballot.voters : 0;
}

/* The split that maximises the variance between two classes of bins (Otsu 1979): the last bin of the lower one, the
 * first such of equal ones. The bins are of square roots: of intensities as they are, fat, which can be three times as
 * bright as the brain, would be one class, and the brain with the air the other. */
static int otsu_split(const int64_t bins[BINS])
{
    double count = 0, sum = 0, best = -1, lower_count = 0, lower_sum = 0;
    for (int bin = 0; bin < BINS; bin++) {
        count += (double)bins[bin];
        sum += (double)bins[bin] * bin;
    }
    int split = 0;
    for (int bin = 0; bin < BINS - 1; bin++) {
        lower_count += (double)bins[bin];
        lower_sum += (double)bins[bin] * bin;
        const double upper_count = count - lower_count;
        if (lower_count == 0 || upper_count == 0) continue;
        const double distance = lower_sum / lower_count - (sum - lower_sum) / upper_count;
        const double variance = lower_count * upper_count * distance * distance;
        if (variance > best) {
            best = variance;
            split = bin;
        }
    }
    return split;
}

static tumorclass_status otsu_threshold(double *threshold, const struct voxels *voxels, int64_t finite,
                                        const struct work *work)
{
    const struct sample sample = { voxels->values, NULL, voxels->count };
    double low, high;
    int64_t bins[BINS];
    const struct work low_part = work_part(work, 0, 0.4), high_part = work_part(work, 0.4, 0.8),
                      bins_part = work_part(work, 0.8, 1);
    tumorclass_status status = measure_percentile(&low, &sample, finite, histogram_low, &low_part);
    if (status == TUMORCLASS_OK) status = measure_percentile(&high, &sample, finite, histogram_high, &high_part);
    if (status != TUMORCLASS_OK) return status;
    *threshold = low;
    if (low == high) return TUMORCLASS_OK;
    status = count_bins(bins, &sample, low, high, &bins_part);
    if (status == TUMORCLASS_OK) *threshold = bin_edge(otsu_split(bins) + 1, low, high);
    return status;
}

struct marking {
    struct voxels *voxels;
    bool by_threshold;
    double threshold;
    float background;
};

static void mark(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    const struct marking *marking = context;
    const float *values = marking->voxels->values;
    unsigned char *inside = marking->voxels->inside;
    if (marking->by_threshold)
        for (int64_t i = begin; i < end; i++) inside[i] = isfinite(values[i]) && values[i] > marking->threshold;
    else
        for (int64_t i = begin; i < end; i++) inside[i] = isfinite(values[i]) && values[i] != marking->background;
}

/* Only what is finite; `all`: all of it. */
static void mark_finite(struct voxels *voxels, bool all)
{
    for (int64_t i = 0; i < voxels->count; i++)
        voxels->inside[i] = (all || voxels->inside[i]) && isfinite(voxels->values[i]);
}

static double share_inside(const struct voxels *voxels)
{
    int64_t count = 0;
    for (int64_t i = 0; i < voxels->count; i++) count += voxels->inside[i];
    return (double)count / (double)voxels->count;
}

/* What is not background: the largest piece of it, without holes. */
static tumorclass_status mark_head(const struct preprocess_facts *facts, struct voxels *voxels, const struct work *work)
{
    struct marking marking = { .voxels = voxels,
                               .by_threshold = facts->background_share == 0,
                               .threshold = facts->threshold,
                               .background = (float)facts->background_value };
    const struct work mark_part = work_part(work, 0, 0.1), keep_part = work_part(work, 0.1, 0.6),
                      fill_part = work_part(work, 0.6, 1);
    tumorclass_status status = work_run(&mark_part, mark, &marking, voxels->count, 1);
    if (status == TUMORCLASS_OK) status = keep_largest_component(voxels->inside, voxels->view.shape, &keep_part);
    if (status == TUMORCLASS_OK) status = fill_holes(voxels->inside, voxels->view.shape, &fill_part);
    return status;
}

/* Air with a little noise, stored in few bits, mostly has one value, and the rest of it hangs together through the
 * whole scan: the foreground is then mostly dark. */
static bool is_noise(const struct voxels *voxels, double threshold)
{
    int64_t inside = 0, bright = 0;
    for (int64_t i = 0; i < voxels->count; i++) {
        inside += voxels->inside[i];
        bright += voxels->inside[i] && voxels->values[i] > threshold;
    }
    return (double)bright < bright_share * (double)inside;
}

/* By the background's value, or by a threshold where there is none, or where it is one value of noise. */
static tumorclass_status find_head(struct preprocess_facts *facts, struct voxels *voxels, const struct work *work)
{
    const double range = facts->maximum - facts->minimum;
    const bool quiet = facts->background_share > 0 && !(facts->background_value - facts->minimum < dark_range * range);
    const struct work otsu_part = work_part(work, 0, 0.3), first_part = work_part(work, 0.3, 0.6),
                      second_part = work_part(work, 0.6, 1);
    tumorclass_status status = TUMORCLASS_OK;
    if (!quiet) status = otsu_threshold(&facts->threshold, voxels, voxels->count - facts->nonfinite, &otsu_part);
    if (status == TUMORCLASS_OK) status = mark_head(facts, voxels, &first_part);
    if (status != TUMORCLASS_OK || quiet || facts->background_share == 0) return status;
    if (!is_noise(voxels, facts->threshold)) return TUMORCLASS_OK;
    facts->background_share = facts->background_value = 0;
    return mark_head(facts, voxels, &second_part);
}

tumorclass_status find_foreground(struct preprocess_facts *facts, struct voxels *voxels, const struct work *work)
{
    const tumorclass_status status = find_head(facts, voxels, work);
    if (status != TUMORCLASS_OK) return status;
    mark_finite(voxels, false);
    facts->foreground_tried = facts->background_share > 0 ? FOREGROUND_BACKGROUND_VALUE : FOREGROUND_OTSU;
    facts->foreground = facts->foreground_tried;
    facts->foreground_share = share_inside(voxels);
    if (facts->foreground_share >= least_share && facts->foreground_share <= most_share) return TUMORCLASS_OK;
    facts->foreground = FOREGROUND_ALL;
    mark_finite(voxels, true);
    return TUMORCLASS_OK;
}
