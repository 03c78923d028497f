/* Inputs one after the other along an axis: dst[outer][begin_of_input + i][inner] = input[outer][i][inner]. */
#include <string.h>
#include "cpu/operations.h"

struct concat_run {
    const float *src;
    float *dst;            /* where the input's first slab goes */
    int64_t extent, total; /* along the axis: of this input, and of all */
    size_t inner;          /* elements of a slab */
};

static void run_slabs(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct concat_run *run = context;
    (void)worker;
    for (int64_t slab = begin; slab < end; slab++) {
        const int64_t to = slab / run->extent * run->total + slab % run->extent;
        memcpy(run->dst + (size_t)to * run->inner, run->src + (size_t)slab * run->inner, run->inner * sizeof(float));
    }
}

void TIERED(run_concat)(const struct step *step)
{
    const struct shape *shape = step_output_shape(step);
    const int32_t axis = step->node->concat.axis;
    int64_t outer = 1, inner = 1;
    for (int32_t i = 0; i < axis; i++) outer *= shape->extent[i];
    for (int32_t i = axis + 1; i < shape->rank; i++) inner *= shape->extent[i];

    struct concat_run run = { .dst = step_output(step), .total = shape->extent[axis], .inner = (size_t)inner };
    for (int32_t i = 0; i < step->node->input_count; i++) {
        run.src = step_input(step, i);
        run.extent = step_input_shape(step, i)->extent[axis];
        pool_run(step->pool, run_slabs, &run, outer * run.extent);
        run.dst += run.extent * inner;
    }
}
