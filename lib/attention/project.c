#include "attention/attention.h"
#include "base/work.h"

struct projection {
    float *dst;
    const float *map;
    const tumorclass_volume *scan;
    int64_t extent[3];
    double to_cells[12]; /* scan voxel to index on the feature grid */
};

/* Cells [at, next] and the share of the second; false outside the network's field of view. */
static bool locate(int64_t *at, int64_t *next, float *share, double position, int64_t extent)
{
    if (!(position >= -0.5 && position <= (double)extent - 0.5)) return false;
    const double last = (double)(extent - 1);
    position = position < 0 ? 0 : position > last ? last : position;
    *at = (int64_t)position;
    *next = *at < extent - 1 ? *at + 1 : *at;
    *share = (float)(position - (double)*at);
    return true;
}

static float between(float a, float b, float share)
{
    return a + share * (b - a);
}

static float value_at(const struct projection *p, const double position[3])
{
    int64_t at[3][2];
    float share[3];
    for (int axis = 0; axis < 3; axis++)
        if (!locate(&at[axis][0], &at[axis][1], &share[axis], position[axis], p->extent[axis])) return 0;
    float planes[2];
    for (int d = 0; d < 2; d++) {
        float lines[2];
        for (int h = 0; h < 2; h++) {
            const float *cells = p->map + (at[0][d] * p->extent[1] + at[1][h]) * p->extent[2];
            lines[h] = between(cells[at[2][0]], cells[at[2][1]], share[2]);
        }
        planes[d] = between(lines[0], lines[1], share[1]);
    }
    return between(planes[0], planes[1], share[0]);
}

static void project_lines(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    const struct projection *p = context;
    const int64_t width = p->scan->shape[0];
    for (int64_t line = begin; line < end; line++) {
        const double start[3] = { 0, (double)(line % p->scan->shape[1]), (double)(line / p->scan->shape[1]) };
        double first[3];
        affine_apply(first, p->to_cells, start);
        for (int64_t i = 0; i < width; i++) {
            double position[3];
            for (int axis = 0; axis < 3; axis++) position[axis] = first[axis] + (double)i * p->to_cells[4 * axis];
            p->dst[line * width + i] = value_at(p, position);
        }
    }
}

tumorclass_status attention_project(float *dst, const float *map, const struct feature_grid *grid,
                                    const tumorclass_volume *scan, struct pool *pool, const struct monitor *monitor)
{
    const struct work work = work_create(pool, monitor, "attention");
    struct projection p = { .dst = dst, .map = map, .scan = scan };
    for (int axis = 0; axis < 3; axis++) {
        const double ratio = (double)grid->extent[axis] / (double)grid->input_shape[axis];
        p.extent[axis] = grid->extent[axis];
        for (int n = 0; n < 4; n++) p.to_cells[4 * axis + n] = grid->to_network[4 * axis + n] * ratio;
        p.to_cells[4 * axis + 3] += 0.5 * ratio - 0.5;
    }
    return work_run(&work, project_lines, &p, scan->shape[1] * scan->shape[2], scan->shape[0]);
}
