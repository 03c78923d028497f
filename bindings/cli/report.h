/* One scan's answer, as text for people and as JSON for programs. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H
#include <stdbool.h>
#include <stdio.h>
#include "tumorclass/tumorclass.h"

#define DISCLAIMER "Research use, not for diagnosis."

/* What a row of a batch's table is found by. */
struct row_name {
    const char *key, *run;
    const char *subject, *session; /* of a BIDS tree; NULL: none */
};

/* Base names only: a folder's name may be a patient's. */
struct report {
    const struct row_name *row; /* NULL: no row of a batch */
    const char *scan;
    const tumorclass_model *model;
    const tumorclass_result *result;
    const tumorclass_attention_summary *maps; /* NULL: the network has none */
    int32_t map_class, map_count;             /* the class that the report tells of; all classes' maps, or 1 */
    tumorclass_attention_scale scale;
    char method[128];                /* what the map is made of; "" without one */
    int32_t top;                     /* classes that the text shows; 0: as many as fit */
    bool embedding;                  /* in JSON */
    const char *attention, *overlay; /* the files; NULL: not written */
    double read_seconds, attention_seconds, write_seconds;
};

void report_text(FILE *stream, const struct report *report);
/* One line. */
void report_json(FILE *stream, const struct report *report);
void report_failure_json(FILE *stream, const struct report *report, tumorclass_status status, const char *message);

/* The summary of the class that the report tells of. */
const tumorclass_attention_summary *report_map(const struct report *report);
/* "36.0 mm left, 5.0 mm anterior and 46.0 mm superior to the origin" */
int say_position(char *text, size_t size, const double mm[3]);
double report_seconds(const struct report *report); /* all stages */
bool report_is_untrained(const tumorclass_result *result);

#endif
