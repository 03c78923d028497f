#include "support.h"
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "result/result.h"

enum { CLASSES = 4, FEATURES = 2 };

/* A model without a network, and an answer of it by hand: what result_judge reads. The model is never freed by a
 * release: the count stays above zero. */
static tumorclass_model model;
static tumorclass_result *result;

static void set_up(void)
{
    static char names[CLASSES][8] = { "glioma", "healthy", "adenoma", "other" }, name[] = "m.onnx";
    const tumorclass_volume scan = { .dtype = TUMORCLASS_I16, .shape = { 2, 2, 2 } };
    struct member *member;
    memset(&model, 0, sizeof model);
    atomic_init(&model.references, 1000);
    model.name = name;
    model.graph.features = model.graph.embedding = model.graph.fine = NO_VALUE;
    model.metadata.class_count = CLASSES;
    for (int c = 0; c < CLASSES; c++) model.metadata.classes[c] = names[c];
    ck_assert_int_eq(result_create(&result, &scan, 2), TUMORCLASS_OK);
    ck_assert_int_eq(result_add_member(result, &member, &model, 0), TUMORCLASS_OK);
    memcpy(result->probabilities, (float[]){ 0.25F, 0.5F, 0.25F, 0 }, CLASSES * sizeof(float));
    result->embedding = memory_zeroed(FEATURES, sizeof(float));
    memcpy(result->embedding, (float[]){ 3, 1 }, FEATURES * sizeof(float));
}

static void tear_down(void)
{
    tumorclass_result_free(result);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
}

static void calibrate(double coverage, double *thresholds)
{
    model.metadata.calibration.coverage = coverage;
    model.metadata.calibration.thresholds = (struct table){ thresholds, 1, CLASSES };
}

static void train_on(double *centres, size_t rows, double *deviations, double most)
{
    model.metadata.cloud = (struct training_cloud){
        { centres, rows, FEATURES },
        { deviations, 1, FEATURES },
        most,
    };
}

static void check_set(size_t count, const int32_t *classes)
{
    size_t found;
    const int32_t *set = tumorclass_result_prediction_set(result, &found);
    ck_assert_uint_eq(found, count);
    ck_assert_ptr_nonnull(set);
    if (count) ck_assert_mem_eq(set, classes, count * sizeof *set);
}

START_TEST(ranking_falls_and_equal_classes_keep_their_order)
{
    size_t count;
    result_judge(result);
    const int32_t *ranking = tumorclass_result_ranking(result, &count);
    ck_assert_uint_eq(count, CLASSES);
    ck_assert_mem_eq(ranking, ((int32_t[]){ 1, 0, 2, 3 }), CLASSES * sizeof *ranking);
    memcpy(result->probabilities, (float[]){ 0.1F, 0.2F, 0.3F, 0.4F }, CLASSES * sizeof(float));
    result_judge(result);
    ck_assert_mem_eq(ranking, ((int32_t[]){ 3, 2, 1, 0 }), CLASSES * sizeof *ranking);
}
END_TEST

/* 1/4, 1/2, 1/4, 0: 2 (1/4) ln 4 + (1/2) ln 2 = 1.5 ln 2. */
START_TEST(entropy_is_in_nats_and_margin_between_the_first_two)
{
    tumorclass_confidence confidence;
    result_judge(result);
    tumorclass_result_confidence(result, &confidence);
    ck_assert_double_eq_tol(confidence.entropy, 1.5 * log(2), 1e-15);
    ck_assert_double_eq(confidence.margin, 0.25);
    memcpy(result->probabilities, (float[]){ 0, 0, 0, 1 }, CLASSES * sizeof(float));
    result_judge(result);
    tumorclass_result_confidence(result, &confidence);
    ck_assert_double_eq(confidence.entropy, 0);
    ck_assert_double_eq(confidence.margin, 1);
    for (int c = 0; c < CLASSES; c++) result->probabilities[c] = 0.25F;
    result_judge(result);
    tumorclass_result_confidence(result, &confidence);
    ck_assert_double_eq_tol(confidence.entropy, log(4), 1e-15);
    ck_assert_double_eq(confidence.margin, 0);
}
END_TEST

START_TEST(model_that_says_nothing_gives_no_judgement)
{
    size_t count = 9;
    tumorclass_confidence confidence;
    result_judge(result);
    tumorclass_result_confidence(result, &confidence);
    ck_assert_ptr_null(tumorclass_result_prediction_set(result, &count));
    ck_assert_uint_eq(count, 0);
    ck_assert_ptr_null(tumorclass_result_abstention(result));
    ck_assert(confidence.coverage == 0 && confidence.unlikeness == 0 && confidence.most_unlikeness == 0);
    ck_assert_uint_eq(result->qc_count, 0);
}
END_TEST

/* A class is in the set if 1 - p is at most its own threshold; at the threshold it is in. */
START_TEST(prediction_set_holds_each_class_against_its_own_threshold)
{
    tumorclass_confidence confidence;
    calibrate(0.9, (double[]){ 0.75, 0.5, 0.74, 0.99 });
    result_judge(result);
    check_set(2, (int32_t[]){ 1, 0 });
    tumorclass_result_confidence(result, &confidence);
    ck_assert_double_eq(confidence.coverage, 0.9);
    ck_assert_ptr_null(tumorclass_result_abstention(result));

    calibrate(0.9, (double[]){ 0.7, 0.4, 0.75, 1 });
    result_judge(result);
    check_set(2, (int32_t[]){ 2, 3 }); /* without the most probable one */
}
END_TEST

START_TEST(empty_prediction_set_is_a_reason_to_abstain)
{
    calibrate(0.9, (double[]){ 0.1, 0.1, 0.1, 0.1 });
    result_judge(result);
    check_set(0, NULL);
    ck_assert_ptr_nonnull(strstr(tumorclass_result_abstention(result), "is empty"));
    ck_assert_ptr_nonnull(strstr(tumorclass_result_abstention(result), "90.0 %"));
}
END_TEST

START_TEST(means_of_several_models_have_no_prediction_set_those_of_flips_do)
{
    tumorclass_model other;
    memcpy(&other, &model, sizeof other);
    struct member *member;
    calibrate(0.9, (double[]){ 1, 1, 1, 1 });
    ck_assert_int_eq(result_add_member(result, &member, &model, TUMORCLASS_FLIP_LEFT_RIGHT), TUMORCLASS_OK);
    result_judge(result);
    check_set(4, (int32_t[]){ 1, 0, 2, 3 });
    member->model = &other;
    result_judge(result);
    member->model = &model;
    ck_assert_ptr_null(tumorclass_result_prediction_set(result, NULL));
    ck_assert_double_eq(result->confidence.coverage, 0);
}
END_TEST

START_TEST(no_class_is_named_below_the_least_probability)
{
    model.metadata.calibration.least_probability = 0.5;
    result_judge(result);
    ck_assert_ptr_null(tumorclass_result_abstention(result));
    model.metadata.calibration.least_probability = 0.505;
    result_judge(result);
    const char *reason = tumorclass_result_abstention(result);
    ck_assert_ptr_nonnull(strstr(reason, "healthy, has 50.0 %"));
    ck_assert_ptr_nonnull(strstr(reason, "at least 50.5 %"));
}
END_TEST

START_TEST(strictest_model_of_several_decides_wherever_it_stands)
{
    static tumorclass_model strict;
    memcpy(&strict, &model, sizeof strict);
    strict.metadata.calibration.least_probability = 0.9;
    struct member *const first = &result->members[0];
    const tumorclass_model *const models[2][2] = { { &model, &strict }, { &strict, &model } };
    result->member_count = 2;
    for (int order = 0; order < 2; order++) {
        for (int m = 0; m < 2; m++) first[m].model = (tumorclass_model *)(uintptr_t)models[order][m];
        result_judge(result);
        ck_assert_ptr_nonnull(strstr(tumorclass_result_abstention(result), "at least 90.0 %"));
    }
    result->member_count = 1;
    first->model = &model;
}
END_TEST

/* (3, 1) from (0, 0) with deviations (1, 0.5): sqrt((9 + 4) / 2); from (2, 2): sqrt((1 + 4) / 2), which is nearer. */
START_TEST(unlikeness_is_the_distance_to_the_nearest_centre_in_deviations)
{
    tumorclass_confidence confidence;
    train_on((double[]){ 0, 0 }, 1, (double[]){ 1, 0.5 }, 2.6);
    result_judge(result);
    tumorclass_result_confidence(result, &confidence);
    ck_assert_double_eq_tol(confidence.unlikeness, sqrt(6.5), 1e-15);
    ck_assert_double_eq(confidence.most_unlikeness, 2.6);
    ck_assert_uint_eq(result->qc_count, 0);

    train_on((double[]){ 0, 0, 2, 2, 9, 9, -9, 9 }, 4, (double[]){ 1, 0.5 }, 1.5);
    result_judge(result);
    tumorclass_result_confidence(result, &confidence);
    ck_assert_double_eq_tol(confidence.unlikeness, sqrt(2.5), 1e-15);
    ck_assert_uint_eq(result->qc_count, 1);
    const tumorclass_qc *warning = &result->qc[0];
    ck_assert_str_eq(warning->code, "unlike_training");
    ck_assert_double_eq_tol(warning->value, sqrt(2.5), 1e-15);
    ck_assert_double_eq(warning->threshold, 1.5);
}
END_TEST

START_TEST(unlikeness_at_the_threshold_is_no_warning)
{
    train_on((double[]){ 2, 0 }, 1, (double[]){ 1, 1 }, 1);
    result_judge(result);
    ck_assert_double_eq(result->confidence.unlikeness, 1);
    ck_assert_uint_eq(result->qc_count, 0);
}
END_TEST

START_TEST(lost_sentence_is_noticed)
{
    model.metadata.calibration.least_probability = 0.9;
    memory_fail_at(1);
    result_judge(result);
    memory_fail_at(0);
    ck_assert_int_eq(result_notes(result), TUMORCLASS_OUT_OF_MEMORY);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("confidence");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, ranking_falls_and_equal_classes_keep_their_order);
    tcase_add_test(cases, entropy_is_in_nats_and_margin_between_the_first_two);
    tcase_add_test(cases, model_that_says_nothing_gives_no_judgement);
    tcase_add_test(cases, prediction_set_holds_each_class_against_its_own_threshold);
    tcase_add_test(cases, empty_prediction_set_is_a_reason_to_abstain);
    tcase_add_test(cases, means_of_several_models_have_no_prediction_set_those_of_flips_do);
    tcase_add_test(cases, strictest_model_of_several_decides_wherever_it_stands);
    tcase_add_test(cases, no_class_is_named_below_the_least_probability);
    tcase_add_test(cases, unlikeness_is_the_distance_to_the_nearest_centre_in_deviations);
    tcase_add_test(cases, unlikeness_at_the_threshold_is_no_warning);
    tcase_add_test(cases, lost_sentence_is_noticed);
    Suite *suite = suite_create("confidence");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
