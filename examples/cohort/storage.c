#include "storage.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A frame's voxel (i, j, k) in the file: at start + i stride[0] + j stride[1] + k stride[2]; and where the file says
 * that it lies: origin + i step[0] + j step[1] + k step[2], mm. */
struct layout {
    int64_t shape[3]; /* as stored */
    ptrdiff_t start, stride[3];
    double origin[3], step[3][3];
    double affine[12];
};

/* What the file says of the frame: the truth, but for a tilt that the converter lost or a plane with a wrong name. */
static void claim(struct layout *layout, const struct acquisition *acquisition)
{
    const struct frame *frame = &acquisition->frame;
    for (int a = 0; a < 3; a++) {
        const int row = acquisition->mislabelled ? (a + 1) % 3 : a;
        layout->origin[row] = frame->first[a];
        for (int f = 0; f < 3; f++) {
            const double along = plane_axes[acquisition->plane][f] == a ? 1 : 0;
            const double spacing = f == 2 ? acquisition->between : acquisition->in_plane;
            const double step = acquisition->straightened ? along * spacing : frame->step[f][a];
            layout->origin[row] += 0.5 * (frame->shape[f] - 1) * (frame->step[f][a] - step); /* its middle stays */
            layout->step[f][row] = step;
        }
    }
}

static void lay_out(struct layout *layout, const struct acquisition *acquisition)
{
    const struct frame *frame = &acquisition->frame;
    claim(layout, acquisition);
    ptrdiff_t stride = 1;
    layout->start = 0;
    for (int a = 0; a < 3; a++) {
        const int f = acquisition->axes[a], last = frame->shape[f] - 1;
        layout->shape[a] = frame->shape[f];
        layout->stride[f] = acquisition->flips[a] ? -stride : stride;
        if (acquisition->flips[a]) layout->start += last * stride;
        for (int row = 0; row < 3; row++)
            layout->affine[4 * row + a] = acquisition->flips[a] ? -layout->step[f][row] : layout->step[f][row];
        stride *= frame->shape[f];
    }
    for (int row = 0; row < 3; row++) {
        layout->affine[4 * row + 3] = layout->origin[row];
        for (int a = 0; a < 3; a++)
            if (acquisition->flips[a])
                layout->affine[4 * row + 3] -= layout->affine[4 * row + a] * (double)(layout->shape[a] - 1);
    }
    if (!acquisition->reversed) return;
    /* The last slice comes first, and the affine goes on as if nothing were the matter. */
    const int last = frame->shape[2] - 1;
    layout->start += last * layout->stride[2];
    layout->stride[2] = -layout->stride[2];
    for (int row = 0; row < 3; row++) {
        layout->origin[row] += last * layout->step[2][row];
        layout->step[2][row] = -layout->step[2][row];
    }
}

/* v becomes factor * v + offset, the background `outside`. */
struct mapping {
    double factor, offset, outside;
};

static bool is_inside(const struct slices *slices, size_t at)
{
    return slices->keep ? slices->keep[at] && slices->value[at] > 0.02f : slices->value[at] > 0.15f;
}

/* What a share of the foreground's voxels is below; to 1/1024 of white matter. */
enum { BINS = 8192 };
static double percentile(const struct slices *slices, double share)
{
    uint32_t bins[BINS] = { 0 };
    size_t count = 0, below = 0;
    for (size_t at = 0; at < slices->count; at++)
        if (is_inside(slices, at)) {
            bins[(int)fminf(BINS - 1, slices->value[at] * 1024)]++;
            count++;
        }
    int bin = 0;
    while (bin < BINS - 1 && (below += bins[bin]) < share * (double)count) bin++;
    return (bin + 1) / 1024.0;
}

static void z_score(struct mapping *mapping, const struct slices *slices)
{
    double sum = 0, squares = 0;
    size_t count = 0;
    for (size_t at = 0; at < slices->count; at++)
        if (is_inside(slices, at)) {
            sum += slices->value[at];
            squares += (double)slices->value[at] * slices->value[at];
            count++;
        }
    const double mean = count ? sum / (double)count : 0;
    const double variance = count ? squares / (double)count - mean * mean : 0;
    mapping->factor = variance > 1e-12 ? 1 / sqrt(variance) : 1;
    mapping->offset = -mean * mapping->factor;
}

static struct mapping choose_mapping(const struct acquisition *acquisition, const struct slices *slices)
{
    struct mapping mapping = { .factor = acquisition->scale };
    switch (acquisition->normalised) {
    case NORMALISED_ALL:
    case NORMALISED_INSIDE:
        z_score(&mapping, slices);
        /* Only who has a mask of the brain can leave out what is beyond it. */
        if (acquisition->normalised == NORMALISED_ALL || acquisition->stripping == STRIP_NONE)
            mapping.outside = mapping.offset;
        break;
    case NORMALISED_UNIT: mapping.factor = 1 / percentile(slices, 0.999); break;
    default:
        if (acquisition->bits == 8) mapping.factor = 255 / percentile(slices, 0.998);
    }
    return mapping;
}

static double limited(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static void put(struct scan *scan, ptrdiff_t at, int bits, double value)
{
    if (bits == 8)
        ((uint8_t *)scan->voxels)[at] = (uint8_t)(limited(value, 0, 255) + 0.5);
    else if (bits == 16)
        ((int16_t *)scan->voxels)[at] = (int16_t)(limited(value, 0, 32767) + 0.5);
    else
        ((float *)scan->voxels)[at] = (float)value;
}

/* Where the frame's voxels go, row by row. */
static ptrdiff_t row_start(const struct layout *layout, int j, int k)
{
    return layout->start + j * layout->stride[1] + k * layout->stride[2];
}

static void store_values(struct scan *scan, const struct acquisition *acquisition, const struct layout *layout,
                         const struct slices *slices)
{
    const struct mapping mapping = choose_mapping(acquisition, slices);
    const int *shape = acquisition->frame.shape;
    const double most = acquisition->normalised == NORMALISED_UNIT ? 1 : HUGE_VAL;
    size_t from = 0;
    for (int k = 0; k < shape[2]; k++)
        for (int j = 0; j < shape[1]; j++) {
            ptrdiff_t at = row_start(layout, j, k);
            for (int i = 0; i < shape[0]; i++, from++, at += layout->stride[0]) {
                const double value = fmin(most, mapping.factor * (double)slices->value[from] + mapping.offset);
                put(scan, at, acquisition->bits, slices->keep && !slices->keep[from] ? mapping.outside : value);
            }
        }
}

/* Half of a voxel; half of the most that the tumour fills of any, if it fills none. 256: there is none. */
static int tumour_threshold(const struct slices *slices)
{
    int most = 0;
    for (size_t at = 0; at < slices->count; at++)
        if (slices->tumour[at] > most && (!slices->keep || slices->keep[at])) most = slices->tumour[at];
    return most == 0 ? 256 : most < 255 ? (most + 1) / 2 : 128;
}

/* A point of the scanner's space, in voxels of the frame. */
static void frame_point(double voxel[3], const struct frame *frame, const float point[3])
{
    for (int f = 0; f < 3; f++) {
        double along = 0, squared = 0;
        for (int a = 0; a < 3; a++) {
            along += (double)(point[a] - frame->first[a]) * frame->step[f][a];
            squared += (double)frame->step[f][a] * frame->step[f][a];
        }
        voxel[f] = along / squared;
    }
}

/* The centre is the tumour's voxel nearest to the place: of several tumours, one in the largest; and never between
 * them, nor beside a tumour that is bent. */
static void store_mask(struct scan *scan, const struct acquisition *acquisition, const struct layout *layout,
                       const struct slices *slices, const float place[3])
{
    const struct frame *frame = &acquisition->frame;
    const int threshold = tumour_threshold(slices);
    const double in_plane = acquisition->in_plane, between = acquisition->between;
    double sum = 0, middle[3], centre[3], nearest = INFINITY;
    size_t from = 0;
    frame_point(middle, frame, place);
    memcpy(centre, middle, sizeof centre);
    for (int k = 0; k < frame->shape[2]; k++)
        for (int j = 0; j < frame->shape[1]; j++) {
            ptrdiff_t at = row_start(layout, j, k);
            for (int i = 0; i < frame->shape[0]; i++, from++, at += layout->stride[0]) {
                const bool kept = !slices->keep || slices->keep[from];
                const int share = kept ? slices->tumour[from] : 0;
                scan->mask_voxels[at] = share >= threshold ? 1 : kept && slices->oedema[from] >= 128 ? 2 : 0;
                sum += share;
                if (share < threshold) continue;
                const double x = (i - middle[0]) * in_plane, y = (j - middle[1]) * in_plane,
                             z = (k - middle[2]) * between, away = x * x + y * y + z * z;
                if (away >= nearest) continue;
                nearest = away;
                centre[0] = i;
                centre[1] = j;
                centre[2] = k;
            }
        }
    scan->lesion_ml = sum / 255 * in_plane * in_plane * between / 1000;
    for (int a = 0; a < 3; a++)
        scan->centre[a] = layout->origin[a] + centre[0] * layout->step[0][a] + centre[1] * layout->step[1][a] +
                          centre[2] * layout->step[2][a];
}

static void bend(struct slices *slices, float gamma)
{
    for (size_t at = 0; gamma != 1 && at < slices->count; at++)
        if (!slices->keep || slices->keep[at]) slices->value[at] = powf(slices->value[at], gamma);
}

static void describe(tumorclass_volume *volume, const void *voxels, tumorclass_dtype dtype, const struct layout *layout)
{
    *volume = (tumorclass_volume){ .data = voxels, .dtype = dtype };
    memcpy(volume->shape, layout->shape, sizeof volume->shape);
    memcpy(volume->affine, layout->affine, sizeof volume->affine);
    volume->strides[0] = 1;
    volume->strides[1] = layout->shape[0];
    volume->strides[2] = layout->shape[0] * layout->shape[1];
}

bool scan_store(struct scan *scan, const struct acquisition *acquisition, struct slices *slices, const float place[3])
{
    struct layout layout;
    const int bits = acquisition->bits;
    lay_out(&layout, acquisition);
    memset(scan, 0, sizeof *scan);
    scan->voxels = malloc(slices->count * (size_t)(bits / 8));
    scan->mask_voxels = malloc(slices->count);
    if (!scan->voxels || !scan->mask_voxels) {
        scan_free(scan);
        return false;
    }
    bend(slices, acquisition->gamma);
    store_values(scan, acquisition, &layout, slices);
    store_mask(scan, acquisition, &layout, slices, place);
    describe(&scan->volume, scan->voxels,
             bits == 8    ? TUMORCLASS_U8
             : bits == 16 ? TUMORCLASS_I16
                          : TUMORCLASS_F32,
             &layout);
    describe(&scan->mask, scan->mask_voxels, TUMORCLASS_U8, &layout);
    return true;
}

void scan_free(struct scan *scan)
{
    free(scan->voxels);
    free(scan->mask_voxels);
    scan->voxels = NULL;
    scan->mask_voxels = NULL;
}
