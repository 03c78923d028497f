#include "weights.h"
#include <math.h>

/* To the nearest number of so many bits, ties to even; the smallest step is 2^least. */
static float rounded(float x, int bits, int least)
{
    int exponent;
    frexpf(x, &exponent);
    const int step = exponent - bits > least ? exponent - bits : least;
    return ldexpf(rintf(ldexpf(x, -step)), step);
}

void weights_round(float *dst, const float *src, const struct shape *shape, gpu_storage storage)
{
    const int bits = storage == GPU_HALF ? 11 : 8, least = storage == GPU_HALF ? -24 : -133;
    const float most = storage == GPU_HALF ? 65504 : 0x1.fep127F;
    const int64_t rows = shape->extent[0] * shape->extent[1], taps = shape_count(shape) / (rows ? rows : 1);
    for (int64_t row = 0; row < rows; row++) {
        float lost = 0;
        for (int64_t tap = 0; tap < taps; tap++) {
            const float wanted = *src++ + lost, kept = rounded(wanted, bits, least);
            *dst = fabsf(kept) > most && isfinite(wanted) ? copysignf(most, kept) : kept;
            lost = isfinite(wanted) ? wanted - *dst : 0;
            dst++;
        }
    }
}
