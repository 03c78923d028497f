#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include "slices.h"

/* Of a k-space cut at the frequency 1 / (2 `cut` samples), with a Hann window of 6 lobes. */
static const double cut = 1.4, lobes = 6;

static double kernel(double distance, double sigma, double ringing)
{
    const double t = distance / sigma, smooth = exp(-0.5 * t * t) / (sigma * 2.5066282746310002);
    const double u = fabs(distance) / cut;
    if (ringing <= 0 || u >= lobes) return (1 - ringing) * smooth;
    const double angle = 3.141592653589793 * u, sinc = u > 0 ? sin(angle) / angle : 1;
    return (1 - ringing) * smooth + ringing * sinc * (0.5 + 0.5 * cos(angle / lobes)) / cut;
}

static double reach(double sample, double sigma, double ringing)
{
    return fmax(2.5 * sigma / sample, ringing > 0 ? lobes * cut : 0);
}

int taps_pad(double sample, double sigma, double ringing)
{
    return (int)ceil(reach(sample, sigma, ringing)) + 2;
}

bool taps_create(struct taps *taps, int count, double output, int samples, double sample, int pad, double sigma,
                 double ringing)
{
    const double radius = reach(sample, sigma, ringing);
    taps->count = count;
    taps->length = (int)(2 * radius) + 1;
    taps->first = malloc((size_t)count * sizeof *taps->first);
    taps->weight = malloc((size_t)count * (size_t)taps->length * sizeof *taps->weight);
    if (!taps->first || !taps->weight) {
        taps_free(taps);
        return false;
    }
    double squares = 0;
    for (int o = 0; o < count; o++) {
        const double x = (o + 0.5) * output / sample - 0.5 + pad; /* in samples */
        float *weight = taps->weight + (size_t)o * (size_t)taps->length;
        taps->first[o] = (int)ceil(x - radius);
        assert(taps->first[o] >= 0 && taps->first[o] + taps->length <= samples);
        double sum = 0;
        for (int t = 0; t < taps->length; t++) sum += kernel(taps->first[o] + t - x, sigma / sample, ringing);
        for (int t = 0; t < taps->length; t++) {
            const double w = kernel(taps->first[o] + t - x, sigma / sample, ringing) / sum;
            weight[t] = (float)w;
            squares += w * w;
        }
    }
    (void)samples;
    taps->gain = sqrt(squares / count);
    return true;
}

void taps_free(struct taps *taps)
{
    free(taps->first);
    free(taps->weight);
    taps->first = NULL;
    taps->weight = NULL;
}

void taps_apply(float *restrict dst, float *restrict row, const float *src, int width, const struct taps *along_x,
                const struct taps *along_y)
{
    for (int y = 0; y < along_y->count; y++, dst += along_x->count) {
        const float *weight = along_y->weight + (size_t)y * (size_t)along_y->length;
        for (int a = 0; a < width; a++) row[a] = 0;
        for (int t = 0; t < along_y->length; t++) {
            const float *from = src + (size_t)(along_y->first[y] + t) * (size_t)width, w = weight[t];
            for (int a = 0; a < width; a++) row[a] += w * from[a];
        }
        weight = along_x->weight;
        for (int x = 0; x < along_x->count; x++, weight += along_x->length) {
            const float *from = row + along_x->first[x];
            float sum = 0;
            for (int t = 0; t < along_x->length; t++) sum += weight[t] * from[t];
            dst[x] = sum;
        }
    }
}
