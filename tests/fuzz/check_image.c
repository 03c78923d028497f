#include "check_image.h"
#include <string.h>
#include "base/memory.h"
#include "image/volume.h"

static tumorclass_status read_image(tumorclass_image **image, const char *path)
{
    tumorclass_image_options options = TUMORCLASS_IMAGE_OPTIONS_INIT;
    options.max_voxels = 1 << 16;
    options.max_bytes = 1 << 18;
    const tumorclass_status status = tumorclass_image_read(image, path, &options);
    promise_status(status, *image);
    return status;
}

/* Every voxel is read: the sanitizers look on. */
static void check_voxels(const tumorclass_volume *volume)
{
    float *line = memory_allocate((size_t)volume->shape[0], sizeof *line);
    promise(line, "there is memory for a line");
    for (int64_t k = 0; k < volume->shape[2]; k++)
        for (int64_t j = 0; j < volume->shape[1]; j++)
            volume_read_line(line, volume, (const int64_t[]){ 0, j, k }, 0, volume->shape[0]);
    memory_free(line);
}

static void check_header(const tumorclass_image *image)
{
    size_t count;
    const tumorclass_property *header = tumorclass_image_header(image, &count);
    promise(count > 0, "a header is described");
    for (size_t i = 0; i < count; i++)
        promise(header[i].key && header[i].value && *header[i].key, "facts have a key and a value");
}

/* Written on its own grid it reads the same: voxels bit for bit, scaling and affine as they were. */
static void check_copy(const tumorclass_image *image)
{
    const tumorclass_volume *volume = tumorclass_image_volume(image);
    tumorclass_image *copy;
    const char *path = scratch_path("copy.nii");
    promise(tumorclass_image_write(path, volume, 1, image) == TUMORCLASS_OK, "what was read can be written");
    promise(read_image(&copy, path) == TUMORCLASS_OK, "what was written can be read");
    const tumorclass_volume *same = tumorclass_image_volume(copy);
    const size_t size = (size_t)volume_count(volume) * dtype_size(volume->dtype);
    promise(same->dtype == volume->dtype && !memcmp(same->shape, volume->shape, sizeof same->shape), "a copy's shape");
    promise(!memcmp(same->data, volume->data, size), "a copy's voxels");
    promise(same->slope == volume->slope && same->intercept == volume->intercept, "a copy's scaling");
    promise(!memcmp(same->affine, volume->affine, sizeof same->affine), "a copy's affine");
    tumorclass_image_free(copy);
}

tumorclass_status check_image(const char *path)
{
    const int64_t blocks = memory_blocks_in_use();
    tumorclass_image *image;
    const tumorclass_status status = read_image(&image, path);
    if (status == TUMORCLASS_OK) {
        promise(volume_check(tumorclass_image_volume(image), "image") == TUMORCLASS_OK,
                "a volume that was read is good");
        check_voxels(tumorclass_image_volume(image));
        check_header(image);
        check_copy(image);
    }
    tumorclass_image_free(image);
    promise(memory_blocks_in_use() == blocks, "everything is given back");
    return status;
}
