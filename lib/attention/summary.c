#include <math.h>
#include "attention/attention.h"

struct totals {
    double weight, moment[3]; /* sums of v and of v * index */
    double inside;
    float peak;
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
        totals->peak = fmaxf(totals->peak, line[i]);
    }
    totals->weight += weight;
    totals->moment[0] += moment;
    totals->moment[1] += weight * (double)j;
    totals->moment[2] += weight * (double)k;
    totals->inside += inside;
}

/* The voxels that have the peak's value: many where a map is flat at its top, as beyond the outermost cells. Which one
 * is named must not depend on how the scan is stored: the one nearest to their middle, in millimetres, and of equally
 * near ones that furthest to the right, then to the front, then up. */
struct plateau {
    const tumorclass_volume *scan;
    double count, sum[3]; /* of the voxels' indices */
    bool found;
    int64_t voxel[3];
    double offset[3]; /* of the voxel from the middle, mm */
};

static void plateau_count(struct plateau *plateau, const int64_t voxel[3])
{
    plateau->count++;
    for (int axis = 0; axis < 3; axis++) plateau->sum[axis] += (double)voxel[axis];
}

static bool is_better(const double offset[3], const double best[3])
{
    static const double same = 1e-6; /* mm, far above rounding */
    const double near = hypot(hypot(offset[0], offset[1]), offset[2]),
                 nearest = hypot(hypot(best[0], best[1]), best[2]);
    if (fabs(near - nearest) > same) return near < nearest;
    for (int axis = 0; axis < 3; axis++)
        if (fabs(offset[axis] - best[axis]) > same) return offset[axis] > best[axis];
    return false;
}

static void plateau_choose(struct plateau *plateau, const int64_t voxel[3])
{
    double offset[3] = { 0, 0, 0 };
    for (int axis = 0; axis < 3; axis++)
        for (int n = 0; n < 3; n++)
            offset[axis] += plateau->scan->affine[4 * axis + n] * ((double)voxel[n] - plateau->sum[n] / plateau->count);
    if (plateau->found && !is_better(offset, plateau->offset)) return;
    plateau->found = true;
    for (int axis = 0; axis < 3; axis++) {
        plateau->voxel[axis] = voxel[axis];
        plateau->offset[axis] = offset[axis];
    }
}

static void visit_peak(struct plateau *plateau, const float *map, float peak,
                       void (*visit)(struct plateau *plateau, const int64_t voxel[3]))
{
    const int64_t *shape = plateau->scan->shape;
    for (int64_t k = 0; k < shape[2]; k++)
        for (int64_t j = 0; j < shape[1]; j++, map += shape[0])
            for (int64_t i = 0; i < shape[0]; i++)
                if (map[i] == peak) visit(plateau, (const int64_t[]){ i, j, k });
}

static void find_peak(int64_t voxel[3], const float *map, float peak, const tumorclass_volume *scan)
{
    struct plateau plateau = { .scan = scan, .voxel = { scan->shape[0] / 2, scan->shape[1] / 2, scan->shape[2] / 2 } };
    if (peak > 0) {
        visit_peak(&plateau, map, peak, plateau_count);
        visit_peak(&plateau, map, peak, plateau_choose);
    }
    for (int axis = 0; axis < 3; axis++) voxel[axis] = plateau.voxel[axis];
}

void attention_summarize(tumorclass_attention_summary *summary, const float *map, const unsigned char *foreground,
                         const tumorclass_volume *scan)
{
    const int64_t *shape = scan->shape;
    struct totals totals = { .peak = 0 };
    for (int64_t line = 0; line < shape[1] * shape[2]; line++)
        add_line(&totals, map + line * shape[0], foreground + line * shape[0], shape[0], line % shape[1],
                 line / shape[1]);

    *summary = (tumorclass_attention_summary){ .inside = totals.weight > 0 ? totals.inside / totals.weight : 0 };
    find_peak(summary->peak_voxel, map, totals.peak, scan);
    double peak[3], centre[3];
    for (int axis = 0; axis < 3; axis++) {
        peak[axis] = (double)summary->peak_voxel[axis];
        centre[axis] = totals.weight > 0 ? totals.moment[axis] / totals.weight : (double)(shape[axis] - 1) / 2;
    }
    affine_apply(summary->peak_mm, scan->affine, peak);
    affine_apply(summary->centre_mm, scan->affine, centre);
}
