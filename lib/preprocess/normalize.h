/* From intensities to the numbers that the network was trained on. */
#ifndef PREPROCESS_NORMALIZE_H
#define PREPROCESS_NORMALIZE_H
#include "preprocess/preprocess.h"
#include "preprocess/statistics.h"
#include "preprocess/voxels.h"

/* v becomes (v - shift) / scale. */
struct normalization {
    double shift, scale;
    bool clip; /* to `bounds` */
    double bounds[2];
};

/* Settle it, with the statistics of the scan's foreground, which go into facts. `all`: moments of all finite voxels. */
tumorclass_status choose_normalization(struct normalization *normalization, struct preprocess_facts *facts,
                                       const struct voxels *voxels, const struct moments *all,
                                       const struct preprocess_spec *spec, const struct work *work);
float normalize(const struct normalization *normalization, double value);
/* All voxels; those that are not finite, and with spec->has_background those outside, become `background`. */
tumorclass_status normalize_voxels(struct voxels *voxels, const struct normalization *normalization,
                                   bool has_background, float background, const struct work *work);

#endif
