/* What it takes to get the same answer again. */
#include "result/result.h"

static void record_model(tumorclass_result *result)
{
    const struct member *first = &result->members[0];
    result_provide(result, "library", "tumorclass %s", TUMORCLASS_VERSION_STRING);
    result_provide(result, "model", "%s", first->model->name);
    result_provide(result, "model_sha256", "%s", first->model->sha256);
    result_provide(result, "temperature", "%.9g", first->model->metadata.temperature);
}

/* The further models of an ensemble: "model_2", ... */
static void record_further_models(tumorclass_result *result)
{
    int number = 1;
    for (int32_t i = 1; i < result->member_count; i++) {
        const struct member *member = &result->members[i];
        if (member->flips) continue;
        number++;
        const char *name = result_keep(result, "model_%d", number),
                   *sha256 = result_keep(result, "model_%d_sha256", number);
        if (!name || !sha256) return;
        result_provide(result, name, "%s", member->model->name);
        result_provide(result, sha256, "%s", member->model->sha256);
    }
}

static void record_scan(tumorclass_result *result)
{
    const struct preprocess_facts *facts = &result->preparation.facts;
    const tumorclass_volume *scan = &result->scan;
    char code[4];
    orientation_code(code, scan->affine);
    result_provide(result, "scan_orientation", "%s", code);
    result_provide(result, "scan_shape", "%lld,%lld,%lld", (long long)scan->shape[0], (long long)scan->shape[1],
                   (long long)scan->shape[2]);
    result_provide(result, "scan_voxel_mm", "%.6g,%.6g,%.6g", volume_step_mm(scan, 0), volume_step_mm(scan, 1),
                   volume_step_mm(scan, 2));
    result_provide(result, "scan_range", "%.9g,%.9g", facts->minimum, facts->maximum);
}

static void record_grid(tumorclass_result *result)
{
    const struct preprocess_spec *spec = &result->members[0].model->metadata.preprocess;
    result_provide(result, "input_orientation", "%s", spec->orientation);
    result_provide(result, "input_shape", "%lld,%lld,%lld", (long long)spec->shape[0], (long long)spec->shape[1],
                   (long long)spec->shape[2]);
    if (spec->grid == GRID_STRETCH) result_provide(result, "input_grid", "stretch");
    if (spec->grid == GRID_SPACING)
        result_provide(result, "input_grid", "spacing %.6g,%.6g,%.6g", spec->spacing[0], spec->spacing[1],
                       spec->spacing[2]);
}

static void record_foreground(tumorclass_result *result)
{
    static const char *const ways[] = { "given", "background value", "Otsu", "all voxels" };
    const struct preprocess_facts *facts = &result->preparation.facts;
    result_provide(result, "foreground", "%s", ways[facts->foreground]);
    result_provide(result, "foreground_share", "%.6f", facts->foreground_share);
    result_provide(result, "foreground_centre_mm", "%.6g,%.6g,%.6g", facts->centre_mm[0], facts->centre_mm[1],
                   facts->centre_mm[2]);
    if (facts->foreground_tried == FOREGROUND_BACKGROUND_VALUE)
        result_provide(result, "background_value", "%.9g", facts->background_value);
    if (facts->foreground_tried == FOREGROUND_OTSU) result_provide(result, "threshold", "%.9g", facts->threshold);
}

static void record_norm(tumorclass_result *result)
{
    static const char *const names[] = { "zscore-foreground", "zscore", "percentile", "none" };
    const struct preprocess_spec *spec = &result->members[0].model->metadata.preprocess;
    const struct preprocess_facts *facts = &result->preparation.facts;
    result_provide(result, "norm", "%s", names[spec->norm]);
    if (spec->norm == NORM_ZSCORE_FOREGROUND || spec->norm == NORM_ZSCORE) {
        result_provide(result, "norm_mean", "%.17g", facts->mean);
        result_provide(result, "norm_deviation", "%.17g", facts->deviation);
    }
    if (spec->norm == NORM_PERCENTILE) result_provide(result, "norm_range", "%.9g,%.9g", facts->low, facts->high);
}

static void record_flips(tumorclass_result *result, uint32_t flips)
{
    const char *names = flips ? result_flips(result, flips) : NULL;
    if (names) result_provide(result, "flips", "%s", names);
}

static void record_precision(tumorclass_result *result, tumorclass_precision precision)
{
    static const char *const names[] = { "float32", "half", "bfloat16", "float32", "tensor float32" };
    result_provide(result, "precision", "%s", names[precision]);
}

void provenance_record(tumorclass_result *result, uint32_t flips, tumorclass_precision precision)
{
    static void (*const records[])(tumorclass_result *) = {
        record_model, record_further_models, record_scan, record_grid, record_foreground, record_norm,
    };
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) records[i](result);
    record_precision(result, precision);
    record_flips(result, flips);
}
