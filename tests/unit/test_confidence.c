#include "support.h"
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "result/result.h"

enum { CLASSES = 4, FEATURES = 2 };

/* An answer by hand: what result_judge reads of a result, and room for what it writes. */
struct answer {
    tumorclass_model model;
    struct member members[2];
    tumorclass_result result;
    float probabilities[CLASSES], embedding[FEATURES];
    int32_t ranking[CLASSES], set[CLASSES];
};

static struct answer answer;

static void set_up(void)
{
    static char names[CLASSES][8] = { "glioma", "healthy", "adenoma", "other" };
    answer = (struct answer){ .probabilities = { 0.25F, 0.5F, 0.25F, 0 }, .embedding = { 3, 1 } };
    struct metadata *metadata = &answer.model.metadata;
    metadata->class_count = CLASSES;
    for (int c = 0; c < CLASSES; c++) metadata->classes[c] = names[c];
    for (int m = 0; m < 2; m++) answer.members[m].model = &answer.model;
    answer.result = (tumorclass_result){ .members = answer.members,
                                         .member_count = 1,
                                         .probabilities = answer.probabilities,
                                         .embedding = answer.embedding,
                                         .ranking = answer.ranking,
                                         .set = answer.set };
}

static void tear_down(void)
{
    while (answer.result.notes) {
        void *note = answer.result.notes;
        memcpy(&answer.result.notes, note, sizeof answer.result.notes); /* `next` comes first */
        memory_free(note);
    }
    ck_assert_int_eq(memory_blocks_in_use(), 0);
}

static void calibrate(double coverage, double *thresholds)
{
    answer.model.metadata.calibration.coverage = coverage;
    answer.model.metadata.calibration.thresholds = (struct table){ thresholds, 1, CLASSES };
}

static void train_on(double *centres, size_t rows, double *deviations, double most)
{
    answer.model.metadata.cloud = (struct training_cloud){
        { centres, rows, FEATURES },
        { deviations, 1, FEATURES },
        most,
    };
}

static void check_set(size_t count, const int32_t *classes)
{
    size_t found;
    const int32_t *set = tumorclass_result_prediction_set(&answer.result, &found);
    ck_assert_uint_eq(found, count);
    ck_assert_ptr_nonnull(set);
    ck_assert_mem_eq(set, classes, count * sizeof *set);
}

START_TEST(ranking_falls_and_equal_classes_keep_their_order)
{
    size_t count;
    result_judge(&answer.result);
    const int32_t *ranking = tumorclass_result_ranking(&answer.result, &count);
    ck_assert_uint_eq(count, CLASSES);
    ck_assert_mem_eq(ranking, ((int32_t[]){ 1, 0, 2, 3 }), CLASSES * sizeof *ranking);
    memcpy(answer.probabilities, (float[]){ 0.1F, 0.2F, 0.3F, 0.4F }, sizeof answer.probabilities);
    result_judge(&answer.result);
    ck_assert_mem_eq(ranking, ((int32_t[]){ 3, 2, 1, 0 }), CLASSES * sizeof *ranking);
}
END_TEST

/* 1/4, 1/2, 1/4, 0: 2 (1/4) ln 4 + (1/2) ln 2 = 1.5 ln 2. */
START_TEST(entropy_is_in_nats_and_margin_between_the_first_two)
{
    tumorclass_confidence confidence;
    result_judge(&answer.result);
    tumorclass_result_confidence(&answer.result, &confidence);
    ck_assert_double_eq_tol(confidence.entropy, 1.5 * log(2), 1e-15);
    ck_assert_double_eq(confidence.margin, 0.25);
    memcpy(answer.probabilities, (float[]){ 0, 0, 0, 1 }, sizeof answer.probabilities);
    result_judge(&answer.result);
    tumorclass_result_confidence(&answer.result, &confidence);
    ck_assert_double_eq(confidence.entropy, 0);
    ck_assert_double_eq(confidence.margin, 1);
    for (int c = 0; c < CLASSES; c++) answer.probabilities[c] = 0.25F;
    result_judge(&answer.result);
    tumorclass_result_confidence(&answer.result, &confidence);
    ck_assert_double_eq_tol(confidence.entropy, log(4), 1e-15);
    ck_assert_double_eq(confidence.margin, 0);
}
END_TEST

START_TEST(model_that_says_nothing_gives_no_judgement)
{
    size_t count = 9;
    tumorclass_confidence confidence;
    result_judge(&answer.result);
    tumorclass_result_confidence(&answer.result, &confidence);
    ck_assert_ptr_null(tumorclass_result_prediction_set(&answer.result, &count));
    ck_assert_uint_eq(count, 0);
    ck_assert_ptr_null(tumorclass_result_abstention(&answer.result));
    ck_assert(confidence.coverage == 0 && confidence.unlikeness == 0 && confidence.most_unlikeness == 0);
    ck_assert_uint_eq(answer.result.qc_count, 0);
}
END_TEST

/* A class is in the set if 1 - p is at most its own threshold; at the threshold it is in. */
START_TEST(prediction_set_holds_each_class_against_its_own_threshold)
{
    tumorclass_confidence confidence;
    calibrate(0.9, (double[]){ 0.75, 0.5, 0.74, 0.99 });
    result_judge(&answer.result);
    check_set(2, (int32_t[]){ 1, 0 });
    tumorclass_result_confidence(&answer.result, &confidence);
    ck_assert_double_eq(confidence.coverage, 0.9);
    ck_assert_ptr_null(tumorclass_result_abstention(&answer.result));

    calibrate(0.9, (double[]){ 0.7, 0.4, 0.75, 1 });
    result_judge(&answer.result);
    check_set(2, (int32_t[]){ 2, 3 }); /* without the most probable one */
}
END_TEST

START_TEST(empty_prediction_set_is_a_reason_to_abstain)
{
    calibrate(0.9, (double[]){ 0.1, 0.1, 0.1, 0.1 });
    result_judge(&answer.result);
    check_set(0, NULL);
    ck_assert_ptr_nonnull(strstr(tumorclass_result_abstention(&answer.result), "is empty"));
    ck_assert_ptr_nonnull(strstr(tumorclass_result_abstention(&answer.result), "90.0 %"));
}
END_TEST

START_TEST(means_of_several_models_have_no_prediction_set_those_of_flips_do)
{
    static tumorclass_model other;
    calibrate(0.9, (double[]){ 1, 1, 1, 1 });
    answer.result.member_count = 2;
    result_judge(&answer.result);
    check_set(4, (int32_t[]){ 1, 0, 2, 3 });
    answer.members[1].model = &other;
    result_judge(&answer.result);
    ck_assert_ptr_null(tumorclass_result_prediction_set(&answer.result, NULL));
    ck_assert_double_eq(answer.result.confidence.coverage, 0);
}
END_TEST

START_TEST(no_class_is_named_below_the_least_probability)
{
    answer.model.metadata.calibration.least_probability = 0.5;
    result_judge(&answer.result);
    ck_assert_ptr_null(tumorclass_result_abstention(&answer.result));
    answer.model.metadata.calibration.least_probability = 0.505;
    result_judge(&answer.result);
    const char *reason = tumorclass_result_abstention(&answer.result);
    ck_assert_ptr_nonnull(strstr(reason, "healthy, has 50.0 %"));
    ck_assert_ptr_nonnull(strstr(reason, "at least 50.5 %"));
}
END_TEST

/* (3, 1) from (0, 0) with deviations (1, 0.5): sqrt((9 + 4) / 2); from (2, 2): sqrt((1 + 4) / 2), which is nearer. */
START_TEST(unlikeness_is_the_distance_to_the_nearest_centre_in_deviations)
{
    tumorclass_confidence confidence;
    train_on((double[]){ 0, 0 }, 1, (double[]){ 1, 0.5 }, 2.6);
    result_judge(&answer.result);
    tumorclass_result_confidence(&answer.result, &confidence);
    ck_assert_double_eq_tol(confidence.unlikeness, sqrt(6.5), 1e-15);
    ck_assert_double_eq(confidence.most_unlikeness, 2.6);
    ck_assert_uint_eq(answer.result.qc_count, 0);

    train_on((double[]){ 0, 0, 2, 2, 9, 9, -9, 9 }, 4, (double[]){ 1, 0.5 }, 1.5);
    result_judge(&answer.result);
    tumorclass_result_confidence(&answer.result, &confidence);
    ck_assert_double_eq_tol(confidence.unlikeness, sqrt(2.5), 1e-15);
    ck_assert_uint_eq(answer.result.qc_count, 1);
    const tumorclass_qc *warning = &answer.result.qc[0];
    ck_assert_str_eq(warning->code, "unlike_training");
    ck_assert_double_eq_tol(warning->value, sqrt(2.5), 1e-15);
    ck_assert_double_eq(warning->threshold, 1.5);
}
END_TEST

START_TEST(unlikeness_at_the_threshold_is_no_warning)
{
    train_on((double[]){ 2, 0 }, 1, (double[]){ 1, 1 }, 1);
    result_judge(&answer.result);
    ck_assert_double_eq(answer.result.confidence.unlikeness, 1);
    ck_assert_uint_eq(answer.result.qc_count, 0);
}
END_TEST

START_TEST(lost_sentence_is_noticed)
{
    answer.model.metadata.calibration.least_probability = 0.9;
    memory_fail_at(1);
    result_judge(&answer.result);
    memory_fail_at(0);
    ck_assert_int_eq(result_notes(&answer.result), TUMORCLASS_OUT_OF_MEMORY);
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
    tcase_add_test(cases, no_class_is_named_below_the_least_probability);
    tcase_add_test(cases, unlikeness_is_the_distance_to_the_nearest_centre_in_deviations);
    tcase_add_test(cases, unlikeness_at_the_threshold_is_no_warning);
    tcase_add_test(cases, lost_sentence_is_noticed);
    Suite *suite = suite_create("confidence");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
