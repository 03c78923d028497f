/* Nodes that read only constants, evaluated at load: moving elements. (Arithmetic: fold_arithmetic.c.) */
#include "model/operators.h"
#include <assert.h>
#include <math.h>
#include <string.h>

/* Elements of a constant of either kind, as bytes. */
struct elements {
    const char *data;
    size_t size; /* of one */
};

static struct elements elements_of(const struct walk *walk, const struct tensor *tensor)
{
    if (tensor->kind == TENSOR_INTEGERS) return (struct elements){ (const char *)tensor->integers, sizeof(int64_t) };
    return (struct elements){ (const char *)walk->graph->values[tensor->value].constant, sizeof(float) };
}

/* The output: a constant of the same kind as `like`. */
static tumorclass_status make_like(struct walk *walk, char **data, const struct tensor *like, const struct shape *shape)
{
    float *floats = NULL;
    int64_t *integers = NULL;
    const bool integer = like->kind == TENSOR_INTEGERS;
    const tumorclass_status status = integer ? make_integers(walk, &integers, shape)
                                             : make_floats(walk, &floats, shape);
    *data = integer ? (char *)integers : (char *)floats;
    return status;
}

/* dst[i, j, ..] = src[offset + i * stride[0] + j * stride[1] + ..] for all of `shape` */
static void copy_strided(char *dst, struct elements src, const struct shape *shape, int64_t offset,
                         const int64_t stride[MAX_RANK])
{
    int64_t index[MAX_RANK] = { 0 };
    for (int64_t left = shape_count(shape); left > 0; left--, dst += src.size) {
        memcpy(dst, src.data + offset * (int64_t)src.size, src.size);
        for (int32_t axis = shape->rank - 1; axis >= 0; axis--) {
            offset += stride[axis];
            if (++index[axis] < shape->extent[axis]) break;
            offset -= stride[axis] * shape->extent[axis];
            index[axis] = 0;
        }
    }
}

static void strides_of(int64_t stride[MAX_RANK], const struct shape *shape)
{
    int64_t step = shape_count(shape) ? 1 : 0; /* without elements nothing is read */
    for (int32_t i = shape->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= shape->extent[i];
    }
}

static tumorclass_status make_strided(struct walk *walk, const struct shape *shape, int64_t offset,
                                      const int64_t stride[MAX_RANK])
{
    const struct tensor input = *walk->inputs[0];
    char *data;
    const tumorclass_status status = make_like(walk, &data, &input, shape);
    if (status == TUMORCLASS_OK) copy_strided(data, elements_of(walk, &input), shape, offset, stride);
    return status;
}

tumorclass_status fold_transpose(struct walk *walk)
{
    struct shape shape;
    int32_t permutation[MAX_RANK];
    const tumorclass_status status = transposed(walk, &shape, permutation);
    if (status != TUMORCLASS_OK) return status;
    int64_t from[MAX_RANK] = { 0 }, stride[MAX_RANK] = { 0 };
    strides_of(from, &walk->inputs[0]->shape);
    for (int32_t i = 0; i < shape.rank; i++) stride[i] = from[permutation[i]];
    return make_strided(walk, &shape, 0, stride);
}

tumorclass_status fold_expand(struct walk *walk)
{
    const struct shape *input = &walk->inputs[0]->shape;
    size_t count;
    const int64_t *extents = input_integers(walk, 1, &count);
    if (!extents) return walk->attribute_status;
    if (count > MAX_RANK) return fail_node(walk, TUMORCLASS_UNSUPPORTED, "makes a tensor of %zu axes", count);
    struct shape wanted = { .rank = (int32_t)count }, shape;
    for (size_t i = 0; i < count; i++) {
        if (extents[i] < 0)
            return fail_node(walk, TUMORCLASS_BAD_MODEL, "asks for an extent of %lld", (long long)extents[i]);
        wanted.extent[i] = extents[i];
    }
    const tumorclass_status status = broadcast_shapes(walk, &shape, input, &wanted);
    if (status != TUMORCLASS_OK) return status;
    int64_t from[MAX_RANK] = { 0 }, stride[MAX_RANK] = { 0 };
    strides_of(from, input);
    for (int32_t i = 0; i < input->rank; i++)
        if (input->extent[i] != 1) stride[i + shape.rank - input->rank] = from[i];
    return make_strided(walk, &shape, 0, stride);
}

/* Into [0, extent], or for a walk backwards [-1, extent - 1]. */
static int64_t clamp_bound(int64_t bound, int64_t extent, bool backwards)
{
    if (bound < 0) bound += extent;
    const int64_t least = backwards ? -1 : 0, most = backwards ? extent - 1 : extent;
    return bound < least ? least : bound > most ? most : bound;
}

/* How many elements start, start + step, .. has before `end`; the step's sign says which way. */
static int64_t count_steps(int64_t start, int64_t end, int64_t step)
{
    const uint64_t distance = step > 0 ? (uint64_t)end - (uint64_t)start : (uint64_t)start - (uint64_t)end;
    const uint64_t stride = step > 0 ? (uint64_t)step : -(uint64_t)step;
    if (step > 0 ? start >= end : start <= end) return 0;
    const uint64_t count = (distance - 1) / stride + 1;
    return count > INT64_MAX ? INT64_MAX : (int64_t)count;
}

struct slice_lists {
    const int64_t *starts, *ends, *axes, *steps;
    size_t starts_count, ends_count, axes_count, steps_count;
};

/* Attributes before opset 10, inputs since. */
static tumorclass_status read_slice(struct walk *walk, struct slice_lists *lists)
{
    *lists = (struct slice_lists){ 0 };
    if (walk->model->opset < 10) {
        lists->starts = attribute_ints(walk, "starts", &lists->starts_count);
        lists->ends = attribute_ints(walk, "ends", &lists->ends_count);
        lists->axes = attribute_ints(walk, "axes", &lists->axes_count);
    } else {
        lists->starts = input_integers(walk, 1, &lists->starts_count);
        lists->ends = input_integers(walk, 2, &lists->ends_count);
        lists->axes = input_integers(walk, 3, &lists->axes_count);
        lists->steps = input_integers(walk, 4, &lists->steps_count);
    }
    const size_t count = lists->starts_count;
    if (!lists->starts || !lists->ends || lists->ends_count != count || count > MAX_RANK ||
        (lists->axes && lists->axes_count != count) || (lists->steps && lists->steps_count != count))
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "has starts, ends, axes and steps that do not go together");
    return TUMORCLASS_OK;
}

tumorclass_status fold_slice(struct walk *walk)
{
    struct slice_lists lists;
    tumorclass_status status = read_slice(walk, &lists);
    if (status != TUMORCLASS_OK) return status;
    struct shape shape = walk->inputs[0]->shape;
    const int32_t rank = shape.rank;
    int64_t stride[MAX_RANK] = { 0 }, offset = 0;
    bool seen[MAX_RANK];
    status = check_axes(walk, seen, lists.axes, lists.axes_count, rank);
    if (status != TUMORCLASS_OK) return status;
    strides_of(stride, &shape);
    for (size_t i = 0; i < lists.starts_count; i++) {
        int32_t axis;
        status = check_axis(walk, &axis, lists.axes ? lists.axes[i] : (int64_t)i, rank);
        const int64_t step = lists.steps ? lists.steps[i] : 1, extent = shape.extent[status ? 0 : axis];
        if (status == TUMORCLASS_OK && !step) status = fail_node(walk, TUMORCLASS_BAD_MODEL, "has a step of 0");
        if (status != TUMORCLASS_OK) return status;
        const int64_t start = clamp_bound(lists.starts[i], extent, step < 0);
        const int64_t end = clamp_bound(lists.ends[i], extent, step < 0);
        shape.extent[axis] = count_steps(start, end, step);
        if (shape.extent[axis]) offset += start * stride[axis];
        stride[axis] = shape.extent[axis] > 1 ? stride[axis] * step : 0;
    }
    return make_strided(walk, &shape, offset, stride);
}

/* dst[o][i][..] = src[o][index[i]][..] along one axis */
static tumorclass_status gather(struct walk *walk, int32_t axis, const int64_t *indices, size_t count,
                                const struct shape *shape)
{
    const struct tensor input = *walk->inputs[0];
    const int64_t extent = input.shape.extent[axis];
    for (size_t i = 0; i < count; i++)
        if (indices[i] < -extent || indices[i] >= extent)
            return fail_node(walk, TUMORCLASS_BAD_MODEL, "gathers element %lld of %lld", (long long)indices[i],
                             (long long)extent);
    char *data;
    const tumorclass_status status = make_like(walk, &data, &input, shape);
    if (status != TUMORCLASS_OK || !shape_count(shape)) return status;
    const struct elements source = elements_of(walk, &input);
    int64_t stride[MAX_RANK] = { 0 };
    strides_of(stride, &input.shape);
    const size_t inner = (size_t)stride[axis] * source.size;
    const int64_t outer = shape_count(&input.shape) / (stride[axis] * extent);
    for (int64_t o = 0; o < outer; o++)
        for (size_t i = 0; i < count; i++, data += inner) {
            const int64_t index = indices[i] < 0 ? indices[i] + extent : indices[i];
            memcpy(data, source.data + (size_t)(o * extent + index) * inner, inner);
        }
    return TUMORCLASS_OK;
}

tumorclass_status fold_gather(struct walk *walk)
{
    const struct shape *input = &walk->inputs[0]->shape, *chosen = &walk->inputs[1]->shape;
    size_t count;
    const int64_t *indices = input_integers(walk, 1, &count);
    int32_t axis;
    const tumorclass_status status = check_axis(walk, &axis, attribute_int(walk, "axis", 0), input->rank);
    if (status != TUMORCLASS_OK) return status;
    if (!indices) return walk->attribute_status;
    if (input->rank - 1 + chosen->rank > MAX_RANK)
        return fail_node(walk, TUMORCLASS_UNSUPPORTED, "makes a tensor of %d axes", input->rank - 1 + chosen->rank);
    struct shape shape = { 0, { 0 } };
    for (int32_t i = 0; i < axis; i++) shape.extent[shape.rank++] = input->extent[i];
    for (int32_t i = 0; i < chosen->rank; i++) shape.extent[shape.rank++] = chosen->extent[i];
    for (int32_t i = axis + 1; i < input->rank; i++) shape.extent[shape.rank++] = input->extent[i];
    return gather(walk, axis, indices, count, &shape);
}

tumorclass_status fold_concat(struct walk *walk)
{
    struct shape shape;
    int32_t axis;
    tumorclass_status status = concatenated(walk, &shape, &axis);
    if (status == TUMORCLASS_OK) status = refuse_activation_constants(walk);
    if (status != TUMORCLASS_OK) return status;
    for (size_t i = 1; i < walk->input_count; i++)
        if (walk->inputs[i]->kind != walk->inputs[0]->kind)
            return fail_node(walk, TUMORCLASS_BAD_MODEL, "joins floats with integers");
    char *data;
    const struct tensor first = *walk->inputs[0];
    status = make_like(walk, &data, &first, &shape);
    if (status != TUMORCLASS_OK || !shape_count(&shape)) return status;
    int64_t outer = 1, inner = 1;
    for (int32_t i = 0; i < axis; i++) outer *= shape.extent[i];
    for (int32_t i = axis + 1; i < shape.rank; i++) inner *= shape.extent[i];
    for (int64_t o = 0; o < outer; o++)
        for (size_t i = 0; i < walk->input_count; i++) {
            const struct elements source = elements_of(walk, walk->inputs[i]);
            const size_t block = (size_t)(walk->inputs[i]->shape.extent[axis] * inner) * source.size;
            if (block) memcpy(data, source.data + (size_t)o * block, block);
            data += block;
        }
    return TUMORCLASS_OK;
}

tumorclass_status fold_range(struct walk *walk)
{
    int64_t bounds[3];
    for (size_t i = 0; i < 3; i++) {
        size_t count;
        const int64_t *bound = input_integers(walk, i, &count);
        if (!bound || count != 1)
            return fail_node(walk, TUMORCLASS_UNSUPPORTED, "counts by something else than single integers");
        bounds[i] = *bound;
    }
    attribute_ignore(walk, "stash_type"); /* of floats */
    if (!bounds[2]) return fail_node(walk, TUMORCLASS_BAD_MODEL, "has a step of 0");
    const struct shape shape = { 1, { count_steps(bounds[0], bounds[1], bounds[2]) } };
    int64_t *data;
    const tumorclass_status status = make_integers(walk, &data, &shape);
    for (int64_t i = 0; status == TUMORCLASS_OK && i < shape.extent[0]; i++)
        data[i] = i ? data[i - 1] + bounds[2] : bounds[0];
    return status;
}
