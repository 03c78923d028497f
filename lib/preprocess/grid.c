#include "preprocess/grid.h"
#include <assert.h>
#include <math.h>
#include <string.h>

static const double aligned_within = 1e-3; /* direction cosines */
static const double top_margin_mm = 5;     /* above the head, where the grid is too short for it */
static const double most_ratio = 1e4;      /* of voxel size to spacing, either way */

/* Which world axis (R, A, S) a letter names, and whether it runs that way. */
static int world_axis(char letter, double *sign)
{
    static const char letters[] = "RLAPSI";
    const char *found = strchr(letters, letter);
    assert(letter && found);
    *sign = (found - letters) % 2 ? -1 : 1;
    return (int)(found - letters) / 2;
}

static bool is_aligned(const tumorclass_volume *view, const struct preprocess_spec *spec)
{
    for (int axis = 0; axis < 3; axis++) {
        double sign;
        const int along = world_axis(spec->orientation[axis], &sign);
        for (int world = 0; world < 3; world++)
            if (world != along && fabs(view->affine[4 * world + axis]) > aligned_within * volume_step_mm(view, axis))
                return false;
    }
    return true;
}

static void create_stretch(struct grid *grid)
{
    grid->aligned = true;
    for (int axis = 0; axis < 3; axis++) {
        grid->linear[5 * axis] = 1;
        grid->spacing[axis] = (double)grid->inputs[axis] / (double)grid->outputs[axis];
    }
}

static tumorclass_status create_spacing(struct grid *grid, const tumorclass_volume *view,
                                        const struct preprocess_spec *spec)
{
    grid->aligned = is_aligned(view, spec);
    for (int axis = 0; axis < 3; axis++) {
        const double step = volume_step_mm(view, axis), spacing = spec->spacing[axis];
        if (!(spacing < most_ratio * step && step < most_ratio * spacing))
            return fail(TUMORCLASS_BAD_IMAGE, "voxels of %g mm cannot be brought to the model's grid of %g mm", step,
                        spacing);
        grid->spacing[axis] = spacing;
        if (grid->aligned) {
            grid->linear[5 * axis] = step;
            continue;
        }
        double sign;
        const int world = world_axis(spec->orientation[axis], &sign);
        for (int n = 0; n < 3; n++) grid->linear[4 * axis + n] = sign * view->affine[4 * world + n];
    }
    return TUMORCLASS_OK;
}

tumorclass_status grid_create(struct grid *grid, const tumorclass_volume *view, const struct preprocess_spec *spec)
{
    *grid = (struct grid){ .aligned = false };
    memcpy(grid->inputs, view->shape, sizeof grid->inputs);
    memcpy(grid->outputs, spec->shape, sizeof grid->outputs);
    tumorclass_status status = TUMORCLASS_OK;
    if (spec->grid == GRID_SPACING)
        status = create_spacing(grid, view, spec);
    else
        create_stretch(grid);
    if (status == TUMORCLASS_OK && !affine_invert(grid->inverse, grid->linear))
        status = fail(TUMORCLASS_BAD_IMAGE, "the scan's axes lie in a plane: determinant %g",
                      affine_determinant(grid->linear));
    return status;
}

struct box {
    double low[3], high[3];
};

static void extend(struct box *box, const struct grid *grid, int64_t d, int64_t h, int64_t w)
{
    for (int axis = 0; axis < 3; axis++) {
        const double *row = grid->linear + 4 * axis;
        const double q = row[0] * (double)d + row[1] * (double)h + row[2] * (double)w;
        if (q < box->low[axis]) box->low[axis] = q;
        if (q > box->high[axis]) box->high[axis] = q;
    }
}

/* The foreground's voxels with their full extent, in grid coordinates. q is linear along a line: its ends suffice. */
static struct box bounding_box(const struct grid *grid, const unsigned char *inside)
{
    struct box box = { { INFINITY, INFINITY, INFINITY }, { -INFINITY, -INFINITY, -INFINITY } };
    const int64_t lines = grid->inputs[0] * grid->inputs[1], width = grid->inputs[2];
    for (int64_t line = 0; line < lines; line++) {
        const unsigned char *row = inside + line * width, *first = memchr(row, 1, (size_t)width);
        if (!first) continue;
        int64_t last = width - 1;
        while (!row[last]) last--;
        extend(&box, grid, line / grid->inputs[1], line % grid->inputs[1], first - row);
        extend(&box, grid, line / grid->inputs[1], line % grid->inputs[1], last);
    }
    for (int axis = 0; axis < 3; axis++) {
        const double *row = grid->linear + 4 * axis;
        const double half = (fabs(row[0]) + fabs(row[1]) + fabs(row[2])) / 2;
        box.low[axis] -= half;
        box.high[axis] += half;
    }
    return box;
}

void grid_place(struct grid *grid, const unsigned char *inside, const struct preprocess_spec *spec)
{
    if (spec->grid == GRID_STRETCH) {
        for (int axis = 0; axis < 3; axis++) grid->start[axis] = -0.5;
        return;
    }
    const struct box box = bounding_box(grid, inside);
    for (int axis = 0; axis < 3; axis++) {
        const double extent = (double)grid->outputs[axis] * grid->spacing[axis];
        const bool too_tall = box.high[axis] - box.low[axis] > extent;
        grid->start[axis] = (box.low[axis] + box.high[axis] - extent) / 2;
        if (too_tall && spec->orientation[axis] == 'S') grid->start[axis] = box.high[axis] + top_margin_mm - extent;
        if (too_tall && spec->orientation[axis] == 'I') grid->start[axis] = box.low[axis] - top_margin_mm;
    }
}

void grid_to_tensor(double affine[12], const struct grid *grid)
{
    for (int axis = 0; axis < 3; axis++) {
        for (int n = 0; n < 3; n++) affine[4 * axis + n] = grid->linear[4 * axis + n] / grid->spacing[axis];
        affine[4 * axis + 3] = -grid->start[axis] / grid->spacing[axis] - 0.5;
    }
}

void grid_from_tensor(double affine[12], const struct grid *grid)
{
    double centre[3];
    for (int axis = 0; axis < 3; axis++) centre[axis] = grid->start[axis] + grid->spacing[axis] / 2;
    affine_apply(centre, grid->inverse, centre);
    for (int row = 0; row < 3; row++) {
        for (int axis = 0; axis < 3; axis++)
            affine[4 * row + axis] = grid->inverse[4 * row + axis] * grid->spacing[axis];
        affine[4 * row + 3] = centre[row];
    }
}
