#include "surroundings.h"
#include <stdlib.h>
#include <string.h>

_Static_assert(OUTSIDE == 0 && BLOCK == sizeof(uint32_t), "a row of a block is looked at as one word");

static size_t block_count(const struct surroundings *surroundings)
{
    return (size_t)surroundings->shape[0] * (size_t)surroundings->shape[1] * (size_t)surroundings->shape[2];
}

/* Voxels of the head in each block, of a row of voxels. */
static void count_row(float (*share)[SHARES], const uint8_t *tissue, int nx)
{
    for (int i = 0; i < nx; i += BLOCK, share++) {
        uint32_t block = 0;
        const int voxels = nx - i < BLOCK ? nx - i : BLOCK;
        if (voxels == BLOCK) {
            memcpy(&block, tissue + i, BLOCK);
            if (block == 0) continue; /* air, as most are */
        }
        for (int n = i; n < i + voxels; n++) {
            (*share)[SHARE_OUTSIDE] += tissue[n] != OUTSIDE;
            (*share)[SHARE_EYE] += tissue[n] == EYE || tissue[n] == EYE_MUSCLE || tissue[n] == OPTIC_NERVE;
        }
    }
}

/* value[i] = (value[i - 1] + 2 value[i] + value[i + 1]) / 4 along an axis, borders repeated. */
static void smooth(float (*share)[SHARES], const int shape[3], int axis)
{
    const size_t stride[3] = { 1, (size_t)shape[0], (size_t)shape[0] * (size_t)shape[1] };
    const int u = (axis + 1) % 3, v = (axis + 2) % 3;
    for (int j = 0; j < shape[v]; j++)
        for (int i = 0; i < shape[u]; i++) {
            float(*at)[SHARES] = share + (size_t)j * stride[v] + (size_t)i * stride[u];
            float before[SHARES];
            memcpy(before, *at, sizeof before);
            for (int n = 0; n < shape[axis]; n++, at += stride[axis])
                for (int s = 0; s < SHARES; s++) {
                    const float here = (*at)[s], after = n + 1 < shape[axis] ? at[stride[axis]][s] : here;
                    (*at)[s] = (before[s] + 2 * here + after) / 4;
                    before[s] = here;
                }
        }
}

bool surroundings_create(struct surroundings *surroundings, const struct head *head)
{
    const struct anatomy *anatomy = head->anatomy;
    for (int a = 0; a < 3; a++) surroundings->shape[a] = (anatomy->shape[a] + BLOCK - 1) / BLOCK;
    const size_t count = block_count(surroundings), nx = (size_t)surroundings->shape[0];
    surroundings->empty = malloc(count);
    surroundings->share = calloc(count, sizeof *surroundings->share);
    if (!surroundings->empty || !surroundings->share) return false;
    for (int k = 0; k < anatomy->shape[2]; k++)
        for (int j = 0; j < anatomy->shape[1]; j++) {
            const size_t row = ((size_t)(k / BLOCK) * (size_t)surroundings->shape[1] + (size_t)(j / BLOCK)) * nx;
            count_row(surroundings->share + row, head->tissue + anatomy_index(anatomy, 0, j, k), anatomy->shape[0]);
        }
    for (int round = 0; round < 2; round++) {
        for (int axis = 0; axis < 3; axis++) smooth(surroundings->share, surroundings->shape, axis);
        /* After one round a block without any of the head's weight has none of it next to it. */
        for (size_t i = 0; round == 0 && i < count; i++)
            surroundings->empty[i] = surroundings->share[i][SHARE_OUTSIDE] == 0;
    }
    for (size_t i = 0; i < count; i++) {
        surroundings->share[i][SHARE_OUTSIDE] = 1 - surroundings->share[i][SHARE_OUTSIDE] / (BLOCK * BLOCK * BLOCK);
        surroundings->share[i][SHARE_EYE] /= BLOCK * BLOCK * BLOCK;
    }
    return true;
}

void surroundings_free(struct surroundings *surroundings)
{
    free(surroundings->empty);
    free(surroundings->share);
    memset(surroundings, 0, sizeof *surroundings);
}

void surroundings_at(float share[SHARES], const struct surroundings *surroundings, const float point[3])
{
    const int *shape = surroundings->shape;
    size_t near[3], far[3];
    float t[3];
    for (int a = 0; a < 3; a++) {
        const float x = (point[a] - (BLOCK - 1) * 0.5f) / BLOCK, last = (float)(shape[a] - 1);
        const float inside = x < 0 ? 0 : x > last ? last : x;
        near[a] = (size_t)inside;
        far[a] = near[a] + 1 < (size_t)shape[a] ? near[a] + 1 : near[a];
        t[a] = inside - (float)near[a];
    }
    share[SHARE_OUTSIDE] = share[SHARE_EYE] = 0;
    for (int c = 0; c < 8; c++) {
        const size_t i = c & 1 ? far[0] : near[0], j = c & 2 ? far[1] : near[1], k = c & 4 ? far[2] : near[2];
        const float weight = (c & 1 ? t[0] : 1 - t[0]) * (c & 2 ? t[1] : 1 - t[1]) * (c & 4 ? t[2] : 1 - t[2]);
        const float *at = surroundings->share[(k * (size_t)shape[1] + j) * (size_t)shape[0] + i];
        for (int s = 0; s < SHARES; s++) share[s] += weight * at[s];
    }
}
