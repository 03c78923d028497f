#include "base/numbers.h"
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits into a mantissa while there is room; those beyond only move the point. At least one digit. */
static const char *read_digits(uint64_t *mantissa, int64_t *dropped, int64_t *count, const char *text)
{
    if (!is_digit(*text)) return NULL;
    for (; is_digit(*text); text++, ++*count) {
        if (*mantissa < UINT64_MAX / 10 - 1)
            *mantissa = 10 * *mantissa + (uint64_t)(*text - '0');
        else
            ++*dropped;
    }
    return text;
}

static const char *read_exponent(int64_t *exponent, const char *text)
{
    const bool negative = *text == '-';
    *exponent = 0;
    if (*text == '-' || *text == '+') text++;
    if (!is_digit(*text)) return NULL;
    for (; is_digit(*text); text++)
        if (*exponent < 100000) *exponent = 10 * *exponent + (*text - '0');
    if (negative) *exponent = -*exponent;
    return text;
}

/* Powers up to 10^22 are doubles without rounding: in their range one rounding remains, the last. */
static double scaled(double value, int64_t exponent)
{
    for (; exponent > 22 && isfinite(value); exponent -= 22) value *= 1e22;
    for (; exponent < -22 && value != 0; exponent += 22) value /= 1e22;
    double power = 1;
    for (int64_t i = exponent < 0 ? -exponent : exponent; i > 0 && i <= 22; i--) power *= 10;
    return exponent < 0 ? value / power : value * power;
}

const char *number_read(double *number, const char *text)
{
    const bool negative = *text == '-';
    uint64_t mantissa = 0;
    int64_t dropped = 0, whole = 0, fraction = 0, exponent = 0;
    text = read_digits(&mantissa, &dropped, &whole, text + negative);
    if (text && *text == '.') text = read_digits(&mantissa, &dropped, &fraction, text + 1);
    if (text && (*text == 'e' || *text == 'E')) text = read_exponent(&exponent, text + 1);
    if (!text) return NULL;

    const double magnitude = scaled((double)mantissa, exponent + dropped - fraction);
    if (!isfinite(magnitude)) return NULL;
    *number = negative ? -magnitude : magnitude;
    return text;
}
