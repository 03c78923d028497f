#include "label_map.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tumorclass/tumorclass.h>

enum { MOST_VOXELS = 512 /* along an axis */, LABEL_VALUES = 1 << 16, MARGIN = 8 };
/* mm of the head below the chiasm: what a clinical scan shows of the neck. A map with less than SHORT has none. */
enum { NECK = 90, SHORT = 80 };

static double stored_value(const tumorclass_volume *volume, int64_t at)
{
    switch (volume->dtype) {
    case TUMORCLASS_I8: return ((const int8_t *)volume->data)[at];
    case TUMORCLASS_U8: return ((const uint8_t *)volume->data)[at];
    case TUMORCLASS_I16: return ((const int16_t *)volume->data)[at];
    case TUMORCLASS_U16: return ((const uint16_t *)volume->data)[at];
    case TUMORCLASS_I32: return ((const int32_t *)volume->data)[at];
    case TUMORCLASS_U32: return ((const uint32_t *)volume->data)[at];
    case TUMORCLASS_I64: return (double)((const int64_t *)volume->data)[at];
    case TUMORCLASS_U64: return (double)((const uint64_t *)volume->data)[at];
    case TUMORCLASS_F32: return (double)((const float *)volume->data)[at];
    case TUMORCLASS_F64: return ((const double *)volume->data)[at];
    default: return NAN;
    }
}

/* Which axis of the file runs to the right, to the front and up, and which way. */
struct orientation {
    int axis[3];
    bool reversed[3];
};

static bool orient(struct orientation *orientation, const tumorclass_volume *volume, const char *name)
{
    bool used[3] = { false };
    for (int world = 0; world < 3; world++) {
        int best = 0;
        for (int axis = 1; axis < 3; axis++)
            if (fabs(volume->affine[4 * world + axis]) > fabs(volume->affine[4 * world + best])) best = axis;
        const double step = volume->affine[4 * world + best];
        if (used[best] || fabs(fabs(step) - 1) > 0.05) {
            fprintf(stderr, "%s: a step along axis %d is %.3f mm: a label map has voxels of 1 mm, not tilted\n", name,
                    best, fabs(step));
            return false;
        }
        used[best] = true;
        orientation->axis[world] = best;
        orientation->reversed[world] = step < 0;
        if (volume->shape[best] > MOST_VOXELS) {
            fprintf(stderr, "%s: %lld voxels along axis %d: a label map has at most %d\n", name,
                    (long long)volume->shape[best], best, MOST_VOXELS);
            return false;
        }
    }
    return true;
}

/* A whole number, or -1 after a sentence. */
static int label_value(const tumorclass_volume *volume, int64_t at, const char *name)
{
    double value = stored_value(volume, at);
    if (volume->slope != 0) value = volume->slope * value + volume->intercept;
    if (value > -0.5 && value < LABEL_VALUES - 0.5) return (int)lround(value);
    fprintf(stderr, "%s: a voxel is %g: labels are 0 to %d\n", name, value, LABEL_VALUES - 1);
    return -1;
}

static bool copy_labels(struct label_map *map, size_t *histogram, const tumorclass_volume *volume)
{
    struct orientation orientation;
    if (!orient(&orientation, volume, map->name)) return false;
    for (int a = 0; a < 3; a++) map->shape[a] = (int)volume->shape[orientation.axis[a]];
    map->label = malloc(label_map_count(map) * sizeof *map->label);
    if (!map->label) {
        fprintf(stderr, "%s: no memory for its %zu voxels\n", map->name, label_map_count(map));
        return false;
    }
    uint16_t *label = map->label;
    int at[3];
    for (at[2] = 0; at[2] < map->shape[2]; at[2]++)
        for (at[1] = 0; at[1] < map->shape[1]; at[1]++)
            for (at[0] = 0; at[0] < map->shape[0]; at[0]++) {
                int64_t offset = 0;
                for (int a = 0; a < 3; a++)
                    offset += volume->strides[orientation.axis[a]] *
                              (orientation.reversed[a] ? map->shape[a] - 1 - at[a] : at[a]);
                const int value = label_value(volume, offset, map->name);
                if (value < 0) return false;
                histogram[value]++;
                *label++ = (uint16_t)value;
            }
    return true;
}

static bool all_known(const struct label_map *map, const size_t *histogram)
{
    for (int label = 0; label < LABEL_VALUES; label++)
        if (histogram[label] && tissue_of_label(label) == TISSUES) {
            fprintf(stderr, "%s: label %d, of %zu voxels, is none that docs/cohort.md lists\n", map->name, label,
                    histogram[label]);
            return false;
        }
    return true;
}

bool label_map_read(struct label_map *map, const char *path)
{
    *map = (struct label_map){ .label = NULL };
    tumorclass_image *image = NULL;
    if (tumorclass_image_read(&image, path, NULL)) {
        fprintf(stderr, "%s\n", tumorclass_last_error());
        return false;
    }
    snprintf(map->name, sizeof map->name, "%s", tumorclass_image_name(image));
    size_t *histogram = calloc(LABEL_VALUES, sizeof *histogram);
    const bool ok = histogram && copy_labels(map, histogram, tumorclass_image_volume(image)) &&
                    all_known(map, histogram);
    free(histogram);
    tumorclass_image_free(image);
    if (!ok) label_map_free(map);
    return ok;
}

void label_map_free(struct label_map *map)
{
    free(map->label);
    map->label = NULL;
}

/* The centre of all voxels of either label; how many there are. */
static size_t centroid(float centre[3], const struct label_map *map, int label, int other)
{
    double sum[3] = { 0 };
    size_t count = 0, at = 0;
    for (int k = 0; k < map->shape[2]; k++)
        for (int j = 0; j < map->shape[1]; j++)
            for (int i = 0; i < map->shape[0]; i++, at++) {
                if (map->label[at] != label && map->label[at] != other) continue;
                sum[0] += i;
                sum[1] += j;
                sum[2] += k;
                count++;
            }
    for (int a = 0; a < 3 && count; a++) centre[a] = (float)(sum[a] / (double)count);
    return count;
}

bool find_chiasm(float chiasm[3], const struct label_map *map)
{
    enum { FEWEST = 20 };
    if (centroid(chiasm, map, 85, 85) >= FEWEST) return true;
    if (!centroid(chiasm, map, 28, 60)) {
        fprintf(stderr, "%s: neither optic chiasm (85) nor ventral diencephalon (28, 60)\n", map->name);
        return false;
    }
    chiasm[1] += 18;
    chiasm[2] -= 4;
    return true;
}

static void head_box(int low[3], int high[3], const struct label_map *map)
{
    size_t at = 0;
    for (int a = 0; a < 3; a++) low[a] = map->shape[a], high[a] = -1;
    for (int k = 0; k < map->shape[2]; k++)
        for (int j = 0; j < map->shape[1]; j++)
            for (int i = 0; i < map->shape[0]; i++) {
                if (tissue_of_label(map->label[at++]) == OUTSIDE) continue;
                const int point[3] = { i, j, k };
                for (int a = 0; a < 3; a++) {
                    if (point[a] < low[a]) low[a] = point[a];
                    if (point[a] > high[a]) high[a] = point[a];
                }
            }
}

/* The box from `low` on; what is beyond the map is 0. */
static bool take_box(struct label_map *map, const int low[3], const int shape[3])
{
    struct label_map box = *map;
    memcpy(box.shape, shape, sizeof box.shape);
    box.label = calloc(label_map_count(&box), sizeof *box.label);
    if (!box.label) return false;
    const int first = low[0] < 0 ? -low[0] : 0;
    const int last = low[0] + shape[0] > map->shape[0] ? map->shape[0] - low[0] : shape[0];
    for (int k = 0; k < shape[2]; k++)
        for (int j = 0; j < shape[1]; j++) {
            const int y = low[1] + j, z = low[2] + k;
            if (y < 0 || z < 0 || y >= map->shape[1] || z >= map->shape[2]) continue;
            const size_t to = ((size_t)k * (size_t)shape[1] + (size_t)j) * (size_t)shape[0] + (size_t)first;
            const size_t row = ((size_t)z * (size_t)map->shape[1] + (size_t)y) * (size_t)map->shape[0];
            memcpy(box.label + to, map->label + row + (size_t)(low[0] + first),
                   (size_t)(last - first) * sizeof *box.label);
        }
    free(map->label);
    *map = box;
    return true;
}

bool label_map_crop(struct label_map *map, bool *without_neck)
{
    float chiasm[3];
    int low[3], high[3], shape[3];
    if (!find_chiasm(chiasm, map)) return false;
    head_box(low, high, map);
    *without_neck = chiasm[2] - (float)low[2] < SHORT;
    const int lowest = (int)chiasm[2] - NECK;
    for (int a = 0; a < 3; a++) {
        low[a] -= MARGIN;
        shape[a] = high[a] + MARGIN + 1 - low[a];
    }
    if (low[2] < lowest) {
        shape[2] -= lowest - low[2];
        low[2] = lowest;
    }
    if (take_box(map, low, shape)) return true;
    fprintf(stderr, "%s: no memory\n", map->name);
    return false;
}
