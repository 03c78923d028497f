/* Sheets of dura in a head, with the borders of ventricles and cortex. */
#ifndef COHORT_MEMBRANES_H
#define COHORT_MEMBRANES_H
#include "anatomy.h"

/* Dura, falx and tentorium on their candidates in `tissue`: as a head draws them, or, without `random`, as they are
 * usually. false: no memory. */
bool draw_membranes(const struct anatomy *anatomy, uint8_t *tissue, struct random *random);
/* Ventricles that are wider or narrower, sulci that are wider, cortex that is thinner, as age has it. */
bool draw_age(const struct anatomy *anatomy, uint8_t *tissue, struct random *random);

#endif
