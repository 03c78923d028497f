#include "attention/attention.h"
#include "base/work.h"

struct projection {
    float *dst;
    const float *map;
    const tumorclass_volume *scan;
    int64_t extent[3];
    double to_cells[12];    /* scan voxel to index on the feature grid */
    double low[3], high[3]; /* the network's field of view in these indices */
};

/* Cells [at, next] along an axis and the share of the second; false outside the network's field of view. */
static bool locate(int64_t *at, int64_t *next, float *share, const struct projection *p, int axis, double position)
{
    if (!(position >= p->low[axis] && position <= p->high[axis])) return false;
    const int64_t extent = p->extent[axis];
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
        if (!locate(&at[axis][0], &at[axis][1], &share[axis], p, axis, position[axis])) return 0;
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

/* Any affine: position = first + i * step. */
static void project_line(float *dst, const struct projection *p, const double first[3])
{
    for (int64_t i = 0; i < p->scan->shape[0]; i++) {
        double position[3];
        for (int axis = 0; axis < 3; axis++) position[axis] = first[axis] + (double)i * p->to_cells[4 * axis];
        dst[i] = value_at(p, position);
    }
}

/* A line that runs along one axis of the feature grid: what the other two contribute changes only from cell to cell. */
static void project_along(float *dst, const struct projection *p, const double first[3], int along)
{
    double cell[3] = { first[0], first[1], first[2] };
    int64_t at, next, last = -1;
    float share, from = 0, to = 0;
    for (int64_t i = 0; i < p->scan->shape[0]; i++) {
        const double position = first[along] + (double)i * p->to_cells[4 * along];
        dst[i] = 0;
        if (!locate(&at, &next, &share, p, along, position)) continue;
        if (at != last) {
            cell[along] = (double)at;
            from = value_at(p, cell);
            cell[along] = (double)next;
            to = value_at(p, cell);
            last = at;
        }
        dst[i] = between(from, to, share);
    }
}

/* The one axis of the feature grid that changes along i, or -1. */
static int axis_along(const struct projection *p)
{
    for (int axis = 0; axis < 3; axis++)
        if (p->to_cells[4 * ((axis + 1) % 3)] == 0 && p->to_cells[4 * ((axis + 2) % 3)] == 0) return axis;
    return -1;
}

static void project_lines(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    const struct projection *p = context;
    const int64_t width = p->scan->shape[0], height = p->scan->shape[1];
    const int along = axis_along(p);
    for (int64_t line = begin; line < end; line++) {
        const double start[3] = { 0, (double)(line % height), (double)(line / height) };
        double first[3];
        affine_apply(first, p->to_cells, start);
        if (along < 0)
            project_line(p->dst + line * width, p, first);
        else
            project_along(p->dst + line * width, p, first, along);
    }
}

tumorclass_status attention_project(float *dst, const float *map, const struct feature_grid *grid,
                                    const tumorclass_volume *scan, struct pool *pool, const struct monitor *monitor)
{
    const struct work work = work_create(pool, monitor, "attention");
    struct projection p = { .dst = dst, .map = map, .scan = scan };
    for (int axis = 0; axis < 3; axis++) {
        const double first = grid->first[axis], step = grid->step[axis];
        p.extent[axis] = grid->extent[axis];
        for (int n = 0; n < 4; n++) p.to_cells[4 * axis + n] = grid->to_network[4 * axis + n] / step;
        p.to_cells[4 * axis + 3] -= first / step;
        p.low[axis] = (-0.5 - first) / step;
        p.high[axis] = ((double)grid->input_shape[axis] - 0.5 - first) / step;
    }
    return work_run(&work, project_lines, &p, scan->shape[1] * scan->shape[2], scan->shape[0]);
}
