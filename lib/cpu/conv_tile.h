/* What a convolution and its gradient do most of the time: sums of products for a few outputs o and some vectors of
 * neighbours q, kept in registers,
 *   tile[o][q] = bias[o] + sum over taps j of weight[tap[j].weight + o * step] * copy[tap[j].source + q]
 * where `copy` holds what the taps read, zeros for padding included, such that neighbours lie side by side. */
#ifndef CPU_CONV_TILE_H
#define CPU_CONV_TILE_H
#include "cpu/simd.h"
#include "cpu/window.h"

enum {
    OUTPUTS = VECTOR_REGISTERS == 32 ? 8 : 4, /* at a time: OUTPUTS * VECTORS sums stay in registers */
    VECTORS = 2,
    SINGLE_VECTORS = 4, /* where there is one output */
    TILE = SINGLE_VECTORS * LANES > OUTPUTS *VECTORS *LANES ? SINGLE_VECTORS *LANES : OUTPUTS *VECTORS *LANES,
    CHUNK = 128,                         /* products that are summed before the sum joins the total */
    COPY_FLOATS = 128 << 10,             /* about what a level-2 cache holds beside the weights */
    COPY_MARGIN = SINGLE_VECTORS * LANES /* floats: the last tap's last vector may read past the copy's end */
};

struct tap {
    int64_t source, weight;
};

struct products {
    const struct tap *taps;
    int64_t count, step;
    bool neighbours; /* tap[j].weight is j and need not be loaded */
};

/* How the work is cut: a plane's rows into blocks, a group's outputs into parts. An item is one of both. */
struct split {
    int64_t rows, row_blocks;
    int64_t part, parts;
};

/* `line`: floats of the copy for each row, `more_lines`: those of it beside the rows, `planes`: how many there are of
 * one group's outputs. As many rows as the cache holds; a part is a whole number of register blocks; the fewer blocks
 * of rows there are, the more parts: 32 items are enough for any sensible number of threads. */
static inline struct split split_of(int64_t height, int64_t line, int64_t more_lines, int64_t planes, int64_t outputs)
{
    struct split s;
    s.rows = divide_up(height, divide_up(height, most(1, least(height, COPY_FLOATS / line - more_lines))));
    s.row_blocks = divide_up(height, s.rows);
    const int64_t blocks = divide_up(outputs, OUTPUTS);
    s.part = divide_up(blocks, least(blocks, divide_up(32, planes * s.row_blocks))) * OUTPUTS;
    s.parts = divide_up(outputs, s.part);
    return s;
}

/* Sizes of a copy may pass any memory, for a graph made to do so, but not what an integer holds: allocation fails. */
static inline int64_t times(int64_t a, int64_t b)
{
    const int64_t limit = INT64_C(1) << 48;
    return a > limit / b ? limit : a * b;
}

/* dst[m] = src[first + m * step], zero outside [0, width). */
static inline void copy_line(float *restrict dst, int64_t count, const float *restrict src, int64_t width,
                             int64_t first, int64_t step)
{
    const int64_t begin = first < 0 ? least(count, divide_up(-first, step)) : 0;
    const int64_t end = first < width ? most(begin, least(count, divide_up(width - first, step))) : begin;
    memset(dst, 0, (size_t)begin * sizeof *dst);
    if (step == 1)
        memcpy(dst + begin, src + first + begin, (size_t)(end - begin) * sizeof *dst);
    else
        for (int64_t m = begin; m < end; m++) dst[m] = src[first + m * step];
    memset(dst + end, 0, (size_t)(count - end) * sizeof *dst);
}

/* tile[o][q] += sum over taps [begin, end); neighbours, outputs and vectors are constants. */
static inline void multiply(float *tile, const struct products *p, const float *weight, const float *copy,
                            int64_t begin, int64_t end, bool neighbours, int outputs, int vectors)
{
    const struct tap *taps = p->taps;
    const int64_t step = p->step;
    vector sum[OUTPUTS][SINGLE_VECTORS];
#pragma GCC unroll 8
    for (int o = 0; o < outputs; o++)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) sum[o][v] = vector_of(0);
    for (int64_t j = begin; j < end; j++) {
        const float *x = copy + taps[j].source, *factor = weight + (neighbours ? j : taps[j].weight);
#pragma GCC unroll 8
        for (int o = 0; o < outputs; o++) {
            const vector w = vector_of(factor[o * step]);
#pragma GCC unroll 8
            for (int v = 0; v < vectors; v++) sum[o][v] = vector_multiply_add(w, vector_load(x + v * LANES), sum[o][v]);
        }
    }
#pragma GCC unroll 8
    for (int o = 0; o < outputs; o++)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) {
            float *total = tile + (o * vectors + v) * LANES;
            vector_store(total, vector_load(total) + sum[o][v]);
        }
}

/* Inlined, the loop over chunks would keep the totals in registers, and spill the sums. */
static NOT_INLINED void multiply_outputs(float *tile, const struct products *p, const float *weight, const float *copy,
                                         int64_t begin, int64_t end)
{
    if (p->neighbours)
        multiply(tile, p, weight, copy, begin, end, true, OUTPUTS, VECTORS);
    else
        multiply(tile, p, weight, copy, begin, end, false, OUTPUTS, VECTORS);
}

static NOT_INLINED void multiply_single(float *tile, const struct products *p, const float *weight, const float *copy,
                                        int64_t begin, int64_t end)
{
    if (p->neighbours)
        multiply(tile, p, weight, copy, begin, end, true, 1, SINGLE_VECTORS);
    else
        multiply(tile, p, weight, copy, begin, end, false, 1, SINGLE_VECTORS);
}

/* The tile of outputs [0, OUTPUTS), of VECTORS vectors each, or of output 0 alone, of SINGLE_VECTORS: how many floats
 * an output has in it. One long sum of thousands of products rounds several times worse than sums of CHUNK, added up.
 * bias: NULL for 0. */
static inline int64_t fill_tile(float tile[TILE], const struct products *p, const float *weight, const float *bias,
                                const float *copy, bool single)
{
    const int64_t lanes = (single ? SINGLE_VECTORS : VECTORS) * LANES;
    for (int64_t o = 0; o < (single ? 1 : OUTPUTS); o++)
        for (int64_t i = 0; i < lanes; i++) tile[o * lanes + i] = bias ? bias[o] : 0;
    for (int64_t j = 0; j < p->count; j += CHUNK)
        (single ? multiply_single : multiply_outputs)(tile, p, weight, copy, j, least(j + CHUNK, p->count));
    return lanes;
}

#endif
