/* tumorclass classify: each scan's answer, with the map it rests on as a file and as a picture. */
#include <stdlib.h>
#include <string.h>
#include "answer.h"
#include "engine.h"
#include "outputs.h"
#include "terminal.h"

/* What all scans share. */
struct classification {
    FILE *stream;      /* of the reports */
    int32_t map_class; /* TUMORCLASS_PREDICTED_CLASS, TUMORCLASS_ALL_CLASSES or an index */
};

/* One scan on its way from file to answer. */
struct answering {
    struct scan scan;
    tumorclass_result *result;
    float *map;
    tumorclass_attention_summary *maps;
    struct answer answer; /* borrows all these */
    int code;
};

static void free_answering(struct answering *answering)
{
    answer_free(&answering->answer);
    scan_free(&answering->scan);
    tumorclass_result_free(answering->result);
    free(answering->map);
    free(answering->maps);
}

static bool allocate_maps(struct answering *answering, size_t voxels, size_t count)
{
    if (voxels > SIZE_MAX / sizeof(float) / count) return false;
    answering->map = malloc(voxels * count * sizeof(float));
    answering->maps = malloc(count * sizeof *answering->maps);
    return answering->map && answering->maps;
}

static tumorclass_status make_maps(struct answering *answering, struct engine *engine, const struct options *options,
                                   int32_t wanted)
{
    const int64_t *shape = answering->scan.volume->shape;
    const size_t voxels = (size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2];
    const int32_t predicted = tumorclass_result_class(answering->result), count = map_count(wanted, engine->model);
    const tumorclass_attention_options attention = attention_options(options);
    struct report *report = &answering->answer.report;
    report->map_class = wanted >= 0 ? wanted : predicted;
    if (!allocate_maps(answering, voxels, (size_t)count)) return TUMORCLASS_OUT_OF_MEMORY;

    const double start = seconds_now();
    const tumorclass_status status = tumorclass_attention(
        engine->session, answering->map, voxels * (size_t)count, answering->maps, answering->result,
        wanted == TUMORCLASS_ALL_CLASSES ? wanted : report->map_class, &attention);
    report->attention_seconds = seconds_now() - start;
    if (status == TUMORCLASS_OK) {
        tumorclass_attention_describe(engine->session, report->method, sizeof report->method, &attention);
        answering->answer.map = answering->map;
        report->maps = answering->maps;
        report->map_count = count;
    }
    /* a network without such maps still answers */
    return status == TUMORCLASS_UNSUPPORTED && !asks_for_map(options) ? TUMORCLASS_OK : status;
}

/* From the file to the written outputs; answering->code says how it ended. */
static tumorclass_status find_answer(struct answering *answering, struct engine *engine, const struct options *options,
                                     const char *path, int32_t map_class)
{
    struct answer *answer = &answering->answer;
    tumorclass_status status = scan_read(&answering->scan, options, path);
    if (status == TUMORCLASS_OK)
        status = tumorclass_classify(engine->session, &answering->result, answering->scan.volume,
                                     &answering->scan.options);
    answer->image = answering->scan.image;
    answer->report = (struct report){ .scan = answering->scan.name,
                                      .model = engine->model,
                                      .result = answering->result,
                                      .scale = options->scale,
                                      .top = options->top,
                                      .embedding = options->embedding,
                                      .read_seconds = answering->scan.seconds };
    if (status == TUMORCLASS_OK) status = make_maps(answering, engine, options, map_class);
    answering->code = exit_code_of(status);
    if (status != TUMORCLASS_OK) return status;
    status = answer_write(answer, options, path);
    if (status != TUMORCLASS_OK) answering->code = OUTPUT_FAILED;
    return status;
}

static int classify_scan(struct engine *engine, const struct options *options, const char *path, void *context)
{
    const struct classification *shared = context;
    struct answering answering = { 0 };
    const tumorclass_status status = find_answer(&answering, engine, options, path, shared->map_class);
    const struct report *report = &answering.answer.report;
    progress_clear();
    if (status != TUMORCLASS_OK) {
        const char *sentence = sentence_of(status);
        complain_about(report->scan, sentence);
        if (options->json) report_failure_json(shared->stream, report, status, sentence);
    } else if (options->json) {
        report_json(shared->stream, report);
    } else {
        report_text(shared->stream, report);
    }
    fflush(shared->stream);
    free_answering(&answering);
    return answering.code;
}

static int prepare(struct engine *engine, const struct options *options, void *context)
{
    return find_map_class(&((struct classification *)context)->map_class, options, engine->model);
}

static bool is_stdout(const char *output)
{
    return output && !strcmp(output, "-");
}

int classify(const struct options *options)
{
    const int code = check_outputs(options);
    if (code != ANSWERED) return code;
    const bool taken = is_stdout(options->attention) || is_stdout(options->overlay);
    struct classification shared = { taken ? stderr : stdout, TUMORCLASS_PREDICTED_CLASS };
    const struct work work = { prepare, classify_scan, &shared, .reports_warnings = true };
    return run_scans(options, &work);
}
