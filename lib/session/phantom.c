/* The synthetic scan of the known answers. Whole numbers alone make its voxels, and its affine is exact in float: the
 * same bits on every machine, and from a file that it was written to. */
#include <stdint.h>
#include "image/image.h"

enum { BACK = 84, DOWN = 64, LEFT = 72 }; /* voxels of 2.5 mm along i, j, k, which run that way */

/* Half voxels to the right, to the front and up from the middle of the scan. */
struct ellipsoid {
    int64_t centre[3], radius[3];
    int32_t intensity;
};

/* Each lies over those before it; all within the first. */
static const struct ellipsoid head[] = {
    { { 0, 0, 0 }, { 62, 76, 58 }, 420 },     /* scalp */
    { { 0, 0, 0 }, { 57, 71, 53 }, 70 },      /* skull */
    { { 0, 1, 1 }, { 53, 66, 49 }, 300 },     /* grey matter */
    { { 0, 2, 4 }, { 44, 55, 37 }, 380 },     /* white matter */
    { { 10, 0, 6 }, { 6, 22, 9 }, 110 },      /* right ventricle */
    { { -10, 0, 6 }, { 6, 22, 9 }, 110 },     /* left ventricle */
    { { 0, -8, -50 }, { 20, 20, 14 }, 350 },  /* base of the skull, through which brain and scalp hang together */
    { { 0, -36, -26 }, { 27, 17, 12 }, 330 }, /* cerebellum */
    { { 27, 19, 16 }, { 15, 14, 13 }, 760 },  /* lesion: a bright rim */
    { { 27, 19, 16 }, { 9, 8, 7 }, 210 },     /* around a dark core */
};

/* sum over axes of ((at - centre) / radius)^2 < 1, each quotient rounded down to a 65,536th. */
static int is_inside(const int64_t at[3], const struct ellipsoid *ellipsoid)
{
    int64_t sum = 0;
    for (int axis = 0; axis < 3; axis++) {
        const int64_t distance = at[axis] - ellipsoid->centre[axis], radius = ellipsoid->radius[axis];
        sum += distance * distance * 65536 / (radius * radius);
    }
    return sum < 65536;
}

/* The n-th number of SplitMix64 from seed 0 (Steele, Lea and Flood 2014). */
static uint64_t random_number(uint64_t n)
{
    uint64_t z = (n + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static int16_t intensity_at(const int64_t at[3], uint64_t random)
{
    if (!is_inside(at, &head[0])) return (int16_t)(random % 12); /* air */
    size_t n = sizeof head / sizeof *head - 1;
    while (!is_inside(at, &head[n])) n--;
    return (int16_t)(head[n].intensity - 20 + (int32_t)(random % 41));
}

tumorclass_status tumorclass_phantom(tumorclass_image **image)
{
    /* 1024ths of a millimetre: a head turned by 5.7 degrees and nodding by 4.8, its middle at (3.5, -12.25, 8) */
    static const double affine[12] = { 254,   -21,   -2547, 84123, /* right */
                                       -2538, 212,   -255,  95158, /* front */
                                       -213,  -2551, 0,     97388 /* up */ };
    static const int64_t shape[3] = { BACK, DOWN, LEFT };
    double millimetres[12];
    for (int n = 0; n < 12; n++) millimetres[n] = affine[n] / 1024;
    if (!image) return fail(TUMORCLASS_BAD_ARGUMENT, "image is NULL");
    const tumorclass_status status = image_create_of(image, TUMORCLASS_I16, shape, millimetres);
    if (status != TUMORCLASS_OK) return status;

    int16_t *voxel = (*image)->voxels;
    uint64_t n = 0;
    for (int64_t i = 0; i < BACK; i++)
        for (int64_t j = 0; j < DOWN; j++)
            for (int64_t k = 0; k < LEFT; k++) {
                const int64_t at[3] = { LEFT - 1 - 2 * k, BACK - 1 - 2 * i, DOWN - 1 - 2 * j };
                *voxel++ = intensity_at(at, random_number(n++));
            }
    return TUMORCLASS_OK;
}
