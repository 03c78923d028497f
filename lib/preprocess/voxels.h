/* The scan as preprocessing sees it: its axes permuted and flipped to the model's D, H, W. From here on nothing depends
 * on how the scan was stored, so all 48 orders of its axes give the same bits. */
#ifndef PREPROCESS_VOXELS_H
#define PREPROCESS_VOXELS_H
#include "base/work.h"
#include "image/volume.h"

struct voxels {
    tumorclass_volume view; /* the caller's voxels along D, H, W */
    int axes[3];            /* which axis of the scan each is */
    bool flipped[3];        /* and whether it runs the other way */
    int64_t count;
    float *values;         /* [D][H][W]; intensities, later normalised */
    unsigned char *inside; /* [D][H][W]; 1: in the foreground */
};

/* No memory yet. */
struct voxels voxels_of(const tumorclass_volume *volume, const char orientation[4]);
/* Read the intensities; inside becomes 1 where they are finite. */
tumorclass_status voxels_read(struct voxels *voxels, const struct work *work);
/* Keep inside only what the mask, of the scan's shape, has non-zero. */
tumorclass_status voxels_mask(struct voxels *voxels, const tumorclass_volume *mask, const struct work *work);
/* `inside` in the scan's own order, i fastest. */
tumorclass_status voxels_export(unsigned char *dst, const struct voxels *voxels, const struct work *work);
/* Scan voxel (i, j, k) to index (d, h, w) of the view. */
void voxels_index(double affine[12], const struct voxels *voxels);
void voxels_free(struct voxels *voxels);

#endif
