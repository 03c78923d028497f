/* Several models, and flipped views, that answer together. */
#include "api.h"

static tumorclass_result *classified_with(tumorclass_session *session, const tumorclass_volume *scan, uint32_t flips)
{
    tumorclass_scan_options options = TUMORCLASS_SCAN_OPTIONS_INIT;
    tumorclass_result *result;
    options.flips = flips;
    ck_assert_msg(tumorclass_classify(session, &result, scan, &options) == TUMORCLASS_OK, "%s",
                  tumorclass_last_error());
    return result;
}

/* The same voxels, their order along one axis turned round, the affine as before: a mirrored head. */
static tumorclass_volume mirrored(int axis)
{
    tumorclass_volume mirror = volume;
    mirror.data = (const int16_t *)volume.data + volume.strides[axis] * (volume.shape[axis] - 1);
    mirror.strides[axis] = -volume.strides[axis];
    return mirror;
}

START_TEST(flipped_member_answers_as_the_mirrored_head_does)
{
    static const uint32_t flips[] = { TUMORCLASS_FLIP_LEFT_RIGHT, TUMORCLASS_FLIP_BACK_FRONT, TUMORCLASS_FLIP_DOWN_UP };
    tumorclass_session *session = session_with_threads(0);
    const tumorclass_volume mirror = mirrored(_i);
    tumorclass_result *plain = classified(session), *turned = classified_with(session, &mirror, 0),
                      *both = classified_with(session, &volume, flips[_i]);
    ck_assert_int_eq(tumorclass_result_member_count(plain), 1);
    ck_assert_int_eq(tumorclass_result_member_count(both), 2);
    for (int c = 0; c < 7; c++) {
        const double a = tumorclass_result_probabilities(plain, NULL)[c],
                     b = tumorclass_result_probabilities(turned, NULL)[c];
        ck_assert(tumorclass_result_spread(plain, NULL)[c] == 0);
        ck_assert(tumorclass_result_member_probabilities(both, 0, NULL)[c] == (float)a);
        ck_assert_double_eq_tol(tumorclass_result_member_probabilities(both, 1, NULL)[c], b, 1e-5);
        ck_assert_double_eq_tol(tumorclass_result_probabilities(both, NULL)[c], (a + b) / 2, 1e-5);
        ck_assert_double_eq_tol(tumorclass_result_spread(both, NULL)[c], fabs(a - b) / 2, 1e-5);
        ck_assert_double_eq_tol(
            tumorclass_result_logits(both, NULL)[c],
            (tumorclass_result_logits(plain, NULL)[c] + tumorclass_result_logits(turned, NULL)[c]) / 2, 1e-4);
    }
    tumorclass_result_free(plain);
    tumorclass_result_free(turned);
    tumorclass_result_free(both);
    tumorclass_session_free(session);
}
END_TEST

/* The raw map of both views is the mean of the head's own and the mirrored head's turned back. */
START_TEST(map_of_flipped_views_is_turned_back)
{
    static float own[VOXELS], turned_map[VOXELS], both_map[VOXELS];
    static const tumorclass_attention_method methods[] = { TUMORCLASS_ATTENTION_CAM, TUMORCLASS_ATTENTION_HIRESCAM };
    tumorclass_attention_options options = TUMORCLASS_ATTENTION_OPTIONS_INIT;
    options.scale = TUMORCLASS_ATTENTION_RAW;
    options.method = methods[_i];
    tumorclass_session *session = session_with_threads(0);
    const tumorclass_volume mirror = mirrored(0);
    tumorclass_result *plain = classified(session), *turned = classified_with(session, &mirror, 0),
                      *both = classified_with(session, &volume, TUMORCLASS_FLIP_LEFT_RIGHT);
    ck_assert_int_eq(tumorclass_attention(session, own, VOXELS, NULL, plain, 3, &options), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_attention(session, turned_map, VOXELS, NULL, turned, 3, &options), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_attention(session, both_map, VOXELS, NULL, both, 3, &options), TUMORCLASS_OK);
    double largest = 0, worst = 0;
    for (int line = 0; line < NJ * NK; line++)
        for (int i = 0; i < NI; i++) {
            const int at = line * NI + i, back = line * NI + NI - 1 - i;
            largest = fmax(largest, fabs((double)both_map[at]));
            worst = fmax(worst, fabs((double)both_map[at] - ((double)own[at] + (double)turned_map[back]) / 2));
        }
    ck_assert_double_gt(largest, 0);
    ck_assert_double_le(worst, 1e-4 * largest);
    tumorclass_result_free(plain);
    tumorclass_result_free(turned);
    tumorclass_result_free(both);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(every_combination_of_flips_is_run)
{
    tumorclass_session *session = session_with_threads(0);
    tumorclass_result *result = classified_with(session, &volume, 7);
    ck_assert_int_eq(tumorclass_result_member_count(result), 8);
    for (int32_t i = 0; i < 8; i++)
        for (int32_t j = 0; j < i; j++)
            ck_assert_str_ne(tumorclass_result_member_name(result, i), tumorclass_result_member_name(result, j));
    tumorclass_scan_options options = TUMORCLASS_SCAN_OPTIONS_INIT;
    options.flips = 8;
    tumorclass_result_free(result);
    ck_assert_int_eq(tumorclass_classify(session, &result, &volume, &options), TUMORCLASS_NEWER_CALLER);
    ck_assert_ptr_null(result);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(ensemble_of_one_model_twice_is_that_model)
{
    static float map[VOXELS], ensemble_map[VOXELS];
    tumorclass_model *twice[] = { model, model };
    tumorclass_session *alone = session_with_threads(0), *session;
    ck_assert_int_eq(tumorclass_session_create_ensemble(&session, twice, 2, NULL), TUMORCLASS_OK);
    tumorclass_result *plain = classified(alone), *both = classified(session);
    ck_assert_int_eq(tumorclass_result_member_count(both), 2);
    ck_assert_int_eq(tumorclass_result_class(both), tumorclass_result_class(plain));
    for (int c = 0; c < 7; c++) {
        ck_assert(tumorclass_result_probabilities(both, NULL)[c] == tumorclass_result_probabilities(plain, NULL)[c]);
        ck_assert(tumorclass_result_spread(both, NULL)[c] == 0);
    }
    tumorclass_attention_summary a, b;
    ck_assert_int_eq(tumorclass_attention(alone, map, VOXELS, &a, plain, TUMORCLASS_PREDICTED_CLASS, NULL),
                     TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_attention(session, ensemble_map, VOXELS, &b, both, TUMORCLASS_PREDICTED_CLASS, NULL),
                     TUMORCLASS_OK);
    for (int i = 0; i < VOXELS; i++) ck_assert_double_eq_tol(map[i], ensemble_map[i], 1e-6);
    ck_assert_mem_eq(a.peak_voxel, b.peak_voxel, sizeof a.peak_voxel);
    char text[128];
    ck_assert_int_eq(tumorclass_attention_describe(session, text, sizeof text, NULL), TUMORCLASS_OK);
    ck_assert_ptr_nonnull(strstr(text, "mean of 2 models"));
    ck_assert_uint_gt(tumorclass_session_memory(session, NULL), tumorclass_session_memory(alone, NULL));
    tumorclass_result_free(plain);
    tumorclass_result_free(both);
    tumorclass_session_free(alone);
    tumorclass_session_free(session);
}
END_TEST

START_TEST(ensembles_are_refused_with_what_is_wrong)
{
    tumorclass_model *none[] = { model, NULL };
    tumorclass_session *session = (tumorclass_session *)1;
    ck_assert_int_eq(tumorclass_session_create_ensemble(&session, none, 2, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_ptr_null(session);
    ck_assert_str_eq(tumorclass_last_error(), "models[1] is NULL");
    ck_assert_int_eq(tumorclass_session_create_ensemble(&session, none, 0, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_int_eq(tumorclass_session_create_ensemble(&session, none, 65, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_int_eq(tumorclass_session_create_ensemble(&session, NULL, 1, NULL), TUMORCLASS_BAD_ARGUMENT);
    ck_assert_int_eq(tumorclass_session_create_ensemble(NULL, none, 1, NULL), TUMORCLASS_BAD_ARGUMENT);
}
END_TEST

START_TEST(every_instruction_set_gives_the_same_answer_to_rounding)
{
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    float first[7];
    int32_t count = 0;
    for (; tumorclass_instruction_set(count); count++) {
        tumorclass_session *session;
        options.instruction_set = count + 1;
        ck_assert_int_eq(tumorclass_session_create(&session, model, &options), TUMORCLASS_OK);
        ck_assert_ptr_nonnull(strstr(tumorclass_session_device(session), tumorclass_instruction_set(count)));
        tumorclass_result *result = classified(session);
        const float *logits = tumorclass_result_logits(result, NULL);
        if (!count) memcpy(first, logits, sizeof first);
        for (int c = 0; c < 7; c++) ck_assert_double_eq_tol(logits[c], first[c], 1e-4);
        tumorclass_result_free(result);
        tumorclass_session_free(session);
    }
    ck_assert_int_ge(count, 1);
    tumorclass_session *session;
    options.instruction_set = count + 1;
    ck_assert_int_eq(tumorclass_session_create(&session, model, &options), TUMORCLASS_BAD_ARGUMENT);
    options.instruction_set = -1;
    ck_assert_int_eq(tumorclass_session_create(&session, model, &options), TUMORCLASS_BAD_ARGUMENT);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("ensembles");
    tcase_add_loop_test(cases, flipped_member_answers_as_the_mirrored_head_does, 0, 3);
    tcase_add_loop_test(cases, map_of_flipped_views_is_turned_back, 0, 2);
    tcase_add_test(cases, every_combination_of_flips_is_run);
    tcase_add_test(cases, ensemble_of_one_model_twice_is_that_model);
    tcase_add_test(cases, ensembles_are_refused_with_what_is_wrong);
    tcase_add_test(cases, every_instruction_set_gives_the_same_answer_to_rounding);
    return run_cases(cases, "ensembles");
}
