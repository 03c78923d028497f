/* result: the answer and the reasons to trust or distrust it. Includes base, image, model, preprocess and attention. */
#ifndef RESULT_RESULT_H
#define RESULT_RESULT_H
#include "attention/attention.h"
#include "model/model.h"
#include "preprocess/preprocess.h"

enum { MAX_QC = 24, MAX_TIMINGS = 8, MAX_PROVENANCE = 176 };

/* One run of one network on one view of the scan. What the network does not have is NULL. */
struct member {
    tumorclass_model *model; /* retained */
    uint32_t flips;          /* of its input */
    const char *name;
    float *logits, *probabilities; /* one a class */
    float *embedding, *features;
    float *fine;              /* activations at the model's default level, for the fine map there */
    float *input;             /* for the fine map at other levels: [D][H][W] */
    struct feature_grid grid; /* grid.features is features */
};

struct tumorclass_result {
    struct member *members;
    int32_t member_count;
    int32_t class_index;
    float *probabilities, *logits, *spread; /* one a class: means over the members, and the deviation */
    float *embedding;                       /* mean over the members of the first model */
    int32_t *ranking, *set;                 /* one a class; the first set_count of the set are in it */
    int32_t set_count;
    bool has_set;
    tumorclass_confidence confidence;
    const char *abstention;         /* NULL: none */
    tumorclass_volume scan;         /* the scan's grid, without its voxels */
    struct preparation preparation; /* of the first model; its input is gone */
    tumorclass_qc qc[MAX_QC];
    size_t qc_count;
    tumorclass_timing timings[MAX_TIMINGS];
    size_t timing_count;
    tumorclass_property provenance[MAX_PROVENANCE];
    size_t provenance_count;
    struct note *notes; /* own the texts of qc, provenance, device, names and abstention */
    bool notes_lost;
    const char *device;
};

/* A result with room for `count` members, and none yet. */
tumorclass_status result_create(tumorclass_result **result, const tumorclass_volume *scan, int32_t count);
/* The next member, with room for what its model gives and the name that reports show. Its input is the caller's to fill. */
tumorclass_status result_add_member(tumorclass_result *result, struct member **member, tumorclass_model *model,
                                    uint32_t flips);
/* Bytes that a member of this model keeps. */
size_t result_member_memory(const tumorclass_model *model);
/* From the members' logits: probabilities = softmax(logits / temperature), in double; their means and deviation; the
 * class, the first of the most probable. Then result_judge.
 * BAD_IMAGE if a logit is not finite for this scan, OUT_OF_MEMORY if a note was lost. */
tumorclass_status result_settle(tumorclass_result *result);
/* confidence.c. From the means: ranking, entropy, margin, prediction set, unlikeness (a quality warning where it is
 * large), abstention. Formulas: docs/method.md. */
void result_judge(tumorclass_result *result);

/* Texts are formatted and copied; keys, codes and stages must be literals. Without memory the text is left out and
 * result->notes_lost set, which result_notes makes an OUT_OF_MEMORY. */
/* "left-right down-up" */
const char *result_flips(tumorclass_result *result, uint32_t flips);
const char *result_keep(tumorclass_result *result, const char *format, ...) PRINTF_LIKE(2, 3); /* NULL: no memory */
void result_device(tumorclass_result *result, const char *device);
void result_provide(tumorclass_result *result, const char *key, const char *format, ...) PRINTF_LIKE(3, 4);
/* A code that stands there already with that threshold is not warned of twice. */
void result_warn(tumorclass_result *result, const char *code, double value, double threshold, const char *format, ...)
    PRINTF_LIKE(5, 6);
tumorclass_status result_notes(const tumorclass_result *result);
void result_time(tumorclass_result *result, const char *stage, double seconds);

/* qc.c: every check of the scan, its preparation and the model. provenance.c: all that it takes to get the same answer
 * again. Both after the preparation is done. qc_check: OUT_OF_MEMORY if a warning was lost. */
tumorclass_status qc_check(tumorclass_result *result, const tumorclass_model *model,
                           const struct preparation *preparation);
void provenance_record(tumorclass_result *result, uint32_t flips, tumorclass_precision precision);

#endif
