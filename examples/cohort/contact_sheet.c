/* Contact sheets: a row a scan, three planes through its lesion, and beside them the same with the tumour outlined. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../bindings/cli/canvas.h"
#include "../../bindings/cli/paths.h"
#include "../../bindings/cli/planes.h"
#include "../../bindings/cli/png.h"
#include "../../bindings/cli/terminal.h"
#include "cohort.h"
#include "sheet_list.h"

enum { TILE = 240, GAP = 4, CAPTION = 18, SAMPLES = 100000 };

struct shown {
    const tumorclass_volume *scan, *mask; /* mask NULL: there is none */
    struct axes axes;
    int64_t voxel[3]; /* that the planes go through */
    double low, high; /* intensities that are black and white */
    double scale;     /* pixels a mm */
    bool zoomed;
};

static int compare_values(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Black and white at the 1st and the 99.7th percentile of a sample. */
static bool find_window(struct shown *shown)
{
    const int64_t *shape = shown->scan->shape, count = shape[0] * shape[1] * shape[2];
    const int64_t step = 1 + count / SAMPLES;
    float *values = malloc((size_t)(count / step + 1) * sizeof *values);
    size_t taken = 0;
    if (!values) return false;
    for (int64_t n = 0; n < count; n += step)
        values[taken++] = (float)volume_value(shown->scan, n % shape[0], n / shape[0] % shape[1],
                                              n / shape[0] / shape[1]);
    qsort(values, taken, sizeof *values, compare_values);
    shown->low = values[taken / 100];
    shown->high = values[(size_t)(0.997 * (double)(taken - 1))];
    if (!(shown->high > shown->low)) shown->high = shown->low + 1;
    free(values);
    return true;
}

/* The voxel nearest to a point of the world, by Cramer's rule. */
static void voxel_of(int64_t voxel[3], const tumorclass_volume *volume, const double point[3])
{
    const double *m = volume->affine;
    double columns[4][3];
    for (int a = 0; a < 3; a++) {
        for (int c = 0; c < 3; c++) columns[c][a] = m[4 * a + c];
        columns[3][a] = point[a] - m[4 * a + 3];
    }
    double determinant[4];
    for (int c = 0; c < 4; c++) {
        const double *x = c == 1 ? columns[3] : columns[0], *y = c == 2 ? columns[3] : columns[1],
                     *z = c == 3 ? columns[3] : columns[2];
        determinant[c] = x[0] * (y[1] * z[2] - y[2] * z[1]) - y[0] * (x[1] * z[2] - x[2] * z[1]) +
                         z[0] * (x[1] * y[2] - x[2] * y[1]);
    }
    for (int a = 0; a < 3; a++) {
        const double at = determinant[0] != 0 ? round(determinant[a + 1] / determinant[0]) : 0;
        voxel[a] = (int64_t)fmin(fmax(at, 0), (double)(volume->shape[a] - 1));
    }
}

/* What lies under a pixel of a tile; false: nothing, it is beyond the scan. */
static bool point_under(double point[3], const struct shown *shown, const struct plane *plane, int x, int y)
{
    double middle[2];
    plane_pixel(middle, plane, &shown->axes, shown->voxel, shown->scale);
    if (!shown->zoomed) {
        middle[0] = axes_extent(&shown->axes, plane->across) * shown->scale / 2;
        middle[1] = axes_extent(&shown->axes, plane->up) * shown->scale / 2;
    }
    plane_voxel(point, plane, &shown->axes, shown->voxel, x - TILE / 2 + middle[0], y - TILE / 2 + middle[1],
                shown->scale);
    for (int a = 0; a < 3; a++)
        if (!(point[a] >= -0.5 && point[a] <= (double)shown->scan->shape[a] - 0.5)) return false;
    return true;
}

static int mask_under(const struct shown *shown, const struct plane *plane, int x, int y)
{
    double point[3];
    int64_t at[3];
    if (!point_under(point, shown, plane, x, y)) return 0;
    for (int a = 0; a < 3; a++) at[a] = (int64_t)fmin(fmax(round(point[a]), 0), (double)(shown->mask->shape[a] - 1));
    return (int)volume_value(shown->mask, at[0], at[1], at[2]);
}

static void draw_outline(struct canvas *canvas, int left, int top, const struct shown *shown, const struct plane *plane)
{
    static const struct colour tumour = { 1, 0.85, 0.1 }, oedema = { 0.2, 0.8, 1 };
    for (int y = 0; y < TILE; y++)
        for (int x = 0; x < TILE; x++) {
            const int here = mask_under(shown, plane, x, y);
            if (!here || (mask_under(shown, plane, x - 1, y) == here && mask_under(shown, plane, x + 1, y) == here &&
                          mask_under(shown, plane, x, y - 1) == here && mask_under(shown, plane, x, y + 1) == here))
                continue;
            canvas_blend(canvas, left + x, top + y, here == 1 ? tumour : oedema, 0.9);
        }
}

static void draw_plane(struct canvas *canvas, int left, int top, const struct shown *shown, const struct plane *plane)
{
    for (int y = 0; y < TILE; y++)
        for (int x = 0; x < TILE; x++) {
            double point[3];
            if (!point_under(point, shown, plane, x, y)) continue;
            const double value = (volume_sample(shown->scan, point) - shown->low) / (shown->high - shown->low);
            canvas_blend(canvas, left + x, top + y, (struct colour){ value, value, value }, 1);
        }
}

static void draw_row(struct canvas *canvas, int top, struct shown *shown, const struct sheet_scan *scan, double zoom)
{
    static const struct colour text = { 0.9, 0.9, 0.9 };
    double largest = 1;
    shown->axes = axes_of(shown->scan);
    for (int axis = 0; axis < 3; axis++) largest = fmax(largest, axes_extent(&shown->axes, axis));
    shown->zoomed = zoom > 0;
    shown->scale = TILE / (zoom > 0 ? zoom : largest);
    voxel_of(shown->voxel, shown->scan, scan->centre);
    canvas_text(canvas, GAP, top + 4, 1.2, scan->caption, text);
    for (int p = 0; p < 6; p++) {
        const int left = GAP + p * (TILE + GAP);
        draw_plane(canvas, left, top + CAPTION, shown, &planes[p % 3]);
        if (p >= 3 && shown->mask) draw_outline(canvas, left, top + CAPTION, shown, &planes[p % 3]);
    }
}

/* The file of a scan or mask, whichever of its names it has; NULL: there is none, or it cannot be read. */
static tumorclass_image *read_file(const char *folder, const char *id, const char *const *suffixes)
{
    tumorclass_image *image = NULL;
    for (; *suffixes && !image; suffixes++) {
        char within[96];
        snprintf(within, sizeof within, "%s/anat/%s%s", id, id, *suffixes);
        char *path = join_paths(folder, within);
        if (path && !access(path, F_OK) && tumorclass_image_read(&image, path, NULL) != TUMORCLASS_OK)
            complain("%s", tumorclass_last_error());
        free(path);
    }
    return image;
}

static bool draw_scan(struct canvas *canvas, int top, const struct sheet_scan *scan, const struct settings *settings)
{
    static const char *const scans[] = { "_ce-gadolinium_T1w.nii", "_ce-gadolinium_T1w.nii.gz", "_T1w.nii",
                                         "_T1w.nii.gz", NULL };
    static const char *const masks[] = { "_lesion.nii.gz", "_lesion.nii", NULL };
    tumorclass_image *image = read_file(settings->input, scan->id, scans);
    tumorclass_image *mask = image ? read_file(settings->input, scan->id, masks) : NULL;
    struct shown shown = { 0 };
    if (image) {
        shown.scan = tumorclass_image_volume(image);
        shown.mask = mask ? tumorclass_image_volume(mask) : NULL;
    }
    const bool drawn = image && find_window(&shown);
    if (drawn) draw_row(canvas, top, &shown, scan, settings->zoom);
    if (!image) complain("%s has no scan of %s", settings->input, scan->id);
    tumorclass_image_free(mask);
    tumorclass_image_free(image);
    return drawn;
}

static int write_canvas(const struct canvas *canvas, const char *path)
{
    size_t size;
    unsigned char *png = png_encode(canvas->rgb, canvas->width, canvas->height, &size);
    if (!png) {
        complain("no memory for %s", path);
        return MODEL_FAILED;
    }
    const tumorclass_status status = tumorclass_write_file(path, png, size);
    free(png);
    if (status != TUMORCLASS_OK) complain("%s", tumorclass_last_error());
    return status == TUMORCLASS_OK ? ANSWERED : OUTPUT_FAILED;
}

static int draw_list(const struct sheet_list *list, const struct settings *settings, const char *path)
{
    static const struct colour background = { 0.08, 0.08, 0.1 };
    struct canvas canvas;
    const int row = TILE + CAPTION + GAP;
    if (!canvas_create(&canvas, 6 * (TILE + GAP) + GAP, list->count * row, background)) {
        complain("no memory for %s", path);
        return MODEL_FAILED;
    }
    bool drawn = true;
    for (int n = 0; drawn && n < list->count; n++) drawn = draw_scan(&canvas, n * row, &list->scans[n], settings);
    const int code = drawn ? write_canvas(&canvas, path) : SCAN_FAILED;
    canvas_free(&canvas);
    return code;
}

static const char placeholder[] = "{class}";

/* To be freed; NULL: no memory. */
static char *sheet_path(const char *pattern, enum entity entity)
{
    const char *mark = strstr(pattern, placeholder);
    char *path = malloc(strlen(pattern) + 16);
    if (path && mark)
        sprintf(path, "%.*s%s%s", (int)(mark - pattern), pattern, entity_codes[entity], mark + strlen(placeholder));
    else if (path)
        strcpy(path, pattern);
    return path;
}

static int draw_class(const struct settings *settings, enum entity entity, int *drawn)
{
    struct sheet_list list;
    char *path = sheet_path(settings->output, entity);
    int code = path ? sheet_list_read(&list, settings->input, entity, settings->scans) : MODEL_FAILED;
    if (code == ANSWERED && list.count) code = draw_list(&list, settings, path);
    if (path) {
        *drawn += list.count;
        free(list.scans);
    }
    free(path);
    return code;
}

int contact_sheets(const struct settings *settings)
{
    const bool all = settings->entity < 0;
    if (!has_suffix(settings->output, ".png") || (all && !strstr(settings->output, placeholder))) {
        complain("--output '%s': must end in .png%s", settings->output,
                 all ? ", and hold {class}, or --class says which" : "");
        return WRONG_USAGE;
    }
    int code = ANSWERED, drawn = 0;
    for (int entity = 0; code == ANSWERED && entity < ENTITIES; entity++)
        if (all || entity == settings->entity) code = draw_class(settings, (enum entity)entity, &drawn);
    if (code == ANSWERED && !drawn) {
        complain("%s has no scan of class %s", settings->input, all ? "any" : entity_codes[settings->entity]);
        return SCAN_FAILED;
    }
    return code;
}
