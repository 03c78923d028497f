/* tumorclass classify: each scan's answer, with the map it rests on as a file and as a picture. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "engine.h"
#include "outputs.h"
#include "overlay.h"
#include "paths.h"
#include "report.h"
#include "terminal.h"

/* What all scans share. */
struct classification {
    FILE *stream;      /* of the reports */
    int32_t map_class; /* PREDICTED_CLASS, TUMORCLASS_ALL_CLASSES or an index */
};
enum { PREDICTED_CLASS = -2 };

/* One scan on its way from file to report. */
struct answer {
    struct scan scan;
    tumorclass_result *result;
    float *map;                         /* map_count maps, one after another */
    tumorclass_attention_summary *maps; /* as many */
    int32_t map_class, map_count;       /* class of the report's map; map_count 0: the network has none */
    char *attention, *overlay;          /* paths; NULL: not asked for */
    double attention_seconds, write_seconds;
    int code;
};

static void answer_free(struct answer *answer)
{
    scan_free(&answer->scan);
    tumorclass_result_free(answer->result);
    free(answer->map);
    free(answer->maps);
    free(answer->attention);
    free(answer->overlay);
}

static bool is_asked_for(const struct options *options)
{
    return options->attention || options->overlay || options->map_class;
}

static bool allocate_maps(struct answer *answer, size_t voxels)
{
    const size_t count = (size_t)answer->map_count;
    if (voxels > SIZE_MAX / sizeof(float) / count) return false;
    answer->map = malloc(voxels * count * sizeof(float));
    answer->maps = malloc(count * sizeof *answer->maps);
    return answer->map && answer->maps;
}

static tumorclass_status make_maps(struct answer *answer, struct engine *engine, const struct options *options,
                                   int32_t wanted)
{
    const tumorclass_volume *volume = answer->scan.volume;
    const size_t voxels = (size_t)volume->shape[0] * (size_t)volume->shape[1] * (size_t)volume->shape[2];
    const int32_t predicted = tumorclass_result_class(answer->result);
    tumorclass_attention_options attention = TUMORCLASS_ATTENTION_OPTIONS_INIT;
    attention.scale = options->scale;
    answer->map_count = wanted == TUMORCLASS_ALL_CLASSES ? tumorclass_model_class_count(engine->model) : 1;
    answer->map_class = wanted >= 0 ? wanted : predicted;
    if (!allocate_maps(answer, voxels)) return TUMORCLASS_OUT_OF_MEMORY;

    const double start = seconds_now();
    const tumorclass_status status = tumorclass_attention(
        engine->session, answer->map, voxels * (size_t)answer->map_count, answer->maps, answer->result,
        wanted == TUMORCLASS_ALL_CLASSES ? wanted : answer->map_class, &attention);
    answer->attention_seconds = seconds_now() - start;
    if (status != TUMORCLASS_UNSUPPORTED || is_asked_for(options)) return status;
    answer->map_count = 0; /* a network without such maps still answers */
    return TUMORCLASS_OK;
}

/* The map of one class among those that were made. */
static const float *map_of(const struct answer *answer, int32_t index)
{
    const int64_t *shape = answer->scan.volume->shape;
    const size_t voxels = (size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2];
    return answer->map + (answer->map_count > 1 ? (size_t)index * voxels : 0);
}

static tumorclass_volume map_volume(const struct answer *answer, int32_t index)
{
    tumorclass_volume volume = { .data = map_of(answer, index), .dtype = TUMORCLASS_F32 };
    const int64_t *shape = answer->scan.volume->shape;
    memcpy(volume.shape, shape, sizeof volume.shape);
    memcpy(volume.strides, (const int64_t[]){ 1, shape[0], shape[0] * shape[1] }, sizeof volume.strides);
    memcpy(volume.affine, answer->scan.volume->affine, sizeof volume.affine);
    return volume;
}

static tumorclass_status write_attention(const struct answer *answer)
{
    assert(answer->map_count > 0);
    tumorclass_volume *volumes = calloc((size_t)answer->map_count, sizeof *volumes);
    if (!volumes) return TUMORCLASS_OUT_OF_MEMORY;
    for (int32_t i = 0; i < answer->map_count; i++) volumes[i] = map_volume(answer, i);
    const tumorclass_status status = tumorclass_image_write(answer->attention, volumes, (size_t)answer->map_count,
                                                            answer->scan.image);
    free(volumes);
    return status;
}

static tumorclass_status write_overlay(const struct answer *answer, const tumorclass_model *model)
{
    size_t classes, size;
    const tumorclass_volume map = map_volume(answer, answer->map_class);
    const struct overlay overlay = {
        .scan = answer->scan.volume,
        .map = &map,
        .summary = &answer->maps[answer->map_count > 1 ? answer->map_class : 0],
        .scan_name = answer->scan.name,
        .class_name = tumorclass_model_class_name(model, answer->map_class),
        .class_code = tumorclass_model_class_code(model, answer->map_class),
        .probability = (double)tumorclass_result_probabilities(answer->result, &classes)[answer->map_class],
        .untrained = report_is_untrained(answer->result),
    };
    unsigned char *png = overlay_draw(&overlay, &size);
    if (!png) return TUMORCLASS_OUT_OF_MEMORY;
    const tumorclass_status status = tumorclass_write_file(answer->overlay, png, size);
    free(png);
    return status;
}

static tumorclass_status write_files(struct answer *answer, const struct options *options, const char *path,
                                     const tumorclass_model *model)
{
    const double start = seconds_now();
    tumorclass_status status = TUMORCLASS_OK;
    answer->attention = expand_pattern(options->attention, path);
    answer->overlay = expand_pattern(options->overlay, path);
    if ((options->attention && !answer->attention) || (options->overlay && !answer->overlay))
        return TUMORCLASS_OUT_OF_MEMORY;
    if (answer->attention) status = write_attention(answer);
    if (status == TUMORCLASS_OK && answer->overlay) status = write_overlay(answer, model);
    answer->write_seconds = seconds_now() - start;
    return status;
}

/* From the file to the written outputs; answer->code says how it ended. */
static tumorclass_status find_answer(struct answer *answer, struct engine *engine, const struct options *options,
                                     const char *path, int32_t map_class)
{
    tumorclass_status status = scan_read(&answer->scan, options, path);
    if (status == TUMORCLASS_OK)
        status = tumorclass_classify(engine->session, &answer->result, answer->scan.volume, &answer->scan.options);
    if (status == TUMORCLASS_OK) status = make_maps(answer, engine, options, map_class);
    answer->code = exit_code_of(status);
    if (status != TUMORCLASS_OK) return status;
    status = write_files(answer, options, path, engine->model);
    if (status != TUMORCLASS_OK) answer->code = OUTPUT_FAILED;
    return status;
}

static void report_answer(FILE *stream, const struct answer *answer, const struct options *options,
                          const tumorclass_model *model)
{
    const struct report report = {
        .scan = answer->scan.name,
        .model = model,
        .result = answer->result,
        .maps = answer->map_count ? answer->maps : NULL,
        .map_class = answer->map_class,
        .map_count = answer->map_count,
        .scale = options->scale,
        .attention = answer->attention ? file_name(answer->attention) : NULL,
        .overlay = answer->overlay ? file_name(answer->overlay) : NULL,
        .read_seconds = answer->scan.seconds,
        .attention_seconds = answer->attention_seconds,
        .write_seconds = answer->write_seconds,
    };
    progress_clear();
    if (options->json)
        report_json(stream, &report);
    else
        report_text(stream, &report);
}

static int classify_scan(struct engine *engine, const struct options *options, const char *path, void *context)
{
    const struct classification *shared = context;
    struct answer answer = { 0 };
    const tumorclass_status status = find_answer(&answer, engine, options, path, shared->map_class);
    if (status == TUMORCLASS_OK) {
        report_answer(shared->stream, &answer, options, engine->model);
    } else {
        const char *sentence = sentence_of(status);
        complain_about(answer.scan.name, sentence);
        if (options->json) report_failure_json(shared->stream, answer.scan.name, status, sentence);
    }
    fflush(shared->stream);
    answer_free(&answer);
    return answer.code;
}

static int list_classes(const char *wanted, const tumorclass_model *model)
{
    char codes[512] = "";
    size_t end = 0;
    for (int32_t i = 0; i < tumorclass_model_class_count(model) && end < sizeof codes; i++)
        end += (size_t)snprintf(codes + end, sizeof codes - end, "%s%s", i ? ", " : "",
                                tumorclass_model_class_code(model, i));
    complain("--class '%s': the model's classes are %s", wanted, codes);
    return WRONG_USAGE;
}

/* Which class's map is wanted can only be read with the model at hand. */
static int find_class(struct engine *engine, const struct options *options, void *context)
{
    int32_t *map_class = &((struct classification *)context)->map_class;
    const char *wanted = options->map_class;
    if (!wanted) return ANSWERED;
    *map_class = tumorclass_model_class_index(engine->model, wanted);
    if (*map_class >= 0) return ANSWERED;
    *map_class = TUMORCLASS_ALL_CLASSES;
    return strcmp(wanted, "all") ? list_classes(wanted, engine->model) : ANSWERED;
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
    struct classification shared = { taken ? stderr : stdout, PREDICTED_CLASS };
    const struct work work = { find_class, classify_scan, &shared, .reports_warnings = true };
    return run_scans(options, &work);
}
