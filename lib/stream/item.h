/* stream: many scans through one session, files read ahead of the scan that runs. Includes base, the session and the
 * public functions.
 *
 * An item is one scan on its way: what the caller asked for, and what came of it. It knows nothing of threads: whoever
 * holds it has it alone. */
#ifndef STREAM_ITEM_H
#define STREAM_ITEM_H
#include "base/status.h"

struct item {
    struct item *next;   /* in the order of pushing */
    bool read, answered; /* how far it came; failed or not */
    bool held;           /* a thread is at work on it */

    uint64_t index;
    void *user;
    char *path, *mask_path;   /* NULL: none */
    tumorclass_volume voxels; /* without a path; what it points to is borrowed */
    tumorclass_volume mask;   /* borrowed likewise, and pointed to by scan.mask if there is one */
    tumorclass_scan_options scan;
    tumorclass_attention_options attention;
    bool wants_map;
    int32_t attention_class;

    tumorclass_status status, attention_status;
    char *error; /* NULL: there was no failure, or no memory for its sentence */
    tumorclass_image *image, *mask_image;
    tumorclass_result *result;
    float *map;
    size_t map_size;
    tumorclass_attention_summary *summaries;
    double read_seconds, run_seconds, attention_seconds;
};

/* A copy of what the caller pushes, its structs checked for size and contradictions; what is in them when it runs. */
tumorclass_status item_create(struct item **item, const tumorclass_stream_item *pushed);
void item_free(struct item *item);

/* The three steps. A failure stays with the item, and the steps after it do nothing. */
void item_read(struct item *item, const tumorclass_image_options *options);
void item_run(struct item *item, tumorclass_session *session);
void item_answer(tumorclass_stream_answer *answer, const struct item *item);

/* Whatever came of it, it ends with CANCELLED. */
void item_cancel(struct item *item);

#endif
