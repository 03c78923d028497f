/* Skull stripping and defacing, as tools do them: by what voxels look like and where they lie, well or badly.
 *
 * A tool's idea of the brain is a smooth field on a coarse grid: what each voxel's tissue looks like to it, blurred, with
 * errors of its own; the voxels above a threshold are kept. So a tumour in the brain stays, one outside it goes as far
 * as the tool takes it for something else. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "acquire.h"
#include "noise.h"

struct tool {
    float tissue[TISSUES]; /* 1: brain to it, 0: not */
    float tumour;          /* the same, of a tumour's voxels outside the brain */
    double blur;           /* mm */
    float threshold;
    float error;  /* deviation of the errors, */
    double grain; /* and mm */
};

/* What lies round the brain: CSF, and what has about the brain's intensity with an agent. */
static void set_surroundings(struct tool *tool, float csf, float lining, float vessel)
{
    static const enum tissue linings[] = { DURA, FALX, TENTORIUM, CAVERNOUS_SINUS, GLAND };
    for (int t = 0; t < TISSUES; t++) tool->tissue[t] = is_brain((enum tissue)t) ? 1 : 0;
    for (size_t n = 0; n < sizeof linings / sizeof *linings; n++) tool->tissue[linings[n]] = lining;
    tool->tissue[CSF] = tool->tissue[CANAL] = tool->tissue[NERVE] = csf;
    tool->tissue[ARTERY] = tool->tissue[VEIN] = vessel;
    tool->tissue[CHIASM] = tool->tissue[STALK] = fmaxf(csf, 0.6f);
}

static void set_sloppy(struct tool *tool, struct random *random)
{
    const float eyes = random_chance(random, 0.6) ? 0.9f : 0;
    tool->tissue[EYE] = tool->tissue[EYE_MUSCLE] = tool->tissue[OPTIC_NERVE] = eyes;
    tool->tissue[MARROW] = (float)random_uniform(random, 0, 0.5);
    tool->tissue[MUCOSA] = (float)random_uniform(random, 0, 0.5);
    tool->tissue[SOFT_TISSUE] = (float)random_uniform(random, 0, 0.3);
    tool->tissue[CORD] = 1;
}

static struct tool draw_tool(enum stripping stripping, struct random *random)
{
    struct tool tool = { .grain = 25 };
    const float lining = (float)random_uniform(random, 0, 1), tumour = (float)random_uniform(random, 0, 1);
    /* CSF and vessels stay below the threshold: they are kept where the brain is near, as in its furrows. */
    switch (stripping) {
    case STRIP_TIGHT:
        set_surroundings(&tool, 0.5f, 0.1f, 0.1f);
        tool.blur = 2.5, tool.threshold = 0.67f, tool.error = 0.08f, tool.tumour = 0.35f + 0.65f * tumour;
        break;
    case STRIP_LOOSE:
        set_surroundings(&tool, 0.34f, 0.4f + 0.6f * lining, 0.3f);
        tool.blur = 3.5, tool.threshold = 0.36f, tool.error = 0.05f, tool.tumour = 0.7f + 0.3f * tumour;
        break;
    case STRIP_RAGGED:
        set_surroundings(&tool, 0.42f, lining, 0.4f * lining);
        set_sloppy(&tool, random);
        tool.blur = 2.5, tool.threshold = 0.45f, tool.error = 0.2f, tool.grain = 13, tool.tumour = tumour;
        break;
    default:
        set_surroundings(&tool, 0.46f, 0.2f, 0.2f);
        tool.blur = 2.7, tool.threshold = 0.5f, tool.error = 0.03f, tool.tumour = 0.5f + 0.5f * tumour;
    }
    return tool;
}

/* The field: on every `ratio`-th voxel of the picture along each axis, each for the block of voxels round it. */
struct field {
    int ratio, shape[3];
    float *value;
};

static void average_blocks(struct field *field, const struct picture *picture, const struct tool *tool)
{
    const int *shape = picture->grid.shape, ratio = field->ratio;
    const float share = 1 / (float)(ratio * ratio * ratio);
    size_t at = 0;
    for (int k = 0; k < shape[2]; k++)
        for (int j = 0; j < shape[1]; j++) {
            float *row = field->value + ((size_t)(k / ratio) * (size_t)field->shape[1] + (size_t)(j / ratio)) *
                                            (size_t)field->shape[0];
            for (int i = 0; i < shape[0]; i++, at++) {
                const float looks = tool->tissue[picture->tissue[at]];
                row[i / ratio] += share * (picture->lesion[at] == 1 ? fmaxf(looks, tool->tumour) : looks);
            }
        }
}

/* Weights 1, 2, 1 along an axis, in place; 0 beyond the border. */
static void smooth(float *value, const int shape[3], int axis)
{
    const size_t strides[3] = { 1, (size_t)shape[0], (size_t)shape[0] * (size_t)shape[1] }, stride = strides[axis];
    const size_t run = stride * (size_t)shape[axis], count = strides[2] * (size_t)shape[2];
    for (size_t start = 0; start < count; start += run)
        for (size_t offset = start; offset < start + stride; offset++) {
            float before = 0, here = value[offset];
            for (size_t at = offset; at < start + run; at += stride) {
                const float after = at + stride < start + run ? value[at + stride] : 0;
                value[at] = 0.25f * before + 0.5f * here + 0.25f * after;
                before = here;
                here = after;
            }
        }
}

/* Where nothing looks like brain, few errors are made. */
static bool add_errors(struct field *field, const struct grid *grid, const struct tool *tool, struct random *random)
{
    float high[3], *row = malloc((size_t)field->shape[0] * sizeof *row);
    const float step = grid->step * (float)field->ratio;
    for (int a = 0; a < 3; a++) high[a] = grid->origin[a] + step * (float)field->shape[a];
    struct noise noise = { .value = NULL };
    const bool ready = row && noise_create(&noise, random, grid->origin, high, tool->grain);
    for (int k = 0; ready && k < field->shape[2]; k++)
        for (int j = 0; j < field->shape[1]; j++) {
            const float point[3] = { grid->origin[0], grid->origin[1] + step * (float)j,
                                     grid->origin[2] + step * (float)k };
            noise_row(row, &noise, point, step, (size_t)field->shape[0]);
            float *value = field->value + ((size_t)k * (size_t)field->shape[1] + (size_t)j) * (size_t)field->shape[0];
            for (int i = 0; i < field->shape[0]; i++) value[i] += tool->error * row[i] * (0.25f + value[i]);
        }
    noise_free(&noise);
    free(row);
    return ready;
}

static void field_free(struct field *field)
{
    free(field->value);
}

static bool field_create(struct field *field, const struct picture *picture, const struct tool *tool,
                         struct random *random)
{
    const struct grid *grid = &picture->grid;
    field->ratio = (int)fmaxf(1, roundf(2.4f / grid->step));
    size_t count = 1;
    for (int a = 0; a < 3; a++) {
        field->shape[a] = (grid->shape[a] + field->ratio - 1) / field->ratio;
        count *= (size_t)field->shape[a];
    }
    field->value = calloc(count, sizeof *field->value);
    if (!field->value) return false;
    average_blocks(field, picture, tool);
    /* Each pass adds half a squared voxel to the variance. */
    const double voxel = (double)grid->step * field->ratio;
    const int passes = (int)fmax(1, lround(2 * tool->blur * tool->blur / (voxel * voxel)));
    for (int n = 0; n < passes; n++)
        for (int a = 0; a < 3; a++) smooth(field->value, field->shape, a);
    if (add_errors(field, grid, tool, random)) return true;
    field_free(field);
    return false;
}

/* Between which two of `count` field values a voxel lies, and how far from the first. */
static void locate(int at[2], float *share, const struct field *field, int axis, int index)
{
    const float x = ((float)index - 0.5f * (float)(field->ratio - 1)) / (float)field->ratio;
    const int last = field->shape[axis] - 1, floor_x = x < 0 ? 0 : (int)x;
    at[0] = floor_x < last ? floor_x : last;
    at[1] = floor_x < last ? floor_x + 1 : last;
    *share = x < 0 ? 0 : x - (float)floor_x;
}

static bool threshold_field(uint8_t *keep, const struct field *field, const int shape[3], float threshold)
{
    const size_t nx = (size_t)field->shape[0];
    float *row = malloc(nx * sizeof *row);
    for (int k = 0; row && k < shape[2]; k++)
        for (int j = 0; j < shape[1]; j++) {
            int aty[2], atz[2], atx[2];
            float y, z, x;
            locate(aty, &y, field, 1, j);
            locate(atz, &z, field, 2, k);
            const float *low = field->value + (size_t)atz[0] * (size_t)field->shape[1] * nx;
            const float *high = field->value + (size_t)atz[1] * (size_t)field->shape[1] * nx;
            const size_t first = (size_t)aty[0] * nx, second = (size_t)aty[1] * nx;
            for (size_t i = 0; i < nx; i++)
                row[i] = (1 - z) * ((1 - y) * low[first + i] + y * low[second + i]) +
                         z * ((1 - y) * high[first + i] + y * high[second + i]);
            for (int i = 0; i < shape[0]; i++) {
                locate(atx, &x, field, 0, i);
                *keep++ = row[atx[0]] + x * (row[atx[1]] - row[atx[0]]) > threshold;
            }
        }
    const bool done = row;
    free(row);
    return done;
}

static size_t voxel_count(const struct grid *grid)
{
    return (size_t)grid->shape[0] * (size_t)grid->shape[1] * (size_t)grid->shape[2];
}

bool strip(uint8_t *keep, const struct picture *picture, enum stripping stripping, struct random *random)
{
    if (stripping == STRIP_NONE) {
        memset(keep, 1, voxel_count(&picture->grid));
        return true;
    }
    const struct tool tool = draw_tool(stripping, random);
    struct field field;
    if (!field_create(&field, picture, &tool, random)) return false;
    const bool done = threshold_field(keep, &field, picture->grid.shape, tool.threshold);
    field_free(&field);
    return done;
}

void deface(uint8_t *keep, const struct picture *picture, struct random *random)
{
    const double angle = random_uniform(random, 35, 60) * 0.017453292519943295, margin = random_uniform(random, 2, 8);
    const int *shape = picture->grid.shape;
    const double front = cos(angle) * picture->grid.step, down = sin(angle) * picture->grid.step;
    const size_t nx = (size_t)shape[0], count = voxel_count(&picture->grid);
    bool brain[TISSUES];
    for (int t = 0; t < TISSUES; t++) brain[t] = is_brain((enum tissue)t);

    double furthest = -INFINITY; /* of the brain along the plane's normal, mm from the first voxel */
    for (size_t at = 0; at < count; at++)
        if (brain[picture->tissue[at]])
            furthest = fmax(furthest,
                            front * (double)(at / nx % (size_t)shape[1]) - down * (double)(at / nx / (size_t)shape[1]));
    if (furthest == -INFINITY) return;
    for (int k = 0; k < shape[2]; k++)
        for (int j = 0; j < shape[1]; j++)
            if (front * j - down * k > furthest + margin)
                memset(keep + ((size_t)k * (size_t)shape[1] + (size_t)j) * nx, 0, nx);
}
