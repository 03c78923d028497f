/* The gradient of a pool by its input x, for each n and c: every window hands its g to its first largest element or, of
 * an average, in equal shares to its elements:
 *   dst[z][y][x] = sum over the windows that hold z, y, x of g[window] * (1 if it won, or 1 / taps counted)
 * Slice by slice of dst and row by row of windows, in double. */
#include <math.h>
#include <string.h>
#include "cpu/operations.h"
#include "cpu/window.h"

struct pool_back_run {
    const struct step *step;
    const struct node *node;
    struct extents src, dst; /* of g, and of x */
    const float *g, *x;
    float *output;
};

/* A worker's: a slice of dst, and for each window of a row its share, or its largest element and where in the channel
 * that is. */
struct buffers {
    double *slice, *row;
    int64_t *winner;
};

static int64_t place(const struct window *window, int axis, int64_t output, int64_t tap)
{
    return output * window->stride[axis] + tap * window->dilation[axis] - window->pad_before[axis];
}

static void add_shares(const struct buffers *buffers, const struct pool_back_run *run, const float *g, int64_t z,
                       int64_t y)
{
    const struct node *node = run->node;
    const struct window *window = &node->pool.window;
    const struct range taps_y = taps_inside(window, 1, y, 0, run->dst.h);
    const int64_t count = taps_counted(node, 0, z, run->dst.d) * taps_counted(node, 1, y, run->dst.h);
    for (int64_t x = 0; x < run->src.w; x++)
        buffers->row[x] = g[x] / (double)(count * taps_counted(node, 2, x, run->dst.w));
    for (int64_t ky = taps_y.begin; ky < taps_y.end; ky++)
        for (int64_t kx = 0; kx < window->kernel[2]; kx++) {
            const struct range inside = windows_inside(window, 2, kx, run->dst.w, run->src.w);
            double *dst = buffers->slice + place(window, 1, y, ky) * run->dst.w + place(window, 2, 0, kx);
            for (int64_t x = inside.begin; x < inside.end; x++) dst[x * window->stride[2]] += buffers->row[x];
        }
}

/* NaN wins, as it does forward. input: of the channel; first: where in it the row's tap lies for window 0. */
static void challenge(const struct buffers *buffers, const float *input, int64_t first, struct range inside,
                      int64_t stride)
{
    double *restrict largest = buffers->row;
    int64_t *restrict winner = buffers->winner;
    for (int64_t x = inside.begin; x < inside.end; x++) {
        const double value = input[first + x * stride];
        const bool wins = value > largest[x] || isnan(value) || winner[x] < 0;
        largest[x] = wins ? value : largest[x];
        winner[x] = wins ? first + x * stride : winner[x];
    }
}

static void find_winners(const struct buffers *buffers, const struct pool_back_run *run, const float *input, int64_t z,
                         int64_t y)
{
    const struct window *window = &run->node->pool.window;
    const struct range taps_z = taps_inside(window, 0, z, 0, run->dst.d),
                       taps_y = taps_inside(window, 1, y, 0, run->dst.h);
    for (int64_t x = 0; x < run->src.w; x++) {
        buffers->row[x] = -INFINITY;
        buffers->winner[x] = -1;
    }
    for (int64_t kz = taps_z.begin; kz < taps_z.end; kz++)
        for (int64_t ky = taps_y.begin; ky < taps_y.end; ky++)
            for (int64_t kx = 0; kx < window->kernel[2]; kx++) {
                const int64_t row = place(window, 0, z, kz) * run->dst.h + place(window, 1, y, ky);
                challenge(buffers, input, row * run->dst.w + place(window, 2, 0, kx),
                          windows_inside(window, 2, kx, run->dst.w, run->src.w), window->stride[2]);
            }
}

/* What the windows of one row of g, at z and y, hand to the slice of dst at `slice`. */
static void add_row(const struct buffers *buffers, const struct pool_back_run *run, int64_t channel, int64_t z,
                    int64_t y, int64_t slice)
{
    const float *g = run->g + ((channel * run->src.d + z) * run->src.h + y) * run->src.w;
    const int64_t count = run->dst.h * run->dst.w;
    if (run->node->pool.kind == POOL_AVERAGE) {
        add_shares(buffers, run, g, z, y);
        return;
    }
    find_winners(buffers, run, run->x + channel * run->dst.d * count, z, y);
    for (int64_t x = 0; x < run->src.w; x++) {
        const int64_t at = buffers->winner[x] - slice * count;
        if (at >= 0 && at < count) buffers->slice[at] += g[x];
    }
}

static void run_slices(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct pool_back_run *run = context;
    const struct window *window = &run->node->pool.window;
    const int64_t count = run->dst.h * run->dst.w;
    double *scratch = step_scratch(run->step, worker);
    const struct buffers buffers = { scratch, scratch + count, (int64_t *)(void *)(scratch + count + run->src.w) };
    for (int64_t item = begin; item < end; item++) {
        const int64_t channel = item / run->dst.d, slice = item % run->dst.d;
        memset(buffers.slice, 0, (size_t)count * sizeof(double));
        for (int64_t kz = 0; kz < window->kernel[0]; kz++) {
            const int64_t z = window_of(window, 0, slice, kz, run->src.d);
            for (int64_t y = 0; y < run->src.h && z >= 0; y++) add_row(&buffers, run, channel, z, y, slice);
        }
        for (int64_t i = 0; i < count; i++) run->output[item * count + i] = (float)buffers.slice[i];
    }
}

size_t TIERED(pool_back_scratch)(const struct graph *graph, const struct node *node)
{
    const struct extents src = shape_extents(value_shape(graph, node->inputs[0]));
    const struct extents dst = shape_extents(value_shape(graph, node->output));
    return (size_t)(dst.h * dst.w + src.w) * sizeof(double) + (size_t)src.w * sizeof(int64_t);
}

void TIERED(run_pool_back)(const struct step *step)
{
    struct pool_back_run run = {
        .step = step,
        .node = step->node,
        .src = shape_extents(step_input_shape(step, 0)),
        .dst = shape_extents(step_output_shape(step)),
        .g = step_input(step, 0),
        .x = step_input(step, 1),
        .output = step_output(step),
    };
    pool_run(step->pool, run_slices, &run, run.dst.n * run.dst.c * run.dst.d);
}
