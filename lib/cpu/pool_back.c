/* The gradient of a pool by its input x, for each n and c: every window hands its g to its first largest element or, of
 * an average, in equal shares to its elements:
 *   dst[z][y][x] = sum over the windows that hold z, y, x of g[window] * (1 if it won, or 1 / taps counted)
 * Slice by slice of dst, in double. */
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

struct spot {
    int64_t z, y, x;
};

static struct spot spot_of(const struct window *window, struct spot output, struct spot tap)
{
    return (struct spot){ output.z * window->stride[0] + tap.z * window->dilation[0] - window->pad_before[0],
                          output.y * window->stride[1] + tap.y * window->dilation[1] - window->pad_before[1],
                          output.x * window->stride[2] + tap.x * window->dilation[2] - window->pad_before[2] };
}

/* Taps inside x of the window at `output`, axis by axis. */
static void taps_of(struct taps taps[3], const struct pool_back_run *run, struct spot output)
{
    const struct window *window = &run->node->pool.window;
    taps[0] = taps_inside(window, 0, output.z, 0, run->dst.d);
    taps[1] = taps_inside(window, 1, output.y, 0, run->dst.h);
    taps[2] = taps_inside(window, 2, output.x, 0, run->dst.w);
}

/* Where the window's largest element is. NaN wins, as it does forward. x: of the channel. */
static struct spot winner(const struct pool_back_run *run, const float *x, struct spot output)
{
    const struct window *window = &run->node->pool.window;
    struct taps taps[3];
    taps_of(taps, run, output);
    struct spot best = spot_of(window, output, (struct spot){ taps[0].begin, taps[1].begin, taps[2].begin }), tap;
    float largest = -INFINITY;
    for (tap.z = taps[0].begin; tap.z < taps[0].end; tap.z++)
        for (tap.y = taps[1].begin; tap.y < taps[1].end; tap.y++)
            for (tap.x = taps[2].begin; tap.x < taps[2].end; tap.x++) {
                const struct spot at = spot_of(window, output, tap);
                const float value = x[(at.z * run->dst.h + at.y) * run->dst.w + at.x];
                if (!(value > largest || isnan(value))) continue;
                largest = value;
                best = at;
            }
    return best;
}

/* To all elements of the window that lie in the slice: they have one tap along z. */
static void add_shares(double *slice, const struct pool_back_run *run, struct spot output, double g)
{
    const struct node *node = run->node;
    const int64_t count = taps_counted(node, 0, output.z, run->dst.d) * taps_counted(node, 1, output.y, run->dst.h) *
                          taps_counted(node, 2, output.x, run->dst.w);
    const double share = g / (double)count;
    struct taps taps[3];
    taps_of(taps, run, output);
    for (int64_t ky = taps[1].begin; ky < taps[1].end; ky++)
        for (int64_t kx = taps[2].begin; kx < taps[2].end; kx++) {
            const struct spot at = spot_of(&node->pool.window, output, (struct spot){ 0, ky, kx });
            slice[at.y * run->dst.w + at.x] += share;
        }
}

/* What the windows of slice output.z of g hand to slice z of dst. */
static void add_windows(double *slice, const struct pool_back_run *run, int64_t channel, struct spot output, int64_t z)
{
    const float *x = run->x + channel * run->dst.d * run->dst.h * run->dst.w;
    const float *g = run->g + (channel * run->src.d + output.z) * run->src.h * run->src.w;
    for (output.y = 0; output.y < run->src.h; output.y++)
        for (output.x = 0; output.x < run->src.w; output.x++, g++) {
            if (run->node->pool.kind == POOL_AVERAGE) {
                add_shares(slice, run, output, *g);
                continue;
            }
            const struct spot best = winner(run, x, output);
            if (best.z == z) slice[best.y * run->dst.w + best.x] += *g;
        }
}

static void run_slices(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct pool_back_run *run = context;
    const struct window *window = &run->node->pool.window;
    const int64_t count = run->dst.h * run->dst.w;
    double *slice = step_scratch(run->step, worker);
    for (int64_t item = begin; item < end; item++) {
        const int64_t channel = item / run->dst.d, z = item % run->dst.d;
        memset(slice, 0, (size_t)count * sizeof *slice);
        for (int64_t kz = 0; kz < window->kernel[0]; kz++) {
            const struct spot output = { .z = window_of(window, 0, z, kz, run->src.d) };
            if (output.z >= 0) add_windows(slice, run, channel, output, z);
        }
        for (int64_t i = 0; i < count; i++) run->output[item * count + i] = (float)slice[i];
    }
}

size_t TIERED(pool_back_scratch)(const struct graph *graph, const struct node *node)
{
    const struct extents dst = shape_extents(value_shape(graph, node->output));
    return (size_t)(dst.h * dst.w) * sizeof(double);
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
