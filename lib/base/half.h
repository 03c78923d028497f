/* IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. Every value of it is a float. */
#ifndef BASE_HALF_H
#define BASE_HALF_H
#include <math.h>
#include <stdint.h>

static inline float half_to_float(uint16_t half)
{
    const int exponent = half >> 10 & 31, fraction = half & 1023;
    float magnitude;
    if (exponent == 31)
        magnitude = fraction ? NAN : INFINITY;
    else
        magnitude = exponent ? ldexpf((float)(1024 + fraction), exponent - 25) : ldexpf((float)fraction, -24);
    return half & 0x8000 ? -magnitude : magnitude;
}

#endif
