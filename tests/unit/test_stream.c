/* Streams where the system starts few threads or none, and on a device that fails. */
#include <errno.h>
#include <stdatomic.h>
#include "base/threads.h"
#include "session/session.h"
#include "small_model.h"
#include "unit/phantom.h"
#include "unit/test_image_files.h"

enum { SCANS = 6 };

static tumorclass_model *model;
static tumorclass_session *session;
static struct phantom *heads[SCANS];
static float logits[SCANS][SMALL_CLASSES];

/* ---- A system that starts only some threads: the n-th from now if bit n is set ---- */

static atomic_uint starts = ~0u;

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    const unsigned now = atomic_load(&starts);
    atomic_store(&starts, now >> 1);
    return now & 1 ? __real_pthread_create(thread, attributes, start, argument) : EAGAIN;
}

/* ---- Streams ---- */

static void set_up(void)
{
    enter_folder();
    struct bytes bytes = small_model(NULL);
    ck_assert_int_eq(tumorclass_model_load_memory(&model, bytes.data, bytes.size, NULL), TUMORCLASS_OK);
    bytes_free(&bytes);
    ck_assert_int_eq(tumorclass_session_create(&session, model, NULL), TUMORCLASS_OK);
    for (int n = 0; n < SCANS; n++) {
        char name[16];
        snprintf(name, sizeof name, "scan%d.nii", n);
        heads[n] = phantom_create(20 + n, 22, 18, (double[]){ 6, 6, 7 }, 0.1 * n, false);
        ck_assert_int_eq(tumorclass_image_write(in_folder(name), &heads[n]->volume, 1, NULL), TUMORCLASS_OK);
        tumorclass_result *result;
        ck_assert_int_eq(tumorclass_classify(session, &result, &heads[n]->volume, NULL), TUMORCLASS_OK);
        memcpy(logits[n], tumorclass_result_logits(result, NULL), sizeof logits[n]);
        tumorclass_result_free(result);
    }
}

static void tear_down(void)
{
    for (int n = 0; n < SCANS; n++) free(heads[n]);
    tumorclass_session_free(session);
    tumorclass_model_free(model);
    leave_folder();
}

static tumorclass_stream *stream_with_threads(unsigned threads)
{
    tumorclass_stream_options options = TUMORCLASS_STREAM_OPTIONS_INIT;
    options.readers = 2;
    options.ahead = 1;
    tumorclass_stream *stream;
    atomic_store(&starts, threads);
    ck_assert_int_eq(tumorclass_stream_create(&stream, session, &options), TUMORCLASS_OK);
    ck_assert_uint_eq(atomic_load(&starts), 0); /* all that were to start were asked for */
    return stream;
}

static void push_all(tumorclass_stream *stream)
{
    for (int n = 0; n < SCANS; n++) {
        char name[16];
        snprintf(name, sizeof name, "scan%d.nii", n);
        tumorclass_stream_item item = TUMORCLASS_STREAM_ITEM_INIT;
        if (n % 2)
            item.volume = &heads[n]->volume;
        else
            item.path = in_folder(name);
        ck_assert_int_eq(tumorclass_stream_push(stream, &item), TUMORCLASS_OK);
    }
}

static void expect_all(tumorclass_stream *stream, tumorclass_status status, const char *error)
{
    tumorclass_stream_answer answer;
    for (int n = 0; n < SCANS; n++) {
        ck_assert_int_eq(tumorclass_stream_next(stream, &answer), TUMORCLASS_OK);
        ck_assert_int_eq(answer.status, status);
        ck_assert_ptr_nonnull(strstr(answer.error, error));
        if (status == TUMORCLASS_OK)
            ck_assert_mem_eq(tumorclass_result_logits(answer.result, NULL), logits[n], sizeof logits[n]);
        else
            ck_assert_ptr_null(answer.result);
    }
}

enum { NONE = 0, ONE_READER = 1, ENGINE_ALONE = 2, TWO_READERS = 3, READER_AND_ENGINE = 5, ALL = 7 };

START_TEST(stream_does_with_the_threads_that_can_be_had)
{
    static const unsigned threads[] = { NONE, ONE_READER, ENGINE_ALONE, TWO_READERS, READER_AND_ENGINE, ALL };
    const int64_t in_use = memory_blocks_in_use();
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        tumorclass_stream *stream = stream_with_threads(threads[i]);
        for (int round = 0; round < 3; round++) {
            push_all(stream);
            expect_all(stream, TUMORCLASS_OK, "");
        }
        push_all(stream);
        tumorclass_stream_answer answer;
        ck_assert_int_eq(tumorclass_stream_next(stream, &answer), TUMORCLASS_OK);
        tumorclass_stream_free(stream); /* with items that nobody took */

        stream = stream_with_threads(threads[i]);
        push_all(stream);
        tumorclass_stream_cancel(stream);
        expect_all(stream, TUMORCLASS_CANCELLED, "cancelled");
        tumorclass_stream_free(stream);
    }
    ck_assert_int_eq(memory_blocks_in_use(), in_use);
}
END_TEST

START_TEST(after_a_device_that_failed_each_item_says_so)
{
    tumorclass_stream *stream = stream_with_threads(ALL), *another;
    session_leave(session, TUMORCLASS_BACKEND_ERROR);
    push_all(stream);
    expect_all(stream, TUMORCLASS_BAD_STATE, "device failed");
    tumorclass_stream_free(stream);
    ck_assert_int_eq(tumorclass_stream_create(&another, session, NULL), TUMORCLASS_BAD_STATE);
    ck_assert_ptr_null(another);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream");
    TCase *cases = tcase_create("stream");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, stream_does_with_the_threads_that_can_be_had);
    tcase_add_test(cases, after_a_device_that_failed_each_item_says_so);
    tcase_set_timeout(cases, 60);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
