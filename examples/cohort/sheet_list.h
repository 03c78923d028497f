/* The scans that a sheet shows, as participants.tsv has them. */
#ifndef COHORT_SHEET_LIST_H
#define COHORT_SHEET_LIST_H
#include "lesion.h"

struct sheet_scan {
    char id[16], caption[160];
    double centre[3]; /* mm of the file's affine */
};
struct sheet_list {
    struct sheet_scan *scans;
    int count;
};
/* The first `most` of a class. ANSWERED, or another code after saying why; free scans either way. */
int sheet_list_read(struct sheet_list *list, const char *folder, enum entity entity, int most);

#endif
