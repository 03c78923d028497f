/* result: the answer and the reasons to trust or distrust it. Includes base, image, model, preprocess and attention. */
#ifndef RESULT_RESULT_H
#define RESULT_RESULT_H
#include "attention/attention.h"
#include "model/model.h"
#include "preprocess/preprocess.h"

enum { MAX_QC = 24, MAX_TIMINGS = 8, MAX_PROVENANCE = 32 };

struct tumorclass_result {
    tumorclass_model *model; /* retained */
    int32_t class_index;
    float *probabilities, *logits; /* one a class */
    float *embedding;              /* NULL if the network has none */
    size_t embedding_count;
    float *features; /* NULL if the network has none; grid.features is the same */
    struct feature_grid grid;
    tumorclass_volume scan;         /* shape and affine of the scan; no data */
    struct preparation preparation; /* its input is not kept */
    tumorclass_qc qc[MAX_QC];
    size_t qc_count;
    tumorclass_timing timings[MAX_TIMINGS];
    size_t timing_count;
    tumorclass_property provenance[MAX_PROVENANCE];
    size_t provenance_count;
    struct note *notes; /* owns the texts of qc and provenance */
    char *device;
};

/* A result with room for what the model gives. */
tumorclass_status result_create(tumorclass_result **result, tumorclass_model *model, const tumorclass_volume *scan);
/* softmax(logits / temperature), in double; the class is the first of the largest. Not finite: BAD_MODEL. */
tumorclass_status result_settle(tumorclass_result *result);
void result_time(tumorclass_result *result, const char *stage, double seconds);

/* A fact for the provenance; a quality check that failed. The text is formatted and copied. */
tumorclass_status result_provide(tumorclass_result *result, const char *key, const char *format, ...) PRINTF_LIKE(3, 4);
tumorclass_status result_warn(tumorclass_result *result, const char *code, double value, double threshold,
                              const char *format, ...) PRINTF_LIKE(5, 6);

/* qc.c: every check on scan, preparation and model. provenance.c: every fact. */
tumorclass_status qc_check(tumorclass_result *result);
tumorclass_status provenance_record(tumorclass_result *result);

#endif
