/* The network's input grid, and where it lies in the scan. */
#ifndef PREPROCESS_GRID_H
#define PREPROCESS_GRID_H
#include "image/volume.h"
#include "model/metadata.h"

/* Grid coordinates q = linear * (d, h, w) of a voxel of the oriented scan: millimetres along the tensor's axes from the
 * first voxel (GRID_STRETCH: voxels). Output o of an axis covers [start + o * spacing, start + (o + 1) * spacing). */
struct grid {
    int64_t inputs[3], outputs[3];
    bool aligned;                   /* linear is diagonal: axis by axis */
    double linear[12], inverse[12]; /* 3 x 4, without translation */
    double start[3], spacing[3];
};

/* All but start. `view` is the oriented scan. BAD_IMAGE if voxels and spacing are of absurdly different sizes, or the
 * scan's axes lie in a plane. */
tumorclass_status grid_create(struct grid *grid, const tumorclass_volume *view, const struct preprocess_spec *spec);
/* start; inside: the foreground, [D][H][W], not empty. */
void grid_place(struct grid *grid, const unsigned char *inside, const struct preprocess_spec *spec);
/* Index of the oriented scan to tensor index, both at centres; and back. */
void grid_to_tensor(double affine[12], const struct grid *grid);
void grid_from_tensor(double affine[12], const struct grid *grid);

#endif
