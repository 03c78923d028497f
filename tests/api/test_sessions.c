/* Sessions and models as handles: progress, cancel, fork, threads, memory. */
#include "api.h"
#include <pthread.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct progress {
    double last;
    int calls;
    tumorclass_session **cancel;
};

static void follow(void *user, const char *stage, double fraction)
{
    struct progress *progress = user;
    ck_assert(*stage && fraction >= progress->last && fraction <= 1);
    progress->last = fraction;
    progress->calls++;
    if (progress->cancel && fraction > 0.3) tumorclass_session_cancel(*progress->cancel);
}

/* What the call before reported; ready for the next one. */
static void expect_full_progress(struct progress *progress, int least_calls)
{
    ck_assert_double_eq_tol(progress->last, 1, 1e-9);
    ck_assert_int_ge(progress->calls, least_calls);
    *progress = (struct progress){ 0, 0, NULL };
}

START_TEST(progress_rises_to_one_in_every_call)
{
    struct progress progress = { 0, 0, NULL };
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    options.progress = follow;
    options.progress_user = &progress;
    tumorclass_session *session;
    ck_assert_int_eq(tumorclass_session_create(&session, model, &options), TUMORCLASS_OK);

    tumorclass_image *input;
    ck_assert_int_eq(tumorclass_preprocess(session, &input, &volume, NULL), TUMORCLASS_OK);
    expect_full_progress(&progress, 10);
    tumorclass_image_free(input);
    tumorclass_result *result = classified(session);
    expect_full_progress(&progress, 10);

    static float maps[7 * VOXELS];
    tumorclass_attention_summary summaries[7];
    tumorclass_attention_options raw = TUMORCLASS_ATTENTION_OPTIONS_INIT;
    raw.scale = TUMORCLASS_ATTENTION_RAW;
    ck_assert_int_eq(tumorclass_attention(session, maps, VOXELS, NULL, result, 0, NULL), TUMORCLASS_OK);
    expect_full_progress(&progress, 2);
    ck_assert_int_eq(tumorclass_attention(session, maps, 7 * VOXELS, summaries, result, TUMORCLASS_ALL_CLASSES, &raw),
                     TUMORCLASS_OK);
    expect_full_progress(&progress, 14);
    tumorclass_result_free(result);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(cancel_ends_the_call_and_only_that_one)
{
    tumorclass_session *session;
    struct progress progress = { 0, 0, &session };
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    options.progress = follow;
    options.progress_user = &progress;
    tumorclass_result *result;
    ck_assert_int_eq(tumorclass_session_create(&session, model, &options), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_classify(session, &result, &volume, NULL), TUMORCLASS_CANCELLED);
    ck_assert_ptr_null(result);
    progress = (struct progress){ 0, 0, NULL };
    tumorclass_result_free(classified(session));
    tumorclass_session_free(session);
}
END_TEST

START_TEST(cuda_by_name_is_an_error_and_auto_says_what_runs)
{
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    options.backend = TUMORCLASS_BACKEND_CUDA;
    tumorclass_session *session = (tumorclass_session *)1;
    ck_assert_int_eq(tumorclass_session_create(&session, model, &options), TUMORCLASS_NO_BACKEND);
    ck_assert_ptr_null(session);
    session = session_with_threads(0);
    ck_assert_int_eq(tumorclass_session_backend(session), TUMORCLASS_BACKEND_CPU);
    ck_assert_ptr_nonnull(strstr(tumorclass_session_device(session), "no CUDA backend"));
    tumorclass_session_free(session);
}
END_TEST

/* What a forked child may do with its parent's handles: look at them and free them. */
static bool child_is_refused(tumorclass_session *session, tumorclass_result *result)
{
    static float map[VOXELS];
    char text[128];
    tumorclass_image *input = NULL;
    tumorclass_result *other = NULL;
    tumorclass_selftest_report report;
    const tumorclass_status refused[] = {
        tumorclass_classify(session, &other, &volume, NULL),
        tumorclass_preprocess(session, &input, &volume, NULL),
        tumorclass_attention(session, map, VOXELS, NULL, result, 0, NULL),
        tumorclass_attention_describe(session, text, sizeof text, NULL),
        tumorclass_session_selftest(session, &report),
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (refused[i] != TUMORCLASS_BAD_STATE || !strstr(tumorclass_last_error(), "fork")) return false;
    return !other && !input;
}

static bool child_may_look(tumorclass_session *session, const tumorclass_result *result)
{
    size_t count;
    tumorclass_session_cancel(session);
    return *tumorclass_session_device(session) && tumorclass_session_memory(session, &volume) < SIZE_MAX &&
           tumorclass_session_backend(session) == TUMORCLASS_BACKEND_CPU &&
           tumorclass_result_probabilities(result, &count) && count == 7 && *tumorclass_result_device(result) &&
           *tumorclass_model_name(model) && tumorclass_model_memory(model) < SIZE_MAX;
}

#ifdef __SANITIZE_THREAD__
enum { CHILD_THREADS = 1 }; /* the thread sanitizer takes no new threads after fork */
#else
enum { CHILD_THREADS = 2 };
#endif

/* A session of the child's own, on the model that it has inherited. */
static bool child_answers_by_itself(const tumorclass_result *wanted)
{
    tumorclass_result *result;
    tumorclass_session *session = session_with_threads(CHILD_THREADS);
    const tumorclass_status status = tumorclass_classify(session, &result, &volume, NULL);
    const bool same = status == TUMORCLASS_OK &&
                      !memcmp(tumorclass_result_logits(result, NULL), tumorclass_result_logits(wanted, NULL), 28);
    tumorclass_result_free(result);
    tumorclass_session_free(session);
    return same;
}

START_TEST(session_is_refused_in_a_forked_child)
{
    tumorclass_session *session = session_with_threads(2);
    tumorclass_result *result = classified(session);
    const pid_t child = fork();
    if (child == 0) {
        alarm(60); /* a free that waits for threads that are not there would hang */
        const int code = !child_is_refused(session, result) ? 1
                         : !child_may_look(session, result) ? 2
                         : !child_answers_by_itself(result) ? 3
                                                            : 0;
        tumorclass_session_free(session);
        tumorclass_result_free(result);
        tumorclass_model_free(model);
        _exit(code);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %#x", (unsigned)status);
    tumorclass_result_free(classified(session));
    tumorclass_result_free(result);
    tumorclass_session_free(session);
}
END_TEST

static void *classify_on_a_thread(void *session)
{
    return classified(session);
}

START_TEST(two_sessions_of_one_model_run_side_by_side)
{
    tumorclass_session *sessions[2] = { session_with_threads(1), session_with_threads(2) };
    pthread_t threads[2];
    void *results[2];
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, classify_on_a_thread, sessions[i]);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], &results[i]);
    ck_assert_mem_eq(tumorclass_result_logits(results[0], NULL), tumorclass_result_logits(results[1], NULL), 28);
    for (int i = 0; i < 2; i++) {
        tumorclass_result_free(results[i]);
        tumorclass_session_free(sessions[i]);
    }
}
END_TEST

enum { USERS = 4, CANCELS = 20, ANSWERS = 2 };

struct user {
    tumorclass_session *session;
    const tumorclass_result *wanted;
    int answers, cancelled, wrong;
};

/* Classify and explain until there are answers enough; calls may be cancelled meanwhile. */
static void *use_session(void *argument)
{
    struct user *user = argument;
    float *map = malloc(VOXELS * sizeof *map);
    for (int n = 0; user->answers < ANSWERS && n < ANSWERS + 2 * CANCELS; n++) {
        tumorclass_result *result;
        tumorclass_status status = tumorclass_classify(user->session, &result, &volume, NULL);
        if (status == TUMORCLASS_OK) {
            const size_t size = 7 * sizeof(float);
            user->wrong += memcmp(tumorclass_result_logits(result, NULL), tumorclass_result_logits(user->wanted, NULL),
                                  size) != 0;
            status = tumorclass_attention(user->session, map, VOXELS, NULL, result, n % 7, NULL);
        }
        user->answers += status == TUMORCLASS_OK;
        user->cancelled += status == TUMORCLASS_CANCELLED;
        user->wrong += status != TUMORCLASS_OK && status != TUMORCLASS_CANCELLED;
        tumorclass_result_free(result);
    }
    free(map);
    return NULL;
}

static void *cancel_now_and_then(void *argument)
{
    const struct user *users = argument;
    for (int n = 0; n < CANCELS; n++) {
        nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
        tumorclass_session_cancel(users[n % USERS].session);
    }
    return NULL;
}

START_TEST(four_sessions_of_a_freed_model_run_while_a_fifth_thread_cancels)
{
    tumorclass_model *mine;
    tumorclass_session *alone = session_with_threads(1);
    tumorclass_result *wanted = classified(alone);
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    struct user users[USERS] = { { NULL, NULL, 0, 0, 0 } };
    ck_assert_int_eq(tumorclass_model_load(&mine, UNTRAINED_MODEL, NULL), TUMORCLASS_OK);
    for (int i = 0; i < USERS; i++) {
        users[i].wanted = wanted;
        options.threads = 1 + i % 2;
        ck_assert_int_eq(tumorclass_session_create(&users[i].session, mine, &options), TUMORCLASS_OK);
    }
    pthread_t threads[USERS + 1];
    for (int i = 0; i < USERS; i++) pthread_create(&threads[i], NULL, use_session, &users[i]);
    pthread_create(&threads[USERS], NULL, cancel_now_and_then, users);
    tumorclass_model_free(mine);
    for (int i = 0; i <= USERS; i++) pthread_join(threads[i], NULL);
    int cancelled = 0;
    for (int i = 0; i < USERS; i++) {
        ck_assert_int_eq(users[i].answers, ANSWERS);
        ck_assert_int_eq(users[i].wrong, 0);
        cancelled += users[i].cancelled;
        tumorclass_session_free(users[i].session);
    }
    ck_assert_int_gt(cancelled, 0);
    tumorclass_result_free(wanted);
    tumorclass_session_free(alone);
}
END_TEST

START_TEST(model_that_ships_lies_beside_the_library)
{
    tumorclass_model *found, *wanted;
    ck_assert_msg(tumorclass_model_load(&found, NULL, NULL) == TUMORCLASS_OK, "%s", tumorclass_last_error());
    ck_assert_int_eq(tumorclass_model_load(&wanted, SHIPPED_MODEL, NULL), TUMORCLASS_OK);
    ck_assert_str_eq(tumorclass_model_sha256(found), tumorclass_model_sha256(wanted));
    ck_assert_str_eq(tumorclass_model_name(found), tumorclass_model_name(wanted));
    tumorclass_model_free(found);
    tumorclass_model_free(wanted);
}
END_TEST

START_TEST(model_outlives_its_handle_while_a_session_needs_it)
{
    tumorclass_model *mine;
    tumorclass_session *session;
    ck_assert_int_eq(tumorclass_model_load(&mine, UNTRAINED_MODEL, NULL), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_session_create(&session, mine, NULL), TUMORCLASS_OK);
    tumorclass_model_free(mine);
    tumorclass_result *result = classified(session);
    tumorclass_session_free(session);
    ck_assert_uint_eq(strlen(tumorclass_result_device(result)) > 0, 1);
    tumorclass_result_free(result);
}
END_TEST

START_TEST(memory_is_known_before_the_first_run)
{
    tumorclass_session *session = session_with_threads(1);
    ck_assert_uint_ge(tumorclass_session_memory(session, NULL), tumorclass_model_memory(model));
    ck_assert_uint_gt(tumorclass_session_memory(session, &volume),
                      tumorclass_session_memory(session, NULL) + 4 * VOXELS);
    static const int64_t bad_extents[] = { 0, -1, INT64_MAX };
    for (int n = 0; n < 3; n++) {
        tumorclass_volume bad = volume;
        bad.shape[0] = bad.shape[1] = bad_extents[n];
        ck_assert_uint_eq(tumorclass_session_memory(session, &bad), SIZE_MAX);
        ck_assert_ptr_nonnull(strstr(tumorclass_last_error(), "volume.shape"));
    }
    tumorclass_session_free(session);
}
END_TEST

START_TEST(classes_are_found_by_name_and_code)
{
    ck_assert_int_eq(tumorclass_model_class_index(model, "meningioma"), tumorclass_model_class_index(model, "MEN"));
    ck_assert_int_eq(tumorclass_model_class_index(model, "hgg"), 0);
    ck_assert_int_eq(tumorclass_model_class_index(model, "nonsense"), -1);
    ck_assert_ptr_null(tumorclass_model_class_name(model, 7));
    ck_assert_ptr_null(tumorclass_model_class_code(model, -1));
}
END_TEST

START_TEST(freeing_nothing_is_fine)
{
    tumorclass_image_free(NULL);
    tumorclass_model_free(NULL);
    tumorclass_session_free(NULL);
    tumorclass_result_free(NULL);
    tumorclass_session_cancel(NULL);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("sessions");
    tcase_add_test(cases, progress_rises_to_one_in_every_call);
    tcase_add_test(cases, cancel_ends_the_call_and_only_that_one);
    tcase_add_test(cases, cuda_by_name_is_an_error_and_auto_says_what_runs);
    tcase_add_test(cases, session_is_refused_in_a_forked_child);
    tcase_add_test(cases, two_sessions_of_one_model_run_side_by_side);
    tcase_add_test(cases, four_sessions_of_a_freed_model_run_while_a_fifth_thread_cancels);
    tcase_add_test(cases, model_that_ships_lies_beside_the_library);
    tcase_add_test(cases, model_outlives_its_handle_while_a_session_needs_it);
    tcase_add_test(cases, memory_is_known_before_the_first_run);
    tcase_add_test(cases, classes_are_found_by_name_and_code);
    tcase_add_test(cases, freeing_nothing_is_fine);
    return run_cases(cases, "sessions");
}
