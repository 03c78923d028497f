/* Sheets of dura in a head, and the borders of ventricles and cortex. */
#ifndef COHORT_MEMBRANES_H
#define COHORT_MEMBRANES_H
#include "anatomy.h"

/* Dura, falx and tentorium on their candidates in `tissue`: as a head draws them, or, without `random`, as they are
 * usually. false: no memory. */
bool draw_membranes(const struct anatomy *anatomy, uint8_t *tissue, struct random *random);
/* Ventricles that are wider or narrower, sulci that are wider, cortex that is thinner, as age has it. */
struct age {
    double ventricle, sulci; /* mm that their walls move outwards */
    double thinning;         /* share of a sulcus's mm that the cortex loses; the rest it takes from the white matter */
};
struct age draw_age(struct random *random);
bool apply_age(const struct anatomy *anatomy, uint8_t *tissue, const struct age *age, struct random *random);

#endif
