/* bench_acquire [rounds]
 *
 * Times what tumorclass-cohort makes of a picture (docs/cohort.md, "Acquisition") on one thread: a ball of a head's size
 * on the two grids that matter, as it is and stripped. One line of JSON each: the least processor time of the rounds in
 * seconds. */
#include <stdio.h>
#include <time.h>
#include "cohort/ball_head.h"

static double processor_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static struct acquisition cube(void)
{
    struct acquisition acquisition = plain_acquisition();
    acquisition.cube = 128;
    acquisition.in_plane = acquisition.between = acquisition.thickness = 1.5f;
    return acquisition;
}

static struct acquisition slab(void)
{
    struct acquisition acquisition = plain_acquisition();
    acquisition.family = FAMILY_SLAB;
    acquisition.slices = 20;
    acquisition.in_plane = 0.43f;
    acquisition.between = 6;
    acquisition.thickness = 5;
    acquisition.field[0] = acquisition.field[1] = 512 * 0.43f;
    acquisition.tilt[0] = 8;
    return acquisition;
}

static bool time_scan(struct acquisition acquisition, enum stripping stripping, int rounds)
{
    const struct anatomy anatomy = ball_anatomy();
    const struct warp warp = ball_warp();
    const float place[3] = { 24, -15, 33 };
    acquisition.stripping = stripping;
    acquisition.noise = 0.03f;
    acquisition.blur = 0.4f;
    acquisition.bias = 0.2f;
    acquisition.gamma = 1.2f;
    acquisition.bits = 16;
    acquisition.scale = 500;
    const struct grid grid = acquisition_grid(&acquisition, &anatomy, &warp, place);
    struct picture picture = ball_picture(&grid, place, 14);
    double least = 1e9;
    bool good = true;
    for (int round = 0; round < rounds && good; round++) {
        struct scan scan;
        const double start = processor_seconds();
        good = scan_acquire(&scan, &acquisition, &picture, 1);
        least = fmin(least, processor_seconds() - start);
        if (good) scan_free(&scan);
    }
    ball_free(&picture);
    const int *shape = acquisition.frame.shape;
    printf("{\"case\": \"%s\", \"stripping\": \"%s\", \"shape\": [%d, %d, %d], \"seconds\": %.3f}\n",
           family_names[acquisition.family], stripping_names[stripping], shape[0], shape[1], shape[2], least);
    return good;
}

int main(int count, char **arguments)
{
    const int rounds = count > 1 ? atoi(arguments[1]) : 10;
    const bool good = time_scan(cube(), STRIP_NONE, rounds) && time_scan(cube(), STRIP_WELL, rounds) &&
                      time_scan(slab(), STRIP_NONE, rounds) && time_scan(slab(), STRIP_RAGGED, rounds);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
