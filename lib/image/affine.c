#include <math.h>
#include <string.h>
#include "image/volume.h"

static const double least_volume = 1e-6; /* of the box that the columns' lengths span: below it lies rounding */

static double column_length(const double affine[12], int column)
{
    return sqrt(affine[column] * affine[column] + affine[4 + column] * affine[4 + column] +
                affine[8 + column] * affine[8 + column]);
}

double affine_determinant(const double affine[12])
{
    const double *x = affine, *y = affine + 4, *z = affine + 8;
    return x[0] * (y[1] * z[2] - y[2] * z[1]) - x[1] * (y[0] * z[2] - y[2] * z[0]) + x[2] * (y[0] * z[1] - y[1] * z[0]);
}

static bool all_finite(const double *values, int count)
{
    for (int i = 0; i < count; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

bool affine_invert(double inverse[12], const double affine[12])
{
    const double determinant = affine_determinant(affine);
    const double box = column_length(affine, 0) * column_length(affine, 1) * column_length(affine, 2);
    if (!all_finite(affine, 12) || !(fabs(determinant) > least_volume * box)) return false;

    double result[12];
    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 3; column++) { /* the cofactor of (column, row), by cyclic indices */
            const int r1 = 4 * ((column + 1) % 3), r2 = 4 * ((column + 2) % 3);
            const int c1 = (row + 1) % 3, c2 = (row + 2) % 3;
            result[4 * row + column] = (affine[r1 + c1] * affine[r2 + c2] - affine[r1 + c2] * affine[r2 + c1]) /
                                       determinant;
        }
    for (int row = 0; row < 12; row += 4)
        result[row + 3] = -(result[row] * affine[3] + result[row + 1] * affine[7] + result[row + 2] * affine[11]);
    memcpy(inverse, result, sizeof result);
    return all_finite(inverse, 12);
}

void affine_multiply(double product[12], const double a[12], const double b[12])
{
    double result[12];
    for (int row = 0; row < 12; row += 4)
        for (int column = 0; column < 4; column++)
            result[row + column] = a[row] * b[column] + a[row + 1] * b[4 + column] + a[row + 2] * b[8 + column] +
                                   (column == 3 ? a[row + 3] : 0);
    memcpy(product, result, sizeof result);
}

void affine_apply(double dst[3], const double affine[12], const double src[3])
{
    const double x = src[0], y = src[1], z = src[2];
    for (int row = 0; row < 3; row++)
        dst[row] = affine[4 * row] * x + affine[4 * row + 1] * y + affine[4 * row + 2] * z + affine[4 * row + 3];
}

double volume_step_mm(const tumorclass_volume *volume, int axis)
{
    return column_length(volume->affine, axis);
}

/* A corner is where two affines differ most. */
double affine_distance(const double a[12], const double b[12], const int64_t shape[3])
{
    double largest = 0;
    for (int corner = 0; corner < 8; corner++) {
        double voxel[3], in_a[3], in_b[3];
        for (int axis = 0; axis < 3; axis++) voxel[axis] = corner >> axis & 1 ? (double)(shape[axis] - 1) : 0;
        affine_apply(in_a, a, voxel);
        affine_apply(in_b, b, voxel);
        const double distance = hypot(hypot(in_a[0] - in_b[0], in_a[1] - in_b[1]), in_a[2] - in_b[2]);
        if (distance > largest) largest = distance;
    }
    return largest;
}
