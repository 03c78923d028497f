/* Writing NIfTI files, whole in memory first: header, voxels with i fastest, then compressed or not, then to the file. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/files.h"
#include "base/memory.h"
#include "image/gzip.h"
#include "image/nifti.h"

struct content {
    unsigned char *bytes;
    size_t size;
};

/* ---- What may be written ---- */

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), tail = strlen(end);
    return length > tail && !strcmp(text + length - tail, end);
}

static tumorclass_status check_path(const char *path, bool *compressed)
{
    if (!path) return fail(TUMORCLASS_BAD_ARGUMENT, "path is NULL");
    *compressed = ends_with(path, ".nii.gz");
    if (!*compressed && !ends_with(path, ".nii") && strcmp(path, "-"))
        return fail(TUMORCLASS_BAD_ARGUMENT, "%s ends in neither .nii nor .nii.gz", base_name(path));
    return TUMORCLASS_OK;
}

static tumorclass_status check_alike(const tumorclass_volume *volume, const tumorclass_volume *first, size_t index)
{
    if (memcmp(volume->shape, first->shape, sizeof volume->shape) || volume->dtype != first->dtype)
        return fail(TUMORCLASS_BAD_ARGUMENT,
                    "volumes[%zu] is %lld x %lld x %lld %s, volumes[0] is %lld x %lld x %lld %s", index,
                    (long long)volume->shape[0], (long long)volume->shape[1], (long long)volume->shape[2],
                    dtype_name(volume->dtype), (long long)first->shape[0], (long long)first->shape[1],
                    (long long)first->shape[2], dtype_name(first->dtype));
    if (volume->slope != first->slope || (volume->slope != 0 && volume->intercept != first->intercept))
        return fail(TUMORCLASS_BAD_ARGUMENT,
                    "volumes[%zu] has another slope or intercept than volumes[0]: a file has one", index);
    return TUMORCLASS_OK;
}

/* Their affines are not looked at where the grid comes from `like`. */
static tumorclass_status check_volumes(const tumorclass_volume *volumes, size_t count, const tumorclass_image *like)
{
    if (!volumes) return fail(TUMORCLASS_BAD_ARGUMENT, "volumes is NULL");
    if (!count) return fail(TUMORCLASS_BAD_ARGUMENT, "count is 0: there is nothing to write");
    for (size_t n = 0; n < count; n++) {
        char name[40];
        snprintf(name, sizeof name, "volumes[%zu]", n);
        tumorclass_volume volume = volumes[n];
        if (like) memcpy(volume.affine, like->volume.affine, sizeof volume.affine);
        tumorclass_status status = volume_check(&volume, name);
        if (status != TUMORCLASS_OK) return status;
        if (volumes[n].memory != TUMORCLASS_MEMORY_HOST)
            return fail(TUMORCLASS_UNSUPPORTED, "volumes[%zu] is in device memory: copy it to the host to write it", n);
        status = check_alike(&volumes[n], volumes, n);
        if (status != TUMORCLASS_OK) return status;
    }
    return TUMORCLASS_OK;
}

static tumorclass_status check_like(const tumorclass_image *like, const tumorclass_volume *volume)
{
    const int64_t *own = volume->shape, *other = like ? like->volume.shape : own;
    if (memcmp(own, other, sizeof volume->shape))
        return fail(TUMORCLASS_BAD_ARGUMENT,
                    "the volumes are %lld x %lld x %lld, the image they are like is "
                    "%lld x %lld x %lld",
                    (long long)own[0], (long long)own[1], (long long)own[2], (long long)other[0], (long long)other[1],
                    (long long)other[2]);
    return TUMORCLASS_OK;
}

/* ---- The header ---- */

static bool fits_float(double value)
{
    return !isfinite(value) || value == 0 || (fabs(value) <= (double)FLT_MAX && fabs(value) >= (double)FLT_MIN);
}

/* Version 1 has 16 bits for an extent and floats for the rest. */
static bool fits_version_1(const struct nifti_header *header)
{
    for (int n = 0; n < 8; n++)
        if (header->dim[n] > INT16_MAX) return false;
    for (int n = 0; n < 12; n++)
        if (fabs(header->grid.sform[n]) > (double)FLT_MAX) return false;
    return fits_float(header->slope) && fits_float(header->intercept);
}

static struct nifti_header make_header(const tumorclass_volume *volume, size_t count, const tumorclass_image *like)
{
    const int64_t *shape = volume->shape;
    struct nifti_header header = { .dim = { count > 1 ? 4 : 3, shape[0], shape[1], shape[2], (int64_t)count, 1, 1, 1 },
                                   .dtype = volume->dtype == TUMORCLASS_F16 ? TUMORCLASS_F32 : volume->dtype,
                                   .slope = volume->slope,
                                   .intercept = volume->slope != 0 ? volume->intercept : 0 };
    if (like)
        header.grid = like->grid;
    else
        grid_of_affine(&header.grid, volume->affine);
    if (!fits_version_1(&header)) header.grid.version = 2;
    header.offset = nifti_offset(header.grid.version);
    return header;
}

/* ---- The voxels ---- */

/* `size` is a constant in each call, so that a copy is one instruction. */
static inline void copy_elements(unsigned char *dst, const char *src, int64_t step, int64_t count, size_t size)
{
    for (int64_t n = 0; n < count; n++) memcpy(dst + n * (int64_t)size, src + n * step * (int64_t)size, size);
}

static void copy_line(unsigned char *dst, const char *src, int64_t step, int64_t count, size_t size)
{
    switch (step == 1 ? 0 : size) {
    case 0: memcpy(dst, src, (size_t)count * size); break;
    case 1: copy_elements(dst, src, step, count, 1); break;
    case 2: copy_elements(dst, src, step, count, 2); break;
    case 4: copy_elements(dst, src, step, count, 4); break;
    default: copy_elements(dst, src, step, count, 8); break;
    }
}

/* The stored values of a line along i; float16, which NIfTI does not have, as float32. */
static void pack_line(unsigned char *dst, const tumorclass_volume *volume, int64_t j, int64_t k)
{
    const int64_t count = volume->shape[0];
    const size_t size = dtype_size(volume->dtype);
    if (volume->dtype == TUMORCLASS_F16) {
        tumorclass_volume stored = *volume;
        stored.slope = 0;
        volume_read_line((float *)(void *)dst, &stored, (const int64_t[]){ 0, j, k }, 0, count);
        return;
    }
    const char *src = (const char *)volume->data + (j * volume->strides[1] + k * volume->strides[2]) * (int64_t)size;
    copy_line(dst, src, volume->strides[0], count, size);
}

static void pack_volume(unsigned char *dst, const tumorclass_volume *volume, size_t line_size)
{
    for (int64_t k = 0; k < volume->shape[2]; k++)
        for (int64_t j = 0; j < volume->shape[1]; j++, dst += line_size) pack_line(dst, volume, j, k);
}

/* cal_min and cal_max, what viewers open with: the range of the finite intensities; 0, 0 (no hint) if there are none. */
static void find_range(double *low, double *high, const tumorclass_volume *packed, float *line)
{
    float least = INFINITY, largest = -INFINITY;
    for (int64_t k = 0; k < packed->shape[2]; k++)
        for (int64_t j = 0; j < packed->shape[1]; j++) {
            volume_read_line(line, packed, (const int64_t[]){ 0, j, k }, 0, packed->shape[0]);
            for (int64_t i = 0; i < packed->shape[0]; i++) {
                if (!isfinite(line[i])) continue;
                if (line[i] < least) least = line[i];
                if (line[i] > largest) largest = line[i];
            }
        }
    *low = least <= largest ? (double)least : 0;
    *high = least <= largest ? (double)largest : 0;
}

static tumorclass_status set_range(struct nifti_header *header, const unsigned char *voxels, size_t count)
{
    const int64_t *shape = header->dim + 1, rows = shape[1] * shape[2] * (int64_t)count;
    const tumorclass_volume packed = { .data = voxels,
                                       .dtype = header->dtype,
                                       .shape = { shape[0], rows, 1 },
                                       .strides = { 1, shape[0], 0 },
                                       .slope = header->slope,
                                       .intercept = header->intercept };
    float *line = memory_allocate((size_t)shape[0], sizeof *line);
    if (!line) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %lld voxels", (long long)shape[0]);
    find_range(&header->low, &header->high, &packed, line);
    memory_free(line);
    return TUMORCLASS_OK;
}

static tumorclass_status make_content(struct content *content, const tumorclass_volume *volumes, size_t count,
                                      const tumorclass_image *like)
{
    struct nifti_header header = make_header(volumes, count, like);
    const size_t line_size = (size_t)volumes->shape[0] * dtype_size(header.dtype);
    const size_t volume_size = line_size * (size_t)(volumes->shape[1] * volumes->shape[2]); /* below 2^43: checked */
    size_t size = 0;
    if (multiply_sizes(&size, volume_size, count) && size < SIZE_MAX / 2)
        content->bytes = memory_allocate(content->size = header.offset + size, 1);
    if (!content->bytes)
        return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a file of %zu x %zu bytes", count, volume_size);
    unsigned char *voxels = content->bytes + header.offset;
    for (size_t n = 0; n < count; n++) pack_volume(voxels + n * volume_size, &volumes[n], line_size);
    const tumorclass_status status = set_range(&header, voxels, count);
    if (status == TUMORCLASS_OK) nifti_encode(content->bytes, &header);
    return status;
}

static tumorclass_status compress(struct content *content)
{
    void *bytes;
    size_t size;
    const tumorclass_status status = gzip_deflate(&bytes, &size, content->bytes, content->size);
    if (status != TUMORCLASS_OK) return status;
    memory_free(content->bytes);
    *content = (struct content){ bytes, size };
    return TUMORCLASS_OK;
}

tumorclass_status tumorclass_image_write(const char *path, const tumorclass_volume *volumes, size_t count,
                                         const tumorclass_image *like)
{
    bool compressed;
    tumorclass_status status = check_path(path, &compressed);
    if (status == TUMORCLASS_OK) status = check_volumes(volumes, count, like);
    if (status == TUMORCLASS_OK) status = check_like(like, volumes);
    if (status != TUMORCLASS_OK) return status;

    struct content content = { NULL, 0 };
    status = make_content(&content, volumes, count, like);
    if (status == TUMORCLASS_OK && compressed) status = compress(&content);
    if (status == TUMORCLASS_OK) status = tumorclass_write_file(path, content.bytes, content.size);
    memory_free(content.bytes);
    return status;
}
