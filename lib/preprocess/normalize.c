#include "preprocess/normalize.h"
#include <math.h>

static tumorclass_status measure_range(struct preprocess_facts *facts, const struct sample *sample,
                                       const struct moments *moments, const struct preprocess_spec *spec,
                                       const struct work *work)
{
    const struct work low_part = work_part(work, 0, 0.5), high_part = work_part(work, 0.5, 1);
    tumorclass_status status = measure_percentile(&facts->low, sample, moments->count, spec->percentiles[0], &low_part);
    if (status == TUMORCLASS_OK)
        status = measure_percentile(&facts->high, sample, moments->count, spec->percentiles[1], &high_part);
    return status;
}

tumorclass_status choose_normalization(struct normalization *normalization, struct preprocess_facts *facts,
                                       const struct voxels *voxels, const struct moments *all,
                                       const struct preprocess_spec *spec, const struct work *work)
{
    struct sample sample = { voxels->values, voxels->inside, voxels->count };
    struct moments moments;
    const struct work moments_part = work_part(work, 0, 0.4), range_part = work_part(work, 0.4, 1);
    tumorclass_status status = measure_moments(&moments, &sample, &moments_part);
    facts->whole = spec->norm == NORM_ZSCORE || moments.minimum == moments.maximum;
    if (facts->whole) {
        moments = *all;
        sample.inside = NULL;
    }
    facts->mean = moments.mean;
    facts->deviation = moments.deviation;
    if (status == TUMORCLASS_OK && spec->norm == NORM_PERCENTILE)
        status = measure_range(facts, &sample, &moments, spec, &range_part);
    if (spec->norm == NORM_PERCENTILE && facts->low == facts->high) {
        facts->low = all->minimum;
        facts->high = all->maximum;
    }
    *normalization = (struct normalization){
        0, 1, spec->norm == NORM_PERCENTILE && spec->clip, { spec->bounds[0], spec->bounds[1] }
    };
    if (spec->norm == NORM_PERCENTILE) {
        normalization->shift = facts->low;
        normalization->scale = facts->high - facts->low;
    } else if (spec->norm != NORM_NONE) {
        normalization->shift = facts->mean;
        normalization->scale = facts->deviation;
    }
    return status;
}

float normalize(const struct normalization *normalization, double value)
{
    const double normal = (value - normalization->shift) / normalization->scale;
    const double low = normalization->bounds[0], high = normalization->bounds[1];
    if (!normalization->clip) return (float)normal;
    return (float)(normal < low ? low : normal > high ? high : normal);
}

struct normalizing {
    struct voxels *voxels;
    const struct normalization *normalization;
    bool has_background;
    float background;
};

static void normalize_range(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    const struct normalizing *n = context;
    float *values = n->voxels->values;
    const unsigned char *inside = n->voxels->inside;
    for (int64_t i = begin; i < end; i++) {
        const bool voxel = n->has_background ? inside[i] : isfinite(values[i]);
        values[i] = voxel ? normalize(n->normalization, values[i]) : n->background;
    }
}

tumorclass_status normalize_voxels(struct voxels *voxels, const struct normalization *normalization,
                                   bool has_background, float background, const struct work *work)
{
    struct normalizing normalizing = { voxels, normalization, has_background, background };
    return work_run(work, normalize_range, &normalizing, voxels->count, 1);
}
