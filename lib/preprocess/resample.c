#include "preprocess/resample.h"
#include <math.h>
#include "base/memory.h"

static const double border = 1e-6; /* voxels: a centre on the border of the field of view is within it */

/* What one output takes of an axis: sum_n weights[n] * input[first + n], and `outside` of the fill value. */
struct tap {
    int64_t first, count;
    const double *weights;
    double covered; /* share of it that lies in the field of view */
};

struct taps {
    struct tap *taps;
    double *weights;
};

/* Weights of an axis, at most: intervals do not overlap, so only a voxel that two of them share counts twice; and
 * linear interpolation takes two. */
static size_t most_weights(const struct axis *axis)
{
    return (size_t)(axis->inputs + 2 * axis->outputs);
}

static void tap_linear(struct tap *tap, double *weights, const struct axis *axis, int64_t output)
{
    const double centre = axis->start + ((double)output + 0.5) * axis->ratio, last = (double)axis->inputs - 1;
    if (centre < -border || centre > last + 1 + border) return;
    const double position = fmin(fmax(centre - 0.5, 0), last), below = floor(position);
    *tap = (struct tap){ (int64_t)below, position == last ? 1 : 2, weights, 1 };
    weights[0] = 1 - (position - below);
    if (tap->count == 2) weights[1] = position - below;
}

static void tap_mean(struct tap *tap, double *weights, const struct axis *axis, int64_t output)
{
    const double begin = axis->start + (double)output * axis->ratio;
    const double end = axis->start + (double)(output + 1) * axis->ratio;
    const double from = fmax(begin, 0), to = fmin(end, (double)axis->inputs);
    if (from >= to) return;
    const int64_t first = (int64_t)from, after = (int64_t)ceil(to);
    *tap = (struct tap){ first, after - first, weights, from == begin && to == end ? 1 : (to - from) / axis->ratio };
    for (int64_t i = first; i < after; i++)
        weights[i - first] = (fmin(to, (double)(i + 1)) - fmax(from, (double)i)) / axis->ratio;
}

static void taps_free(struct taps *taps)
{
    memory_free(taps->taps);
    memory_free(taps->weights);
}

/* False: no memory; taps_free either way. */
static bool taps_create(struct taps *taps, const struct axis *axis)
{
    *taps = (struct taps){ memory_zeroed((size_t)axis->outputs, sizeof *taps->taps), NULL };
    if (taps->taps) taps->weights = memory_allocate(most_weights(axis), sizeof *taps->weights);
    if (!taps->weights) return false;
    double *weights = taps->weights;
    for (int64_t output = 0; output < axis->outputs; output++) {
        struct tap *tap = &taps->taps[output];
        if (axis->ratio > 1)
            tap_mean(tap, weights, axis, output);
        else
            tap_linear(tap, weights, axis, output);
        weights += tap->count;
    }
    return true;
}

struct resampling {
    const struct axis *axes;
    struct taps taps[3];
    double *mixed;  /* [H][W] of the input: one output plane, resampled along D */
    double *narrow; /* [H][W of the output]: along W as well */
    float *dst;
    const float *src;
    double fill;
    int64_t d; /* the output plane at work */
};

/* mixed[h][w] = sum_n weight[n] * src[first + n][h][w]; narrow[h][o] = sum_n weight[n] * mixed[h][first + n] */
static void mix_lines(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    const struct resampling *r = context;
    const struct tap *depth = &r->taps[0].taps[r->d];
    const int64_t height = r->axes[1].inputs, width = r->axes[2].inputs, outputs = r->axes[2].outputs;
    for (int64_t h = begin; h < end; h++) {
        double *mixed = r->mixed + h * width;
        for (int64_t w = 0; w < width; w++) mixed[w] = 0;
        for (int64_t n = 0; n < depth->count; n++) {
            const float *src = r->src + ((depth->first + n) * height + h) * width;
            const double weight = depth->weights[n];
            for (int64_t w = 0; w < width; w++) mixed[w] += weight * src[w];
        }
        for (int64_t o = 0; o < outputs; o++) {
            const struct tap *tap = &r->taps[2].taps[o];
            double sum = 0;
            for (int64_t n = 0; n < tap->count; n++) sum += tap->weights[n] * mixed[tap->first + n];
            r->narrow[h * outputs + o] = sum;
        }
    }
}

/* dst[d][o][w] = sum_n weight[n] * narrow[first + n][w], and the fill value for what is not covered */
static void finish_lines(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    const struct resampling *r = context;
    const int64_t width = r->axes[2].outputs;
    for (int64_t o = begin; o < end; o++) {
        float *dst = r->dst + (r->d * r->axes[1].outputs + o) * width;
        const struct tap *tap = &r->taps[1].taps[o];
        for (int64_t w = 0; w < width; w++) {
            const double covered = r->taps[0].taps[r->d].covered * tap->covered * r->taps[2].taps[w].covered;
            double sum = (1 - covered) * r->fill;
            for (int64_t n = 0; n < tap->count; n++) sum += tap->weights[n] * r->narrow[(tap->first + n) * width + w];
            dst[w] = (float)sum;
        }
    }
}

static tumorclass_status resample_planes(struct resampling *r, const struct work *work)
{
    for (r->d = 0; r->d < r->axes[0].outputs; r->d++) {
        const tumorclass_status status = work_report(work, (double)r->d / (double)r->axes[0].outputs);
        if (status != TUMORCLASS_OK) return status;
        pool_run(work->pool, mix_lines, r, r->axes[1].inputs);
        pool_run(work->pool, finish_lines, r, r->axes[1].outputs);
    }
    return TUMORCLASS_OK;
}

static bool resampling_create(struct resampling *r)
{
    const size_t height = (size_t)r->axes[1].inputs;
    for (int axis = 0; axis < 3; axis++)
        if (!taps_create(&r->taps[axis], &r->axes[axis])) return false;
    r->mixed = memory_allocate(height * (size_t)r->axes[2].inputs, sizeof *r->mixed);
    r->narrow = memory_allocate(height * (size_t)r->axes[2].outputs, sizeof *r->narrow);
    return r->mixed && r->narrow;
}

tumorclass_status resample_axes(float *dst, const float *src, const struct axis axes[3], float fill,
                                const struct work *work)
{
    struct resampling r = { .axes = axes, .dst = dst, .src = src, .fill = fill };
    const tumorclass_status status = resampling_create(&r) ? resample_planes(&r, work)
                                                           : fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for resampling");
    for (int axis = 0; axis < 3; axis++) taps_free(&r.taps[axis]);
    memory_free(r.mixed);
    memory_free(r.narrow);
    return status;
}

size_t resample_axes_memory(const struct axis axes[3])
{
    size_t bytes = sizeof(double) * (size_t)(axes[1].inputs * (axes[2].inputs + axes[2].outputs));
    for (int axis = 0; axis < 3; axis++)
        bytes += sizeof(struct tap) * (size_t)axes[axis].outputs + sizeof(double) * most_weights(&axes[axis]);
    return bytes;
}

/* ---- Grids ---- */

static void aligned_axes(struct axis axes[3], const struct grid *grid)
{
    for (int n = 0; n < 3; n++) {
        const double step = grid->linear[5 * n];
        axes[n] = (struct axis){ grid->inputs[n], grid->outputs[n], grid->start[n] / step + 0.5,
                                 grid->spacing[n] / step };
    }
}

/* The scan's own axes, coarsened to about the grid's spacing. */
static void coarse_axes(struct axis axes[3], const struct grid *grid)
{
    for (int n = 0; n < 3; n++) {
        const double *l = grid->linear + n;
        const double step = sqrt(l[0] * l[0] + l[4] * l[4] + l[8] * l[8]), spacing = grid->spacing[n];
        const int64_t inputs = grid->inputs[n];
        const double outputs = step < spacing ? floor((double)inputs * step / spacing + 0.5) : (double)inputs;
        axes[n] = (struct axis){ .inputs = inputs, .outputs = outputs < 1 ? 1 : (int64_t)outputs };
        axes[n].ratio = (double)inputs / (double)axes[n].outputs;
    }
}

struct interpolation {
    float *dst;
    const float *src; /* of the coarse grid */
    const struct grid *grid;
    struct axis axes[3];
    double from_tensor[12];
    float fill;
};

/* Position on one axis: two neighbours and the share of the second. False outside the field of view. */
static bool locate(int64_t at[2], double *share, const struct axis *axis, double index)
{
    const double last = (double)axis->outputs - 1;
    if (!(index >= -0.5 - border && index <= (double)axis->inputs - 0.5 + border)) return false;
    const double position = fmin(fmax((index + 0.5) / axis->ratio - 0.5, 0), last);
    at[0] = (int64_t)position;
    at[1] = at[0] < axis->outputs - 1 ? at[0] + 1 : at[0];
    *share = position - (double)at[0];
    return true;
}

static float interpolate(const struct interpolation *p, const double index[3])
{
    int64_t at[3][2];
    double share[3];
    for (int n = 0; n < 3; n++)
        if (!locate(at[n], &share[n], &p->axes[n], index[n])) return p->fill;
    double planes[2];
    for (int d = 0; d < 2; d++) {
        double lines[2];
        for (int h = 0; h < 2; h++) {
            const float *line = p->src + (at[0][d] * p->axes[1].outputs + at[1][h]) * p->axes[2].outputs;
            lines[h] = line[at[2][0]] * (1 - share[2]) + line[at[2][1]] * share[2];
        }
        planes[d] = lines[0] * (1 - share[1]) + lines[1] * share[1];
    }
    return (float)(planes[0] * (1 - share[0]) + planes[1] * share[0]);
}

static void interpolate_lines(void *context, int64_t begin, int64_t end, int32_t worker)
{
    (void)worker;
    const struct interpolation *p = context;
    const int64_t height = p->grid->outputs[1], width = p->grid->outputs[2];
    for (int64_t line = begin; line < end; line++)
        for (int64_t w = 0; w < width; w++) {
            const double tensor[3] = { (double)(line / height), (double)(line % height), (double)w };
            double index[3];
            affine_apply(index, p->from_tensor, tensor);
            p->dst[line * width + w] = interpolate(p, index);
        }
}

static tumorclass_status resample_oblique(float *dst, const float *src, const struct grid *grid, float fill,
                                          const struct work *work)
{
    struct interpolation p = { .dst = dst, .grid = grid, .fill = fill };
    const struct work coarse_part = work_part(work, 0, 0.5), fine_part = work_part(work, 0.5, 1);
    coarse_axes(p.axes, grid);
    grid_from_tensor(p.from_tensor, grid);
    float *coarse = memory_allocate((size_t)(p.axes[0].outputs * p.axes[1].outputs * p.axes[2].outputs),
                                    sizeof *coarse);
    if (!coarse) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for resampling");
    p.src = coarse;
    tumorclass_status status = resample_axes(coarse, src, p.axes, fill, &coarse_part);
    if (status == TUMORCLASS_OK)
        status = work_run(&fine_part, interpolate_lines, &p, grid->outputs[0] * grid->outputs[1], grid->outputs[2]);
    memory_free(coarse);
    return status;
}

tumorclass_status resample_grid(float *dst, const float *src, const struct grid *grid, float fill,
                                const struct work *work)
{
    if (!grid->aligned) return resample_oblique(dst, src, grid, fill, work);
    struct axis axes[3];
    aligned_axes(axes, grid);
    return resample_axes(dst, src, axes, fill, work);
}

size_t resample_grid_memory(const struct grid *grid)
{
    struct axis axes[3];
    if (grid->aligned) {
        aligned_axes(axes, grid);
        return resample_axes_memory(axes);
    }
    coarse_axes(axes, grid);
    return resample_axes_memory(axes) + sizeof(float) * (size_t)(axes[0].outputs * axes[1].outputs * axes[2].outputs);
}
