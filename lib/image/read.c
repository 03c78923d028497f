/* Reading NIfTI files: which files, within which limits, from bytes to voxels. */
#include <nifti2_io.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/memory.h"
#include "image/gzip.h"
#include "image/nifti.h"

static const uint64_t default_max_voxels = (uint64_t)512 << 20, most_voxels = ((uint64_t)1 << 40) - 1;
static const uint64_t default_max_bytes = (uint64_t)4 << 30;

struct limits {
    uint64_t voxels, bytes;
};

struct source {
    struct input file;
    bool compressed; /* its content says so, not its name */
};

static tumorclass_status open_source(struct source *source, const char *path)
{
    unsigned char first[2];
    tumorclass_status status = file_open(&source->file, path);
    if (status != TUMORCLASS_OK) return status;
    const size_t size = source->file.size < sizeof first ? 1 : sizeof first;
    status = file_read(&source->file, first, 0, size);
    source->compressed = status == TUMORCLASS_OK && gzip_recognized(first, size);
    return status == TUMORCLASS_OK ? status : fail_within(file_close(&source->file, status), "%s", base_name(path));
}

/* What became of reading it, with its name in front if that is a failure. */
static tumorclass_status close_source(struct source *source, const char *path, tumorclass_status status)
{
    status = file_close(&source->file, status);
    return status == TUMORCLASS_OK ? status : fail_within(status, "%s", base_name(path));
}

/* ---- Names of a pair: NAME.hdr or NAME.hdr.gz, NAME.img or NAME.img.gz ---- */

static bool ends_with(const char *text, size_t length, const char *end)
{
    return length >= strlen(end) && !strncmp(text + length - strlen(end), end, strlen(end));
}

/* The length of `path` without .gz. */
static size_t plain_length(const char *path)
{
    const size_t length = strlen(path);
    return ends_with(path, length, ".gz") ? length - 3 : length;
}

static bool is_voxel_file(const char *path)
{
    return ends_with(path, plain_length(path), ".img");
}

/* *partner: the other file of a pair, called NAME + `extension` or that with .gz, first whichever `path` has. */
static tumorclass_status find_partner(char **partner, const char *path, const char *extension)
{
    const size_t plain = plain_length(path), size = plain + sizeof ".gz";
    const int stem = (int)plain - 4;
    const bool compressed = path[plain] != 0;
    char *name = memory_allocate(size, 1);
    if (!name) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a file name");
    for (int attempt = 0; attempt < 2; attempt++) {
        snprintf(name, size, "%.*s%s%s", stem, path, extension, compressed != (attempt == 1) ? ".gz" : "");
        if (access(name, F_OK)) continue;
        *partner = name;
        return TUMORCLASS_OK;
    }
    name[plain] = 0;
    const tumorclass_status status = fail(TUMORCLASS_IO_ERROR,
                                          "%s is one file of a pair: neither %s nor %s.gz is there", base_name(path),
                                          base_name(name), base_name(name));
    memory_free(name);
    return status;
}

/* ---- The header ---- */

static tumorclass_status read_header(struct nifti_header *header, const struct source *source)
{
    const struct input *file = &source->file;
    unsigned char bytes[NIFTI_HEADER_SIZE];
    size_t size = file->size < sizeof bytes ? (size_t)file->size : sizeof bytes;
    const tumorclass_status status = source->compressed ? gzip_peek(bytes, sizeof bytes, &size, file)
                                                        : file_read(file, bytes, 0, size);
    return status == TUMORCLASS_OK ? nifti_decode(header, bytes, size) : status;
}

/* Before anything is allocated. Of more than three dimensions only the first volume counts: nothing else is read. */
static tumorclass_status check_limits(const struct nifti_header *header, const struct limits *limits)
{
    const long long i = (long long)header->dim[1], j = (long long)header->dim[2], k = (long long)header->dim[3];
    const int64_t count = multiply_extents(header->dim + 1, 3);
    if (count < 0 || (uint64_t)count > limits->voxels)
        return fail(TUMORCLASS_LIMIT, "has %lld x %lld x %lld voxels, the limit is %llu", i, j, k,
                    (unsigned long long)limits->voxels);
    const uint64_t bytes = (uint64_t)count * dtype_size(header->dtype);
    if (bytes > limits->bytes)
        return fail(TUMORCLASS_LIMIT, "has %llu bytes of voxels (%lld x %lld x %lld %s), the limit is %llu",
                    (unsigned long long)bytes, i, j, k, dtype_name(header->dtype), (unsigned long long)limits->bytes);
    return TUMORCLASS_OK;
}

static tumorclass_status set_volume(tumorclass_image *image, enum affine_source *source,
                                    const struct nifti_header *header)
{
    tumorclass_volume *volume = &image->volume;
    const int64_t *extent = header->dim + 1;
    image->grid = header->grid;
    *volume = (tumorclass_volume){ .dtype = header->dtype,
                                   .shape = { extent[0], extent[1], extent[2] },
                                   .strides = { 1, extent[0], extent[0] * extent[1] },
                                   .slope = header->slope,
                                   .intercept = header->intercept };
    const tumorclass_status status = grid_affine(volume->affine, source, &volume->notes, &header->grid, extent);
    for (int n = 3; n < 7; n++)
        if (extent[n] > 1) volume->notes |= TUMORCLASS_NOTE_EXTRA_DIMENSIONS;
    return status;
}

/* ---- The voxels ---- */

static tumorclass_status allocate_voxels(tumorclass_image *image, size_t size)
{
    image->voxels = memory_allocate(size, 1);
    return image->voxels ? TUMORCLASS_OK : fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %zu bytes of voxels", size);
}

static tumorclass_status copy_voxels(tumorclass_image *image, size_t offset, size_t size, const struct input *file)
{
    if (offset > file->size || size > file->size - offset)
        return fail(TUMORCLASS_BAD_IMAGE, "is truncated: it has %llu bytes, its header asks for %zu from byte %zu on",
                    (unsigned long long)file->size, size, offset);
    const tumorclass_status status = allocate_voxels(image, size);
    image->volume.data = image->voxels;
    return status == TUMORCLASS_OK ? file_read(file, image->voxels, offset, size) : status;
}

static tumorclass_status inflate_voxels(tumorclass_image *image, size_t offset, size_t size, const struct input *file,
                                        const struct limits *limits)
{
    if (offset > limits->bytes)
        return fail(TUMORCLASS_LIMIT, "has vox_offset %zu, the limit of bytes is %llu", offset,
                    (unsigned long long)limits->bytes);
    if (!gzip_can_hold(file, offset + size))
        return fail(TUMORCLASS_BAD_IMAGE,
                    "is truncated: its header asks for %zu bytes, %llu compressed ones cannot hold them", offset + size,
                    (unsigned long long)file->size);
    tumorclass_status status = allocate_voxels(image, offset + size);
    if (status == TUMORCLASS_OK) status = gzip_inflate(image->voxels, offset + size, limits->bytes, file);
    if (status != TUMORCLASS_OK) return status;
    unsigned char *first = (unsigned char *)image->voxels + offset;
    image->volume.data = offset % dtype_size(image->volume.dtype) ? memmove(image->voxels, first, size) : first;
    return TUMORCLASS_OK;
}

static void swap_bytes(void *voxels, int64_t count, size_t size)
{
    if (size == 2) nifti_swap_2bytes(count, voxels);
    if (size == 4) nifti_swap_4bytes(count, voxels);
    if (size == 8) nifti_swap_8bytes(count, voxels);
}

static tumorclass_status read_voxels(tumorclass_image *image, const struct nifti_header *header,
                                     const struct source *source, const struct limits *limits)
{
    const int64_t count = volume_count(&image->volume);
    const size_t each = dtype_size(header->dtype), size = (size_t)count * each;
    const struct input *file = &source->file;
    const tumorclass_status status = source->compressed ? inflate_voxels(image, header->offset, size, file, limits)
                                                        : copy_voxels(image, header->offset, size, file);
    if (status == TUMORCLASS_OK && header->swapped) swap_bytes((void *)(uintptr_t)image->volume.data, count, each);
    return status;
}

/* ---- Putting it together ---- */

static tumorclass_status read_source(tumorclass_image *image, struct nifti_header *header, const struct source *source,
                                     const struct limits *limits)
{
    enum affine_source origin;
    tumorclass_status status = read_header(header, source);
    if (status == TUMORCLASS_OK) status = check_limits(header, limits);
    if (status == TUMORCLASS_OK) status = set_volume(image, &origin, header);
    if (status == TUMORCLASS_OK) status = image_describe(image, header, origin, source->compressed);
    if (status == TUMORCLASS_OK && !header->pair) status = read_voxels(image, header, source, limits);
    return status;
}

static tumorclass_status read_voxel_file(tumorclass_image *image, const struct nifti_header *header, const char *path,
                                         const struct limits *limits)
{
    struct source source;
    const tumorclass_status status = open_source(&source, path);
    if (status != TUMORCLASS_OK) return status;
    return close_source(&source, path, read_voxels(image, header, &source, limits));
}

/* `path` is what the caller gave: the header, or, of a pair, perhaps the voxels. */
static tumorclass_status read_pair(tumorclass_image *image, const struct nifti_header *header, const char *path,
                                   const struct limits *limits)
{
    if (is_voxel_file(path)) return read_voxel_file(image, header, path, limits);
    if (!ends_with(path, plain_length(path), ".hdr"))
        return fail(TUMORCLASS_BAD_IMAGE, "%s is the header of a pair (magic ni%d), but is not called NAME.hdr",
                    base_name(path), (int)header->grid.version);
    char *voxel_path;
    tumorclass_status status = find_partner(&voxel_path, path, ".img");
    if (status != TUMORCLASS_OK) return status;
    status = read_voxel_file(image, header, voxel_path, limits);
    memory_free(voxel_path);
    return status;
}

static tumorclass_status read_path(tumorclass_image *image, const char *path, const char *header_path,
                                   const struct limits *limits)
{
    struct source source;
    struct nifti_header header;
    tumorclass_status status = open_source(&source, header_path);
    if (status != TUMORCLASS_OK) return status;
    status = close_source(&source, header_path, read_source(image, &header, &source, limits));
    return status == TUMORCLASS_OK && header.pair ? read_pair(image, &header, path, limits) : status;
}

static tumorclass_status read_image(tumorclass_image *image, const char *path, const struct limits *limits)
{
    image->name = memory_string(base_name(path));
    if (!image->name) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a file name");
    if (!is_voxel_file(path)) return read_path(image, path, path, limits);

    char *header_path;
    tumorclass_status status = find_partner(&header_path, path, ".hdr");
    if (status != TUMORCLASS_OK) return status;
    status = read_path(image, path, header_path, limits);
    memory_free(header_path);
    return status;
}

static struct limits find_limits(const tumorclass_image_options *options)
{
    struct limits limits = { options->max_voxels ? options->max_voxels : default_max_voxels,
                             options->max_bytes ? options->max_bytes : default_max_bytes };
    if (limits.voxels > most_voxels) limits.voxels = most_voxels;
    return limits;
}

tumorclass_status tumorclass_image_read(tumorclass_image **image, const char *path,
                                        const tumorclass_image_options *options)
{
    if (!image) return fail(TUMORCLASS_BAD_ARGUMENT, "image is NULL");
    *image = NULL;
    if (!path) return fail(TUMORCLASS_BAD_ARGUMENT, "path is NULL");

    tumorclass_image_options known;
    tumorclass_status status = read_options(&known, options, sizeof known, "image_options");
    if (status != TUMORCLASS_OK) return status;
    tumorclass_image *im = memory_zeroed(1, sizeof *im);
    if (!im) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for an image");
    const struct limits limits = find_limits(&known);
    status = read_image(im, path, &limits);
    if (status != TUMORCLASS_OK) {
        tumorclass_image_free(im);
        return status;
    }
    *image = im;
    return TUMORCLASS_OK;
}
