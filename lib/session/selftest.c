/* Known answers: what comes out for the phantom, held against what other software says in the model's file, and the
 * class activation maps against the logits that they explain. */
#include <math.h>
#include "base/memory.h"
#include "session/session.h"

/* Of the largest logit, by what is computed with. The CPU's float32 stays under a tenth of it (docs/method.md has the
 * numbers); the others are as much more as their mantissas are shorter than what a convolution's sum evens out. */
static double tolerance_of(tumorclass_precision precision)
{
    static const double tolerances[] = { 0, 5e-3, 4e-2, 1e-3, 5e-3 };
    return tolerances[precision];
}

static double largest_of(const float *values, int32_t count)
{
    double largest = 0;
    for (int32_t i = 0; i < count; i++) largest = fmax(largest, fabs(values[i]));
    return largest;
}

/* NaN, once there, stays: it is no answer. */
static void keep_largest(double *largest, double value)
{
    if (isnan(value) || value > *largest) *largest = value;
}

static void compare_logits(double *error, const struct member *member)
{
    const struct metadata *metadata = &member->model->metadata;
    const double *known = metadata->selftest.numbers;
    double largest = 0;
    for (int32_t c = 0; c < metadata->class_count; c++) largest = fmax(largest, fabs(known[c]));
    for (int32_t c = 0; c < metadata->class_count; c++)
        keep_largest(error, fabs(member->logits[c] - known[c]) / largest);
}

/* The mean of the class activation map over its cells and the bias are the logit. */
static tumorclass_status compare_maps(double *error, const struct member *member)
{
    const struct graph *graph = &member->model->graph;
    const int32_t classes = member->model->metadata.class_count;
    if (!member->features) return TUMORCLASS_OK;
    const int64_t cells = multiply_extents(member->grid.extent, 3);
    const float *bias = graph->head_bias == NO_VALUE ? NULL : graph->values[graph->head_bias].constant;
    float *map = memory_allocate((size_t)cells, sizeof *map);
    if (!map) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a map of %lld cells", (long long)cells);
    for (int32_t c = 0; c < classes; c++) {
        double sum = 0;
        attention_cam(map, &member->grid, graph->values[graph->head_weight].constant, c, 1);
        for (int64_t n = 0; n < cells; n++) sum += map[n];
        const double logit = sum / (double)cells + (bias ? bias[c] : 0);
        keep_largest(error, fabs(logit - member->logits[c]) / largest_of(member->logits, classes));
    }
    memory_free(map);
    return TUMORCLASS_OK;
}

static tumorclass_status judge(const tumorclass_selftest_report *report)
{
    if (!(report->logit_error <= report->logit_tolerance))
        return fail(TUMORCLASS_BACKEND_ERROR,
                    "a logit of the phantom is %.3g of the largest away from the model's known answer, and may be %.3g",
                    report->logit_error, report->logit_tolerance);
    if (!(report->map_error <= report->map_tolerance))
        return fail(TUMORCLASS_BACKEND_ERROR,
                    "an attention map of the phantom adds up to %.3g of the largest logit beside its own, and may be "
                    "%.3g",
                    report->map_error, report->map_tolerance);
    return TUMORCLASS_OK;
}

static tumorclass_status classify_phantom(tumorclass_result **result, tumorclass_session *session)
{
    tumorclass_image *phantom;
    tumorclass_status status = tumorclass_phantom(&phantom);
    if (status == TUMORCLASS_OK) status = tumorclass_classify(session, result, tumorclass_image_volume(phantom), NULL);
    tumorclass_image_free(phantom);
    return status;
}

tumorclass_status tumorclass_session_selftest(tumorclass_session *session, tumorclass_selftest_report *report)
{
    if (!report) return fail(TUMORCLASS_BAD_ARGUMENT, "report is NULL");
    tumorclass_status status = session_enter(session);
    if (status != TUMORCLASS_OK) return status;
    for (int32_t i = 0; i < session->model_count; i++)
        if (!session->models[i].model->metadata.selftest.numbers)
            return fail(TUMORCLASS_UNSUPPORTED, "%s has no known answer: tumorclass.selftest is not in its metadata",
                        session->models[i].model->name);

    tumorclass_result *result = NULL;
    const double tolerance = tolerance_of(network_precision(session->models[0].network));
    *report = (tumorclass_selftest_report){ .logit_tolerance = tolerance, .map_tolerance = tolerance };
    status = classify_phantom(&result, session);
    for (int32_t m = 0; status == TUMORCLASS_OK && m < result->member_count; m++) {
        compare_logits(&report->logit_error, &result->members[m]);
        status = compare_maps(&report->map_error, &result->members[m]);
    }
    tumorclass_result_free(result);
    return session_leave(session, status == TUMORCLASS_OK ? judge(report) : status);
}
