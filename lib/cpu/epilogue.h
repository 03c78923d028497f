/* What fusion hangs behind an operation: output = activation(operation + residual). */
#ifndef CPU_EPILOGUE_H
#define CPU_EPILOGUE_H
#include "cpu/operations.h"

struct epilogue {
    float *dst;            /* the node's output, holding operation(inputs) */
    const float *residual; /* of its shape, or NULL */
    activation activation;
    float alpha, beta;
    const float *slopes;         /* PRelu */
    int64_t slope_step;          /* 0: one slope; 1: one a channel */
    int64_t channels, positions; /* the output is [N][channels][positions] */
};

#define epilogue_of TIERED(epilogue_of)
#define epilogue_finish TIERED(epilogue_finish)
#define epilogue_finish_channel TIERED(epilogue_finish_channel)

struct epilogue epilogue_of(const struct step *step);
/* Finish outputs [begin, begin + count) in place; the second form if all are of one channel. */
void epilogue_finish(const struct epilogue *epilogue, int64_t begin, int64_t count);
void epilogue_finish_channel(const struct epilogue *epilogue, int64_t begin, int64_t count, int64_t channel);

#endif
