#include "grow.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool region_create(struct region *region, const struct head *head, const float centre[3], double radius)
{
    const struct anatomy *anatomy = head->anatomy;
    const int reach = (int)ceil(radius);
    region->head = head;
    for (int a = 0; a < 3; a++) {
        region->low[a] = (int)lroundf(centre[a]) - reach;
        region->shape[a] = 2 * reach + 1;
    }
    region->count = (size_t)region->shape[0] * (size_t)region->shape[1] * (size_t)region->shape[2];
    region->tissue = malloc(region->count);
    if (!region->tissue) return false;
    memset(region->tissue, OUTSIDE, region->count);
    const int *low = region->low, *shape = region->shape;
    const int first = low[0] < 0 ? 0 : low[0];
    const int end = low[0] + shape[0] < anatomy->shape[0] ? low[0] + shape[0] : anatomy->shape[0];
    for (int k = 0; k < shape[2]; k++)
        for (int j = 0; j < shape[1]; j++) {
            const int y = low[1] + j, z = low[2] + k;
            if (y < 0 || y >= anatomy->shape[1] || z < 0 || z >= anatomy->shape[2] || first >= end) continue;
            memcpy(region->tissue + region_index(region, first - low[0], j, k),
                   head->tissue + anatomy_index(anatomy, first, y, z), (size_t)(end - first));
        }
    return true;
}

void region_free(struct region *region)
{
    free(region->tissue);
    region->tissue = NULL;
}

/* The voxel of a head at a point; OUTSIDE beyond its grid. */
static uint8_t tissue_at(const struct head *head, const float point[3])
{
    int at[3];
    for (int a = 0; a < 3; a++) {
        if (!(point[a] >= 0)) return OUTSIDE;
        at[a] = (int)(point[a] + 0.5f);
        if (at[a] >= head->anatomy->shape[a]) return OUTSIDE;
    }
    return head->tissue[anatomy_index(head->anatomy, at[0], at[1], at[2])];
}

bool region_displace(struct region *region, const struct lesion *lesion)
{
    const size_t nx = (size_t)region->shape[0];
    if (!lesion->push) return true;
    float(*push)[3] = malloc(nx * sizeof *push);
    if (!push) return false;
    for (int k = 0; k < region->shape[2]; k++)
        for (int j = 0; j < region->shape[1]; j++) {
            float start[3];
            uint8_t *row = region->tissue + region_index(region, 0, j, k);
            region_point(start, region, 0, j, k);
            push_row(push, lesion, start, nx);
            for (size_t i = 0; i < nx; i++) {
                if (push[i][0] == 0 && push[i][1] == 0 && push[i][2] == 0) continue;
                const float from[3] = { start[0] + (float)i + push[i][0], start[1] + push[i][1],
                                        start[2] + push[i][2] };
                row[i] = tissue_at(region->head, from);
            }
        }
    free(push);
    return true;
}

bool lesion_part(struct lesion *lesion, enum part part)
{
    const size_t count = (size_t)lesion->shape[0] * (size_t)lesion->shape[1] * (size_t)lesion->shape[2];
    if (!lesion->cover[part]) lesion->cover[part] = calloc(count, 1);
    return lesion->cover[part];
}

void lesion_box(struct lesion *lesion, const int low[3], const int shape[3])
{
    memcpy(lesion->low, low, sizeof lesion->low);
    memcpy(lesion->shape, shape, sizeof lesion->shape);
}

bool cover_part(struct lesion *lesion, enum part part, const struct region *region, const float *field, double softness)
{
    if (!lesion->shape[0]) lesion_box(lesion, region->low, region->shape);
    if (!lesion_part(lesion, part)) return false;
    const float half = (float)(softness / 2), scale = (float)(255 / softness);
    int first[3], end[3]; /* of the region, what is in the lesion's box */
    for (int a = 0; a < 3; a++) {
        const int shift = lesion->low[a] - region->low[a];
        first[a] = shift > 0 ? shift : 0;
        end[a] = shift + lesion->shape[a] < region->shape[a] ? shift + lesion->shape[a] : region->shape[a];
    }
    for (int k = first[2]; k < end[2]; k++)
        for (int j = first[1]; j < end[1]; j++) {
            const size_t y = (size_t)(region->low[1] + j - lesion->low[1]);
            const size_t z = (size_t)(region->low[2] + k - lesion->low[2]);
            uint8_t *cover = lesion->cover[part] + (z * (size_t)lesion->shape[1] + y) * (size_t)lesion->shape[0];
            const float *row = field + region_index(region, 0, j, k);
            for (int i = first[0]; i < end[0]; i++) {
                if (row[i] >= half) continue;
                const float share = row[i] <= -half ? 255 : (half - row[i]) * scale;
                uint8_t *to = cover + (region->low[0] + i - lesion->low[0]);
                if ((float)*to < share) *to = (uint8_t)(share + 0.5f);
            }
        }
    return true;
}
