/* The gradient of a convolution by its input, in the groups' own numbering of inputs i and outputs o:
 *   dst[n][i][z][y][x] = sum over o, kz, ky, kx of weight[o][i][kz][ky][kx] * src[n][o][of z, kz][of y, ky][of x, kx]
 *   of x, kx = (x + pad - kx * dilation) / stride, where that is whole and inside src
 *
 * Which taps have a whole place depends on x modulo the stride alone: for x = m * stride + phase and each of them the
 * place is m + shift. So the elements of each phase are a convolution of stride 1 of src with a share of the taps, and
 * all phases of a block of rows read one copy of src. See conv.c and conv_tile.h for the rest. */
#include "cpu/conv_tile.h"
#include "cpu/operations.h"

struct conv_back {
    const struct window *window;
    struct extents src, dst;
    int64_t groups, inputs, outputs; /* of a group */
    int64_t kernel;                  /* its volume */
    struct split split;              /* of the rows m of one phase, and of a group's inputs */
    int64_t low[3];                  /* the smallest shift */
    int64_t lines, pitch;            /* of a plane's copy */
    int64_t plane, channel;          /* floats of the copy: of one plane, and of one output */
};

/* Of an axis: a phase without elements needs no work. */
static int64_t phases(const struct conv_back *c, int axis)
{
    const int64_t extent[3] = { c->dst.d, c->dst.h, c->dst.w };
    return least(c->window->stride[axis], extent[axis]);
}

static int64_t divide_down(int64_t a, int64_t b)
{
    return -divide_up(-a, b);
}

static int64_t lowest_shift(const struct window *window, int axis)
{
    return divide_up(window->pad_before[axis] - reach(window, axis), window->stride[axis]);
}

/* How many more elements than its own a row of one phase reads. */
static int64_t shifts(const struct conv_back *c, int axis)
{
    const int64_t last = c->window->pad_before[axis] + phases(c, axis) - 1;
    return most(0, divide_down(last, c->window->stride[axis]) - c->low[axis]);
}

static struct conv_back conv_back_of(const struct graph *graph, const struct node *node)
{
    const struct window *window = &node->conv.window;
    struct conv_back c = { .window = window, .groups = node->conv.groups };
    c.src = shape_extents(value_shape(graph, node->inputs[0]));
    c.dst = shape_extents(value_shape(graph, node->output));
    c.inputs = c.dst.c / c.groups;
    c.outputs = c.src.c / c.groups;
    c.kernel = window->kernel[0] * window->kernel[1] * window->kernel[2];
    for (int axis = 0; axis < 3; axis++) c.low[axis] = lowest_shift(window, axis);
    c.pitch = divide_up(c.dst.w, window->stride[2]) + shifts(&c, 2);

    const int64_t line = times(times(c.outputs, window->kernel[0]), c.pitch), more_lines = shifts(&c, 1);
    c.split = split_of(divide_up(c.dst.h, window->stride[1]), line, more_lines, c.dst.n * c.groups * c.dst.d, c.inputs);
    c.lines = c.split.rows + more_lines;
    c.plane = times(c.lines, c.pitch);
    c.channel = times(window->kernel[0], c.plane);
    return c;
}

size_t TIERED(conv_back_scratch)(const struct graph *graph, const struct node *node)
{
    const struct conv_back c = conv_back_of(graph, node);
    return (size_t)(c.outputs * c.kernel) * sizeof(struct tap) +
           (size_t)(times(c.outputs, c.channel) + COPY_MARGIN) * sizeof(float);
}

/* What all phases read for rows m from `row` of plane z; src: the group's first output. The planes of the taps kz that
 * have a place stand one after the other. */
static void copy_outputs(float *copy, const float *src, const struct conv_back *c, int64_t z, int64_t row)
{
    for (int64_t o = 0; o < c->outputs; o++) {
        float *line = copy + o * c->channel;
        for (int64_t kz = 0; kz < c->window->kernel[0]; kz++) {
            const int64_t depth = window_of(c->window, 0, z, kz, c->src.d);
            if (depth < 0) continue;
            const float *plane = src + (o * c->src.d + depth) * c->src.h * c->src.w;
            for (int64_t i = 0; i < c->lines; i++, line += c->pitch) {
                const int64_t y = row + c->low[1] + i;
                if (y >= 0 && y < c->src.h)
                    copy_line(line, c->pitch, plane + y * c->src.w, c->src.w, c->low[2], 1);
                else
                    memset(line, 0, (size_t)c->pitch * sizeof *line);
            }
        }
        memset(line, 0, COPY_MARGIN * sizeof *line);
    }
}

/* A tap's shift less the lowest, or -1 if it has no whole place at this phase. */
static int64_t shift_of(const struct conv_back *c, int axis, int64_t phase, int64_t tap)
{
    const int64_t place = phase + c->window->pad_before[axis] - tap * c->window->dilation[axis];
    return place % c->window->stride[axis] ? -1 : place / c->window->stride[axis] - c->low[axis];
}

/* The taps of plane z and the phases y and x; returns how many. */
static int64_t set_taps(struct tap *taps, const struct conv_back *c, int64_t z, int64_t phase_y, int64_t phase_x)
{
    const int64_t *kernel = c->window->kernel;
    int64_t count = 0;
    for (int64_t o = 0; o < c->outputs; o++) {
        int64_t source = o * c->channel;
        for (int64_t kz = 0; kz < kernel[0]; kz++) {
            if (window_of(c->window, 0, z, kz, c->src.d) < 0) continue;
            for (int64_t ky = 0; ky < kernel[1]; ky++) {
                const int64_t y = shift_of(c, 1, phase_y, ky);
                for (int64_t kx = 0; kx < kernel[2] && y >= 0; kx++) {
                    const int64_t x = shift_of(c, 2, phase_x, kx);
                    if (x < 0) continue;
                    taps[count].source = source + y * c->pitch + x;
                    taps[count++].weight = o * c->inputs * c->kernel + (kz * kernel[1] + ky) * kernel[2] + kx;
                }
            }
            source += c->plane;
        }
    }
    return count;
}

struct conv_back_run {
    const struct step *step;
    struct conv_back conv;
    const float *src, *weight;
    float *dst;
};

/* The elements of one phase: `first` is that of row and column 0 in the first input of a block. */
struct phase {
    int64_t first, rows, columns;
};

/* A tile's row, [begin, begin + count) of q, to where it belongs: dst is the element q = 0. */
static void store(float *dst, const float *tile, const struct conv_back *c, const struct phase *phase, int64_t begin,
                  int64_t count)
{
    const int64_t *stride = c->window->stride;
    for (int64_t q = begin; q < begin + count;) {
        const int64_t x = q % c->pitch, next = least(q - x + c->pitch, begin + count);
        const int64_t stop = least(next, q - x + phase->columns);
        float *row = dst + q / c->pitch * stride[1] * c->dst.w + x * stride[2];
        const float *src = tile + (q - begin);
        for (int64_t i = 0; i < stop - q; i++) row[i * stride[2]] = src[i];
        q = next;
    }
}

/* Inputs [i, i + OUTPUTS) of a group, or the one input i; weight and phase: of the first. */
static void run_block(const struct conv_back_run *run, const struct products *products, const float *weight,
                      const float *copy, const struct phase *phase, bool single)
{
    const struct conv_back *c = &run->conv;
    const int64_t count = (phase->rows - 1) * c->pitch + phase->columns, volume = c->dst.d * c->dst.h * c->dst.w;
    float tile[TILE];
    for (int64_t q = 0, lanes; q < count; q += lanes) {
        lanes = fill_tile(tile, products, weight, NULL, copy + q, single);
        for (int64_t i = 0; i < (single ? 1 : OUTPUTS); i++)
            store(run->dst + phase->first + i * volume, tile + i * lanes, c, phase, q, least(lanes, count - q));
    }
}

struct item {
    int64_t n, group, part, z, row;
};

static void run_phase(const struct conv_back_run *run, struct tap *taps, const float *copy, const struct item *item,
                      int64_t phase_y, int64_t phase_x)
{
    const struct conv_back *c = &run->conv;
    const int64_t *stride = c->window->stride, first_y = item->row * stride[1] + phase_y;
    struct phase phase = { .rows = least(c->split.rows, divide_up(c->dst.h - first_y, stride[1])),
                           .columns = divide_up(c->dst.w - phase_x, stride[2]) };
    if (phase.rows <= 0) return;
    const int64_t count = set_taps(taps, c, item->z, phase_y, phase_x);
    const struct products products = { taps, count, c->kernel, false };
    const int64_t end = least(c->inputs, (item->part + 1) * c->split.part);
    for (int64_t i = item->part * c->split.part; i < end;) {
        const bool single = end - i < OUTPUTS;
        const int64_t channel = item->n * c->dst.c + item->group * c->inputs + i;
        phase.first = ((channel * c->dst.d + item->z) * c->dst.h + first_y) * c->dst.w + phase_x;
        run_block(run, &products, run->weight + (item->group * c->outputs * c->inputs + i) * c->kernel, copy, &phase,
                  single);
        i += single ? 1 : OUTPUTS;
    }
}

static struct item item_of(const struct conv_back *c, int64_t number)
{
    const struct split *split = &c->split;
    struct item item = { .row = number % split->row_blocks * split->rows };
    number /= split->row_blocks;
    item.z = number % c->dst.d;
    number /= c->dst.d;
    item.part = number % split->parts;
    number /= split->parts;
    item.group = number % c->groups;
    item.n = number / c->groups;
    return item;
}

static void run_items(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct conv_back_run *run = context;
    const struct conv_back *c = &run->conv;
    struct tap *taps = step_scratch(run->step, worker);
    float *copy = (float *)(void *)(taps + c->outputs * c->kernel);
    for (int64_t i = begin; i < end; i++) {
        const struct item item = item_of(c, i);
        const int64_t channel = item.n * c->src.c + item.group * c->outputs;
        copy_outputs(copy, run->src + channel * c->src.d * c->src.h * c->src.w, c, item.z, item.row);
        for (int64_t y = 0; y < phases(c, 1); y++)
            for (int64_t x = 0; x < phases(c, 2); x++) run_phase(run, taps, copy, &item, y, x);
    }
}

void TIERED(run_conv_back)(const struct step *step)
{
    struct conv_back_run run = {
        .step = step,
        .conv = conv_back_of(step->graph, step->node),
        .src = step_input(step, 0),
        .weight = step_input(step, 1),
        .dst = step_output(step),
    };
    const struct conv_back *c = &run.conv;
    pool_run(step->pool, run_items, &run, c->dst.n * c->groups * c->split.parts * c->dst.d * c->split.row_blocks);
}
