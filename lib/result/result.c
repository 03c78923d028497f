#include "result/result.h"
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"

struct note {
    struct note *next;
    char text[];
};

static tumorclass_status allocate_floats(float **floats, int64_t count)
{
    *floats = memory_zeroed((size_t)count, sizeof **floats);
    return *floats ? TUMORCLASS_OK
                   : fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a result of %lld values", (long long)count);
}

/* Features and embedding, where the network has a global average pool in front of its last dense layer. */
static tumorclass_status allocate_features(tumorclass_result *result, const struct graph *graph)
{
    if (graph->features == NO_VALUE) return TUMORCLASS_OK;
    const struct shape *shape = &graph->values[graph->features].shape;
    const struct extents extents = shape_extents(shape);
    result->grid.channels = extents.c;
    memcpy(result->grid.extent, (int64_t[]){ extents.d, extents.h, extents.w }, sizeof result->grid.extent);
    tumorclass_status status = allocate_floats(&result->features, shape_count(shape));
    if (status == TUMORCLASS_OK) status = allocate_floats(&result->embedding, extents.c);
    result->grid.features = result->features;
    return status;
}

tumorclass_status result_create(tumorclass_result **result, tumorclass_model *model, const tumorclass_volume *scan)
{
    *result = NULL;
    tumorclass_result *r = memory_zeroed(1, sizeof *r);
    if (!r) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a result");
    r->model = model_retain(model);
    r->scan = *scan;
    r->scan.data = NULL;
    memcpy(r->grid.input_shape, model->metadata.preprocess.shape, sizeof r->grid.input_shape);

    tumorclass_status status = allocate_floats(&r->probabilities, model->metadata.class_count);
    if (status == TUMORCLASS_OK) status = allocate_floats(&r->logits, model->metadata.class_count);
    if (status == TUMORCLASS_OK) status = allocate_features(r, &model->graph);
    if (status != TUMORCLASS_OK) {
        tumorclass_result_free(r);
        return status;
    }
    *result = r;
    return TUMORCLASS_OK;
}

void tumorclass_result_free(tumorclass_result *result)
{
    if (!result) return;
    while (result->notes) {
        struct note *next = result->notes->next;
        memory_free(result->notes);
        result->notes = next;
    }
    preparation_free(&result->preparation);
    memory_free(result->features);
    memory_free(result->embedding);
    memory_free(result->logits);
    memory_free(result->probabilities);
    tumorclass_model_free(result->model);
    memory_free(result);
}

tumorclass_status result_notes(const tumorclass_result *result)
{
    return result->notes_lost ? fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a note on the result") : TUMORCLASS_OK;
}

static int32_t first_of_largest(const float *values, int32_t count)
{
    int32_t largest = 0;
    for (int32_t i = 1; i < count; i++)
        if (values[i] > values[largest]) largest = i;
    return largest;
}

tumorclass_status result_settle(tumorclass_result *result)
{
    const int32_t count = result->model->metadata.class_count;
    const double temperature = result->model->metadata.temperature;
    const tumorclass_status status = result_notes(result);
    if (status != TUMORCLASS_OK) return status;
    for (int32_t i = 0; i < count; i++)
        if (!isfinite(result->logits[i]))
            return fail(TUMORCLASS_BAD_IMAGE, "the network's output %d is %g for this scan", (int)i,
                        (double)result->logits[i]);

    result->class_index = first_of_largest(result->logits, count);
    const double largest = result->logits[result->class_index];
    double exponentials[MAX_CLASSES], sum = 0;
    for (int32_t i = 0; i < count; i++) sum += exponentials[i] = exp((result->logits[i] - largest) / temperature);
    for (int32_t i = 0; i < count; i++) result->probabilities[i] = (float)(exponentials[i] / sum);
    return TUMORCLASS_OK;
}

/* A formatted copy that lives as long as the result; NULL without memory. */
static const char *keep_text(tumorclass_result *result, const char *format, va_list arguments)
{
    char buffer[1024];
    vsnprintf(buffer, sizeof buffer, format, arguments);
    const size_t size = strlen(buffer) + 1;
    struct note *note = memory_allocate(1, sizeof *note + size);
    if (!note) {
        result->notes_lost = true;
        return NULL;
    }
    memcpy(note->text, buffer, size);
    note->next = result->notes;
    result->notes = note;
    return note->text;
}

static const char *keep(tumorclass_result *result, const char *format, ...) PRINTF_LIKE(2, 3);
static const char *keep(tumorclass_result *result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = keep_text(result, format, arguments);
    va_end(arguments);
    return text;
}

void result_device(tumorclass_result *result, const char *device)
{
    result->device = keep(result, "%s", device);
}

void result_provide(tumorclass_result *result, const char *key, const char *format, ...)
{
    assert(result->provenance_count < MAX_PROVENANCE);
    va_list arguments;
    va_start(arguments, format);
    const char *value = keep_text(result, format, arguments);
    va_end(arguments);
    if (value) result->provenance[result->provenance_count++] = (tumorclass_property){ key, value };
}

void result_warn(tumorclass_result *result, const char *code, double value, double threshold, const char *format, ...)
{
    assert(result->qc_count < MAX_QC);
    va_list arguments;
    va_start(arguments, format);
    const char *message = keep_text(result, format, arguments);
    va_end(arguments);
    if (message) result->qc[result->qc_count++] = (tumorclass_qc){ code, message, value, threshold };
}

void result_time(tumorclass_result *result, const char *stage, double seconds)
{
    assert(result->timing_count < MAX_TIMINGS);
    result->timings[result->timing_count++] = (tumorclass_timing){ stage, seconds };
}

int32_t tumorclass_result_class(const tumorclass_result *result)
{
    return result->class_index;
}

static size_t class_count(const tumorclass_result *result)
{
    return (size_t)result->model->metadata.class_count;
}

const float *tumorclass_result_probabilities(const tumorclass_result *result, size_t *count)
{
    if (count) *count = class_count(result);
    return result->probabilities;
}

const float *tumorclass_result_logits(const tumorclass_result *result, size_t *count)
{
    if (count) *count = class_count(result);
    return result->logits;
}

const float *tumorclass_result_embedding(const tumorclass_result *result, size_t *count)
{
    if (count) *count = (size_t)result->grid.channels;
    return result->embedding;
}

const tumorclass_qc *tumorclass_result_qc(const tumorclass_result *result, size_t *count)
{
    if (count) *count = result->qc_count;
    return result->qc;
}

const tumorclass_timing *tumorclass_result_timings(const tumorclass_result *result, size_t *count)
{
    if (count) *count = result->timing_count;
    return result->timings;
}

const tumorclass_property *tumorclass_result_provenance(const tumorclass_result *result, size_t *count)
{
    if (count) *count = result->provenance_count;
    return result->provenance;
}

const char *tumorclass_result_device(const tumorclass_result *result)
{
    return result->device;
}
