#include "support.h"
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "result/result.h"

/* A model without a network: what result needs of it. Never freed by a release: the count stays above zero. */
static tumorclass_model *model_of(int32_t classes)
{
    static tumorclass_model model;
    static char name[] = "m.onnx";
    memset(&model, 0, sizeof model);
    atomic_init(&model.references, 1000);
    model.name = name;
    model.graph.features = model.graph.embedding = model.graph.fine = NO_VALUE;
    model.metadata.class_count = classes;
    model.metadata.temperature = 1;
    memcpy(model.metadata.preprocess.orientation, "RAS", 4);
    memcpy(model.metadata.preprocess.shape, (int64_t[]){ 8, 8, 8 }, sizeof model.metadata.preprocess.shape);
    return &model;
}

enum { MEMBERS = 4 }; /* that there is room for */

static tumorclass_model *model_in(const tumorclass_result *result)
{
    return result->members[0].model;
}

static tumorclass_status check(tumorclass_result *result)
{
    return qc_check(result, model_in(result), &result->preparation);
}

/* A scan and its facts that no check objects to. */
static tumorclass_result *sound_result(tumorclass_model *model)
{
    const tumorclass_volume scan = { .dtype = TUMORCLASS_I16,
                                     .shape = { 180, 220, 180 },
                                     .strides = { 1, 180, 39600 },
                                     .affine = { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 } };
    tumorclass_result *result;
    struct member *member;
    ck_assert_int_eq(result_create(&result, &scan, MEMBERS), TUMORCLASS_OK);
    ck_assert_int_eq(result_add_member(result, &member, model, 0), TUMORCLASS_OK);
    result->preparation.facts = (struct preprocess_facts){ .foreground = FOREGROUND_OTSU,
                                                           .foreground_tried = FOREGROUND_OTSU,
                                                           .foreground_share = 0.4,
                                                           .maximum = 900,
                                                           .deviation = 1,
                                                           .coverage_mm = { 180, 220, 180 },
                                                           .step_mm = { 1, 1, 1 } };
    return result;
}

START_TEST(softmax_survives_large_logits_and_obeys_the_temperature)
{
    tumorclass_model *model = model_of(3);
    tumorclass_result *result = sound_result(model);
    memcpy(result->members[0].logits, (float[]){ 3e4F, 3e4F + 2, -3e4F }, 3 * sizeof(float));
    model->metadata.temperature = 2;
    ck_assert_int_eq(result_settle(result), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_result_class(result), 1);
    ck_assert_double_eq_tol(result->probabilities[1], 1 / (1 + exp(-1)), 1e-7);
    ck_assert(result->probabilities[2] == 0);
    tumorclass_result_free(result);
}
END_TEST

START_TEST(equal_logits_choose_the_first_class)
{
    tumorclass_result *result = sound_result(model_of(4));
    ck_assert_int_eq(result_settle(result), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_result_class(result), 0);
    ck_assert_double_eq_tol(result->probabilities[3], 0.25, 1e-7);
    tumorclass_result_free(result);
}
END_TEST

START_TEST(logit_that_is_not_a_number_is_an_error)
{
    tumorclass_result *result = sound_result(model_of(2));
    result->members[0].logits[1] = NAN;
    ck_assert_int_eq(result_settle(result), TUMORCLASS_BAD_IMAGE);
    ck_assert_ptr_nonnull(strstr(tumorclass_last_error(), "output 1 is nan"));
    tumorclass_result_free(result);
}
END_TEST

START_TEST(lost_note_is_an_error_and_not_a_shorter_answer)
{
    tumorclass_result *result = sound_result(model_of(2));
    memory_fail_at(1);
    result_warn(result, "code", 1, 0, "a warning");
    memory_fail_at(0);
    ck_assert_uint_eq(result->qc_count, 0);
    ck_assert_int_eq(result_settle(result), TUMORCLASS_OUT_OF_MEMORY);
    tumorclass_result_free(result);
}
END_TEST

START_TEST(members_are_averaged_and_their_deviation_is_told)
{
    static const float logits[3][2] = { { 0, 2 }, { 0, 0 }, { 1, 0 } };
    tumorclass_model *model = model_of(2);
    tumorclass_result *result = sound_result(model);
    struct member *member;
    for (uint32_t flips = 1; flips < 3; flips++)
        ck_assert_int_eq(result_add_member(result, &member, model, flips), TUMORCLASS_OK);
    double mean = 0, square = 0;
    for (int m = 0; m < 3; m++) {
        memcpy(result->members[m].logits, logits[m], sizeof logits[m]);
        const double p = 1 / (1 + exp(logits[m][1] - logits[m][0]));
        mean += p / 3;
        square += p * p / 3;
    }
    ck_assert_int_eq(result_settle(result), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_result_class(result), 1);
    ck_assert_double_eq_tol(result->probabilities[0], mean, 1e-7);
    ck_assert_double_eq_tol(result->probabilities[1], 1 - mean, 1e-7);
    ck_assert_double_eq_tol(result->logits[0], 1 / 3.0, 1e-7);
    size_t count;
    for (int i = 0; i < 2; i++)
        ck_assert_double_eq_tol(tumorclass_result_spread(result, &count)[i], sqrt(square - mean * mean), 1e-7);
    ck_assert_double_eq_tol(tumorclass_result_member_probabilities(result, 2, &count)[0], 1 / (1 + exp(-1)), 1e-7);
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(tumorclass_result_member_count(result), 3);
    ck_assert_str_eq(tumorclass_result_member_name(result, 0), "m.onnx");
    ck_assert_str_eq(tumorclass_result_member_name(result, 1), "m.onnx, flipped left-right");
    ck_assert_ptr_null(tumorclass_result_member_name(result, 3));
    ck_assert_ptr_null(tumorclass_result_member_probabilities(result, -1, &count));
    ck_assert_uint_eq(count, 0);
    tumorclass_result_free(result);
}
END_TEST

/* 0.1 mm in plane and 15 mm across: two things are wrong with the spacing. */
START_TEST(one_check_may_fail_in_two_ways)
{
    tumorclass_result *result = sound_result(model_of(2));
    struct preprocess_facts *facts = &result->preparation.facts;
    facts->step_mm[0] = 0.1;
    facts->step_mm[2] = 15;
    ck_assert_int_eq(check(result), TUMORCLASS_OK);
    ck_assert_uint_eq(result->qc_count, 3);
    ck_assert_str_eq(result->qc[0].code, "implausible_spacing");
    ck_assert_str_eq(result->qc[1].code, "implausible_spacing");
    ck_assert_str_eq(result->qc[2].code, "anisotropic");
    tumorclass_result_free(result);
}
END_TEST

START_TEST(one_check_warns_once_however_many_models_fail_it)
{
    tumorclass_result *result = sound_result(model_of(2));
    result->preparation.facts.nonfinite = 1;
    ck_assert_int_eq(check(result), TUMORCLASS_OK);
    ck_assert_int_eq(check(result), TUMORCLASS_OK);
    ck_assert_uint_eq(result->qc_count, 1);
    tumorclass_result_free(result);
}
END_TEST

/* Else strict mode would take a scan whose only warning was lost. */
START_TEST(lost_warning_is_an_error_of_the_checks_themselves)
{
    tumorclass_result *result = sound_result(model_of(2));
    result->preparation.facts.nonfinite = 1;
    memory_fail_at(1);
    ck_assert_int_eq(check(result), TUMORCLASS_OUT_OF_MEMORY);
    memory_fail_at(0);
    tumorclass_result_free(result);
}
END_TEST

START_TEST(sound_scan_passes_every_check)
{
    tumorclass_result *result = sound_result(model_of(2));
    ck_assert_int_eq(check(result), TUMORCLASS_OK);
    ck_assert_uint_eq(result->qc_count, 0);
    tumorclass_result_free(result);
}
END_TEST

/* One change to a sound scan or model, and the one check that must object. */
struct fault {
    const char *code;
    void (*commit)(tumorclass_result *result);
};

#define FAULT(name, change)                                                                                            \
    static void name(tumorclass_result *result)                                                                        \
    {                                                                                                                  \
        struct preprocess_facts *facts = &result->preparation.facts;                                                   \
        (void)facts;                                                                                                   \
        change;                                                                                                        \
    }
FAULT(untrained, model_in(result)->metadata.untrained = true)
FAULT(incomplete, model_in(result)->metadata.incomplete = true)
FAULT(unoriented, result->scan.notes = TUMORCLASS_NOTE_NO_ORIENTATION)
FAULT(two_forms, result->scan.notes = TUMORCLASS_NOTE_FORMS_DISAGREE)
FAULT(bad_form, result->scan.notes = TUMORCLASS_NOTE_BAD_FORM)
FAULT(four_dimensions, result->scan.notes = TUMORCLASS_NOTE_EXTRA_DIMENSIONS)
FAULT(nonfinite, facts->nonfinite = 1)
FAULT(negative, facts->minimum = -0.5)
FAULT(tiny_step, facts->step_mm[0] = facts->step_mm[1] = facts->step_mm[2] = 0.1)
FAULT(huge_step, facts->step_mm[0] = facts->step_mm[1] = facts->step_mm[2] = 13)
FAULT(thick_slices, facts->step_mm[2] = 3.1)
FAULT(far_too_long, facts->coverage_mm[1] = 401)
FAULT(short_of_a_head, facts->coverage_mm[2] = 109)
FAULT(no_foreground, (facts->foreground = FOREGROUND_ALL, facts->foreground_share = 0.04))
FAULT(wants_stripped, model_in(result)->metadata.preprocess.stripped = STRIPPED_YES)
FAULT(wants_skull, (model_in(result)->metadata.preprocess.stripped = STRIPPED_NO, facts->foreground_share = 0.2))

START_TEST(each_fault_is_named_by_its_check_alone)
{
    static const struct fault faults[] = {
        { "untrained_model", untrained },
        { "model_without_metadata", incomplete },
        { "no_orientation", unoriented },
        { "forms_disagree", two_forms },
        { "bad_form", bad_form },
        { "not_3d", four_dimensions },
        { "nonfinite_voxels", nonfinite },
        { "already_normalized", negative },
        { "implausible_spacing", tiny_step },
        { "implausible_spacing", huge_step },
        { "anisotropic", thick_slices },
        { "implausible_field_of_view", far_too_long },
        { "partial_coverage", short_of_a_head },
        { "no_foreground", no_foreground },
        { "looks_unstripped", wants_stripped },
        { "looks_stripped", wants_skull },
    };
    const struct fault *fault = &faults[_i];
    tumorclass_result *result = sound_result(model_of(2));
    fault->commit(result);
    ck_assert_int_eq(check(result), TUMORCLASS_OK);
    ck_assert_uint_eq(result->qc_count, 1);
    ck_assert_str_eq(result->qc[0].code, fault->code);
    ck_assert_uint_gt(strlen(result->qc[0].message), 20);
    tumorclass_result_free(result);
}
END_TEST

START_TEST(provenance_has_no_empty_value_and_no_key_twice)
{
    tumorclass_result *result = sound_result(model_of(2));
    provenance_record(result, 0, TUMORCLASS_PRECISION_FLOAT32);
    ck_assert_uint_ge(result->provenance_count, 12);
    for (size_t i = 0; i < result->provenance_count; i++) {
        if (strcmp(result->provenance[i].key, "model_sha256"))
            ck_assert_uint_gt(strlen(result->provenance[i].value), 0);
        for (size_t j = 0; j < i; j++) ck_assert_str_ne(result->provenance[i].key, result->provenance[j].key);
    }
    tumorclass_result_free(result);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("result");
    tcase_add_test(cases, softmax_survives_large_logits_and_obeys_the_temperature);
    tcase_add_test(cases, equal_logits_choose_the_first_class);
    tcase_add_test(cases, logit_that_is_not_a_number_is_an_error);
    tcase_add_test(cases, members_are_averaged_and_their_deviation_is_told);
    tcase_add_test(cases, one_check_may_fail_in_two_ways);
    tcase_add_test(cases, one_check_warns_once_however_many_models_fail_it);
    tcase_add_test(cases, lost_note_is_an_error_and_not_a_shorter_answer);
    tcase_add_test(cases, lost_warning_is_an_error_of_the_checks_themselves);
    tcase_add_test(cases, sound_scan_passes_every_check);
    tcase_add_loop_test(cases, each_fault_is_named_by_its_check_alone, 0, 16);
    tcase_add_test(cases, provenance_has_no_empty_value_and_no_key_twice);
    Suite *suite = suite_create("result");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
