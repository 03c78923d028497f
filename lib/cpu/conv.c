/* Convolution, in the groups' own numbering of inputs i and outputs o:
 *   dst[n][o][z][y][x] = bias[o] + sum over i, kz, ky, kx of weight[o][i][kz][ky][kx] *
 *                        src[n][i][z * stride + kz * dilation - pad][... y, ky ...][... x, kx ...]
 *
 * A work item is some rows of one output plane. What they read is copied once to the worker's scratch, zeros for
 * padding included, with the phases of a stride apart: then what a tap reads for consecutive outputs is consecutive,
 * and with j = (i, kz, ky, kx) and q = row * pitch + x the sum is
 *   dst[o][q] = bias[o] + sum over j of weight[o][j] * copy[source[j] + q]
 * for a few outputs o and vectors of q at a time (conv_tile.h). The pitch - width values of q between two rows are
 * computed and dropped. */
#include "cpu/conv_tile.h"
#include "cpu/epilogue.h"

struct conv {
    const struct window *window;
    struct extents src, dst;
    int64_t groups, inputs, outputs; /* of a group */
    int64_t taps;                    /* inputs * kernel volume */
    struct split split;              /* of output planes and a group's outputs */
    int64_t phases_y, phases_x;
    int64_t lines, pitch;   /* of one phase of a plane's copy */
    int64_t plane, channel; /* floats of the copy: of one phase, and of one input */
};

static struct conv conv_of(const struct graph *graph, const struct node *node)
{
    const struct window *window = &node->conv.window;
    struct conv c = { .window = window, .groups = node->conv.groups };
    c.src = shape_extents(value_shape(graph, node->inputs[0]));
    c.dst = shape_extents(value_shape(graph, node->output));
    c.inputs = c.src.c / c.groups;
    c.outputs = c.dst.c / c.groups;
    c.taps = c.inputs * window->kernel[0] * window->kernel[1] * window->kernel[2];
    c.phases_y = least(window->stride[1], reach(window, 1) + 1);
    c.phases_x = least(window->stride[2], reach(window, 2) + 1);
    c.pitch = c.dst.w + reach(window, 2) / window->stride[2];

    const int64_t planes = times(window->kernel[0], times(c.phases_y, c.phases_x)); /* of the copy of one input */
    const int64_t line = times(times(c.inputs, planes), c.pitch);
    const int64_t more_lines = reach(window, 1) / window->stride[1];
    c.split = split_of(c.dst.h, line, more_lines, c.dst.n * c.groups * c.dst.d, c.outputs);
    c.lines = c.split.rows + more_lines;
    c.plane = times(c.lines, c.pitch);
    c.channel = times(planes, c.plane);
    return c;
}

size_t TIERED(conv_scratch)(const struct graph *graph, const struct node *node)
{
    const struct conv c = conv_of(graph, node);
    return (size_t)c.taps * sizeof(struct tap) + (size_t)(times(c.inputs, c.channel) + COPY_MARGIN) * sizeof(float);
}

static void set_taps(struct tap *tap, const struct conv *c)
{
    const int64_t *kernel = c->window->kernel, *stride = c->window->stride, *dilation = c->window->dilation;
    for (int64_t i = 0; i < c->inputs; i++)
        for (int64_t kz = 0; kz < kernel[0]; kz++)
            for (int64_t ky = 0; ky < kernel[1]; ky++)
                for (int64_t kx = 0; kx < kernel[2]; kx++) {
                    const int64_t y = ky * dilation[1], x = kx * dilation[2];
                    const int64_t phase = (kz * c->phases_y + y % stride[1]) * c->phases_x + x % stride[2];
                    (tap++)->source = i * c->channel + phase * c->plane + y / stride[1] * c->pitch + x / stride[2];
                }
}

/* All phases of input rows for output rows from `row`, of one input plane (NULL: in the padding). */
static void copy_plane(float *dst, const float *plane, const struct conv *c, int64_t row)
{
    const int64_t *stride = c->window->stride, *pad = c->window->pad_before;
    for (int64_t phase_y = 0; phase_y < c->phases_y; phase_y++)
        for (int64_t phase_x = 0; phase_x < c->phases_x; phase_x++)
            for (int64_t line = 0; line < c->lines; line++, dst += c->pitch) {
                const int64_t y = (row + line) * stride[1] + phase_y - pad[1];
                if (plane && y >= 0 && y < c->src.h)
                    copy_line(dst, c->pitch, plane + y * c->src.w, c->src.w, phase_x - pad[2], stride[2]);
                else
                    memset(dst, 0, (size_t)c->pitch * sizeof *dst);
            }
}

/* src: the group's first input. */
static void copy_inputs(float *copy, const float *src, const struct conv *c, int64_t z, int64_t row)
{
    const struct window *window = c->window;
    for (int64_t i = 0; i < c->inputs; i++)
        for (int64_t kz = 0; kz < window->kernel[0]; kz++) {
            const int64_t depth = z * window->stride[0] + kz * window->dilation[0] - window->pad_before[0];
            const bool inside = depth >= 0 && depth < c->src.d;
            copy_plane(copy, inside ? src + (i * c->src.d + depth) * c->src.h * c->src.w : NULL, c, row);
            copy += c->phases_y * c->phases_x * c->plane;
        }
    memset(copy, 0, COPY_MARGIN * sizeof *copy);
}

/* Outputs of a tile's row, [begin, begin + count) of q, to where they belong: `first` is output q = 0. */
static void store(const struct epilogue *epilogue, const float *tile, const struct conv *c, int64_t first,
                  int64_t channel, int64_t begin, int64_t count)
{
    for (int64_t q = begin; q < begin + count;) {
        const int64_t x = q % c->pitch, next = least(q - x + c->pitch, begin + count);
        const int64_t stop = least(next, q - x + c->dst.w);
        if (q < stop) {
            const int64_t at = first + q / c->pitch * c->dst.w + x;
            memcpy(epilogue->dst + at, tile + (q - begin), (size_t)(stop - q) * sizeof *tile);
            epilogue_finish_channel(epilogue, at, stop - q, channel);
        }
        q = next;
    }
}

struct conv_run {
    const struct step *step;
    struct conv conv;
    struct epilogue epilogue;
    const float *src, *weight, *bias;
};

/* Outputs [o, o + OUTPUTS), or the one output o, for q in [0, count); channel is the first output's. */
static void run_block(const struct conv_run *run, const float *copy, const struct tap *taps, int64_t channel,
                      int64_t first, int64_t count, bool single)
{
    const struct conv *c = &run->conv;
    const struct products products = { taps, c->taps, c->taps, true };
    const float *weight = run->weight + channel * c->taps, *bias = run->bias ? run->bias + channel : NULL;
    const int64_t volume = c->dst.d * c->dst.h * c->dst.w;
    float tile[TILE];
    for (int64_t q = 0, lanes; q < count; q += lanes) {
        lanes = fill_tile(tile, &products, weight, bias, copy + q, single);
        for (int64_t o = 0; o < (single ? 1 : OUTPUTS); o++)
            store(&run->epilogue, tile + o * lanes, c, first + o * volume, channel + o, q, least(lanes, count - q));
    }
}

static void run_item(const struct conv_run *run, float *copy, const struct tap *taps, int64_t item)
{
    const struct conv *c = &run->conv;
    const struct split *split = &c->split;
    const int64_t row = item % split->row_blocks * split->rows, z = item / split->row_blocks % c->dst.d;
    const int64_t part = item / split->row_blocks / c->dst.d % split->parts;
    const int64_t group = item / split->row_blocks / c->dst.d / split->parts % c->groups;
    const int64_t n = item / split->row_blocks / c->dst.d / split->parts / c->groups;

    copy_inputs(copy, run->src + (n * c->src.c + group * c->inputs) * c->src.d * c->src.h * c->src.w, c, z, row);
    const int64_t count = (least(split->rows, c->dst.h - row) - 1) * c->pitch + c->dst.w;
    const int64_t end = least(c->outputs, (part + 1) * split->part);
    for (int64_t o = part * split->part; o < end;) {
        const bool single = end - o < OUTPUTS;
        const int64_t channel = group * c->outputs + o;
        const int64_t first = (((n * c->dst.c + channel) * c->dst.d + z) * c->dst.h + row) * c->dst.w;
        run_block(run, copy, taps, channel, first, count, single);
        o += single ? 1 : OUTPUTS;
    }
}

static void run_items(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct conv_run *run = context;
    struct tap *taps = step_scratch(run->step, worker);
    float *copy = (float *)(void *)(taps + run->conv.taps);
    set_taps(taps, &run->conv);
    for (int64_t item = begin; item < end; item++) run_item(run, copy, taps, item);
}

void TIERED(run_conv)(const struct step *step)
{
    struct conv_run run = {
        .step = step,
        .conv = conv_of(step->graph, step->node),
        .epilogue = epilogue_of(step),
        .src = step_input(step, 0),
        .weight = step_input(step, 1),
        .bias = step_input(step, 2),
    };
    const struct conv *c = &run.conv;
    pool_run(step->pool, run_items, &run, c->dst.n * c->groups * c->split.parts * c->dst.d * c->split.row_blocks);
}
