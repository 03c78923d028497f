/* From the messages of an ONNX file to a graph of our own: the walk over its nodes. */
#include "model/operators.h"
#include "base/memory.h"
#include "model/weights.h"

/* Symbolic extents: the batch is 1; the last three axes of a volume come from the options. */
static tumorclass_status settle_extent(int64_t *extent, const struct walk *walk, const struct onnx_value *input,
                                       int32_t axis)
{
    *extent = input->extents[axis];
    const int32_t space = axis + 3 - input->rank;
    if (*extent < 0 && axis == 0) *extent = 1;
    if (*extent < 0 && axis >= 2 && space >= 0) *extent = walk->options->shape[space];
    if (*extent > 0) return TUMORCLASS_OK;
    if (axis == 1)
        return fail(TUMORCLASS_UNSUPPORTED, "the model's input '%.*s' has a symbolic number of channels",
                    TEXT(input->name));
    return fail(TUMORCLASS_UNSUPPORTED,
                "the model's input '%.*s' is symbolic along axis %d: give its shape in tumorclass.input.shape or in "
                "the options",
                TEXT(input->name), axis);
}

static tumorclass_status bind_input(struct walk *walk, struct symbol *symbol)
{
    const struct onnx_value *input = &walk->model->inputs[symbol->index];
    if (input->type != ONNX_FLOAT)
        return fail(TUMORCLASS_UNSUPPORTED, "the model's input '%.*s' is %s, not float", TEXT(input->name),
                    onnx_type_name(input->type));
    if (input->rank < 0 || input->rank > MAX_RANK)
        return fail(TUMORCLASS_UNSUPPORTED, "the model's input '%.*s' has no shape of up to %d axes", TEXT(input->name),
                    (int)MAX_RANK);
    struct shape shape = { .rank = input->rank };
    for (int32_t i = 0; i < input->rank; i++) {
        const tumorclass_status status = settle_extent(&shape.extent[i], walk, input, i);
        if (status != TUMORCLASS_OK) return status;
    }
    const tumorclass_status status = add_activation(walk, &walk->graph->input, input->name, "", &shape);
    symbol->tensor = (struct tensor){ .kind = TENSOR_ACTIVATION, .shape = shape, .value = walk->graph->input };
    return status;
}

/* The one input that is no initializer; a model that has several, or none, cannot be given one scan. */
static tumorclass_status find_input(struct walk *walk)
{
    struct symbol *found = NULL;
    for (size_t i = 0; i < walk->symbol_count; i++) {
        struct symbol *symbol = &walk->symbols[i];
        if (symbol->maker != SYMBOL_INPUT) continue;
        if (found)
            return fail(TUMORCLASS_UNSUPPORTED, "the model has more than one input: '%.*s' and '%.*s'",
                        TEXT(found->name), TEXT(symbol->name));
        found = symbol;
    }
    if (!found) return fail(TUMORCLASS_BAD_MODEL, "the model has no input");
    return bind_input(walk, found);
}

static tumorclass_status read_initializers(struct walk *walk)
{
    for (size_t i = 0; i < walk->symbol_count; i++) {
        struct symbol *symbol = &walk->symbols[i];
        if (!symbol->needed || symbol->maker != SYMBOL_INITIALIZER) continue;
        const tumorclass_status status = read_tensor(walk, symbol, &walk->model->initializers[symbol->index]);
        if (status != TUMORCLASS_OK) return status;
    }
    return TUMORCLASS_OK;
}

static tumorclass_status resolve_inputs(struct walk *walk)
{
    const struct onnx_node *node = walk->node;
    walk->input_count = node->input_count;
    for (size_t i = 0; i < node->input_count; i++) {
        walk->inputs[i] = NULL;
        if (!node->inputs[i].size) continue;
        const struct symbol *symbol = symbol_find(walk, node->inputs[i]);
        if (!symbol)
            return fail_node(walk, TUMORCLASS_BAD_MODEL, "reads '%.*s', which nothing in the file makes",
                             TEXT(node->inputs[i]));
        if (symbol->tensor.kind == TENSOR_UNMADE)
            return fail_node(walk, TUMORCLASS_BAD_MODEL,
                             "reads '%.*s' before it is made: nodes must stand in an order without cycles",
                             TEXT(node->inputs[i]));
        walk->inputs[i] = &symbol->tensor;
    }
    return TUMORCLASS_OK;
}

static tumorclass_status check_input_count(const struct walk *walk, const struct operator_entry *entry)
{
    const size_t count = walk->node->input_count;
    if (count < (size_t)entry->least || (entry->most >= 0 && count > (size_t)entry->most))
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "has %zu inputs", count);
    for (int32_t i = 0; i < entry->least; i++)
        if (!walk->node->inputs[i].size) return fail_node(walk, TUMORCLASS_BAD_MODEL, "leaves its input %d out", i);
    return TUMORCLASS_OK;
}

static tumorclass_status check_outputs(struct walk *walk)
{
    const struct onnx_node *node = walk->node;
    for (size_t i = 1; i < node->output_count; i++) {
        const struct symbol *symbol = symbol_find(walk, node->outputs[i]);
        if (symbol && symbol->needed)
            return fail_node(walk, TUMORCLASS_UNSUPPORTED, "has its output %zu '%.*s' used: only the first can be", i,
                             TEXT(node->outputs[i]));
    }
    walk->result = symbol_find(walk, node->outputs[0]);
    return TUMORCLASS_OK;
}

static bool all_constant(const struct walk *walk)
{
    for (size_t i = 0; i < walk->input_count; i++)
        if (walk->inputs[i] && walk->inputs[i]->kind == TENSOR_ACTIVATION) return false;
    return true;
}

/* Which inputs may be computed, and that those are floats. */
static tumorclass_status check_kinds(const struct walk *walk, const struct operator_entry *entry)
{
    for (size_t i = 0; i < walk->input_count; i++) {
        const struct tensor *input = walk->inputs[i];
        const bool computed = i >= 32 ? entry->most < 0 : entry->computed >> i & 1;
        if (!input) continue;
        if (!computed && input->kind == TENSOR_ACTIVATION)
            return fail_node(walk, TUMORCLASS_UNSUPPORTED, "computes its input %zu '%.*s': it must be a constant", i,
                             TEXT(walk->node->inputs[i]));
        if (computed && input->kind == TENSOR_INTEGERS)
            return fail_node(walk, TUMORCLASS_UNSUPPORTED, "mixes floats with integers '%.*s'",
                             TEXT(walk->node->inputs[i]));
        if (computed && input->kind == TENSOR_FLOATS && !shape_count(&input->shape))
            return fail_node(walk, TUMORCLASS_BAD_MODEL, "reads '%.*s', which has no elements",
                             TEXT(walk->node->inputs[i]));
    }
    return TUMORCLASS_OK;
}

static tumorclass_status check_attributes(const struct walk *walk)
{
    if (walk->attribute_status != TUMORCLASS_OK) return walk->attribute_status;
    for (size_t i = 0; i < walk->node->attribute_count; i++)
        if (!(walk->attributes_read >> i & 1))
            return fail_node(walk, TUMORCLASS_UNSUPPORTED, "has an attribute '%.*s' that is not known",
                             TEXT(walk->node->attributes[i].name));
    return TUMORCLASS_OK;
}

static tumorclass_status translate(struct walk *walk, const struct operator_entry *entry)
{
    const bool constant = all_constant(walk);
    operator_import *import = constant ? entry->fold : entry->import;
    if (!import)
        return fail_node(walk, TUMORCLASS_UNSUPPORTED, "is supported only %s",
                         constant ? "on what depends on the input" : "on constants");
    tumorclass_status status = constant ? TUMORCLASS_OK : check_kinds(walk, entry);
    if (status != TUMORCLASS_OK) return status;
    walk->attributes_read = 0;
    walk->attribute_status = TUMORCLASS_OK;
    status = import(walk);
    return status == TUMORCLASS_OK ? check_attributes(walk) : status;
}

static tumorclass_status import_node(struct walk *walk)
{
    const struct onnx_node *node = walk->node;
    const struct operator_entry *entry = operator_find(node->operator_type);
    if (!entry) return fail_node(walk, TUMORCLASS_UNSUPPORTED, "is an operator that this library does not have");
    if (walk->model->opset < entry->since)
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "came with opset %d, the file says %lld", entry->since,
                         (long long)walk->model->opset);
    if (node->attribute_count > 64)
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "has %zu attributes", node->attribute_count);
    tumorclass_status status = check_input_count(walk, entry);
    if (status == TUMORCLASS_OK) status = check_outputs(walk);
    if (status == TUMORCLASS_OK) status = resolve_inputs(walk);
    if (status == TUMORCLASS_OK) status = translate(walk, entry);
    return status;
}

static tumorclass_status walk_nodes(struct walk *walk)
{
    const struct onnx_model *model = walk->model;
    size_t most = 0;
    for (size_t i = 0; i < model->node_count; i++)
        if (model->nodes[i].input_count > most) most = model->nodes[i].input_count;
    walk->inputs = memory_zeroed(most, sizeof *walk->inputs);
    if (!walk->inputs) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a node of %zu inputs", most);

    for (size_t i = 0; i < model->node_count; i++) {
        walk->node = &model->nodes[i];
        if (!node_needed(walk, walk->node)) continue;
        const tumorclass_status status = import_node(walk);
        if (status != TUMORCLASS_OK) return status;
    }
    return TUMORCLASS_OK;
}

static tumorclass_status bind_output(struct walk *walk)
{
    const struct symbol *output = symbol_find(walk, walk->model->outputs[0].name);
    if (output->tensor.kind == TENSOR_UNMADE)
        return fail(TUMORCLASS_BAD_MODEL, "no node makes the model's output '%.*s'", TEXT(output->name));
    if (output->tensor.kind != TENSOR_ACTIVATION)
        return fail(TUMORCLASS_BAD_MODEL, "the model's output '%.*s' does not depend on its input", TEXT(output->name));
    walk->graph->output = output->tensor.value;
    return TUMORCLASS_OK;
}

static tumorclass_status check_model(const struct onnx_model *model)
{
    if (model->opset > LAST_OPSET)
        return fail(TUMORCLASS_UNSUPPORTED, "the model is of opset %lld; this library knows those up to %d",
                    (long long)model->opset, (int)LAST_OPSET);
    if (model->output_count != 1)
        return fail(model->output_count ? TUMORCLASS_UNSUPPORTED : TUMORCLASS_BAD_MODEL,
                    "the model has %zu outputs, one is wanted", model->output_count);
    return TUMORCLASS_OK;
}

tumorclass_status graph_build(struct graph *graph, const struct onnx_model *model, const struct graph_options *options)
{
    *graph = graph_empty();
    tumorclass_status status = check_model(model);
    if (status != TUMORCLASS_OK) return status;

    struct walk walk = { .graph = graph, .model = model, .options = options, .bytes_left = options->max_bytes };
    status = symbols_collect(&walk);
    if (status == TUMORCLASS_OK) status = find_input(&walk);
    if (status == TUMORCLASS_OK) status = read_initializers(&walk);
    if (status == TUMORCLASS_OK) status = walk_nodes(&walk);
    if (status == TUMORCLASS_OK) status = bind_output(&walk);
    if (status == TUMORCLASS_OK) status = graph_find_head(&walk);
    if (status == TUMORCLASS_OK) status = graph_compact(graph);
    symbols_free(&walk);
    memory_free(walk.inputs);
    if (status != TUMORCLASS_OK) graph_free(graph);
    return status;
}
