#include "preprocess/preprocess.h"
#include <math.h>
#include "base/memory.h"
#include "base/work.h"
#include "preprocess/components.h"
#include "preprocess/foreground.h"
#include "preprocess/grid.h"
#include "preprocess/normalize.h"
#include "preprocess/resample.h"
#include "preprocess/statistics.h"
#include "preprocess/voxels.h"

/* Shares of the whole time at which the steps end, as measured on 256^3 voxels. */
static const double after_read = 0.17, after_check = 0.26, after_foreground = 0.78, after_normalize = 0.89,
                    after_resample = 0.95;

struct preparing {
    struct preparation *preparation;
    const tumorclass_volume *mask;
    const struct preprocess_spec *spec;
    struct voxels voxels;
    struct moments all; /* of the finite voxels */
    struct grid grid;
    float fill; /* what takes the place of voxels that are not there, normalised */
};

static tumorclass_status check_intensities(struct preparing *p, const struct work *work)
{
    const struct sample sample = { p->voxels.values, p->voxels.inside, p->voxels.count };
    const tumorclass_status status = measure_moments(&p->all, &sample, work);
    if (status != TUMORCLASS_OK) return status;
    if (p->all.count == 0) return fail(TUMORCLASS_BAD_IMAGE, "no voxel of the scan has a finite value");
    if (p->all.minimum == p->all.maximum)
        return fail(TUMORCLASS_BAD_IMAGE, "every %svoxel has the value %.9g",
                    p->all.count < p->voxels.count ? "finite " : "", p->all.minimum);
    struct preprocess_facts *facts = &p->preparation->facts;
    facts->nonfinite = p->voxels.count - p->all.count;
    facts->minimum = p->all.minimum;
    facts->maximum = p->all.maximum;
    return TUMORCLASS_OK;
}

static tumorclass_status take_mask(struct preparing *p, const struct work *work)
{
    const tumorclass_status status = voxels_mask(&p->voxels, p->mask, work);
    if (status != TUMORCLASS_OK) return status;
    int64_t count = 0;
    for (int64_t i = 0; i < p->voxels.count; i++) count += p->voxels.inside[i];
    if (!count)
        return fail(TUMORCLASS_BAD_ARGUMENT, "the mask is empty: none of its %lld voxels is non-zero%s",
                    (long long)p->voxels.count, p->preparation->facts.nonfinite ? " where the scan is finite" : "");
    struct preprocess_facts *facts = &p->preparation->facts;
    facts->foreground = facts->foreground_tried = FOREGROUND_GIVEN;
    facts->foreground_share = (double)count / (double)p->voxels.count;
    return TUMORCLASS_OK;
}

static tumorclass_status normalize_scan(struct preparing *p, const struct work *work)
{
    const struct preprocess_facts *facts = &p->preparation->facts;
    const struct work choose_part = work_part(work, 0, 0.7), apply_part = work_part(work, 0.7, 1);
    struct normalization normalization;
    const tumorclass_status status = choose_normalization(&normalization, &p->preparation->facts, &p->voxels, &p->all,
                                                          p->spec, &choose_part);
    if (status != TUMORCLASS_OK) return status;
    const bool constant_border = facts->background_share > 0 && isfinite(facts->background_value);
    p->fill = p->spec->has_background
                  ? (float)p->spec->background
                  : normalize(&normalization, constant_border ? facts->background_value : facts->minimum);
    return normalize_voxels(&p->voxels, &normalization, p->spec->has_background, p->fill, &apply_part);
}

static tumorclass_status resample_scan(struct preparing *p, const struct work *work)
{
    const int64_t count = multiply_extents(p->spec->shape, 3);
    p->preparation->input = memory_allocate((size_t)count, sizeof *p->preparation->input);
    if (count < 0 || !p->preparation->input)
        return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for an input of %lld x %lld x %lld",
                    (long long)p->spec->shape[0], (long long)p->spec->shape[1], (long long)p->spec->shape[2]);
    grid_place(&p->grid, p->voxels.inside, p->spec);
    return resample_grid(p->preparation->input, p->voxels.values, &p->grid, p->fill, work);
}

static tumorclass_status export_foreground(struct preparing *p, const struct work *work)
{
    memory_free(p->voxels.values); /* the peak of memory lies behind us, and shall */
    p->voxels.values = NULL;
    p->preparation->foreground = memory_allocate((size_t)p->voxels.count, 1);
    if (!p->preparation->foreground) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the foreground");
    return voxels_export(p->preparation->foreground, &p->voxels, work);
}

/* Sums of whole numbers, so that no order of the axes changes a bit. */
static void find_centre(double centre_mm[3], const struct voxels *voxels)
{
    const int64_t *shape = voxels->view.shape;
    int64_t sums[3] = { 0, 0, 0 }, total = 0;
    for (int64_t line = 0; line < shape[0] * shape[1]; line++) {
        const unsigned char *row = voxels->inside + line * shape[2];
        int64_t count = 0, along = 0;
        for (int64_t w = 0; w < shape[2]; w++) {
            count += row[w];
            along += row[w] ? w : 0;
        }
        sums[0] += count * (line / shape[1]);
        sums[1] += count * (line % shape[1]);
        sums[2] += along;
        total += count;
    }
    for (int axis = 0; axis < 3; axis++) centre_mm[axis] = (double)sums[axis] / (double)total;
    affine_apply(centre_mm, voxels->view.affine, centre_mm);
}

static void describe_geometry(struct preparing *p)
{
    struct preparation *preparation = p->preparation;
    double index[12], to_tensor[12], from_tensor[12];
    voxels_index(index, &p->voxels);
    grid_to_tensor(to_tensor, &p->grid);
    grid_from_tensor(from_tensor, &p->grid);
    affine_multiply(preparation->to_network, to_tensor, index);
    affine_multiply(preparation->affine, p->voxels.view.affine, from_tensor);
    find_centre(preparation->facts.centre_mm, &p->voxels);
    for (int axis = 0; axis < 3; axis++) {
        const double step = volume_step_mm(&p->voxels.view, axis);
        preparation->facts.step_mm[axis] = step;
        preparation->facts.coverage_mm[axis] = step * (double)p->voxels.view.shape[axis];
    }
}

static tumorclass_status prepare(struct preparing *p, const struct work *work)
{
    struct preprocess_facts *facts = &p->preparation->facts;
    const struct work read = work_part(work, 0, after_read), check = work_part(work, after_read, after_check),
                      foreground = work_part(work, after_check, after_foreground),
                      normalization = work_part(work, after_foreground, after_normalize),
                      resampling = work_part(work, after_normalize, after_resample),
                      export = work_part(work, after_resample, 1);
    tumorclass_status status = grid_create(&p->grid, &p->voxels.view, p->spec);
    if (status == TUMORCLASS_OK) status = voxels_read(&p->voxels, &read);
    if (status == TUMORCLASS_OK) status = check_intensities(p, &check);
    if (status != TUMORCLASS_OK) return status;
    find_background(facts, &p->voxels);
    status = p->mask ? take_mask(p, &foreground) : find_foreground(facts, &p->voxels, &foreground);
    if (status == TUMORCLASS_OK) status = normalize_scan(p, &normalization);
    if (status == TUMORCLASS_OK) status = resample_scan(p, &resampling);
    if (status == TUMORCLASS_OK) status = export_foreground(p, &export);
    if (status == TUMORCLASS_OK) describe_geometry(p);
    return status;
}

tumorclass_status preprocess_run(struct preparation *preparation, const tumorclass_volume *volume,
                                 const tumorclass_volume *mask, const struct preprocess_spec *spec, struct pool *pool,
                                 const struct monitor *monitor)
{
    *preparation = (struct preparation){ .input = NULL };
    const struct work work = work_create(pool, monitor, "preprocess");
    struct preparing preparing = {
        .preparation = preparation, .mask = mask, .spec = spec, .voxels = voxels_of(volume, spec->orientation)
    };
    tumorclass_status status = prepare(&preparing, &work);
    if (status == TUMORCLASS_OK) status = work_report(&work, 1);
    voxels_free(&preparing.voxels);
    if (status != TUMORCLASS_OK) preparation_free(preparation);
    return status;
}

void preparation_free(struct preparation *preparation)
{
    memory_free(preparation->input);
    memory_free(preparation->foreground);
    preparation->input = NULL;
    preparation->foreground = NULL;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t preprocess_memory(const tumorclass_volume *volume, const struct preprocess_spec *spec)
{
    struct grid grid;
    const struct voxels voxels = voxels_of(volume, spec->orientation);
    if (grid_create(&grid, &voxels.view, spec) != TUMORCLASS_OK) return 0; /* refused before any memory is taken */
    const size_t count = (size_t)voxels.count, input = sizeof(float) * (size_t)multiply_extents(spec->shape, 3);
    const size_t scan = count * (sizeof *voxels.values + sizeof *voxels.inside);
    const size_t searching = scan + components_memory(voxels.view.shape);
    const size_t resampling = scan + input + resample_grid_memory(&grid);
    const size_t exporting = 2 * count + input;
    return larger(larger(searching, resampling), exporting);
}
