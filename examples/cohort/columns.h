/* What participants.tsv tells of a scan: one table says which columns there are, what they hold and what they mean. */
#ifndef COHORT_COLUMNS_H
#define COHORT_COLUMNS_H
#include "plan.h"

struct facts {
    const struct subject *subject;
    const struct anatomy *anatomy;
    const struct acquisition *acquisition;
    const struct scan *scan;
    int attempt, foci;
};

/* The first line, and one scan's, each with its end; to be freed. NULL: no memory. */
char *columns_header(void);
char *columns_row(const struct facts *facts);
/* participants.json: what each column means. The same. */
char *columns_json(void);

#endif
