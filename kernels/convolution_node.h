/* From a node of the graph to what cuDNN is asked for. */
#ifndef KERNELS_CONVOLUTION_NODE_H
#define KERNELS_CONVOLUTION_NODE_H
#include "convolution.h"
#include "model/graph.h"

bool node_is_convolution(const struct node *node); /* forward or back */

/* Of OPERATION_CONV or OPERATION_CONV_BACK. An activation other than ReLU is left to a kernel behind it.
 * A residual or a ReLU without a bias gets one, of zeros: cuDNN has no engine compiled for them alone. */
struct convolution convolution_of(const struct graph *graph, const struct node *node, gpu_storage storage);

#endif
