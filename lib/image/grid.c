/* From a header's sform, qform and voxel sizes to one affine in millimetres, and back. */
#include <math.h>
#include <nifti2_io.h>
#include <string.h>
#include "image/nifti.h"

/* Rounding in float leaves a unit quaternion's vector part this much longer than 1 at most. */
static const double longest_quaternion = 1.001;

static bool is_voxel_size(double size)
{
    return isfinite(size) && size != 0;
}

/* Some writers leave a sign in pixdim, and a size of 0 where there is only one slice. */
static bool find_voxel_sizes(double sizes[3], const struct nifti_grid *grid, const int64_t shape[3], int *bad_axis)
{
    for (int axis = 0; axis < 3; axis++) {
        *bad_axis = axis;
        sizes[axis] = fabs(grid->voxel_size[axis]);
        if (sizes[axis] == 0 && shape[axis] == 1) sizes[axis] = 1;
        if (!is_voxel_size(sizes[axis])) return false;
    }
    return true;
}

static void from_voxel_sizes(double affine[12], const double sizes[3])
{
    memset(affine, 0, 12 * sizeof *affine);
    for (int axis = 0; axis < 3; axis++) affine[5 * axis] = sizes[axis];
}

static bool from_qform(double affine[12], const struct nifti_grid *grid, const double sizes[3])
{
    const double *q = grid->quaternion, *origin = grid->origin;
    if (!(sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2]) <= longest_quaternion)) return false;
    for (int axis = 0; axis < 3; axis++)
        if (!isfinite(origin[axis])) return false;
    const nifti_dmat44 matrix = nifti_quatern_to_dmat44(q[0], q[1], q[2], origin[0], origin[1], origin[2], sizes[0],
                                                        sizes[1], sizes[2], grid->qfac);
    memcpy(affine, matrix.m, 12 * sizeof *affine);
    return true;
}

/* Half a voxel apart somewhere: less is the rounding of a quaternion in float. */
static bool forms_disagree(const double sform[12], const double qform[12], const double sizes[3],
                           const int64_t shape[3])
{
    return affine_distance(sform, qform, shape) > 0.5 * fmin(sizes[0], fmin(sizes[1], sizes[2]));
}

static double millimetres(int32_t units)
{
    switch (units & 7) {
    case NIFTI_UNITS_METER: return 1000;
    case NIFTI_UNITS_MICRON: return 0.001;
    default: return 1;
    }
}

tumorclass_status grid_affine(double affine[12], enum affine_source *source, uint32_t *notes,
                              const struct nifti_grid *grid, const int64_t shape[3])
{
    double sizes[3], qform[12], inverse[12];
    int bad_axis;
    const bool have_sizes = find_voxel_sizes(sizes, grid, shape, &bad_axis);
    const bool sform_good = grid->sform_code > 0 && affine_invert(inverse, grid->sform);
    const bool qform_good = grid->qform_code > 0 && have_sizes && from_qform(qform, grid, sizes) &&
                            affine_invert(inverse, qform);
    if (!sform_good && !qform_good && !have_sizes)
        return fail(TUMORCLASS_BAD_IMAGE, "has neither sform nor qform that can be used, and pixdim[%d] is %g",
                    bad_axis + 1, grid->voxel_size[bad_axis]);

    *notes = 0;
    if ((grid->sform_code > 0 && !sform_good) || (grid->qform_code > 0 && !qform_good))
        *notes |= TUMORCLASS_NOTE_BAD_FORM;
    if (!sform_good && !qform_good) *notes |= TUMORCLASS_NOTE_NO_ORIENTATION;
    if (sform_good && qform_good && forms_disagree(grid->sform, qform, sizes, shape))
        *notes |= TUMORCLASS_NOTE_FORMS_DISAGREE;

    *source = sform_good ? AFFINE_SFORM : qform_good ? AFFINE_QFORM : AFFINE_VOXEL_SIZE;
    if (*source == AFFINE_SFORM) memcpy(affine, grid->sform, sizeof grid->sform);
    if (*source == AFFINE_QFORM) memcpy(affine, qform, sizeof qform);
    if (*source == AFFINE_VOXEL_SIZE) from_voxel_sizes(affine, sizes);
    for (int n = 0; n < 12; n++) affine[n] *= millimetres(grid->units);
    if (!affine_invert(inverse, affine))
        return fail(TUMORCLASS_BAD_IMAGE,
                    "has a transform that cannot be inverted in millimetres: its determinant is %g",
                    affine_determinant(affine));
    return TUMORCLASS_OK;
}

/* A qform is a rotation and voxel sizes: it cannot say a shear. */
static bool is_orthogonal(const double affine[12], const double sizes[3])
{
    for (int a = 0; a < 3; a++) {
        const int b = (a + 1) % 3;
        const double dot = affine[a] * affine[b] + affine[4 + a] * affine[4 + b] + affine[8 + a] * affine[8 + b];
        if (fabs(dot) > 1e-5 * sizes[a] * sizes[b]) return false;
    }
    return true;
}

void grid_of_affine(struct nifti_grid *grid, const double affine[12])
{
    *grid = (struct nifti_grid){
        .version = 1, .sform_code = NIFTI_XFORM_SCANNER_ANAT, .qfac = 1, .units = NIFTI_UNITS_MM
    };
    tumorclass_volume volume;
    memcpy(volume.affine, affine, sizeof volume.affine);
    memcpy(grid->sform, affine, sizeof grid->sform);
    for (int axis = 0; axis < 3; axis++) grid->voxel_size[axis] = volume_step_mm(&volume, axis);
    if (!is_orthogonal(affine, grid->voxel_size)) return;

    nifti_dmat44 matrix = { { { 0 } } };
    memcpy(matrix.m, affine, 12 * sizeof *affine);
    matrix.m[3][3] = 1;
    double *q = grid->quaternion, *origin = grid->origin, *size = grid->voxel_size;
    nifti_dmat44_to_quatern(matrix, &q[0], &q[1], &q[2], &origin[0], &origin[1], &origin[2], &size[0], &size[1],
                            &size[2], &grid->qfac);
    grid->qform_code = NIFTI_XFORM_SCANNER_ANAT;
}
