#include "image/image.h"
#include <assert.h>
#include <string.h>
#include "base/memory.h"
#include "image/nifti.h"

static bool allocate_voxels(tumorclass_image *image, tumorclass_dtype dtype, const int64_t shape[3])
{
    const int64_t count = multiply_extents(shape, 3);
    if (count > 0) image->voxels = memory_allocate((size_t)count, dtype_size(dtype));
    image->name = memory_string("");
    return image->voxels && image->name;
}

tumorclass_status image_create_of(tumorclass_image **image, tumorclass_dtype dtype, const int64_t shape[3],
                                  const double affine[12])
{
    *image = NULL;
    tumorclass_image *im = memory_zeroed(1, sizeof *im);
    if (!im || !allocate_voxels(im, dtype, shape)) {
        tumorclass_image_free(im);
        return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for an image of %lld x %lld x %lld voxels",
                    (long long)shape[0], (long long)shape[1], (long long)shape[2]);
    }
    im->volume = (tumorclass_volume){ .data = im->voxels,
                                      .dtype = dtype,
                                      .shape = { shape[0], shape[1], shape[2] },
                                      .strides = { shape[1] * shape[2], shape[2], 1 } };
    memcpy(im->volume.affine, affine, sizeof im->volume.affine);
    grid_of_affine(&im->grid, affine);
    *image = im;
    return TUMORCLASS_OK;
}

tumorclass_status image_create(tumorclass_image **image, const int64_t shape[3], const double affine[12])
{
    return image_create_of(image, TUMORCLASS_F32, shape, affine);
}

float *image_voxels(tumorclass_image *image)
{
    assert(image->volume.dtype == TUMORCLASS_F32 && image->volume.data == image->voxels);
    return image->voxels;
}

void tumorclass_image_free(tumorclass_image *image)
{
    if (!image) return;
    memory_free(image->voxels);
    memory_free(image->name);
    memory_free(image->header_text);
    memory_free(image);
}

const tumorclass_volume *tumorclass_image_volume(const tumorclass_image *image)
{
    return &image->volume;
}

const char *tumorclass_image_name(const tumorclass_image *image)
{
    return image->name;
}

const tumorclass_property *tumorclass_image_header(const tumorclass_image *image, size_t *count)
{
    if (count) *count = image->header_count;
    return image->header;
}
