/* dst[batch][m][n] = alpha * sum over k of a[batch][m][k] * b[batch][k][n] + beta * bias[m][n], summed in double.
 * Either matrix may be stored transposed; batches and bias broadcast as in numpy. */
#include "cpu/operations.h"
#include "cpu/strides.h"

enum { COLUMNS = 16 }; /* of an item */

struct matrices { /* an input as [batch axes of dst][rows][columns] */
    const float *data;
    int64_t batch[MAX_RANK], row, column;
};

struct matmul_run {
    struct matrices a, b, bias;
    struct shape batch; /* dst's axes before the matrix */
    int64_t m, n, k, pieces;
    double alpha, beta;
    float *dst;
};

static struct matrices matrices_of(const float *data, const struct shape *shape, const struct shape *batch,
                                   bool transpose)
{
    assert(shape->rank >= 2);
    struct matrices matrices = { .data = data };
    struct shape outer = *shape;
    int64_t stride[MAX_RANK], matrix = shape->extent[shape->rank - 2] * shape->extent[shape->rank - 1];
    strides_of(stride, shape);
    outer.rank -= 2;
    strides_broadcast(matrices.batch, &outer, batch);
    for (int32_t i = 0; i < batch->rank; i++) matrices.batch[i] *= matrix;
    matrices.row = stride[shape->rank - 2];
    matrices.column = stride[shape->rank - 1];
    if (transpose) {
        matrices.row = 1;
        matrices.column = stride[shape->rank - 2];
    }
    return matrices;
}

static void run_item(const struct matmul_run *run, int64_t item)
{
    const int64_t n = item % run->pieces * COLUMNS, m = item / run->pieces % run->m;
    const int64_t batch = item / run->pieces / run->m, count = least(COLUMNS, run->n - n);
    const int64_t *extent = run->batch.extent;
    const float *a = run->a.data + offset_of(batch, extent, run->a.batch, run->batch.rank) + m * run->a.row;
    const float *b = run->b.data + offset_of(batch, extent, run->b.batch, run->batch.rank) + n * run->b.column;
    double sum[COLUMNS] = { 0 };
    for (int64_t k = 0; k < run->k; k++) {
        const double x = a[k * run->a.column];
        const float *row = b + k * run->b.row;
        for (int64_t i = 0; i < count; i++) sum[i] += x * row[i * run->b.column];
    }
    float *dst = run->dst + (batch * run->m + m) * run->n + n;
    for (int64_t i = 0; i < count; i++) dst[i] = (float)(run->alpha * sum[i]);
    if (!run->bias.data) return;
    const float *bias = run->bias.data + offset_of(batch, extent, run->bias.batch, run->batch.rank) + m * run->bias.row;
    for (int64_t i = 0; i < count; i++)
        dst[i] = (float)(run->alpha * sum[i] + run->beta * bias[(n + i) * run->bias.column]);
}

static void run_items(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    for (int64_t item = begin; item < end; item++) run_item(context, item);
}

static struct matrices bias_of(const float *data, const struct shape *shape, const struct shape *dst)
{
    struct matrices bias = { .data = data };
    int64_t stride[MAX_RANK];
    strides_broadcast(stride, shape, dst);
    for (int32_t i = 0; i < dst->rank - 2; i++) bias.batch[i] = stride[i];
    bias.row = stride[dst->rank - 2];
    bias.column = stride[dst->rank - 1];
    return bias;
}

void TIERED(run_matmul)(const struct step *step)
{
    const struct node *node = step->node;
    const struct shape *a = step_input_shape(step, 0), *b = step_input_shape(step, 1), *dst = step_output_shape(step);
    struct matmul_run run = {
        .batch = *dst, .alpha = node->matmul.alpha, .beta = node->matmul.beta, .dst = step_output(step)
    };
    run.batch.rank -= 2;
    run.a = matrices_of(step_input(step, 0), a, &run.batch, node->matmul.transpose_a);
    run.b = matrices_of(step_input(step, 1), b, &run.batch, node->matmul.transpose_b);
    if (step_input(step, 2)) run.bias = bias_of(step_input(step, 2), step_input_shape(step, 2), dst);
    run.m = dst->extent[dst->rank - 2];
    run.n = dst->extent[dst->rank - 1];
    run.k = a->extent[a->rank - (node->matmul.transpose_a ? 2 : 1)];
    run.pieces = (run.n + COLUMNS - 1) / COLUMNS;
    pool_run(step->pool, run_items, &run, shape_count(&run.batch) * run.m * run.pieces);
}
