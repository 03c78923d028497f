#include "preprocess/voxels.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

/* Memory is read along the axis that is dense in it and written along W: tile by tile, to stay in the cache. */
enum { TILE_WIDTH = 16, TILE_LENGTH = 256 };

typedef void take_line(struct voxels *voxels, int64_t index, const float *line, int64_t count);

struct reading {
    struct voxels *voxels;
    tumorclass_volume view;
    take_line *take;
    int dense, other; /* axes of the view: the one that is dense in memory, and the third beside it and W */
    int64_t tiles;    /* along W */
};

struct voxels voxels_of(const tumorclass_volume *volume, const char orientation[4])
{
    struct voxels voxels = { .count = volume_count(volume) };
    voxels.view = volume_oriented(volume, orientation, voxels.axes, voxels.flipped);
    return voxels;
}

static int dense_axis(const tumorclass_volume *view)
{
    int dense = 2;
    for (int axis = 1; axis >= 0; axis--)
        if (view->shape[axis] > 1 &&
            (view->shape[dense] == 1 || llabs(view->strides[axis]) < llabs(view->strides[dense])))
            dense = axis;
    return dense;
}

static int64_t index_of(const int64_t shape[3], const int64_t at[3])
{
    return (at[0] * shape[1] + at[1]) * shape[2] + at[2];
}

/* W is dense: a line of the view is a line of memory. */
static void read_lines(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    const struct reading *reading = context;
    const int64_t *shape = reading->view.shape;
    float line[TILE_LENGTH];
    for (int64_t item = begin; item < end; item++)
        for (int64_t w = 0; w < shape[2]; w += TILE_LENGTH) {
            const int64_t start[3] = { item / shape[1], item % shape[1], w };
            const int64_t count = shape[2] - w < TILE_LENGTH ? shape[2] - w : TILE_LENGTH;
            volume_read_line(line, &reading->view, start, 2, count);
            reading->take(reading->voxels, index_of(shape, start), line, count);
        }
}

static void read_tile(const struct reading *reading, const int64_t corner[3], int64_t length, int64_t width)
{
    float lines[TILE_WIDTH][TILE_LENGTH], across[TILE_WIDTH];
    int64_t at[3] = { corner[0], corner[1], corner[2] };
    for (int64_t w = 0; w < width; w++, at[2]++) volume_read_line(lines[w], &reading->view, at, reading->dense, length);
    at[2] = corner[2];
    for (int64_t n = 0; n < length; n++, at[reading->dense]++) {
        for (int64_t w = 0; w < width; w++) across[w] = lines[w][n];
        reading->take(reading->voxels, index_of(reading->view.shape, at), across, width);
    }
}

static void read_tiles(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    const struct reading *reading = context;
    const int64_t *shape = reading->view.shape, extent = shape[reading->dense];
    for (int64_t item = begin; item < end; item++) {
        int64_t corner[3] = { 0, 0, item % reading->tiles * TILE_WIDTH };
        corner[reading->other] = item / reading->tiles;
        const int64_t width = shape[2] - corner[2] < TILE_WIDTH ? shape[2] - corner[2] : TILE_WIDTH;
        for (int64_t n = 0; n < extent; n += TILE_LENGTH) {
            corner[reading->dense] = n;
            read_tile(reading, corner, extent - n < TILE_LENGTH ? extent - n : TILE_LENGTH, width);
        }
    }
}

/* Hand every voxel of `view`, which has the shape of voxels->view, to `take`. */
static tumorclass_status read_view(struct voxels *voxels, tumorclass_volume view, take_line *take,
                                   const struct work *work)
{
    const int dense = dense_axis(&view);
    struct reading reading = { voxels, view, take, dense, 1 - dense, (view.shape[2] + TILE_WIDTH - 1) / TILE_WIDTH };
    if (dense == 2) return work_run(work, read_lines, &reading, view.shape[0] * view.shape[1], view.shape[2]);
    return work_run(work, read_tiles, &reading, view.shape[reading.other] * reading.tiles,
                    view.shape[dense] * TILE_WIDTH);
}

static void take_intensities(struct voxels *voxels, int64_t index, const float *line, int64_t count)
{
    memcpy(voxels->values + index, line, (size_t)count * sizeof *line);
    for (int64_t n = 0; n < count; n++) voxels->inside[index + n] = isfinite(line[n]) != 0;
}

static void take_mask(struct voxels *voxels, int64_t index, const float *line, int64_t count)
{
    for (int64_t n = 0; n < count; n++) voxels->inside[index + n] &= isfinite(line[n]) && line[n] != 0;
}

tumorclass_status voxels_read(struct voxels *voxels, const struct work *work)
{
    const size_t count = (size_t)voxels->count;
    voxels->values = memory_allocate(count, sizeof *voxels->values);
    if (voxels->values) voxels->inside = memory_allocate(count, 1);
    if (!voxels->inside) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %zu voxels", count);
    return read_view(voxels, voxels->view, take_intensities, work);
}

tumorclass_status voxels_mask(struct voxels *voxels, const tumorclass_volume *mask, const struct work *work)
{
    tumorclass_volume view = *mask;
    const char *data = mask->data;
    for (int n = 0; n < 3; n++) {
        const int axis = voxels->axes[n];
        const int64_t stride = mask->strides[axis];
        view.shape[n] = mask->shape[axis];
        view.strides[n] = voxels->flipped[n] ? -stride : stride;
        if (voxels->flipped[n]) data += (mask->shape[axis] - 1) * stride * (int64_t)dtype_size(mask->dtype);
    }
    view.data = data;
    return read_view(voxels, view, take_mask, work);
}

/* Where the view's voxel for scan voxel (i, j, k) lies: offset + i * stride[0] + j * stride[1] + k * stride[2]. */
static int64_t scan_strides(int64_t strides[3], const struct voxels *voxels)
{
    const int64_t *shape = voxels->view.shape, dense[3] = { shape[1] * shape[2], shape[2], 1 };
    int64_t offset = 0;
    for (int n = 0; n < 3; n++) {
        strides[voxels->axes[n]] = voxels->flipped[n] ? -dense[n] : dense[n];
        if (voxels->flipped[n]) offset += (shape[n] - 1) * dense[n];
    }
    return offset;
}

struct exporting {
    unsigned char *dst;
    const unsigned char *src; /* of voxel (0, 0, 0) */
    int64_t shape[3], strides[3];
};

static void export_planes(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    const struct exporting *e = context;
    for (int64_t j = begin; j < end; j++)
        for (int64_t k = 0; k < e->shape[2]; k++) {
            unsigned char *dst = e->dst + (k * e->shape[1] + j) * e->shape[0];
            const unsigned char *src = e->src + j * e->strides[1] + k * e->strides[2];
            for (int64_t i = 0; i < e->shape[0]; i++) dst[i] = src[i * e->strides[0]];
        }
}

tumorclass_status voxels_export(unsigned char *dst, const struct voxels *voxels, const struct work *work)
{
    struct exporting exporting = { .dst = dst };
    exporting.src = voxels->inside + scan_strides(exporting.strides, voxels);
    for (int n = 0; n < 3; n++) exporting.shape[voxels->axes[n]] = voxels->view.shape[n];
    return work_run(work, export_planes, &exporting, exporting.shape[1], exporting.shape[0] * exporting.shape[2]);
}

void voxels_index(double affine[12], const struct voxels *voxels)
{
    memset(affine, 0, 12 * sizeof *affine);
    for (int n = 0; n < 3; n++) {
        affine[4 * n + voxels->axes[n]] = voxels->flipped[n] ? -1 : 1;
        affine[4 * n + 3] = voxels->flipped[n] ? (double)(voxels->view.shape[n] - 1) : 0;
    }
}

void voxels_free(struct voxels *voxels)
{
    memory_free(voxels->values);
    memory_free(voxels->inside);
    voxels->values = NULL;
    voxels->inside = NULL;
}
