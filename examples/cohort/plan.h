/* Who is in a cohort: classes, anatomies, splits and seeds, decided before anything is drawn. */
#ifndef COHORT_PLAN_H
#define COHORT_PLAN_H
#include "acquire.h"

enum split { TRAIN, VALIDATION, INTERNAL, EXTERNAL, SPLITS };
extern const char *const split_names[SPLITS];
/* Which anatomies ("01" to "20") a split has: 13, 2, 3, 2, both origins of the maps in each; -1 for an unknown name. */
enum split anatomy_split(const char *name);

struct subject {
    int number; /* 1, 2, ...: sub-000001 */
    uint64_t seed;
    enum entity entity;
    enum split split;
    int anatomy; /* index into the study's */
    bool twin;   /* the same head and scan without its tumour: HLTH */
};

#endif
