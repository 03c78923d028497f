/* result: the answer and the reasons to trust or distrust it. Includes base, image, model, preprocess and attention. */
#ifndef RESULT_RESULT_H
#define RESULT_RESULT_H
#include "attention/attention.h"
#include "model/model.h"
#include "preprocess/preprocess.h"

enum { MAX_QC = 24, MAX_TIMINGS = 8, MAX_PROVENANCE = 40 };

struct tumorclass_result {
    tumorclass_model *model; /* retained */
    int32_t class_index;
    float *probabilities, *logits; /* one a class */
    float *embedding, *features;   /* NULL if the network has none */
    struct feature_grid grid;      /* grid.features is features */
    tumorclass_volume scan;        /* the scan's grid, without its voxels */
    struct preparation preparation;
    tumorclass_qc qc[MAX_QC];
    size_t qc_count;
    tumorclass_timing timings[MAX_TIMINGS];
    size_t timing_count;
    tumorclass_property provenance[MAX_PROVENANCE];
    size_t provenance_count;
    struct note *notes; /* own the texts of qc, provenance and device */
    bool notes_lost;
    const char *device;
};

/* A result with room for what the model gives. */
tumorclass_status result_create(tumorclass_result **result, tumorclass_model *model, const tumorclass_volume *scan);
/* From the logits: probabilities = softmax(logits / temperature), in double, and the class, the first of the largest.
 * BAD_IMAGE if a logit is not finite for this scan, OUT_OF_MEMORY if a note was lost. */
tumorclass_status result_settle(tumorclass_result *result);

/* Texts are formatted and copied; keys, codes and stages must be literals. Without memory the text is left out and
 * result->notes_lost set, which result_notes makes an OUT_OF_MEMORY. */
void result_device(tumorclass_result *result, const char *device);
void result_provide(tumorclass_result *result, const char *key, const char *format, ...) PRINTF_LIKE(3, 4);
void result_warn(tumorclass_result *result, const char *code, double value, double threshold, const char *format, ...)
    PRINTF_LIKE(5, 6);
tumorclass_status result_notes(const tumorclass_result *result);
void result_time(tumorclass_result *result, const char *stage, double seconds);

/* qc.c: every check of the scan, its preparation and the model. provenance.c: all that it takes to get the same answer
 * again. Both after the preparation is done. qc_check: OUT_OF_MEMORY if a warning was lost. */
tumorclass_status qc_check(tumorclass_result *result);
void provenance_record(tumorclass_result *result);

#endif
