/* Slices through a picture. Each is sampled on a raster about as fine as the picture, averaged over its thickness, with
 * what the scanner adds: coil, ghosts, noise in two channels; then brought to the voxels in plane. */
#include "slices.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "noise.h"

/* MASKED: what stripping keeps, or, without stripping, what defacing cut: what lies beyond the picture is cut by the one
 * and kept by the other. */
enum channel { REAL, IMAGINARY, MASKED, TUMOUR, OEDEMA, CHANNELS };

/* Samples of one slice at a time, x along the frame's i and fastest. */
struct raster {
    const struct acquisition *acquisition;
    const struct picture *picture;
    const uint8_t *kept;
    int shape[2], pad;
    float spacing, first[2];      /* mm; of sample (0, 0) from the frame's first voxel */
    float unit[3][3];             /* along i, j and k */
    struct taps x, y;             /* to the voxels */
    struct taps plain_x, plain_y; /* the same for shares: they do not ring */
    int low[3], high[3];          /* the picture's voxels that hold or touch lesion; none: low over high */
    float *sample[CHANNELS], *row, *copy, *output;
    struct noise coil;
};

static void find_lesion(struct raster *raster)
{
    const int *shape = raster->picture->grid.shape;
    const uint8_t *lesion = raster->picture->lesion;
    for (int a = 0; a < 3; a++) {
        raster->low[a] = shape[a];
        raster->high[a] = -1;
    }
    for (int k = 0; k < shape[2]; k++)
        for (int j = 0; j < shape[1]; j++, lesion += shape[0])
            for (int i = 0; i < shape[0]; i++) {
                if (!lesion[i]) continue;
                const int at[3] = { i, j, k };
                for (int a = 0; a < 3; a++) {
                    if (at[a] <= raster->low[a]) raster->low[a] = at[a] ? at[a] - 1 : 0;
                    if (at[a] >= raster->high[a]) raster->high[a] = at[a] + 1;
                }
            }
}

static bool raster_taps(struct raster *raster)
{
    const struct acquisition *acquisition = raster->acquisition;
    const double spacing = raster->spacing, blur = acquisition->blur, output = acquisition->in_plane;
    /* As smooth as linear interpolation over one sample. */
    const double plain = 0.41 * spacing, sigma = sqrt(plain * plain + blur * blur);
    const int *voxels = acquisition->frame.shape;
    return taps_create(&raster->x, voxels[0], output, raster->shape[0], spacing, raster->pad, sigma,
                       acquisition->gibbs) &&
           taps_create(&raster->y, voxels[1], output, raster->shape[1], spacing, raster->pad, sigma,
                       acquisition->gibbs) &&
           taps_create(&raster->plain_x, voxels[0], output, raster->shape[0], spacing, raster->pad, plain, 0) &&
           taps_create(&raster->plain_y, voxels[1], output, raster->shape[1], spacing, raster->pad, plain, 0);
}

static bool raster_room(struct raster *raster)
{
    const struct frame *frame = &raster->acquisition->frame;
    const size_t count = (size_t)raster->shape[0] * (size_t)raster->shape[1];
    bool ready = (raster->row = malloc(((size_t)raster->shape[0] + 2) * sizeof(float))) &&
                 (raster->copy = malloc(count * sizeof(float))) &&
                 (raster->output = malloc((size_t)frame->shape[0] * (size_t)frame->shape[1] * sizeof(float)));
    for (int c = 0; ready && c < CHANNELS; c++) ready = (raster->sample[c] = malloc(count * sizeof(float)));
    return ready;
}

static void raster_free(struct raster *raster)
{
    taps_free(&raster->x);
    taps_free(&raster->y);
    taps_free(&raster->plain_x);
    taps_free(&raster->plain_y);
    noise_free(&raster->coil);
    for (int c = 0; c < CHANNELS; c++) free(raster->sample[c]);
    free(raster->row);
    free(raster->copy);
    free(raster->output);
}

static bool raster_create(struct raster *raster, const struct acquisition *acquisition, const struct picture *picture,
                          const uint8_t *kept, struct random *random)
{
    const struct frame *frame = &acquisition->frame;
    const float spacing = fmaxf(picture->grid.step, acquisition->in_plane);
    *raster = (struct raster){ .acquisition = acquisition, .picture = picture, .kept = kept, .spacing = spacing };
    raster->pad = taps_pad(spacing, sqrt(0.17 * spacing * spacing + acquisition->blur * acquisition->blur),
                           acquisition->gibbs);
    for (int f = 0; f < 2; f++) {
        raster->shape[f] = (int)ceilf((float)frame->shape[f] * acquisition->in_plane / spacing) + 2 * raster->pad;
        raster->first[f] = (0.5f - (float)raster->pad) * spacing - 0.5f * acquisition->in_plane;
    }
    for (int f = 0; f < 3; f++)
        for (int a = 0; a < 3; a++)
            raster->unit[f][a] = frame->step[f][a] / (f == 2 ? acquisition->between : acquisition->in_plane);
    find_lesion(raster);
    const float low[3] = { raster->first[0], raster->first[1], 0 };
    const float high[3] = { low[0] + (float)raster->shape[0] * spacing, low[1] + (float)raster->shape[1] * spacing,
                            (float)frame->shape[2] * acquisition->between };
    if (raster_room(raster) && raster_taps(raster) &&
        noise_create(&raster->coil, random, low, high, acquisition->bias_grain))
        return true;
    raster_free(raster);
    return false;
}

/* A row of samples in the picture: voxel coordinates of the first, and from one to the next. */
struct line {
    float at[3], step[3];
};

static struct line line_at(const struct raster *raster, int v, float along /* mm, across the slices */)
{
    const struct grid *grid = &raster->picture->grid;
    struct line line;
    for (int a = 0; a < 3; a++) {
        const float point = raster->acquisition->frame.first[a] + raster->first[0] * raster->unit[0][a] +
                            (raster->first[1] + (float)v * raster->spacing) * raster->unit[1][a] +
                            along * raster->unit[2][a];
        line.at[a] = (point - grid->origin[a]) / grid->step;
        line.step[a] = raster->unit[0][a] * raster->spacing / grid->step;
    }
    return line;
}

/* Which samples of a line, from *from to before *to, have all coordinates between low and high. */
static void within(int *from, int *to, const struct line *line, int count, const float low[3], const float high[3])
{
    float first = 0, last = (float)(count - 1);
    for (int a = 0; a < 3; a++) {
        if (fabsf(line->step[a]) < 1e-6f) {
            if (line->at[a] < low[a] || line->at[a] > high[a]) last = -1;
            continue;
        }
        const float x = (low[a] - line->at[a]) / line->step[a], y = (high[a] - line->at[a]) / line->step[a];
        first = fmaxf(first, fminf(x, y));
        last = fminf(last, fmaxf(x, y));
    }
    *from = (int)ceilf(first);
    *to = last < first ? *from : (int)last + 1;
}

static void add_values(float *row, const struct picture *picture, const struct line *line, int count, float weight)
{
    const int *shape = picture->grid.shape;
    const size_t dy = (size_t)shape[0], dz = dy * (size_t)shape[1];
    /* A little inside the border, for rounding: there is air, or it lies beyond what the voxels see. */
    const float low[3] = { 0, 0, 0 },
                high[3] = { (float)shape[0] - 1.01f, (float)shape[1] - 1.01f, (float)shape[2] - 1.01f };
    int from, to;
    within(&from, &to, line, count, low, high);
    for (int u = from; u < to; u++) {
        const float x = line->at[0] + (float)u * line->step[0];
        const float y = line->at[1] + (float)u * line->step[1];
        const float z = line->at[2] + (float)u * line->step[2];
        const int i = (int)x, j = (int)y, k = (int)z;
        const float tx = x - (float)i, ty = y - (float)j, tz = z - (float)k;
        const float *v = picture->value + (size_t)k * dz + (size_t)j * dy + (size_t)i;
        const float a = v[0] + tx * (v[1] - v[0]), b = v[dy] + tx * (v[dy + 1] - v[dy]);
        const float c = v[dz] + tx * (v[dz + 1] - v[dz]), d = v[dz + dy] + tx * (v[dz + dy + 1] - v[dz + dy]);
        const float e = a + ty * (b - a), f = c + ty * (d - c);
        row[u] += weight * (e + tz * (f - e));
    }
}

/* How much of what lies round each sample has `value`: linear between the picture's voxels. */
static void add_shares(float *row, const uint8_t *voxels, uint8_t value, const struct raster *raster,
                       const struct line *line, const int first[3], const int last[3], float weight)
{
    const int *shape = raster->picture->grid.shape;
    const size_t dy = (size_t)shape[0], dz = dy * (size_t)shape[1];
    float low[3], high[3];
    for (int a = 0; a < 3; a++) {
        low[a] = (float)first[a];
        high[a] = fminf((float)last[a], (float)shape[a] - 1.01f);
    }
    int from, to;
    within(&from, &to, line, raster->shape[0], low, high);
    for (int u = from; u < to; u++) {
        const float x = line->at[0] + (float)u * line->step[0];
        const float y = line->at[1] + (float)u * line->step[1];
        const float z = line->at[2] + (float)u * line->step[2];
        const int i = (int)x, j = (int)y, k = (int)z;
        const float tx = x - (float)i, ty = y - (float)j, tz = z - (float)k;
        const uint8_t *v = voxels + (size_t)k * dz + (size_t)j * dy + (size_t)i;
        const float near = (1 - ty) * ((1 - tx) * (v[0] == value) + tx * (v[1] == value)) +
                           ty * ((1 - tx) * (v[dy] == value) + tx * (v[dy + 1] == value));
        const float far = (1 - ty) * ((1 - tx) * (v[dz] == value) + tx * (v[dz + 1] == value)) +
                          ty * ((1 - tx) * (v[dz + dy] == value) + tx * (v[dz + dy + 1] == value));
        row[u] += weight * ((1 - tz) * near + tz * far);
    }
}

/* A slice is thick: what it measures falls off steeply round half of its thickness from its middle. Weights of
 * `count` depths, which sum to 1; a slice as thin as the picture's voxels is taken at its middle. */
enum { MOST_DEPTHS = 32 };
static int depths(float depth[MOST_DEPTHS], float weight[MOST_DEPTHS], const struct raster *raster)
{
    const float thickness = raster->acquisition->thickness, step = raster->picture->grid.step;
    const int count = thickness <= 1.01f * step ? 1 : (int)fminf(MOST_DEPTHS, ceilf(1.3f * thickness / step));
    float sum = 0;
    for (int n = 0; n < count; n++) {
        depth[n] = ((float)n + 0.5f - 0.5f * (float)count) * 1.3f * thickness / (float)count;
        const float t = 2 * depth[n] / thickness;
        weight[n] = expf(-0.6931472f * t * t * t * t * t * t);
        sum += weight[n];
    }
    for (int n = 0; n < count; n++) weight[n] /= sum;
    return count;
}

static void sample_slice(struct raster *raster, int k)
{
    const struct picture *picture = raster->picture;
    const int nx = raster->shape[0], ny = raster->shape[1], *shape = picture->grid.shape;
    const int none[3] = { 0, 0, 0 }, last[3] = { shape[0] - 1, shape[1] - 1, shape[2] - 1 };
    float depth[MOST_DEPTHS], weight[MOST_DEPTHS];
    const int count = depths(depth, weight, raster);
    for (int c = 0; c < CHANNELS; c++) memset(raster->sample[c], 0, (size_t)nx * (size_t)ny * sizeof(float));
    for (int v = 0; v < ny; v++)
        for (int n = 0; n < count; n++) {
            const size_t at = (size_t)v * (size_t)nx;
            const struct line line = line_at(raster, v, (float)k * raster->acquisition->between + depth[n]);
            add_values(raster->sample[REAL] + at, picture, &line, nx, weight[n]);
            if (raster->kept)
                add_shares(raster->sample[MASKED] + at, raster->kept, raster->acquisition->stripping != STRIP_NONE,
                           raster, &line, none, last, weight[n]);
            for (int c = TUMOUR; c <= OEDEMA && raster->low[0] <= raster->high[0]; c++)
                add_shares(raster->sample[c] + at, picture->lesion, (uint8_t)(c - TUMOUR + 1), raster, &line,
                           raster->low, raster->high, weight[n]);
        }
}

/* The coil sees near tissue better than far: a smooth factor, worked out at every eighth sample of a row. */
static void add_coil(struct raster *raster, int k)
{
    enum { EVERY = 8 };
    const float bias = raster->acquisition->bias;
    const int count = raster->shape[0];
    for (int v = 0; bias > 0 && v < raster->shape[1]; v++) {
        float *value = raster->sample[REAL] + (size_t)v * (size_t)count, *factor = raster->row;
        const float point[3] = { raster->first[0], raster->first[1] + (float)v * raster->spacing,
                                 (float)k * raster->acquisition->between };
        noise_row(factor, &raster->coil, point, EVERY * raster->spacing, (size_t)count / EVERY + 2);
        for (int n = 0; n < count / EVERY + 2; n++) factor[n] = expf(bias * factor[n]);
        for (int u = 0; u < count; u++) {
            const float *between = factor + u / EVERY;
            value[u] *= between[0] + (float)(u % EVERY) * (1.0f / EVERY) * (between[1] - between[0]);
        }
    }
}

/* Motion between the steps of phase encoding: fainter copies, displaced along j by a part of the field of view. */
static void add_ghosts(struct raster *raster)
{
    const float strength = raster->acquisition->ghost;
    const int nx = raster->shape[0], ny = raster->shape[1], shift = ny / raster->acquisition->ghosts;
    if (strength <= 0) return;
    float *value = raster->sample[REAL];
    for (int at = 0; at < nx * ny; at++) raster->copy[at] = value[at];
    for (int v = 0; v < ny; v++) {
        const float *before = raster->copy + (size_t)((v + ny - shift) % ny) * (size_t)nx;
        const float *after = raster->copy + (size_t)((v + shift) % ny) * (size_t)nx;
        for (int u = 0; u < nx; u++)
            value[(size_t)v * (size_t)nx + (size_t)u] += 0.5f * strength * (before[u] + after[u]);
    }
}

/* Of the eight bytes of a word, each four give one sum: close to a normal value, mean 510, deviation 147.8. */
static void add_noise(struct raster *raster, struct random *random)
{
    const int count = raster->shape[0] * raster->shape[1];
    if (raster->acquisition->noise <= 0) return;
    const float scale = raster->acquisition->noise / (float)(147.79715 * raster->x.gain * raster->y.gain);
    for (int at = 0; at < count; at++) {
        const uint64_t bits = random_bits(random), low = UINT64_C(0x00ff00ff00ff00ff);
        const uint64_t pairs = (bits & low) + (bits >> 8 & low), sums = pairs + (pairs >> 16);
        raster->sample[REAL][at] += scale * ((float)(sums & 0xffff) - 510);
        raster->sample[IMAGINARY][at] += scale * ((float)(sums >> 32 & 0xffff) - 510);
    }
}

static bool is_blank(const struct raster *raster, enum channel channel)
{
    const int count = raster->shape[0] * raster->shape[1];
    int at = 0;
    while (at < count && raster->sample[channel][at] <= 0) at++;
    return at == count;
}

static void put_share(uint8_t *dst, struct raster *raster, enum channel channel, float scale)
{
    const int *shape = raster->acquisition->frame.shape, count = shape[0] * shape[1];
    memset(dst, 0, (size_t)count);
    if (is_blank(raster, channel)) return;
    taps_apply(raster->output, raster->row, raster->sample[channel], raster->shape[0], &raster->plain_x,
               &raster->plain_y);
    for (int at = 0; at < count; at++) dst[at] = (uint8_t)(raster->output[at] * scale + 0.5f);
}

static void put_slice(struct slices *slices, struct raster *raster, int k)
{
    const int *shape = raster->acquisition->frame.shape, width = raster->shape[0];
    const size_t count = (size_t)shape[0] * (size_t)shape[1], start = (size_t)k * count;
    float *value = slices->value + start;
    taps_apply(value, raster->row, raster->sample[REAL], width, &raster->x, &raster->y);
    if (raster->acquisition->noise > 0)
        taps_apply(raster->output, raster->row, raster->sample[IMAGINARY], width, &raster->x, &raster->y);
    else
        memset(raster->output, 0, count * sizeof(float));
    for (size_t at = 0; at < count; at++)
        value[at] = sqrtf(value[at] * value[at] + raster->output[at] * raster->output[at]);
    put_share(slices->tumour + start, raster, TUMOUR, 255);
    put_share(slices->oedema + start, raster, OEDEMA, 255);
    if (!slices->keep) return;
    put_share(slices->keep + start, raster, MASKED, 1);
    const bool kept = raster->acquisition->stripping != STRIP_NONE;
    for (size_t at = start; at < start + count; at++) slices->keep[at] = (slices->keep[at] != 0) == kept;
}

void slices_free(struct slices *slices)
{
    free(slices->value);
    free(slices->keep);
    free(slices->tumour);
    free(slices->oedema);
}

static bool slices_room(struct slices *slices, const struct frame *frame, bool masked)
{
    const size_t count = (size_t)frame->shape[0] * (size_t)frame->shape[1] * (size_t)frame->shape[2];
    *slices = (struct slices){ .count = count };
    slices->value = calloc(count, sizeof *slices->value);
    slices->tumour = calloc(count, 1);
    slices->oedema = calloc(count, 1);
    slices->keep = masked ? calloc(count, 1) : NULL;
    if (slices->value && slices->tumour && slices->oedema && (slices->keep || !masked)) return true;
    slices_free(slices);
    return false;
}

bool slices_measure(struct slices *slices, const struct acquisition *acquisition, const struct picture *picture,
                    const uint8_t *kept, struct random *random)
{
    if (!slices_room(slices, &acquisition->frame, kept)) return false;
    struct raster raster;
    if (!raster_create(&raster, acquisition, picture, kept, random)) {
        slices_free(slices);
        return false;
    }
    for (int k = 0; k < acquisition->frame.shape[2]; k++) {
        sample_slice(&raster, k);
        /* Nothing of a slice that is stripped away will be seen. */
        if (acquisition->stripping != STRIP_NONE && is_blank(&raster, MASKED)) continue;
        add_coil(&raster, k);
        add_ghosts(&raster);
        add_noise(&raster, random);
        put_slice(slices, &raster, k);
    }
    raster_free(&raster);
    return true;
}
