/* attention: where in the scan a class's logit comes from. Includes base and image. */
#ifndef ATTENTION_ATTENTION_H
#define ATTENTION_ATTENTION_H
#include "base/monitor.h"
#include "image/volume.h"

/* Features in front of the global average pool, and where they lie in the scan. */
struct feature_grid {
    const float *features; /* [channels][d][h][w] */
    int64_t channels, extent[3];
    int64_t input_shape[3];   /* D, H, W of the network's input */
    double first[3], step[3]; /* cell o lies at index first + o * step of it */
    double to_network[12];    /* scan voxel to index of the network's input */
};

/* Class activation map on the feature grid: dst[c][cell] = sum_k weight[c][k] * features[k][cell]. Its mean over the
 * cells, plus the bias, is the logit. For classes [first, first + count). */
void attention_cam(float *dst, const struct feature_grid *grid, const float *weight, int32_t first, int32_t count);

/* Negative values become zero. */
void attention_rectify(float *map, int64_t count);

/* Rectify and map [min, max] to [0, 1]; all zero if there is nothing positive. */
void attention_unit(float *map, int64_t count);

/* One map on the feature grid to the scan's voxels: trilinear between cells, edge cells extended to the border of the
 * network's field of view; 0 beyond it. dst: scan's shape, i fastest. */
tumorclass_status attention_project(float *dst, const float *map, const struct feature_grid *grid,
                                    const tumorclass_volume *scan, struct pool *pool, const struct monitor *monitor);

/* On the rectified map; foreground: bytes, as in struct preparation. */
void attention_summarize(tumorclass_attention_summary *summary, const float *map, const unsigned char *foreground,
                         const tumorclass_volume *scan);

#endif
