/* Paths that lead to no file, to one that never ends, and small files that ask for much. */
#include "unit/test_image_files.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "fuzz.h"
#include "tiny_model.h"

static tumorclass_status load_model(const char *path, uint64_t max_bytes)
{
    tumorclass_model *model;
    tumorclass_model_options options = TUMORCLASS_MODEL_OPTIONS_INIT;
    options.max_bytes = max_bytes;
    const int64_t blocks = memory_blocks_in_use();
    const tumorclass_status status = tumorclass_model_load(&model, path, &options);
    ck_assert_int_eq(status == TUMORCLASS_OK, model != NULL);
    tumorclass_model_free(model);
    ck_assert_int_eq(memory_blocks_in_use(), blocks);
    return status;
}

static void assert_sentence(const char *part)
{
    ck_assert_msg(strstr(tumorclass_last_error(), part) != NULL, "'%s' is not in '%s'", part, tumorclass_last_error());
}

/* ---- What is no regular file ---- */

static void make_socket(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    const int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    close(descriptor);
}

/* At `path` stands the n-th kind of thing that is no file; how the sentence about it ends. */
static const char *put_odd_thing(const char *path, int n)
{
    static const char *const refused = "is not a regular file";
    unlink(path);
    rmdir(path);
    switch (n) {
    case 0: ck_assert_int_eq(mkfifo(path, 0600), 0); return refused;
    case 1: ck_assert_int_eq(mkdir(path, 0700), 0); return refused;
    case 2: ck_assert_int_eq(symlink("/dev/zero", path), 0); return refused;
    case 3: ck_assert_int_eq(symlink("/dev/full", path), 0); return refused;
    case 4: ck_assert_int_eq(symlink("/proc/self/environ", path), 0); return "is empty"; /* its size says so */
    case 5: make_socket(path); return "cannot be opened: No such device or address";
    case 6: ck_assert_int_eq(symlink(path, path), 0); return "cannot be opened: Too many levels of symbolic links";
    case 7: ck_assert_int_eq(symlink("nowhere", path), 0); return "cannot be opened: No such file or directory";
    default: return NULL;
    }
}

START_TEST(scans_must_be_files)
{
    enter_folder();
    const char *path = in_folder("scan.nii"), *sentence;
    for (int n = 0; (sentence = put_odd_thing(path, n)); n++) {
        tumorclass_image *image;
        ck_assert_int_eq(tumorclass_image_read(&image, path, NULL), TUMORCLASS_IO_ERROR);
        ck_assert_ptr_null(image);
        assert_sentence(sentence);
    }
    leave_folder();
}
END_TEST

START_TEST(voxels_of_a_pair_must_be_a_file)
{
    struct nifti_file file = make_file(1, false);
    file.bytes[345] = 'i';
    set(&file, VOX_OFFSET, 0);
    enter_folder();
    save("scan.hdr", file.bytes, 348);
    for (int n = 0; n < 6; n++) {
        tumorclass_image *image;
        const char *sentence = put_odd_thing(in_folder("scan.img"), n);
        ck_assert_int_eq(tumorclass_image_read(&image, in_folder("scan.hdr"), NULL), TUMORCLASS_IO_ERROR);
        assert_sentence(sentence);
    }
    leave_folder();
}
END_TEST

START_TEST(models_and_their_weights_must_be_files)
{
    struct bytes bytes = tiny_model("weights.bin");
    enter_folder();
    save("tiny.onnx", bytes.data, bytes.size);
    bytes_free(&bytes);
    const char *sentence;
    for (int n = 0; (sentence = put_odd_thing(in_folder("other.onnx"), n)); n++) {
        ck_assert_int_eq(load_model(in_folder("other.onnx"), 0), TUMORCLASS_IO_ERROR);
        assert_sentence(sentence);
    }
    for (int n = 0; put_odd_thing(in_folder("weights.bin"), n); n++) {
        const tumorclass_status status = load_model(in_folder("tiny.onnx"), 0);
        ck_assert(status == TUMORCLASS_IO_ERROR || status == TUMORCLASS_BAD_MODEL); /* or a link out of the folder */
        assert_sentence("weights.bin");
    }
    leave_folder();
}
END_TEST

START_TEST(weights_may_lie_in_the_model_itself_and_do_no_harm)
{
    struct bytes bytes = tiny_model("tiny.onnx");
    enter_folder();
    save("tiny.onnx", bytes.data, bytes.size);
    ck_assert_int_eq(load_model(in_folder("tiny.onnx"), 0), TUMORCLASS_BAD_MODEL); /* longer than the kernel */
    assert_sentence("kernel has ");
    bytes_free(&bytes);
    leave_folder();
}
END_TEST

/* ---- Files of a terabyte, most of it holes ---- */

static const off_t terabyte = (off_t)1 << 40;

static const char *save_large(const char *name, const void *bytes, size_t size)
{
    const char *path = save(name, bytes, size);
    return truncate(path, terabyte) ? NULL : path; /* NULL: the file system has no such files */
}

START_TEST(of_a_terabyte_only_what_is_wanted_is_read)
{
    struct nifti_file file = make_file(2, false);
    unsigned char stream[2048];
    enter_folder();
    const char *path = save_large("scan.nii", file.bytes, file.size);
    if (!path) {
        printf("skipped: the file system has no files of a terabyte\n");
        leave_folder();
        return;
    }
    tumorclass_image *image = read_good(path);
    expect_hundreds(image);
    tumorclass_image_free(image);

    const size_t size = gzip(stream, sizeof stream, file.bytes, file.size);
    image = read_good(save_large("scan.nii.gz", stream, size));
    expect_hundreds(image);
    tumorclass_image_free(image);
    stream[size - 1] ^= 1;
    expect_refusal(save_large("scan.nii.gz", stream, size), TUMORCLASS_BAD_IMAGE,
                   "scan.nii.gz: the gzip stream is corrupted after 592 bytes of content (incorrect length check)");

    for (int n = 1; n < 4; n++) set(&file, DIM(n), 8000);
    expect_refusal(save_large("scan.nii", file.bytes, file.size), TUMORCLASS_LIMIT,
                   "scan.nii: has 8000 x 8000 x 8000 voxels, the limit is 536870912");
    struct bytes bytes = tiny_model(NULL);
    ck_assert_int_eq(load_model(save_large("tiny.onnx", bytes.data, bytes.size), 0), TUMORCLASS_LIMIT);
    assert_sentence("tiny.onnx: has 1099511627776 bytes, the limit is 2147483648");
    bytes_free(&bytes);
    bytes = tiny_model("weights.bin");
    save("tiny.onnx", bytes.data, bytes.size);
    save_large("weights.bin", "", 0);
    ck_assert_int_eq(load_model(in_folder("tiny.onnx"), 0), TUMORCLASS_BAD_MODEL);
    assert_sentence("kernel has 1099511627776 bytes of external data, its shape needs 16");
    bytes_free(&bytes);
    leave_folder();
}
END_TEST

/* ---- A gigabyte of zeros in a megabyte, in 64 members behind the scan's own ---- */

START_TEST(a_gigabyte_of_zeros_costs_no_memory)
{
    enum { MEMBER = 1 << 24, MEMBERS = 64, ROOM = 1 << 21 };
    unsigned char *zeros = calloc(MEMBER, 1), *stream = malloc(ROOM);
    ck_assert(zeros && stream);
    const struct nifti_file file = make_file(1, false);
    const size_t first = gzip(stream, ROOM, file.bytes, file.size);
    const size_t each = gzip(stream + first, ROOM - first, zeros, MEMBER);
    for (size_t n = 1; n < MEMBERS; n++) memcpy(stream + first + n * each, stream + first, each);
    enter_folder();
    const char *path = save("bomb.nii.gz", stream, first + MEMBERS * each);
    tumorclass_image *image = read_good(path);
    expect_hundreds(image);
    tumorclass_image_free(image);
    stream[first + MEMBERS * each - 5] ^= 1; /* that all was read */
    expect_refusal(
        save("bomb.nii.gz", stream, first + MEMBERS * each), TUMORCLASS_BAD_IMAGE,
        "bomb.nii.gz: the gzip stream is corrupted after 1073742224 bytes of content (incorrect data check)");
    leave_folder();
    free(zeros);
    free(stream);
}
END_TEST

/* ---- Models with much of one thing ---- */

static tumorclass_status load_bytes(struct bytes bytes)
{
    tumorclass_model *model;
    const tumorclass_status status = tumorclass_model_load_memory(&model, bytes.data, bytes.size, NULL);
    tumorclass_model_free(model);
    bytes_free(&bytes);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
    return status;
}

START_TEST(names_of_megabytes_are_cut_where_they_are_said)
{
    enum { LENGTH = 1 << 23 };
    char *name = malloc(LENGTH + 1);
    memset(name, 'n', LENGTH);
    name[LENGTH] = 0;
    struct onnx_file file = onnx_file(13);
    onnx_property(&file, name, name);
    onnx_input(&file, name, 5, (int64_t[]){ 1, 1, 4, 4, 4 });
    onnx_node(&file, name, name, name, "y");
    onnx_output(&file, "y", 2, (int64_t[]){ 1, 3 });
    ck_assert_int_eq(load_bytes(onnx_finish(&file)), TUMORCLASS_UNSUPPORTED);
    ck_assert_uint_lt(strlen(tumorclass_last_error()), 1024);
    free(name);
}
END_TEST

START_TEST(graphs_that_run_in_circles_are_refused)
{
    static const char *const circles[][4] = { { "x,b", "a", "a,x", "b" }, { "x,a", "a", "a,x", "b" } };
    for (int n = 0; n < 2; n++) {
        struct onnx_file file = onnx_file(13);
        onnx_input(&file, "x", 5, (int64_t[]){ 1, 1, 4, 4, 4 });
        onnx_node(&file, "Add", "first", circles[n][0], circles[n][1]);
        onnx_node(&file, "Add", "second", circles[n][2], circles[n][3]);
        onnx_output(&file, "b", 5, (int64_t[]){ 1, 1, 4, 4, 4 });
        ck_assert_int_eq(load_bytes(onnx_finish(&file)), TUMORCLASS_BAD_MODEL);
        assert_sentence("first");
    }
}
END_TEST

START_TEST(the_most_nodes_there_may_be_are_read_in_time)
{
    enum { NODES = 16000 };
    struct onnx_file file = onnx_file(13);
    onnx_input(&file, "y0", 5, (int64_t[]){ 1, 1, 4, 4, 4 });
    for (int n = 0; n < NODES; n++) {
        char input[16], output[16];
        snprintf(input, sizeof input, "y%d", n);
        snprintf(output, sizeof output, "y%d", n + 1);
        onnx_node(&file, "Relu", "", input, output);
    }
    onnx_output(&file, "y16000", 5, (int64_t[]){ 1, 1, 4, 4, 4 });
    ck_assert_int_eq(load_bytes(onnx_finish(&file)), TUMORCLASS_UNSUPPORTED);
    assert_sentence("its output 'y16000' is 1 x 1 x 4 x 4 x 4");
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("odd files");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, scans_must_be_files);
    tcase_add_test(cases, voxels_of_a_pair_must_be_a_file);
    tcase_add_test(cases, models_and_their_weights_must_be_files);
    tcase_add_test(cases, weights_may_lie_in_the_model_itself_and_do_no_harm);
    tcase_add_test(cases, of_a_terabyte_only_what_is_wanted_is_read);
    tcase_add_test(cases, a_gigabyte_of_zeros_costs_no_memory);
    tcase_add_test(cases, names_of_megabytes_are_cut_where_they_are_said);
    tcase_add_test(cases, graphs_that_run_in_circles_are_refused);
    tcase_add_test(cases, the_most_nodes_there_may_be_are_read_in_time);
    Suite *suite = suite_create("odd files");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
