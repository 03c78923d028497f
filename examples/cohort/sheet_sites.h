/* Pictures of where a head's constructed structures are, for people to look at. */
#ifndef COHORT_SHEET_SITES_H
#define COHORT_SHEET_SITES_H
#include "anatomy.h"

/* PNG: planes through sella, angles, falx and dura of a head of this anatomy, tissue in grey and what is constructed in
 * colour. false: after a sentence on stderr. */
bool anatomy_sheet(const struct anatomy *anatomy, const char *path);

#endif
