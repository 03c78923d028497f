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

/* For the network to fill: not touched before. */
static tumorclass_status allocate_tensor(float **floats, int64_t count)
{
    *floats = memory_allocate((size_t)count, sizeof **floats);
    return *floats ? TUMORCLASS_OK : fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %lld activations", (long long)count);
}

/* ---- Members ---- */

tumorclass_status result_create(tumorclass_result **result, const tumorclass_volume *scan, int32_t count)
{
    *result = NULL;
    tumorclass_result *r = memory_zeroed(1, sizeof *r);
    if (r) r->members = memory_zeroed((size_t)count, sizeof *r->members);
    if (!r || !r->members) {
        tumorclass_result_free(r);
        return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a result");
    }
    r->scan = *scan;
    r->scan.data = NULL;
    *result = r;
    return TUMORCLASS_OK;
}

static int64_t value_count(const struct graph *graph, int32_t value)
{
    return value == NO_VALUE ? 0 : shape_count(&graph->values[value].shape);
}

size_t result_member_memory(const tumorclass_model *model)
{
    const struct graph *graph = &model->graph;
    const int64_t values = multiply_extents(model->metadata.preprocess.shape, 3) +
                           2 * (int64_t)model->metadata.class_count + value_count(graph, graph->features) +
                           value_count(graph, graph->embedding) + value_count(graph, graph->fine);
    return (size_t)values * sizeof(float);
}

/* Features and embedding, where the network has a global average pool in front of its last dense layer. */
static tumorclass_status allocate_features(struct member *member, const struct graph *graph)
{
    memcpy(member->grid.input_shape, member->model->metadata.preprocess.shape, sizeof member->grid.input_shape);
    if (graph->features == NO_VALUE) return TUMORCLASS_OK;
    const struct extents extents = shape_extents(&graph->values[graph->features].shape);
    member->grid.channels = extents.c;
    memcpy(member->grid.extent, (int64_t[]){ extents.d, extents.h, extents.w }, sizeof member->grid.extent);
    tumorclass_status status = allocate_tensor(&member->features, value_count(graph, graph->features));
    if (status == TUMORCLASS_OK) status = allocate_floats(&member->embedding, extents.c);
    member->grid.features = member->features;
    return status;
}

const char *result_flips(tumorclass_result *result, uint32_t flips)
{
    static const char *const names[] = { "", "left-right", "back-front", "down-up" };
    const int first = flips & TUMORCLASS_FLIP_LEFT_RIGHT ? 1 : 0, second = flips & TUMORCLASS_FLIP_BACK_FRONT ? 2 : 0,
              third = flips & TUMORCLASS_FLIP_DOWN_UP ? 3 : 0;
    return result_keep(result, "%s%s%s%s%s", names[first], first && (second || third) ? " " : "", names[second],
                       second && third ? " " : "", names[third]);
}

static const char *name_member(tumorclass_result *result, const struct member *member)
{
    const char *model = *member->model->name ? member->model->name : "model in memory";
    if (!member->flips) return result_keep(result, "%s", model);
    const char *flips = result_flips(result, member->flips);
    return flips ? result_keep(result, "%s, flipped %s", model, flips) : NULL;
}

/* What the members' values are averaged into. */
static tumorclass_status allocate_means(tumorclass_result *result, const struct member *first)
{
    const int32_t classes = first->model->metadata.class_count;
    result->ranking = memory_zeroed((size_t)classes, sizeof *result->ranking);
    result->set = memory_zeroed((size_t)classes, sizeof *result->set);
    if (!result->ranking || !result->set) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a result");
    tumorclass_status status = allocate_floats(&result->probabilities, classes);
    if (status == TUMORCLASS_OK) status = allocate_floats(&result->logits, classes);
    if (status == TUMORCLASS_OK) status = allocate_floats(&result->spread, classes);
    if (status == TUMORCLASS_OK && first->embedding) status = allocate_floats(&result->embedding, first->grid.channels);
    return status;
}

tumorclass_status result_add_member(tumorclass_result *result, struct member **member, tumorclass_model *model,
                                    uint32_t flips)
{
    struct member *m = &result->members[result->member_count++];
    const int32_t classes = model->metadata.class_count;
    m->model = model_retain(model);
    m->flips = flips;
    m->name = name_member(result, m);
    tumorclass_status status = allocate_floats(&m->logits, classes);
    if (status == TUMORCLASS_OK) status = allocate_floats(&m->probabilities, classes);
    if (status == TUMORCLASS_OK) status = allocate_features(m, &model->graph);
    if (status == TUMORCLASS_OK && model->graph.fine != NO_VALUE)
        status = allocate_tensor(&m->fine, value_count(&model->graph, model->graph.fine));
    if (status == TUMORCLASS_OK && result->member_count == 1) status = allocate_means(result, m);
    *member = m;
    return status;
}

static void member_free(struct member *member)
{
    memory_free(member->logits);
    memory_free(member->probabilities);
    memory_free(member->embedding);
    memory_free(member->features);
    memory_free(member->fine);
    memory_free(member->input);
    tumorclass_model_free(member->model);
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
    for (int32_t i = 0; i < result->member_count; i++) member_free(&result->members[i]);
    memory_free(result->members);
    memory_free(result->ranking);
    memory_free(result->set);
    memory_free(result->embedding);
    memory_free(result->spread);
    memory_free(result->logits);
    memory_free(result->probabilities);
    memory_free(result);
}

/* ---- From logits to an answer ---- */

static tumorclass_status check_logits(const struct member *member)
{
    for (int32_t i = 0; i < member->model->metadata.class_count; i++)
        if (!isfinite(member->logits[i]))
            return fail(TUMORCLASS_BAD_IMAGE, "the network's output %d is %g for this scan", (int)i,
                        (double)member->logits[i]);
    return TUMORCLASS_OK;
}

static void softmax(double *probabilities, const struct member *member)
{
    const int32_t count = member->model->metadata.class_count;
    const double temperature = member->model->metadata.temperature;
    double largest = member->logits[0], sum = 0;
    for (int32_t i = 1; i < count; i++) largest = fmax(largest, member->logits[i]);
    for (int32_t i = 0; i < count; i++) sum += probabilities[i] = exp((member->logits[i] - largest) / temperature);
    for (int32_t i = 0; i < count; i++) probabilities[i] /= sum;
}

/* Means and deviation of the probabilities; the class is the first of the largest means. */
static void average_probabilities(tumorclass_result *result, int32_t classes)
{
    double own[MAX_CLASSES], sum[MAX_CLASSES] = { 0 }, squares[MAX_CLASSES] = { 0 };
    const int32_t members = result->member_count;
    for (int32_t m = 0; m < members; m++) {
        softmax(own, &result->members[m]);
        for (int32_t i = 0; i < classes; i++) {
            result->members[m].probabilities[i] = (float)own[i];
            sum[i] += own[i];
        }
    }
    for (int32_t m = 0; m < members; m++) {
        softmax(own, &result->members[m]);
        for (int32_t i = 0; i < classes; i++) squares[i] += (own[i] - sum[i] / members) * (own[i] - sum[i] / members);
    }
    result->class_index = 0;
    for (int32_t i = 0; i < classes; i++) {
        if (sum[i] > sum[result->class_index]) result->class_index = i;
        result->probabilities[i] = (float)(sum[i] / members);
        result->spread[i] = (float)sqrt(squares[i] / members);
    }
}

static void average_logits(tumorclass_result *result, int32_t classes)
{
    for (int32_t i = 0; i < classes; i++) {
        double sum = 0;
        for (int32_t m = 0; m < result->member_count; m++) sum += result->members[m].logits[i];
        result->logits[i] = (float)(sum / result->member_count);
    }
}

static void average_embedding(tumorclass_result *result)
{
    const tumorclass_model *model = result->members[0].model;
    for (int64_t k = 0; result->embedding && k < result->members[0].grid.channels; k++) {
        double sum = 0;
        int32_t count = 0;
        for (; count < result->member_count && result->members[count].model == model; count++)
            sum += result->members[count].embedding[k];
        result->embedding[k] = (float)(sum / count);
    }
}

tumorclass_status result_notes(const tumorclass_result *result)
{
    return result->notes_lost ? fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a note on the result") : TUMORCLASS_OK;
}

tumorclass_status result_settle(tumorclass_result *result)
{
    const int32_t classes = result->members[0].model->metadata.class_count;
    tumorclass_status status = TUMORCLASS_OK;
    for (int32_t m = 0; m < result->member_count && status == TUMORCLASS_OK; m++)
        status = check_logits(&result->members[m]);
    if (status != TUMORCLASS_OK) return status;
    average_probabilities(result, classes);
    average_logits(result, classes);
    average_embedding(result);
    result_judge(result);
    return result_notes(result);
}

/* ---- Texts ---- */

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

const char *result_keep(tumorclass_result *result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = keep_text(result, format, arguments);
    va_end(arguments);
    return text;
}

void result_device(tumorclass_result *result, const char *device)
{
    result->device = result_keep(result, "%s", device);
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
    for (size_t i = 0; i < result->qc_count; i++)
        if (!strcmp(result->qc[i].code, code) && result->qc[i].threshold == threshold) return;
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
