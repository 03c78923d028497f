/* Many scans through one session: order, bits, failures, memory, cancel, ends. */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include "api.h"
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CLASSES = 7 };

/* ---- Scans in files, in a folder of the test's own ---- */

static char folder[] = "/tmp/test_streams.XXXXXX";

static void enter_folder(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static const char *in_folder(const char *name)
{
    static char paths[8][128];
    static int turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void leave_folder(void)
{
    DIR *entries = opendir(folder);
    for (struct dirent *entry; (entry = readdir(entries));)
        if (entry->d_name[0] != '.') remove(in_folder(entry->d_name));
    closedir(entries);
    rmdir(folder);
}

/* Another head for each n: the spot wanders. */
static void draw_spot(int n)
{
    draw_head();
    const int i0 = 20 + n % 5 * 4, j0 = 20 + n % 7 * 4, k0 = 15 + n % 4 * 4;
    for (int k = k0; k < k0 + 6; k++)
        for (int j = j0; j < j0 + 8; j++)
            for (int i = i0; i < i0 + 8; i++) voxels[(k * NJ + j) * NI + i] = 900;
}

static const char *write_scan(const char *name, int n)
{
    draw_spot(n);
    const char *path = in_folder(name);
    ck_assert_int_eq(tumorclass_image_write(path, &volume, 1, NULL), TUMORCLASS_OK);
    return path;
}

/* A brain mask that is not what the library would find: the middle of the head. */
static uint8_t mask_voxels[VOXELS];
static tumorclass_volume draw_mask(void)
{
    for (int n = 0; n < VOXELS; n++) {
        const double x = (n % NI - 30) / 20.0, y = (n / NI % NJ - 36) / 24.0, z = (n / NI / NJ - 25) / 16.0;
        mask_voxels[n] = x * x + y * y + z * z < 1;
    }
    tumorclass_volume mask = volume;
    mask.data = mask_voxels;
    mask.dtype = TUMORCLASS_U8;
    return mask;
}

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    fputs(text, file);
    fclose(file);
}

/* ---- Time ---- */

/* Of all threads: what the machine does beside does not count. */
static double processor_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){ 0, ms * 1000000L }, NULL);
}

static void alarm_in(int ms)
{
    setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, ms * 1000 } }, NULL);
}

/* ---- Streams ---- */

static tumorclass_stream *stream_of(tumorclass_session *session, int32_t readers, int32_t ahead)
{
    tumorclass_stream_options options = TUMORCLASS_STREAM_OPTIONS_INIT;
    options.readers = readers;
    options.ahead = ahead;
    tumorclass_stream *stream;
    ck_assert_msg(tumorclass_stream_create(&stream, session, &options) == TUMORCLASS_OK, "%s", tumorclass_last_error());
    return stream;
}

static void push(tumorclass_stream *stream, const tumorclass_stream_item *item)
{
    ck_assert_msg(tumorclass_stream_push(stream, item) == TUMORCLASS_OK, "%s", tumorclass_last_error());
}

static void push_path(tumorclass_stream *stream, const char *path)
{
    tumorclass_stream_item item = TUMORCLASS_STREAM_ITEM_INIT;
    item.path = path;
    push(stream, &item);
}

static void push_volume(tumorclass_stream *stream)
{
    tumorclass_stream_item item = TUMORCLASS_STREAM_ITEM_INIT;
    item.volume = &volume;
    push(stream, &item);
}

static tumorclass_stream_answer next(tumorclass_stream *stream)
{
    tumorclass_stream_answer answer;
    ck_assert_msg(tumorclass_stream_next(stream, &answer) == TUMORCLASS_OK, "%s", tumorclass_last_error());
    return answer;
}

/* What one item gives when it goes through the session alone. */
struct expected {
    float logits[CLASSES];
    size_t map_size;
    float *map;
    tumorclass_attention_summary summaries[CLASSES];
};

static struct expected alone(tumorclass_session *session, const tumorclass_stream_item *item)
{
    struct expected expected = { .map_size = 0 };
    tumorclass_image *image = NULL, *mask = NULL;
    tumorclass_scan_options scan = TUMORCLASS_SCAN_OPTIONS_INIT;
    if (item->scan) scan = *item->scan;
    if (item->path) ck_assert_int_eq(tumorclass_image_read(&image, item->path, NULL), TUMORCLASS_OK);
    if (item->mask_path) {
        ck_assert_int_eq(tumorclass_image_read(&mask, item->mask_path, NULL), TUMORCLASS_OK);
        scan.mask = tumorclass_image_volume(mask);
    }
    tumorclass_result *result;
    ck_assert_int_eq(
        tumorclass_classify(session, &result, image ? tumorclass_image_volume(image) : item->volume, &scan),
        TUMORCLASS_OK);
    memcpy(expected.logits, tumorclass_result_logits(result, NULL), sizeof expected.logits);
    if (item->attention) {
        const bool all = item->attention_class == TUMORCLASS_ALL_CLASSES;
        const int32_t class_index = item->attention_class == TUMORCLASS_PREDICTED_CLASS
                                        ? tumorclass_result_class(result)
                                        : item->attention_class;
        expected.map_size = (all ? CLASSES : 1) * (size_t)VOXELS;
        expected.map = malloc(expected.map_size * sizeof(float));
        ck_assert_int_eq(tumorclass_attention(session, expected.map, expected.map_size, expected.summaries, result,
                                              class_index, item->attention),
                         TUMORCLASS_OK);
    }
    tumorclass_result_free(result);
    tumorclass_image_free(image);
    tumorclass_image_free(mask);
    return expected;
}

static void expect_same(const tumorclass_stream_answer *answer, const struct expected *expected)
{
    ck_assert_msg(answer->status == TUMORCLASS_OK, "item %d: %s", (int)answer->index, answer->error);
    ck_assert_int_eq(answer->attention_status, TUMORCLASS_OK);
    ck_assert_str_eq(answer->error, "");
    ck_assert_mem_eq(tumorclass_result_logits(answer->result, NULL), expected->logits, sizeof expected->logits);
    ck_assert_uint_eq(answer->map_size, expected->map_size);
    ck_assert_int_eq(answer->map != NULL, expected->map != NULL);
    if (!expected->map) return;
    ck_assert_mem_eq(answer->map, expected->map, expected->map_size * sizeof(float));
    ck_assert_mem_eq(answer->summaries, expected->summaries,
                     expected->map_size / VOXELS * sizeof(tumorclass_attention_summary));
    ck_assert(answer->attention_seconds > 0);
}

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

static void expect_failure(tumorclass_stream *stream, tumorclass_status status, const char *words)
{
    const tumorclass_stream_answer answer = next(stream);
    ck_assert_int_eq(answer.status, status);
    ck_assert_msg(strstr(answer.error, words) != NULL, "\"%s\" has no \"%s\"", answer.error, words);
    ck_assert_ptr_null(answer.result);
    ck_assert_ptr_null(answer.map);
    ck_assert_uint_eq(answer.map_size, 0);
    ck_assert_int_eq(answer.attention_status, TUMORCLASS_OK);
}

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

/* Which of scan0.nii, scan1.nii, ... were opened since `notices` began to watch; waits until nothing was for a while. */
static unsigned opened_files(int notices)
{
    static unsigned opened;
    for (struct pollfd ready = { notices, POLLIN, 0 }; poll(&ready, 1, 500) == 1;) {
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
    ck_assert_uint_eq(opened_files(notices), (1u << (AHEAD + 1)) - 1);
    next(stream);
    ck_assert_uint_eq(opened_files(notices), (1u << (AHEAD + 2)) - 1);
    next(stream);
    next(stream);
    ck_assert_uint_eq(opened_files(notices), (1u << (AHEAD + 4)) - 1);
    close(notices);
    tumorclass_stream_free(stream);
    tumorclass_session_free(session);
}
END_TEST

/* ---- Cancel ---- */

enum { MANY = 200 }; /* scans: some seconds of work, which a cancel must cut short */

static tumorclass_stream *the_stream;
static sem_t some_are_answered;

static void *cancel_after_some(void *unused)
{
    (void)unused;
    sem_wait(&some_are_answered);
    tumorclass_stream_cancel(the_stream);
    return NULL;
}

static void cancel_from_handler(int number)
{
    (void)number;
    tumorclass_stream_cancel(the_stream);
}

/* Take the answers of many scans: OK up to the cancel, CANCELLED from there, and those cost next to nothing. */
static void take_until_cancelled(tumorclass_stream *stream)
{
    int answered = 0;
    double each = 0, start = processor_seconds();
    for (int n = 0; n < MANY; n++) {
        const tumorclass_stream_answer answer = next(stream);
        if (n == 2) {
            each = (processor_seconds() - start) / 3;
            sem_post(&some_are_answered);
            alarm_in(20);
        }
        if (answer.status == TUMORCLASS_OK) {
            ck_assert_int_eq(answered, n); /* nothing is OK after a CANCELLED */
            ck_assert_ptr_nonnull(answer.result);
            answered++;
            start = processor_seconds();
            continue;
        }
        ck_assert_int_eq(answer.status, TUMORCLASS_CANCELLED);
        ck_assert_ptr_nonnull(strstr(answer.error, "cancelled"));
        ck_assert_ptr_null(answer.result);
        ck_assert_ptr_null(answer.map);
    }
    ck_assert(answered >= 3 && answered < MANY);
    const double rest = (MANY - answered) * each, spent = processor_seconds() - start;
    ck_assert_msg(spent < 3 * each + 0.2 * rest, "%d cancelled in %.3f s of %.3f s", MANY - answered, spent, rest);
    push_volume(stream);
    expect_failure(stream, TUMORCLASS_CANCELLED, "cancelled");
}

static tumorclass_stream *stream_of_many(tumorclass_session *session)
{
    static const tumorclass_attention_options unit = TUMORCLASS_ATTENTION_OPTIONS_INIT;
    tumorclass_stream_item item = TUMORCLASS_STREAM_ITEM_INIT;
    item.volume = &volume;
    item.attention = &unit;
    item.attention_class = TUMORCLASS_ALL_CLASSES;
    tumorclass_stream *stream = stream_of(session, 1, 2);
    for (int n = 0; n < MANY; n++) push(stream, &item);
    return stream;
}

START_TEST(cancel_from_another_thread_ends_all_that_is_pending)
{
    tumorclass_session *session = session_with_threads(1);
    pthread_t thread;
    signal(SIGALRM, SIG_IGN);
    sem_init(&some_are_answered, 0, 0);
    the_stream = stream_of_many(session);
    pthread_create(&thread, NULL, cancel_after_some, NULL);
    take_until_cancelled(the_stream);
    pthread_join(thread, NULL);
    tumorclass_stream_free(the_stream);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(cancel_from_a_signal_handler_ends_all_that_is_pending)
{
    tumorclass_session *session = session_with_threads(1);
    signal(SIGALRM, cancel_from_handler);
    the_stream = stream_of_many(session);
    take_until_cancelled(the_stream);
    tumorclass_stream_free(the_stream);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(cancel_stops_the_scan_that_runs)
{
    enum { EXTENT = 256 };
    uint8_t *large = calloc((size_t)EXTENT * EXTENT, EXTENT);
    for (size_t n = 0; n < (size_t)EXTENT * EXTENT * EXTENT; n += 3) large[n] = (uint8_t)(n % 251);
    volume.data = large;
    volume.dtype = TUMORCLASS_U8;
    for (int i = 0; i < 3; i++) volume.shape[i] = EXTENT;
    volume.strides[1] = EXTENT;
    volume.strides[2] = EXTENT * EXTENT;
    tumorclass_session *session = session_with_threads(1);
    tumorclass_result_free(classified(session)); /* touches all memory */
    double start = processor_seconds();
    tumorclass_result_free(classified(session));
    const double whole = processor_seconds() - start;

    the_stream = stream_of(session, 1, 1);
    push_volume(the_stream);
    signal(SIGALRM, cancel_from_handler);
    start = processor_seconds();
    alarm_in(20);
    expect_failure(the_stream, TUMORCLASS_CANCELLED, "cancelled");
    const double spent = processor_seconds() - start;
    ck_assert_msg(spent < 0.6 * whole, "%.3f s when cancelled, %.3f s when not", spent, whole);
    tumorclass_stream_free(the_stream);
    tumorclass_session_free(session);
    free(large);
}
END_TEST

START_TEST(the_session_is_whole_again_after_its_stream)
{
    tumorclass_session *session = session_with_threads(2);
    tumorclass_stream *stream = stream_of(session, 1, 1);
    push_volume(stream);
    tumorclass_stream_cancel(stream);
    tumorclass_stream_cancel(stream);
    expect_failure(stream, TUMORCLASS_CANCELLED, "cancelled");
    tumorclass_stream_cancel(stream);
    tumorclass_stream_free(stream);
    tumorclass_result_free(classified(session));
    stream = stream_of(session, 1, 1);
    push_volume(stream);
    ck_assert_int_eq(next(stream).status, TUMORCLASS_OK);
    tumorclass_stream_free(stream);
    tumorclass_session_free(session);
}
END_TEST

/* ---- Callbacks ---- */

struct heard {
    pthread_t thread;
    int logs, reports;
};

static void hear_log(void *user, tumorclass_log_level level, const char *message)
{
    struct heard *heard = user;
    (void)level, (void)message;
    ck_assert(pthread_equal(heard->thread, pthread_self()));
    heard->logs++;
}

static void hear_progress(void *user, const char *stage, double fraction)
{
    struct heard *heard = user;
    (void)stage, (void)fraction;
    ck_assert(pthread_equal(heard->thread, pthread_self()));
    heard->reports++;
}

START_TEST(callbacks_are_silent_while_the_stream_has_the_session)
{
    struct heard heard = { pthread_self(), 0, 0 };
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    options.log = hear_log;
    options.progress = hear_progress;
    options.log_user = options.progress_user = &heard;
    tumorclass_session *session;
    ck_assert_int_eq(tumorclass_session_create(&session, model, &options), TUMORCLASS_OK);
    tumorclass_stream *stream = stream_of(session, 1, 1);
    push_volume(stream);
    ck_assert_int_eq(next(stream).status, TUMORCLASS_OK);
    tumorclass_stream_free(stream);
    ck_assert_int_eq(heard.logs + heard.reports, 0);
    tumorclass_result_free(classified(session));
    ck_assert_int_gt(heard.logs, 0); /* the shipped model is untrained, and that is a warning */
    ck_assert_int_gt(heard.reports, 0);
    tumorclass_session_free(session);
}
END_TEST

/* ---- Ends ---- */

static int thread_count(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks));) count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

/* A thread that was joined stays in /proc for a moment, on a busy machine for long. */
static void expect_threads(int wanted)
{
    for (int n = 0; n < 20000 && thread_count() != wanted; n++) sleep_ms(1);
    ck_assert_int_eq(thread_count(), wanted);
}

START_TEST(a_stream_may_be_freed_at_any_time_and_leaves_nothing)
{
    tumorclass_session *session = session_with_threads(1);
    char good[128];
    strcpy(good, write_scan("scan.nii.gz", 0));
    tumorclass_stream_free(stream_of(session, 1, 1)); /* a sanitizer has a thread of its own from the first one on */
    const int before = thread_count();
    for (int n = 0; n < 500; n++) {
        tumorclass_stream *stream = stream_of(session, 1 + n % 3, n % 4);
        const int pushed = n % 25 ? n % 4 : 6;
        for (int i = 0; i < pushed; i++) push_path(stream, n % 25 ? in_folder("absent.nii") : good);
        if (n % 25 == 0) sleep_ms(n % 40); /* let it get into a scan, or past one */
        if (n % 25 && pushed > 1) ck_assert_int_eq(next(stream).status, TUMORCLASS_IO_ERROR);
        tumorclass_stream_free(stream);
        if (n % 50 == 0) expect_threads(before);
    }
    expect_threads(before);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(a_stream_is_refused_in_a_forked_child_and_can_be_freed_there)
{
    tumorclass_session *session = session_with_threads(1);
    tumorclass_stream *stream = stream_of(session, 2, 2);
    for (int n = 0; n < 6; n++) push_volume(stream);
    next(stream);
    const pid_t child = fork();
    if (child == 0) {
        alarm(20); /* a child that hangs ends by that signal */
        tumorclass_stream_item item = TUMORCLASS_STREAM_ITEM_INIT;
        tumorclass_stream_answer answer;
        tumorclass_stream *another;
        item.volume = &volume;
        bool refused = tumorclass_stream_next(stream, &answer) == TUMORCLASS_BAD_STATE &&
                       strstr(tumorclass_last_error(), "fork");
        refused = refused && tumorclass_stream_push(stream, &item) == TUMORCLASS_BAD_STATE;
        refused = refused && tumorclass_stream_pending(stream) == 5;
        refused = refused && tumorclass_stream_create(&another, session, NULL) == TUMORCLASS_BAD_STATE && !another;
        tumorclass_stream_cancel(stream);
        tumorclass_stream_free(stream);
        tumorclass_session_free(session);
        _exit(refused ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (int n = 1; n < 6; n++) ck_assert_int_eq(next(stream).status, TUMORCLASS_OK);
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
    tcase_add_test(cases, cancel_from_another_thread_ends_all_that_is_pending);
    tcase_add_test(cases, cancel_from_a_signal_handler_ends_all_that_is_pending);
    tcase_add_test(cases, cancel_stops_the_scan_that_runs);
    tcase_add_test(cases, the_session_is_whole_again_after_its_stream);
    tcase_add_test(cases, callbacks_are_silent_while_the_stream_has_the_session);
    tcase_add_test(cases, a_stream_may_be_freed_at_any_time_and_leaves_nothing);
    tcase_add_test(cases, a_stream_is_refused_in_a_forked_child_and_can_be_freed_there);
    tcase_add_test(cases, push_refuses_an_item_that_makes_no_sense);
    tcase_add_test(cases, create_refuses_options_that_make_no_sense);
    tcase_add_test(cases, callers_of_other_versions_are_understood_or_told);
    return run_cases(cases, "streams");
}
