/* For test_scan_files.py: writes acquisitions of a ball as scans do to files, and says on stdout what is in them:
 *     PATH SHAPE[3] AFFINE[12] I J K VALUE
 * with a voxel and its value, read back by the library. */
#include <stdio.h>
#include <string.h>
#include "ball_head.h"

enum { FILES = 12 };

static bool same_grid(const tumorclass_volume *read, const tumorclass_volume *written)
{
    for (int n = 0; n < 12; n++)
        if (fabs(read->affine[n] - written->affine[n]) > 1e-4) return false;
    return memcmp(read->shape, written->shape, sizeof read->shape) == 0 && read->dtype == written->dtype;
}

static bool say(const char *path, const struct scan *scan)
{
    const tumorclass_volume *volume = &scan->volume;
    tumorclass_image *image;
    if (tumorclass_image_write(path, volume, 1, NULL) || tumorclass_image_read(&image, path, NULL)) return false;
    const bool same = same_grid(tumorclass_image_volume(image), volume);
    tumorclass_image_free(image);
    const int64_t at[3] = { volume->shape[0] / 2 + 3, volume->shape[1] / 2 - 2, volume->shape[2] / 2 + 1 };
    const size_t index = (size_t)(at[0] + volume->shape[0] * (at[1] + volume->shape[1] * at[2]));
    const double value = volume->dtype == TUMORCLASS_U8    ? ((const uint8_t *)scan->voxels)[index]
                         : volume->dtype == TUMORCLASS_I16 ? ((const int16_t *)scan->voxels)[index]
                                                           : (double)((const float *)scan->voxels)[index];
    printf("%s %d %d %d", path, (int)volume->shape[0], (int)volume->shape[1], (int)volume->shape[2]);
    for (int n = 0; n < 12; n++) printf(" %.9g", volume->affine[n]);
    printf(" %d %d %d %.9g\n", (int)at[0], (int)at[1], (int)at[2], value);
    return same;
}

int main(int count, char **words)
{
    const struct acquisition_rules rules = { .family = { true, true, true, true, true, true }, .finest = 2 };
    const float place[3] = { 24, -15, 33 };
    for (uint64_t seed = 0; seed < FILES && count == 2; seed++) {
        struct acquisition acquisition;
        struct scan scan;
        char path[4096];
        acquisition_draw(&acquisition, &rules, 0.5, seed);
        snprintf(path, sizeof path, "%s/%02d.nii", words[1], (int)seed);
        if (!ball_acquire(&scan, &acquisition, place, 14, seed)) return EXIT_FAILURE;
        const bool said = say(path, &scan);
        scan_free(&scan);
        if (!said) return EXIT_FAILURE;
    }
    return count == 2 ? EXIT_SUCCESS : EXIT_FAILURE;
}
