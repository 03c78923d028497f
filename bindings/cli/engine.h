/* A model loaded once and the session that runs it, over as many scans as there are. */
#ifndef CLI_ENGINE_H
#define CLI_ENGINE_H
#include "options.h"

struct engine {
    tumorclass_model *model;
    tumorclass_session *session;
    const char *scan; /* the base name of the scan that runs, for the progress line */
};

/* What one scan needs, read from files. */
struct scan {
    const char *name; /* base name */
    tumorclass_image *image, *mask;
    const tumorclass_volume *volume;
    tumorclass_scan_options options;
    double seconds; /* reading took */
};

tumorclass_status scan_read(struct scan *scan, const struct options *options, const char *path);
void scan_free(struct scan *scan);

/* One scan's work. A failure is told to the user by the task itself; it returns how it ended. */
typedef int scan_task(struct engine *engine, const struct options *options, const char *path, void *context);

/* Load, run the task over all scans, clean up. One scan that fails does not stop the others; the device failing, an
 * output stream that is gone, and an interrupt do. `prepare`, if not NULL, runs once after loading. */
int run_scans(const struct options *options, int (*prepare)(struct engine *, const struct options *, void *),
              scan_task *task, void *context);

/* How a scan that failed with `status` ends. */
int exit_code_of(tumorclass_status status);
/* Why it failed, for people. */
const char *sentence_of(tumorclass_status status);
double seconds_now(void);

#endif
