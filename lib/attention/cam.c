#include "attention/attention.h"

enum { CELLS = 64 }; /* summed at a time: their sums stay in the first cache */

void attention_cam(float *dst, const struct feature_grid *grid, const float *weight, int32_t first, int32_t count)
{
    const int64_t cells = grid->extent[0] * grid->extent[1] * grid->extent[2];
    for (int32_t c = 0; c < count; c++)
        for (int64_t begin = 0; begin < cells; begin += CELLS) {
            const int64_t length = cells - begin < CELLS ? cells - begin : CELLS;
            double sums[CELLS] = { 0 };
            for (int64_t k = 0; k < grid->channels; k++) {
                const double w = weight[(first + c) * grid->channels + k];
                const float *features = grid->features + k * cells + begin;
                for (int64_t n = 0; n < length; n++) sums[n] += w * features[n];
            }
            for (int64_t n = 0; n < length; n++) dst[c * cells + begin + n] = (float)sums[n];
        }
}

void attention_rectify(float *map, int64_t count)
{
    for (int64_t i = 0; i < count; i++) map[i] = map[i] > 0 ? map[i] : 0;
}

void attention_unit(float *map, int64_t count)
{
    attention_rectify(map, count);
    float least = count ? map[0] : 0, largest = least;
    for (int64_t i = 0; i < count; i++) {
        if (map[i] < least) least = map[i];
        if (map[i] > largest) largest = map[i];
    }
    if (least == largest) least = 0; /* the same everywhere: 1, or 0 if there is nothing */
    if (largest == 0) return;
    for (int64_t i = 0; i < count; i++) map[i] = (map[i] - least) / (largest - least);
}
