/* CPU emulation: the CUDA plugin as nvcc made it, under the library, on a stand-in for the CUDA runtime and for cuDNN. */
#include <cuda_runtime_api.h>
#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/wait.h>
#include "plugin_answer.h"
#include "fake.h"

static tumorclass_model *model;

static void make_model(void)
{
    model = answering_model();
}

static void free_model(void)
{
    tumorclass_model_free(model);
}

static double difference(const float *a, const float *b, int count)
{
    double most = 0;
    for (int i = 0; i < count; i++) most = fmax(most, fabs((double)a[i] - b[i]));
    return most;
}

static void check_nothing_is_left(void)
{
    ck_assert_str_eq(fake_leaks(), "");
}

/* ---- Answers ---- */

START_TEST(answers_are_those_of_the_cpu)
{
    static const double logits[] = { 0, 2e-3, 2e-2, 1e-5, 1e-5 }, maps[] = { 0, 0.01, 0.05, 1e-4, 1e-4 };
    struct answer cpu, cuda;
    ck_assert_int_eq(answer_on(&cpu, model, TUMORCLASS_BACKEND_CPU, 0), TUMORCLASS_OK);
    double largest = 0;
    for (int i = 0; i < SMALL_CLASSES; i++) largest = fmax(largest, fabs((double)cpu.logits[i]));
    for (int precision = TUMORCLASS_PRECISION_HALF; precision <= TUMORCLASS_PRECISION_TENSOR_FLOAT32; precision++) {
        ck_assert_msg(answer_on(&cuda, model, TUMORCLASS_BACKEND_CUDA, precision) == TUMORCLASS_OK, "%s",
                      tumorclass_last_error());
        ck_assert_msg(strstr(cuda.device, "fake device (CPU emulation)"), "it ran on %s", cuda.device);
        const double logit = difference(cpu.logits, cuda.logits, SMALL_CLASSES) / largest,
                     map = difference(cpu.map, cuda.map, SCAN_VOXELS);
        printf("CPU emulation: precision %d: logits %.2g of the largest, map %.2g of its range\n", precision, logit,
               map);
        ck_assert_msg(logit <= logits[precision] && map <= maps[precision], "precision %d: logits %.3g, map %.3g",
                      precision, logit, map);
        check_nothing_is_left();
    }
}
END_TEST

/* Whenever the device does its work, it is the same. */
START_TEST(answers_do_not_depend_on_when_the_device_works)
{
    struct answer first, again;
    fake_set_order(FAKE_LAZY, 0);
    ck_assert_int_eq(answer_on(&first, model, TUMORCLASS_BACKEND_CUDA, 0), TUMORCLASS_OK);
    for (int seed = 0; seed < 8; seed++) {
        fake_set_order(seed ? FAKE_RANDOM : FAKE_EAGER, (uint64_t)seed);
        ck_assert_int_eq(answer_on(&again, model, TUMORCLASS_BACKEND_CUDA, 0), TUMORCLASS_OK);
        ck_assert(!memcmp(&first, &again, sizeof first));
    }
    check_nothing_is_left();
}
END_TEST

START_TEST(sessions_on_one_device_do_not_meet)
{
    tumorclass_session *sessions[2];
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    struct answer alone, one, two;
    options.backend = TUMORCLASS_BACKEND_CUDA;
    fake_set_order(FAKE_RANDOM, 3);
    ck_assert_int_eq(answer_on(&alone, model, TUMORCLASS_BACKEND_CUDA, 0), TUMORCLASS_OK);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(tumorclass_session_create(&sessions[i], model, &options), TUMORCLASS_OK);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(answer_in_session(&one, sessions[0]), TUMORCLASS_OK);
        ck_assert_int_eq(answer_in_session(&two, sessions[1]), TUMORCLASS_OK);
        ck_assert(!memcmp(&alone.logits, &one.logits, sizeof one.logits) &&
                  !memcmp(alone.map, one.map, sizeof one.map));
        ck_assert(!memcmp(&alone.logits, &two.logits, sizeof two.logits) &&
                  !memcmp(alone.map, two.map, sizeof two.map));
    }
    for (int i = 0; i < 2; i++) tumorclass_session_free(sessions[i]);
    check_nothing_is_left();
}
END_TEST

static void *answer_thrice(void *right)
{
    struct answer answer;
    bool same = true;
    for (int i = 0; i < 3; i++)
        same = answer_on(&answer, model, TUMORCLASS_BACKEND_CUDA, 0) == TUMORCLASS_OK && same &&
               !memcmp(right, &answer, sizeof answer);
    return same ? right : NULL;
}

START_TEST(threads_have_sessions_of_their_own)
{
    pthread_t threads[3];
    struct answer right;
    ck_assert_int_eq(answer_on(&right, model, TUMORCLASS_BACKEND_CUDA, 0), TUMORCLASS_OK);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, answer_thrice, &right), 0);
    for (int i = 0; i < 3; i++) {
        void *same;
        pthread_join(threads[i], &same);
        ck_assert_ptr_eq(same, &right);
    }
    check_nothing_is_left();
}
END_TEST

/* Of the thread that calls, whose program may use another. */
START_TEST(the_current_device_stays_what_it_was)
{
    const fake_machine whole = *fake_has();
    tumorclass_session *session;
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    struct answer answer;
    int current = -1;
    fake_has()->devices = 3;
    options.backend = TUMORCLASS_BACKEND_CUDA;
    options.device = 1;
    ck_assert_int_eq(cudaSetDevice(2), cudaSuccess);
    ck_assert_int_eq(tumorclass_session_create(&session, model, &options), TUMORCLASS_OK);
    ck_assert_int_eq(answer_in_session(&answer, session), TUMORCLASS_OK);
    ck_assert(cudaGetDevice(&current) == cudaSuccess && current == 2);
    tumorclass_session_free(session);
    ck_assert(cudaGetDevice(&current) == cudaSuccess && current == 2);
    ck_assert_int_eq(cudaSetDevice(0), cudaSuccess);
    *fake_has() = whole;
    check_nothing_is_left();
}
END_TEST

START_TEST(a_child_frees_what_it_has)
{
    tumorclass_session *session;
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    int status;
    options.backend = TUMORCLASS_BACKEND_CUDA;
    ck_assert_int_eq(tumorclass_session_create(&session, model, &options), TUMORCLASS_OK);
    const pid_t child = fork();
    if (!child) {
        fake_fail_at(1); /* no call to the device may be made */
        tumorclass_session_free(session);
        _exit(fake_fail_at(0) == 1 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    tumorclass_session_free(session);
    check_nothing_is_left();
}
END_TEST

START_TEST(a_session_says_what_it_holds)
{
    tumorclass_session *session;
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    options.backend = TUMORCLASS_BACKEND_CUDA;
    ck_assert_int_eq(tumorclass_session_create(&session, model, &options), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_session_backend(session), TUMORCLASS_BACKEND_CUDA);
    ck_assert_uint_ge(tumorclass_session_memory(session, NULL), 8 * SMALL_EXTENT * SMALL_EXTENT * SMALL_EXTENT);
    tumorclass_session_free(session);
}
END_TEST

/* ---- Failures ---- */

static bool is_of_a_device(tumorclass_status status)
{
    return status == TUMORCLASS_OUT_OF_MEMORY || status == TUMORCLASS_BACKEND_ERROR ||
           status == TUMORCLASS_NO_BACKEND || status == TUMORCLASS_UNSUPPORTED;
}

/* One after the other, until a use ends before the call that was to fail; every fifth in further orders. */
START_TEST(every_call_to_the_device_may_fail)
{
    struct answer right, answer;
    long nth = 1, tried = 0, absorbed = 0;
    fake_set_order((fake_order)_i, 5);
    ck_assert_int_eq(answer_on(&right, model, TUMORCLASS_BACKEND_CUDA, 0), TUMORCLASS_OK);
    for (;; nth += _i ? 5 : 1, tried++) {
        fake_fail_at(nth);
        const tumorclass_status status = answer_on(&answer, model, TUMORCLASS_BACKEND_CUDA, 0);
        if (fake_fail_at(0) > 0) break;
        ck_assert_msg(!*fake_leaks(), "%s (call %ld) failed: %sare left", fake_failed_call(), nth, fake_leaks());
        ck_assert_msg(status == TUMORCLASS_OK || is_of_a_device(status), "%s failed: status %d, %s", fake_failed_call(),
                      (int)status, tumorclass_last_error());
        ck_assert_msg(status != TUMORCLASS_OK || !memcmp(&right, &answer, offsetof(struct answer, device)),
                      "%s (call %ld) failed, and the answer is another one", fake_failed_call(), nth);
        absorbed += status == TUMORCLASS_OK;
    }
    printf("CPU emulation: %ld calls made to fail, %ld of them made good\n", tried, absorbed);
    ck_assert_int_gt(nth, 900);
    ck_assert_int_eq(answer_on(&answer, model, TUMORCLASS_BACKEND_CUDA, 0), TUMORCLASS_OK);
}
END_TEST

/* AUTO has the CPU to go to, and says why. */
START_TEST(auto_goes_to_the_cpu)
{
    struct answer cpu, answer;
    ck_assert_int_eq(answer_on(&cpu, model, TUMORCLASS_BACKEND_CPU, 0), TUMORCLASS_OK);
    for (long nth = 1; nth < 400; nth += 13) {
        fake_fail_at(nth);
        ck_assert_msg(answer_on(&answer, model, TUMORCLASS_BACKEND_AUTO, 0) == TUMORCLASS_OK, "%s",
                      tumorclass_last_error());
        const bool failed = fake_fail_at(0) == 0;
        if (!failed || strstr(answer.device, "CUDA,")) continue; /* made good */
        ck_assert_msg(strstr(answer.device, "(no CUDA backend"), "%s", answer.device);
        ck_assert(!memcmp(cpu.logits, answer.logits, sizeof cpu.logits));
        check_nothing_is_left();
    }
}
END_TEST

/* What the machine lacks: the sentence says it. */
static const struct lack {
    fake_machine machine;
    const char *sentence;
} lacks[] = {
    { { 1, 0, 1 << 30, 91900, 13010, 75 }, "there is no NVIDIA driver" },
    { { 1, 12040, 1 << 30, 91900, 13010, 75 }, "the NVIDIA driver knows CUDA 12.4, and CUDA 13" },
    { { 0, 13000, 1 << 30, 91900, 13010, 75 }, "there is no CUDA device" },
    { { 1, 13000, 1 << 30, 91400, 13010, 75 }, "cuDNN is of version 9.14.0, and 9.15.0 or later" },
    { { 1, 13000, 1 << 30, 91900, 12090, 75 }, "is built for CUDA 12.9, and this plugin for CUDA 13" },
    { { 1, 13000, 1 << 30, 91900, 13010, 70 }, "has compute capability 7.0, and 7.5 is needed" },
    { { 1, 13000, 1 << 12, 91900, 13010, 75 }, "MiB of CUDA device 0, which has" },
};

START_TEST(what_is_missing_is_said)
{
    const fake_machine whole = *fake_has();
    struct answer answer;
    *fake_has() = lacks[_i].machine;
    const tumorclass_status status = answer_on(&answer, model, TUMORCLASS_BACKEND_CUDA, 0);
    ck_assert_int_eq(status, _i == 6 ? TUMORCLASS_OUT_OF_MEMORY : TUMORCLASS_NO_BACKEND);
    ck_assert_msg(strstr(tumorclass_last_error(), lacks[_i].sentence), "%s", tumorclass_last_error());
    ck_assert_int_eq(answer_on(&answer, model, TUMORCLASS_BACKEND_AUTO, 0), TUMORCLASS_OK);
    *fake_has() = whole;
    check_nothing_is_left();
}
END_TEST

START_TEST(a_device_that_is_not_there)
{
    tumorclass_session *session;
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    options.backend = TUMORCLASS_BACKEND_CUDA;
    options.device = 7;
    ck_assert_int_eq(tumorclass_session_create(&session, model, &options), TUMORCLASS_NO_BACKEND);
    ck_assert_str_eq(tumorclass_last_error(), "CUDA device 7 was asked for, and there is 1, counted from 0");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("the CUDA plugin on a stand-in, by CPU emulation");
    TCase *answers = tcase_create("answers"), *failures = tcase_create("failures");
    tcase_add_checked_fixture(answers, make_model, free_model);
    tcase_add_test(answers, answers_are_those_of_the_cpu);
    tcase_add_test(answers, answers_do_not_depend_on_when_the_device_works);
    tcase_add_test(answers, sessions_on_one_device_do_not_meet);
    tcase_add_test(answers, threads_have_sessions_of_their_own);
    tcase_add_test(answers, the_current_device_stays_what_it_was);
    tcase_add_test(answers, a_child_frees_what_it_has);
    tcase_add_test(answers, a_session_says_what_it_holds);
    tcase_add_checked_fixture(failures, make_model, free_model);
    tcase_add_loop_test(failures, every_call_to_the_device_may_fail, 0, FAKE_ORDERS);
    tcase_add_test(failures, auto_goes_to_the_cpu);
    tcase_add_loop_test(failures, what_is_missing_is_said, 0, sizeof lacks / sizeof *lacks);
    tcase_add_test(failures, a_device_that_is_not_there);
    tcase_set_timeout(answers, 300);
    tcase_set_timeout(failures, 300);
    suite_add_tcase(suite, answers);
    suite_add_tcase(suite, failures);
    return run_suite(suite);
}
