/* The getters of a result. */
#include "result/result.h"

int32_t tumorclass_result_class(const tumorclass_result *result)
{
    return result->class_index;
}

static size_t class_count(const tumorclass_result *result)
{
    return (size_t)result->members[0].model->metadata.class_count;
}

const float *tumorclass_result_probabilities(const tumorclass_result *result, size_t *count)
{
    if (count) *count = class_count(result);
    return result->probabilities;
}

const float *tumorclass_result_logits(const tumorclass_result *result, size_t *count)
{
    if (count) *count = class_count(result);
    return result->logits;
}

const float *tumorclass_result_embedding(const tumorclass_result *result, size_t *count)
{
    if (count) *count = result->embedding ? (size_t)result->members[0].grid.channels : 0;
    return result->embedding;
}

const tumorclass_qc *tumorclass_result_qc(const tumorclass_result *result, size_t *count)
{
    if (count) *count = result->qc_count;
    return result->qc;
}

const tumorclass_timing *tumorclass_result_timings(const tumorclass_result *result, size_t *count)
{
    if (count) *count = result->timing_count;
    return result->timings;
}

const tumorclass_property *tumorclass_result_provenance(const tumorclass_result *result, size_t *count)
{
    if (count) *count = result->provenance_count;
    return result->provenance;
}

const char *tumorclass_result_device(const tumorclass_result *result)
{
    return result->device;
}

const float *tumorclass_result_spread(const tumorclass_result *result, size_t *count)
{
    if (count) *count = class_count(result);
    return result->spread;
}

int32_t tumorclass_result_member_count(const tumorclass_result *result)
{
    return result->member_count;
}

const char *tumorclass_result_member_name(const tumorclass_result *result, int32_t member)
{
    return member >= 0 && member < result->member_count ? result->members[member].name : NULL;
}

const float *tumorclass_result_member_probabilities(const tumorclass_result *result, int32_t member, size_t *count)
{
    const bool exists = member >= 0 && member < result->member_count;
    if (count) *count = exists ? class_count(result) : 0;
    return exists ? result->members[member].probabilities : NULL;
}

const int32_t *tumorclass_result_ranking(const tumorclass_result *result, size_t *count)
{
    if (count) *count = class_count(result);
    return result->ranking;
}

void tumorclass_result_confidence(const tumorclass_result *result, tumorclass_confidence *confidence)
{
    *confidence = result->confidence;
}

const int32_t *tumorclass_result_prediction_set(const tumorclass_result *result, size_t *count)
{
    if (count) *count = result->has_set ? (size_t)result->set_count : 0;
    return result->has_set ? result->set : NULL;
}

const char *tumorclass_result_abstention(const tumorclass_result *result)
{
    return result->abstention;
}
