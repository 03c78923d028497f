/* tumorclass selftest: the model's known answers on every instruction set of this machine, and on its CUDA device. */
#include <stdio.h>
#include "command.h"
#include "engine.h"
#include "interrupt.h"
#include "json.h"
#include "options.h"
#include "outputs.h"
#include "paths.h"
#include "terminal.h"

/* One way's answer; `status` BACKEND_ERROR with a report: a wrong one. */
struct trial {
    tumorclass_status status;
    bool begun; /* there was a session */
    tumorclass_selftest_report report;
    char device[256], sentence[1024];
};

static int write_phantom(const char *path)
{
    tumorclass_image *phantom;
    tumorclass_status status = tumorclass_phantom(&phantom);
    const int code = status == TUMORCLASS_OK ? OUTPUT_FAILED : MODEL_FAILED;
    if (status == TUMORCLASS_OK) status = tumorclass_image_write(path, tumorclass_image_volume(phantom), 1, NULL);
    tumorclass_image_free(phantom);
    if (status == TUMORCLASS_OK) return ANSWERED;
    complain_about(file_name(path), sentence_of(status));
    return code;
}

static void show_message(void *unused, tumorclass_log_level level, const char *message)
{
    (void)unused;
    if (level != TUMORCLASS_LOG_WARNING) complain("%s", message); /* of the phantom's quality there is nothing to say */
}

/* What is tried: an instruction set of the processor, or a precision of the CUDA device. */
struct way {
    const char *name;
    tumorclass_backend backend;
    int32_t instruction_set; /* counted from 1 */
    tumorclass_precision precision;
};

static struct trial try_way(tumorclass_model *model, const struct options *options, const struct way *way)
{
    struct trial trial = { .device = "" };
    tumorclass_session_options session_options = TUMORCLASS_SESSION_OPTIONS_INIT;
    session_options.backend = way->backend;
    session_options.device = options->device;
    session_options.precision = way->precision;
    session_options.threads = options->threads;
    session_options.log_level = options->log_level;
    session_options.log = show_message;
    session_options.instruction_set = way->instruction_set;
    tumorclass_session *session;
    trial.status = tumorclass_session_create(&session, model, &session_options);
    trial.begun = trial.status == TUMORCLASS_OK;
    if (trial.begun) {
        interrupt_watch(session);
        trial.status = tumorclass_session_selftest(session, &trial.report);
        snprintf(trial.device, sizeof trial.device, "%s", tumorclass_session_device(session));
    }
    if (trial.status != TUMORCLASS_OK) snprintf(trial.sentence, sizeof trial.sentence, "%s", sentence_of(trial.status));
    interrupt_watch(NULL);
    tumorclass_session_free(session);
    return trial;
}

/* A line, with the model's name over the first. */
static void show_trial(const struct trial *trial, const struct way *way, const char *model)
{
    if (model) put_text(stdout, model);
    if (model) puts(": known answers, and what is allowed\n");
    const struct style style = stream_style(stdout);
    const bool passed = trial->status == TUMORCLASS_OK;
    printf("  %-4s %-10s %s%s%s  logits %.1e of %.0e, maps %.1e of %.0e\n",
           way->backend == TUMORCLASS_BACKEND_CUDA ? "CUDA" : "CPU", way->name, tint_on(&style, passed ? DIM : YELLOW),
           passed ? "passed" : "FAILED", tint_off(&style), trial->report.logit_error, trial->report.logit_tolerance,
           trial->report.map_error, trial->report.map_tolerance);
}

static json_t *trial_object(const struct trial *trial, const struct way *way)
{
    const tumorclass_selftest_report *report = &trial->report;
    return json_pack("{s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "instruction_set",
                     json_text(way->instruction_set ? way->name : NULL), "precision",
                     json_text(way->instruction_set ? "float32" : way->name), "device", json_text(trial->device),
                     "passed", trial->status == TUMORCLASS_OK, "logit_error", json_number(report->logit_error),
                     "logit_tolerance", json_number(report->logit_tolerance), "map_error",
                     json_number(report->map_error), "map_tolerance", json_number(report->map_tolerance), "error",
                     json_text(*trial->sentence ? trial->sentence : NULL));
}

/* In the order in which they are tried; false: there is no such one. CUDA is tried where it was asked for, and without being
 * asked for where there is a device. */
static bool find_way(struct way *way, const struct options *options, int32_t index)
{
    int32_t sets = 0;
    while (options->backend != TUMORCLASS_BACKEND_CUDA && tumorclass_instruction_set(sets)) sets++;
    const tumorclass_precision precision = options->precision ? options->precision : index - sets + 1;
    if (index < sets)
        *way = (struct way){ tumorclass_instruction_set(index), TUMORCLASS_BACKEND_CPU, index + 1, 0 };
    else if (options->backend != TUMORCLASS_BACKEND_CPU && precision_name(precision) &&
             !(options->precision && index > sets))
        *way = (struct way){ precision_name(precision), TUMORCLASS_BACKEND_CUDA, 0, precision };
    else
        return false;
    return true;
}

/* No device, and nobody asked for one; or a device that lacks one of the precisions that are all tried. */
static bool is_beside_the_point(const struct trial *trial, const struct way *way, const struct options *options)
{
    if (way->backend != TUMORCLASS_BACKEND_CUDA || trial->begun) return false;
    return (trial->status == TUMORCLASS_NO_BACKEND && options->backend == TUMORCLASS_BACKEND_AUTO) ||
           (trial->status == TUMORCLASS_UNSUPPORTED && !options->precision);
}

/* Every way is tried; what keeps one from being tried at all ends it. */
static int try_each(tumorclass_model *model, const struct options *options, json_t *trials)
{
    int code = ANSWERED, tried = 0;
    struct way way;
    for (int32_t i = 0; find_way(&way, options, i); i++) {
        const struct trial trial = try_way(model, options, &way);
        if (interrupt_signal()) return INTERRUPTED + interrupt_signal();
        if (is_beside_the_point(&trial, &way, options)) {
            if (trial.status == TUMORCLASS_UNSUPPORTED) complain("%s: not tried: %s", way.name, trial.sentence);
            continue;
        }
        tried++;
        if (trial.status != TUMORCLASS_OK) {
            complain("%s: %s", way.name, trial.sentence);
            code = MODEL_FAILED;
        }
        if (trial.status != TUMORCLASS_OK && trial.status != TUMORCLASS_BACKEND_ERROR) return code;
        if (options->json)
            json_array_append_new(trials, trial_object(&trial, &way));
        else
            show_trial(&trial, &way, tried == 1 ? tumorclass_model_name(model) : NULL);
    }
    return tried ? code : MODEL_FAILED; /* why not, was said of each */
}

static int test_model(tumorclass_model *model, const struct options *options)
{
    json_t *trials = json_array();
    const int code = try_each(model, options, trials);
    if (options->json && json_array_size(trials))
        json_line(stdout, json_pack("{s:o, s:s, s:b, s:O}", "model", json_text(tumorclass_model_name(model)), "sha256",
                                    tumorclass_model_sha256(model), "passed", code == ANSWERED, "trials", trials));
    json_decref(trials);
    return code;
}

int selftest(const struct options *options)
{
    const int checked = check_outputs(options);
    if (checked != ANSWERED) return checked;
    if (options->phantom) return write_phantom(options->phantom);
    tumorclass_model *model;
    interrupt_catch();
    if (tumorclass_model_load(&model, options->models[0], NULL) != TUMORCLASS_OK)
        return complain_of_model(options->models[0]);
    const int code = test_model(model, options);
    tumorclass_model_free(model);
    return code;
}
