/* What is written, read back by ourselves; tests/golden/nifti_write.py has another reader do it. */
#include "test_image_files.h"
#include <dirent.h>
#include <fcntl.h>

static const double oblique[12] = { 1.8, -0.6, 0.3, -70, 0.7, 1.7, -0.5, -90, -0.1, 0.6, 3.9, -40 };

static tumorclass_volume volume_of(const void *data, tumorclass_dtype dtype)
{
    tumorclass_volume volume = { .data = data, .dtype = dtype, .shape = { 4, 3, 2 }, .strides = { 1, 4, 12 } };
    memcpy(volume.affine, oblique, sizeof oblique);
    return volume;
}

static void write_good(const char *path, const tumorclass_volume *volumes, size_t count, const tumorclass_image *like)
{
    const tumorclass_status status = tumorclass_image_write(path, volumes, count, like);
    ck_assert_msg(status == TUMORCLASS_OK, "%s", tumorclass_last_error());
}

static const float *numbers(void)
{
    static float data[24];
    for (int n = 0; n < 24; n++) data[n] = 100.0f * (float)n;
    return data;
}

/* ---- Content ---- */

START_TEST(written_voxels_come_back_from_both_forms)
{
    const tumorclass_volume volume = volume_of(numbers(), TUMORCLASS_F32);
    static const char *const names[] = { "map.nii", "map.nii.gz" };
    enter_folder();
    for (int n = 0; n < 2; n++) {
        write_good(in_folder(names[n]), &volume, 1, NULL);
        tumorclass_image *image = read_good(in_folder(names[n]));
        expect_hundreds(image);
        for (int i = 0; i < 12; i++)
            ck_assert_double_eq(tumorclass_image_volume(image)->affine[i], (double)(float)oblique[i]);
        ck_assert_uint_eq(tumorclass_image_volume(image)->notes, 0);
        tumorclass_image_free(image);
    }
    leave_folder();
}
END_TEST

START_TEST(strides_and_views_are_honoured_for_every_size)
{
    static uint8_t u8[24];
    static int16_t i16[24];
    static int32_t i32[24];
    static double f64[24];
    for (int n = 0; n < 24; n++) u8[n] = (uint8_t)n, i16[n] = (int16_t)n, i32[n] = n, f64[n] = n;
    static const struct {
        const void *data;
        tumorclass_dtype dtype;
    } cases[] = { { u8, TUMORCLASS_U8 }, { i16, TUMORCLASS_I16 }, { i32, TUMORCLASS_I32 }, { f64, TUMORCLASS_F64 } };
    enter_folder();
    for (int n = 0; n < 4; n++) {
        const tumorclass_volume volume = volume_of(cases[n].data, cases[n].dtype);
        const tumorclass_volume view = volume_oriented(&volume, "SLP", NULL, NULL);
        write_good(in_folder("map.nii"), &view, 1, NULL);
        tumorclass_image *image = read_good(in_folder("map.nii"));
        ck_assert_int_eq(tumorclass_image_volume(image)->dtype, cases[n].dtype);
        for (int64_t s = 0; s < 2; s++)
            for (int64_t l = 0; l < 4; l++)
                for (int64_t p = 0; p < 3; p++)
                    ck_assert_float_eq(voxel(image, s, l, p), (float)((3 - l) + 4 * (2 - p) + 12 * s));
        tumorclass_image_free(image);
    }
    leave_folder();
}
END_TEST

START_TEST(float16_is_written_as_float32_and_scaling_is_kept)
{
    static uint16_t halves[24];
    for (int n = 0; n < 24; n++) halves[n] = (uint16_t)(0x3c00 + n); /* 1 + n / 1024 */
    tumorclass_volume volume = volume_of(halves, TUMORCLASS_F16);
    volume.slope = 2;
    volume.intercept = 10;
    enter_folder();
    write_good(in_folder("map.nii"), &volume, 1, NULL);
    tumorclass_image *image = read_good(in_folder("map.nii"));
    const tumorclass_volume *read = tumorclass_image_volume(image);
    ck_assert_int_eq(read->dtype, TUMORCLASS_F32);
    ck_assert_double_eq(read->slope, 2);
    ck_assert_double_eq(read->intercept, 10);
    for (int n = 0; n < 24; n++) ck_assert_float_eq(voxel(image, n % 4, n / 4 % 3, n / 12), 12 + 2 * (float)n / 1024);
    tumorclass_image_free(image);
    leave_folder();
}
END_TEST

static double number_at(const unsigned char *bytes, size_t offset)
{
    float value;
    memcpy(&value, bytes + offset, sizeof value);
    return (double)value;
}

START_TEST(header_says_how_to_show_it_and_what_it_is_not_for)
{
    float data[24];
    memcpy(data, numbers(), sizeof data);
    data[3] = NAN;
    data[4] = -INFINITY;
    const tumorclass_volume volume = volume_of(data, TUMORCLASS_F32);
    unsigned char bytes[1024];
    enter_folder();
    write_good(in_folder("map.nii"), &volume, 1, NULL);
    ck_assert_int_eq(load(bytes, sizeof bytes, in_folder("map.nii")), 352 + 96);
    ck_assert_double_eq(number_at(bytes, 112), 1); /* scl_slope and scl_inter: some readers take a slope of 0 for 0 */
    ck_assert_double_eq(number_at(bytes, 116), 0);
    ck_assert_double_eq(number_at(bytes, 124), 2300); /* cal_max, cal_min */
    ck_assert_double_eq(number_at(bytes, 128), 0);
    ck_assert_str_eq((char *)bytes + 148, "tumorclass " TUMORCLASS_VERSION_STRING ", research use, not for diagnosis");
    leave_folder();
}
END_TEST

START_TEST(the_same_volume_gives_the_same_bytes)
{
    const tumorclass_volume volume = volume_of(numbers(), TUMORCLASS_F32);
    unsigned char first[1024], second[1024];
    enter_folder();
    write_good(in_folder("a.nii.gz"), &volume, 1, NULL);
    write_good(in_folder("other.nii.gz"), &volume, 1, NULL);
    const size_t size = load(first, sizeof first, in_folder("a.nii.gz"));
    ck_assert_int_eq(load(second, sizeof second, in_folder("other.nii.gz")), size);
    ck_assert_mem_eq(first, second, size);
    ck_assert_mem_eq(first + 4, "\0\0\0\0", 4); /* no time */
    ck_assert_int_eq(first[3], 0);              /* no name */
    leave_folder();
}
END_TEST

START_TEST(several_volumes_make_four_dimensions)
{
    float other[24] = { 7 };
    const tumorclass_volume volumes[] = { volume_of(numbers(), TUMORCLASS_F32), volume_of(other, TUMORCLASS_F32) };
    unsigned char bytes[1024];
    enter_folder();
    write_good(in_folder("map.nii"), volumes, 2, NULL);
    tumorclass_image *image = read_good(in_folder("map.nii"));
    expect_hundreds(image);
    ck_assert_uint_eq(tumorclass_image_volume(image)->notes, TUMORCLASS_NOTE_EXTRA_DIMENSIONS);
    ck_assert_int_eq(load(bytes, sizeof bytes, in_folder("map.nii")), 352 + 192);
    ck_assert_mem_eq(bytes + 352 + 96, other, sizeof other);
    tumorclass_image_free(image);
    leave_folder();
}
END_TEST

/* ---- Grid ---- */

/* The bytes of the header that place the voxels: dim[1..3], pixdim[0..3], units, codes, quaternion, sform. */
static void expect_same_grid(const unsigned char *a, const unsigned char *b, int version)
{
    static const struct {
        size_t begin, end;
    } parts[2][4] = { { { 42, 48 }, { 76, 92 }, { 123, 124 }, { 252, 328 } },
                      { { 24, 48 }, { 104, 136 }, { 500, 504 }, { 344, 496 } } };
    for (int n = 0; n < 4; n++) {
        const size_t begin = parts[version - 1][n].begin, size = parts[version - 1][n].end - begin;
        ck_assert_mem_eq(a + begin, b + begin, size);
    }
    ck_assert_mem_eq(a, b, 4);
}

START_TEST(grid_of_the_image_it_is_like_is_kept_to_the_bit)
{
    static const int codes[4][2] = { { 0, 0 }, { 3, 0 }, { 0, 1 }, { 2, 4 } };
    const int version = _i % 2 + 1;
    struct nifti_file file = make_file(version, false);
    set(&file, SFORM_CODE, codes[_i / 2][0]);
    set(&file, QFORM_CODE, codes[_i / 2][1]);
    for (int n = 0; n < 6; n++) set(&file, QUATERN(n), 0.1 + 0.2 * n);
    set(&file, PIXDIM(0), -1);
    set(&file, XYZT_UNITS, 10);
    unsigned char bytes[1024];
    const tumorclass_volume volume = volume_of(numbers(), TUMORCLASS_F32);
    enter_folder();
    tumorclass_image *like = read_good(save("scan.nii", file.bytes, file.size));
    write_good(in_folder("map.nii"), &volume, 1, like);
    load(bytes, sizeof bytes, in_folder("map.nii"));
    expect_same_grid(bytes, file.bytes, version);
    tumorclass_image *map = read_good(in_folder("map.nii"));
    ck_assert_mem_eq(tumorclass_image_volume(map)->affine, tumorclass_image_volume(like)->affine, 12 * sizeof(double));
    expect_hundreds(map);
    tumorclass_image_free(map);
    tumorclass_image_free(like);
    leave_folder();
}
END_TEST

START_TEST(qform_is_written_only_for_orthogonal_axes)
{
    static const double rotated[12] = { 0, 0, 2, 5, -1.5, 0, 0, 6, 0, 3, 0, 7 };
    tumorclass_volume volume = volume_of(numbers(), TUMORCLASS_F32);
    unsigned char bytes[1024];
    enter_folder();
    write_good(in_folder("map.nii"), &volume, 1, NULL); /* sheared */
    load(bytes, sizeof bytes, in_folder("map.nii"));
    ck_assert_mem_eq(bytes + 252, "\0\0\1\0", 4); /* little-endian qform_code 0, sform_code 1 */
    memcpy(volume.affine, rotated, sizeof rotated);
    write_good(in_folder("map.nii"), &volume, 1, NULL);
    const size_t size = load(bytes, sizeof bytes, in_folder("map.nii"));
    ck_assert_mem_eq(bytes + 252, "\1\0\1\0", 4);

    for (int n = 0; n < 2; n++) { /* with both forms, and with the qform alone */
        tumorclass_image *image = read_good(save("map.nii", bytes, size));
        for (int i = 0; i < 12; i++)
            ck_assert_double_eq_tol(tumorclass_image_volume(image)->affine[i], rotated[i], 1e-6);
        ck_assert_uint_eq(tumorclass_image_volume(image)->notes, 0);
        tumorclass_image_free(image);
        bytes[254] = 0;
    }
    leave_folder();
}
END_TEST

START_TEST(what_does_not_fit_nifti_1_is_written_as_nifti_2)
{
    static uint8_t row[40000];
    row[39999] = 9;
    tumorclass_volume volume = volume_of(row, TUMORCLASS_U8);
    memcpy(volume.shape, (int64_t[]){ 40000, 1, 1 }, sizeof volume.shape);
    enter_folder();
    write_good(in_folder("map.nii"), &volume, 1, NULL);
    tumorclass_image *image = read_good(in_folder("map.nii"));
    ck_assert_int_eq(image->grid.version, 2);
    ck_assert_int_eq(tumorclass_image_volume(image)->shape[0], 40000);
    ck_assert_float_eq(voxel(image, 39999, 0, 0), 9);
    tumorclass_image_free(image);

    volume = volume_of(numbers(), TUMORCLASS_F32);
    volume.slope = 1e-50; /* would be 0, no scaling, as a float */
    write_good(in_folder("map.nii"), &volume, 1, NULL);
    image = read_good(in_folder("map.nii"));
    ck_assert_double_eq(tumorclass_image_volume(image)->slope, 1e-50);
    tumorclass_image_free(image);
    leave_folder();
}
END_TEST

/* ---- Refusals ---- */

static int files_in_folder(void)
{
    DIR *entries = opendir(folder);
    ck_assert_ptr_nonnull(entries);
    int count = -2; /* . and .. */
    while (readdir(entries)) count++;
    closedir(entries);
    return count;
}

static void expect_unwritten(const char *name, const tumorclass_volume *volumes, size_t count,
                             const tumorclass_image *like, tumorclass_status status, const char *sentence)
{
    const int64_t blocks = memory_blocks_in_use();
    ck_assert_int_eq(tumorclass_image_write(name ? in_folder(name) : NULL, volumes, count, like), status);
    ck_assert_str_eq(tumorclass_last_error(), sentence);
    ck_assert_int_eq(files_in_folder(), 0);
    ck_assert_int_eq(memory_blocks_in_use(), blocks);
}

START_TEST(bad_arguments_create_no_file)
{
    const tumorclass_volume good = volume_of(numbers(), TUMORCLASS_F32);
    tumorclass_volume two[] = { good, good };
    tumorclass_image *like;
    ck_assert_int_eq(image_create(&like, (int64_t[]){ 4, 3, 3 }, oblique), TUMORCLASS_OK);
    enter_folder();
    expect_unwritten(NULL, &good, 1, NULL, TUMORCLASS_BAD_ARGUMENT, "path is NULL");
    expect_unwritten("map.img", &good, 1, NULL, TUMORCLASS_BAD_ARGUMENT, "map.img ends in neither .nii nor .nii.gz");
    expect_unwritten("map.gz", &good, 1, NULL, TUMORCLASS_BAD_ARGUMENT, "map.gz ends in neither .nii nor .nii.gz");
    expect_unwritten("map.nii", NULL, 1, NULL, TUMORCLASS_BAD_ARGUMENT, "volumes is NULL");
    expect_unwritten("map.nii", &good, 0, NULL, TUMORCLASS_BAD_ARGUMENT, "count is 0: there is nothing to write");
    expect_unwritten("map.nii", &good, 1, like, TUMORCLASS_BAD_ARGUMENT,
                     "the volumes are 4 x 3 x 2, the image they are like is 4 x 3 x 3");
    two[1].data = NULL;
    expect_unwritten("map.nii", two, 2, NULL, TUMORCLASS_BAD_ARGUMENT, "volumes[1].data is NULL");
    two[1] = good;
    two[1].shape[1] = 2;
    expect_unwritten("map.nii", two, 2, NULL, TUMORCLASS_BAD_ARGUMENT,
                     "volumes[1] is 4 x 2 x 2 float32, volumes[0] is 4 x 3 x 2 float32");
    two[1] = good;
    two[1].slope = 3;
    expect_unwritten("map.nii", two, 2, NULL, TUMORCLASS_BAD_ARGUMENT,
                     "volumes[1] has another slope or intercept than volumes[0]: a file has one");
    two[1] = good;
    two[1].memory = TUMORCLASS_MEMORY_CUDA;
    expect_unwritten("map.nii", two, 2, NULL, TUMORCLASS_UNSUPPORTED,
                     "volumes[1] is in device memory: copy it to the host to write it");
    leave_folder();
    tumorclass_image_free(like);
}
END_TEST

START_TEST(a_failed_write_leaves_the_old_file_and_nothing_else)
{
    const tumorclass_volume volume = volume_of(numbers(), TUMORCLASS_F32);
    const int64_t blocks = memory_blocks_in_use();
    unsigned char bytes[16];
    enter_folder();
    save("map.nii.gz", "old", 3);
    tumorclass_status status = TUMORCLASS_OUT_OF_MEMORY;
    int64_t nth = 0;
    while (status == TUMORCLASS_OUT_OF_MEMORY) {
        ck_assert_int_eq(load(bytes, sizeof bytes, in_folder("map.nii.gz")), 3);
        memory_fail_at(++nth);
        status = tumorclass_image_write(in_folder("map.nii.gz"), &volume, 1, NULL);
        memory_fail_at(0);
        ck_assert_int_eq(files_in_folder(), 1);
        ck_assert_int_eq(memory_blocks_in_use(), blocks);
    }
    ck_assert_int_eq(status, TUMORCLASS_OK);
    ck_assert_int_eq(nth, 7); /* content, a line, compressed, three names, and none */
    tumorclass_image_free(read_good(in_folder("map.nii.gz")));
    leave_folder();
}
END_TEST

START_TEST(a_full_device_and_a_folder_that_takes_no_files_are_errors)
{
    const tumorclass_volume volume = volume_of(numbers(), TUMORCLASS_F32);
    enter_folder();
    ck_assert_int_eq(symlink("/dev/full", in_folder("full.nii")), 0);
    ck_assert_int_eq(tumorclass_image_write(in_folder("full.nii"), &volume, 1, NULL), TUMORCLASS_IO_ERROR);
    ck_assert_str_eq(tumorclass_last_error(), "full.nii cannot be written: No space left on device");
    ck_assert_int_eq(tumorclass_image_write(in_folder("none/map.nii"), &volume, 1, NULL), TUMORCLASS_IO_ERROR);
    ck_assert_str_eq(tumorclass_last_error(), "map.nii cannot be created: No such file or directory");
    ck_assert_int_eq(tumorclass_image_write("/proc/map.nii", &volume, 1, NULL), TUMORCLASS_IO_ERROR);
    if (geteuid() != 0) { /* the superuser may write anywhere */
        ck_assert_int_eq(chmod(folder, 0500), 0);
        ck_assert_int_eq(tumorclass_image_write(in_folder("map.nii"), &volume, 1, NULL), TUMORCLASS_IO_ERROR);
        ck_assert_str_eq(tumorclass_last_error(), "map.nii cannot be created: Permission denied");
    }
    ck_assert_int_eq(files_in_folder(), 1);
    leave_folder();
}
END_TEST

START_TEST(a_dash_is_standard_output)
{
    const tumorclass_volume volume = volume_of(numbers(), TUMORCLASS_F32);
    enter_folder();
    const int before = dup(1), file = open(in_folder("out.nii"), O_WRONLY | O_CREAT, 0600);
    ck_assert(before >= 0 && file >= 0 && dup2(file, 1) == 1);
    const tumorclass_status status = tumorclass_image_write("-", &volume, 1, NULL);
    ck_assert(dup2(before, 1) == 1 && !close(before) && !close(file));
    ck_assert_int_eq(status, TUMORCLASS_OK);
    tumorclass_image *image = read_good(in_folder("out.nii"));
    expect_hundreds(image);
    tumorclass_image_free(image);
    leave_folder();
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("write");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, written_voxels_come_back_from_both_forms);
    tcase_add_test(cases, strides_and_views_are_honoured_for_every_size);
    tcase_add_test(cases, float16_is_written_as_float32_and_scaling_is_kept);
    tcase_add_test(cases, header_says_how_to_show_it_and_what_it_is_not_for);
    tcase_add_test(cases, the_same_volume_gives_the_same_bytes);
    tcase_add_test(cases, several_volumes_make_four_dimensions);
    tcase_add_loop_test(cases, grid_of_the_image_it_is_like_is_kept_to_the_bit, 0, 8);
    tcase_add_test(cases, qform_is_written_only_for_orthogonal_axes);
    tcase_add_test(cases, what_does_not_fit_nifti_1_is_written_as_nifti_2);
    tcase_add_test(cases, bad_arguments_create_no_file);
    tcase_add_test(cases, a_failed_write_leaves_the_old_file_and_nothing_else);
    tcase_add_test(cases, a_full_device_and_a_folder_that_takes_no_files_are_errors);
    tcase_add_test(cases, a_dash_is_standard_output);
    Suite *suite = suite_create("image write");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
