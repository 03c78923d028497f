/* dst[kept axes] = mean (in double) or maximum of src over the reduced axes. */
#include <math.h>
#include "cpu/operations.h"
#include "cpu/strides.h"
#include "cpu/sum.h"

struct axes {
    int32_t count;
    int64_t extent[MAX_RANK], stride[MAX_RANK];
};

struct reduce_run {
    struct axes kept, reduced;
    int64_t run_length, runs; /* reduced axes at the end of the shape are one run of neighbours */
    const float *src;
    float *dst;
    int32_t kind;
};

/* NaN wins, whatever comes after it. */
static float largest_of(float largest, const float *src, int64_t count)
{
    for (int64_t i = 0; i < count; i++) largest = src[i] > largest || isnan(src[i]) ? src[i] : largest;
    return largest;
}

static void run_outputs(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct reduce_run *run = context;
    const struct axes *kept = &run->kept, *reduced = &run->reduced;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const float *first = run->src + offset_of(i, kept->extent, kept->stride, kept->count);
        double sum = 0;
        float largest = -INFINITY;
        for (int64_t k = 0; k < run->runs; k++) {
            const float *src = first + offset_of(k, reduced->extent, reduced->stride, reduced->count);
            if (run->kind == REDUCE_MEAN)
                sum += sum_of(src, run->run_length);
            else
                largest = largest_of(largest, src, run->run_length);
        }
        run->dst[i] = run->kind == REDUCE_MEAN ? (float)(sum / (double)(run->runs * run->run_length)) : largest;
    }
}

static void add_axis(struct axes *axes, int64_t extent, int64_t stride)
{
    axes->extent[axes->count] = extent;
    axes->stride[axes->count++] = stride;
}

void TIERED(run_reduce)(const struct step *step)
{
    const struct shape *shape = step_input_shape(step, 0);
    const bool *reduced = step->node->reduce.axes;
    struct reduce_run run = { .run_length = 1,
                              .runs = 1,
                              .src = step_input(step, 0),
                              .dst = step_output(step),
                              .kind = step->node->reduce.kind };
    int64_t stride[MAX_RANK];
    int32_t end = shape->rank;
    strides_of(stride, shape);
    while (end > 0 && reduced[end - 1]) run.run_length *= shape->extent[--end];
    for (int32_t i = 0; i < end; i++) {
        add_axis(reduced[i] ? &run.reduced : &run.kept, shape->extent[i], stride[i]);
        if (reduced[i]) run.runs *= shape->extent[i];
    }
    pool_run(step->pool, run_outputs, &run, shape_count(step_output_shape(step)));
}
