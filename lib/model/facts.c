#include "model/facts.h"
#include "base/memory.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE = 4096 }; /* all values with their zeros */
enum { MAX_OPERATORS = 48, OPERATOR_LENGTH = 32 };

/* The next fact; its value goes behind the others. Room is enough by the lengths that each caller keeps to. */
static void add_fact(struct tumorclass_model *model, const char *key, const char *format, ...) PRINTF_LIKE(3, 4);
static void add_fact(struct tumorclass_model *model, const char *key, const char *format, ...)
{
    char *value = model->fact_text;
    if (model->fact_count) {
        const char *last = model->facts[model->fact_count - 1].value;
        value += last - value + (ptrdiff_t)strlen(last) + 1;
    }
    const size_t room = TEXT_SIZE - (size_t)(value - model->fact_text);
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(value, room, format, arguments);
    va_end(arguments);
    assert(length >= 0 && (size_t)length < room && model->fact_count < MODEL_FACTS);
    (void)length;
    model->facts[model->fact_count++] = (tumorclass_property){ key, value };
}

static void add_shape(struct tumorclass_model *model, const char *key, int32_t value)
{
    char text[160];
    shape_text(text, sizeof text, &model->graph.values[value].shape);
    add_fact(model, key, "%s", text);
}

struct operators {
    struct text types[MAX_OPERATORS];
    int counts[MAX_OPERATORS];
    int count;
};

static void count_operator(struct operators *operators, struct text type)
{
    int i = 0;
    while (i < operators->count && !text_equal(operators->types[i], type)) i++;
    if (i == MAX_OPERATORS || type.size > OPERATOR_LENGTH) return; /* more than any real network has */
    operators->types[i] = type;
    operators->counts[i]++;
    if (i == operators->count) operators->count++;
}

/* "Conv 15, Relu 7": as they stand in the file, in the order in which they first occur */
static void add_operators(struct tumorclass_model *model, const struct onnx_model *onnx)
{
    struct operators operators = { .count = 0 };
    char text[MAX_OPERATORS * (OPERATOR_LENGTH + 16)] = "";
    size_t length = 0;
    for (size_t i = 0; i < onnx->node_count; i++) count_operator(&operators, onnx->nodes[i].operator_type);
    for (int i = 0; i < operators.count; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%.*s %d", i ? ", " : "",
                                   text_shown(operators.types[i]), operators.types[i].data, operators.counts[i]);
    add_fact(model, "operators", "%s", text);
}

tumorclass_status facts_collect(struct tumorclass_model *model, const struct onnx_model *onnx)
{
    const struct graph *graph = &model->graph;
    model->fact_text = memory_allocate(TEXT_SIZE, 1);
    if (!model->fact_text) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for facts about the model");

    add_fact(model, "format", "ONNX, operator set %lld", (long long)onnx->opset);
    add_fact(model, "producer", "%.*s%s%.*s", text_shown(onnx->producer), onnx->producer.data,
             onnx->producer_version.size ? " " : "", text_shown(onnx->producer_version), onnx->producer_version.data);
    add_shape(model, "input", graph->input);
    add_shape(model, "output", graph->output);
    add_operators(model, onnx);
    add_fact(model, "parameters", "%lld", (long long)graph_parameters(graph));
    add_fact(model, "multiplications", "%lld", (long long)graph_multiplications(graph));
    if (graph->features != NO_VALUE) add_shape(model, "features", graph->features);
    return TUMORCLASS_OK;
}

/* "64 x 64 x 64, 32 x 32 x 32 (default)": cells along D, H, W */
void facts_add_levels(struct tumorclass_model *model)
{
    const struct graph *graph = &model->graph;
    char text[MAX_LEVELS * 96] = "";
    size_t length = 0;
    for (int32_t i = 0; i < graph->level_count; i++) {
        const int64_t *cells = graph->values[graph->levels[i]].shape.extent + 2;
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%lld x %lld x %lld%s", i ? ", " : "",
                                   (long long)cells[0], (long long)cells[1], (long long)cells[2],
                                   graph->levels[i] == graph->fine ? " (default)" : "");
    }
    if (graph->level_count) add_fact(model, "attention levels", "%s", text);
}
