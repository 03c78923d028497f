#include "attention/attention.h"

struct totals {
    double weight, moment[3]; /* sums of v and of v * index */
    double inside;
    float peak;
    int64_t peak_voxel[3];
};

static void add_line(struct totals *totals, const float *line, const unsigned char *foreground, int64_t count,
                     int64_t j, int64_t k)
{
    double weight = 0, moment = 0, inside = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!(line[i] > 0)) continue;
        const double value = line[i];
        weight += value;
        moment += value * (double)i;
        inside += foreground[i] ? value : 0;
        if (line[i] <= totals->peak) continue;
        totals->peak = line[i];
        totals->peak_voxel[0] = i;
        totals->peak_voxel[1] = j;
        totals->peak_voxel[2] = k;
    }
    totals->weight += weight;
    totals->moment[0] += moment;
    totals->moment[1] += weight * (double)j;
    totals->moment[2] += weight * (double)k;
    totals->inside += inside;
}

void attention_summarize(tumorclass_attention_summary *summary, const float *map, const unsigned char *foreground,
                         const tumorclass_volume *scan)
{
    const int64_t *shape = scan->shape;
    struct totals totals = { .peak_voxel = { shape[0] / 2, shape[1] / 2, shape[2] / 2 } };
    for (int64_t line = 0; line < shape[1] * shape[2]; line++)
        add_line(&totals, map + line * shape[0], foreground + line * shape[0], shape[0], line % shape[1],
                 line / shape[1]);

    *summary = (tumorclass_attention_summary){ .inside = totals.weight > 0 ? totals.inside / totals.weight : 0 };
    double peak[3], centre[3];
    for (int axis = 0; axis < 3; axis++) {
        summary->peak_voxel[axis] = totals.peak_voxel[axis];
        peak[axis] = (double)totals.peak_voxel[axis];
        centre[axis] = totals.weight > 0 ? totals.moment[axis] / totals.weight : (double)(shape[axis] - 1) / 2;
    }
    affine_apply(summary->peak_mm, scan->affine, peak);
    affine_apply(summary->centre_mm, scan->affine, centre);
}
