/* What a scanner measures in each voxel of a frame, before it becomes numbers in a file. Inside acquire alone. */
#ifndef COHORT_SLICES_H
#define COHORT_SLICES_H
#include "acquire.h"

/* In the frame's order, i fastest. */
struct slices {
    size_t count;
    float *value;    /* magnitude, white matter about 1 */
    uint8_t *keep;   /* 1: in the mask, 0: outside; NULL: no mask */
    uint8_t *tumour; /* share of each voxel, 0 to 255, */
    uint8_t *oedema; /* and of the oedema */
};
/* `kept`: of each of the picture's voxels whether stripping and defacing left it; NULL: all. false: no memory. */
bool slices_measure(struct slices *slices, const struct acquisition *acquisition, const struct picture *picture,
                    const uint8_t *kept, struct random *random);
void slices_free(struct slices *slices);

/* A linear map along one axis, from evenly spaced samples to evenly spaced outputs: weights of `length` samples from
 * first[o] on for each output o; they sum to 1. */
struct taps {
    int count, length;
    int *first;
    float *weight;
    double gain; /* root of the mean over outputs of the sum of squared weights: what becomes of white noise */
};
/* Outputs of `output` mm from samples of `sample` mm with `pad` samples before the first output's edge. The kernel is
 * a Gaussian of deviation `sigma` mm, of which a share `ringing` is replaced by that of a k-space cut short. */
bool taps_create(struct taps *taps, int count, double output, int samples, double sample, int pad, double sigma,
                 double ringing);
void taps_free(struct taps *taps);
/* Samples that the kernel reaches beyond the outputs, at each end. */
int taps_pad(double sample, double sigma, double ringing);
/* dst[y][x] from src[b][a], x and a fastest: both axes, first along b. row: room for `width` values of src. */
void taps_apply(float *restrict dst, float *restrict row, const float *src, int width, const struct taps *along_x,
                const struct taps *along_y);

#endif
