/* How far a cohort is: one line on a terminal, redrawn; elsewhere a line now and then. */
#ifndef COHORT_PROGRESS_H
#define COHORT_PROGRESS_H

struct progress {
    int total, done; /* of this run */
    double start, told;
};
void progress_start(struct progress *progress, int total);
void progress_step(struct progress *progress);
/* How long it took. */
void progress_end(const struct progress *progress);

#endif
