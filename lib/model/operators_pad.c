/* Pad: amounts and value are attributes before opset 11, constant inputs since. */
#include "model/operators.h"
#include <string.h>

static tumorclass_status read_value(struct walk *walk, float *value)
{
    *value = attribute_float(walk, "value", 0);
    size_t count;
    const float *constant = input_floats(walk, 2, &count);
    if (!constant) return walk->attribute_status;
    if (count != 1) return fail_node(walk, TUMORCLASS_BAD_MODEL, "has %zu constant values", count);
    *value = *constant;
    return TUMORCLASS_OK;
}

/* A negative amount crops; something of the axis must be left. */
static bool amounts_fit(int64_t before, int64_t after, int64_t extent)
{
    if (before < -extent || after < -extent || before > INT32_MAX || after > INT32_MAX) return false;
    return extent + (before < 0 ? before : 0) + (after < 0 ? after : 0) > 0;
}

/* Axis i of the list of amounts: `axes` names it, or it is i. */
static tumorclass_status read_amounts(struct walk *walk, struct node *node, const int64_t *amounts, size_t count,
                                      const int64_t *axes, size_t axis_count)
{
    bool seen[MAX_RANK];
    const int32_t rank = walk->inputs[0]->shape.rank;
    const tumorclass_status status = check_axes(walk, seen, axes, axes ? axis_count : 0, rank);
    if (status != TUMORCLASS_OK) return status;
    const size_t wanted = axes ? axis_count : (size_t)rank;
    if (count != 2 * wanted)
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "has %zu amounts for %zu axes", count, wanted);
    for (size_t i = 0; i < wanted; i++) {
        const int64_t axis = axes ? (axes[i] + rank) % rank : (int64_t)i;
        const int64_t before = amounts[i], after = amounts[i + wanted];
        if (!amounts_fit(before, after, walk->inputs[0]->shape.extent[axis]))
            return fail_node(walk, TUMORCLASS_UNSUPPORTED, "pads axis %lld by %lld and %lld", (long long)axis,
                             (long long)before, (long long)after);
        node->pad.before[axis] = before;
        node->pad.after[axis] = after;
    }
    return TUMORCLASS_OK;
}

static tumorclass_status read_pad(struct walk *walk, struct node *node)
{
    struct text mode;
    if (attribute_text(walk, "mode", &mode) && !text_is(mode, "constant"))
        return fail_node(walk, TUMORCLASS_UNSUPPORTED, "has mode '%.*s': only constant is supported", TEXT(mode));
    size_t count, axis_count;
    const bool inputs = walk->model->opset >= 11;
    const int64_t *amounts = inputs ? input_integers(walk, 1, &count) : attribute_ints(walk, "pads", &count);
    const int64_t *axes = input_integers(walk, 3, &axis_count);
    tumorclass_status status = read_value(walk, &node->pad.value);
    if (status != TUMORCLASS_OK) return status;
    if (!amounts) return fail_node(walk, TUMORCLASS_BAD_MODEL, "has no pads");
    return read_amounts(walk, node, amounts, count, axes, axis_count);
}

tumorclass_status import_pad(struct walk *walk)
{
    struct node node = node_of(OPERATION_PAD);
    const tumorclass_status status = read_pad(walk, &node);
    if (status != TUMORCLASS_OK) return status;
    struct shape shape = walk->inputs[0]->shape;
    bool pads = false;
    for (int32_t i = 0; i < shape.rank; i++) {
        shape.extent[i] += node.pad.before[i] + node.pad.after[i];
        pads = pads || node.pad.before[i] || node.pad.after[i];
    }
    return pads ? emit_unary(walk, &node, &shape) : pass_through(walk);
}
