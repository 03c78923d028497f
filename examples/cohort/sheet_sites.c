#include "sheet_sites.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <tumorclass/tumorclass.h>
#include "../../bindings/cli/canvas.h"
#include "../../bindings/cli/png.h"

enum { ROWS = 3, COLUMNS = 4, ZOOM = 2, TITLE = 28, GAP = 6, WIDE = 240, HIGH = 240 };

/* As a T1 scan shows them, or the constructed ones in colour. */
static struct colour colour_of(enum tissue tissue)
{
    static const double grey[DURA] = {
        [WHITE] = 0.62,
        [CORTEX] = 0.42,
        [VENTRICLE] = 0.12,
        [CEREBELLAR_WHITE] = 0.58,
        [CEREBELLAR_CORTEX] = 0.4,
        [THALAMUS] = 0.52,
        [CAUDATE] = 0.44,
        [PUTAMEN] = 0.48,
        [PALLIDUM] = 0.57,
        [HIPPOCAMPUS] = 0.4,
        [BRAIN_STEM] = 0.54,
        [DIENCEPHALON] = 0.54,
        [CHIASM] = 0.75,
        [WHITE_LESION] = 0.35,
        [PERIVASCULAR] = 0.3,
        [CHOROID_PLEXUS] = 0.3,
        [CSF] = 0.16,
        [ARTERY] = 0.85,
        [VEIN] = 0.7,
        [EYE] = 0.1,
        [EYE_MUSCLE] = 0.4,
        [OPTIC_NERVE] = 0.6,
        [SOFT_TISSUE] = 0.34,
        [MUCOSA] = 0.3,
        [SKIN] = 0.4,
        [CORTICAL_BONE] = 0.05,
        [MARROW] = 0.27,
        [CORD] = 0.5,
        [CAVITY] = 0,
    };
    static const struct colour constructed[TISSUES - DURA] = {
        { 1, 0.85, 0.2 },  /* dura */ { 0.3, 1, 0.4 },   /* falx */ { 0.2, 0.8, 1 },    /* tentorium */
        { 1, 0.3, 0.3 },   /* gland */ { 1, 0.6, 0.9 },  /* stalk */ { 0.55, 0.45, 1 }, /* cavernous sinus */
        { 0.1, 0.4, 0.9 }, /* canal */ { 1, 0.55, 0.1 },                                /* nerve */
    };
    if (tissue == OUTSIDE) return (struct colour){ 0, 0, 0.1 };
    if (tissue >= DURA) return constructed[tissue - DURA];
    return (struct colour){ grey[tissue], grey[tissue], grey[tissue] };
}

/* A plane across axis `normal`, at the voxel `at` of it; the window's centre on the two other axes. */
struct view {
    const char *title;
    int normal, at, zoom;
    float centre[3];
};

static void draw_view(struct canvas *canvas, const struct head *head, const struct view *view, int left, int top)
{
    const struct anatomy *anatomy = head->anatomy;
    const int across = view->normal == 0 ? 1 : 0, up = view->normal == 2 ? 1 : 2;
    for (int y = 0; y < HIGH * ZOOM; y++)
        for (int x = 0; x < WIDE * ZOOM; x++) {
            int point[3];
            point[view->normal] = view->at;
            point[across] = (int)floorf(view->centre[across] + (float)(x - WIDE * ZOOM / 2) / (float)view->zoom + 0.5f);
            point[up] = (int)floorf(view->centre[up] - (float)(y - HIGH * ZOOM / 2) / (float)view->zoom + 0.5f);
            bool inside = true;
            for (int a = 0; a < 3; a++) inside = inside && point[a] >= 0 && point[a] < anatomy->shape[a];
            if (!inside) continue;
            const uint8_t tissue = head->tissue[anatomy_index(anatomy, point[0], point[1], point[2])];
            canvas_fill(canvas, left + x, top + y, 1, 1, colour_of((enum tissue)tissue), 1);
        }
    canvas_label(canvas, left + 6, top + 6, 1.6, view->title, (struct colour){ 1, 1, 1 });
}

/* Planes of the whole head at ZOOM, of the base larger. */
static void list_views(struct view view[ROWS * COLUMNS], const struct head *head)
{
    enum { CLOSE = 6, FINE = 4 };
    const struct anatomy *a = head->anatomy;
    float middle[3];
    for (int n = 0; n < 3; n++) middle[n] = (a->head_low[n] + a->head_high[n]) / 2;
    const int sella[3] = { (int)lroundf(a->sella[0]), (int)lroundf(a->sella[1]), (int)lroundf(a->sella[2]) };
    const int top = (int)a->brain_high[2], back = (int)a->brain_low[1];
#define AT(p)                                                                                                          \
    {                                                                                                                  \
        (p)[0], (p)[1], (p)[2]                                                                                         \
    }
    const struct view all[ROWS * COLUMNS] = {
        { "sagittal, middle", 0, sella[0], ZOOM, AT(middle) },
        { "coronal, sella", 1, sella[1], ZOOM, AT(middle) },
        { "axial, high", 2, top - 30, ZOOM, AT(middle) },
        { "coronal, tentorium", 1, back + 45, ZOOM, AT(middle) },
        { "sagittal, sella", 0, sella[0], CLOSE, AT(a->sella) },
        { "coronal, sella", 1, sella[1], CLOSE, AT(a->sella) },
        { "axial, sella", 2, sella[2] + 2, CLOSE, AT(a->sella) },
        { "axial, angles", 2, (int)lroundf((a->porus[LEFT][2] + a->porus[RIGHT][2]) / 2), FINE, AT(a->angle[LEFT]) },
        { "axial, left canal", 2, (int)lroundf(a->porus[LEFT][2]), CLOSE, AT(a->porus[LEFT]) },
        { "axial, right canal", 2, (int)lroundf(a->porus[RIGHT][2]), CLOSE, AT(a->porus[RIGHT]) },
        { "coronal, left canal", 1, (int)lroundf(a->porus[LEFT][1]) - 1, FINE, AT(a->porus[LEFT]) },
        { "sagittal, off the middle", 0, sella[0] + 25, ZOOM, AT(middle) },
    };
#undef AT
    for (int n = 0; n < ROWS * COLUMNS; n++) view[n] = all[n];
    view[7].centre[0] = view[10].centre[0] = a->middle;
}

static void draw_sheet(struct canvas *canvas, const struct head *head)
{
    static const char *const names[TISSUES - DURA] = {
        "dura", "falx", "tentorium", "gland", "stalk", "cavernous sinus", "canal", "nerve",
    };
    struct view view[ROWS * COLUMNS];
    char title[96];
    list_views(view, head);
    for (int n = 0; n < ROWS * COLUMNS; n++)
        draw_view(canvas, head, &view[n], n % COLUMNS * (WIDE * ZOOM + GAP), TITLE + n / COLUMNS * (HIGH * ZOOM + GAP));
    snprintf(title, sizeof title, "anatomy %s, left on the left", head->anatomy->name);
    double x = 8;
    canvas_text(canvas, x, 6, 2, title, (struct colour){ 1, 1, 1 });
    x += canvas_text_width(2, title) + 40;
    for (int n = 0; n < TISSUES - DURA; n++) {
        canvas_text(canvas, x, 6, 2, names[n], colour_of((enum tissue)(DURA + n)));
        x += canvas_text_width(2, names[n]) + 24;
    }
}

static unsigned char *draw_png(const struct head *head, size_t *size)
{
    const int width = COLUMNS * (WIDE * ZOOM + GAP) - GAP, height = TITLE + ROWS * (HIGH * ZOOM + GAP) - GAP;
    struct canvas canvas;
    if (!canvas_create(&canvas, width, height, (struct colour){ 0.1, 0.1, 0.1 })) return NULL;
    draw_sheet(&canvas, head);
    unsigned char *png = png_encode(canvas.rgb, width, height, size);
    canvas_free(&canvas);
    return png;
}

bool anatomy_sheet(const struct anatomy *anatomy, const char *path)
{
    struct head head;
    size_t size = 0;
    const bool created = head_create(&head, anatomy, 1);
    unsigned char *png = created ? draw_png(&head, &size) : NULL;
    if (created) head_free(&head);
    if (!png) {
        fprintf(stderr, "%s: no memory for a picture\n", path);
        return false;
    }
    const tumorclass_status status = tumorclass_write_file(path, png, size);
    if (status) fprintf(stderr, "%s\n", tumorclass_last_error());
    free(png);
    return !status;
}
