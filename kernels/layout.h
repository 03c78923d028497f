/* How a graph's tensors lie in device memory: of 3 to 5 axes as N x D x H x W x C, of others in C order. */
#ifndef KERNELS_LAYOUT_H
#define KERNELS_LAYOUT_H
#include "kernels.h"
#include "model/graph.h"

void device_strides(int32_t stride[MAX_RANK], const struct shape *shape); /* in elements; of layout_fits */
void plain_strides(int32_t stride[MAX_RANK], const struct shape *shape);  /* of C order */
/* Kernels count a tensor's elements in 31 bits. */
bool layout_fits(const struct shape *shape);

/* The walk from a tensor in C order to the same on the device, and from there (to_device false). */
void loop_of_layout(gpu_loop *loop, const struct shape *shape, bool to_device);

/* Making a walk: begin with the output, add operands, end. Until then axes are those of the output's shape. */
void loop_begin(gpu_loop *loop, const struct shape *shape);
/* An operand that broadcasts to the output as numpy has it. */
void loop_add(gpu_loop *loop, int operand, const struct shape *shape);
/* Axes in the order in which the output lies in memory. */
void loop_end(gpu_loop *loop);

#endif
