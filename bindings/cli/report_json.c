/* docs/result.schema.json describes these objects. */
#include "json.h"
#include "report.h"

static json_t *class_object(const struct report *report)
{
    size_t count;
    const int32_t index = tumorclass_result_class(report->result);
    return json_pack("{s:o, s:o, s:i, s:f}", "name", json_text(tumorclass_model_class_name(report->model, index)),
                     "code", json_text(tumorclass_model_class_code(report->model, index)), "index", (int)index,
                     "probability", (double)tumorclass_result_probabilities(report->result, &count)[index]);
}

/* { code: value }, in the model's order. */
static json_t *by_class(const tumorclass_model *model, const float *values, size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++)
        json_object_set_new(object, tumorclass_model_class_code(model, (int32_t)i), json_number((double)values[i]));
    return object;
}

static json_t *probabilities_object(const struct report *report)
{
    size_t count;
    const float *values = tumorclass_result_probabilities(report->result, &count);
    return by_class(report->model, values, count);
}

static json_t *logits_object(const struct report *report)
{
    size_t count;
    const float *values = tumorclass_result_logits(report->result, &count);
    return by_class(report->model, values, count);
}

/* Codes of classes, in the order given; NULL: null. */
static json_t *codes_array(const struct report *report, const int32_t *classes, size_t count)
{
    if (!classes) return json_null();
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_text(tumorclass_model_class_code(report->model, classes[i])));
    return array;
}

/* A value that the model has no statistics for is null. */
static json_t *known_number(bool known, double value)
{
    return known ? json_number(value) : json_null();
}

static json_t *confidence_object(const struct report *report)
{
    size_t ranked, possible;
    tumorclass_confidence confidence;
    const int32_t *ranking = tumorclass_result_ranking(report->result, &ranked),
                  *set = tumorclass_result_prediction_set(report->result, &possible);
    tumorclass_result_confidence(report->result, &confidence);
    const bool has_cloud = confidence.most_unlikeness > 0;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "ranking", codes_array(report, ranking, ranked),
                     "margin", json_number(confidence.margin), "entropy", json_number(confidence.entropy),
                     "prediction_set", codes_array(report, set, possible), "coverage",
                     known_number(set, confidence.coverage), "abstention",
                     json_text(tumorclass_result_abstention(report->result)), "unlikeness",
                     known_number(has_cloud, confidence.unlikeness), "most_unlikeness",
                     known_number(has_cloud, confidence.most_unlikeness));
}

/* One for each model and flip; their mean is the answer. */
static json_t *members_array(const struct report *report)
{
    json_t *array = json_array();
    for (int32_t i = 0; i < tumorclass_result_member_count(report->result); i++) {
        size_t count;
        const float *probabilities = tumorclass_result_member_probabilities(report->result, i, &count);
        json_array_append_new(array, json_pack("{s:o, s:o}", "name",
                                               json_text(tumorclass_result_member_name(report->result, i)),
                                               "probabilities", by_class(report->model, probabilities, count)));
    }
    return array;
}

static json_t *spread_object(const struct report *report)
{
    size_t count;
    const float *values = tumorclass_result_spread(report->result, &count);
    return by_class(report->model, values, count);
}

static json_t *embedding_array(const tumorclass_result *result)
{
    size_t count;
    const float *values = tumorclass_result_embedding(result, &count);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(array, json_number((double)values[i]));
    return array;
}

static json_t *qc_array(const tumorclass_result *result)
{
    size_t count;
    const tumorclass_qc *qc = tumorclass_result_qc(result, &count);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_pack("{s:o, s:o, s:o, s:o}", "code", json_text(qc[i].code), "message",
                                               json_text(qc[i].message), "value", json_number(qc[i].value), "threshold",
                                               json_number(qc[i].threshold)));
    return array;
}

static json_t *map_object(const struct report *report, const tumorclass_attention_summary *map, int32_t index)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "class", json_text(tumorclass_model_class_code(report->model, index)),
                     "peak_mm", json_triple(map->peak_mm), "peak_voxel", json_counts(map->peak_voxel), "centre_mm",
                     json_triple(map->centre_mm), "inside", json_number(map->inside));
}

/* The map of one class; of several, all in "maps" besides, in the order of the file's volumes. */
static json_t *attention_object(const struct report *report)
{
    if (!report->maps) return json_null();
    json_t *object = map_object(report, report_map(report), report->map_class);
    json_object_set_new(object, "method", json_string(report->method));
    json_object_set_new(object, "scale", json_string(report->scale == TUMORCLASS_ATTENTION_RAW ? "raw" : "unit"));
    json_object_set_new(object, "path", json_text(report->attention));
    json_object_set_new(object, "overlay", json_text(report->overlay));
    if (report->map_count == 1) return object;
    json_t *maps = json_array();
    for (int32_t i = 0; i < report->map_count; i++)
        json_array_append_new(maps, map_object(report, &report->maps[i], i));
    json_object_set_new(object, "maps", maps);
    return object;
}

static json_t *provenance_object(const tumorclass_result *result)
{
    size_t count;
    const tumorclass_property *properties = tumorclass_result_provenance(result, &count);
    return json_properties(properties, count);
}

static json_t *timings_object(const struct report *report)
{
    size_t count;
    const tumorclass_timing *timings = tumorclass_result_timings(report->result, &count);
    json_t *object = json_pack("{s:f}", "read", report->read_seconds);
    for (size_t i = 0; i < count; i++) json_object_set_new(object, timings[i].stage, json_number(timings[i].seconds));
    json_object_set_new(object, "attention", json_real(report->attention_seconds));
    json_object_set_new(object, "write", json_real(report->write_seconds));
    return object;
}

/* A row of a batch begins with what it is found by. */
static json_t *row_object(const struct row_name *row)
{
    json_t *object = json_object();
    if (!row) return object;
    json_object_set_new(object, "key", json_text(row->key));
    json_object_set_new(object, "run", json_text(row->run));
    if (row->subject) json_object_set_new(object, "subject", json_text(row->subject));
    if (row->session) json_object_set_new(object, "session", json_text(row->session));
    return object;
}

static void put_object(FILE *stream, const struct report *report, json_t *answer)
{
    json_t *object = row_object(report->row);
    json_object_update(object, answer);
    json_decref(answer);
    json_line(stream, object);
}

void report_json(FILE *stream, const struct report *report)
{
    json_t *object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "scan",
                               json_text(report->scan), "class", class_object(report), "probabilities",
                               probabilities_object(report), "logits", logits_object(report), "confidence",
                               confidence_object(report), "members", members_array(report), "spread",
                               spread_object(report), "qc", qc_array(report->result), "attention",
                               attention_object(report), "provenance", provenance_object(report->result), "device",
                               json_text(tumorclass_result_device(report->result)), "timings", timings_object(report));
    if (report->embedding) json_object_set_new(object, "embedding", embedding_array(report->result));
    json_object_set_new(object, "disclaimer", json_string(DISCLAIMER));
    put_object(stream, report, object);
}

void report_failure_json(FILE *stream, const struct report *report, tumorclass_status status, const char *message)
{
    put_object(stream, report,
               json_pack("{s:o, s:{s:s, s:o}, s:s}", "scan", json_text(report->scan), "error", "status",
                         tumorclass_status_name(status), "message", json_text(message), "disclaimer", DISCLAIMER));
}
