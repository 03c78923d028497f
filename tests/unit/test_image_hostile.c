/* Files that are broken, lie, or are something else: each refused with its sentence, nothing leaked. */
#include "test_image_files.h"

START_TEST(every_bad_field_is_refused_by_name_and_number)
{
    static const struct {
        struct field field;
        double value;
        tumorclass_status status;
        const char *sentence;
    } cases[] = {
        { DIM(0), 0, TUMORCLASS_BAD_IMAGE, "dim[0] is 0, not in 1 to 7" },
        { DIM(0), 8, TUMORCLASS_BAD_IMAGE, "dim[0] is 8, not in 1 to 7" },
        { DIM(0), -3, TUMORCLASS_BAD_IMAGE, "dim[0] is -3, not in 1 to 7" },
        { DIM(2), 0, TUMORCLASS_BAD_IMAGE, "dim[2] is 0, not at least 1" },
        { DIM(3), -2, TUMORCLASS_BAD_IMAGE, "dim[3] is -2, not at least 1" },
        { DATATYPE, 0, TUMORCLASS_BAD_IMAGE, "datatype is 0, which NIfTI does not have" },
        { DATATYPE, -9510, TUMORCLASS_BAD_IMAGE, "datatype is -9510, which NIfTI does not have" },
        { DATATYPE, 1, TUMORCLASS_UNSUPPORTED,
          "has 1-bit voxels (datatype 1): only real numbers of 8 to 64 bits are read" },
        { DATATYPE, 32, TUMORCLASS_UNSUPPORTED,
          "has complex64 voxels (datatype 32): only real numbers of 8 to 64 bits are read" },
        { DATATYPE, 128, TUMORCLASS_UNSUPPORTED,
          "has RGB voxels (datatype 128): only real numbers of 8 to 64 bits are read" },
        { DATATYPE, 1536, TUMORCLASS_UNSUPPORTED,
          "has 128-bit float voxels (datatype 1536): only real numbers of 8 to 64 bits are read" },
        { DATATYPE, 2304, TUMORCLASS_UNSUPPORTED,
          "has RGBA voxels (datatype 2304): only real numbers of 8 to 64 bits are read" },
        { BITPIX, 32, TUMORCLASS_BAD_IMAGE, "bitpix is 32, which does not fit int16 (datatype 4)" },
    };
    enter_folder();
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++)
        for (int form = 0; form < 4; form++) {
            struct nifti_file file = make_file(1 + form % 2, form / 2);
            char sentence[160];
            set(&file, cases[n].field, cases[n].value);
            snprintf(sentence, sizeof sentence, "bad.nii: %s", cases[n].sentence);
            expect_refusal(save("bad.nii", file.bytes, file.size), cases[n].status, sentence);
        }
    leave_folder();
}
END_TEST

START_TEST(cifti_is_no_volume)
{
    struct nifti_file file = make_file(2, true);
    set(&file, INTENT_CODE, 3001);
    enter_folder();
    expect_refusal(save("a.dconn.nii", file.bytes, file.size), TUMORCLASS_UNSUPPORTED,
                   "a.dconn.nii: is a CIFTI file (intent_code 3001): its values lie on surfaces, not in a volume");
    leave_folder();
}
END_TEST

START_TEST(voxels_must_begin_at_a_whole_number_behind_the_header)
{
    static const struct {
        double value;
        const char *shown;
    } cases[] = { { -1, "-1" },   { 100, "100" },     { 352.5, "352.5" }, { 1e30, "1.0000000150474662e+30" },
                  { NAN, "nan" }, { INFINITY, "inf" } };
    enter_folder();
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        struct nifti_file file = make_file(1, n % 2);
        char sentence[160];
        set(&file, VOX_OFFSET, cases[n].value);
        snprintf(sentence, sizeof sentence, "bad.nii: vox_offset is %s, not a whole number of at least 348",
                 cases[n].shown);
        expect_refusal(save("bad.nii", file.bytes, file.size), TUMORCLASS_BAD_IMAGE, sentence);
    }
    struct nifti_file file = make_file(2, true);
    set(&file, VOX_OFFSET, 352);
    expect_refusal(save("bad.nii", file.bytes, file.size), TUMORCLASS_BAD_IMAGE,
                   "bad.nii: vox_offset is 352, not a whole number of at least 540");
    set(&file, VOX_OFFSET, 600);
    expect_refusal(save("bad.nii", file.bytes, file.size), TUMORCLASS_BAD_IMAGE,
                   "bad.nii: is truncated: it has 592 bytes, its header asks for 48 from byte 600 on");
    set(&file, VOX_OFFSET, 0x1p53);
    expect_refusal(save("bad.nii", file.bytes, file.size), TUMORCLASS_BAD_IMAGE,
                   "bad.nii: is truncated: it has 592 bytes, its header asks for 48 from byte 9007199254740992 on");
    leave_folder();
}
END_TEST

START_TEST(scaling_and_geometry_must_be_numbers)
{
    struct nifti_file file = make_file(1, false);
    set(&file, SCL_SLOPE, 2);
    set(&file, SCL_INTER, NAN);
    enter_folder();
    expect_refusal(save("bad.nii", file.bytes, file.size), TUMORCLASS_BAD_IMAGE,
                   "bad.nii: scl_inter is nan beside a scl_slope of 2");
    static const double bad_sizes[] = { 0, NAN, INFINITY };
    static const char *const shown[] = { "0", "nan", "inf" };
    for (int n = 0; n < 3; n++) {
        file = make_file(2, n == 1);
        set(&file, PIXDIM(2), bad_sizes[n]); /* not needed beside a good sform */
        tumorclass_image_free(read_good(save("good.nii", file.bytes, file.size)));
        set(&file, SROW(0), NAN);
        set(&file, QFORM_CODE, 1);
        char sentence[160];
        snprintf(sentence, sizeof sentence,
                 "bad.nii: has neither sform nor qform that can be used, and pixdim[2] is %s", shown[n]);
        expect_refusal(save("bad.nii", file.bytes, file.size), TUMORCLASS_BAD_IMAGE, sentence);
    }
    set(&file, PIXDIM(2), 1e300);
    expect_refusal(save("bad.nii", file.bytes, file.size), TUMORCLASS_BAD_IMAGE,
                   "bad.nii: has a transform that cannot be inverted in millimetres: its determinant is 8e+300");
    file = make_file(2, false); /* a sform that is too large in metres, beside voxel sizes that are none */
    set(&file, PIXDIM(1), 0);
    set(&file, XYZT_UNITS, 1);
    for (int n = 0; n < 3; n++) set(&file, SROW(5 * n), 1e101);
    expect_refusal(save("bad.nii", file.bytes, file.size), TUMORCLASS_BAD_IMAGE,
                   "bad.nii: has a transform that cannot be inverted in millimetres: its determinant is inf");
    leave_folder();
}
END_TEST

START_TEST(what_is_no_nifti_is_called_what_it_is)
{
    struct nifti_file file = make_file(1, true);
    memset(file.bytes + 344, 0, 4);
    enter_folder();
    expect_refusal(
        save("a.hdr", file.bytes, 348), TUMORCLASS_BAD_IMAGE,
        "a.hdr: has an ANALYZE 7.5 header, not NIfTI's, and so does not say which side is left: convert it to "
        "NIfTI with a tool that knows");
    file = make_file(2, false);
    file.bytes[4] = 'x';
    expect_refusal(save("a.nii", file.bytes, file.size), TUMORCLASS_BAD_IMAGE,
                   "a.nii: is not NIfTI: a header of 540 bytes without the magic of NIfTI-2");
    file.bytes[4] = 'n';
    file.bytes[8] = '\n';
    expect_refusal(save("a.nii", file.bytes, file.size), TUMORCLASS_BAD_IMAGE,
                   "a.nii: was damaged by a transfer as text: its magic has other line ends");
    put(&file, 0, &(int32_t){ 349 }, 4);
    expect_refusal(save("a.nii", file.bytes, file.size), TUMORCLASS_BAD_IMAGE,
                   "a.nii: is not NIfTI: its sizeof_hdr is 349, not 348 or 540");
    expect_refusal(save("a.nii", "", 0), TUMORCLASS_IO_ERROR, "a.nii is empty");
    expect_refusal(save("a.nii", "hello", 5), TUMORCLASS_BAD_IMAGE,
                   "a.nii: is not NIfTI: it has 5 bytes, the smallest header has 348");
    expect_refusal(in_folder("none.nii"), TUMORCLASS_IO_ERROR, "none.nii cannot be opened: No such file or directory");
    expect_refusal("/tmp", TUMORCLASS_IO_ERROR, "tmp is not a regular file");
    leave_folder();
}
END_TEST

START_TEST(half_a_pair_is_refused)
{
    struct nifti_file file = make_file(1, false);
    file.bytes[345] = 'i';
    set(&file, VOX_OFFSET, 0);
    enter_folder();
    expect_refusal(save("a.hdr", file.bytes, 348), TUMORCLASS_IO_ERROR,
                   "a.hdr is one file of a pair: neither a.img nor a.img.gz is there");
    expect_refusal(save("b.img.gz", file.bytes, 48), TUMORCLASS_IO_ERROR,
                   "b.img.gz is one file of a pair: neither b.hdr nor b.hdr.gz is there");
    expect_refusal(save("a.nii", file.bytes, file.size), TUMORCLASS_BAD_IMAGE,
                   "a.nii is the header of a pair (magic ni1), but is not called NAME.hdr");
    save("a.img", file.bytes + 352, 47);
    expect_refusal(in_folder("a.hdr"), TUMORCLASS_BAD_IMAGE,
                   "a.img: is truncated: it has 47 bytes, its header asks for 48 from byte 0 on");
    set(&file, VOX_OFFSET, -16);
    save("a.hdr", file.bytes, 348);
    expect_refusal(in_folder("a.img"), TUMORCLASS_BAD_IMAGE,
                   "a.hdr: vox_offset is -16, not a whole number of at least 0");
    leave_folder();
}
END_TEST

/* Reading either fails cleanly or gives the voxels that were written. */
static tumorclass_status read_or_refuse(const char *path)
{
    tumorclass_image *image;
    const int64_t blocks = memory_blocks_in_use();
    const tumorclass_status status = tumorclass_image_read(&image, path, NULL);
    ck_assert((status == TUMORCLASS_OK) == (image != NULL));
    if (image) expect_hundreds(image);
    tumorclass_image_free(image);
    ck_assert_int_eq(memory_blocks_in_use(), blocks);
    return status;
}

START_TEST(a_file_cut_anywhere_is_refused)
{
    const struct nifti_file file = make_file(_i + 1, false);
    unsigned char stream[2048];
    const size_t size = gzip(stream, sizeof stream, file.bytes, file.size);
    enter_folder();
    for (size_t cut = 1; cut <= file.size; cut++)
        ck_assert_int_eq(read_or_refuse(save("scan.nii", file.bytes, cut)),
                         cut == file.size ? TUMORCLASS_OK : TUMORCLASS_BAD_IMAGE);
    for (size_t cut = 1; cut <= size; cut++)
        ck_assert_int_eq(read_or_refuse(save("scan.nii.gz", stream, cut)),
                         cut == size ? TUMORCLASS_OK : TUMORCLASS_BAD_IMAGE);
    leave_folder();
}
END_TEST

START_TEST(a_pair_cut_anywhere_is_refused)
{
    struct nifti_file file = make_file(1, false);
    file.bytes[345] = 'i';
    set(&file, VOX_OFFSET, 0);
    unsigned char header[1024], voxels[1024];
    const size_t header_size = gzip(header, sizeof header, file.bytes, 348);
    const size_t voxels_size = gzip(voxels, sizeof voxels, file.bytes + 352, 48);
    enter_folder();
    save("scan.img.gz", voxels, voxels_size);
    for (size_t cut = 1; cut <= header_size; cut++)
        ck_assert_int_eq(read_or_refuse(save("scan.hdr.gz", header, cut)),
                         cut == header_size ? TUMORCLASS_OK : TUMORCLASS_BAD_IMAGE);
    for (size_t cut = 1; cut <= voxels_size; cut++)
        ck_assert_int_eq(read_or_refuse(save("scan.img.gz", voxels, cut)),
                         cut == voxels_size ? TUMORCLASS_OK : TUMORCLASS_BAD_IMAGE);
    leave_folder();
}
END_TEST

START_TEST(a_flipped_bit_in_a_gzip_stream_never_gives_wrong_voxels)
{
    const struct nifti_file file = make_file(1, true);
    unsigned char stream[2048];
    const size_t size = gzip(stream, sizeof stream, file.bytes, file.size);
    int harmless = 0;
    enter_folder();
    for (size_t bit = 0; bit < 8 * size; bit++) {
        stream[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (read_or_refuse(save("scan.nii.gz", stream, size)) == TUMORCLASS_OK) harmless++;
        stream[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    ck_assert_int_gt(harmless, 0); /* in the header's time and system, and in padding */
    ck_assert_int_lt(harmless, 80);
    leave_folder();
}
END_TEST

START_TEST(gzip_failures_are_told_apart)
{
    struct nifti_file file = make_file(1, false);
    unsigned char stream[2048];
    const size_t size = gzip(stream, sizeof stream, file.bytes, file.size);
    enter_folder();
    expect_refusal(save("scan.nii.gz", stream, size - 8), TUMORCLASS_BAD_IMAGE,
                   "scan.nii.gz: the gzip stream is truncated: it ends after 400 bytes of content");
    stream[size - 8] ^= 1;
    expect_refusal(save("scan.nii.gz", stream, size), TUMORCLASS_BAD_IMAGE,
                   "scan.nii.gz: the gzip stream is corrupted after 400 bytes of content (incorrect data check)");
    const size_t shorter = gzip(stream, sizeof stream, file.bytes, file.size - 3);
    expect_refusal(save("scan.nii.gz", stream, shorter), TUMORCLASS_BAD_IMAGE,
                   "scan.nii.gz: has 397 bytes after decompression, its header asks for 400");
    expect_refusal(save("scan.nii.gz", "\x1f\x8b\x08 nothing", 11), TUMORCLASS_BAD_IMAGE,
                   "scan.nii.gz: the gzip stream is corrupted after 0 bytes of content (unknown header flags set)");
    leave_folder();
}
END_TEST

/* Make the first, second, ... allocation fail until none is left: OUT_OF_MEMORY each time and nothing leaked, then
 * `status`. How many allocations reading makes. */
static int64_t fail_everywhere(const char *path, tumorclass_status status)
{
    const int64_t blocks = memory_blocks_in_use();
    for (int64_t nth = 1;; nth++) {
        tumorclass_image *image;
        memory_fail_at(nth);
        const tumorclass_status found = tumorclass_image_read(&image, path, NULL);
        memory_fail_at(0);
        if (image) expect_hundreds(image);
        ck_assert((found == TUMORCLASS_OK) == (image != NULL));
        tumorclass_image_free(image);
        ck_assert_int_eq(memory_blocks_in_use(), blocks);
        if (found == status) return nth - 1;
        ck_assert_int_eq(found, TUMORCLASS_OUT_OF_MEMORY);
    }
}

START_TEST(any_allocation_may_fail)
{
    struct nifti_file file = make_file(1, true);
    unsigned char stream[2048];
    enter_folder();
    ck_assert_int_eq(fail_everywhere(save("scan.nii", file.bytes, file.size), TUMORCLASS_OK), 4);
    size_t size = gzip(stream, sizeof stream, file.bytes, file.size);
    ck_assert_int_gt(fail_everywhere(save("scan.nii.gz", stream, size), TUMORCLASS_OK), 4);
    size = gzip(stream, sizeof stream, file.bytes, file.size + 1000); /* by way of zlib */
    ck_assert_int_gt(fail_everywhere(save("scan.nii.gz", stream, size), TUMORCLASS_OK), 5);
    file.bytes[345] = 'i';
    set(&file, VOX_OFFSET, 0);
    save("pair.hdr", file.bytes, 348);
    save("pair.img.gz", stream, gzip(stream, sizeof stream, file.bytes + 352, 48));
    ck_assert_int_eq(fail_everywhere(in_folder("pair.hdr"), TUMORCLASS_OK), 6);
    ck_assert_int_eq(fail_everywhere(in_folder("pair.img.gz"), TUMORCLASS_OK), 6);
    leave_folder();
}
END_TEST

START_TEST(sizes_that_a_file_cannot_hold_are_refused_before_allocating)
{
    struct nifti_file file = make_file(1, false);
    unsigned char stream[2048];
    enter_folder();
    const size_t good_size = gzip(stream, sizeof stream, file.bytes, file.size);
    const int64_t plain = fail_everywhere(save("scan.nii", file.bytes, file.size), TUMORCLASS_OK);
    const int64_t compressed = fail_everywhere(save("scan.nii.gz", stream, good_size), TUMORCLASS_OK);

    for (int n = 1; n < 4; n++) set(&file, DIM(n), n < 3 ? 1000 : 500);
    const size_t size = gzip(stream, sizeof stream, file.bytes, file.size);
    save("scan.nii", file.bytes, file.size);
    save("scan.nii.gz", stream, size);
    ck_assert_int_eq(fail_everywhere(in_folder("scan.nii"), TUMORCLASS_BAD_IMAGE), plain - 1);
    ck_assert_int_eq(fail_everywhere(in_folder("scan.nii.gz"), TUMORCLASS_BAD_IMAGE),
                     compressed - 2); /* no stream, no voxels */

    char sentence[200];
    expect_refusal(in_folder("scan.nii"), TUMORCLASS_BAD_IMAGE,
                   "scan.nii: is truncated: it has 400 bytes, its header asks for 1000000000 from byte 352 on");
    snprintf(sentence, sizeof sentence,
             "scan.nii.gz: is truncated: its header asks for 1000000352 bytes, %zu compressed ones cannot hold them",
             size);
    expect_refusal(in_folder("scan.nii.gz"), TUMORCLASS_BAD_IMAGE, sentence);
    leave_folder();
}
END_TEST

START_TEST(a_gzip_bomb_is_inflated_only_as_far_as_the_limit)
{
    enum { BOMB = 1 << 24 };
    unsigned char *content = calloc(BOMB, 1), *stream = malloc(1 << 18);
    ck_assert(content && stream);
    const struct nifti_file file = make_file(1, false);
    memcpy(content, file.bytes, file.size);
    const size_t size = gzip(stream, 1 << 18, content, BOMB);
    enter_folder();
    tumorclass_image *image = read_good(save("bomb.nii.gz", stream, size));
    expect_hundreds(image);
    tumorclass_image_free(image);

    stream[size - 8] ^= 1; /* a wrong check sum is found within the limit, and not looked for beyond it */
    expect_refusal(save("bomb.nii.gz", stream, size), TUMORCLASS_BAD_IMAGE,
                   "bomb.nii.gz: the gzip stream is corrupted after 16777216 bytes of content (incorrect data check)");
    const tumorclass_image_options options = { sizeof options, 0, BOMB - 100000 };
    ck_assert_int_eq(tumorclass_image_read(&image, in_folder("bomb.nii.gz"), &options), TUMORCLASS_OK);
    expect_hundreds(image);
    tumorclass_image_free(image);
    leave_folder();
    free(content);
    free(stream);
}
END_TEST

static void expect_limit(const char *path, uint64_t max_voxels, uint64_t max_bytes, const char *sentence)
{
    tumorclass_image_options options = TUMORCLASS_IMAGE_OPTIONS_INIT;
    options.max_voxels = max_voxels;
    options.max_bytes = max_bytes;
    tumorclass_image *image;
    const tumorclass_status status = tumorclass_image_read(&image, path, &options);
    ck_assert_int_eq(status, sentence ? TUMORCLASS_LIMIT : TUMORCLASS_OK);
    if (sentence) ck_assert_str_eq(tumorclass_last_error(), sentence);
    tumorclass_image_free(image);
}

START_TEST(limits_of_the_options_hold)
{
    struct nifti_file file = make_file(2, false);
    enter_folder();
    const char *path = save("scan.nii", file.bytes, file.size);
    expect_limit(path, 24, 48, NULL);
    expect_limit(path, UINT64_MAX, UINT64_MAX, NULL);
    expect_limit(path, 23, 0, "scan.nii: has 4 x 3 x 2 voxels, the limit is 23");
    expect_limit(path, 0, 47, "scan.nii: has 48 bytes of voxels (4 x 3 x 2 int16), the limit is 47");
    for (int n = 1; n < 4; n++) set(&file, DIM(n), 0x1p62); /* the product overflows */
    save("scan.nii", file.bytes, file.size);
    expect_limit(path, UINT64_MAX, UINT64_MAX,
                 "scan.nii: has 4611686018427387904 x 4611686018427387904 x 4611686018427387904 voxels, the limit is "
                 "1099511627775");
    expect_limit(path, 0, 0,
                 "scan.nii: has 4611686018427387904 x 4611686018427387904 x 4611686018427387904 voxels, the limit is "
                 "536870912");
    for (int n = 1; n < 4; n++) set(&file, DIM(n), n < 3 ? 23170 : 1); /* 2 bytes: just under 512 Mi voxels, 1 GiB */
    set(&file, DATATYPE, 64);
    set(&file, BITPIX, 64);
    save("scan.nii", file.bytes, file.size);
    expect_limit(path, 0, (uint64_t)4 << 29,
                 "scan.nii: has 4294791200 bytes of voxels (23170 x 23170 x 1 float64), the limit is 2147483648");

    file = make_file(2, false);
    set(&file, VOX_OFFSET, 5e9);
    unsigned char stream[2048];
    save("scan.nii.gz", stream, gzip(stream, sizeof stream, file.bytes, file.size));
    expect_limit(in_folder("scan.nii.gz"), 0, 0,
                 "scan.nii.gz: has vox_offset 5000000000, the limit of bytes is 4294967296");
    leave_folder();
}
END_TEST

START_TEST(arguments_are_checked)
{
    tumorclass_image *image;
    ck_assert_int_eq(tumorclass_image_read(NULL, "x.nii", NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_int_eq(tumorclass_image_read(&image, NULL, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_ptr_null(image);
    const tumorclass_image_options unset = { 0, 0, 0 };
    ck_assert_int_eq(tumorclass_image_read(&image, "x.nii", &unset), TUMORCLASS_BAD_ARGUMENT);
    expect_refusal("", TUMORCLASS_IO_ERROR, " cannot be opened: No such file or directory");
}
END_TEST

START_TEST(random_headers_are_read_or_refused)
{
    unsigned state = 12345;
    enter_folder();
    for (int round = 0; round < 4000; round++) {
        struct nifti_file file = make_file(1 + round % 2, round / 2 % 2);
        for (int n = 0; n < 6; n++) {
            state = state * 1664525u + 1013904223u;
            file.bytes[(state >> 8) % data_offset(&file)] = (unsigned char)(state >> 24);
        }
        tumorclass_image *image;
        const int64_t blocks = memory_blocks_in_use();
        if (tumorclass_image_read(&image, save("scan.nii", file.bytes, file.size), NULL) == TUMORCLASS_OK)
            ck_assert_int_eq(volume_check(tumorclass_image_volume(image), "image"), TUMORCLASS_OK);
        tumorclass_image_free(image);
        ck_assert_int_eq(memory_blocks_in_use(), blocks);
    }
    leave_folder();
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("hostile");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, every_bad_field_is_refused_by_name_and_number);
    tcase_add_test(cases, cifti_is_no_volume);
    tcase_add_test(cases, voxels_must_begin_at_a_whole_number_behind_the_header);
    tcase_add_test(cases, scaling_and_geometry_must_be_numbers);
    tcase_add_test(cases, what_is_no_nifti_is_called_what_it_is);
    tcase_add_test(cases, half_a_pair_is_refused);
    tcase_add_loop_test(cases, a_file_cut_anywhere_is_refused, 0, 2);
    tcase_add_test(cases, a_pair_cut_anywhere_is_refused);
    tcase_add_test(cases, a_flipped_bit_in_a_gzip_stream_never_gives_wrong_voxels);
    tcase_add_test(cases, gzip_failures_are_told_apart);
    tcase_add_test(cases, sizes_that_a_file_cannot_hold_are_refused_before_allocating);
    tcase_add_test(cases, a_gzip_bomb_is_inflated_only_as_far_as_the_limit);
    tcase_add_test(cases, limits_of_the_options_hold);
    tcase_add_test(cases, arguments_are_checked);
    tcase_add_test(cases, random_headers_are_read_or_refused);
    tcase_add_test(cases, any_allocation_may_fail);
    Suite *suite = suite_create("image hostile");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
