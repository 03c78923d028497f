#include "columns.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* mm from one voxel to the next along a voxel axis, as the affine says. */
static double spacing(const tumorclass_volume *volume, int axis)
{
    const double *affine = volume->affine;
    return sqrt(affine[axis] * affine[axis] + affine[4 + axis] * affine[4 + axis] +
                affine[8 + axis] * affine[8 + axis]);
}

/* Where a voxel axis runs to: R or L, A or P, S or I, whichever is nearest. */
static char direction(const tumorclass_volume *volume, int axis)
{
    static const char names[3][3] = { "LR", "PA", "IS" };
    int nearest = 0;
    for (int world = 1; world < 3; world++)
        if (fabs(volume->affine[4 * world + axis]) > fabs(volume->affine[4 * nearest + axis])) nearest = world;
    return names[nearest][volume->affine[4 * nearest + axis] > 0];
}

static enum entity shown_entity(const struct facts *facts)
{
    return facts->subject->twin ? HLTH : facts->subject->entity;
}

static double seen_ml(const struct facts *facts)
{
    return shown_entity(facts) == HLTH ? 0 : facts->scan->lesion_ml;
}

static void put_id(FILE *out, const struct facts *facts)
{
    fprintf(out, "sub-%06d", facts->subject->number);
}
static void put_class(FILE *out, const struct facts *facts)
{
    fputs(entity_codes[shown_entity(facts)], out);
}
static void put_split(FILE *out, const struct facts *facts)
{
    fputs(split_names[facts->subject->split], out);
}
static void put_anatomy(FILE *out, const struct facts *facts)
{
    fputs(facts->anatomy->name, out);
}
static void put_source(FILE *out, const struct facts *facts)
{
    fputs(facts->anatomy->without_neck ? "skull-base" : "neck", out);
}
static void put_seed(FILE *out, const struct facts *facts)
{
    fprintf(out, "%" PRIu64, facts->subject->seed);
}
static void put_attempt(FILE *out, const struct facts *facts)
{
    fprintf(out, "%d", facts->attempt);
}
static void put_foci(FILE *out, const struct facts *facts)
{
    fprintf(out, "%d", shown_entity(facts) == HLTH ? 0 : facts->foci);
}
static void put_volume(FILE *out, const struct facts *facts)
{
    fprintf(out, "%.3f", seen_ml(facts));
}
static void put_diameter(FILE *out, const struct facts *facts)
{
    fprintf(out, "%.1f", cbrt(6000 * seen_ml(facts) / 3.14159265358979));
}
static void put_x(FILE *out, const struct facts *facts)
{
    fprintf(out, "%.1f", facts->scan->centre[0]);
}
static void put_y(FILE *out, const struct facts *facts)
{
    fprintf(out, "%.1f", facts->scan->centre[1]);
}
static void put_z(FILE *out, const struct facts *facts)
{
    fprintf(out, "%.1f", facts->scan->centre[2]);
}
static void put_family(FILE *out, const struct facts *facts)
{
    fputs(family_names[facts->acquisition->family], out);
}
static void put_plane(FILE *out, const struct facts *facts)
{
    static const char *const names[3] = { "axial", "coronal", "sagittal" };
    fputs(names[facts->acquisition->plane], out);
}
static void put_slab(FILE *out, const struct facts *facts)
{
    fprintf(out, "%d", facts->acquisition->slices);
}
static void put_voxels(FILE *out, const struct facts *facts)
{
    const int64_t *shape = facts->scan->volume.shape;
    fprintf(out, "%" PRId64 "x%" PRId64 "x%" PRId64, shape[0], shape[1], shape[2]);
}
static void put_spacing(FILE *out, const struct facts *facts)
{
    const tumorclass_volume *volume = &facts->scan->volume;
    fprintf(out, "%.3gx%.3gx%.3g", spacing(volume, 0), spacing(volume, 1), spacing(volume, 2));
}
static void put_thickness(FILE *out, const struct facts *facts)
{
    fprintf(out, "%.2f", (double)facts->acquisition->thickness);
}
static void put_orientation(FILE *out, const struct facts *facts)
{
    for (int axis = 0; axis < 3; axis++) putc(direction(&facts->scan->volume, axis), out);
}
static void put_reversed(FILE *out, const struct facts *facts)
{
    fputs(facts->acquisition->reversed ? "yes" : "no", out);
}
static void put_mislabelled(FILE *out, const struct facts *facts)
{
    fputs(facts->acquisition->mislabelled ? "yes" : "no", out);
}
static void put_stripped(FILE *out, const struct facts *facts)
{
    fputs(stripping_names[facts->acquisition->stripping], out);
}
static void put_defaced(FILE *out, const struct facts *facts)
{
    fputs(facts->acquisition->defaced ? "yes" : "no", out);
}
static void put_strength(FILE *out, const struct facts *facts)
{
    fprintf(out, "%.2f", (double)facts->acquisition->strength);
}
static void put_grey_white(FILE *out, const struct facts *facts)
{
    fprintf(out, "%.2f", (double)facts->acquisition->grey_white);
}
static void put_noise(FILE *out, const struct facts *facts)
{
    fprintf(out, "%.4f", (double)facts->acquisition->noise);
}
static void put_bias(FILE *out, const struct facts *facts)
{
    fprintf(out, "%.3f", (double)facts->acquisition->bias);
}
static void put_bits(FILE *out, const struct facts *facts)
{
    fprintf(out, "%d", facts->acquisition->bits);
}
static void put_normalised(FILE *out, const struct facts *facts)
{
    static const char *const names[NORMALISATIONS] = { "no", "z-score", "z-score-inside", "unit" };
    fputs(names[facts->acquisition->normalised], out);
}

static const struct column {
    const char *name, *units, *meaning; /* no units: NULL */
    void (*put)(FILE *out, const struct facts *facts);
} columns[] = {
    { "participant_id", NULL, "the folder of the scan", put_id },
    { "class", NULL,
      "HGG high-grade glioma, LGG low-grade glioma, METS brain metastasis, PA pituitary adenoma, AN acoustic neuroma, "
      "HLTH healthy, MEN meningioma",
      put_class },
    { "split", NULL, "train, validation, internal or external; no anatomy is in two of them", put_split },
    { "anatomy", NULL, "the label map that the head was made from", put_anatomy },
    { "source", NULL, "origin of the label map: neck (reaches below the chin) or skull-base (ends there)", put_source },
    { "seed", NULL, "of this subject; all of it follows from seed, class and anatomy", put_seed },
    { "attempt", NULL, "1, or how many tumours were drawn until the scan showed at least 0.03 ml of one", put_attempt },
    { "foci", NULL, "separate tumours of the head; some may lie outside the scan", put_foci },
    { "volume_ml", "ml", "what the scan shows of the tumour, necrosis and cysts with it, oedema and dural tail without",
      put_volume },
    { "diameter_mm", "mm", "of the ball of that volume", put_diameter },
    { "x_mm", "mm",
      "a point of the tumour near its middle, in millimetres of the file's affine (RAS+); without a tumour, "
      "the place that the scan was laid round",
      put_x },
    { "y_mm", "mm", "the same", put_y },
    { "z_mm", "mm", "the same", put_z },
    { "family", NULL,
      "kind of acquisition: isotropic, atlas, thick, slab, volume, fat-suppressed (the last in the external test alone)",
      put_family },
    { "plane", NULL, "of the slices, as they were taken", put_plane },
    { "slab", NULL, "number of slices, where they cover a part of the head; 0 the whole head", put_slab },
    { "voxels", NULL, "along the axes of the file", put_voxels },
    { "spacing", "mm", "from voxel to voxel along the axes of the file", put_spacing },
    { "thickness_mm", "mm", "of a slice; less than its spacing where there are gaps", put_thickness },
    { "orientation", NULL, "where the axes of the file run to, by its affine", put_orientation },
    { "reversed", NULL, "yes: the slices are in the other order than the affine says", put_reversed },
    { "mislabelled", NULL, "yes: the affine names another plane than the scan was taken in", put_mislabelled },
    { "stripped", NULL, "none, or how the skull was taken off: well, tight, loose, ragged", put_stripped },
    { "defaced", NULL, "yes: the face was taken out", put_defaced },
    { "strength", NULL, "of the contrast agent: 0 none, 1 usual", put_strength },
    { "grey_white", NULL, "contrast of cortex and white matter: 0 none, 1 that of a gradient echo", put_grey_white },
    { "noise", NULL, "deviation of the scanner's noise, as a share of white matter", put_noise },
    { "bias", NULL, "deviation of the coil's logarithmic field", put_bias },
    { "bits", NULL, "of a stored voxel: 8 and 16 whole numbers, 32 floating point", put_bits },
    { "normalised", NULL, "intensities: no, z-score, z-score-inside (background left at 0), unit (0 to 1)",
      put_normalised },
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static void put_header(FILE *out, const struct facts *unused)
{
    (void)unused;
    for (int c = 0; c < COLUMNS; c++) fprintf(out, "%s%c", columns[c].name, c + 1 < COLUMNS ? '\t' : '\n');
}

static void put_row(FILE *out, const struct facts *facts)
{
    for (int c = 0; c < COLUMNS; c++) {
        columns[c].put(out, facts);
        putc(c + 1 < COLUMNS ? '\t' : '\n', out);
    }
}

static void put_json(FILE *out, const struct facts *unused)
{
    (void)unused;
    fputs("{\n", out);
    for (int c = 0; c < COLUMNS; c++) {
        fprintf(out, "  \"%s\": { \"Description\": \"%s\"", columns[c].name, columns[c].meaning);
        if (columns[c].units) fprintf(out, ", \"Units\": \"%s\"", columns[c].units);
        fprintf(out, " }%s\n", c + 1 < COLUMNS ? "," : "");
    }
    fputs("}\n", out);
}

static char *text_of(void (*put)(FILE *out, const struct facts *facts), const struct facts *facts)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    put(out, facts);
    const bool whole = !ferror(out);
    if (!fclose(out) && whole) return text;
    free(text);
    return NULL;
}

char *columns_header(void)
{
    return text_of(put_header, NULL);
}

char *columns_row(const struct facts *facts)
{
    return text_of(put_row, facts);
}

char *columns_json(void)
{
    return text_of(put_json, NULL);
}
