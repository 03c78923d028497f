/* The cerebellopontine angles, and where the internal auditory canals, which no map has, leave them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "build.h"

/* z of the axial slice with the most brain stem, and the stem's centre from back to front. */
static bool find_stem(float *z, float *y, const struct build *build)
{
    const int *shape = build->map.shape;
    size_t most = 0, count = 0;
    double sum = 0;
    for (int k = 0; k < shape[2]; k++) {
        size_t area = 0;
        for (int j = 0; j < shape[1]; j++)
            for (int i = 0; i < shape[0]; i++)
                if (label_at(build, i, j, k) == 16) {
                    area++;
                    sum += j;
                }
        if (area > most) *z = (float)k;
        if (area > most) most = area;
        count += area;
    }
    if (!count) {
        fprintf(stderr, "%s: no brain stem (16)\n", build->map.name);
        return false;
    }
    *y = (float)(sum / (double)count);
    return true;
}

static bool is_brain_stem(const struct build *build, size_t i)
{
    return build->map.label[i] == 16;
}

static bool is_petrous(const struct build *build, size_t i)
{
    return is_skull((enum tissue)build->anatomy->tissue[i]);
}

/* CSF near brain stem, cerebellum and bone, beside the pons: of both sides. */
static bool list_angles(struct voxel_list list[SIDES], const struct build *build, const float *stem, const float *bone)
{
    enum { LOW = 16, NEAR = 9, WIDE = 32, TO_STEM = 16, TO_CEREBELLUM = 5 };
    const struct anatomy *anatomy = build->anatomy;
    float z = 0, y = 0;
    if (!find_stem(&z, &y, build)) return false;
    for (int side = 0; side < SIDES; side++) {
        list[side] = (struct voxel_list){ malloc(build->count / 16 * sizeof(uint32_t)), 0 };
        if (!list[side].index) return no_memory(build);
    }
    for (size_t i = 0; i < build->count; i++) {
        if (anatomy->tissue[i] != CSF || stem[i] > TO_STEM || build->cerebellum[i] > TO_CEREBELLUM || bone[i] > 2.5f)
            continue;
        float point[3];
        anatomy_point(point, anatomy, i);
        const float off = fabsf(point[0] - anatomy->middle);
        if (off < NEAR || off > WIDE || point[2] < z - LOW || point[2] > z || point[1] < y) continue;
        struct voxel_list *of = &list[point[0] < anatomy->middle ? LEFT : RIGHT];
        if (of->count < build->count / 16) of->index[of->count++] = (uint32_t)i;
    }
    return true;
}

static bool middle_of(float middle[3], const struct build *build, const struct voxel_list *list)
{
    float *values = malloc((list->count + 1) * sizeof *values);
    if (!values) return no_memory(build);
    for (int a = 0; a < 3; a++) {
        for (size_t n = 0; n < list->count; n++) {
            float point[3];
            anatomy_point(point, build->anatomy, list->index[n]);
            values[n] = point[a];
        }
        middle[a] = median(values, list->count);
    }
    free(values);
    return true;
}

/* Share of bone in a square of 2 * half + 1 mm that goes 12 mm into it from the point, 8 degrees backwards. */
static float bone_beyond(const struct build *build, const float point[3], float lateral, int half)
{
    enum { LENGTH = 12 };
    int bone = 0, all = 0;
    for (int step = 2; step < LENGTH; step++)
        for (int up = -half; up <= half; up++)
            for (int front = -half; front <= half; front++, all++) {
                const int label = label_at(build, (int)lroundf(point[0] + lateral * (float)step),
                                           (int)lroundf(point[1] - 0.14f * (float)step) + front, (int)point[2] + up);
                bone += label == 0 || label == 515 || label == 516;
            }
    return (float)bone / (float)all;
}

/* A voxel of the angle beside bone, near its middle, at the usual distance from the midline, with a canal's room behind. */
static bool find_porus(struct build *build, const struct voxel_list *list, const float *bone, enum side side)
{
    enum { NEAR = 18, WIDE = 26, CANAL_HALF = 1, WALLS_HALF = 4 };
    struct anatomy *anatomy = build->anatomy;
    const float *angle = anatomy->angle[side];
    float best = INFINITY;
    for (size_t n = 0; n < list->count; n++) {
        float point[3];
        if (bone[list->index[n]] > 1.5f) continue;
        anatomy_point(point, anatomy, list->index[n]);
        const float off = fabsf(point[0] - anatomy->middle);
        if (off < NEAR || off > WIDE) continue;
        const float away = hypotf(hypotf(point[0] - angle[0], point[1] - angle[1]), point[2] - angle[2]);
        const float lateral = side == LEFT ? -1 : 1, canal = bone_beyond(build, point, lateral, CANAL_HALF),
                    walls = bone_beyond(build, point, lateral, WALLS_HALF);
        const float cost = away + 30 * (1 - canal) + 30 * (1 - walls);
        if (cost >= best) continue;
        best = cost;
        for (int a = 0; a < 3; a++) anatomy->porus[side][a] = point[a];
    }
    if (best < INFINITY) return true;
    fprintf(stderr, "%s: no bone %d to %d mm from the midline beside the %s cerebellopontine angle\n", build->map.name,
            NEAR, WIDE, side == LEFT ? "left" : "right");
    return false;
}

/* The brain stem's voxel nearest to the porus, but not above it. */
static void find_root(struct build *build, enum side side)
{
    struct anatomy *anatomy = build->anatomy;
    const float *porus = anatomy->porus[side];
    float best = INFINITY;
    for (size_t i = 0; i < build->count; i++) {
        float point[3];
        if (build->map.label[i] != 16) continue;
        anatomy_point(point, anatomy, i);
        const float away = hypotf(hypotf(point[0] - porus[0], point[1] - porus[1]), point[2] - porus[2]);
        if (point[2] > porus[2] + 1 || away >= best) continue;
        best = away;
        for (int a = 0; a < 3; a++) anatomy->nerve_root[side][a] = point[a];
    }
    if (best == INFINITY)
        for (int a = 0; a < 3; a++) anatomy->nerve_root[side][a] = anatomy->angle[side][a];
}

bool find_angles(struct build *build)
{
    struct voxel_list list[SIDES] = { { NULL, 0 } };
    float *stem = distance_to(build, is_brain_stem, FAR), *bone = distance_to(build, is_petrous, FAR);
    bool ok = stem && bone ? list_angles(list, build, stem, bone) : no_memory(build);
    for (int side = 0; ok && side < SIDES; side++) {
        if (!list[side].count) {
            fprintf(stderr, "%s: no cerebellopontine angle on the %s: no CSF between brain stem, cerebellum and bone\n",
                    build->map.name, side == LEFT ? "left" : "right");
            ok = false;
        }
        ok = ok && middle_of(build->anatomy->angle[side], build, &list[side]) &&
             find_porus(build, &list[side], bone, (enum side)side);
        if (ok) find_root(build, (enum side)side);
    }
    for (int side = 0; side < SIDES; side++) free(list[side].index);
    free(bone);
    free(stem);
    return ok;
}
