/* How far to trust the class: from the means over the members, and from what the model says about its calibration. */
#include <math.h>
#include <string.h>
#include "result/result.h"

/* The answer's class was chosen by means that were not rounded to float yet: among equals it comes first. */
static bool precedes(const float *probabilities, int32_t a, int32_t b, int32_t chosen)
{
    return probabilities[a] > probabilities[b] || (probabilities[a] == probabilities[b] && a == chosen);
}

/* The classes by falling probability; of other equal ones the first comes first. */
static void rank(int32_t *ranking, const float *probabilities, int32_t count, int32_t chosen)
{
    for (int32_t c = 0; c < count; c++) {
        int32_t place = c;
        for (; place > 0 && precedes(probabilities, c, ranking[place - 1], chosen); place--)
            ranking[place] = ranking[place - 1];
        ranking[place] = c;
    }
}

/* -sum p ln p, in nats. */
static double entropy_of(const float *probabilities, int32_t count)
{
    double entropy = 0;
    for (int32_t c = 0; c < count; c++)
        if (probabilities[c] > 0) entropy -= probabilities[c] * log(probabilities[c]);
    return entropy;
}

static bool of_one_model(const tumorclass_result *result)
{
    for (int32_t m = 1; m < result->member_count; m++)
        if (result->members[m].model != result->members[0].model) return false;
    return true;
}

/* Class-conditional conformal prediction with the score 1 - p (Sadinle, Lei and Wasserman 2019). The thresholds are of
 * one model's probabilities: the means of several have others. */
static void judge_set(tumorclass_result *result, const struct metadata *metadata)
{
    const double *thresholds = metadata->calibration.thresholds.numbers;
    result->set_count = 0;
    result->has_set = thresholds && of_one_model(result);
    if (!result->has_set) return;
    result->confidence.coverage = metadata->calibration.coverage;
    for (int32_t i = 0; i < metadata->class_count; i++) {
        const int32_t c = result->ranking[i];
        if (1 - (double)result->probabilities[c] <= thresholds[c]) result->set[result->set_count++] = c;
    }
}

/* sqrt(mean over features f of ((embedding_f - centre_f) / deviation_f)^2), to the nearest centre. */
static double unlikeness_of(const float *embedding, const struct training_cloud *cloud)
{
    const size_t features = cloud->centres.columns;
    double least = INFINITY;
    for (size_t row = 0; row < cloud->centres.rows; row++) {
        const double *centre = cloud->centres.numbers + row * features;
        double sum = 0;
        for (size_t f = 0; f < features; f++) {
            const double steps = (embedding[f] - centre[f]) / cloud->deviations.numbers[f];
            sum += steps * steps;
        }
        least = fmin(least, sqrt(sum / (double)features));
    }
    return least;
}

static void judge_unlikeness(tumorclass_result *result, const struct training_cloud *cloud)
{
    if (!cloud->centres.numbers) return;
    const double unlikeness = unlikeness_of(result->embedding, cloud);
    result->confidence.unlikeness = unlikeness;
    result->confidence.most_unlikeness = cloud->most;
    if (unlikeness > cloud->most)
        result_warn(result, "unlike_training", unlikeness, cloud->most,
                    "the scan's features lie %.3g deviations from those of the scans that the model learned from, most "
                    "of which stay under %.3g: it may show what the model has never seen",
                    unlikeness, cloud->most);
}

/* Of several models the strictest counts, whatever their order. */
static double least_probability(const tumorclass_result *result)
{
    double least = 0;
    for (int32_t m = 0; m < result->member_count; m++)
        least = fmax(least, result->members[m].model->metadata.calibration.least_probability);
    return least;
}

static void judge_abstention(tumorclass_result *result, const struct metadata *metadata)
{
    const int32_t first = result->ranking[0];
    const double most = result->probabilities[first], least = least_probability(result);
    result->abstention = NULL;
    if (most < least)
        result->abstention = result_keep(result,
                                         "the most probable class, %s, has %.1f %%, and the model wants at least %.1f "
                                         "%% before one is named",
                                         metadata->classes[first], 100 * most, 100 * least);
    else if (result->has_set && !result->set_count)
        result->abstention = result_keep(result,
                                         "the prediction set is empty: the scan is unlike those of every class that "
                                         "the model was calibrated on (coverage %.1f %%)",
                                         100 * result->confidence.coverage);
}

void result_judge(tumorclass_result *result)
{
    const struct metadata *metadata = &result->members[0].model->metadata;
    const float *probabilities = result->probabilities;
    const int32_t count = metadata->class_count;
    rank(result->ranking, probabilities, count, result->class_index);
    result->confidence = (tumorclass_confidence){
        .entropy = entropy_of(probabilities, count),
        .margin = (double)probabilities[result->ranking[0]] - probabilities[result->ranking[1]],
    };
    judge_set(result, metadata);
    judge_unlikeness(result, &metadata->cloud);
    judge_abstention(result, metadata);
}
