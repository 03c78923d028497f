#include "cpu/epilogue.h"
#include <math.h>

struct epilogue epilogue_of(const struct step *step)
{
    const struct node *node = step->node;
    const struct shape *shape = step_output_shape(step);
    const int64_t channels = shape->rank > 1 ? shape->extent[1] : 1;
    int64_t positions = 1;
    for (int32_t i = 2; i < shape->rank; i++) positions *= shape->extent[i];
    if (shape->rank == 1) positions = shape->extent[0];
    return (struct epilogue){
        .dst = step_output(step),
        .residual = step_value(step, node->residual),
        .activation = node->activation,
        .alpha = node->alpha,
        .beta = node->beta,
        .slopes = step_value(step, node->slope),
        .slope_step = node->slope != NO_VALUE && shape_count(value_shape(step->graph, node->slope)) > 1,
        .channels = channels,
        .positions = positions,
    };
}

/* A comparison that NaN fails leaves x as it is: NaN passes through every activation. */
static inline float clamped(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

static void leak(float *x, int64_t count, float alpha)
{
    for (int64_t i = 0; i < count; i++) x[i] = x[i] < 0 ? alpha * x[i] : x[i];
}

static void activate(float *x, int64_t count, activation function, float alpha, float beta)
{
    switch (function) {
    case ACTIVATION_NONE: break;
    case ACTIVATION_RELU:
        for (int64_t i = 0; i < count; i++) x[i] = x[i] < 0 ? 0 : x[i];
        break;
    case ACTIVATION_LEAKY_RELU:
    case ACTIVATION_PRELU: leak(x, count, alpha); break;
    case ACTIVATION_SIGMOID:
        for (int64_t i = 0; i < count; i++) x[i] = 1 / (1 + expf(-x[i]));
        break;
    case ACTIVATION_HARD_SIGMOID:
        for (int64_t i = 0; i < count; i++) x[i] = clamped(alpha * x[i] + beta, 0, 1);
        break;
    case ACTIVATION_HARD_SWISH:
        for (int64_t i = 0; i < count; i++) x[i] *= clamped(x[i] / 6 + 0.5f, 0, 1);
        break;
    case ACTIVATION_CLIP:
        for (int64_t i = 0; i < count; i++) x[i] = clamped(x[i], alpha, beta);
        break;
    case ACTIVATION_TANH:
        for (int64_t i = 0; i < count; i++) x[i] = tanhf(x[i]);
        break;
    }
}

void epilogue_finish_channel(const struct epilogue *epilogue, int64_t begin, int64_t count, int64_t channel)
{
    float *restrict dst = epilogue->dst + begin;
    if (epilogue->residual) {
        const float *restrict residual = epilogue->residual + begin;
        for (int64_t i = 0; i < count; i++) dst[i] += residual[i];
    }
    const float alpha = epilogue->slopes ? epilogue->slopes[channel * epilogue->slope_step] : epilogue->alpha;
    activate(dst, count, epilogue->activation, alpha, epilogue->beta);
}

void epilogue_finish(const struct epilogue *epilogue, int64_t begin, int64_t count)
{
    if (!epilogue->slope_step) {
        epilogue_finish_channel(epilogue, begin, count, 0);
        return;
    }
    for (int64_t i = begin, end = begin + count; i < end;) {
        const int64_t next = (i / epilogue->positions + 1) * epilogue->positions;
        const int64_t stop = least(next, end);
        epilogue_finish_channel(epilogue, i, stop - i, i / epilogue->positions % epilogue->channels);
        i = stop;
    }
}
