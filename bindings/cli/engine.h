/* The models, loaded once, and the session that runs them over as many scans as there are. */
#ifndef CLI_ENGINE_H
#define CLI_ENGINE_H
#include "options.h"

struct engine {
    tumorclass_model *models[MOST_MODELS];
    size_t model_count;
    const tumorclass_model *model; /* the first: its classes are those of all */
    tumorclass_session *session;
    const char *scan; /* the base name of the scan that runs; NULL: none does */
    bool hides_warnings;
};

/* ANSWERED, or MODEL_FAILED after saying why; close it either way. */
int engine_open(struct engine *engine, const struct options *options);
void engine_close(struct engine *engine);
int complain_of_model(const char *path /* NULL: the one that ships */); /* why the last call failed; MODEL_FAILED */

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

/* What a command does with its scans; each function tells the user of its failures and returns how it ended. */
struct work {
    int (*prepare)(struct engine *engine, const struct options *options, void *context); /* once; NULL: nothing */
    int (*scan)(struct engine *engine, const struct options *options, const char *path, void *context);
    void *context;
    bool reports_warnings; /* of quality checks, so that they need not be logged */
};

/* Load, work over all scans, clean up. One scan that fails does not stop the others; the device failing, standard
 * output that is gone, and an interrupt do. */
int run_scans(const struct options *options, const struct work *work);

/* How a scan that failed with `status` ends. */
int exit_code_of(tumorclass_status status);
/* Why it failed, for people. */
const char *sentence_of(tumorclass_status status);
double seconds_now(void);

#endif
