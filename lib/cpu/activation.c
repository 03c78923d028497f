/* dst[i] = activation(src[i]). */
#include <string.h>
#include "cpu/epilogue.h"

struct activation_run {
    struct epilogue epilogue;
    const float *src;
    int64_t count;
};

static void run_pieces(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct activation_run *run = context;
    (void)worker;
    for (int64_t piece = begin; piece < end; piece++) {
        const int64_t first = piece * PIECE, count = least(PIECE, run->count - first);
        memcpy(run->epilogue.dst + first, run->src + first, (size_t)count * sizeof(float));
        epilogue_finish(&run->epilogue, first, count);
    }
}

void TIERED(run_activation)(const struct step *step)
{
    struct activation_run run = { epilogue_of(step), step_input(step, 0), shape_count(step_output_shape(step)) };
    pool_run(step->pool, run_pieces, &run, pieces_in(run.count));
}
