/* dst[kept axes] = mean or sum (in double) or maximum of src over the reduced axes. The gradient: of a sum, every element
 * of dst has g[kept axes]; of a mean that by their count; of a maximum the first of the largest has all, the rest 0. */
#include <math.h>
#include "cpu/operations.h"
#include "cpu/strides.h"
#include "cpu/sum.h"

struct axes {
    int32_t count;
    int64_t extent[MAX_RANK], stride[MAX_RANK];
};

/* The elements of a tensor that one output reduces: `runs` runs of neighbours, reduced axes at the end of the shape. */
struct reduction {
    struct axes kept, reduced;
    int64_t run_length, runs;
    int32_t kind;
};

struct reduce_run {
    struct reduction reduction;
    const float *src, *g; /* g: of the gradient alone */
    float *dst;
};

static void add_axis(struct axes *axes, int64_t extent, int64_t stride)
{
    axes->extent[axes->count] = extent;
    axes->stride[axes->count++] = stride;
}

static struct reduction reduction_of(const struct node *node, const struct shape *shape)
{
    const bool *reduced = node->reduce.axes;
    struct reduction r = { .run_length = 1, .runs = 1, .kind = node->reduce.kind };
    int64_t stride[MAX_RANK];
    int32_t end = shape->rank;
    strides_of(stride, shape);
    while (end > 0 && reduced[end - 1]) r.run_length *= shape->extent[--end];
    for (int32_t i = 0; i < end; i++) {
        add_axis(reduced[i] ? &r.reduced : &r.kept, shape->extent[i], stride[i]);
        if (reduced[i]) r.runs *= shape->extent[i];
    }
    return r;
}

/* Where the elements of output i begin, and their run k after that. */
static int64_t output_offset(const struct reduction *r, int64_t i)
{
    return offset_of(i, r->kept.extent, r->kept.stride, r->kept.count);
}

static int64_t run_offset(const struct reduction *r, int64_t k)
{
    return offset_of(k, r->reduced.extent, r->reduced.stride, r->reduced.count);
}

static double sum_of_runs(const struct reduction *r, const float *first)
{
    double sum = 0;
    for (int64_t k = 0; k < r->runs; k++) sum += sum_of(first + run_offset(r, k), r->run_length);
    return r->kind == REDUCE_MEAN ? sum / (double)(r->runs * r->run_length) : sum;
}

/* Where the largest is, the first if there are several. But NaN wins, whatever comes after it. */
static int64_t offset_of_largest(const struct reduction *r, const float *first)
{
    int64_t best = 0;
    float largest = -INFINITY;
    for (int64_t k = 0; k < r->runs; k++) {
        const int64_t offset = run_offset(r, k);
        for (int64_t i = offset; i < offset + r->run_length; i++) {
            if (!(first[i] > largest || isnan(first[i]))) continue;
            largest = first[i];
            best = i;
        }
    }
    return best;
}

static void run_outputs(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct reduce_run *run = context;
    const struct reduction *r = &run->reduction;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const float *first = run->src + output_offset(r, i);
        run->dst[i] = r->kind == REDUCE_MAX ? first[offset_of_largest(r, first)] : (float)sum_of_runs(r, first);
    }
}

void TIERED(run_reduce)(const struct step *step)
{
    struct reduce_run run = { .reduction = reduction_of(step->node, step_input_shape(step, 0)),
                              .src = step_input(step, 0),
                              .dst = step_output(step) };
    pool_run(step->pool, run_outputs, &run, shape_count(step_output_shape(step)));
}

static void run_gradients(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct reduce_run *run = context;
    const struct reduction *r = &run->reduction;
    const double count = r->kind == REDUCE_MEAN ? (double)(r->runs * r->run_length) : 1;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const int64_t first = output_offset(r, i);
        const float share = r->kind == REDUCE_MAX ? 0 : (float)(run->g[i] / count);
        for (int64_t k = 0; k < r->runs; k++) {
            float *dst = run->dst + first + run_offset(r, k);
            for (int64_t j = 0; j < r->run_length; j++) dst[j] = share;
        }
        if (r->kind == REDUCE_MAX) run->dst[first + offset_of_largest(r, run->src + first)] = run->g[i];
    }
}

void TIERED(run_reduce_back)(const struct step *step)
{
    struct reduce_run run = { .reduction = reduction_of(step->node, step_input_shape(step, 1)),
                              .g = step_input(step, 0),
                              .src = step_input(step, 1),
                              .dst = step_output(step) };
    pool_run(step->pool, run_gradients, &run, shape_count(step_input_shape(step, 0)));
}
