#include "engine.h"
#include <stdlib.h>
#include <time.h>
#include "answer.h"
#include "interrupt.h"
#include "paths.h"
#include "terminal.h"

double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int exit_code_of(tumorclass_status status)
{
    switch (status) {
    case TUMORCLASS_OK: return ANSWERED;
    case TUMORCLASS_CANCELLED: return INTERRUPTED + interrupt_signal();
    case TUMORCLASS_NO_BACKEND:
    case TUMORCLASS_BACKEND_ERROR:
    case TUMORCLASS_BAD_MODEL:
    case TUMORCLASS_BAD_STATE: return MODEL_FAILED;
    default: return SCAN_FAILED;
    }
}

const char *sentence_of(tumorclass_status status)
{
    return status == TUMORCLASS_OUT_OF_MEMORY ? "not enough memory" : tumorclass_last_error();
}

/* The mask's file, which may be named after the scan. */
static tumorclass_status read_mask(struct scan *scan, const char *pattern, const char *path)
{
    char *mask_path = expand_pattern(pattern, path);
    if (!mask_path) return TUMORCLASS_OUT_OF_MEMORY;
    const tumorclass_status status = tumorclass_image_read(&scan->mask, mask_path, NULL);
    free(mask_path);
    if (status == TUMORCLASS_OK) scan->options.mask = tumorclass_image_volume(scan->mask);
    return status;
}

tumorclass_status scan_read(struct scan *scan, const struct options *options, const char *path)
{
    const double start = seconds_now();
    *scan = (struct scan){ .name = file_name(path), .options = scan_options(options) };
    tumorclass_status status = tumorclass_image_read(&scan->image, path, NULL);
    if (status == TUMORCLASS_OK && options->mask) status = read_mask(scan, options->mask, path);
    if (status == TUMORCLASS_OK) scan->volume = tumorclass_image_volume(scan->image);
    scan->seconds = seconds_now() - start;
    return status;
}

void scan_free(struct scan *scan)
{
    tumorclass_image_free(scan->image);
    tumorclass_image_free(scan->mask);
}

static void show_progress(void *engine, const char *stage, double fraction)
{
    progress_show(((const struct engine *)engine)->scan, stage, fraction);
}

static void show_message(void *context, tumorclass_log_level level, const char *message)
{
    const struct engine *engine = context;
    const bool warns = level == TUMORCLASS_LOG_WARNING;
    if (warns && engine->hides_warnings) return;
    complain("%s%s%s%s", engine->scan ? engine->scan : "", engine->scan ? ": " : "", warns ? "warning: " : "", message);
}

static tumorclass_status open_session(struct engine *engine, const struct options *options)
{
    tumorclass_session_options session = TUMORCLASS_SESSION_OPTIONS_INIT;
    session.backend = options->backend;
    session.device = options->device;
    session.precision = options->precision;
    session.threads = options->threads;
    session.log_level = options->log_level;
    session.log = show_message;
    session.log_user = engine;
    session.progress = show_progress;
    session.progress_user = engine;
    return tumorclass_session_create_ensemble(&engine->session, engine->models, engine->model_count, &session);
}

int complain_of_model(const char *path)
{
    if (path)
        complain_about(file_name(path), tumorclass_last_error());
    else
        complain("%s", tumorclass_last_error());
    return MODEL_FAILED;
}

int engine_open(struct engine *engine, const struct options *options)
{
    const size_t count = options->model_count ? options->model_count : 1;
    for (size_t i = 0; i < count; i++) {
        if (tumorclass_model_load(&engine->models[i], options->models[i], NULL) != TUMORCLASS_OK)
            return complain_of_model(options->models[i]);
        engine->model_count++;
    }
    engine->model = engine->models[0];
    if (open_session(engine, options) != TUMORCLASS_OK) return complain_of_model(NULL);
    interrupt_watch(engine->session);
    return ANSWERED;
}

void engine_close(struct engine *engine)
{
    interrupt_watch(NULL);
    tumorclass_session_free(engine->session);
    for (size_t i = 0; i < engine->model_count; i++) tumorclass_model_free(engine->models[i]);
}

static int run_each(struct engine *engine, const struct options *options, const struct work *work)
{
    int worst = ANSWERED;
    size_t failed = 0;
    for (size_t i = 0; i < options->file_count && !interrupt_signal(); i++) {
        engine->scan = file_name(options->files[i]);
        const int code = work->scan(engine, options, options->files[i], work->context);
        progress_clear();
        failed += code != ANSWERED;
        if (code > worst) worst = code;
        if (code == MODEL_FAILED || ferror(stdout)) break;
    }
    if (failed && options->file_count > 1 && !interrupt_signal())
        complain("%zu of %zu scans failed", failed, options->file_count);
    return worst;
}

int run_scans(const struct options *options, const struct work *work)
{
    struct engine engine = { .hides_warnings = work->reports_warnings && options->log_level == TUMORCLASS_LOG_WARNING };
    interrupt_catch();
    int code = engine_open(&engine, options);
    if (code == ANSWERED && work->prepare) code = work->prepare(&engine, options, work->context);
    if (code == ANSWERED) code = run_each(&engine, options, work);
    engine_close(&engine);
    return interrupt_signal() ? INTERRUPTED + interrupt_signal() : code;
}
