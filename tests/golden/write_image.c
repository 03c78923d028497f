/* write_image OUT DTYPE I,J,K COUNT LAYOUT AFFINE SLOPE,INTERCEPT LIKE: write volumes as the library does, for
 * nifti_write.py to read back. DTYPE is a number of the public header, LAYOUT fortran, c or flipped (every axis runs
 * backwards), AFFINE twelve numbers with commas, LIKE a NIfTI file or "-". Voxel (i, j, k) of volume n holds
 * (7 i + 5 j + 3 k + n) mod 100. A refusal: the status' name, a tab and the sentence, and exit code 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "image/volume.h"

static void store(void *voxel, tumorclass_dtype dtype, int value)
{
    static const uint16_t half_of_power[7] = { 0x3c00, 0x4000, 0x4400, 0x4800, 0x4c00, 0x5000, 0x5400 };
    const int64_t integer = value;
    const float single = (float)value;
    const double wide = value;
    int power = 0;
    while (value >> (power + 1)) power++;
    const uint16_t half = value ? (uint16_t)(half_of_power[power] + ((value << 10 >> power) & 1023)) : 0;
    const void *from = &integer; /* little endian: its low bytes are every integer type's */
    if (dtype == TUMORCLASS_F16) from = &half;
    if (dtype == TUMORCLASS_F32) from = &single;
    if (dtype == TUMORCLASS_F64) from = &wide;
    memcpy(voxel, from, dtype_size(dtype));
}

static void set_layout(tumorclass_volume *volume, const char *layout)
{
    const int64_t *shape = volume->shape;
    const int64_t fortran[3] = { 1, shape[0], shape[0] * shape[1] }, c[3] = { shape[1] * shape[2], shape[2], 1 };
    for (int axis = 0; axis < 3; axis++) {
        volume->strides[axis] = strcmp(layout, "c") ? fortran[axis] : c[axis];
        if (strcmp(layout, "flipped")) continue;
        volume->data = (const char *)volume->data +
                       (shape[axis] - 1) * fortran[axis] * (int64_t)dtype_size(volume->dtype);
        volume->strides[axis] = -fortran[axis];
    }
}

static void fill(const tumorclass_volume *volume, int n)
{
    const int64_t size = (int64_t)dtype_size(volume->dtype), *stride = volume->strides;
    char *first = (char *)(uintptr_t)volume->data;
    for (int64_t i = 0; i < volume->shape[0]; i++)
        for (int64_t j = 0; j < volume->shape[1]; j++)
            for (int64_t k = 0; k < volume->shape[2]; k++)
                store(first + size * (i * stride[0] + j * stride[1] + k * stride[2]), volume->dtype,
                      (int)((7 * i + 5 * j + 3 * k + n) % 100));
}

static bool parse(tumorclass_volume *volume, char **arguments)
{
    long long shape[3];
    double *m = volume->affine;
    volume->dtype = atoi(arguments[2]);
    if (sscanf(arguments[3], "%lld,%lld,%lld", &shape[0], &shape[1], &shape[2]) != 3) return false;
    for (int axis = 0; axis < 3; axis++) volume->shape[axis] = shape[axis];
    return sscanf(arguments[6], "%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf", m, m + 1, m + 2, m + 3, m + 4, m + 5,
                  m + 6, m + 7, m + 8, m + 9, m + 10, m + 11) == 12 &&
           sscanf(arguments[7], "%lf,%lf", &volume->slope, &volume->intercept) == 2;
}

enum { MOST_VOLUMES = 8 };

static tumorclass_status write_volumes(char **arguments, const tumorclass_volume *form, int count,
                                       const tumorclass_image *like)
{
    tumorclass_volume volumes[MOST_VOLUMES];
    void *blocks[MOST_VOLUMES] = { NULL };
    for (int n = 0; n < count; n++) {
        volumes[n] = *form;
        volumes[n].data = blocks[n] = calloc((size_t)volume_count(form), dtype_size(form->dtype));
        if (!blocks[n]) abort();
        set_layout(&volumes[n], arguments[5]);
        fill(&volumes[n], n);
    }
    const tumorclass_status status = tumorclass_image_write(arguments[1], volumes, (size_t)count, like);
    for (int n = 0; n < count; n++) free(blocks[n]);
    return status;
}

int main(int argument_count, char **arguments)
{
    tumorclass_volume form = { 0 };
    if (argument_count != 9 || !parse(&form, arguments)) return 2;
    const int count = atoi(arguments[4]);
    if (count < 1 || count > MOST_VOLUMES) return 2;
    tumorclass_image *like = NULL;
    tumorclass_status status = TUMORCLASS_OK;
    if (strcmp(arguments[8], "-")) status = tumorclass_image_read(&like, arguments[8], NULL);
    if (status == TUMORCLASS_OK) status = write_volumes(arguments, &form, count, like);
    tumorclass_image_free(like);
    if (status != TUMORCLASS_OK) printf("%s\t%s\n", tumorclass_status_name(status), tumorclass_last_error());
    return status != TUMORCLASS_OK;
}
