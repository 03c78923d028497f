/* dst = exp(x - max) / sum over the axis of exp(x - max), or its logarithm; for each [outer][inner], in double.
 * The gradient, from y = dst: y * (g - sum over the axis of g * y), or g - exp(y) * sum of g. */
#include <math.h>
#include "cpu/operations.h"

struct softmax_run {
    const float *src, *g; /* g: of the gradient alone, and then src is y */
    float *dst;
    int64_t extent, inner; /* along the axis, and elements behind it */
    bool log;
};

static void run_line(const struct softmax_run *run, const float *src, float *dst)
{
    const int64_t inner = run->inner, end = run->extent * inner;
    double largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < end; i += inner) largest = src[i] > largest ? src[i] : largest;
    for (int64_t i = 0; i < end; i += inner) sum += exp(src[i] - largest);
    if (run->log)
        for (int64_t i = 0; i < end; i += inner) dst[i] = (float)(src[i] - largest - log(sum));
    else
        for (int64_t i = 0; i < end; i += inner) dst[i] = (float)(exp(src[i] - largest) / sum);
}

static void run_line_back(const struct softmax_run *run, const float *g, const float *y, float *dst)
{
    const int64_t inner = run->inner, end = run->extent * inner;
    double sum = 0;
    if (run->log) {
        for (int64_t i = 0; i < end; i += inner) sum += g[i];
        for (int64_t i = 0; i < end; i += inner) dst[i] = (float)(g[i] - exp(y[i]) * sum);
    } else {
        for (int64_t i = 0; i < end; i += inner) sum += (double)g[i] * y[i];
        for (int64_t i = 0; i < end; i += inner) dst[i] = (float)(y[i] * (g[i] - sum));
    }
}

static void run_lines(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct softmax_run *run = context;
    (void)worker;
    for (int64_t line = begin; line < end; line++) {
        const int64_t first = line / run->inner * run->extent * run->inner + line % run->inner;
        if (run->g)
            run_line_back(run, run->g + first, run->src + first, run->dst + first);
        else
            run_line(run, run->src + first, run->dst + first);
    }
}

static void run_all(const struct step *step, const float *src, const float *g)
{
    const struct shape *shape = step_output_shape(step);
    const int32_t axis = step->node->softmax.axis;
    struct softmax_run run = { src, g, step_output(step), shape->extent[axis], 1, step->node->softmax.log };
    for (int32_t i = axis + 1; i < shape->rank; i++) run.inner *= shape->extent[i];
    pool_run(step->pool, run_lines, &run, shape_count(shape) / run.extent);
}

void TIERED(run_softmax)(const struct step *step)
{
    run_all(step, step_input(step, 0), NULL);
}

void TIERED(run_softmax_back)(const struct step *step)
{
    run_all(step, step_input(step, 1), step_input(step, 0));
}
