/* Kernels with one mistake each, which the emulation must find. */
#ifndef EMULATION_PLANTED_H
#define EMULATION_PLANTED_H
#ifdef __cplusplus
extern "C" {
#endif

/* Each gets `count` floats in src and dst, and runs one block of 64 threads or a few. */
typedef void planted_kernel(float *dst, const float *src, int count);
planted_kernel planted_nothing;            /* the sum of each block, right */
planted_kernel planted_missing_barrier;    /* the same, with a barrier forgotten */
planted_kernel planted_unwritten_shared;   /* half of the shared array is never set */
planted_kernel planted_divergent_barrier;  /* half of the threads go round it */
planted_kernel planted_barriers_on_a_line; /* two barriers, one a half of the threads */
planted_kernel planted_return_before;      /* a thread returns before a barrier */
planted_kernel planted_divergent_shuffle;  /* a full mask, half of the warp */
planted_kernel planted_shuffle_outside;    /* reads a lane that the mask lacks */
planted_kernel planted_too_much_shared;    /* 49 KiB */
planted_kernel planted_too_many_threads;   /* 1,025 a block */
planted_kernel planted_read_beyond;        /* src[count] */
planted_kernel planted_shared_beyond;      /* shared[64] of 64 */
planted_kernel planted_racing_blocks;      /* all blocks write dst[0], with no atomic operation */

#ifdef __cplusplus
}
#endif
#endif
