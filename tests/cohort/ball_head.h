/* A head that is a ball, for tests of acquisitions that need no label map: white matter, CSF, skull and skin in shells,
 * and a tumour that is a smaller ball. In the scanner's space its middle is 0. */
#ifndef TESTS_COHORT_BALL_HEAD_H
#define TESTS_COHORT_BALL_HEAD_H
#include <math.h>
#include <stdlib.h>
#include "acquire.h"

enum { BALL_BRAIN = 70, BALL_HEAD = 80 }; /* radii, mm */

static inline struct anatomy ball_anatomy(void)
{
    struct anatomy anatomy = { .name = "ball", .middle = BALL_HEAD };
    for (int a = 0; a < 3; a++) {
        anatomy.brain_low[a] = BALL_HEAD - BALL_BRAIN;
        anatomy.brain_high[a] = BALL_HEAD + BALL_BRAIN;
        anatomy.head_high[a] = 2 * BALL_HEAD;
    }
    return anatomy;
}

/* Nothing but the middle of the head moved to 0. */
static inline struct warp ball_warp(void)
{
    static float none[8][3];
    return (struct warp){ .affine = { 1, 0, 0, BALL_HEAD, 0, 1, 0, BALL_HEAD, 0, 0, 1, BALL_HEAD },
                          .grid = { { 2, 2, 2 }, { -1, -1, -1 }, 2 },
                          .shift = none };
}

/* The tumour is three times as bright as white matter. */
static inline struct picture ball_picture(const struct grid *grid, const float place[3], float radius)
{
    const size_t count = (size_t)grid->shape[0] * (size_t)grid->shape[1] * (size_t)grid->shape[2];
    struct picture picture = { .grid = *grid,
                               .value = malloc(count * sizeof(float)),
                               .tissue = malloc(count),
                               .lesion = malloc(count),
                               .centre = { place[0], place[1], place[2] } };
    for (size_t n = 0; n < count; n++) {
        const size_t at[3] = { n % (size_t)grid->shape[0], n / (size_t)grid->shape[0] % (size_t)grid->shape[1],
                               n / (size_t)grid->shape[0] / (size_t)grid->shape[1] };
        float from_middle = 0, from_place = 0;
        for (int a = 0; a < 3; a++) {
            const float x = grid->origin[a] + grid->step * (float)at[a];
            from_middle += x * x;
            from_place += (x - place[a]) * (x - place[a]);
        }
        const float r = sqrtf(from_middle);
        const enum tissue tissue = r < BALL_BRAIN  ? WHITE
                                   : r < 73        ? CSF
                                   : r < 77        ? CORTICAL_BONE
                                   : r < BALL_HEAD ? SKIN
                                                   : OUTSIDE;
        static const float values[TISSUES] = { [WHITE] = 1, [CSF] = 0.3f, [CORTICAL_BONE] = 0.1f, [SKIN] = 1.5f };
        picture.lesion[n] = from_place < radius * radius;
        picture.tissue[n] = (uint8_t)tissue;
        picture.value[n] = picture.lesion[n] ? 3 : values[tissue];
    }
    return picture;
}

static inline void ball_free(struct picture *picture)
{
    free(picture->value);
    free(picture->tissue);
    free(picture->lesion);
}

/* A scanner without faults: 3 mm voxels of the whole head, floats, as they are in the frame. */
static inline struct acquisition plain_acquisition(void)
{
    return (struct acquisition){ .family = FAMILY_ISOTROPIC,
                                 .in_plane = 3,
                                 .between = 3,
                                 .thickness = 3,
                                 .field = { 210, 210 },
                                 .margin = 12,
                                 .coverage = 1,
                                 .grey_white = 1,
                                 .fat = 1,
                                 .bias_grain = 100,
                                 .ghosts = 2,
                                 .gamma = 1,
                                 .bits = 32,
                                 .scale = 1,
                                 .axes = { 0, 1, 2 } };
}

/* Lay the scan, paint the head for it, and take it. */
static inline bool ball_acquire(struct scan *scan, struct acquisition *acquisition, const float place[3], float radius,
                                uint64_t seed)
{
    const struct anatomy anatomy = ball_anatomy();
    const struct warp warp = ball_warp();
    const struct grid grid = acquisition_grid(acquisition, &anatomy, &warp, place);
    struct picture picture = ball_picture(&grid, place, radius);
    const bool taken = scan_acquire(scan, acquisition, &picture, seed);
    ball_free(&picture);
    return taken;
}

#endif
