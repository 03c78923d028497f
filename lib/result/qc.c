/* Quality checks: what about this scan, or this model, makes the answer less sure. docs/method.md gives the reason for
 * each threshold. A check that fails adds a warning; all are made on every scan. */
#include <math.h>
#include "result/result.h"

enum { LEAST_COVERAGE_MM = 110, MOST_COVERAGE_MM = 400, LEAST_STRIPPED_ML = 400, MOST_STRIPPED_ML = 2200 };
static const double least_step_mm = 0.2, most_step_mm = 12, most_anisotropy = 3;
static const double least_foreground = 0.05, most_foreground = 0.95;

/* What the checks look at, and where they write. */
struct examination {
    tumorclass_result *result;
    const struct metadata *metadata;
    const struct preprocess_facts *facts;
};

static void check_model(const struct examination *seen)
{
    const struct metadata *metadata = seen->metadata;
    if (metadata->untrained)
        result_warn(seen->result, "untrained_model", 1, 0,
                    "the model has random weights: its probabilities and maps mean nothing");
    if (metadata->incomplete)
        result_warn(seen->result, "model_without_metadata", 1, 0,
                    "the model does not say how scans are prepared for it: defaults were used");
}

static void check_orientation(const struct examination *seen)
{
    const uint32_t notes = seen->result->scan.notes;
    if (notes & TUMORCLASS_NOTE_NO_ORIENTATION)
        result_warn(seen->result, "no_orientation", 1, 0,
                    "the file does not say which way the head lies: axes were taken as right, front, up");
    if (notes & TUMORCLASS_NOTE_FORMS_DISAGREE)
        result_warn(seen->result, "forms_disagree", 1, 0, "sform and qform differ: the sform was used");
    if (notes & TUMORCLASS_NOTE_BAD_FORM)
        result_warn(seen->result, "bad_form", 1, 0, "a transform of the file cannot be inverted and was passed over");
}

static void check_voxels(const struct examination *seen)
{
    const struct preprocess_facts *facts = seen->facts;
    if (seen->result->scan.notes & TUMORCLASS_NOTE_EXTRA_DIMENSIONS)
        result_warn(seen->result, "not_3d", 1, 0, "the file holds more than one volume: the first was taken");
    if (facts->nonfinite)
        result_warn(seen->result, "nonfinite_voxels", (double)facts->nonfinite, 0,
                    "%lld voxels are not numbers; they were taken as background", (long long)facts->nonfinite);
    if (facts->minimum < 0)
        result_warn(seen->result, "already_normalized", facts->minimum, 0,
                    "intensities go down to %.3g: the scan looks already normalized", facts->minimum);
}

static void check_steps(const struct examination *seen)
{
    const double *step = seen->facts->step_mm;
    const double least = fmin(step[0], fmin(step[1], step[2])), most = fmax(step[0], fmax(step[1], step[2]));
    if (least < least_step_mm)
        result_warn(seen->result, "implausible_spacing", least, least_step_mm,
                    "voxels are %.3g mm wide, a head scan has at least %.3g mm: check the units", least, least_step_mm);
    if (most > most_step_mm)
        result_warn(seen->result, "implausible_spacing", most, most_step_mm,
                    "voxels are %.3g mm wide, a head scan has at most %.3g mm: check the units", most, most_step_mm);
    if (most / least > most_anisotropy)
        result_warn(seen->result, "anisotropic", most / least, most_anisotropy,
                    "slices are %.1f times as thick as pixels are wide", most / least);
}

static void check_coverage(const struct examination *seen)
{
    const double *mm = seen->facts->coverage_mm;
    const double least = fmin(mm[0], fmin(mm[1], mm[2])), most = fmax(mm[0], fmax(mm[1], mm[2]));
    if (most > MOST_COVERAGE_MM)
        result_warn(seen->result, "implausible_field_of_view", most, MOST_COVERAGE_MM,
                    "the field of view is %.0f mm long, a head scan has at most %d mm", most, MOST_COVERAGE_MM);
    if (least < LEAST_COVERAGE_MM)
        result_warn(seen->result, "partial_coverage", least, LEAST_COVERAGE_MM,
                    "the field of view is %.0f mm short: part of the head is not in the scan", least);
}

static void check_foreground(const struct examination *seen)
{
    const struct preprocess_facts *facts = seen->facts;
    if (facts->foreground != FOREGROUND_ALL) return;
    const bool little = facts->foreground_share < 0.5;
    result_warn(seen->result, "no_foreground", facts->foreground_share, little ? least_foreground : most_foreground,
                "the head fills %.1f %% of the scan, which is too %s to be one: all voxels were used",
                100 * facts->foreground_share, little ? "little" : "much");
}

/* A brain alone has 900 to 1,700 ml, a head with its skull and scalp twice that and more. */
static void check_stripping(const struct examination *seen)
{
    const struct preprocess_facts *facts = seen->facts;
    const int32_t wanted = seen->metadata->preprocess.stripped;
    if (wanted == STRIPPED_ANY || facts->foreground == FOREGROUND_ALL) return;
    const double voxel_ml = fabs(affine_determinant(seen->result->scan.affine)) / 1000;
    const double ml = facts->foreground_share * (double)volume_count(&seen->result->scan) * voxel_ml;
    if (wanted == STRIPPED_YES && ml > MOST_STRIPPED_ML)
        result_warn(seen->result, "looks_unstripped", ml, MOST_STRIPPED_ML,
                    "the foreground has %.0f ml, a brain at most %d: the model wants the skull removed, as "
                    "HD-BET or SynthStrip do",
                    ml, MOST_STRIPPED_ML);
    if (wanted == STRIPPED_NO && ml > LEAST_STRIPPED_ML && ml < MOST_STRIPPED_ML)
        result_warn(seen->result, "looks_stripped", ml, MOST_STRIPPED_ML,
                    "the foreground has %.0f ml, as a brain without its skull: the model wants whole heads", ml);
}

tumorclass_status qc_check(tumorclass_result *result, const tumorclass_model *model,
                           const struct preparation *preparation)
{
    static void (*const checks[])(const struct examination *) = {
        check_model, check_orientation, check_voxels, check_steps, check_coverage, check_foreground, check_stripping,
    };
    const struct examination seen = { result, &model->metadata, &preparation->facts };
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) checks[i](&seen);
    return result_notes(result);
}
