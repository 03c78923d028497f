/* A NIfTI image in memory: the handle behind tumorclass_image. */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H
#include "image/volume.h"

/* What a written map keeps of the file it belongs to. Nothing that could name a patient. */
struct nifti_grid {
    int32_t version; /* 1 or 2 */
    int32_t sform_code, qform_code;
    double sform[12];                      /* this and what follows as the file gives it, checked by grid_affine */
    double quaternion[3], origin[3], qfac; /* the qform: quatern_b, c, d; qoffset_x, y, z; the sign of pixdim[0] */
    double voxel_size[3];                  /* pixdim[1..3] */
    int32_t units;                         /* xyzt_units */
};

enum { IMAGE_PROPERTIES = 24 };

struct tumorclass_image {
    tumorclass_volume volume; /* data points into `voxels` */
    void *voxels;
    char *name;
    struct nifti_grid grid;
    tumorclass_property header[IMAGE_PROPERTIES];
    size_t header_count;
    char *header_text; /* owns the values of header */
};

/* A new image with this data type, shape and affine, i slowest (C order), voxels not set; name "", grid of sform code 1. */
tumorclass_status image_create_of(tumorclass_image **image, tumorclass_dtype dtype, const int64_t shape[3],
                                  const double affine[12]);
tumorclass_status image_create(tumorclass_image **image, const int64_t shape[3], const double affine[12]); /* F32 */
float *image_voxels(tumorclass_image *image); /* of an F32 image made here */

#endif
