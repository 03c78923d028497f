/* tumorclass info: what a model or a scan says about itself. */
#include <stdio.h>
#include <string.h>
#include "command.h"
#include "json.h"
#include "options.h"
#include "paths.h"
#include "terminal.h"

static void put_classes(const tumorclass_model *model)
{
    const struct style style = stream_style(stdout);
    const int32_t count = tumorclass_model_class_count(model);
    int widest = 0;
    for (int32_t i = 0; i < count; i++)
        if (text_width(tumorclass_model_class_code(model, i)) > widest)
            widest = text_width(tumorclass_model_class_code(model, i));
    printf("\n%sClasses%s\n", tint_on(&style, BOLD), tint_off(&style));
    for (int32_t i = 0; i < count; i++) {
        const char *code = tumorclass_model_class_code(model, i);
        printf("  %d  ", (int)i);
        put_text(stdout, code);
        printf("%*s  ", widest - text_width(code), "");
        put_text(stdout, tumorclass_model_class_name(model, i));
        putchar('\n');
    }
}

static void show_model_text(const tumorclass_model *model, size_t memory)
{
    size_t count;
    put_text(stdout, tumorclass_model_name(model));
    printf(": a model of %d classes\n\n", (int)tumorclass_model_class_count(model));
    printf("  SHA-256  %s\n", tumorclass_model_sha256(model));
    printf("  memory   %.1f MiB for a session on the CPU\n", (double)memory / 1048576);
    put_classes(model);
    const tumorclass_property *properties = tumorclass_model_facts(model, &count);
    put_properties("Network", properties, count);
    properties = tumorclass_model_metadata(model, &count);
    put_properties("Metadata", properties, count);
}

static json_t *class_array(const tumorclass_model *model)
{
    json_t *array = json_array();
    for (int32_t i = 0; i < tumorclass_model_class_count(model); i++)
        json_array_append_new(array, json_pack("{s:o, s:o}", "name", json_text(tumorclass_model_class_name(model, i)),
                                               "code", json_text(tumorclass_model_class_code(model, i))));
    return array;
}

static void show_model_json(const tumorclass_model *model, size_t memory)
{
    size_t facts, entries;
    int64_t shape[3];
    tumorclass_model_input_shape(model, shape);
    const tumorclass_property *fact = tumorclass_model_facts(model, &facts);
    const tumorclass_property *entry = tumorclass_model_metadata(model, &entries);
    json_line(stdout, json_pack("{s:o, s:s, s:o, s:o, s:I, s:o, s:o}", "model", json_text(tumorclass_model_name(model)),
                                "sha256", tumorclass_model_sha256(model), "classes", class_array(model), "input_shape",
                                json_counts(shape), "memory", (json_int_t)memory, "facts", json_properties(fact, facts),
                                "metadata", json_properties(entry, entries)));
}

static void show_scan_text(const tumorclass_image *image)
{
    size_t count;
    put_text(stdout, tumorclass_image_name(image));
    puts(": a scan");
    const tumorclass_property *header = tumorclass_image_header(image, &count);
    put_properties("Header", header, count);
}

static json_t *affine_array(const double affine[12])
{
    json_t *rows = json_array();
    for (int row = 0; row < 3; row++) {
        json_t *values = json_triple(affine + 4 * (size_t)row);
        json_array_append_new(values, json_number(affine[4 * row + 3]));
        json_array_append_new(rows, values);
    }
    return rows;
}

static void show_scan_json(const tumorclass_image *image)
{
    size_t count;
    const tumorclass_volume *volume = tumorclass_image_volume(image);
    const tumorclass_property *header = tumorclass_image_header(image, &count);
    json_line(stdout, json_pack("{s:o, s:o, s:o, s:o}", "scan", json_text(tumorclass_image_name(image)), "shape",
                                json_counts(volume->shape), "affine", affine_array(volume->affine), "header",
                                json_properties(header, count)));
}

static tumorclass_status show_model(const char *path, const struct options *options)
{
    tumorclass_model *model;
    const tumorclass_status status = tumorclass_model_load(&model, path, NULL);
    if (status != TUMORCLASS_OK) return status;
    const size_t memory = tumorclass_model_memory(model);
    if (memory != SIZE_MAX && options->json)
        show_model_json(model, memory);
    else if (memory != SIZE_MAX)
        show_model_text(model, memory);
    tumorclass_model_free(model);
    return memory == SIZE_MAX ? TUMORCLASS_OUT_OF_MEMORY : TUMORCLASS_OK;
}

static tumorclass_status show_scan(const char *path, const struct options *options)
{
    tumorclass_image *image;
    const tumorclass_status status = tumorclass_image_read(&image, path, NULL);
    if (status != TUMORCLASS_OK) return status;
    if (options->json)
        show_scan_json(image);
    else
        show_scan_text(image);
    tumorclass_image_free(image);
    return TUMORCLASS_OK;
}

/* A file that is no scan may still be a model, whatever its name. */
int info(const struct options *options)
{
    const char *path = options->file_count ? options->files[0] : NULL;
    const bool is_model = !path || has_suffix(path, ".onnx");
    tumorclass_status status = is_model ? show_model(path, options) : show_scan(path, options);
    if (status == TUMORCLASS_OK) return ANSWERED;
    char sentence[1024];
    snprintf(sentence, sizeof sentence, "%s", tumorclass_last_error());
    if (!is_model && show_model(path, options) == TUMORCLASS_OK) return ANSWERED;
    if (path)
        complain_about(file_name(path), sentence);
    else
        complain("%s", sentence);
    return is_model ? MODEL_FAILED : SCAN_FAILED;
}
