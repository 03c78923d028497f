/* Sessions and models as handles: progress, cancel, fork, threads, memory. */
#include "api.h"
#include <pthread.h>
#include <sys/wait.h>
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

START_TEST(session_is_refused_in_a_forked_child)
{
    tumorclass_session *session = session_with_threads(2);
    const pid_t child = fork();
    if (child == 0) {
        tumorclass_result *result;
        const tumorclass_status status = tumorclass_classify(session, &result, &volume, NULL);
        tumorclass_session_free(session);
        _exit(status == TUMORCLASS_BAD_STATE && strstr(tumorclass_last_error(), "fork") ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    tumorclass_result_free(classified(session));
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

START_TEST(model_outlives_its_handle_while_a_session_needs_it)
{
    tumorclass_model *mine;
    tumorclass_session *session;
    ck_assert_int_eq(tumorclass_model_load(&mine, NULL, NULL), TUMORCLASS_OK);
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
    tcase_add_test(cases, model_outlives_its_handle_while_a_session_needs_it);
    tcase_add_test(cases, memory_is_known_before_the_first_run);
    tcase_add_test(cases, classes_are_found_by_name_and_code);
    tcase_add_test(cases, freeing_nothing_is_fine);
    return run_cases(cases, "sessions");
}
