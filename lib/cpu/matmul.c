/* dst[batch][m][n] = alpha * sum over k of a[batch][m][k] * b[batch][k][n] + beta * bias[m][n], summed in double.
 * Either matrix may be stored transposed; batches and bias broadcast as in numpy. A vector on the left is one row, on
 * the right one column, and its axis is missing in dst. */
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

/* Strides of a matrix input; a shape of rank 1 is made one of rank 2 before. */
static struct matrices matrices_of(const float *data, const struct shape *shape, const struct shape *batch,
                                   bool transpose)
{
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

/* [K] on the left is [1][K], on the right [K][1]. */
static struct shape as_matrix(const struct shape *shape, bool left)
{
    struct shape matrix = *shape;
    if (shape->rank == 1) {
        matrix.rank = 2;
        matrix.extent[0] = left ? 1 : shape->extent[0];
        matrix.extent[1] = left ? shape->extent[0] : 1;
    }
    return matrix;
}

/* dst's shape with the axes that a vector left out put back. */
static struct shape full_shape(const struct shape *dst, bool vector_a, bool vector_b)
{
    struct shape full = *dst;
    if (vector_b) full.extent[full.rank++] = 1;
    if (vector_a) {
        full.extent[full.rank] = full.extent[full.rank - 1];
        full.extent[full.rank - 1] = 1;
        full.rank++;
    }
    return full;
}

static struct matrices bias_of(const float *data, const struct shape *shape, const struct shape *full)
{
    struct matrices bias = { .data = data };
    int64_t stride[MAX_RANK];
    strides_broadcast(stride, shape, full);
    for (int32_t i = 0; i < full->rank - 2; i++) bias.batch[i] = stride[i];
    bias.row = stride[full->rank - 2];
    bias.column = stride[full->rank - 1];
    return bias;
}

void TIERED(run_matmul)(const struct step *step)
{
    const struct node *node = step->node;
    const struct shape *shape_a = step_input_shape(step, 0), *shape_b = step_input_shape(step, 1);
    const struct shape a = as_matrix(shape_a, true), b = as_matrix(shape_b, false);
    const struct shape full = full_shape(step_output_shape(step), shape_a->rank == 1, shape_b->rank == 1);
    struct matmul_run run = {
        .batch = full, .alpha = node->matmul.alpha, .beta = node->matmul.beta, .dst = step_output(step)
    };
    run.batch.rank -= 2;
    run.a = matrices_of(step_input(step, 0), &a, &run.batch, node->matmul.transpose_a);
    run.b = matrices_of(step_input(step, 1), &b, &run.batch, node->matmul.transpose_b);
    if (step_input(step, 2)) run.bias = bias_of(step_input(step, 2), step_input_shape(step, 2), &full);
    run.m = full.extent[full.rank - 2];
    run.n = full.extent[full.rank - 1];
    run.k = a.extent[a.rank - (node->matmul.transpose_a ? 2 : 1)];
    run.pieces = (run.n + COLUMNS - 1) / COLUMNS;
    pool_run(step->pool, run_items, &run, shape_count(&run.batch) * run.m * run.pieces);
}
