/* Weights of a convolution, rounded to the network's storage so that what the taps of one channel add up to is kept: each
 * tap takes over what the ones before it lost. Images are smooth, so a sum of errors is felt where single errors are not.
 * On the model that ships this takes logits four times nearer to float32's than rounding to the nearest does. */
#ifndef KERNELS_WEIGHTS_H
#define KERNELS_WEIGHTS_H
#include "layout.h"

/* shape: filters x channels x taps, in any number of axes of taps. storage: half or bfloat16. dst: numbers that it has. */
void weights_round(float *dst, const float *src, const struct shape *shape, gpu_storage storage);

#endif
