/* Who is in a cohort: classes, anatomies, splits and seeds, decided before anything is drawn. */
#ifndef COHORT_PLAN_H
#define COHORT_PLAN_H
#include "acquire.h"

enum split { TRAIN, VALIDATION, INTERNAL, EXTERNAL, SPLITS };
extern const char *const split_names[SPLITS];
/* Which anatomies ("01" to "20") a split has: 13, 2, 3, 2, both origins of the maps in each; -1 for an unknown name. */
enum split anatomy_split(const char *name);

/* What a cohort is drawn from. The same plan gives the same subjects, whatever part of them is made at a time. */
struct plan {
    uint64_t seed;
    enum split split;
    int counts[ENTITIES];
    int anatomies;                     /* that it draws from, all equally likely */
    double contrast, healthy_contrast; /* probability that an agent was given: to a tumour, to a healthy head */
    bool only_family;                  /* every scan is of `family`; false: drawn */
    enum family family;
    bool strip; /* of acquisition_rules, as are the next four */
    enum stripping stripping;
    double finest;
    int fixed_shape;
    double fixed_step;
};
int plan_size(const struct plan *plan);
/* The class of each subject, entities[plan_size]: dealt so that any first part of them holds the classes as the whole
 * does, to within one. */
void plan_entities(uint8_t *entities, const struct plan *plan);

struct subject {
    int number; /* 1, 2, ...: sub-000001 */
    uint64_t seed;
    enum entity entity;
    enum split split;
    int anatomy; /* index into the study's */
    bool twin;   /* the same head and scan without its tumour: HLTH */
};
void plan_subject(struct subject *subject, const struct plan *plan, int number, enum entity entity);

/* A subject's acquisition may depend on its class through nothing but `contrast`. The family that training never draws
 * is a quarter of the external test. */
void plan_acquisition(struct acquisition_rules *rules, double *contrast, const struct plan *plan,
                      const struct subject *subject);

/* A tumour of which a scan shows nearly nothing is drawn again in the same head and scan; after ATTEMPTS such tumours
 * all of the subject is. */
enum { ATTEMPTS = 8 };
uint64_t scan_seed(const struct subject *subject, int attempt /* from 1 */);
uint64_t lesion_seed(const struct subject *subject, int attempt);

#endif
