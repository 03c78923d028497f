/* What a header says, for people. No text of the file is copied: descrip, db_name, intent_name and aux_file may name a
 * patient. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include "base/memory.h"
#include "image/nifti.h"

enum { TEXT_SIZE = 2048 };

struct description {
    tumorclass_image *image;
    size_t used;
};

static void add(struct description *description, const char *key, const char *format, ...) PRINTF_LIKE(3, 4);

static void add(struct description *description, const char *key, const char *format, ...)
{
    tumorclass_image *image = description->image;
    char *value = image->header_text + description->used;
    const size_t room = TEXT_SIZE - description->used;
    assert(image->header_count < IMAGE_PROPERTIES);
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(value, room, format, arguments);
    va_end(arguments);
    assert(length >= 0 && (size_t)length < room);
    description->used += (size_t)length + 1;
    image->header[image->header_count++] = (tumorclass_property){ key, value };
}

static const char *unit_name(int32_t units)
{
    static const char *const names[8] = { "unknown, taken as mm", "m", "mm", "um" };
    return names[units & 7] ? names[units & 7] : "unknown, taken as mm";
}

static const char *form_name(int32_t code)
{
    static const char *const names[] = { "not set", "scanner", "aligned", "Talairach", "MNI 152", "template" };
    if (code < 0 || (size_t)code >= sizeof names / sizeof *names) return "no code of NIfTI";
    return names[code];
}

static bool host_is_little_endian(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one;
}

static void add_file(struct description *description, const struct nifti_header *header, bool compressed)
{
    add(description, "format", "NIfTI-%d, %s%s", (int)header->grid.version, header->pair ? "two files" : "one file",
        compressed ? ", gzip" : "");
    add(description, "byte_order", "%s endian", header->swapped != host_is_little_endian() ? "little" : "big");
    add(description, "data_type", "%s", dtype_name(header->dtype));
    if (header->slope != 0)
        add(description, "scaling", "slope %.9g, intercept %.9g", header->slope, header->intercept);
    else
        add(description, "scaling", "none");
}

static void add_dimensions(struct description *description, const struct nifti_header *header)
{
    char text[8 * 24];
    int used = 0;
    const int rank = header->dim[0] < 3 ? 3 : (int)header->dim[0];
    for (int n = 1; n <= rank; n++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%lld", n > 1 ? " x " : "",
                         (long long)header->dim[n]);
    add(description, "dimensions", "%s", text);
}

static void add_grid(struct description *description, const struct nifti_grid *grid, enum affine_source source)
{
    static const char *const sources[] = { "sform", "qform", "voxel sizes alone" };
    const tumorclass_volume *volume = &description->image->volume;
    const double *m = volume->affine;
    double step[3];
    for (int axis = 0; axis < 3; axis++) step[axis] = volume_step_mm(volume, axis);
    char code[4];
    orientation_code(code, m);

    add(description, "voxel_size", "%.6g x %.6g x %.6g mm", step[0], step[1], step[2]);
    add(description, "field_of_view", "%.6g x %.6g x %.6g mm", step[0] * (double)volume->shape[0],
        step[1] * (double)volume->shape[1], step[2] * (double)volume->shape[2]);
    add(description, "units", "%s", unit_name(grid->units));
    add(description, "orientation", "%s", source == AFFINE_VOXEL_SIZE ? "not given, taken as RAS" : code);
    add(description, "sform_code", "%d (%s)", (int)grid->sform_code, form_name(grid->sform_code));
    add(description, "qform_code", "%d (%s)", (int)grid->qform_code, form_name(grid->qform_code));
    add(description, "affine_from", "%s", sources[source]);
    add(description, "affine_x", "%.6g %.6g %.6g %.6g", m[0], m[1], m[2], m[3]);
    add(description, "affine_y", "%.6g %.6g %.6g %.6g", m[4], m[5], m[6], m[7]);
    add(description, "affine_z", "%.6g %.6g %.6g %.6g", m[8], m[9], m[10], m[11]);
}

tumorclass_status image_describe(tumorclass_image *image, const struct nifti_header *header, enum affine_source source,
                                 bool compressed)
{
    image->header_text = memory_allocate(TEXT_SIZE, 1);
    if (!image->header_text) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the header's description");
    struct description description = { image, 0 };
    add_file(&description, header, compressed);
    add_dimensions(&description, header);
    add_grid(&description, &header->grid, source);
    return TUMORCLASS_OK;
}
