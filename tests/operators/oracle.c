#include "oracle_walk.h"

static double conv(struct oracle *o, int64_t n, int64_t c, const int64_t output[3])
{
    const struct window *window = &o->node->conv.window;
    const struct extents from = shape_extents(input_shape(o, 0)), weights = shape_extents(input_shape(o, 1));
    const int64_t group = c / (weights.n / o->node->conv.groups);
    double sum = input(o, 2) ? noted(o, input(o, 2)[c]) : 0;
    int64_t place[3], tap[3];
    for (int64_t i = 0; i < weights.c; i++) EACH_TAP(window)
        {
            place_of(place, window, output, tap);
            if (!inside(&from, place)) continue;
            const double x = input(o, 0)[at5(&from, n, group * weights.c + i, place[0], place[1], place[2])];
            sum += noted(o, x * input(o, 1)[at5(&weights, c, i, tap[0], tap[1], tap[2])]);
        }
    return noted(o, sum);
}

static double pool(struct oracle *o, int64_t n, int64_t c, const int64_t output[3])
{
    const struct window *window = &o->node->pool.window;
    const struct extents from = shape_extents(input_shape(o, 0));
    double sum = 0, largest = -INFINITY, taps = 0, padded_taps = 0;
    int64_t place[3], tap[3], after[3];
    EACH_TAP(window)
    {
        place_of(place, window, output, tap);
        const int64_t extent[3] = { from.d, from.h, from.w };
        bool padded = true;
        for (int i = 0; i < 3; i++) {
            after[i] = extent[i] + window->pad_after[i];
            padded = padded && place[i] < after[i];
        }
        padded_taps += padded;
        if (!inside(&from, place)) continue;
        const double x = noted(o, input(o, 0)[at5(&from, n, c, place[0], place[1], place[2])]);
        sum += x;
        taps++;
        if (isnan(largest) || isnan(x))
            largest = NAN;
        else if (x > largest)
            largest = x;
    }
    if (o->node->pool.kind == POOL_MAX) return largest;
    return sum / (o->node->pool.count_padding ? padded_taps : taps);
}

/* Of the channel that begins at `position`. */
static void channel_statistics(struct oracle *o, int64_t position, int64_t count)
{
    const double *x = input(o, 0) + position;
    o->mean = o->variance = 0;
    for (int64_t i = 0; i < count; i++) o->mean += x[i];
    o->mean /= (double)count;
    for (int64_t i = 0; i < count; i++) o->variance += (x[i] - o->mean) * (x[i] - o->mean);
    o->variance /= (double)count;
}

static double instance_norm(struct oracle *o, int64_t position)
{
    const struct extents e = shape_extents(input_shape(o, 0));
    const int64_t count = e.d * e.h * e.w, c = position / count % e.c;
    if (position % count == 0) channel_statistics(o, position, count);
    const double factor = input(o, 1)[c] / sqrt(o->variance + (double)o->node->norm.epsilon);
    return noted(o, (input(o, 0)[position] - o->mean) * factor) + noted(o, input(o, 2)[c]);
}

static double scale_shift(struct oracle *o, int64_t position)
{
    const struct extents e = shape_extents(input_shape(o, 0));
    const int64_t c = position / (e.d * e.h * e.w) % e.c;
    return noted(o, input(o, 0)[position] * input(o, 1)[c]) + noted(o, input(o, 2)[c]);
}

static double binary(struct oracle *o, const int64_t index[MAX_RANK], const struct shape *shape)
{
    const double a = noted(o, input(o, 0)[broadcast_position(index, shape, input_shape(o, 0))]);
    const double b = noted(o, input(o, 1)[broadcast_position(index, shape, input_shape(o, 1))]);
    const double results[] = { [BINARY_ADD] = a + b, [BINARY_SUB] = a - b, [BINARY_MUL] = a * b, [BINARY_DIV] = a / b };
    return noted(o, results[o->node->binary.kind]);
}

static double concat(struct oracle *o, int64_t index[MAX_RANK])
{
    const int axis = o->node->concat.axis;
    int i = 0;
    for (; index[axis] >= input_shape(o, i)->extent[axis]; i++) index[axis] -= input_shape(o, i)->extent[axis];
    return input(o, i)[position_of(index, input_shape(o, i))];
}

static double pad(struct oracle *o, int64_t index[MAX_RANK])
{
    const struct shape *shape = input_shape(o, 0);
    for (int i = 0; i < shape->rank; i++) {
        index[i] -= o->node->pad.before[i];
        if (index[i] < 0 || index[i] >= shape->extent[i]) return (double)o->node->pad.value;
    }
    return input(o, 0)[position_of(index, shape)];
}

static double transpose(struct oracle *o, const int64_t index[MAX_RANK])
{
    const struct shape *shape = input_shape(o, 0);
    int64_t own[MAX_RANK];
    for (int i = 0; i < shape->rank; i++) own[o->node->transpose.permutation[i]] = index[i];
    return input(o, 0)[position_of(own, shape)];
}

/* Every element of the input whose kept axes agree with the output's, in whatever rank the output has. */
static double reduce(struct oracle *o, int64_t output)
{
    const struct shape *shape = input_shape(o, 0);
    double sum = 0, largest = -INFINITY, count = 0;
    for (int64_t i = 0; i < shape_count(shape); i++) {
        int64_t index[MAX_RANK], kept = 0;
        index_of(index, i, shape);
        for (int k = 0; k < shape->rank; k++)
            if (!o->node->reduce.axes[k]) kept = kept * shape->extent[k] + index[k];
        if (kept != output) continue;
        const double x = noted(o, input(o, 0)[i]);
        sum += x;
        count++;
        if (isnan(largest) || isnan(x))
            largest = NAN;
        else if (x > largest)
            largest = x;
    }
    const double results[] = { [REDUCE_MEAN] = sum / count, [REDUCE_MAX] = largest, [REDUCE_SUM] = sum };
    return results[o->node->reduce.kind];
}

static double softmax(struct oracle *o, int64_t index[MAX_RANK])
{
    const struct shape *shape = input_shape(o, 0);
    const int axis = o->node->softmax.axis;
    const double x = noted(o, input(o, 0)[position_of(index, shape)]);
    double sum = 0, largest = -INFINITY;
    for (index[axis] = 0; index[axis] < shape->extent[axis]; index[axis]++)
        largest = fmax(largest, input(o, 0)[position_of(index, shape)]);
    for (index[axis] = 0; index[axis] < shape->extent[axis]; index[axis]++)
        sum += exp(input(o, 0)[position_of(index, shape)] - largest);
    return o->node->softmax.log ? x - largest - log(sum) : exp(x - largest) / sum;
}

/* An element of a matrix input at row, column of its last two axes (after transposition), batch as `index` says. */
static double matrix_element(const struct oracle *o, int which, const int64_t *batch, int batch_rank, int64_t row,
                             int64_t column)
{
    const struct shape *shape = input_shape(o, which);
    const bool swap = which == 0 ? o->node->matmul.transpose_a : o->node->matmul.transpose_b;
    int64_t index[MAX_RANK];
    for (int i = 0; i < shape->rank - 2; i++)
        index[i] = shape->extent[i] == 1 ? 0 : batch[i + batch_rank - (shape->rank - 2)];
    index[shape->rank - 2] = swap ? column : row;
    index[shape->rank - 1] = swap ? row : column;
    return input(o, which)[position_of(index, shape)];
}

static double matmul(struct oracle *o, const int64_t index[MAX_RANK], const struct shape *shape)
{
    const struct shape *a = input_shape(o, 0);
    const int batch_rank = shape->rank - 2;
    const int64_t row = index[batch_rank], column = index[batch_rank + 1];
    const int64_t inner = a->extent[a->rank - (o->node->matmul.transpose_a ? 2 : 1)];
    double sum = 0;
    for (int64_t k = 0; k < inner; k++)
        sum += noted(o, matrix_element(o, 0, index, batch_rank, row, k) *
                            matrix_element(o, 1, index, batch_rank, k, column));
    sum *= (double)o->node->matmul.alpha;
    if (input(o, 2))
        sum += (double)o->node->matmul.beta * input(o, 2)[broadcast_position(index, shape, input_shape(o, 2))];
    return noted(o, sum);
}

static double operate(struct oracle *o, int64_t position, const struct shape *shape)
{
    const struct extents e = shape->rank >= 2 && shape->rank <= 5 ? shape_extents(shape) : (struct extents){ 0 };
    int64_t index[MAX_RANK], space[3] = { 0 };
    index_of(index, position, shape);
    if (e.n) {
        space[0] = position / e.w / e.h % e.d;
        space[1] = position / e.w % e.h;
        space[2] = position % e.w;
    }
    const int64_t plane = e.n ? position / (e.d * e.h * e.w) : 0;
    switch (o->node->operation) {
    case OPERATION_ACTIVATION:
    case OPERATION_RESHAPE: return noted(o, input(o, 0)[position]);
    case OPERATION_BINARY: return binary(o, index, shape);
    case OPERATION_CONCAT: return concat(o, index);
    case OPERATION_CONV: return conv(o, plane / e.c, plane % e.c, space);
    case OPERATION_INSTANCE_NORM: return instance_norm(o, position);
    case OPERATION_MATMUL: return matmul(o, index, shape);
    case OPERATION_PAD: return pad(o, index);
    case OPERATION_POOL: return pool(o, plane / e.c, plane % e.c, space);
    case OPERATION_REDUCE: return reduce(o, position);
    case OPERATION_SCALE_SHIFT: return scale_shift(o, position);
    case OPERATION_SOFTMAX: return softmax(o, index);
    case OPERATION_TRANSPOSE: return transpose(o, index);
    case OPERATION_ACTIVATION_BACK:
    case OPERATION_CONV_BACK:
    case OPERATION_INSTANCE_NORM_BACK:
    case OPERATION_POOL_BACK:
    case OPERATION_REDUCE_BACK:
    case OPERATION_SOFTMAX_BACK:
    case OPERATION_COUNT: break;
    }
    return NAN;
}

static double limited(double x, double low, double high)
{
    if (isnan(x)) return x;
    return fmin(fmax(x, low), high);
}

static double activated(const struct oracle *o, double x, double slope)
{
    const double alpha = (double)o->node->alpha, beta = (double)o->node->beta;
    switch (o->node->activation) {
    case ACTIVATION_NONE: return x;
    case ACTIVATION_RELU: return isnan(x) || x > 0 ? x : 0;
    case ACTIVATION_LEAKY_RELU: return x < 0 ? alpha * x : x;
    case ACTIVATION_PRELU: return x < 0 ? slope * x : x;
    case ACTIVATION_SIGMOID: return 1 / (1 + exp(-x));
    case ACTIVATION_HARD_SIGMOID: return limited(alpha * x + beta, 0, 1);
    case ACTIVATION_HARD_SWISH: return x * limited(x / 6 + 0.5, 0, 1);
    case ACTIVATION_CLIP: return limited(x, alpha, beta);
    case ACTIVATION_TANH: return tanh(x);
    }
    return NAN;
}

static double slope_at(const struct oracle *o, int64_t position, const struct shape *shape)
{
    if (o->node->slope == NO_VALUE) return 0;
    if (shape_count(shape_of_value(o, o->node->slope)) == 1) return o->values[o->node->slope][0];
    int64_t index[MAX_RANK];
    index_of(index, position, shape);
    return o->values[o->node->slope][index[1]];
}

void oracle_node(double *dst, double *largest, const struct graph *graph, const struct node *node,
                 double *const *values)
{
    struct oracle o = { .graph = graph, .node = node, .values = values };
    const struct shape *shape = shape_of_value(&o, node->output);
    const bool forward = node->operation < OPERATION_ACTIVATION_BACK;
    if (!forward) oracle_back(dst, &o);
    for (int64_t i = 0; i < shape_count(shape) && forward; i++) {
        double x = operate(&o, i, shape);
        if (node->residual != NO_VALUE) x += noted(&o, values[node->residual][i]);
        dst[i] = activated(&o, noted(&o, x), slope_at(&o, i, shape));
    }
    *largest = o.largest;
}
