#include <stdbool.h>
#include "kernels.h"

static bool goes_on(const gpu_loop *loop, int outer, int inner)
{
    for (int operand = 0; operand < GPU_OPERANDS; operand++)
        if (loop->stride[operand][outer] != loop->stride[operand][inner] * loop->extent[inner]) return false;
    return true;
}

static void take(gpu_loop *loop, int to, int from)
{
    loop->extent[to] = loop->extent[from];
    for (int operand = 0; operand < GPU_OPERANDS; operand++) loop->stride[operand][to] = loop->stride[operand][from];
}

void gpu_loop_collapse(gpu_loop *loop)
{
    int kept = 0;
    for (int axis = 0; axis < loop->axes; axis++) {
        if (loop->extent[axis] == 1) continue;
        const bool joins = kept > 0 && goes_on(loop, kept - 1, axis);
        const int32_t repeats = joins ? loop->extent[kept - 1] : 1;
        take(loop, joins ? kept - 1 : kept++, axis);
        loop->extent[kept - 1] *= repeats;
    }
    loop->axes = kept;
    if (kept) return;
    loop->axes = loop->extent[0] = 1; /* a single element */
    for (int operand = 0; operand < GPU_OPERANDS; operand++) loop->stride[operand][0] = operand == GPU_DST;
}
