/* One subject, from its seed to its files. */
#ifndef COHORT_SUBJECT_H
#define COHORT_SUBJECT_H
#include "study.h"

enum stage { STAGE_HEAD, STAGE_LESION, STAGE_WARP, STAGE_PAINT, STAGE_ACQUIRE, STAGE_WRITE, STAGES };
extern const char *const stage_names[STAGES];

/* What became of a subject. */
struct outcome {
    int code;           /* ANSWERED, or another one, */
    char sentence[512]; /* and why */
    char *row, *twin;   /* of participants.tsv; twin NULL: none was wanted */
    double seconds[STAGES];
};
void subject_write(struct outcome *outcome, const struct study *study, int number);

#endif
