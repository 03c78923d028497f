/* The names of an ONNX file: who makes each, and which of them the output depends on. */
#include "model/operators.h"
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

static int compare_texts(struct text a, struct text b)
{
    const size_t common = a.size < b.size ? a.size : b.size;
    const int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* By name; of one name, an initializer before the input that repeats it (files of IR version 3 list them twice). */
static int compare_symbols(const void *left, const void *right)
{
    const struct symbol *a = left, *b = right;
    const int order = compare_texts(a->name, b->name);
    return order ? order : (a->maker > b->maker) - (a->maker < b->maker);
}

static int compare_name(const void *key, const void *element)
{
    return compare_texts(*(const struct text *)key, ((const struct symbol *)element)->name);
}

struct symbol *symbol_find(const struct walk *walk, struct text name)
{
    if (!walk->symbol_count) return NULL;
    return bsearch(&name, walk->symbols, walk->symbol_count, sizeof *walk->symbols, compare_name);
}

static void add(struct walk *walk, struct text name, int32_t maker, size_t index)
{
    if (!name.size) return;
    walk->symbols[walk->symbol_count++] = (struct symbol){
        .name = name, .maker = maker, .index = index, .tensor.value = NO_VALUE
    };
}

static size_t count_names(const struct onnx_model *model)
{
    size_t count = model->initializer_count + model->input_count;
    for (size_t i = 0; i < model->node_count; i++) count += model->nodes[i].output_count;
    return count;
}

static tumorclass_status refuse_duplicates(struct walk *walk)
{
    size_t kept = 0;
    for (size_t i = 0; i < walk->symbol_count; i++) {
        const struct symbol *symbol = &walk->symbols[i], *last = kept ? &walk->symbols[kept - 1] : NULL;
        if (last && text_equal(last->name, symbol->name)) {
            if (last->maker == SYMBOL_INITIALIZER && symbol->maker == SYMBOL_INPUT) continue;
            return fail(TUMORCLASS_BAD_MODEL, "tensor '%.*s' is made twice", TEXT(symbol->name));
        }
        walk->symbols[kept++] = *symbol;
    }
    walk->symbol_count = kept;
    return TUMORCLASS_OK;
}

bool node_needed(const struct walk *walk, const struct onnx_node *node)
{
    for (size_t i = 0; i < node->output_count; i++) {
        const struct symbol *symbol = symbol_find(walk, node->outputs[i]);
        if (symbol && symbol->needed) return true;
    }
    return false;
}

/* The nodes are in topological order, so one pass backwards settles all; one that is not is found out in the walk. */
static tumorclass_status mark_needed(struct walk *walk)
{
    const struct onnx_model *model = walk->model;
    struct symbol *output = symbol_find(walk, model->outputs[0].name);
    if (!output)
        return fail(TUMORCLASS_BAD_MODEL, "no node makes the model's output '%.*s'", TEXT(model->outputs[0].name));
    output->needed = true;
    for (size_t i = model->node_count; i-- > 0;) {
        const struct onnx_node *node = &model->nodes[i];
        if (!node_needed(walk, node)) continue;
        for (size_t k = 0; k < node->input_count; k++) {
            struct symbol *symbol = symbol_find(walk, node->inputs[k]);
            if (symbol) symbol->needed = true;
        }
    }
    return TUMORCLASS_OK;
}

tumorclass_status symbols_collect(struct walk *walk)
{
    const struct onnx_model *model = walk->model;
    walk->symbols = memory_zeroed(count_names(model), sizeof *walk->symbols);
    if (!walk->symbols) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the names of the model");
    for (size_t i = 0; i < model->initializer_count; i++) add(walk, model->initializers[i].name, SYMBOL_INITIALIZER, i);
    for (size_t i = 0; i < model->input_count; i++) add(walk, model->inputs[i].name, SYMBOL_INPUT, i);
    for (size_t i = 0; i < model->node_count; i++)
        for (size_t k = 0; k < model->nodes[i].output_count; k++)
            add(walk, model->nodes[i].outputs[k], SYMBOL_OUTPUT, i);

    qsort(walk->symbols, walk->symbol_count, sizeof *walk->symbols, compare_symbols);
    const tumorclass_status status = refuse_duplicates(walk);
    return status == TUMORCLASS_OK ? mark_needed(walk) : status;
}

void symbols_free(struct walk *walk)
{
    for (size_t i = 0; i < walk->symbol_count; i++) memory_free(walk->symbols[i].owned);
    memory_free(walk->symbols);
}
