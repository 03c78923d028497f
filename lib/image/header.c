/* NIfTI headers to and from bytes. Every field is checked here before anything is done with it. Of the NIfTI library
 * the byte swapping and (in grid.c) the quaternions are used: they are pure, while its header conversion allocates
 * outside base/memory.h and prints by a global setting that the whole process shares. */
#include <math.h>
#include <nifti2_io.h>
#include <string.h>
#include "image/nifti.h"

_Static_assert(sizeof(nifti_1_header) == 348 && sizeof(nifti_2_header) == NIFTI_HEADER_SIZE, "header layout");

static const struct {
    int16_t code;
    tumorclass_dtype dtype;
} real_types[] = {
    { DT_INT8, TUMORCLASS_I8 },     { DT_UINT8, TUMORCLASS_U8 },   { DT_INT16, TUMORCLASS_I16 },
    { DT_UINT16, TUMORCLASS_U16 },  { DT_INT32, TUMORCLASS_I32 },  { DT_UINT32, TUMORCLASS_U32 },
    { DT_INT64, TUMORCLASS_I64 },   { DT_UINT64, TUMORCLASS_U64 }, { DT_FLOAT32, TUMORCLASS_F32 },
    { DT_FLOAT64, TUMORCLASS_F64 },
};
enum { REAL_TYPES = sizeof real_types / sizeof *real_types };

static const struct {
    int16_t code;
    const char *name;
} other_types[] = {
    { DT_BINARY, "1-bit" },
    { DT_COMPLEX64, "complex64" },
    { DT_RGB24, "RGB" },
    { DT_RGBA32, "RGBA" },
    { DT_COMPLEX128, "complex128" },
    { DT_COMPLEX256, "complex256" },
    { DT_FLOAT128, "128-bit float" },
};
enum { OTHER_TYPES = sizeof other_types / sizeof *other_types };

size_t nifti_offset(int32_t version)
{
    return version == 1 ? 352 : 544; /* the header and four bytes that say whether extensions follow */
}

/* Version 2 has version 1's fields under the same names, only wider. vox_offset is left out: it was a float, which need
 * not fit an integer. */
#define COPY_FIELDS(dst, src)                                                                                          \
    do {                                                                                                               \
        memcpy((dst).magic, (src).magic, 4);                                                                           \
        memcpy((dst).descrip, (src).descrip, sizeof(src).descrip);                                                     \
        (dst).datatype = (src).datatype;                                                                               \
        (dst).bitpix = (src).bitpix;                                                                                   \
        for (int n = 0; n < 8; n++) (dst).dim[n] = (src).dim[n];                                                       \
        for (int n = 0; n < 8; n++) (dst).pixdim[n] = (src).pixdim[n];                                                 \
        (dst).scl_slope = (src).scl_slope;                                                                             \
        (dst).scl_inter = (src).scl_inter;                                                                             \
        (dst).cal_min = (src).cal_min;                                                                                 \
        (dst).cal_max = (src).cal_max;                                                                                 \
        (dst).xyzt_units = (src).xyzt_units;                                                                           \
        (dst).intent_code = (src).intent_code;                                                                         \
        (dst).qform_code = (src).qform_code;                                                                           \
        (dst).sform_code = (src).sform_code;                                                                           \
        (dst).quatern_b = (src).quatern_b;                                                                             \
        (dst).quatern_c = (src).quatern_c;                                                                             \
        (dst).quatern_d = (src).quatern_d;                                                                             \
        (dst).qoffset_x = (src).qoffset_x;                                                                             \
        (dst).qoffset_y = (src).qoffset_y;                                                                             \
        (dst).qoffset_z = (src).qoffset_z;                                                                             \
        for (int n = 0; n < 4; n++) {                                                                                  \
            (dst).srow_x[n] = (src).srow_x[n];                                                                         \
            (dst).srow_y[n] = (src).srow_y[n];                                                                         \
            (dst).srow_z[n] = (src).srow_z[n];                                                                         \
        }                                                                                                              \
    } while (0)

/* ---- Reading ---- */

static tumorclass_status find_version(int32_t *version, bool *swapped, const unsigned char *bytes, size_t size)
{
    if (size < sizeof(nifti_1_header))
        return fail(TUMORCLASS_BAD_IMAGE, "is not NIfTI: it has %zu bytes, the smallest header has 348", size);
    int32_t own, other;
    memcpy(&own, bytes, sizeof own);
    other = own;
    nifti_swap_4bytes(1, &other);
    *swapped = other == 348 || other == NIFTI_HEADER_SIZE;
    const int32_t header_size = *swapped ? other : own;
    if (header_size != 348 && header_size != NIFTI_HEADER_SIZE)
        return fail(TUMORCLASS_BAD_IMAGE, "is not NIfTI: its sizeof_hdr is %d, not 348 or 540", (int)own);
    if (size < (size_t)header_size)
        return fail(TUMORCLASS_BAD_IMAGE, "is truncated: it has %zu bytes, its header alone has 540", size);
    *version = header_size == 348 ? 1 : 2;
    return TUMORCLASS_OK;
}

/* The fields in our byte order; *vox_offset as it stands there. */
static nifti_2_header read_fields(double *vox_offset, const unsigned char *bytes, int32_t version, bool swapped)
{
    nifti_2_header fields = { 0 };
    if (version == 2) {
        memcpy(&fields, bytes, sizeof fields);
        if (swapped) nifti_swap_as_nifti2(&fields);
        *vox_offset = (double)fields.vox_offset;
        return fields;
    }
    nifti_1_header older;
    memcpy(&older, bytes, sizeof older);
    if (swapped) nifti_swap_as_nifti1(&older);
    COPY_FIELDS(fields, older);
    *vox_offset = (double)older.vox_offset;
    return fields;
}

static tumorclass_status check_magic(struct nifti_header *header, const nifti_2_header *fields)
{
    const bool older = header->grid.version == 1;
    header->pair = !memcmp(fields->magic, older ? "ni1" : "ni2", 4);
    if (header->pair || !memcmp(fields->magic, older ? "n+1" : "n+2", 4)) return TUMORCLASS_OK;
    if (older)
        return fail(TUMORCLASS_BAD_IMAGE, "has an ANALYZE 7.5 header, not NIfTI's, and so does not say which side is "
                                          "left: convert it to NIfTI with a tool that knows");
    return fail(TUMORCLASS_BAD_IMAGE, "is not NIfTI: a header of 540 bytes without the magic of NIfTI-2");
}

/* What only version 2 has: line ends in the magic, and CIFTI's use of the format for values on surfaces. */
static tumorclass_status check_version_2(const nifti_2_header *fields)
{
    if (memcmp(fields->magic + 4, "\r\n\032\n", 4))
        return fail(TUMORCLASS_BAD_IMAGE, "was damaged by a transfer as text: its magic has other line ends");
    if (fields->intent_code >= 3000 && fields->intent_code < 3100)
        return fail(TUMORCLASS_UNSUPPORTED,
                    "is a CIFTI file (intent_code %d): its values lie on surfaces, not in a volume",
                    (int)fields->intent_code);
    return TUMORCLASS_OK;
}

/* Extents beyond dim[0] are 1. A trailing extent of 0, which some writers leave, is 1 too. */
static tumorclass_status check_dimensions(struct nifti_header *header, const nifti_2_header *fields)
{
    const int64_t rank = fields->dim[0];
    if (rank < 1 || rank > 7) return fail(TUMORCLASS_BAD_IMAGE, "dim[0] is %lld, not in 1 to 7", (long long)rank);
    header->dim[0] = rank;
    for (int n = 1; n < 8; n++) {
        header->dim[n] = n <= rank ? fields->dim[n] : 1;
        if (n > 3 && header->dim[n] == 0) header->dim[n] = 1;
        if (header->dim[n] < 1)
            return fail(TUMORCLASS_BAD_IMAGE, "dim[%d] is %lld, not at least 1", n, (long long)header->dim[n]);
    }
    return TUMORCLASS_OK;
}

static tumorclass_status check_type(struct nifti_header *header, const nifti_2_header *fields)
{
    for (int n = 0; n < REAL_TYPES; n++)
        if (fields->datatype == real_types[n].code) header->dtype = real_types[n].dtype;
    for (int n = 0; n < OTHER_TYPES; n++)
        if (fields->datatype == other_types[n].code)
            return fail(TUMORCLASS_UNSUPPORTED,
                        "has %s voxels (datatype %d): only real numbers of 8 to 64 bits are read", other_types[n].name,
                        (int)fields->datatype);
    if (!header->dtype)
        return fail(TUMORCLASS_BAD_IMAGE, "datatype is %d, which NIfTI does not have", (int)fields->datatype);
    if (fields->bitpix != (int)(8 * dtype_size(header->dtype)))
        return fail(TUMORCLASS_BAD_IMAGE, "bitpix is %d, which does not fit %s (datatype %d)", (int)fields->bitpix,
                    dtype_name(header->dtype), (int)fields->datatype);
    return TUMORCLASS_OK;
}

/* A single file with 0 means the usual place. */
static tumorclass_status check_offset(struct nifti_header *header, double vox_offset)
{
    const int least = header->pair ? 0 : header->grid.version == 1 ? 348 : NIFTI_HEADER_SIZE;
    if (!header->pair && vox_offset == 0) vox_offset = (double)nifti_offset(header->grid.version);
    if (!(vox_offset >= least && vox_offset <= 0x1p53 && vox_offset == floor(vox_offset)))
        return fail(TUMORCLASS_BAD_IMAGE, "vox_offset is %.17g, not a whole number of at least %d", vox_offset, least);
    header->offset = (size_t)vox_offset;
    return TUMORCLASS_OK;
}

/* A slope of 0, or one that is not finite, means no scaling; so does 1 with intercept 0. */
static tumorclass_status check_scaling(struct nifti_header *header, const nifti_2_header *fields)
{
    const double slope = fields->scl_slope, intercept = fields->scl_inter;
    if (slope == 0 || !isfinite(slope) || (slope == 1 && intercept == 0)) return TUMORCLASS_OK;
    if (!isfinite(intercept))
        return fail(TUMORCLASS_BAD_IMAGE, "scl_inter is %g beside a scl_slope of %g", intercept, slope);
    header->slope = slope;
    header->intercept = intercept;
    return TUMORCLASS_OK;
}

static void read_grid(struct nifti_grid *grid, const nifti_2_header *fields)
{
    grid->sform_code = fields->sform_code;
    grid->qform_code = fields->qform_code;
    for (int n = 0; n < 4; n++) {
        grid->sform[n] = fields->srow_x[n];
        grid->sform[4 + n] = fields->srow_y[n];
        grid->sform[8 + n] = fields->srow_z[n];
    }
    grid->quaternion[0] = fields->quatern_b;
    grid->quaternion[1] = fields->quatern_c;
    grid->quaternion[2] = fields->quatern_d;
    grid->origin[0] = fields->qoffset_x;
    grid->origin[1] = fields->qoffset_y;
    grid->origin[2] = fields->qoffset_z;
    grid->qfac = fields->pixdim[0] < 0 ? -1 : 1;
    for (int n = 0; n < 3; n++) grid->voxel_size[n] = fields->pixdim[1 + n];
    grid->units = fields->xyzt_units & 0xff;
}

tumorclass_status nifti_decode(struct nifti_header *header, const unsigned char *bytes, size_t size)
{
    *header = (struct nifti_header){ 0 };
    tumorclass_status status = find_version(&header->grid.version, &header->swapped, bytes, size);
    if (status != TUMORCLASS_OK) return status;

    double vox_offset;
    const nifti_2_header fields = read_fields(&vox_offset, bytes, header->grid.version, header->swapped);
    read_grid(&header->grid, &fields);
    status = check_magic(header, &fields);
    if (status == TUMORCLASS_OK && header->grid.version == 2) status = check_version_2(&fields);
    if (status == TUMORCLASS_OK) status = check_dimensions(header, &fields);
    if (status == TUMORCLASS_OK) status = check_type(header, &fields);
    if (status == TUMORCLASS_OK) status = check_offset(header, vox_offset);
    if (status == TUMORCLASS_OK) status = check_scaling(header, &fields);
    return status;
}

/* ---- Writing ---- */

static void write_grid(nifti_2_header *fields, const struct nifti_grid *grid)
{
    fields->sform_code = grid->sform_code;
    fields->qform_code = grid->qform_code;
    for (int n = 0; n < 4; n++) {
        fields->srow_x[n] = grid->sform[n];
        fields->srow_y[n] = grid->sform[4 + n];
        fields->srow_z[n] = grid->sform[8 + n];
    }
    fields->quatern_b = grid->quaternion[0];
    fields->quatern_c = grid->quaternion[1];
    fields->quatern_d = grid->quaternion[2];
    fields->qoffset_x = grid->origin[0];
    fields->qoffset_y = grid->origin[1];
    fields->qoffset_z = grid->origin[2];
    fields->pixdim[0] = grid->qfac;
    for (int n = 0; n < 3; n++) fields->pixdim[1 + n] = grid->voxel_size[n];
    for (int n = 4; n < 8; n++) fields->pixdim[n] = 1;
    fields->xyzt_units = grid->units;
}

static nifti_2_header fill_fields(const struct nifti_header *header)
{
    static const char note[] = "tumorclass " TUMORCLASS_VERSION_STRING ", research use, not for diagnosis";
    _Static_assert(sizeof note <= sizeof((nifti_2_header *)0)->descrip, "descrip holds 80 bytes");
    nifti_2_header fields = { .sizeof_hdr = NIFTI_HEADER_SIZE };
    memcpy(fields.magic, header->grid.version == 1 ? "n+1" : "n+2\0\r\n\032\n", header->grid.version == 1 ? 4 : 8);
    memcpy(fields.descrip, note, sizeof note);
    for (int n = 0; n < REAL_TYPES; n++)
        if (header->dtype == real_types[n].dtype) fields.datatype = real_types[n].code;
    fields.bitpix = (int16_t)(8 * dtype_size(header->dtype));
    for (int n = 0; n < 8; n++) fields.dim[n] = header->dim[n];
    fields.vox_offset = (int64_t)header->offset;
    fields.scl_slope = header->slope != 0 ? header->slope : 1;
    fields.scl_inter = header->slope != 0 ? header->intercept : 0;
    fields.cal_min = header->low;
    fields.cal_max = header->high;
    write_grid(&fields, &header->grid);
    return fields;
}

void nifti_encode(unsigned char *bytes, const struct nifti_header *header)
{
    const nifti_2_header fields = fill_fields(header);
    memset(bytes, 0, header->offset);
    if (header->grid.version == 2) {
        memcpy(bytes, &fields, sizeof fields);
        return;
    }
    nifti_1_header older = { .sizeof_hdr = 348, .regular = 'r', .vox_offset = (float)fields.vox_offset };
    COPY_FIELDS(older, fields);
    memcpy(bytes, &older, sizeof older);
}
