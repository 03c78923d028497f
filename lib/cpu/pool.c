/* Maximum or average of src under a window, for each n and c:
 *   dst[z][y][x] = max or mean over kz, ky, kx of src[z * stride + kz * dilation - pad][... y, ky ...][... x, kx ...]
 * Padding never wins a maximum. An average divides by the taps inside the input or, if padding counts, inside the
 * padded input: a last window may reach past even that. Row by row, tap by tap, in double. */
#include <math.h>
#include "cpu/operations.h"
#include "cpu/window.h"

struct pool_run_context {
    const struct step *step;
    const struct node *node;
    struct extents src, dst;
    const float *input;
    float *output;
};

/* row[x] += or max= src[x * stride + kx * dilation - pad] for every x where that is inside. */
static void gather(double *row, const float *src, const struct pool_run_context *run, int64_t kx)
{
    const struct window *window = &run->node->pool.window;
    const int64_t stride = window->stride[2], first = kx * window->dilation[2] - window->pad_before[2];
    const struct range inside = windows_inside(window, 2, kx, run->src.w, run->dst.w);
    if (run->node->pool.kind == POOL_MAX)
        for (int64_t x = inside.begin; x < inside.end; x++) {
            const double value = src[first + x * stride];
            row[x] = value > row[x] || isnan(value) ? value : row[x];
        }
    else
        for (int64_t x = inside.begin; x < inside.end; x++) row[x] += src[first + x * stride];
}

static void finish_row(float *dst, const double *row, const struct pool_run_context *run, int64_t z, int64_t y)
{
    const struct node *node = run->node;
    if (node->pool.kind == POOL_MAX) {
        for (int64_t x = 0; x < run->dst.w; x++) dst[x] = (float)row[x];
        return;
    }
    const int64_t count = taps_counted(node, 0, z, run->src.d) * taps_counted(node, 1, y, run->src.h);
    for (int64_t x = 0; x < run->dst.w; x++)
        dst[x] = (float)(row[x] / (double)(count * taps_counted(node, 2, x, run->src.w)));
}

static void run_row(const struct pool_run_context *run, double *row, int64_t plane, int64_t z, int64_t y)
{
    const struct window *window = &run->node->pool.window;
    const struct range taps_z = taps_inside(window, 0, z, 0, run->src.d),
                       taps_y = taps_inside(window, 1, y, 0, run->src.h);
    for (int64_t x = 0; x < run->dst.w; x++) row[x] = run->node->pool.kind == POOL_MAX ? -INFINITY : 0;
    for (int64_t kz = taps_z.begin; kz < taps_z.end; kz++)
        for (int64_t ky = taps_y.begin; ky < taps_y.end; ky++) {
            const int64_t from_z = z * window->stride[0] + kz * window->dilation[0] - window->pad_before[0];
            const int64_t from_y = y * window->stride[1] + ky * window->dilation[1] - window->pad_before[1];
            const float *src = run->input + ((plane * run->src.d + from_z) * run->src.h + from_y) * run->src.w;
            for (int64_t kx = 0; kx < window->kernel[2]; kx++) gather(row, src, run, kx);
        }
    finish_row(run->output + ((plane * run->dst.d + z) * run->dst.h + y) * run->dst.w, row, run, z, y);
}

static void run_rows(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct pool_run_context *run = context;
    double *row = step_scratch(run->step, worker);
    for (int64_t i = begin; i < end; i++)
        run_row(run, row, i / run->dst.h / run->dst.d, i / run->dst.h % run->dst.d, i % run->dst.h);
}

size_t TIERED(pool_scratch)(const struct graph *graph, const struct node *node)
{
    return (size_t)shape_extents(value_shape(graph, node->output)).w * sizeof(double);
}

void TIERED(run_pool)(const struct step *step)
{
    struct pool_run_context run = {
        .step = step,
        .node = step->node,
        .src = shape_extents(step_input_shape(step, 0)),
        .dst = shape_extents(step_output_shape(step)),
        .input = step_input(step, 0),
        .output = step_output(step),
    };
    pool_run(step->pool, run_rows, &run, run.dst.n * run.dst.c * run.dst.d * run.dst.h);
}
