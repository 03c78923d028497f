/* The header of a NIfTI file as checked numbers, one form for both versions and byte orders. */
#ifndef IMAGE_NIFTI_H
#define IMAGE_NIFTI_H
#include "image/image.h"

enum { NIFTI_HEADER_SIZE = 540 }; /* of version 2, the larger one; version 1 has 348 */

struct nifti_header {
    struct nifti_grid grid;
    bool swapped; /* the file's byte order is not ours */
    bool pair;    /* the voxels are in a file of their own */
    int64_t dim[8];
    tumorclass_dtype dtype;
    size_t offset; /* of the first voxel in its file */
    double slope, intercept;
    double low, high; /* cal_min, cal_max: for writing */
};

/* `size` bytes from the start of a file, NIFTI_HEADER_SIZE if it has so many. Sentences do not name the file. */
tumorclass_status nifti_decode(struct nifti_header *header, const unsigned char *bytes, size_t size);

/* Everything in front of the voxels of a single file, in our byte order: `header->offset` bytes, which is 352 or 544. */
void nifti_encode(unsigned char *bytes, const struct nifti_header *header);
size_t nifti_offset(int32_t version);

/* Where an affine came from. */
enum affine_source { AFFINE_SFORM, AFFINE_QFORM, AFFINE_VOXEL_SIZE };

/* The affine in millimetres by the rule of tumorclass_image_read, and TUMORCLASS_NOTE_ bits about it. */
tumorclass_status grid_affine(double affine[12], enum affine_source *source, uint32_t *notes,
                              const struct nifti_grid *grid, const int64_t shape[3]);
/* The grid of voxels that belong to no file: sform code 1, and qform if the axes are orthogonal. */
void grid_of_affine(struct nifti_grid *grid, const double affine[12]);

/* Fill image->header. */
tumorclass_status image_describe(tumorclass_image *image, const struct nifti_header *header, enum affine_source source,
                                 bool compressed);

#endif
