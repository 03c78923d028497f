/* dst[index] = a[index] op b[index], with numpy's broadcasting: an input repeats along axes where its extent is 1. */
#include "cpu/epilogue.h"
#include "cpu/strides.h"

struct binary_run {
    struct epilogue epilogue;
    const float *a, *b;
    int32_t kind;
    int32_t axes; /* neighbouring axes that both inputs walk through evenly are one; the last is a row */
    int64_t extent[MAX_RANK], stride_a[MAX_RANK], stride_b[MAX_RANK];
    int64_t row, pieces; /* elements of a row, pieces of it */
};

static void collapse_axes(struct binary_run *run, const struct shape *shape, const int64_t *a, const int64_t *b)
{
    run->axes = 1;
    run->extent[0] = 1;
    run->stride_a[0] = run->stride_b[0] = 0;
    for (int32_t i = 0; i < shape->rank; i++) {
        const int64_t extent = shape->extent[i];
        if (extent == 1) continue;
        int32_t last = run->axes - 1;
        const bool even = run->stride_a[last] == a[i] * extent && run->stride_b[last] == b[i] * extent;
        if (run->extent[last] > 1 && !even) run->extent[last = run->axes++] = 1;
        run->extent[last] *= extent;
        run->stride_a[last] = a[i];
        run->stride_b[last] = b[i];
    }
    run->row = run->extent[run->axes - 1];
    run->pieces = pieces_in(run->row);
}

#define EACH(expression)                                                                                               \
    for (int64_t i = 0; i < count; i++) {                                                                              \
        const float x = a[i * step_a], y = b[i * step_b];                                                              \
        dst[i] = expression;                                                                                           \
    }                                                                                                                  \
    break

static inline void compute(float *restrict dst, const float *a, const float *b, int64_t step_a, int64_t step_b,
                           int64_t count, int32_t kind)
{
    switch (kind) {
    case BINARY_ADD: EACH(x + y);
    case BINARY_SUB: EACH(x - y);
    case BINARY_MUL: EACH(x * y);
    case BINARY_DIV: EACH(x / y);
    }
}

/* Constant steps let the compiler use vectors. */
static void compute_row(float *dst, const float *a, const float *b, int64_t step_a, int64_t step_b, int64_t count,
                        int32_t kind)
{
    if (step_a && step_b)
        compute(dst, a, b, 1, 1, count, kind);
    else if (step_a)
        compute(dst, a, b, 1, 0, count, kind);
    else if (step_b)
        compute(dst, a, b, 0, 1, count, kind);
    else
        compute(dst, a, b, 0, 0, count, kind);
}

static void run_pieces(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct binary_run *run = context;
    const int32_t last = run->axes - 1;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        const int64_t row = item / run->pieces, offset = item % run->pieces * PIECE;
        const int64_t first = row * run->row + offset, count = least(PIECE, run->row - offset);
        const int64_t step_a = run->stride_a[last], step_b = run->stride_b[last];
        const float *a = run->a + offset_of(row, run->extent, run->stride_a, last) + offset * step_a;
        const float *b = run->b + offset_of(row, run->extent, run->stride_b, last) + offset * step_b;
        assert(step_a <= 1 && step_b <= 1);
        compute_row(run->epilogue.dst + first, a, b, step_a, step_b, count, run->kind);
        epilogue_finish(&run->epilogue, first, count);
    }
}

void TIERED(run_binary)(const struct step *step)
{
    struct binary_run run = { .epilogue = epilogue_of(step),
                              .a = step_input(step, 0),
                              .b = step_input(step, 1),
                              .kind = step->node->binary.kind };
    const struct shape *shape = step_output_shape(step);
    int64_t a[MAX_RANK], b[MAX_RANK];
    strides_broadcast(a, step_input_shape(step, 0), shape);
    strides_broadcast(b, step_input_shape(step, 1), shape);
    collapse_axes(&run, shape, a, b);
    pool_run(step->pool, run_pieces, &run, shape_count(shape) / run.row * run.pieces);
}
