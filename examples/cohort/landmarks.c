/* Points that every head has, found in its labels (docs/cohort.md). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "build.h"

static int compare_floats(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

float median(float *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_floats);
    return count ? values[count / 2] : NAN;
}

/* Boxes, and the mean of the x at which the white matter of the hemispheres is centred. */
static bool find_boxes(struct build *build)
{
    struct anatomy *anatomy = build->anatomy;
    double sum[SIDES] = { 0 };
    size_t count[SIDES] = { 0 };
    for (int a = 0; a < 3; a++) {
        anatomy->head_low[a] = anatomy->brain_low[a] = (float)anatomy->shape[a];
        anatomy->head_high[a] = anatomy->brain_high[a] = -1;
    }
    for (size_t i = 0; i < build->count; i++) {
        if (anatomy->tissue[i] == OUTSIDE) continue;
        float point[3];
        anatomy_point(point, anatomy, i);
        const bool brain = is_brain((enum tissue)anatomy->tissue[i]);
        for (int a = 0; a < 3; a++) {
            anatomy->head_low[a] = fminf(anatomy->head_low[a], point[a]);
            anatomy->head_high[a] = fmaxf(anatomy->head_high[a], point[a]);
            if (brain) anatomy->brain_low[a] = fminf(anatomy->brain_low[a], point[a]);
            if (brain) anatomy->brain_high[a] = fmaxf(anatomy->brain_high[a], point[a]);
        }
        if (build->map.label[i] != 2 && build->map.label[i] != 41) continue;
        const enum side side = build->map.label[i] == 2 ? LEFT : RIGHT;
        sum[side] += (double)point[0];
        count[side]++;
    }
    for (int side = 0; side < SIDES; side++)
        if (!count[side]) {
            fprintf(stderr, "%s: no white matter (%d)\n", build->map.name, side == LEFT ? 2 : 41);
            return false;
        }
    anatomy->middle = (float)((sum[LEFT] / (double)count[LEFT] + sum[RIGHT] / (double)count[RIGHT]) / 2);
    return true;
}

/* Not bone, and so on the way down to it. */
static bool is_above_sella(int label)
{
    return label == 24 || label == 85 || label == 14 || label == 28 || label == 60 || label == 502 || label == 514 ||
           label == 530 || label == 16;
}

/* mm from the chiasm down to bone, the median over the middle 7 mm. */
static int depth_at(const struct build *build, int y)
{
    enum { HALF = 3, WIDTH = 2 * HALF + 1 };
    const int x = (int)lroundf(build->anatomy->middle), chiasm = (int)lroundf(build->anatomy->chiasm[2]);
    float depth[WIDTH];
    for (int n = 0; n < WIDTH; n++) {
        int z = chiasm - 2;
        while (z >= 0 && is_above_sella(label_at(build, x - HALF + n, y, z))) z--;
        depth[n] = (float)(chiasm - z);
    }
    return (int)median(depth, WIDTH);
}

/* From back to front the depth is large before the brain stem, small over the back of the sella, has a maximum in its
 * pit and falls again. The pit is the maximum that stands out most; its y, and its middle where it is flat. */
static bool find_sella(struct build *build)
{
    enum { BACK = 24, FRONT = 16, PROFILE = BACK + FRONT + 1, DEEPEST = 24, FIRST = BACK - 8 };
    struct anatomy *anatomy = build->anatomy;
    const int chiasm = (int)lroundf(anatomy->chiasm[1]);
    int depth[PROFILE], best = 0, pit = 0;
    for (int n = 0; n < PROFILE; n++) depth[n] = depth_at(build, chiasm - BACK + n);
    for (int n = FIRST; n < PROFILE - 1; n++) {
        int behind = depth[n], before = depth[n];
        for (int m = 0; m < n; m++) behind = depth[m] < behind ? depth[m] : behind;
        for (int m = n + 1; m < PROFILE; m++) before = depth[m] < before ? depth[m] : before;
        const int rise = depth[n] - (behind > before ? behind : before);
        if (depth[n] > DEEPEST || rise <= best) continue;
        best = rise;
        pit = n;
    }
    if (!best) {
        fprintf(stderr, "%s: no sella: the bone within %d mm behind and %d mm before the chiasm has no pit\n",
                build->map.name, BACK, FRONT);
        return false;
    }
    int end = pit;
    while (depth[end + 1] == depth[pit]) end++;
    anatomy->sella[0] = anatomy->middle;
    anatomy->sella[1] = (float)(chiasm - BACK) + 0.5f * (float)(pit + end);
    anatomy->sella[2] = roundf(anatomy->chiasm[2]) - (float)depth[pit] + 1; /* the lowest voxel that is not bone */
    return true;
}

/* Medians of the artery's voxels beside the sella. */
static bool find_carotid(struct build *build, enum side side)
{
    enum { NEAR = 5, WIDE = 22, BACK = 15, FRONT = 18, LOW = 24, HIGH = 4, MOST = WIDE * (BACK + FRONT + 1) * LOW };
    struct anatomy *anatomy = build->anatomy;
    const float *chiasm = anatomy->chiasm;
    float *values = malloc(sizeof *values * MOST * 3);
    if (!values) return no_memory(build);
    size_t count = 0;
    for (int k = (int)chiasm[2] - LOW; k <= (int)chiasm[2] - HIGH; k++)
        for (int j = (int)chiasm[1] - BACK; j <= (int)chiasm[1] + FRONT; j++)
            for (int off = NEAR; off < WIDE; off++) {
                const int i = (int)lroundf(anatomy->middle) + (side == LEFT ? -off : off);
                if (label_at(build, i, j, k) != 502) continue;
                values[count] = (float)i;
                values[MOST + count] = (float)j;
                values[2 * MOST + count++] = (float)k;
            }
    for (int a = 0; a < 3; a++) anatomy->carotid[side][a] = median(values + a * MOST, count);
    free(values);
    if (!count)
        fprintf(stderr, "%s: no carotid artery (502) beside the sella on the %s\n", build->map.name,
                side == LEFT ? "left" : "right");
    return count;
}

/* The arteries lie on both sides of the sella, and it in the middle between them. */
static bool check_sella(const struct build *build)
{
    enum { MOST = 5 };
    struct anatomy *anatomy = build->anatomy;
    float squared = 0;
    for (int a = 0; a < 3; a++) {
        const float off = (anatomy->carotid[LEFT][a] + anatomy->carotid[RIGHT][a]) / 2 - anatomy->sella[a];
        squared += a < 2 ? off * off : 0;
    }
    anatomy->sella[0] = (anatomy->carotid[LEFT][0] + anatomy->carotid[RIGHT][0]) / 2;
    if (squared <= MOST * MOST) return true;
    fprintf(stderr, "%s: the sella lies %.1f mm from the middle of the carotid arteries: more than %d\n",
            build->map.name, (double)sqrtf(squared), MOST);
    return false;
}

/* The lowest voxel of the third ventricle behind the chiasm, in the midline. */
static void find_infundibulum(struct build *build)
{
    enum { BACK = 12, FRONT = 3, HALF = 2, LOW = 8, HIGH = 12 };
    struct anatomy *anatomy = build->anatomy;
    const int x = (int)lroundf(anatomy->middle), y = (int)lroundf(anatomy->chiasm[1]),
              z = (int)lroundf(anatomy->chiasm[2]);
    anatomy->infundibulum[0] = anatomy->middle;
    anatomy->infundibulum[1] = anatomy->chiasm[1] - 4; /* where no ventricle is found */
    anatomy->infundibulum[2] = anatomy->chiasm[2] + 2;
    for (int k = z - LOW; k <= z + HIGH; k++)
        for (int j = y + FRONT; j >= y - BACK; j--)
            for (int i = x - HALF; i <= x + HALF; i++)
                if (label_at(build, i, j, k) == 14) {
                    anatomy->infundibulum[1] = (float)j;
                    anatomy->infundibulum[2] = (float)k;
                    return;
                }
}

bool find_landmarks(struct build *build)
{
    struct anatomy *anatomy = build->anatomy;
    if (!find_boxes(build) || !find_chiasm(anatomy->chiasm, &build->map) || !find_sella(build)) return false;
    if (!find_carotid(build, LEFT) || !find_carotid(build, RIGHT) || !check_sella(build)) return false;
    find_infundibulum(build);
    return true;
}
