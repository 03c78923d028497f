/* How a stream ends: cancelled, freed, forked; and that it leaves the session and its callbacks as they were. */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include "streams.h"
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>

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
    ck_assert_int_gt(heard.logs, 0); /* the model is untrained, and that is a warning */
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

int main(void)
{
    TCase *cases = tcase_create("stream ends");
    tcase_add_checked_fixture(cases, enter_folder, leave_folder);
    tcase_add_test(cases, cancel_from_another_thread_ends_all_that_is_pending);
    tcase_add_test(cases, cancel_from_a_signal_handler_ends_all_that_is_pending);
    tcase_add_test(cases, cancel_stops_the_scan_that_runs);
    tcase_add_test(cases, the_session_is_whole_again_after_its_stream);
    tcase_add_test(cases, callbacks_are_silent_while_the_stream_has_the_session);
    tcase_add_test(cases, a_stream_may_be_freed_at_any_time_and_leaves_nothing);
    tcase_add_test(cases, a_stream_is_refused_in_a_forked_child_and_can_be_freed_there);
    return run_cases(cases, "stream ends");
}
