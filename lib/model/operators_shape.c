/* Importers of operators that move elements or rename axes, and Shape. Reshapes serve activations and constants alike. */
#include "model/operators.h"
#include <string.h>
#include "base/memory.h"

/* Input 0 with another shape: a node, or a constant's copy. */
static tumorclass_status finish_reshape(struct walk *walk, const struct shape *shape)
{
    const struct tensor *input = walk->inputs[0];
    const size_t count = (size_t)shape_count(shape);
    if (input->kind == TENSOR_ACTIVATION) {
        const struct node node = node_of(OPERATION_RESHAPE);
        return emit_unary(walk, &node, shape);
    }
    if (input->kind == TENSOR_INTEGERS) {
        int64_t *integers;
        const tumorclass_status status = make_integers(walk, &integers, shape);
        if (status == TUMORCLASS_OK && count) memcpy(integers, input->integers, count * sizeof *integers);
        return status;
    }
    float *floats;
    const tumorclass_status status = make_floats(walk, &floats, shape);
    if (status == TUMORCLASS_OK && count)
        memcpy(floats, walk->graph->values[input->value].constant, count * sizeof *floats);
    return status;
}

/* The one extent given as -1 is what is left of `count` elements. */
static tumorclass_status infer_extent(const struct walk *walk, struct shape *shape, int32_t unknown, int64_t count)
{
    char text[128];
    shape_text(text, sizeof text, shape);
    if (unknown >= 0) shape->extent[unknown] = 1;
    int64_t known = multiply_extents(shape->extent, (size_t)shape->rank); /* -1: one is zero, or far too many */
    for (int32_t i = 0; i < shape->rank; i++)
        if (shape->extent[i] == 0) known = 0;
    if (unknown >= 0 && known > 0 && count % known == 0)
        shape->extent[unknown] = count / known;
    else if (unknown >= 0 || known != count)
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "cannot give %lld elements the shape %s", (long long)count, text);
    return TUMORCLASS_OK;
}

static tumorclass_status reshaped(struct walk *walk, struct shape *shape)
{
    size_t count;
    const struct shape *input = &walk->inputs[0]->shape;
    const int64_t *wanted = input_integers(walk, 1, &count);
    const bool keep_zeros = walk->model->opset >= 14 && attribute_int(walk, "allowzero", 0);
    if (!wanted) return walk->attribute_status;
    if (count > MAX_RANK) return fail_node(walk, TUMORCLASS_UNSUPPORTED, "makes a tensor of %zu axes", count);
    *shape = (struct shape){ .rank = (int32_t)count };
    int32_t unknown = -1;
    for (int32_t i = 0; i < shape->rank; i++) {
        int64_t *extent = &shape->extent[i];
        *extent = wanted[i];
        if (*extent == 0 && !keep_zeros && i < input->rank) *extent = input->extent[i];
        if (*extent < -1 || (*extent == -1 && unknown >= 0))
            return fail_node(walk, TUMORCLASS_BAD_MODEL, "asks for an extent of %lld along axis %d",
                             (long long)wanted[i], i);
        if (*extent == -1) unknown = i;
    }
    return infer_extent(walk, shape, unknown, shape_count(input));
}

tumorclass_status import_reshape(struct walk *walk)
{
    struct shape shape;
    const tumorclass_status status = reshaped(walk, &shape);
    return status == TUMORCLASS_OK ? finish_reshape(walk, &shape) : status;
}

/* Two axes: those before `axis`, and the rest. */
tumorclass_status import_flatten(struct walk *walk)
{
    const struct shape *input = &walk->inputs[0]->shape;
    const int64_t axis = attribute_int(walk, "axis", 1);
    if (axis < -input->rank || axis > input->rank)
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "names axis %lld of a tensor of %d axes", (long long)axis,
                         input->rank);
    if (!shape_count(input)) return fail_node(walk, TUMORCLASS_UNSUPPORTED, "reads a tensor without elements");
    struct shape shape = { 2, { 1, 1 } };
    for (int32_t i = 0; i < input->rank; i++)
        shape.extent[i >= (axis < 0 ? axis + input->rank : axis)] *= input->extent[i];
    return finish_reshape(walk, &shape);
}

/* The attribute before opset 13, an input since. */
static const int64_t *squeeze_axes(struct walk *walk, size_t *count)
{
    return walk->model->opset < 13 ? attribute_ints(walk, "axes", count) : input_integers(walk, 1, count);
}

tumorclass_status import_squeeze(struct walk *walk)
{
    const struct shape *input = &walk->inputs[0]->shape;
    size_t count;
    const int64_t *axes = squeeze_axes(walk, &count);
    bool named[MAX_RANK];
    const tumorclass_status status = check_axes(walk, named, axes, count, input->rank);
    if (status != TUMORCLASS_OK) return status;
    struct shape shape = { 0, { 0 } };
    for (int32_t i = 0; i < input->rank; i++) {
        const bool drop = axes ? named[i] : input->extent[i] == 1;
        if (drop && input->extent[i] != 1)
            return fail_node(walk, TUMORCLASS_BAD_MODEL, "drops axis %d, which has %lld elements", i,
                             (long long)input->extent[i]);
        if (!drop) shape.extent[shape.rank++] = input->extent[i];
    }
    return finish_reshape(walk, &shape);
}

tumorclass_status import_unsqueeze(struct walk *walk)
{
    const struct shape *input = &walk->inputs[0]->shape;
    size_t count;
    const int64_t *axes = squeeze_axes(walk, &count);
    if (!axes) return fail_node(walk, TUMORCLASS_BAD_MODEL, "has no axes");
    if (count > (size_t)(MAX_RANK - input->rank))
        return fail_node(walk, TUMORCLASS_UNSUPPORTED, "makes a tensor of more than %d axes", (int)MAX_RANK);
    bool added[MAX_RANK];
    struct shape shape = { .rank = input->rank + (int32_t)count };
    const tumorclass_status status = check_axes(walk, added, axes, count, shape.rank);
    if (status != TUMORCLASS_OK) return status;
    for (int32_t i = 0, from = 0; i < shape.rank; i++) shape.extent[i] = added[i] ? 1 : input->extent[from++];
    return finish_reshape(walk, &shape);
}

tumorclass_status transposed(struct walk *walk, struct shape *shape, int32_t permutation[MAX_RANK])
{
    const struct shape *input = &walk->inputs[0]->shape;
    size_t count;
    const int64_t *list = attribute_ints(walk, "perm", &count);
    bool seen[MAX_RANK];
    const tumorclass_status status = check_axes(walk, seen, list, count, input->rank);
    if (status != TUMORCLASS_OK) return status;
    if (list && count != (size_t)input->rank)
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "permutes %zu of %d axes", count, input->rank);
    *shape = *input;
    for (int32_t i = 0; i < input->rank; i++) {
        const int64_t from = list ? list[i] : input->rank - 1 - i;
        permutation[i] = (int32_t)(from < 0 ? from + input->rank : from);
        shape->extent[i] = input->extent[permutation[i]];
    }
    return TUMORCLASS_OK;
}

/* Axes of one element may go anywhere: if the others keep their order, nothing moves. */
static bool keeps_order(const struct shape *input, const int32_t permutation[MAX_RANK])
{
    int32_t last = -1;
    for (int32_t i = 0; i < input->rank; i++) {
        if (input->extent[permutation[i]] == 1) continue;
        if (permutation[i] < last) return false;
        last = permutation[i];
    }
    return true;
}

tumorclass_status import_transpose(struct walk *walk)
{
    struct node node = node_of(OPERATION_TRANSPOSE);
    struct shape shape;
    const tumorclass_status status = transposed(walk, &shape, node.transpose.permutation);
    if (status != TUMORCLASS_OK) return status;
    if (keeps_order(&walk->inputs[0]->shape, node.transpose.permutation)) node = node_of(OPERATION_RESHAPE);
    return emit_unary(walk, &node, &shape);
}

static tumorclass_status concat_shape(struct walk *walk, struct shape *shape, int32_t axis)
{
    *shape = walk->inputs[0]->shape;
    for (size_t i = 1; i < walk->input_count; i++) {
        struct shape other = walk->inputs[i]->shape;
        const int64_t added = axis < other.rank ? other.extent[axis] : 0;
        if (other.rank == shape->rank) other.extent[axis] = shape->extent[axis];
        if (other.rank != shape->rank || memcmp(other.extent, shape->extent, (size_t)shape->rank * sizeof added)) {
            char first[128], text[128];
            shape_text(first, sizeof first, &walk->inputs[0]->shape);
            shape_text(text, sizeof text, &walk->inputs[i]->shape);
            return fail_node(walk, TUMORCLASS_BAD_MODEL, "joins shapes %s and %s along axis %d", first, text, axis);
        }
        if (added > INT64_MAX / 2 - shape->extent[axis])
            return fail_node(walk, TUMORCLASS_UNSUPPORTED, "joins more than can be counted along axis %d", axis);
        shape->extent[axis] += added;
    }
    return TUMORCLASS_OK;
}

tumorclass_status concatenated(struct walk *walk, struct shape *shape, int32_t *axis)
{
    for (size_t i = 0; i < walk->input_count; i++)
        if (!walk->inputs[i]) return fail_node(walk, TUMORCLASS_BAD_MODEL, "leaves its input %zu out", i);
    if (!attribute_any(walk, "axis")) return fail_node(walk, TUMORCLASS_BAD_MODEL, "has no axis");
    const tumorclass_status status = check_axis(walk, axis, attribute_int(walk, "axis", 0),
                                                walk->inputs[0]->shape.rank);
    return status == TUMORCLASS_OK ? concat_shape(walk, shape, *axis) : status;
}

tumorclass_status import_concat(struct walk *walk)
{
    struct node node = node_of(OPERATION_CONCAT);
    struct shape shape;
    tumorclass_status status = concatenated(walk, &shape, &node.concat.axis);
    if (status == TUMORCLASS_OK) status = refuse_activation_constants(walk);
    if (status != TUMORCLASS_OK) return status;
    int32_t *inputs = memory_allocate(walk->input_count, sizeof *inputs);
    if (!inputs) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a node of %zu inputs", walk->input_count);
    for (size_t i = 0; i < walk->input_count; i++) inputs[i] = walk->inputs[i]->value;
    status = emit(walk, &node, inputs, (int32_t)walk->input_count, &shape);
    memory_free(inputs);
    return status;
}

static int64_t clamp_axis(int64_t axis, int32_t rank)
{
    if (axis < 0) axis += rank;
    return axis < 0 ? 0 : axis > rank ? rank : axis;
}

/* Shapes are known here, so this is a constant. start and end came with opset 15. */
tumorclass_status import_shape(struct walk *walk)
{
    const struct shape *input = &walk->inputs[0]->shape;
    const int64_t start = clamp_axis(attribute_int(walk, "start", 0), input->rank);
    const int64_t end = clamp_axis(attribute_int(walk, "end", input->rank), input->rank);
    const struct shape shape = { 1, { end > start ? end - start : 0 } };
    int64_t *extents;
    const tumorclass_status status = make_integers(walk, &extents, &shape);
    for (int64_t i = 0; status == TUMORCLASS_OK && i < shape.extent[0]; i++) extents[i] = input->extent[start + i];
    return status;
}
