/* dst[n][c][p] = (src[n][c][p] - mean) / sqrt(variance + epsilon) * scale[c] + shift[c], mean and variance over the
 * positions p of each n and c. */
#include <math.h>
#include "cpu/epilogue.h"
#include "cpu/sum.h"

struct norm_run {
    struct epilogue epilogue;
    const float *src, *scale, *shift;
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
    struct norm_run run = { epilogue_of(step), step_input(step, 0), step_input(step, 1), step_input(step, 2),
                            step->node->norm.epsilon };
    const struct extents extents = shape_extents(step_output_shape(step));
    pool_run(step->pool, run_planes, &run, extents.n * extents.c);
}
