/* dst[i] = g[i] * derivative of the activation at x[i]. Where it has a kink, this is what PyTorch takes: the left side's
 * for ReLU and its kin, 0 for clips. */
#include <math.h>
#include "cpu/epilogue.h"

/* Of the channel's neighbours; alpha: its slope. */
static void multiply_derivative(float *restrict dst, const float *restrict g, const float *restrict x, int64_t count,
                                activation function, float alpha, float beta)
{
    switch (function) {
    case ACTIVATION_NONE:
        for (int64_t i = 0; i < count; i++) dst[i] = g[i];
        break;
    case ACTIVATION_RELU:
        for (int64_t i = 0; i < count; i++) dst[i] = x[i] <= 0 ? 0 : g[i];
        break;
    case ACTIVATION_LEAKY_RELU:
    case ACTIVATION_PRELU:
        for (int64_t i = 0; i < count; i++) dst[i] = x[i] > 0 ? g[i] : alpha * g[i];
        break;
    case ACTIVATION_SIGMOID: /* y * (1 - y), without the difference */
        for (int64_t i = 0; i < count; i++) {
            const float e = expf(-fabsf(x[i]));
            dst[i] = g[i] * (e / ((1 + e) * (1 + e)));
        }
        break;
    case ACTIVATION_HARD_SIGMOID:
        for (int64_t i = 0; i < count; i++) {
            const float y = alpha * x[i] + beta;
            dst[i] = y <= 0 || y >= 1 ? 0 : alpha * g[i];
        }
        break;
    case ACTIVATION_HARD_SWISH:
        for (int64_t i = 0; i < count; i++) dst[i] = x[i] < -3 ? 0 : x[i] > 3 ? g[i] : g[i] * (x[i] / 3 + 0.5f);
        break;
    case ACTIVATION_CLIP:
        for (int64_t i = 0; i < count; i++) dst[i] = x[i] <= alpha || x[i] >= beta ? 0 : g[i];
        break;
    case ACTIVATION_TANH: /* 1 - tanh(x)^2, without the difference */
        for (int64_t i = 0; i < count; i++) {
            const float e = expf(-2 * fabsf(x[i]));
            dst[i] = g[i] * (4 * e / ((1 + e) * (1 + e)));
        }
        break;
    }
}

struct activation_back_run {
    struct epilogue epilogue;
    const float *g, *x;
    int64_t pieces; /* of a channel */
};

static void run_pieces(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct activation_back_run *run = context;
    const struct epilogue *e = &run->epilogue;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        const int64_t plane = item / run->pieces, offset = item % run->pieces * PIECE;
        const int64_t first = plane * e->positions + offset, count = least(PIECE, e->positions - offset);
        const float alpha = e->slopes ? e->slopes[plane % e->channels * e->slope_step] : e->alpha;
        multiply_derivative(e->dst + first, run->g + first, run->x + first, count, e->activation, alpha, e->beta);
    }
}

void TIERED(run_activation_back)(const struct step *step)
{
    struct activation_back_run run = { epilogue_of(step), step_input(step, 0), step_input(step, 1), 0 };
    run.pieces = pieces_in(run.epilogue.positions);
    pool_run(step->pool, run_pieces, &run, shape_count(step_output_shape(step)) / run.epilogue.positions * run.pieces);
}
