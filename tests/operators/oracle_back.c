/* The gradients, from the operations' definitions: what an output is made of, with which factor, gets that factor times
 * the output's g. */
#include "oracle_walk.h"

static void add(struct oracle *o, double *dst, double x)
{
    *dst = noted(o, *dst + noted(o, x));
}

/* One output's: n, c, and where in space. */
struct output {
    int64_t n, c, space[3];
    double g;
};

static struct output output_at(const struct oracle *o, int64_t position)
{
    const struct extents e = shape_extents(input_shape(o, 0));
    return (struct output){ .n = position / (e.c * e.d * e.h * e.w),
                            .c = position / (e.d * e.h * e.w) % e.c,
                            .space = { position / (e.h * e.w) % e.d, position / e.w % e.h, position % e.w },
                            .g = input(o, 0)[position] };
}

static void conv_back(double *dst, struct oracle *o, const struct output *output)
{
    const struct window *window = &o->node->conv.window;
    const struct extents to = shape_extents(shape_of_value(o, o->node->output));
    const struct extents weights = shape_extents(input_shape(o, 1));
    const int64_t group = output->c / (weights.n / o->node->conv.groups);
    int64_t place[3], tap[3];
    for (int64_t i = 0; i < weights.c; i++) EACH_TAP(window)
        {
            place_of(place, window, output->space, tap);
            if (!inside(&to, place)) continue;
            add(o, &dst[at5(&to, output->n, group * weights.c + i, place[0], place[1], place[2])],
                output->g * input(o, 1)[at5(&weights, output->c, i, tap[0], tap[1], tap[2])]);
        }
}

/* Whether x is the maximum, after another was. */
static bool beats(double x, double other)
{
    return x > other || isnan(x);
}

/* How many elements an average pool divides by. */
static double pool_count(const struct window *window, const struct extents *from, const int64_t output[3], bool padded)
{
    const int64_t extent[3] = { from->d, from->h, from->w };
    double count = 0;
    int64_t place[3], tap[3];
    EACH_TAP(window)
    {
        place_of(place, window, output, tap);
        bool counts = true;
        for (int i = 0; i < 3; i++)
            counts = counts && (padded || place[i] >= 0) && place[i] < extent[i] + (padded ? window->pad_after[i] : 0);
        count += counts;
    }
    return count;
}

static void pool_back(double *dst, struct oracle *o, const struct output *output)
{
    const struct window *window = &o->node->pool.window;
    const struct extents to = shape_extents(input_shape(o, 1));
    const double count = pool_count(window, &to, output->space, o->node->pool.count_padding);
    int64_t place[3], tap[3], best = -1;
    EACH_TAP(window)
    {
        place_of(place, window, output->space, tap);
        if (!inside(&to, place)) continue;
        const int64_t at = at5(&to, output->n, output->c, place[0], place[1], place[2]);
        if (best < 0 || beats(input(o, 1)[at], input(o, 1)[best])) best = at;
        if (o->node->pool.kind == POOL_AVERAGE) add(o, &dst[at], output->g / count);
    }
    if (o->node->pool.kind == POOL_MAX) add(o, &dst[best], output->g);
}

static int64_t kept_position(const struct oracle *o, int64_t position)
{
    const struct shape *shape = input_shape(o, 1);
    int64_t index[MAX_RANK], kept = 0;
    index_of(index, position, shape);
    for (int i = 0; i < shape->rank; i++)
        if (!o->node->reduce.axes[i]) kept = kept * shape->extent[i] + index[i];
    return kept;
}

static void reduce_back(double *dst, struct oracle *o, int64_t output)
{
    const int64_t count = shape_count(input_shape(o, 1));
    const double reduced = (double)(count / shape_count(input_shape(o, 0)));
    const double g = noted(o, input(o, 0)[output]);
    int64_t best = -1;
    for (int64_t i = 0; i < count; i++) {
        if (kept_position(o, i) != output) continue;
        if (best < 0 || beats(input(o, 1)[i], input(o, 1)[best])) best = i;
        const double shares[] = { [REDUCE_MEAN] = g / reduced, [REDUCE_MAX] = 0, [REDUCE_SUM] = g };
        dst[i] = shares[o->node->reduce.kind];
    }
    if (o->node->reduce.kind == REDUCE_MAX) dst[best] = g;
}

/* y * (g - sum of g * y), or g - exp(y) * sum of g of the logarithm. */
static void softmax_back(double *dst, struct oracle *o, int64_t position)
{
    const struct shape *shape = input_shape(o, 0);
    const int axis = o->node->softmax.axis;
    const double g = input(o, 0)[position], y = input(o, 1)[position];
    double sum = 0;
    int64_t index[MAX_RANK];
    index_of(index, position, shape);
    for (index[axis] = 0; index[axis] < shape->extent[axis]; index[axis]++) {
        const int64_t k = position_of(index, shape);
        add(o, &sum, o->node->softmax.log ? input(o, 0)[k] : input(o, 0)[k] * input(o, 1)[k]);
    }
    dst[position] = o->node->softmax.log ? noted(o, g) - exp(y) * sum : y * (noted(o, g) - sum);
}

/* The chain rule from y = (x - mean) * scale / deviation back through the variance and the mean, for the channel that
 * begins at `first`. The mean moves the variance nowhere: the differences from it add up to 0. */
static void instance_norm_back(double *dst, struct oracle *o, int64_t first, int64_t count, double scale)
{
    const double *g = input(o, 0) + first, *x = input(o, 1) + first;
    double mean = 0, variance = 0, by_variance = 0, by_mean = 0;
    for (int64_t i = 0; i < count; i++) mean += x[i];
    mean /= (double)count;
    for (int64_t i = 0; i < count; i++) variance += (x[i] - mean) * (x[i] - mean) / (double)count;
    const double deviation = sqrt(variance + (double)o->node->norm.epsilon);
    for (int64_t i = 0; i < count; i++) {
        by_variance += g[i] * scale * (x[i] - mean) * -0.5 / (deviation * deviation * deviation);
        by_mean -= g[i] * scale / deviation;
    }
    for (int64_t i = 0; i < count; i++) {
        add(o, &dst[first + i], g[i] * scale / deviation);
        add(o, &dst[first + i], by_variance * 2 * (x[i] - mean) / (double)count);
        add(o, &dst[first + i], by_mean / (double)count);
    }
}

static double step_between(double x, double low, double high)
{
    return x > low && x < high;
}

static double derivative(const struct node *node, double x, double slope)
{
    const double alpha = (double)node->alpha, beta = (double)node->beta;
    switch (node->activation) {
    case ACTIVATION_NONE: return 1;
    case ACTIVATION_RELU: return x > 0;
    case ACTIVATION_LEAKY_RELU: return x > 0 ? 1 : alpha;
    case ACTIVATION_PRELU: return x > 0 ? 1 : slope;
    case ACTIVATION_SIGMOID: return 1 / (1 + exp(x)) / (1 + exp(-x));
    case ACTIVATION_HARD_SIGMOID: return alpha * step_between(alpha * x + beta, 0, 1);
    case ACTIVATION_HARD_SWISH: return x < -3 ? 0 : x <= 3 ? (2 * x + 3) / 6 : 1;
    case ACTIVATION_CLIP: return step_between(x, alpha, beta);
    case ACTIVATION_TANH: return 1 / (cosh(x) * cosh(x));
    }
    return NAN;
}

static double slope_of(const struct oracle *o, int64_t position)
{
    if (o->node->slope == NO_VALUE) return 0;
    const int64_t slopes = shape_count(shape_of_value(o, o->node->slope));
    int64_t index[MAX_RANK];
    index_of(index, position, input_shape(o, 1));
    return o->values[o->node->slope][slopes == 1 ? 0 : index[1]];
}

/* Whether nothing comes through by definition, not even an infinite g. */
static bool stops(const struct node *node, double x)
{
    const double alpha = (double)node->alpha, beta = (double)node->beta;
    switch (node->activation) {
    case ACTIVATION_RELU: return x <= 0;
    case ACTIVATION_HARD_SIGMOID: return !step_between(alpha * x + beta, 0, 1);
    case ACTIVATION_HARD_SWISH: return x < -3;
    case ACTIVATION_CLIP: return !step_between(x, alpha, beta);
    default: return false;
    }
}

static double activation_back(const struct oracle *o, int64_t position, double g)
{
    const double x = input(o, 1)[position];
    if (stops(o->node, x)) return 0;
    return g * (double)(float)derivative(o->node, x, slope_of(o, position)); /* 0 where no float is so small */
}

static void from_output(double *dst, struct oracle *o, int64_t position)
{
    const double g = noted(o, input(o, 0)[position]);
    struct output output;
    switch (o->node->operation) {
    case OPERATION_ACTIVATION_BACK: dst[position] = activation_back(o, position, g); break;
    case OPERATION_CONV_BACK:
        output = output_at(o, position);
        conv_back(dst, o, &output);
        break;
    case OPERATION_POOL_BACK:
        output = output_at(o, position);
        pool_back(dst, o, &output);
        break;
    case OPERATION_REDUCE_BACK: reduce_back(dst, o, position); break;
    default: softmax_back(dst, o, position); break;
    }
}

void oracle_back(double *dst, struct oracle *o)
{
    const int64_t count = shape_count(shape_of_value(o, o->node->output));
    for (int64_t i = 0; i < count; i++) dst[i] = 0;
    if (o->node->operation == OPERATION_INSTANCE_NORM_BACK) {
        const struct extents e = shape_extents(input_shape(o, 1));
        const int64_t positions = e.d * e.h * e.w;
        for (int64_t first = 0; first < count; first += positions)
            instance_norm_back(dst, o, first, positions, input(o, 2)[first / positions % e.c]);
        return;
    }
    for (int64_t i = 0; i < shape_count(input_shape(o, 0)); i++) from_output(dst, o, i);
}
