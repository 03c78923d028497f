#include "answer.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "engine.h"
#include "overlay.h"
#include "paths.h"
#include "terminal.h"

tumorclass_scan_options scan_options(const struct options *options)
{
    tumorclass_scan_options scan = TUMORCLASS_SCAN_OPTIONS_INIT;
    scan.strict = options->strict;
    scan.flips = options->flips;
    return scan;
}

tumorclass_attention_options attention_options(const struct options *options)
{
    tumorclass_attention_options attention = TUMORCLASS_ATTENTION_OPTIONS_INIT;
    attention.scale = options->scale;
    attention.method = options->method;
    attention.level = options->level;
    return attention;
}

bool asks_for_map(const struct options *options)
{
    return options->attention || options->overlay || options->map_class || options->method || options->level;
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

int find_map_class(int32_t *map_class, const struct options *options, const tumorclass_model *model)
{
    const char *wanted = options->map_class;
    *map_class = wanted ? tumorclass_model_class_index(model, wanted) : TUMORCLASS_PREDICTED_CLASS;
    if (!wanted || *map_class >= 0) return ANSWERED;
    *map_class = TUMORCLASS_ALL_CLASSES;
    return strcmp(wanted, "all") ? list_classes(wanted, model) : ANSWERED;
}

int32_t map_count(int32_t map_class, const tumorclass_model *model)
{
    return map_class == TUMORCLASS_ALL_CLASSES ? tumorclass_model_class_count(model) : 1;
}

/* The map of one class among those that were made. */
static tumorclass_volume map_volume(const struct answer *answer, int32_t index)
{
    const tumorclass_volume *scan = tumorclass_image_volume(answer->image);
    const int64_t *shape = scan->shape;
    const size_t voxels = (size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2];
    tumorclass_volume volume = { .dtype = TUMORCLASS_F32 };
    volume.data = answer->map + (answer->report.map_count > 1 ? (size_t)index * voxels : 0);
    memcpy(volume.shape, shape, sizeof volume.shape);
    memcpy(volume.strides, (const int64_t[]){ 1, shape[0], shape[0] * shape[1] }, sizeof volume.strides);
    memcpy(volume.affine, scan->affine, sizeof volume.affine);
    return volume;
}

static tumorclass_status write_attention(const struct answer *answer)
{
    const int32_t count = answer->report.map_count;
    assert(count > 0);
    tumorclass_volume *volumes = calloc((size_t)count, sizeof *volumes);
    if (!volumes) return TUMORCLASS_OUT_OF_MEMORY;
    for (int32_t i = 0; i < count; i++) volumes[i] = map_volume(answer, i);
    const tumorclass_status status = tumorclass_image_write(answer->attention, volumes, (size_t)count, answer->image);
    free(volumes);
    return status;
}

static tumorclass_status write_overlay(const struct answer *answer)
{
    size_t classes, size;
    const struct report *report = &answer->report;
    const tumorclass_volume map = map_volume(answer, report->map_class);
    const struct overlay overlay = {
        .scan = tumorclass_image_volume(answer->image),
        .map = &map,
        .summary = report_map(report),
        .scan_name = report->scan,
        .class_name = tumorclass_model_class_name(report->model, report->map_class),
        .class_code = tumorclass_model_class_code(report->model, report->map_class),
        .probability = (double)tumorclass_result_probabilities(report->result, &classes)[report->map_class],
        .untrained = report_is_untrained(report->result),
    };
    unsigned char *png = overlay_draw(&overlay, &size);
    if (!png) return TUMORCLASS_OUT_OF_MEMORY;
    const tumorclass_status status = tumorclass_write_file(answer->overlay, png, size);
    free(png);
    return status;
}

tumorclass_status answer_write(struct answer *answer, const struct options *options, const char *path)
{
    const double start = seconds_now();
    tumorclass_status status = TUMORCLASS_OK;
    answer->attention = expand_pattern(options->attention, path);
    answer->overlay = expand_pattern(options->overlay, path);
    if ((options->attention && !answer->attention) || (options->overlay && !answer->overlay))
        return TUMORCLASS_OUT_OF_MEMORY;
    if (answer->attention) {
        answer->report.attention = file_name(answer->attention);
        status = write_attention(answer);
    }
    if (status == TUMORCLASS_OK && answer->overlay) {
        answer->report.overlay = file_name(answer->overlay);
        status = write_overlay(answer);
    }
    answer->report.write_seconds = seconds_now() - start;
    return status;
}

void answer_free(struct answer *answer)
{
    free(answer->attention);
    free(answer->overlay);
}
