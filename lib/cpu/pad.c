/* dst[index] = src[index - before], or a constant where that is outside. Negative pads crop. */
#include <string.h>
#include "cpu/operations.h"
#include "cpu/strides.h"

struct pad_run {
    const struct node *node;
    const struct shape *from, *to;
    const float *src;
    float *dst;
};

/* Where row `row` of dst begins in src (its own first column 0), or -1 if all of it is padding. */
static int64_t source_row(const struct pad_run *run, int64_t row)
{
    int64_t offset = 0, stride = 1;
    for (int32_t i = run->to->rank - 1; i >= 0; i--) {
        const int64_t index = i == run->to->rank - 1 ? 0 : row % run->to->extent[i] - run->node->pad.before[i];
        if (index < 0 || index >= run->from->extent[i]) return -1;
        if (i < run->to->rank - 1) row /= run->to->extent[i];
        offset += index * stride;
        stride *= run->from->extent[i];
    }
    return offset;
}

static void fill(float *dst, int64_t count, float value)
{
    for (int64_t i = 0; i < count; i++) dst[i] = value;
}

static void run_rows(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct pad_run *run = context;
    const int32_t last = run->to->rank - 1;
    const int64_t width = run->to->extent[last], before = run->node->pad.before[last];
    const int64_t first = least(most(before, 0), width),
                  stop = most(first, least(width, before + run->from->extent[last]));
    (void)worker;
    for (int64_t row = begin; row < end; row++) {
        const int64_t offset = source_row(run, row);
        float *dst = run->dst + row * width;
        if (offset < 0) {
            fill(dst, width, run->node->pad.value);
            continue;
        }
        fill(dst, first, run->node->pad.value);
        memcpy(dst + first, run->src + offset + first - before, (size_t)(stop - first) * sizeof *dst);
        fill(dst + stop, width - stop, run->node->pad.value);
    }
}

void TIERED(run_pad)(const struct step *step)
{
    struct pad_run run = { step->node, step_input_shape(step, 0), step_output_shape(step), step_input(step, 0),
                           step_output(step) };
    assert(run.to->rank > 0);
    pool_run(step->pool, run_rows, &run, shape_count(run.to) / run.to->extent[run.to->rank - 1]);
}
