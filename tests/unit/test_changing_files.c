/* Files that another process cuts, extends, rewrites or replaces while they are read: the right answer or an error. */
#include "test_image_files.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include "base/sha256.h"
#include "model/model.h"
#include "small_model.h"

/* ---- Every pread of the library comes here (--wrap=pread) ---- */

static int64_t reads_until_change; /* before the n-th read from now `change` is called; 0: never */
static void (*change)(void);
static size_t most_at_once = SIZE_MAX;
static int interrupted_every, reads;

ssize_t __real_pread(int descriptor, void *dst, size_t size, off_t offset);
ssize_t __wrap_pread(int descriptor, void *dst, size_t size, off_t offset);

ssize_t __wrap_pread(int descriptor, void *dst, size_t size, off_t offset)
{
    if (reads_until_change && --reads_until_change == 0) change();
    if (interrupted_every && ++reads % interrupted_every == 0) {
        errno = EINTR;
        return -1;
    }
    return __real_pread(descriptor, dst, size < most_at_once ? size : most_at_once, offset);
}

/* ---- What is read: five kinds of files, each in two contents of equal length ---- */

enum { PLAIN, COMPRESSED, PAIR, MODEL, EXTERNAL, KINDS };
static const char *const names[KINDS] = { "scan.nii", "scan.nii.gz", "pair.img", "small.onnx", "weights.bin" };
static struct content {
    unsigned char bytes[16384];
    size_t size;
} contents[KINDS][2];
static int victim; /* the kind whose file is changed */

static void set_content(struct content *content, const void *bytes, size_t size)
{
    ck_assert_uint_le(size, sizeof content->bytes);
    memcpy(content->bytes, bytes, size);
    content->size = size;
}

static void make_scans(int which)
{
    struct nifti_file file = make_file(1, false);
    for (int n = 0; n < 24 && which; n++) put(&file, 352 + 2 * (size_t)n, &(int16_t){ (int16_t)(7 * n) }, 2);
    set_content(&contents[PLAIN][which], file.bytes, file.size);
    set_content(&contents[PAIR][which], file.bytes + 352, 48);
    /* stored, not compressed, so that both have one length */
    struct content *stream = &contents[COMPRESSED][which];
    z_stream z = {
        .next_in = file.bytes, .avail_in = (uInt)file.size, .next_out = stream->bytes, .avail_out = sizeof stream->bytes
    };
    ck_assert_int_eq(deflateInit2(&z, 0, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    stream->size = z.total_out;
}

static void make_models(int which)
{
    struct bytes bytes = small_model(NULL);
    bytes.data[4] += (unsigned char)which; /* a letter of the producer's name */
    set_content(&contents[MODEL][which], bytes.data, bytes.size);
    set_content(&contents[EXTERNAL][which], small_weights() + which, 96);
    bytes_free(&bytes);
}

static void save_content(int kind, int which, size_t size)
{
    save(names[kind], contents[kind][which].bytes, size);
}

static void make_contents(void)
{
    for (int which = 0; which < 2; which++) {
        make_scans(which);
        make_models(which);
    }
    for (int kind = 0; kind < KINDS; kind++) {
        ck_assert_uint_eq(contents[kind][0].size, contents[kind][1].size);
        save_content(kind, 0, contents[kind][0].size);
    }
    struct nifti_file header = make_file(1, false);
    header.bytes[345] = 'i';
    set(&header, VOX_OFFSET, 0);
    save("pair.hdr", header.bytes, 348);
    struct bytes bytes = small_model("weights.bin");
    save("large.onnx", bytes.data, bytes.size);
    bytes_free(&bytes);
}

/* ---- What was read ---- */

/* 0 or 1: which content the answer is of; -1: neither. */
static int content_of_scan(const tumorclass_image *image)
{
    for (int which = 0; which < 2; which++) {
        const int step = which ? 7 : 100;
        bool right = true;
        for (int n = 0; n < 24; n++) right = right && voxel(image, n % 4, n / 4 % 3, n / 12) == (float)(step * n);
        if (right) return which;
    }
    return -1;
}

static int content_of_model(const tumorclass_model *model)
{
    const struct content *own = contents[victim == EXTERNAL ? EXTERNAL : MODEL];
    char digest[65];
    for (int which = 0; which < 2; which++) {
        const void *dense = model->graph.values[graph_find(&model->graph, "dense")].constant;
        if (victim == EXTERNAL && !memcmp(dense, own[which].bytes, own[which].size)) return which;
        sha256(digest, own[which].bytes, own[which].size);
        if (victim == MODEL && !strcmp(digest, tumorclass_model_sha256(model))) return which;
    }
    return -1;
}

static tumorclass_status read_kind(int kind, int *which)
{
    tumorclass_image *image = NULL;
    tumorclass_model *model = NULL;
    const int64_t blocks = memory_blocks_in_use();
    const tumorclass_status status = kind < MODEL
                                         ? tumorclass_image_read(&image, in_folder(names[kind]), NULL)
                                         : tumorclass_model_load(
                                               &model, in_folder(kind == MODEL ? names[kind] : "large.onnx"), NULL);
    ck_assert_int_eq(status == TUMORCLASS_OK, image || model);
    *which = image ? content_of_scan(image) : model ? content_of_model(model) : -1;
    tumorclass_image_free(image);
    tumorclass_model_free(model);
    ck_assert_int_eq(memory_blocks_in_use(), blocks);
    return status;
}

/* Change the victim before its first, its second, ... read, until that is one more than there are. How many there are. */
static int64_t change_before_every_read(void (*how)(void), tumorclass_status expected)
{
    for (int64_t nth = 1;; nth++) {
        int which;
        save_content(victim, 0, contents[victim][0].size);
        reads_until_change = nth;
        change = how;
        const tumorclass_status status = read_kind(victim, &which);
        const bool changed = reads_until_change == 0;
        reads_until_change = 0;
        if (status == TUMORCLASS_OK) ck_assert_int_ne(which, -1);
        if (!changed) ck_assert_int_eq(status, TUMORCLASS_OK);
        if (!changed) return nth - 1;
        /* of two files, the victim may not be open yet: then it is just another file */
        if (victim != PAIR && victim != EXTERNAL) ck_assert_int_eq(status, expected);
    }
}

/* ---- Changes ---- */

static void cut(void)
{
    ck_assert_int_eq(truncate(in_folder(names[victim]), 20), 0);
}

static void extend(void)
{
    const int descriptor = open(in_folder(names[victim]), O_WRONLY | O_APPEND);
    ck_assert_int_eq(write(descriptor, "more", 4), 4);
    close(descriptor);
}

static void rewrite_at(long seconds)
{
    const int descriptor = open(in_folder(names[victim]), O_WRONLY);
    const struct content *other = &contents[victim][1];
    const struct timespec times[2] = { { seconds, 0 }, { seconds, 0 } };
    ck_assert_int_eq(write(descriptor, other->bytes, other->size), (ssize_t)other->size);
    ck_assert_int_eq(futimens(descriptor, times), 0);
    close(descriptor);
}

static void rewrite(void)
{
    rewrite_at(1000000); /* a time of change of its own, however fast this test is */
}

static void replace(void)
{
    char path[160];
    snprintf(path, sizeof path, "%s", save("new", contents[victim][1].bytes, contents[victim][1].size));
    ck_assert_int_eq(rename(path, in_folder(names[victim])), 0);
}

static void vanish(void)
{
    unlink(in_folder(names[victim]));
}

START_TEST(a_file_changed_between_any_two_reads_is_an_error)
{
    victim = _i;
    enter_folder();
    make_contents();
    const int64_t count = change_before_every_read(cut, TUMORCLASS_IO_ERROR);
    ck_assert_int_eq(change_before_every_read(extend, TUMORCLASS_IO_ERROR), count);
    ck_assert_int_eq(change_before_every_read(rewrite, TUMORCLASS_IO_ERROR), count);
    ck_assert_int_ge(count, _i == MODEL ? 1 : 2);
    leave_folder();
}
END_TEST

START_TEST(a_file_replaced_while_it_is_read_gives_the_answer_of_one_of_both)
{
    victim = _i;
    enter_folder();
    make_contents();
    ck_assert_int_ge(change_before_every_read(replace, TUMORCLASS_OK), 1);
    ck_assert_int_ge(change_before_every_read(vanish, TUMORCLASS_OK), 1);
    leave_folder();
}
END_TEST

START_TEST(what_happened_is_said)
{
    int which;
    victim = PLAIN;
    enter_folder();
    make_contents();
    reads_until_change = 3; /* kind, header, voxels */
    change = cut;
    ck_assert_int_eq(read_kind(PLAIN, &which), TUMORCLASS_IO_ERROR);
    ck_assert_str_eq(tumorclass_last_error(), "scan.nii: was cut at byte 352 while it was read: it had 400 bytes");
    save_content(PLAIN, 0, 400);
    reads_until_change = 3;
    change = extend;
    ck_assert_int_eq(read_kind(PLAIN, &which), TUMORCLASS_IO_ERROR);
    ck_assert_str_eq(tumorclass_last_error(), "scan.nii: was changed while it was read: it had 400 bytes and has 404");
    leave_folder();
}
END_TEST

START_TEST(reads_may_be_short_and_interrupted)
{
    victim = _i;
    enter_folder();
    make_contents();
    for (int which, size = 1; size < 20; size += 9) {
        most_at_once = (size_t)size;
        interrupted_every = 3;
        ck_assert_int_eq(read_kind(_i, &which), TUMORCLASS_OK);
        ck_assert_int_eq(which, 0);
    }
    most_at_once = SIZE_MAX;
    interrupted_every = 0;
    leave_folder();
}
END_TEST

/* ---- Without order: another thread changes the file as fast as it can ---- */

static atomic_bool stop;
static atomic_int rewrites;

static void *rewrite_for_ever(void *unused)
{
    static const size_t pieces[] = { 1, 20, 200, 350, 399 };
    char path[160];
    snprintf(path, sizeof path, "%s", in_folder(names[victim]));
    for (unsigned n = 0; !atomic_load(&stop); n++) {
        const struct content *content = &contents[victim][n % 2];
        const size_t piece = pieces[n % 5] < content->size ? pieces[n % 5] : 1;
        const int descriptor = open(path, O_WRONLY | (n % 3 ? 0 : O_TRUNC));
        if (write(descriptor, content->bytes, piece) < 0 || truncate(path, (off_t)(n % 7 ? content->size : piece)) ||
            write(descriptor, content->bytes + piece, content->size - piece) < 0)
            abort();
        close(descriptor);
        atomic_fetch_add(&rewrites, 1);
    }
    return unused;
}

START_TEST(a_file_rewritten_all_the_time_does_no_harm)
{
    pthread_t thread;
    victim = _i;
    enter_folder();
    make_contents();
    atomic_store(&stop, false);
    atomic_store(&rewrites, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, rewrite_for_ever, NULL), 0);
    for (int n = 0, which; n < 1500 || atomic_load(&rewrites) < 500; n++) {
        const tumorclass_status status = read_kind(_i, &which);
        if (status == TUMORCLASS_OK && _i == COMPRESSED) ck_assert_int_ne(which, -1); /* its check sum knows */
        if (status != TUMORCLASS_OK)
            ck_assert(status == TUMORCLASS_IO_ERROR || status == TUMORCLASS_BAD_IMAGE ||
                      status == TUMORCLASS_BAD_MODEL || status == TUMORCLASS_UNSUPPORTED);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    leave_folder();
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("changing files");
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, a_file_changed_between_any_two_reads_is_an_error, 0, KINDS);
    tcase_add_loop_test(cases, a_file_replaced_while_it_is_read_gives_the_answer_of_one_of_both, 0, KINDS);
    tcase_add_test(cases, what_happened_is_said);
    tcase_add_loop_test(cases, reads_may_be_short_and_interrupted, 0, KINDS);
    tcase_add_loop_test(cases, a_file_rewritten_all_the_time_does_no_harm, 0, KINDS);
    Suite *suite = suite_create("changing files");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
