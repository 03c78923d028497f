#include <assert.h>
#include <math.h>
#include <string.h>
#include "image/volume.h"

static const char positive_codes[] = "RAS", negative_codes[] = "LPI";

/* The cosine between a voxel axis and a world axis. */
static double cosine(const double affine[12], int axis, int world)
{
    const double x = affine[axis], y = affine[4 + axis], z = affine[8 + axis];
    return affine[4 * world + axis] / sqrt(x * x + y * y + z * z);
}

/* The directions of the voxel axes that an assignment takes for right, front and up: three unit vectors. */
static void directions(double vectors[9], const double affine[12], const int world[3])
{
    for (int axis = 0; axis < 3; axis++) {
        const double sign = cosine(affine, axis, world[axis]) < 0 ? -1 : 1;
        for (int n = 0; n < 3; n++) vectors[3 * world[axis] + n] = sign * cosine(affine, axis, n);
    }
}

/* Those whose angles to right, front and up have the larger sum of cosines. Of equal ones (an axis at 45 degrees) the
 * first component that differs decides: neither noise in an affine nor the order of its columns may. */
static bool is_nearer(const double a[9], const double b[9])
{
    static const double same = 1e-6;
    const double difference = a[0] + a[4] + a[8] - (b[0] + b[4] + b[8]);
    if (fabs(difference) > same) return difference > 0;
    for (int n = 0; n < 9; n++)
        if (fabs(a[n] - b[n]) > same) return a[n] > b[n];
    return false;
}

/* world[axis]: each voxel axis's own world axis, the nearest assignment of the six. */
static void nearest_worlds(int world[3], const double affine[12])
{
    static const int assignments[6][3] = {
        { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 }
    };
    int best = 0;
    double nearest[9], vectors[9];
    directions(nearest, affine, assignments[0]);
    for (int n = 1; n < 6; n++) {
        directions(vectors, affine, assignments[n]);
        if (!is_nearer(vectors, nearest)) continue;
        memcpy(nearest, vectors, sizeof nearest);
        best = n;
    }
    memcpy(world, assignments[best], sizeof assignments[best]);
}

void orientation_code(char code[4], const double affine[12])
{
    int world[3];
    nearest_worlds(world, affine);
    for (int axis = 0; axis < 3; axis++)
        code[axis] = (affine[4 * world[axis] + axis] < 0 ? negative_codes : positive_codes)[world[axis]];
    code[3] = 0;
}

/* The world axis of a letter, or -1. */
static int world_of(char letter)
{
    for (int world = 0; world < 3; world++)
        if (letter == positive_codes[world] || letter == negative_codes[world]) return world;
    return -1;
}

bool orientation_is_valid(const char *code)
{
    if (!code || strlen(code) != 3) return false;
    bool seen[3] = { false, false, false };
    for (int n = 0; n < 3; n++) {
        const int world = world_of(code[n]);
        if (world < 0 || seen[world]) return false;
        seen[world] = true;
    }
    return true;
}

/* Let axis n of the view be axis `axis` of the volume, run backwards if `flip`. */
static void set_axis(tumorclass_volume *view, int n, const tumorclass_volume *volume, int axis, bool flip)
{
    const int64_t last = volume->shape[axis] - 1, sign = flip ? -1 : 1;
    view->shape[n] = volume->shape[axis];
    view->strides[n] = sign * volume->strides[axis];
    if (flip) view->data = (const char *)view->data + last * volume->strides[axis] * (int64_t)dtype_size(volume->dtype);
    for (int row = 0; row < 12; row += 4) {
        view->affine[row + n] = (double)sign * volume->affine[row + axis];
        if (flip) view->affine[row + 3] += (double)last * volume->affine[row + axis];
    }
}

tumorclass_volume volume_oriented(const tumorclass_volume *volume, const char code[4], int axes[3], bool flipped[3])
{
    assert(orientation_is_valid(code));
    char own[4];
    orientation_code(own, volume->affine);
    tumorclass_volume view = *volume;
    for (int n = 0; n < 3; n++) {
        int axis = 0;
        while (world_of(own[axis]) != world_of(code[n])) axis++;
        const bool flip = own[axis] != code[n];
        set_axis(&view, n, volume, axis, flip);
        if (axes) axes[n] = axis;
        if (flipped) flipped[n] = flip;
    }
    return view;
}
