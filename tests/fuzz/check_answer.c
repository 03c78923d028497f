#include "check_answer.h"
#include <math.h>
#include <stdlib.h>
#include "image/volume.h"

static void check_probabilities(const tumorclass_result *result, const tumorclass_model *model)
{
    size_t count;
    double sum = 0;
    const float *probabilities = tumorclass_result_probabilities(result, &count);
    promise(count == (size_t)tumorclass_model_class_count(model), "one probability a class");
    for (size_t i = 0; i < count; i++) sum += (double)probabilities[i];
    promise(fabs(sum - 1) < 1e-3, "probabilities sum to 1");
    const int32_t best = tumorclass_result_class(result);
    promise(best >= 0 && best < (int32_t)count, "the class is one of the model's");
}

/* A permutation of the classes by falling probability. */
static void check_ranking(const tumorclass_result *result)
{
    size_t count, classes;
    uint64_t seen = 0;
    const float *probabilities = tumorclass_result_probabilities(result, &classes);
    const int32_t *ranking = tumorclass_result_ranking(result, &count);
    promise(count == classes && ranking[0] == tumorclass_result_class(result), "every class is ranked, the best first");
    for (size_t i = 0; i < count; i++) {
        promise(ranking[i] >= 0 && (size_t)ranking[i] < classes && !(seen >> ranking[i] & 1), "each class once");
        promise(i == 0 || probabilities[ranking[i - 1]] >= probabilities[ranking[i]], "probabilities fall");
        seen |= UINT64_C(1) << ranking[i];
    }
}

static void check_trust(const tumorclass_result *result)
{
    size_t count, classes;
    tumorclass_confidence confidence;
    tumorclass_result_probabilities(result, &classes);
    tumorclass_result_confidence(result, &confidence);
    promise(confidence.entropy >= 0 && confidence.margin >= 0 && confidence.margin <= 1, "entropy and margin");
    promise(confidence.unlikeness >= 0, "unlikeness is a distance");
    const int32_t *set = tumorclass_result_prediction_set(result, &count);
    promise(count <= classes && (set || !count), "a prediction set is of classes");
    const float *spread = tumorclass_result_spread(result, &count);
    for (size_t i = 0; i < count; i++) promise(spread[i] >= 0 && spread[i] <= 1, "a spread is of probabilities");
    promise(tumorclass_result_member_count(result) >= 1, "an answer has a member");
}

static void check_map(tumorclass_session *session, const tumorclass_result *result, const tumorclass_volume *volume)
{
    const size_t count = (size_t)volume_count(volume);
    tumorclass_attention_summary summary;
    float *map = malloc(count * sizeof *map);
    promise(map != NULL, "there is memory for a map");
    const tumorclass_status status = tumorclass_attention(session, map, count, &summary, result, 0, NULL);
    for (size_t i = 0; i < count && status == TUMORCLASS_OK; i++)
        promise(map[i] >= 0 && map[i] <= 1, "a unit map is from 0 to 1");
    for (int i = 0; i < 3 && status == TUMORCLASS_OK; i++)
        promise(summary.peak_voxel[i] >= 0 && summary.peak_voxel[i] < volume->shape[i], "the peak is a voxel");
    free(map);
}

tumorclass_status check_answer(tumorclass_session *session, const tumorclass_model *model,
                               const tumorclass_volume *volume, const tumorclass_scan_options *options)
{
    tumorclass_result *result;
    const tumorclass_status status = tumorclass_classify(session, &result, volume, options);
    promise_status(status, result);
    if (status == TUMORCLASS_OK) {
        check_probabilities(result, model);
        check_ranking(result);
        check_trust(result);
        check_map(session, result, volume);
    }
    tumorclass_result_free(result);
    return status;
}
