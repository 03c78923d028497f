#include "overlay.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "canvas.h"
#include "planes.h"
#include "png.h"
#include "report.h"

enum { MARGIN = 24, GAP = 12, HEADER = 84, FOOTER = 64, LONGEST_SIDE = 460, LEAST_WIDTH = 1000 };
enum { MOST_SAMPLES = 1 << 18, CROSS_GAP = 16, LEGEND_WIDTH = 180, LEGEND_HEIGHT = 10 };

static const struct colour paper = { 0.05, 0.05, 0.06 }, white = { 0.96, 0.96, 0.96 }, grey = { 0.62, 0.62, 0.65 },
                           amber = { 1, 0.75, 0.25 }, cross = { 0.55, 0.9, 1 };

/* Values that become 0 and 1. */
struct window {
    double low, high;
};

static double in_window(const struct window *window, double value)
{
    return window->high > window->low ? fmin(1, fmax(0, (value - window->low) / (window->high - window->low))) : 0;
}

/* The heat of a glowing body: from black through red and orange to nearly white, its lightness rising all the way. */
static struct colour heat(double value)
{
    static const struct colour ramp[] = {
        { 0.10, 0.00, 0.20 }, { 0.45, 0.02, 0.35 }, { 0.80, 0.12, 0.22 },
        { 0.97, 0.42, 0.06 }, { 1.00, 0.75, 0.15 }, { 1.00, 0.98, 0.72 },
    };
    enum { LAST = sizeof ramp / sizeof *ramp - 1 };
    const double position = value * LAST;
    const int i = position < LAST ? (int)position : LAST - 1;
    const double t = position - i;
    const struct colour a = ramp[i], b = ramp[i + 1];
    return (struct colour){ a.red + t * (b.red - a.red), a.green + t * (b.green - a.green),
                            a.blue + t * (b.blue - a.blue) };
}

/* Nothing where the map is weak, and never so much that the scan under it is lost. */
static double opacity(double value)
{
    const double t = fmin(1, fmax(0, (value - 0.1) / 0.7));
    return 0.7 * t * t * (3 - 2 * t);
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Every n-th voxel, so that at most MOST_SAMPLES are taken. */
static size_t sample_values(double *values, const tumorclass_volume *volume)
{
    const int64_t *shape = volume->shape, voxels = shape[0] * shape[1] * shape[2];
    const int64_t step = (voxels + MOST_SAMPLES - 1) / MOST_SAMPLES;
    size_t count = 0;
    for (int64_t at = 0; at < voxels; at += step)
        values[count++] = volume_value(volume, at % shape[0], at / shape[0] % shape[1], at / (shape[0] * shape[1]));
    return count;
}

/* The scan's 1st and 99.5th percentile, or its range where these are one. */
static bool find_grey_window(struct window *window, const tumorclass_volume *scan)
{
    double *values = malloc(MOST_SAMPLES * sizeof *values);
    if (!values) return false;
    const size_t count = sample_values(values, scan);
    qsort(values, count, sizeof *values, compare_doubles);
    *window = (struct window){ values[count / 100], values[(size_t)(0.995 * (double)(count - 1))] };
    if (!(window->high > window->low)) *window = (struct window){ values[0], values[count - 1] };
    free(values);
    return true;
}

/* The rectified map's range: a raw map is shown as a unit one is. */
static struct window find_heat_window(const tumorclass_volume *map)
{
    const float *values = map->data;
    const int64_t voxels = map->shape[0] * map->shape[1] * map->shape[2];
    struct window window = { INFINITY, 0 };
    for (int64_t i = 0; i < voxels; i++) {
        const double value = fmax(0, (double)values[i]);
        if (value < window.low) window.low = value;
        if (value > window.high) window.high = value;
    }
    return window;
}

/* Where everything goes. */
struct layout {
    struct axes axes;
    double scale; /* pixels a mm */
    int x[3], y[3], width[3], height[3];
    int picture_width, picture_height;
};

static int in_pixels(double mm, double scale)
{
    const int pixels = (int)lround(mm * scale);
    return pixels < 1 ? 1 : pixels;
}

static struct layout lay_out(const tumorclass_volume *scan)
{
    struct layout layout = { .axes = axes_of(scan) };
    double longest = 0;
    int tallest = 0, total = 2 * GAP;
    for (int axis = 0; axis < 3; axis++) longest = fmax(longest, axes_extent(&layout.axes, axis));
    layout.scale = LONGEST_SIDE / longest;
    for (int p = 0; p < 3; p++) {
        layout.width[p] = in_pixels(axes_extent(&layout.axes, planes[p].across), layout.scale);
        layout.height[p] = in_pixels(axes_extent(&layout.axes, planes[p].up), layout.scale);
        if (layout.height[p] > tallest) tallest = layout.height[p];
        total += layout.width[p];
    }
    layout.picture_width = 2 * MARGIN + (total > LEAST_WIDTH ? total : LEAST_WIDTH);
    layout.picture_height = HEADER + tallest + FOOTER;
    int x = (layout.picture_width - total) / 2;
    for (int p = 0; p < 3; p++) {
        layout.x[p] = x;
        layout.y[p] = HEADER + (tallest - layout.height[p]) / 2;
        x += layout.width[p] + GAP;
    }
    return layout;
}

static void draw_voxels(struct canvas *canvas, const struct overlay *overlay, const struct layout *layout, int p,
                        const struct window windows[2])
{
    const int64_t *peak = overlay->summary->peak_voxel;
    for (int y = 0; y < layout->height[p]; y++)
        for (int x = 0; x < layout->width[p]; x++) {
            double point[3];
            plane_voxel(point, &planes[p], &layout->axes, peak, x, y, layout->scale);
            const double shade = in_window(&windows[0], volume_sample(overlay->scan, point));
            const double value = in_window(&windows[1], volume_sample(overlay->map, point));
            const int left = layout->x[p] + x, top = layout->y[p] + y;
            canvas_blend(canvas, left, top, (struct colour){ shade, shade, shade }, 1);
            canvas_blend(canvas, left, top, heat(value), opacity(value));
        }
}

/* Lines that stop short of the peak, so as not to hide it. */
static void draw_cross(struct canvas *canvas, const struct overlay *overlay, const struct layout *layout, int p)
{
    double pixel[2];
    plane_pixel(pixel, &planes[p], &layout->axes, overlay->summary->peak_voxel, layout->scale);
    const int x = (int)lround(pixel[0]), y = (int)lround(pixel[1]);
    for (int i = 0; i < layout->width[p]; i++)
        if (abs(i - x) > CROSS_GAP) canvas_blend(canvas, layout->x[p] + i, layout->y[p] + y, cross, 0.55);
    for (int i = 0; i < layout->height[p]; i++)
        if (abs(i - y) > CROSS_GAP) canvas_blend(canvas, layout->x[p] + x, layout->y[p] + i, cross, 0.55);
}

static void draw_directions(struct canvas *canvas, const struct layout *layout, int p)
{
    const struct plane *plane = &planes[p];
    const double size = 2, wide = canvas_text_width(size, "R"), tall = 7 * size;
    const double left = layout->x[p] + 6, right = layout->x[p] + layout->width[p] - 5 - wide;
    const double top = layout->y[p] + 6, bottom = layout->y[p] + layout->height[p] - 6 - tall;
    const double middle_x = layout->x[p] + (layout->width[p] - wide) / 2.0;
    const double middle_y = layout->y[p] + (layout->height[p] - tall) / 2.0;
    canvas_label(canvas, left, middle_y, size, plane->left, white);
    canvas_label(canvas, right, middle_y, size, plane->right, white);
    canvas_label(canvas, middle_x, top, size, plane->top, white);
    canvas_label(canvas, middle_x, bottom, size, plane->bottom, white);
}

/* "axial, 40.0 mm S", under the plane's lower left corner. */
static void draw_caption(struct canvas *canvas, const struct overlay *overlay, const struct layout *layout, int p)
{
    static const char ends[3][2] = { { 'L', 'R' }, { 'P', 'A' }, { 'I', 'S' } };
    char caption[64];
    const int axis = planes[p].through;
    const double mm = overlay->summary->peak_mm[axis];
    snprintf(caption, sizeof caption, "%s, %.1f mm %c", planes[p].name, fabs(mm), ends[axis][mm >= 0]);
    canvas_text(canvas, layout->x[p], layout->picture_height - FOOTER + 8, 1.6, caption, grey);
}

/* The text at `size`, or as much smaller as it takes to end before `right`. */
static void draw_fitting(struct canvas *canvas, double y, double size, const char *text, double right,
                         struct colour colour)
{
    const double room = right - MARGIN, width = canvas_text_width(size, text);
    canvas_text(canvas, MARGIN, y, width > room ? size * room / width : size, text, colour);
}

static void draw_titles(struct canvas *canvas, const struct overlay *overlay)
{
    static const char *const warning = "untrained model: this means nothing";
    char title[160], place[256], position[96];
    double right = canvas->width - MARGIN;
    say_position(position, sizeof position, overlay->summary->peak_mm);
    snprintf(title, sizeof title, "%.100s (%.20s) %.1f %%", overlay->class_name, overlay->class_code,
             100 * overlay->probability);
    snprintf(place, sizeof place, "%.80s: attention is highest %s", overlay->scan_name, position);
    draw_fitting(canvas, 54, 1.8, place, right, grey);
    if (overlay->untrained) {
        right -= canvas_text_width(2, warning);
        canvas_text(canvas, right, 22, 2, warning, amber);
        right -= MARGIN;
    }
    draw_fitting(canvas, 18, 3, title, right, white);
}

static void draw_legend(struct canvas *canvas)
{
    const int y = canvas->height - 26, x = canvas->width - MARGIN - LEGEND_WIDTH - 12;
    for (int i = 0; i < LEGEND_WIDTH; i++)
        canvas_fill(canvas, x + i, y, 1, LEGEND_HEIGHT, heat(i / (LEGEND_WIDTH - 1.0)), 1);
    canvas_text(canvas, x - canvas_text_width(1.6, "0 ") - 2, y, 1.6, "0", grey);
    canvas_text(canvas, x + LEGEND_WIDTH + 6, y, 1.6, "1", grey);
    canvas_text(canvas, MARGIN, y, 1.6, "attention, not a segmentation - research use, not for diagnosis", grey);
}

unsigned char *overlay_draw(const struct overlay *overlay, size_t *size)
{
    const struct layout layout = lay_out(overlay->scan);
    struct canvas canvas;
    struct window windows[2] = { { 0 }, find_heat_window(overlay->map) };
    if (!find_grey_window(&windows[0], overlay->scan)) return NULL;
    if (!canvas_create(&canvas, layout.picture_width, layout.picture_height, paper)) return NULL;
    for (int p = 0; p < 3; p++) {
        draw_voxels(&canvas, overlay, &layout, p, windows);
        draw_cross(&canvas, overlay, &layout, p);
        draw_directions(&canvas, &layout, p);
        draw_caption(&canvas, overlay, &layout, p);
    }
    draw_titles(&canvas, overlay);
    draw_legend(&canvas);
    unsigned char *png = png_encode(canvas.rgb, canvas.width, canvas.height, size);
    canvas_free(&canvas);
    return png;
}
