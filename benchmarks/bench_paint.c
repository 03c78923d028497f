/* bench_paint [rounds]
 *
 * Times the pictures that tumorclass-cohort paints (docs/cohort.md) on one thread: a head of ellipsoids of a head's
 * size, with a glioma and without, on the two grids that matter. One line of JSON each: the least processor time of the
 * rounds in seconds. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "cohort/phantom.h"
#include "paint.h"

static double processor_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

struct subject {
    struct head *head;
    struct lesion lesion;
    struct warp warp;
    struct look look;
};

static bool time_picture(const struct subject *subject, const char *what, const struct grid *grid, int rounds)
{
    double least = 1e9;
    for (int round = 0; round < rounds; round++) {
        struct picture picture;
        const double start = processor_seconds();
        if (!picture_paint(&picture, grid, subject->head, &subject->lesion, &subject->warp, &subject->look, 1, 1))
            return false;
        const double seconds = processor_seconds() - start;
        least = seconds < least ? seconds : least;
        picture_free(&picture);
    }
    printf("{\"case\": \"%s\", \"shape\": [%d, %d, %d], \"step_mm\": %g, \"seconds\": %.3f}\n", what, grid->shape[0],
           grid->shape[1], grid->shape[2], (double)grid->step, least);
    return true;
}

static bool run(struct subject *subject, int rounds)
{
    static const struct grid grids[] = { { { 128, 128, 128 }, { -95.25f, -95.25f, -95.25f }, 1.5f },
                                         { { 200, 240, 220 }, { -99.5f, -119.5f, -109.5f }, 1 } };
    static const enum entity entities[] = { HLTH, HGG };
    bool good = true;
    look_draw(&subject->look, 1, 1, 1);
    for (int e = 0; e < 2 && good; e++) {
        good = lesion_create(&subject->lesion, subject->head, entities[e], 1);
        for (int g = 0; g < 2 && good; g++) good = time_picture(subject, entity_codes[entities[e]], &grids[g], rounds);
        lesion_free(&subject->lesion);
    }
    return good;
}

int main(int count, char **arguments)
{
    struct phantom phantom;
    phantom_create(&phantom);
    for (int a = 0; a < 3; a++) {
        phantom.anatomy.head_low[a] = 0;
        phantom.anatomy.head_high[a] = (float)phantom.anatomy.shape[a];
    }
    struct subject subject = { .head = &phantom.head };
    const double start = processor_seconds();
    bool good = warp_create(&subject.warp, &phantom.anatomy, 1);
    if (good) printf("{\"case\": \"warp\", \"seconds\": %.3f}\n", processor_seconds() - start);
    good = good && run(&subject, count > 1 ? atoi(arguments[1]) : 5);
    warp_free(&subject.warp);
    phantom_free(&phantom);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
