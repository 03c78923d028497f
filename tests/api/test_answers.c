/* From a volume to an answer and its maps. */
#include "api.h"

START_TEST(classify_gives_probabilities_that_are_the_softmax_of_the_logits)
{
    tumorclass_session *session = session_with_threads(0);
    tumorclass_result *result = classified(session);
    size_t count, logit_count;
    const float *probabilities = tumorclass_result_probabilities(result, &count);
    const float *logits = tumorclass_result_logits(result, &logit_count);
    ck_assert_uint_eq(count, 7);
    ck_assert_uint_eq(logit_count, 7);
    double sum = 0, exponentials = 0;
    for (size_t i = 0; i < count; i++) exponentials += exp(logits[i]);
    for (size_t i = 0; i < count; i++) {
        ck_assert_double_eq_tol(probabilities[i], exp(logits[i]) / exponentials, 1e-6);
        ck_assert(probabilities[i] <= probabilities[tumorclass_result_class(result)]);
        sum += probabilities[i];
    }
    ck_assert_double_eq_tol(sum, 1, 1e-6);
    tumorclass_result_free(result);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(untrained_model_says_so_in_every_result)
{
    tumorclass_session *session = session_with_threads(0);
    tumorclass_result *result = classified(session);
    size_t count, found = 0;
    const tumorclass_qc *qc = tumorclass_result_qc(result, &count);
    for (size_t i = 0; i < count; i++) found += !strcmp(qc[i].code, "untrained_model");
    ck_assert_uint_eq(found, 1);
    tumorclass_result_free(result);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(result_names_library_model_and_device)
{
    tumorclass_session *session = session_with_threads(1);
    tumorclass_result *result = classified(session);
    size_t count, found = 0;
    const tumorclass_property *facts = tumorclass_result_provenance(result, &count);
    for (size_t i = 0; i < count; i++) {
        found += !strcmp(facts[i].key, "model_sha256") && !strcmp(facts[i].value, tumorclass_model_sha256(model));
        found += !strcmp(facts[i].key, "library") && !strcmp(facts[i].value, "tumorclass " TUMORCLASS_VERSION_STRING);
    }
    ck_assert_uint_eq(found, 2);
    ck_assert_int_eq(strncmp(tumorclass_result_device(result), "CPU, ", 5), 0);
    ck_assert_ptr_nonnull(strstr(tumorclass_session_device(session), "1 thread"));
    tumorclass_result_free(result);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(answers_and_maps_are_bitwise_equal_for_any_number_of_threads)
{
    static float first_map[VOXELS], map[VOXELS];
    static float first_logits[7];
    static const int32_t threads[] = { 1, 2, 3, 8 };
    for (int i = 0; i < 4; i++) {
        tumorclass_session *session = session_with_threads(threads[i]);
        tumorclass_result *result = classified(session);
        ck_assert_int_eq(tumorclass_attention(session, map, VOXELS, NULL, result, 2, NULL), TUMORCLASS_OK);
        const float *logits = tumorclass_result_logits(result, NULL);
        if (i == 0) {
            memcpy(first_logits, logits, sizeof first_logits);
            memcpy(first_map, map, sizeof map);
        }
        ck_assert_mem_eq(logits, first_logits, sizeof first_logits);
        ck_assert_mem_eq(map, first_map, sizeof map);
        tumorclass_result_free(result);
        tumorclass_session_free(session);
    }
}
END_TEST

START_TEST(strided_voxels_give_the_same_answer_as_plain_ones)
{
    static int16_t c_order[VOXELS];
    for (int k = 0; k < NK; k++)
        for (int j = 0; j < NJ; j++)
            for (int i = 0; i < NI; i++) c_order[(i * NJ + j) * NK + k] = voxels[(k * NJ + j) * NI + i];
    tumorclass_session *session = session_with_threads(0);
    tumorclass_result *plain = classified(session), *strided;
    tumorclass_volume other = volume;
    other.data = c_order;
    memcpy(other.strides, (int64_t[]){ NJ * NK, NK, 1 }, sizeof other.strides);
    ck_assert_int_eq(tumorclass_classify(session, &strided, &other, NULL), TUMORCLASS_OK);
    ck_assert_mem_eq(tumorclass_result_logits(plain, NULL), tumorclass_result_logits(strided, NULL), 7 * sizeof(float));
    tumorclass_result_free(plain);
    tumorclass_result_free(strided);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(unit_maps_of_all_classes_span_zero_to_one_and_peak_where_the_summary_says)
{
    static float map[7 * VOXELS], single[VOXELS];
    tumorclass_attention_summary summary[7];
    tumorclass_session *session = session_with_threads(0);
    tumorclass_result *result = classified(session);
    ck_assert_int_eq(tumorclass_attention(session, map, 7 * VOXELS, summary, result, TUMORCLASS_ALL_CLASSES, NULL),
                     TUMORCLASS_OK);
    for (int c = 0; c < 7; c++) {
        const float *values = map + (size_t)c * VOXELS;
        float largest = 0;
        for (int i = 0; i < VOXELS; i++) {
            ck_assert(values[i] >= 0 && values[i] <= 1);
            largest = fmaxf(largest, values[i]);
        }
        const int64_t *peak = summary[c].peak_voxel;
        ck_assert(values[(peak[2] * NJ + peak[1]) * NI + peak[0]] == largest);
        for (int axis = 0; axis < 3; axis++)
            ck_assert_double_eq_tol(summary[c].peak_mm[axis], 3.0 * (double)peak[axis] + volume.affine[4 * axis + 3],
                                    1e-9);
        ck_assert(summary[c].inside >= 0 && summary[c].inside <= 1);
        ck_assert_int_eq(tumorclass_attention(session, single, VOXELS, NULL, result, c, NULL), TUMORCLASS_OK);
        ck_assert_mem_eq(single, values, sizeof single);
    }
    tumorclass_result_free(result);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(attention_rejects_what_does_not_fit)
{
    static float map[VOXELS];
    tumorclass_session *session = session_with_threads(0);
    tumorclass_result *result = classified(session);
    ck_assert_int_eq(tumorclass_attention(session, map, VOXELS - 1, NULL, result, 0, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_str_eq(tumorclass_last_error(), "map holds 215999 values, the scan needs 216000");
    ck_assert_int_eq(tumorclass_attention(session, map, VOXELS, NULL, result, 7, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_str_eq(tumorclass_last_error(), "class_index is 7, the model has 7 classes");
    ck_assert_int_eq(tumorclass_attention(session, NULL, VOXELS, NULL, result, 0, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_int_eq(tumorclass_attention(session, map, VOXELS, NULL, NULL, 0, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_int_eq(tumorclass_attention(NULL, map, VOXELS, NULL, result, 0, NULL), TUMORCLASS_BAD_ARGUMENT);
    tumorclass_model *twin;
    tumorclass_session *other;
    ck_assert_int_eq(tumorclass_model_load(&twin, UNTRAINED_MODEL, NULL), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_session_create(&other, twin, NULL), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_attention(other, map, VOXELS, NULL, result, 0, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_str_eq(tumorclass_last_error(), "the result is of model untrained.onnx, the session of untrained.onnx");
    tumorclass_session_free(other);
    tumorclass_model_free(twin);
    tumorclass_result_free(result);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(preprocess_gives_the_networks_input)
{
    tumorclass_session *session = session_with_threads(0);
    tumorclass_image *input;
    ck_assert_int_eq(tumorclass_preprocess(session, &input, &volume, NULL), TUMORCLASS_OK);
    int64_t shape[3];
    tumorclass_model_input_shape(model, shape);
    const tumorclass_volume *prepared = tumorclass_image_volume(input);
    ck_assert_int_eq(prepared->dtype, TUMORCLASS_F32);
    ck_assert_mem_eq(prepared->shape, shape, sizeof shape);
    ck_assert_int_eq(prepared->strides[2], 1);
    const float *values = prepared->data;
    double sum = 0;
    for (int64_t i = 0; i < shape[0] * shape[1] * shape[2]; i++) sum += fabs(values[i]);
    ck_assert(isfinite(sum) && sum > 0);
    tumorclass_image_free(input);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(strict_mode_refuses_with_the_check_that_failed)
{
    tumorclass_session *session = session_with_threads(0);
    tumorclass_scan_options options = TUMORCLASS_SCAN_OPTIONS_INIT;
    options.strict = 1;
    tumorclass_result *result = (tumorclass_result *)1;
    ck_assert_int_eq(tumorclass_classify(session, &result, &volume, &options), TUMORCLASS_REFUSED);
    ck_assert_ptr_null(result);
    ck_assert_ptr_nonnull(strstr(tumorclass_last_error(), "untrained_model"));
    tumorclass_image *input = (tumorclass_image *)1;
    ck_assert_int_eq(tumorclass_preprocess(session, &input, &volume, &options), TUMORCLASS_REFUSED);
    ck_assert_ptr_null(input);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(bad_volumes_are_refused_with_their_numbers)
{
    tumorclass_session *session = session_with_threads(0);
    tumorclass_result *result;
    tumorclass_volume bad = volume;
    bad.shape[1] = 0;
    ck_assert_int_eq(tumorclass_classify(session, &result, &bad, NULL), TUMORCLASS_BAD_ARGUMENT);
    bad = volume;
    bad.dtype = 99;
    ck_assert_int_eq(tumorclass_classify(session, &result, &bad, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(tumorclass_last_error(), "99"));
    bad = volume;
    bad.affine[0] = NAN;
    ck_assert_int_eq(tumorclass_classify(session, &result, &bad, NULL), TUMORCLASS_BAD_ARGUMENT);
    bad = volume;
    memset(bad.affine, 0, sizeof bad.affine);
    ck_assert_int_eq(tumorclass_classify(session, &result, &bad, NULL), TUMORCLASS_BAD_ARGUMENT);
    bad = volume;
    bad.memory = TUMORCLASS_MEMORY_CUDA;
    ck_assert_int_eq(tumorclass_classify(session, &result, &bad, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_str_eq(tumorclass_last_error(), "volume lies in CUDA memory, and this session runs on the CPU");
    ck_assert_int_eq(tumorclass_classify(session, &result, NULL, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_int_eq(tumorclass_classify(session, NULL, &volume, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_int_eq(tumorclass_classify(NULL, &result, &volume, NULL), TUMORCLASS_BAD_ARGUMENT);
    static int16_t constant[VOXELS];
    bad = volume;
    bad.data = constant;
    ck_assert_int_eq(tumorclass_classify(session, &result, &bad, NULL), TUMORCLASS_BAD_IMAGE);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(mask_of_another_shape_is_refused)
{
    tumorclass_session *session = session_with_threads(0);
    tumorclass_volume mask = volume;
    mask.shape[2] = NK - 1;
    tumorclass_scan_options options = TUMORCLASS_SCAN_OPTIONS_INIT;
    options.mask = &mask;
    tumorclass_result *result;
    ck_assert_int_eq(tumorclass_classify(session, &result, &volume, &options), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_str_eq(tumorclass_last_error(), "mask has 49 voxels along axis 2, the scan has 50");
    tumorclass_session_free(session);
}
END_TEST

START_TEST(mask_lies_on_the_scans_grid_or_names_none)
{
    tumorclass_session *session = session_with_threads(0);
    tumorclass_volume mask = volume;
    tumorclass_scan_options options = TUMORCLASS_SCAN_OPTIONS_INIT;
    options.mask = &mask;
    tumorclass_result *result;
    mask.affine[0] = -3; /* mirrored */
    ck_assert_int_eq(tumorclass_classify(session, &result, &volume, &options), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_str_eq(tumorclass_last_error(), "mask lies on another grid: a corner is 354 mm from the scan's, which is "
                                              "over half a voxel of 3 mm");
    mask.affine[0] = 3.01; /* 0.6 mm at the far corner */
    ck_assert_int_eq(tumorclass_classify(session, &result, &volume, &options), TUMORCLASS_OK);
    tumorclass_result_free(result);
    memset(mask.affine, 0, sizeof mask.affine);
    ck_assert_int_eq(tumorclass_classify(session, &result, &volume, &options), TUMORCLASS_OK);
    tumorclass_result_free(result);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(intercept_without_a_slope_is_not_looked_at)
{
    tumorclass_session *session = session_with_threads(0);
    tumorclass_volume raw = volume;
    raw.intercept = NAN;
    tumorclass_result *plain = classified(session), *result;
    ck_assert_int_eq(tumorclass_classify(session, &result, &raw, NULL), TUMORCLASS_OK);
    ck_assert_mem_eq(tumorclass_result_logits(plain, NULL), tumorclass_result_logits(result, NULL), 7 * sizeof(float));
    raw.slope = 2;
    tumorclass_result *refused;
    ck_assert_int_eq(tumorclass_classify(session, &refused, &raw, NULL), TUMORCLASS_BAD_ARGUMENT);
    tumorclass_result_free(plain);
    tumorclass_result_free(result);
    tumorclass_session_free(session);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("answers");
    tcase_add_test(cases, classify_gives_probabilities_that_are_the_softmax_of_the_logits);
    tcase_add_test(cases, untrained_model_says_so_in_every_result);
    tcase_add_test(cases, result_names_library_model_and_device);
    tcase_add_test(cases, answers_and_maps_are_bitwise_equal_for_any_number_of_threads);
    tcase_add_test(cases, strided_voxels_give_the_same_answer_as_plain_ones);
    tcase_add_test(cases, unit_maps_of_all_classes_span_zero_to_one_and_peak_where_the_summary_says);
    tcase_add_test(cases, attention_rejects_what_does_not_fit);
    tcase_add_test(cases, preprocess_gives_the_networks_input);
    tcase_add_test(cases, strict_mode_refuses_with_the_check_that_failed);
    tcase_add_test(cases, bad_volumes_are_refused_with_their_numbers);
    tcase_add_test(cases, mask_of_another_shape_is_refused);
    tcase_add_test(cases, mask_lies_on_the_scans_grid_or_names_none);
    tcase_add_test(cases, intercept_without_a_slope_is_not_looked_at);
    return run_cases(cases, "answers");
}
