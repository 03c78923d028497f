/* dst[n][c][p] = src[n][c][p] * scale[c] + shift[c]: batch norm as it is at inference. */
#include "cpu/epilogue.h"

struct scale_shift_run {
    struct epilogue epilogue;
    const float *src, *scale, *shift;
    int64_t pieces; /* of a channel */
};

static void run_pieces(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct scale_shift_run *run = context;
    const int64_t positions = run->epilogue.positions;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        const int64_t plane = item / run->pieces, c = plane % run->epilogue.channels;
        const int64_t offset = item % run->pieces * PIECE, count = least(PIECE, positions - offset);
        const int64_t first = plane * positions + offset;
        const float *restrict src = run->src + first;
        float *restrict dst = run->epilogue.dst + first;
        const float scale = run->scale[c], shift = run->shift[c];
        for (int64_t i = 0; i < count; i++) dst[i] = src[i] * scale + shift;
        epilogue_finish_channel(&run->epilogue, first, count, c);
    }
}

void TIERED(run_scale_shift)(const struct step *step)
{
    struct scale_shift_run run = { epilogue_of(step), step_input(step, 0), step_input(step, 1), step_input(step, 2),
                                   0 };
    const struct extents extents = shape_extents(step_output_shape(step));
    run.pieces = pieces_in(run.epilogue.positions);
    pool_run(step->pool, run_pieces, &run, extents.n * extents.c * run.pieces);
}
