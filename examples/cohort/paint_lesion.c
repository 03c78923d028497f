#include "paint_lesion.h"
#include <math.h>
#include "texture.h"

#define EVEN 0.08f /* largest texture without contrast */

void lesion_painter_init(struct lesion_painter *painter, const struct lesion *lesion, float white, double strength,
                         const float *lattice)
{
    painter->lesion = lesion;
    painter->lattice = lattice;
    painter->voxels = 0;
    for (int p = 0; p < PARTS; p++) {
        painter->level[p] = white * lesion->look[p].level;
        painter->uptake[p] = white * (float)strength * lesion->look[p].uptake;
    }
}

/* The eight points of a grid round `at` (in its steps, from its first point) and their weights. */
static void surround(size_t index[8], float weight[8], const int shape[3], const float at[3])
{
    size_t near[3], far[3];
    float t[3];
    for (int a = 0; a < 3; a++) {
        const float last = (float)(shape[a] - 1), x = at[a] < 0 ? 0 : at[a] > last ? last : at[a];
        near[a] = (size_t)x;
        far[a] = near[a] + 1 < (size_t)shape[a] ? near[a] + 1 : near[a];
        t[a] = x - (float)near[a];
    }
    for (int c = 0; c < 8; c++) {
        const size_t i = c & 1 ? far[0] : near[0], j = c & 2 ? far[1] : near[1], k = c & 4 ? far[2] : near[2];
        index[c] = (k * (size_t)shape[1] + j) * (size_t)shape[0] + i;
        weight[c] = (c & 1 ? t[0] : 1 - t[0]) * (c & 2 ? t[1] : 1 - t[1]) * (c & 4 ? t[2] : 1 - t[2]);
    }
}

void lesion_source(float source[3], const struct lesion_painter *painter, const float point[3])
{
    const struct lesion *lesion = painter->lesion;
    if (!lesion->push) return;
    size_t index[8];
    float weight[8], at[3];
    for (int a = 0; a < 3; a++) at[a] = (point[a] - (float)lesion->low[a]) / lesion->push_step;
    surround(index, weight, lesion->push_shape, at);
    for (int c = 0; c < 8; c++)
        for (int a = 0; a < 3; a++) source[a] += weight[c] * lesion->push[index[c]][a];
}

/* What of a part is to be seen where the tissue without it has that value. Enhancement is as uneven as the look says;
 * what there is without it a little uneven at most: no tumour shines in places before it was given anything. */
static float part_value(const struct lesion_painter *painter, int part, float below, const float point[3])
{
    const struct part_look *look = &painter->lesion->look[part];
    float own = painter->level[part] + painter->uptake[part];
    if (look->texture > 0 && look->grain > 0) {
        /* Parts share the lattice: each is far from the others in it. */
        const float shifted[3] = { point[0] + 7.3f * look->grain * (float)(part + 1), point[1], point[2] };
        const float noise = texture_at(painter->lattice, shifted, look->grain);
        own += noise * (painter->level[part] * fminf(look->texture, EVEN) + painter->uptake[part] * look->texture);
    }
    return fmaxf(0, look->keep * below + (1 - look->keep) * own);
}

uint8_t lesion_paint(float *value, struct lesion_painter *painter, const float point[3])
{
    const struct lesion *lesion = painter->lesion;
    size_t index[8];
    float weight[8], at[3], tumour = 0, oedema = 0;
    for (int a = 0; a < 3; a++) at[a] = point[a] - (float)lesion->low[a];
    surround(index, weight, lesion->shape, at);
    for (int p = 0; p < PARTS; p++) {
        if (!lesion->cover[p]) continue;
        float cover = 0;
        for (int c = 0; c < 8; c++) cover += weight[c] * lesion->cover[p][index[c]];
        if (cover <= 0) continue;
        cover /= 255;
        *value += cover * (part_value(painter, p, *value, point) - *value);
        if (p == PART_OEDEMA) oedema = cover;
        if (p == PART_DULL || p == PART_FLUID || p == PART_SOLID) tumour += cover;
    }
    painter->voxels += fminf(tumour, 1);
    return tumour >= 0.5f ? 1 : oedema >= 0.5f ? 2 : 0;
}
