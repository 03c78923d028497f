/* Files that are well: what is read from them. test_image_hostile.c has the others. */
#include "test_image_files.h"

/* ---- Types, byte orders, versions, scaling ---- */

struct type {
    int code, bits;
    tumorclass_dtype dtype;
};

static const struct type types[] = {
    { 256, 8, TUMORCLASS_I8 },  { 2, 8, TUMORCLASS_U8 },     { 4, 16, TUMORCLASS_I16 },    { 512, 16, TUMORCLASS_U16 },
    { 8, 32, TUMORCLASS_I32 },  { 768, 32, TUMORCLASS_U32 }, { 1024, 64, TUMORCLASS_I64 }, { 1280, 64, TUMORCLASS_U64 },
    { 16, 32, TUMORCLASS_F32 }, { 64, 64, TUMORCLASS_F64 },
};
enum { TYPES = sizeof types / sizeof *types };

static void put_voxel(struct nifti_file *file, const struct type *type, int n, double value)
{
    const size_t size = (size_t)type->bits / 8, at = data_offset(file) + size * (size_t)n;
    const float as_float = (float)value;
    const int64_t integer = (int64_t)value; /* its low bytes are each integer type's (on a little-endian host) */
    if (type->dtype == TUMORCLASS_F32)
        put(file, at, &as_float, size);
    else if (type->dtype == TUMORCLASS_F64)
        put(file, at, &value, size);
    else
        put(file, at, &integer, size);
}

START_TEST(every_type_in_both_byte_orders_and_versions)
{
    const int version = _i / TYPES % 2 + 1;
    const bool swapped = _i / TYPES / 2;
    const struct type *type = &types[_i % TYPES];
    struct nifti_file file = make_file(version, swapped);
    set(&file, DATATYPE, type->code);
    set(&file, BITPIX, type->bits);
    for (int n = 0; n < 24; n++) put_voxel(&file, type, n, 5 * n);
    file.size = data_offset(&file) + 24 * (size_t)type->bits / 8;

    enter_folder();
    tumorclass_image *image = read_good(save("scan.nii", file.bytes, file.size));
    const tumorclass_volume *volume = tumorclass_image_volume(image);
    ck_assert_int_eq(volume_check(volume, "image"), TUMORCLASS_OK);
    ck_assert_int_eq(volume->dtype, type->dtype);
    ck_assert_double_eq(volume->slope, 0);
    for (int n = 0; n < 24; n++) ck_assert_float_eq(voxel(image, n % 4, n / 4 % 3, n / 12), 5.0f * (float)n);
    static const double affine[12] = { 2, 0, 0, -10, 0, 3, 0, -20, 0, 0, 4, -30 };
    for (int n = 0; n < 12; n++) ck_assert_double_eq(volume->affine[n], affine[n]);
    ck_assert_int_eq(volume->notes, 0);
    ck_assert_str_eq(tumorclass_image_name(image), "scan.nii");
    tumorclass_image_free(image);
    leave_folder();
}
END_TEST

START_TEST(slope_and_intercept_are_kept_unless_they_mean_none)
{
    static const struct {
        double slope, intercept, read_slope, read_intercept;
    } cases[] = { { 0, 5, 0, 0 }, { 1, 0, 0, 0 },       { NAN, 5, 0, 0 },      { INFINITY, 5, 0, 0 },
                  { 1, 5, 1, 5 }, { 0.5, -3, 0.5, -3 }, { -2, 0.25, -2, 0.25 } };
    enter_folder();
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        struct nifti_file file = make_file(1 + n % 2, n / 2 % 2);
        set(&file, SCL_SLOPE, cases[n].slope);
        set(&file, SCL_INTER, cases[n].intercept);
        tumorclass_image *image = read_good(save("scan.nii", file.bytes, file.size));
        ck_assert_double_eq(tumorclass_image_volume(image)->slope, cases[n].read_slope);
        ck_assert_double_eq(tumorclass_image_volume(image)->intercept, cases[n].read_intercept);
        tumorclass_image_free(image);
    }
    leave_folder();
}
END_TEST

/* ---- Where the affine comes from ---- */

static void expect_affine(const struct nifti_file *file, const double affine[12], uint32_t notes)
{
    tumorclass_image *image = read_good(save("scan.nii", file->bytes, file->size));
    const tumorclass_volume *volume = tumorclass_image_volume(image);
    for (int n = 0; n < 12; n++) ck_assert_double_eq_tol(volume->affine[n], affine[n], 1e-6);
    ck_assert_uint_eq(volume->notes, notes);
    tumorclass_image_free(image);
}

/* 90 degrees about x (b = sqrt(1/2)), origin (7, 8, 9). */
static void set_qform(struct nifti_file *file, double qfac)
{
    const double values[6] = { sqrt(0.5), 0, 0, 7, 8, 9 };
    set(file, QFORM_CODE, 1);
    set(file, PIXDIM(0), qfac);
    for (int n = 0; n < 6; n++) set(file, QUATERN(n), values[n]);
}

static const double sform[12] = { 2, 0, 0, -10, 0, 3, 0, -20, 0, 0, 4, -30 };
static const double qform[12] = { 2, 0, 0, 7, 0, 0, -4, 8, 0, 3, 0, 9 };
static const double mirrored[12] = { 2, 0, 0, 7, 0, 0, 4, 8, 0, 3, 0, 9 };
static const double sizes[12] = { 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0 };

START_TEST(affine_is_the_sform_else_the_qform_else_the_voxel_sizes)
{
    enter_folder();
    for (int n = 0; n < 4; n++) {
        struct nifti_file file = make_file(1 + n % 2, n / 2);
        expect_affine(&file, sform, 0);
        set_qform(&file, 1);
        expect_affine(&file, sform, TUMORCLASS_NOTE_FORMS_DISAGREE);
        set(&file, SFORM_CODE, 0);
        expect_affine(&file, qform, 0);
        set_qform(&file, 0); /* not set: taken as 1 */
        expect_affine(&file, qform, 0);
        set_qform(&file, -1);
        expect_affine(&file, mirrored, 0);
        set(&file, QFORM_CODE, 0);
        expect_affine(&file, sizes, TUMORCLASS_NOTE_NO_ORIENTATION);
        set(&file, SFORM_CODE, -1);
        expect_affine(&file, sizes, TUMORCLASS_NOTE_NO_ORIENTATION);
    }
    leave_folder();
}
END_TEST

START_TEST(forms_within_half_a_voxel_agree)
{
    struct nifti_file file = make_file(1, false);
    set(&file, QFORM_CODE, 2);
    for (int n = 0; n < 6; n++) set(&file, QUATERN(n), n < 3 ? 0 : -10 * (n - 2));
    enter_folder();
    expect_affine(&file, sform, 0);
    set(&file, QUATERN(5), -30.9);
    expect_affine(&file, sform, 0);
    set(&file, QUATERN(5), -31.1);
    expect_affine(&file, sform, TUMORCLASS_NOTE_FORMS_DISAGREE);
    leave_folder();
}
END_TEST

START_TEST(forms_that_cannot_be_inverted_are_passed_over)
{
    static const struct {
        struct field field;
        double value;
    } bad_sforms[] = { { SROW(0), 0 }, { SROW(5), NAN }, { SROW(3), INFINITY } },
      bad_qforms[] = { { QUATERN(0), NAN }, { QUATERN(1), 2 }, { QUATERN(4), INFINITY } };
    enter_folder();
    for (int n = 0; n < 3; n++) {
        struct nifti_file file = make_file(1 + n % 2, n == 2);
        set(&file, bad_sforms[n].field, bad_sforms[n].value);
        expect_affine(&file, sizes, TUMORCLASS_NOTE_BAD_FORM | TUMORCLASS_NOTE_NO_ORIENTATION);
        set_qform(&file, 1);
        expect_affine(&file, qform, TUMORCLASS_NOTE_BAD_FORM);
        set(&file, bad_qforms[n].field, bad_qforms[n].value);
        expect_affine(&file, sizes, TUMORCLASS_NOTE_BAD_FORM | TUMORCLASS_NOTE_NO_ORIENTATION);
        file = make_file(1, false);
        set_qform(&file, 1);
        set(&file, bad_qforms[n].field, bad_qforms[n].value);
        expect_affine(&file, sform, TUMORCLASS_NOTE_BAD_FORM);
    }
    leave_folder();
}
END_TEST

START_TEST(metres_and_microns_become_millimetres)
{
    double scaled[12];
    enter_folder();
    for (int units = 0; units < 4; units++) {
        static const double factor[] = { 1, 1000, 1, 0.001 };
        struct nifti_file file = make_file(2, units == 3);
        set(&file, XYZT_UNITS, units + 8); /* seconds beside it */
        for (int n = 0; n < 12; n++) scaled[n] = factor[units] * sform[n];
        expect_affine(&file, scaled, 0);
        set(&file, SFORM_CODE, 0);
        for (int n = 0; n < 12; n++) scaled[n] = factor[units] * sizes[n];
        expect_affine(&file, scaled, TUMORCLASS_NOTE_NO_ORIENTATION);
    }
    leave_folder();
}
END_TEST

START_TEST(voxel_sizes_lose_their_sign_and_one_slice_needs_none)
{
    struct nifti_file file = make_file(1, false);
    set(&file, SFORM_CODE, 0);
    set(&file, PIXDIM(1), -2);
    enter_folder();
    expect_affine(&file, sizes, TUMORCLASS_NOTE_NO_ORIENTATION);
    set(&file, DIM(3), 1);
    set(&file, PIXDIM(3), 0);
    static const double flat[12] = { 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1, 0 };
    expect_affine(&file, flat, TUMORCLASS_NOTE_NO_ORIENTATION);
    leave_folder();
}
END_TEST

/* ---- Shapes and places ---- */

START_TEST(of_more_dimensions_the_first_volume_is_read)
{
    struct nifti_file file = make_file(1, true);
    set(&file, DIM(0), 5);
    enter_folder();
    tumorclass_image *image = read_good(save("scan.nii", file.bytes, file.size));
    ck_assert_uint_eq(tumorclass_image_volume(image)->notes, 0); /* 4 x 3 x 2 x 1 x 1 */
    tumorclass_image_free(image);
    set(&file, DIM(4), 0);
    set(&file, DIM(5), 3);
    unsigned char stream[8192];
    const size_t size = gzip(stream, sizeof stream, file.bytes, file.size + 96);
    for (int compressed = 0; compressed < 2; compressed++) {
        image = read_good(compressed ? save("scan.nii.gz", stream, size) : save("scan.nii", file.bytes, file.size));
        ck_assert_uint_eq(tumorclass_image_volume(image)->notes, TUMORCLASS_NOTE_EXTRA_DIMENSIONS);
        expect_hundreds(image);
        tumorclass_image_free(image);
    }
    leave_folder();
}
END_TEST

START_TEST(fewer_dimensions_are_filled_with_ones)
{
    enter_folder();
    for (int rank = 1; rank < 3; rank++) {
        struct nifti_file file = make_file(rank, false);
        set(&file, DIM(0), rank);
        set(&file, DIM(rank + 1), 777); /* beyond the rank: not looked at */
        tumorclass_image *image = read_good(save("scan.nii", file.bytes, file.size));
        const int64_t *shape = tumorclass_image_volume(image)->shape;
        ck_assert_int_eq(shape[0], 4);
        ck_assert_int_eq(shape[1], rank == 2 ? 3 : 1);
        ck_assert_int_eq(shape[2], 1);
        tumorclass_image_free(image);
    }
    leave_folder();
}
END_TEST

/* The voxels moved `gap` bytes on, as an extension (or carelessness) would; -4: right behind the 348 bytes. */
static struct nifti_file moved_file(int version, int gap)
{
    struct nifti_file file = make_file(version, false);
    const size_t old = data_offset(&file), new = (size_t)((int)old + gap);
    memmove(file.bytes + new, file.bytes + old, 48);
    if (gap > 0) memset(file.bytes + old, 0xee, (size_t)gap);
    set(&file, VOX_OFFSET, (double)new);
    file.size = new + 48;
    return file;
}

START_TEST(voxels_are_found_behind_extensions_at_any_byte)
{
    static const int gaps[] = { -4, 0, 1, 7, 32, 4001 };
    enter_folder();
    for (int n = 0; n < 12; n++) {
        const struct nifti_file file = moved_file(1 + n % 2, gaps[n / 2]);
        unsigned char stream[8192];
        const size_t size = gzip(stream, sizeof stream, file.bytes, file.size);
        tumorclass_image *plain = read_good(save("scan.nii", file.bytes, file.size));
        tumorclass_image *compressed = read_good(save("scan.nii.gz", stream, size));
        expect_hundreds(plain);
        expect_hundreds(compressed);
        ck_assert_int_eq(volume_check(tumorclass_image_volume(compressed), "image"), TUMORCLASS_OK);
        tumorclass_image_free(plain);
        tumorclass_image_free(compressed);
    }
    struct nifti_file file = make_file(2, false);
    set(&file, VOX_OFFSET, 0); /* the usual place */
    tumorclass_image *image = read_good(save("scan.nii", file.bytes, file.size));
    expect_hundreds(image);
    tumorclass_image_free(image);
    leave_folder();
}
END_TEST

/* ---- Pairs ---- */

START_TEST(either_name_of_a_pair_reads_it)
{
    const int version = _i % 2 + 1;
    const bool header_compressed = _i / 2 % 2, voxels_compressed = _i / 4;
    struct nifti_file file = make_file(version, _i % 3 == 0);
    const size_t offset = data_offset(&file);
    file.bytes[version == 1 ? 345 : 5] = 'i'; /* ni1, ni2 */
    set(&file, VOX_OFFSET, 0);
    unsigned char header[1024], voxels[1024];
    const size_t header_size = gzip(header, sizeof header, file.bytes, offset - 4);
    const size_t voxels_size = gzip(voxels, sizeof voxels, file.bytes + offset, 48);

    enter_folder();
    const char *header_path = header_compressed ? save("a.b.hdr.gz", header, header_size)
                                                : save("a.b.hdr", file.bytes, offset - 4);
    const char *voxel_path = voxels_compressed ? save("a.b.img.gz", voxels, voxels_size)
                                               : save("a.b.img", file.bytes + offset, 48);
    tumorclass_image *by_header = read_good(header_path), *by_voxels = read_good(voxel_path);
    expect_hundreds(by_header);
    expect_hundreds(by_voxels);
    ck_assert_str_eq(tumorclass_image_name(by_voxels), base_name(voxel_path));
    tumorclass_image_free(by_header);
    tumorclass_image_free(by_voxels);
    leave_folder();
}
END_TEST

START_TEST(of_two_partners_the_one_compressed_alike_is_taken)
{
    struct nifti_file file = make_file(1, false);
    file.bytes[345] = 'i';
    set(&file, VOX_OFFSET, 0);
    unsigned char header[1024], other[1024];
    const size_t header_size = gzip(header, sizeof header, file.bytes, 348);
    unsigned char zeros[48] = { 0 };
    const size_t other_size = gzip(other, sizeof other, zeros, 48);
    enter_folder();
    save("a.img", file.bytes + 352, 48);
    save("a.img.gz", other, other_size);
    tumorclass_image *image = read_good(save("a.hdr", file.bytes, 348));
    expect_hundreds(image);
    tumorclass_image_free(image);
    image = read_good(save("a.hdr.gz", header, header_size));
    ck_assert_float_eq(voxel(image, 3, 2, 1), 0);
    tumorclass_image_free(image);
    leave_folder();
}
END_TEST

/* ---- gzip ---- */

START_TEST(gzip_members_are_joined_wherever_they_were_cut)
{
    const struct nifti_file file = make_file(1, false);
    unsigned char stream[2048];
    enter_folder();
    for (size_t cut = 0; cut <= file.size; cut += 7) {
        size_t size = gzip(stream, sizeof stream, file.bytes, cut);
        size += gzip(stream + size, sizeof stream - size, file.bytes + cut, file.size - cut);
        tumorclass_image *image = read_good(save("scan.nii.gz", stream, size));
        expect_hundreds(image);
        tumorclass_image_free(image);
    }
    leave_folder();
}
END_TEST

START_TEST(bytes_behind_the_voxels_are_ignored)
{
    struct nifti_file file = make_file(1, false);
    unsigned char stream[2048];
    enter_folder();
    size_t size = gzip(stream, sizeof stream, file.bytes, file.size);
    memset(stream + size, 0x1f, 100); /* behind the stream */
    tumorclass_image *image = read_good(save("scan.nii.gz", stream, size + 100));
    expect_hundreds(image);
    tumorclass_image_free(image);
    size = gzip(stream, sizeof stream, file.bytes, file.size + 1000); /* within it */
    image = read_good(save("scan.nii.gz", stream, size));
    expect_hundreds(image);
    tumorclass_image_free(image);
    image = read_good(save("scan.nii", file.bytes, file.size + 1000));
    expect_hundreds(image);
    tumorclass_image_free(image);
    leave_folder();
}
END_TEST

START_TEST(content_decides_what_is_compressed_and_not_the_name)
{
    const struct nifti_file file = make_file(2, false);
    unsigned char stream[2048];
    const size_t size = gzip(stream, sizeof stream, file.bytes, file.size);
    enter_folder();
    tumorclass_image *image = read_good(save("scan.nii", stream, size));
    expect_hundreds(image);
    tumorclass_image_free(image);
    image = read_good(save("scan.nii.gz", file.bytes, file.size));
    expect_hundreds(image);
    tumorclass_image_free(image);
    leave_folder();
}
END_TEST

/* ---- The header, for people ---- */

static const char *property(const tumorclass_image *image, const char *key)
{
    size_t count;
    const tumorclass_property *properties = tumorclass_image_header(image, &count);
    for (size_t n = 0; n < count; n++)
        if (!strcmp(properties[n].key, key)) return properties[n].value;
    return "absent";
}

START_TEST(header_is_described_without_a_name_of_anybody)
{
    struct nifti_file file = make_file(1, true);
    set(&file, SCL_SLOPE, 0.5);
    set_qform(&file, 1);
    set(&file, DIM(0), 4);
    set(&file, DIM(4), 6);
    strcpy((char *)file.bytes + 148, "DOE^JOHN descrip");
    strcpy((char *)file.bytes + 228, "DOE^JOHN aux");
    strcpy((char *)file.bytes + 14, "DOE^JOHN db");
    strcpy((char *)file.bytes + 328, "DOE^JOHN");
    enter_folder();
    tumorclass_image *image = read_good(save("scan.nii", file.bytes, file.size));
    ck_assert_str_eq(property(image, "format"), "NIfTI-1, one file");
    ck_assert_str_eq(property(image, "byte_order"), "big endian"); /* on a little-endian host */
    ck_assert_str_eq(property(image, "data_type"), "int16");
    ck_assert_str_eq(property(image, "scaling"), "slope 0.5, intercept 0");
    ck_assert_str_eq(property(image, "dimensions"), "4 x 3 x 2 x 6");
    ck_assert_str_eq(property(image, "voxel_size"), "2 x 3 x 4 mm");
    ck_assert_str_eq(property(image, "field_of_view"), "8 x 9 x 8 mm");
    ck_assert_str_eq(property(image, "units"), "mm");
    ck_assert_str_eq(property(image, "orientation"), "RAS");
    ck_assert_str_eq(property(image, "sform_code"), "1 (scanner)");
    ck_assert_str_eq(property(image, "qform_code"), "1 (scanner)");
    ck_assert_str_eq(property(image, "affine_from"), "sform");
    ck_assert_str_eq(property(image, "affine_y"), "0 3 0 -20");
    size_t count;
    const tumorclass_property *properties = tumorclass_image_header(image, &count);
    for (size_t n = 0; n < count; n++) ck_assert_ptr_null(strstr(properties[n].value, "DOE"));

    ck_assert_int_eq(tumorclass_image_write(in_folder("map.nii"), tumorclass_image_volume(image), 1, image),
                     TUMORCLASS_OK);
    unsigned char written[1024];
    const size_t size = load(written, sizeof written, in_folder("map.nii"));
    for (size_t n = 0; n + 3 <= size; n++) ck_assert(memcmp(written + n, "DOE", 3));
    tumorclass_image_free(image);
    leave_folder();
}
END_TEST

START_TEST(longest_header_fits_its_description)
{
    struct nifti_file file = make_file(2, true);
    set(&file, DIM(0), 7);
    for (int n = 4; n < 8; n++) set(&file, DIM(n), -(double)INT64_MIN / 2);
    for (int n = 0; n < 12; n++) set(&file, SROW(n), n % 5 ? -1.23456e-100 : -1.23456e90);
    set(&file, SFORM_CODE, INT32_MAX);
    set(&file, QFORM_CODE, INT32_MIN);
    set(&file, SCL_SLOPE, -1.23456789e-300);
    enter_folder();
    tumorclass_image *image = read_good(save("scan.nii", file.bytes, file.size));
    ck_assert_str_eq(property(image, "dimensions"), "4 x 3 x 2 x 4611686018427387904 x 4611686018427387904 x "
                                                    "4611686018427387904 x 4611686018427387904");
    ck_assert_str_eq(property(image, "sform_code"), "2147483647 (no code of NIfTI)");
    tumorclass_image_free(image);
    leave_folder();
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("read");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, every_type_in_both_byte_orders_and_versions, 0, 4 * TYPES);
    tcase_add_test(cases, slope_and_intercept_are_kept_unless_they_mean_none);
    tcase_add_test(cases, affine_is_the_sform_else_the_qform_else_the_voxel_sizes);
    tcase_add_test(cases, forms_within_half_a_voxel_agree);
    tcase_add_test(cases, forms_that_cannot_be_inverted_are_passed_over);
    tcase_add_test(cases, metres_and_microns_become_millimetres);
    tcase_add_test(cases, voxel_sizes_lose_their_sign_and_one_slice_needs_none);
    tcase_add_test(cases, of_more_dimensions_the_first_volume_is_read);
    tcase_add_test(cases, fewer_dimensions_are_filled_with_ones);
    tcase_add_test(cases, voxels_are_found_behind_extensions_at_any_byte);
    tcase_add_loop_test(cases, either_name_of_a_pair_reads_it, 0, 8);
    tcase_add_test(cases, of_two_partners_the_one_compressed_alike_is_taken);
    tcase_add_test(cases, gzip_members_are_joined_wherever_they_were_cut);
    tcase_add_test(cases, bytes_behind_the_voxels_are_ignored);
    tcase_add_test(cases, content_decides_what_is_compressed_and_not_the_name);
    tcase_add_test(cases, header_is_described_without_a_name_of_anybody);
    tcase_add_test(cases, longest_header_fits_its_description);
    Suite *suite = suite_create("image read");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
