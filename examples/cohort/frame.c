/* Where a scan's voxels lie in a head, and what a picture has to cover for them. */
#include <math.h>
#include <string.h>
#include "acquire.h"

struct box {
    float low[3], high[3];
};

/* A box of the head in the scanner's space: bounds of its corners, and of the middles of its edges and faces. */
static struct box scanner_box(const struct warp *warp, const float low[3], const float high[3])
{
    struct box box = { { INFINITY, INFINITY, INFINITY }, { -INFINITY, -INFINITY, -INFINITY } };
    for (int n = 0; n < 27; n++) {
        const int at[3] = { n % 3, n / 3 % 3, n / 9 };
        float from[3], to[3];
        for (int a = 0; a < 3; a++) from[a] = low[a] + (high[a] - low[a]) * 0.5f * (float)at[a];
        warp_inverse(to, warp, from);
        for (int a = 0; a < 3; a++) {
            box.low[a] = fminf(box.low[a], to[a]);
            box.high[a] = fmaxf(box.high[a], to[a]);
        }
    }
    return box;
}

static struct box widened(const struct box *box, float by)
{
    struct box wide = *box;
    for (int a = 0; a < 3; a++) {
        wide.low[a] -= by;
        wide.high[a] += by;
    }
    return wide;
}

/* Along the world's axes, before any tilt: what slices through a whole head cover from the first to the last. */
static void cover_head(struct box *view, const struct acquisition *acquisition, const struct box *head,
                       const struct box *brain, int axis)
{
    const float share = acquisition->coverage, margin = acquisition->margin;
    view->low[axis] = brain->low[axis] + share * (head->low[axis] - brain->low[axis]) - margin;
    view->high[axis] = brain->high[axis] + share * (head->high[axis] - brain->high[axis]) + margin;
    /* Nobody takes the whole neck. */
    if (axis == 2) view->low[axis] = fmaxf(view->low[axis], brain->low[axis] - 10 - 40 * share);
}

static void middle_view(struct box *view, int axis, float middle, float size)
{
    view->low[axis] = middle - size / 2;
    view->high[axis] = middle + size / 2;
}

/* Where a head ends that was cut off at the skull base: the middle of the cut, in the scanner's space. */
static float cut_below(const struct anatomy *anatomy, const struct warp *warp)
{
    const float middle[3] = { (anatomy->head_low[0] + anatomy->head_high[0]) / 2,
                              (anatomy->head_low[1] + anatomy->head_high[1]) / 2, anatomy->head_low[2] };
    float point[3];
    warp_inverse(point, warp, middle);
    return point[2];
}

static struct box view_of(const struct acquisition *acquisition, const struct box *head, const struct box *brain,
                          const float centre[3])
{
    struct box view = widened(brain, acquisition->margin);
    if (acquisition->cropped) return view;
    static const float atlas[3] = { 240, 240, 155 };
    for (int f = 0; f < 3; f++) {
        const int axis = plane_axes[acquisition->plane][f];
        const float shift = axis < 2 ? acquisition->shift[axis] : 0;
        const float middle = (head->low[axis] + head->high[axis]) / 2 + shift, top = head->high[2];
        const float size = acquisition->cube ? (float)acquisition->cube * acquisition->in_plane
                           : f < 2           ? acquisition->field[f]
                                             : (float)acquisition->slices * acquisition->between;
        if (acquisition->family == FAMILY_ATLAS && !acquisition->cube)
            middle_view(&view, axis, (brain->low[axis] + brain->high[axis]) / 2 + shift / 4, atlas[axis]);
        else if (f == 2 && acquisition->slices)
            middle_view(&view, axis, centre[axis], size);
        else if (f == 2 && !acquisition->cube)
            cover_head(&view, acquisition, head, brain, axis);
        else if (axis == 2) /* the top of the head is in every scan, the neck as far as there is room */
            middle_view(&view, axis, top + acquisition->margin - size / 2, size);
        else
            middle_view(&view, axis, middle, size);
    }
    return view;
}

/* Unit vectors along i, j and k: the world's axes, turned about the axes to the right, front and up, in that order. */
static void directions(float direction[3][3], const struct acquisition *acquisition)
{
    memset(direction, 0, sizeof(float[3][3]));
    for (int f = 0; f < 3; f++) {
        float *d = direction[f];
        d[plane_axes[acquisition->plane][f]] = 1;
        for (int about = 0; about < 3; about++) {
            const float angle = acquisition->tilt[about] * 0.01745329252f, c = cosf(angle), s = sinf(angle);
            const int a = (about + 1) % 3, b = (about + 2) % 3;
            const float to_a = c * d[a] - s * d[b], to_b = s * d[a] + c * d[b];
            d[a] = to_a;
            d[b] = to_b;
        }
    }
}

static float dot(const float a[3], const float b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void lay_frame(struct frame *frame, const struct acquisition *acquisition, const struct box *view,
                      const float centre[3])
{
    float direction[3][3], middle[3], to_centre[3];
    directions(direction, acquisition);
    for (int a = 0; a < 3; a++) {
        middle[a] = (view->low[a] + view->high[a]) / 2;
        to_centre[a] = centre[a] - middle[a];
    }
    /* Tilted slices turn about the middle of the head: so a slab moves along its slices' normal until it holds its
     * centre where it was meant to. */
    const float height = (float)acquisition->slices * acquisition->between;
    const float along = height > 0 ? dot(to_centre, direction[2]) + acquisition->off_centre * height : 0;
    for (int a = 0; a < 3; a++) frame->first[a] = middle[a] + along * direction[2][a];
    for (int f = 0; f < 3; f++) {
        const int axis = plane_axes[acquisition->plane][f];
        const float spacing = f == 2 ? acquisition->between : acquisition->in_plane;
        frame->shape[f] = (int)fmaxf(1, roundf((view->high[axis] - view->low[axis]) / spacing));
        for (int a = 0; a < 3; a++) {
            frame->step[f][a] = direction[f][a] * spacing;
            frame->first[a] -= frame->step[f][a] * 0.5f * (float)(frame->shape[f] - 1);
        }
    }
}

/* The box round the frame's voxels, with what blur and the thickness of slices reach beyond them. */
static struct box frame_box(const struct acquisition *acquisition)
{
    const struct frame *frame = &acquisition->frame;
    struct box box;
    for (int a = 0; a < 3; a++) {
        float middle = frame->first[a], half = 0;
        for (int f = 0; f < 3; f++) {
            const float reach = f == 2 ? 0.7f * acquisition->thickness / acquisition->between
                                       : (3 * acquisition->blur + 2) / acquisition->in_plane + 1;
            middle += frame->step[f][a] * 0.5f * (float)(frame->shape[f] - 1);
            half += fabsf(frame->step[f][a]) * (0.5f * (float)(frame->shape[f] - 1) + reach);
        }
        box.low[a] = middle - half;
        box.high[a] = middle + half;
    }
    return box;
}

struct grid acquisition_grid(struct acquisition *acquisition, const struct anatomy *anatomy, const struct warp *warp,
                             const float centre[3])
{
    const struct box head = scanner_box(warp, anatomy->head_low, anatomy->head_high);
    const struct box brain = scanner_box(warp, anatomy->brain_low, anatomy->brain_high);
    struct box view = view_of(acquisition, &head, &brain, centre);
    const bool across = acquisition->slices && acquisition->plane == 0;
    if (anatomy->without_neck && !acquisition->cube && !across && acquisition->family != FAMILY_ATLAS)
        view.low[2] = fmaxf(view.low[2], cut_below(anatomy, warp)); /* a field that ends there does not show it */
    lay_frame(&acquisition->frame, acquisition, &view, centre);

    /* Air need not be painted; nor, of a stripped head, what a stripping tool would not even look at. */
    const struct box seen = frame_box(acquisition);
    const struct box there = acquisition->stripping ? widened(&brain, 25) : widened(&head, 8);
    struct grid grid = { .step = fmaxf(0.8f, fminf(acquisition->in_plane, acquisition->between)) };
    for (int a = 0; a < 3; a++) {
        const float low = fmaxf(seen.low[a], there.low[a]), high = fminf(seen.high[a], there.high[a]);
        const float first = acquisition->frame.first[a];
        /* On the scan's own voxels where they are as large: then nothing is interpolated. */
        grid.origin[a] = first + grid.step * floorf((low - first) / grid.step);
        grid.shape[a] = (int)fmaxf(2, ceilf((high - grid.origin[a]) / grid.step) + 1);
    }
    return grid;
}
