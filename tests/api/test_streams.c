/* Many scans through one session: order, bits, failures, memory, arguments. */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include "streams.h"
#include <poll.h>
#include <sys/inotify.h>

/* ---- Answers ---- */

enum { KINDS = 8 };
static tumorclass_stream_item kinds[KINDS];
static char kind_paths[KINDS][128];

/* Files plain and compressed, voxels, masks of either kind, maps of one, of all and of the predicted class. */
static void make_kinds(void)
{
    static int16_t borrowed[VOXELS];
    static tumorclass_volume mask, voxels_alone;
    static tumorclass_scan_options masked = TUMORCLASS_SCAN_OPTIONS_INIT;
    static tumorclass_attention_options unit = TUMORCLASS_ATTENTION_OPTIONS_INIT;
    static tumorclass_attention_options raw = TUMORCLASS_ATTENTION_OPTIONS_INIT;
    raw.scale = TUMORCLASS_ATTENTION_RAW;
    for (int n = 0; n < KINDS; n++) {
        snprintf(kind_paths[n], sizeof kind_paths[n], "%s/scan%d.nii%s", folder, n, n % 3 ? "" : ".gz");
        write_scan(strrchr(kind_paths[n], '/') + 1, n);
        kinds[n] = (tumorclass_stream_item)TUMORCLASS_STREAM_ITEM_INIT;
        kinds[n].path = kind_paths[n];
        kinds[n].user = &kinds[n];
    }
    mask = draw_mask();
    masked.mask = &mask;
    static char mask_path[128];
    strcpy(mask_path, in_folder("mask.nii.gz"));
    ck_assert_int_eq(tumorclass_image_write(mask_path, &mask, 1, NULL), TUMORCLASS_OK);
    draw_spot(9);
    memcpy(borrowed, voxels, sizeof borrowed);
    voxels_alone = volume;
    voxels_alone.data = borrowed;

    kinds[1].attention = &unit;
    kinds[1].attention_class = 3;
    kinds[2].mask_path = mask_path;
    kinds[3].path = NULL;
    kinds[3].volume = &voxels_alone;
    kinds[4].attention = &raw;
    kinds[4].attention_class = TUMORCLASS_ALL_CLASSES;
    kinds[5].path = NULL;
    kinds[5].volume = &voxels_alone;
    kinds[5].scan = &masked;
    kinds[6].attention = &unit;
    kinds[6].attention_class = TUMORCLASS_PREDICTED_CLASS;
}

START_TEST(answers_come_in_order_with_the_bits_of_one_by_one)
{
    tumorclass_session *session = session_with_threads(2);
    struct expected expected[KINDS];
    make_kinds();
    for (int n = 0; n < KINDS; n++) expected[n] = alone(session, &kinds[n]);
    ck_assert_mem_ne(expected[3].logits, expected[5].logits, sizeof expected[3].logits);
    for (int n = 1; n < KINDS; n++)
        ck_assert_mem_ne(expected[n - 1].logits, expected[n].logits, sizeof expected[n].logits);

    static const int32_t shapes[][2] = { { 0, 0 }, { 1, 1 }, { 4, 20 } }; /* readers, ahead */
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        tumorclass_stream *stream = stream_of(session, shapes[s][0], shapes[s][1]);
        for (int n = 0; n < KINDS; n++) push(stream, &kinds[n]);
        for (int n = 0; n < KINDS; n++) {
            ck_assert_uint_eq(tumorclass_stream_pending(stream), (size_t)(KINDS - n));
            const tumorclass_stream_answer answer = next(stream);
            ck_assert_uint_eq(answer.index, (uint64_t)n);
            ck_assert_ptr_eq(answer.user, &kinds[n]);
            expect_same(&answer, &expected[n]);
            ck_assert_int_eq(answer.image != NULL, kinds[n].path != NULL);
            ck_assert_str_eq(answer.name, kinds[n].path ? strrchr(kinds[n].path, '/') + 1 : "");
            ck_assert(answer.run_seconds > 0 && answer.read_seconds >= 0);
        }
        ck_assert_uint_eq(tumorclass_stream_pending(stream), 0);
        tumorclass_stream_free(stream);
    }
    for (int n = 0; n < KINDS; n++) free(expected[n].map);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(what_an_item_points_to_may_change_after_the_push)
{
    tumorclass_session *session = session_with_threads(1);
    char path[128];
    strcpy(path, write_scan("scan.nii", 0));
    const tumorclass_volume drawn = draw_mask();
    tumorclass_volume mask = drawn, scan = volume;
    tumorclass_scan_options options = TUMORCLASS_SCAN_OPTIONS_INIT;
    tumorclass_attention_options attention = TUMORCLASS_ATTENTION_OPTIONS_INIT;
    tumorclass_stream_item item = TUMORCLASS_STREAM_ITEM_INIT;
    options.mask = &mask;
    item.volume = &scan;
    item.scan = &options;
    item.attention = &attention;
    const struct expected expected = alone(session, &item);
    tumorclass_stream *stream = stream_of(session, 1, 1);
    for (int n = 0; n < 3; n++) {
        mask = drawn;
        scan = volume;
        options.mask = &mask;
        attention.scale = TUMORCLASS_ATTENTION_UNIT;
        push(stream, &item);
        memset(&mask, 0xff, sizeof mask);
        memset(&scan, 0xff, sizeof scan);
        options.mask = NULL;
        attention.scale = TUMORCLASS_ATTENTION_RAW;
    }
    push_path(stream, path);
    memset(path, 'x', sizeof path);
    for (int n = 0; n < 3; n++) {
        const tumorclass_stream_answer answer = next(stream);
        expect_same(&answer, &expected);
    }
    ck_assert_str_eq(next(stream).name, "scan.nii");
    free(expected.map);
    tumorclass_stream_free(stream);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(a_failure_is_its_items_own)
{
    tumorclass_session *session = session_with_threads(1);
    const tumorclass_attention_options unit = TUMORCLASS_ATTENTION_OPTIONS_INIT;
    tumorclass_stream_item good = TUMORCLASS_STREAM_ITEM_INIT, bad_mask = good, bad_voxels = good, bad_class = good;
    good.path = write_scan("good.nii.gz", 1);
    const struct expected expected = alone(session, &good);
    write_text("broken.nii", "this is no scan");
    tumorclass_volume small = draw_mask(), broken = volume;
    small.shape[0]--;
    ck_assert_int_eq(tumorclass_image_write(in_folder("small.nii"), &small, 1, NULL), TUMORCLASS_OK);
    broken.dtype = 99;
    bad_mask.path = good.path;
    bad_mask.mask_path = in_folder("small.nii");
    bad_voxels.volume = &broken;
    bad_class.path = good.path;
    bad_class.attention = &unit;
    bad_class.attention_class = CLASSES;

    tumorclass_stream *stream = stream_of(session, 2, 3);
    push_path(stream, in_folder("absent.nii"));
    push(stream, &good);
    push_path(stream, in_folder("broken.nii"));
    push(stream, &bad_mask);
    push(stream, &good);
    push(stream, &bad_voxels);
    push(stream, &bad_class);
    bad_mask.mask_path = in_folder("absent_mask.nii");
    push(stream, &bad_mask);
    push(stream, &good);

    expect_failure(stream, TUMORCLASS_IO_ERROR, "absent.nii");
    tumorclass_stream_answer answer = next(stream);
    expect_same(&answer, &expected);
    expect_failure(stream, TUMORCLASS_BAD_IMAGE, "broken.nii");
    expect_failure(stream, TUMORCLASS_BAD_ARGUMENT, "mask has 59 voxels along axis 0, the scan has 60");
    answer = next(stream);
    expect_same(&answer, &expected);
    expect_failure(stream, TUMORCLASS_BAD_ARGUMENT, "volume.dtype");
    answer = next(stream);
    ck_assert_int_eq(answer.status, TUMORCLASS_OK);
    ck_assert_int_eq(answer.attention_status, TUMORCLASS_BAD_ARGUMENT);
    ck_assert_str_eq(answer.error, "class_index is 7, the model has 7 classes");
    ck_assert_mem_eq(tumorclass_result_logits(answer.result, NULL), expected.logits, sizeof expected.logits);
    ck_assert_ptr_null(answer.map);
    expect_failure(stream, TUMORCLASS_IO_ERROR, "absent_mask.nii");
    answer = next(stream);
    expect_same(&answer, &expected);
    tumorclass_stream_free(stream);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(limits_hold_for_each_file)
{
    tumorclass_session *session = session_with_threads(1);
    tumorclass_image_options image = TUMORCLASS_IMAGE_OPTIONS_INIT;
    tumorclass_stream_options options = TUMORCLASS_STREAM_OPTIONS_INIT;
    image.max_voxels = VOXELS - 1;
    options.image = &image;
    tumorclass_stream *stream;
    ck_assert_int_eq(tumorclass_stream_create(&stream, session, &options), TUMORCLASS_OK);
    image.max_voxels = 0; /* the stream has its copy */
    push_path(stream, write_scan("scan.nii", 0));
    expect_failure(stream, TUMORCLASS_LIMIT, "scan.nii");
    tumorclass_stream_free(stream);
    tumorclass_session_free(session);
}
END_TEST

/* ---- Memory ---- */

/* Which of scan0.nii, scan1.nii, ... were opened since `notices` began to watch: waits long for those that are wanted,
 * and then a while for others. */
static unsigned opened_files(int notices, unsigned wanted)
{
    static unsigned opened;
    for (struct pollfd ready = { notices, POLLIN, 0 };
         poll(&ready, 1, (opened & wanted) == wanted ? 500 : 60000) == 1;) {
        _Alignas(struct inotify_event) char events[4096];
        const ssize_t size = read(notices, events, sizeof events);
        for (ssize_t at = 0; at < size;) {
            const struct inotify_event *event = (const struct inotify_event *)(events + at);
            int n;
            if (event->len && sscanf(event->name, "scan%d.nii", &n) == 1) opened |= 1u << n;
            at += (ssize_t)(sizeof *event + event->len);
        }
    }
    return opened;
}

static void expect_opened(int notices, unsigned count)
{
    const unsigned wanted = (1u << count) - 1;
    ck_assert_uint_eq(opened_files(notices, wanted), wanted);
}

START_TEST(no_more_files_are_read_ahead_than_asked)
{
    enum { AHEAD = 2, SCANS = 9 };
    tumorclass_session *session = session_with_threads(1);
    for (int n = 0; n < SCANS; n++)
        write_scan((char[]){ 's', 'c', 'a', 'n', (char)('0' + n), '.', 'n', 'i', 'i', 0 }, n);
    const int notices = inotify_init();
    ck_assert_int_ge(inotify_add_watch(notices, folder, IN_OPEN), 0);
    tumorclass_stream *stream = stream_of(session, 3, AHEAD);
    for (int n = 0; n < SCANS; n++) {
        char name[16];
        snprintf(name, sizeof name, "scan%d.nii", n);
        push_path(stream, in_folder(name));
    }
    expect_opened(notices, AHEAD + 1);
    next(stream);
    expect_opened(notices, AHEAD + 2);
    next(stream);
    next(stream);
    expect_opened(notices, AHEAD + 4);
    close(notices);
    tumorclass_stream_free(stream);
    tumorclass_session_free(session);
}
END_TEST

/* ---- Arguments ---- */

static void expect_refusal(tumorclass_stream *stream, const tumorclass_stream_item *item, tumorclass_status status,
                           const char *words)
{
    const size_t pending = tumorclass_stream_pending(stream);
    ck_assert_int_eq(tumorclass_stream_push(stream, item), status);
    ck_assert_msg(strstr(tumorclass_last_error(), words) != NULL, "%s", tumorclass_last_error());
    ck_assert_uint_eq(tumorclass_stream_pending(stream), pending);
}

START_TEST(push_refuses_an_item_that_makes_no_sense)
{
    tumorclass_session *session = session_with_threads(1);
    tumorclass_stream *stream = stream_of(session, 0, 0);
    const tumorclass_volume mask = draw_mask();
    tumorclass_scan_options masked = TUMORCLASS_SCAN_OPTIONS_INIT;
    masked.mask = &mask;
    tumorclass_stream_item item = TUMORCLASS_STREAM_ITEM_INIT;
    expect_refusal(stream, NULL, TUMORCLASS_BAD_ARGUMENT, "item is NULL");
    ck_assert_int_eq(tumorclass_stream_push(NULL, &item), TUMORCLASS_BAD_ARGUMENT);
    expect_refusal(stream, &item, TUMORCLASS_BAD_ARGUMENT, "neither a path nor a volume");
    item.path = "folder/scan.nii";
    item.volume = &volume;
    expect_refusal(stream, &item, TUMORCLASS_BAD_ARGUMENT, "both a path (scan.nii) and a volume");
    item.path = NULL;
    item.scan = &masked;
    item.mask_path = "folder/mask.nii";
    expect_refusal(stream, &item, TUMORCLASS_BAD_ARGUMENT, "two masks: mask_path (mask.nii) and scan->mask");
    item.mask_path = NULL;
    item.reserved = 3;
    expect_refusal(stream, &item, TUMORCLASS_NEWER_CALLER, "stream_item.reserved is 3");
    tumorclass_stream_answer answer;
    ck_assert_int_eq(tumorclass_stream_next(stream, &answer), TUMORCLASS_BAD_STATE);
    ck_assert_ptr_nonnull(strstr(tumorclass_last_error(), "no item is pending"));
    ck_assert_int_eq(tumorclass_stream_next(stream, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_int_eq(tumorclass_stream_next(NULL, &answer), TUMORCLASS_BAD_ARGUMENT);
    tumorclass_stream_free(stream);
    tumorclass_stream_free(NULL);
    tumorclass_stream_cancel(NULL);
    tumorclass_session_free(session);
}
END_TEST

static void expect_no_stream(tumorclass_session *session, const tumorclass_stream_options *options,
                             tumorclass_status status, const char *words)
{
    tumorclass_stream *stream = (tumorclass_stream *)1;
    ck_assert_int_eq(tumorclass_stream_create(&stream, session, options), status);
    ck_assert_ptr_null(stream);
    ck_assert_msg(strstr(tumorclass_last_error(), words) != NULL, "%s", tumorclass_last_error());
}

START_TEST(create_refuses_options_that_make_no_sense)
{
    tumorclass_session *session = session_with_threads(1);
    tumorclass_stream_options options = TUMORCLASS_STREAM_OPTIONS_INIT;
    tumorclass_image_options image = TUMORCLASS_IMAGE_OPTIONS_INIT;
    expect_no_stream(NULL, NULL, TUMORCLASS_BAD_ARGUMENT, "session is NULL");
    ck_assert_int_eq(tumorclass_stream_create(NULL, session, NULL), TUMORCLASS_BAD_ARGUMENT);
    options.readers = -1;
    expect_no_stream(session, &options, TUMORCLASS_BAD_ARGUMENT, "stream_options.readers is -1");
    options.readers = 65;
    expect_no_stream(session, &options, TUMORCLASS_BAD_ARGUMENT, "stream_options.readers is 65, not in 0 to 64");
    options.readers = 64;
    options.ahead = -2;
    expect_no_stream(session, &options, TUMORCLASS_BAD_ARGUMENT, "stream_options.ahead is -2");
    options.ahead = 0;
    options.image = &image;
    image.struct_size = 0;
    expect_no_stream(session, &options, TUMORCLASS_BAD_ARGUMENT, "image_options.struct_size");
    tumorclass_session_free(session);
}
END_TEST

START_TEST(callers_of_other_versions_are_understood_or_told)
{
    tumorclass_session *session = session_with_threads(1);
    struct {
        tumorclass_stream_options known;
        int64_t later;
    } options = { TUMORCLASS_STREAM_OPTIONS_INIT, 1 };
    struct {
        tumorclass_stream_item known;
        int64_t later;
    } item = { TUMORCLASS_STREAM_ITEM_INIT, 1 };
    struct {
        tumorclass_scan_options known;
        int64_t later;
    } scan = { TUMORCLASS_SCAN_OPTIONS_INIT, 1 };
    options.known.struct_size = sizeof options;
    item.known.struct_size = sizeof item;
    scan.known.struct_size = sizeof scan;
    expect_no_stream(session, &options.known, TUMORCLASS_NEWER_CALLER, "stream_options sets byte");
    options.later = 0;
    tumorclass_stream *stream;
    ck_assert_int_eq(tumorclass_stream_create(&stream, session, &options.known), TUMORCLASS_OK);
    item.known.volume = &volume;
    expect_refusal(stream, &item.known, TUMORCLASS_NEWER_CALLER, "stream_item sets byte");
    item.later = 0;
    item.known.scan = &scan.known;
    expect_refusal(stream, &item.known, TUMORCLASS_NEWER_CALLER, "scan_options sets byte");
    scan.later = 0;
    push(stream, &item.known);
    item.known.struct_size = offsetof(tumorclass_stream_item, mask_path); /* of a caller who knows no more */
    item.known.mask_path = "not looked at";
    push(stream, &item.known);
    for (int n = 0; n < 2; n++) ck_assert_int_eq(next(stream).status, TUMORCLASS_OK);
    tumorclass_stream_free(stream);
    tumorclass_session_free(session);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("streams");
    tcase_add_checked_fixture(cases, enter_folder, leave_folder);
    tcase_add_test(cases, answers_come_in_order_with_the_bits_of_one_by_one);
    tcase_add_test(cases, what_an_item_points_to_may_change_after_the_push);
    tcase_add_test(cases, a_failure_is_its_items_own);
    tcase_add_test(cases, limits_hold_for_each_file);
    tcase_add_test(cases, no_more_files_are_read_ahead_than_asked);
    tcase_add_test(cases, push_refuses_an_item_that_makes_no_sense);
    tcase_add_test(cases, create_refuses_options_that_make_no_sense);
    tcase_add_test(cases, callers_of_other_versions_are_understood_or_told);
    return run_cases(cases, "streams");
}
