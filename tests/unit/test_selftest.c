#include "support.h"
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "model/model.h"

/* The untrained model's file, to be changed and loaded from memory. */
static unsigned char *bytes;
static size_t size;

static void set_up(void)
{
    FILE *file = fopen(UNTRAINED_MODEL, "rb");
    ck_assert_ptr_nonnull(file);
    fseek(file, 0, SEEK_END);
    size = (size_t)ftell(file);
    rewind(file);
    bytes = malloc(size);
    ck_assert_uint_eq(fread(bytes, 1, size, file), size);
    fclose(file);
}

static void tear_down(void)
{
    free(bytes);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
}

/* What follows the last `text` in the file. */
static unsigned char *behind(const char *text)
{
    const size_t length = strlen(text);
    for (size_t at = size - length; at > 0; at--)
        if (!memcmp(bytes + at, text, length)) return bytes + at + length;
    ck_abort_msg("no %s in the model", text);
    return NULL;
}

static tumorclass_model *loaded(void)
{
    tumorclass_model *model;
    ck_assert_msg(tumorclass_model_load_memory(&model, bytes, size, NULL) == TUMORCLASS_OK, "%s",
                  tumorclass_last_error());
    return model;
}

/* The first number of the known answer is -0.58964: with 4 for 5, one tenth off. */
static void change_answer(void)
{
    unsigned char *value = behind("tumorclass.selftest") + 2; /* tag and length */
    ck_assert_mem_eq(value, "-0.58964", 8);
    value[3] = '4';
}

static tumorclass_status run_selftest(tumorclass_selftest_report *report, tumorclass_model *const *models, size_t count,
                                      int32_t instruction_set)
{
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    tumorclass_session *session;
    options.threads = 2;
    options.instruction_set = instruction_set;
    ck_assert_int_eq(tumorclass_session_create_ensemble(&session, models, count, &options), TUMORCLASS_OK);
    const tumorclass_status status = tumorclass_session_selftest(session, report);
    tumorclass_session_free(session);
    return status;
}

/* The same on the fastest set, of the bytes as they are now. */
static tumorclass_status judge(tumorclass_selftest_report *report)
{
    tumorclass_model *model = loaded();
    const tumorclass_status status = run_selftest(report, &model, 1, 0);
    tumorclass_model_free(model);
    return status;
}

START_TEST(model_gives_its_known_answer_on_every_instruction_set)
{
    tumorclass_model *model = loaded();
    for (int32_t i = 0; tumorclass_instruction_set(i); i++) {
        tumorclass_selftest_report report;
        ck_assert_msg(run_selftest(&report, &model, 1, i + 1) == TUMORCLASS_OK, "%s", tumorclass_last_error());
        ck_assert_double_eq(report.logit_tolerance, 1e-3);
        ck_assert_double_eq(report.map_tolerance, 1e-3);
        ck_assert(report.logit_error > 0 && report.logit_error < 2e-5);
        ck_assert(report.map_error > 0 && report.map_error < 2e-6);
    }
    tumorclass_model_free(model);
}
END_TEST

START_TEST(another_known_answer_is_noticed)
{
    tumorclass_selftest_report report;
    change_answer();
    ck_assert_int_eq(judge(&report), TUMORCLASS_BACKEND_ERROR);
    ck_assert_double_eq_tol(report.logit_error, 0.1 / 2.0405, 1e-4);
    ck_assert_double_lt(report.map_error, 2e-6);
    ck_assert_str_eq(
        tumorclass_last_error(),
        "a logit of the phantom is 0.049 of the largest away from the model's known answer, and may be 0.001");
}
END_TEST

/* One of 64 kernels of one of 15 convolutions. */
START_TEST(another_weight_is_noticed)
{
    tumorclass_selftest_report report;
    unsigned char *data = behind("level3.block1.conv.weight");
    for (int i = 0; i < 3; i++, data++) ck_assert_int_ne(*data, 0); /* tag and length of raw_data */
    memset(data, 0, 27 * sizeof(float));
    ck_assert_int_eq(judge(&report), TUMORCLASS_BACKEND_ERROR);
    ck_assert_double_gt(report.logit_error, 1e-3);
}
END_TEST

/* The network adds the file's bias, the map a copy of it. */
START_TEST(map_that_does_not_explain_the_logit_is_noticed)
{
    tumorclass_selftest_report report;
    tumorclass_model *model = loaded();
    const struct graph *graph = &model->graph;
    ((float *)(uintptr_t)graph->values[graph->head_bias].constant)[2] += 0.1F;
    ck_assert_int_eq(run_selftest(&report, &model, 1, 0), TUMORCLASS_BACKEND_ERROR);
    ck_assert_double_lt(report.logit_error, 2e-5);
    ck_assert_double_eq_tol(report.map_error, 0.1 / 2.0405, 1e-4);
    ck_assert_ptr_nonnull(strstr(tumorclass_last_error(), "an attention map"));
    tumorclass_model_free(model);
}
END_TEST

START_TEST(every_member_of_an_ensemble_is_held_against_its_own_answer)
{
    tumorclass_selftest_report report;
    tumorclass_model *models[2] = { loaded() };
    models[1] = loaded();
    ck_assert_int_eq(run_selftest(&report, models, 2, 0), TUMORCLASS_OK);
    tumorclass_model_free(models[1]);
    change_answer();
    models[1] = loaded();
    ck_assert_int_eq(run_selftest(&report, models, 2, 0), TUMORCLASS_BACKEND_ERROR);
    tumorclass_model_free(models[0]);
    tumorclass_model_free(models[1]);
}
END_TEST

START_TEST(model_without_an_answer_is_unsupported)
{
    tumorclass_selftest_report report;
    behind("tumorclass.selftest")[-10] = '_'; /* a key of others */
    tumorclass_model *model = loaded();
    ck_assert_int_eq(run_selftest(&report, &model, 1, 0), TUMORCLASS_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(tumorclass_last_error(), "has no known answer"));
    tumorclass_session *session;
    ck_assert_int_eq(tumorclass_session_create(&session, model, NULL), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_session_selftest(session, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_int_eq(tumorclass_session_selftest(NULL, &report), TUMORCLASS_BAD_ARGUMENT);
    tumorclass_session_free(session);
    tumorclass_model_free(model);
}
END_TEST

static tumorclass_status run_failing_at(tumorclass_session *session, int64_t nth)
{
    tumorclass_selftest_report report;
    const int64_t before = memory_blocks_in_use();
    memory_fail_at(nth);
    const tumorclass_status status = tumorclass_session_selftest(session, &report);
    memory_fail_at(0);
    ck_assert_int_eq(memory_blocks_in_use(), before);
    ck_assert(status == TUMORCLASS_OK || status == TUMORCLASS_OUT_OF_MEMORY);
    return status;
}

/* The phantom's, some of the classification's, and the last, which is the map's. */
START_TEST(allocations_may_fail)
{
    tumorclass_model *model = loaded();
    tumorclass_session *session;
    ck_assert_int_eq(tumorclass_session_create(&session, model, NULL), TUMORCLASS_OK);
    int64_t nth = 1;
    while (run_failing_at(session, nth) != TUMORCLASS_OK) nth += nth < 5 ? 1 : 8;
    while (run_failing_at(session, nth) == TUMORCLASS_OK) nth--;
    ck_assert_int_gt(nth, 20);
    ck_assert_ptr_nonnull(strstr(tumorclass_last_error(), "no memory for a map"));
    tumorclass_session_free(session);
    tumorclass_model_free(model);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("selftest");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, model_gives_its_known_answer_on_every_instruction_set);
    tcase_add_test(cases, another_known_answer_is_noticed);
    tcase_add_test(cases, another_weight_is_noticed);
    tcase_add_test(cases, map_that_does_not_explain_the_logit_is_noticed);
    tcase_add_test(cases, every_member_of_an_ensemble_is_held_against_its_own_answer);
    tcase_add_test(cases, model_without_an_answer_is_unsupported);
    tcase_add_test(cases, allocations_may_fail);
    Suite *suite = suite_create("selftest");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
