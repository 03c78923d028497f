/* What a batch tells while it runs and when it ends, on standard error. */
#ifndef CLI_BATCH_PROGRESS_H
#define CLI_BATCH_PROGRESS_H
#include <stddef.h>

enum { MOST_SENTENCES = 10 };

struct batch_progress {
    size_t total, done, failed; /* scans of this run */
    double start, told;
    char *sentences[MOST_SENTENCES]; /* of the first scans that failed */
};

void batch_progress_start(struct batch_progress *progress, size_t total);
/* One more scan has its row; sentence NULL: an answer. */
void batch_progress_step(struct batch_progress *progress, const char *scan, const char *sentence);
/* Which scans failed, and why. */
void batch_progress_end(struct batch_progress *progress);

#endif
