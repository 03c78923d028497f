/* dst[i0][i1]... = src at the index whose axis permutation[k] is ik. */
#include "cpu/operations.h"
#include "cpu/strides.h"

struct transpose_run {
    const struct shape *shape; /* of dst */
    int64_t stride[MAX_RANK];  /* of src along dst's axes */
    const float *src;
    float *dst;
};

static void run_rows(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct transpose_run *run = context;
    const int32_t last = run->shape->rank - 1;
    const int64_t width = run->shape->extent[last], step = run->stride[last];
    (void)worker;
    for (int64_t row = begin; row < end; row++) {
        const float *restrict src = run->src + offset_of(row, run->shape->extent, run->stride, last);
        float *restrict dst = run->dst + row * width;
        for (int64_t i = 0; i < width; i++) dst[i] = src[i * step];
    }
}

void TIERED(run_transpose)(const struct step *step)
{
    struct transpose_run run = { .shape = step_output_shape(step),
                                 .src = step_input(step, 0),
                                 .dst = step_output(step) };
    int64_t own[MAX_RANK];
    strides_of(own, step_input_shape(step, 0));
    for (int32_t i = 0; i < run.shape->rank; i++) run.stride[i] = own[step->node->transpose.permutation[i]];
    assert(run.shape->rank > 0);
    pool_run(step->pool, run_rows, &run, shape_count(run.shape) / run.shape->extent[run.shape->rank - 1]);
}
