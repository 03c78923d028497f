/* dst[n][c][p] = (src[n][c][p] - mean) / sqrt(variance + epsilon) * scale[c] + shift[c], mean and variance over the
 * positions p of each n and c.
 * The gradient, with y = (src - mean) / sqrt(variance + epsilon):
 *   dst = scale[c] / sqrt(variance + epsilon) * (g - mean of g - y * mean of (g * y)) */
#include <math.h>
#include "cpu/epilogue.h"
#include "cpu/sum.h"

struct norm_run {
    struct epilogue epilogue;
    const float *src, *scale, *shift, *g; /* g: of the gradient, which has no shift */
    double epsilon;
};

static void run_planes(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct norm_run *run = context;
    const int64_t positions = run->epilogue.positions;
    (void)worker;
    for (int64_t plane = begin; plane < end; plane++) {
        const int64_t c = plane % run->epilogue.channels;
        const float *src = run->src + plane * positions;
        const double mean = sum_of(src, positions) / (double)positions;
        const double variance = sum_of_squares(src, positions, mean) / (double)positions;
        const double factor = run->scale[c] / sqrt(variance + run->epsilon), shift = run->shift[c];
        for (int64_t first = 0; first < positions; first += PIECE) {
            const int64_t count = least(PIECE, positions - first);
            const float *restrict x = src + first;
            float *restrict dst = run->epilogue.dst + plane * positions + first;
            for (int64_t i = 0; i < count; i++) dst[i] = (float)((x[i] - mean) * factor + shift);
            epilogue_finish_channel(&run->epilogue, plane * positions + first, count, c);
        }
    }
}

void TIERED(run_instance_norm)(const struct step *step)
{
    struct norm_run run = { .epilogue = epilogue_of(step),
                            .src = step_input(step, 0),
                            .scale = step_input(step, 1),
                            .shift = step_input(step, 2),
                            .epsilon = step->node->norm.epsilon };
    const struct extents extents = shape_extents(step_output_shape(step));
    pool_run(step->pool, run_planes, &run, extents.n * extents.c);
}

static void run_planes_back(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct norm_run *run = context;
    const int64_t positions = run->epilogue.positions;
    const double count = (double)positions;
    (void)worker;
    for (int64_t plane = begin; plane < end; plane++) {
        const float *restrict src = run->src + plane * positions, *restrict g = run->g + plane * positions;
        float *restrict dst = run->epilogue.dst + plane * positions;
        const double mean = sum_of(src, positions) / count;
        const double power = sum_of_squares(src, positions, mean) / count + run->epsilon;
        const double factor = run->scale[plane % run->epilogue.channels] / sqrt(power);
        const double mean_g = sum_of(g, positions) / count;
        const double slope = sum_of_products(g, src, positions, mean) / count / power;
        for (int64_t i = 0; i < positions; i++) dst[i] = (float)((g[i] - mean_g - (src[i] - mean) * slope) * factor);
    }
}

void TIERED(run_instance_norm_back)(const struct step *step)
{
    struct norm_run run = { .epilogue = epilogue_of(step),
                            .src = step_input(step, 1),
                            .scale = step_input(step, 2),
                            .g = step_input(step, 0),
                            .epsilon = step->node->norm.epsilon };
    const struct extents extents = shape_extents(step_output_shape(step));
    pool_run(step->pool, run_planes_back, &run, extents.n * extents.c);
}
