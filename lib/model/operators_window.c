/* Importers of operators with a window: convolution, pooling; and padding. */
#include "model/operators.h"
#include <string.h>

/* Larger ones are mistakes, and would overflow. */
enum { MAX_WINDOW = 65535 };  /* kernel, stride, dilation, padding */
enum { MAX_REACH = 1 << 20 }; /* first to last tap */

/* Spatial axis i of a tensor with `axes` of them is axis i + 3 - axes of struct window. */
static struct window unit_window(void)
{
    return (struct window){ .kernel = { 1, 1, 1 }, .stride = { 1, 1, 1 }, .dilation = { 1, 1, 1 } };
}

static tumorclass_status check_list(const struct walk *walk, const char *name, const int64_t *list, size_t count,
                                    size_t wanted, int64_t least)
{
    if (count != wanted)
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "has %zu values in '%s' where %zu are wanted", count, name,
                         wanted);
    for (size_t i = 0; i < count; i++)
        if (list[i] < least || list[i] > MAX_WINDOW)
            return fail_node(walk, TUMORCLASS_UNSUPPORTED, "has %lld in '%s': %lld to %d is supported",
                             (long long)list[i], name, (long long)least, (int)MAX_WINDOW);
    return TUMORCLASS_OK;
}

/* One attribute with a number for each spatial axis, into dst[3]; absent leaves it as it is. */
static tumorclass_status read_axes(struct walk *walk, int64_t dst[3], const char *name, int32_t axes, int64_t least)
{
    size_t count;
    const int64_t *list = attribute_ints(walk, name, &count);
    if (!list) return TUMORCLASS_OK;
    const tumorclass_status status = check_list(walk, name, list, count, (size_t)axes, least);
    if (status == TUMORCLASS_OK) memcpy(dst + 3 - axes, list, (size_t)axes * sizeof *list);
    return status;
}

static tumorclass_status read_pads(struct walk *walk, struct window *window, int32_t axes)
{
    size_t count;
    const int64_t *list = attribute_ints(walk, "pads", &count);
    if (!list) return TUMORCLASS_OK;
    const tumorclass_status status = check_list(walk, "pads", list, count, 2 * (size_t)axes, 0);
    if (status != TUMORCLASS_OK) return status;
    memcpy(window->pad_before + 3 - axes, list, (size_t)axes * sizeof *list);
    memcpy(window->pad_after + 3 - axes, list + axes, (size_t)axes * sizeof *list);
    return TUMORCLASS_OK;
}

static int64_t reach(const struct window *window, int32_t i)
{
    return (window->kernel[i] - 1) * window->dilation[i] + 1;
}

/* SAME: the output has ceil(input / stride) elements; the odd element of padding goes to the end (UPPER) or start. */
static void pad_same(struct window *window, const int64_t space[3], bool upper)
{
    for (int32_t i = 0; i < 3; i++) {
        const int64_t count = (space[i] - 1) / window->stride[i] + 1;
        const int64_t wanted = (count - 1) * window->stride[i] + reach(window, i) - space[i];
        const int64_t total = wanted > 0 ? wanted : 0;
        window->pad_before[i] = upper ? total / 2 : total - total / 2;
        window->pad_after[i] = total - window->pad_before[i];
    }
}

static tumorclass_status settle_pads(struct walk *walk, struct window *window, const int64_t space[3], int32_t axes)
{
    struct text mode;
    if (!attribute_text(walk, "auto_pad", &mode) || text_is(mode, "NOTSET")) return read_pads(walk, window, axes);
    attribute_ignore(walk, "pads");
    const bool upper = text_is(mode, "SAME_UPPER"), lower = text_is(mode, "SAME_LOWER");
    if (upper || lower)
        pad_same(window, space, upper);
    else if (!text_is(mode, "VALID"))
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "has auto_pad '%.*s'", TEXT(mode));
    return TUMORCLASS_OK;
}

/* How often the window fits. With ceil_mode a last one may reach past the end, if it starts before it: the rule of
 * PyTorch, which ONNX took over (onnx/onnx pull request 5741). */
static int64_t positions(const struct window *window, int32_t i, int64_t space, bool ceil_mode)
{
    const int64_t room = space + window->pad_before[i] + window->pad_after[i] - reach(window, i);
    if (room < 0) return 0;
    int64_t count = (room + (ceil_mode ? window->stride[i] - 1 : 0)) / window->stride[i] + 1;
    if (ceil_mode && (count - 1) * window->stride[i] >= space + window->pad_before[i]) count--;
    return count;
}

static tumorclass_status check_rank(const struct walk *walk)
{
    const struct shape *shape = &walk->inputs[0]->shape;
    if (shape->rank >= 3 && shape->rank <= 5) return TUMORCLASS_OK;
    return fail_node(walk, TUMORCLASS_UNSUPPORTED, "reads a tensor of %d axes: 3 to 5 are supported", shape->rank);
}

/* `window` has its kernel; the rest is read here, and `shape` gets the spatial extents of the output. */
static tumorclass_status read_window(struct walk *walk, struct window *window, struct shape *shape, bool ceil_mode)
{
    const struct shape *input = &walk->inputs[0]->shape;
    const int32_t axes = input->rank - 2;
    const struct extents extents = shape_extents(input);
    const int64_t space[3] = { extents.d, extents.h, extents.w };
    tumorclass_status status = read_axes(walk, window->stride, "strides", axes, 1);
    if (status == TUMORCLASS_OK) status = read_axes(walk, window->dilation, "dilations", axes, 1);
    if (status != TUMORCLASS_OK) return status;
    for (int32_t i = 0; i < 3; i++)
        if (reach(window, i) > MAX_REACH)
            return fail_node(walk, TUMORCLASS_UNSUPPORTED, "has a window of %lld elements along an axis",
                             (long long)reach(window, i));
    status = settle_pads(walk, window, space, axes);
    if (status != TUMORCLASS_OK) return status;

    *shape = *input;
    for (int32_t i = 3 - axes; i < 3; i++) {
        int64_t *extent = &shape->extent[i + axes - 1];
        *extent = positions(window, i, space[i], ceil_mode);
        if (*extent < 1)
            return fail_node(walk, TUMORCLASS_BAD_MODEL,
                             "has a window of %lld elements where its input has %lld and padding %lld",
                             (long long)reach(window, i), (long long)space[i],
                             (long long)(window->pad_before[i] + window->pad_after[i]));
    }
    return TUMORCLASS_OK;
}

static tumorclass_status check_conv(const struct walk *walk, int64_t groups)
{
    const struct shape *x = &walk->inputs[0]->shape, *weight = &walk->inputs[1]->shape;
    char text[128];
    shape_text(text, sizeof text, weight);
    if (walk->inputs[1]->kind != TENSOR_FLOATS || weight->rank != x->rank || !shape_count(weight))
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "reads a tensor of %d axes with a weight of shape %s", x->rank,
                         text);
    const int64_t channels = x->extent[1], outputs = weight->extent[0];
    if (groups < 1 || channels % groups || outputs % groups)
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "has %lld groups for %lld channels in and %lld out",
                         (long long)groups, (long long)channels, (long long)outputs);
    if (weight->extent[1] != channels / groups)
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "reads %lld channels in %lld groups with a weight of shape %s",
                         (long long)channels, (long long)groups, text);
    return has_input(walk, 2) ? check_channels(walk, 2, "bias", outputs) : TUMORCLASS_OK;
}

/* The kernel is the weight's; an attribute that repeats it must agree. */
static tumorclass_status read_conv_kernel(struct walk *walk, struct window *window)
{
    const struct shape *weight = &walk->inputs[1]->shape;
    const int32_t axes = weight->rank - 2;
    const int64_t *kernel = weight->extent + 2;
    tumorclass_status status = check_list(walk, "kernel_shape", kernel, (size_t)axes, (size_t)axes, 1);
    if (status != TUMORCLASS_OK) return status;
    memcpy(window->kernel + 3 - axes, kernel, (size_t)axes * sizeof *kernel);
    int64_t stated[3];
    memcpy(stated, window->kernel, sizeof stated);
    status = read_axes(walk, stated, "kernel_shape", axes, 1);
    if (status == TUMORCLASS_OK && memcmp(stated, window->kernel, sizeof stated))
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "has a kernel_shape that is not its weight's");
    return status;
}

/* The weight as [O, C / groups, kD, kH, kW]: the same numbers; a tensor of its own, as others may read the file's. */
static tumorclass_status conv_weight(struct walk *walk, int32_t *value)
{
    const struct tensor *weight = walk->inputs[1];
    *value = weight->value;
    if (weight->shape.rank == 5) return TUMORCLASS_OK;
    struct shape shape = { 5, { weight->shape.extent[0], weight->shape.extent[1], 1, 1, 1 } };
    for (int32_t i = 2; i < weight->shape.rank; i++) shape.extent[i + 5 - weight->shape.rank] = weight->shape.extent[i];
    float *data;
    const tumorclass_status status = make_weights(walk, value, &data, ".weight", &shape);
    if (status == TUMORCLASS_OK)
        memcpy(data, walk->graph->values[weight->value].constant, (size_t)shape_count(&shape) * sizeof *data);
    return status;
}

tumorclass_status import_conv(struct walk *walk)
{
    struct node node = node_of(OPERATION_CONV);
    node.conv.window = unit_window();
    node.conv.groups = attribute_int(walk, "group", 1);
    struct shape shape;
    int32_t weight = NO_VALUE;
    tumorclass_status status = check_rank(walk);
    if (status == TUMORCLASS_OK) status = check_conv(walk, node.conv.groups);
    if (status == TUMORCLASS_OK) status = read_conv_kernel(walk, &node.conv.window);
    if (status == TUMORCLASS_OK) status = read_window(walk, &node.conv.window, &shape, false);
    if (status == TUMORCLASS_OK) status = conv_weight(walk, &weight);
    if (status != TUMORCLASS_OK) return status;
    shape.extent[1] = walk->inputs[1]->shape.extent[0];
    const int32_t inputs[] = { walk->inputs[0]->value, weight, has_input(walk, 2) ? walk->inputs[2]->value : NO_VALUE };
    return emit(walk, &node, inputs, 3, &shape);
}

/* A window that sees nothing but padding has no maximum and no mean. Only those that start in it can: they are tried. */
static tumorclass_status check_pool(const struct walk *walk, const struct window *window)
{
    const struct extents extents = shape_extents(&walk->inputs[0]->shape);
    const int64_t space[3] = { extents.d, extents.h, extents.w };
    for (int32_t i = 0; i < 3; i++) {
        bool empty = window->pad_after[i] >= reach(window, i);
        for (int64_t start = -window->pad_before[i]; start < 0 && !empty; start += window->stride[i]) {
            const int64_t tap = (-start + window->dilation[i] - 1) / window->dilation[i]; /* the first at 0 or later */
            empty = tap >= window->kernel[i] || start + tap * window->dilation[i] >= space[i];
        }
        if (empty)
            return fail_node(walk, TUMORCLASS_UNSUPPORTED, "pads so much that a window may hold nothing but padding");
    }
    return TUMORCLASS_OK;
}

static tumorclass_status reduce_space(struct walk *walk, int32_t kind)
{
    struct node node = node_of(OPERATION_REDUCE);
    node.reduce.kind = kind;
    struct shape shape = walk->inputs[0]->shape;
    for (int32_t i = 2; i < shape.rank; i++) {
        node.reduce.axes[i] = true;
        shape.extent[i] = 1;
    }
    return emit_unary(walk, &node, &shape);
}

/* An average over all of space, written as a pool. */
static bool pools_everything(const struct walk *walk, const struct node *node, const struct shape *shape)
{
    const struct window *window = &node->pool.window;
    const struct extents in = shape_extents(&walk->inputs[0]->shape), out = shape_extents(shape);
    bool all = node->pool.kind == POOL_AVERAGE && out.d * out.h * out.w == 1;
    all = all && window->kernel[0] == in.d && window->kernel[1] == in.h && window->kernel[2] == in.w;
    for (int32_t i = 0; i < 3; i++) all = all && !window->pad_before[i] && !window->pad_after[i];
    return all;
}

static tumorclass_status import_pool(struct walk *walk, int32_t kind)
{
    struct node node = node_of(OPERATION_POOL);
    struct window *window = &node.pool.window;
    *window = unit_window();
    node.pool.kind = kind;
    node.pool.count_padding = kind == POOL_AVERAGE && attribute_int(walk, "count_include_pad", 0);
    const bool ceil_mode = attribute_int(walk, "ceil_mode", 0);
    tumorclass_status status = check_rank(walk);
    if (status != TUMORCLASS_OK) return status;
    if (!attribute_any(walk, "kernel_shape")) return fail_node(walk, TUMORCLASS_BAD_MODEL, "has no kernel_shape");
    struct shape shape;
    status = read_axes(walk, window->kernel, "kernel_shape", walk->inputs[0]->shape.rank - 2, 1);
    if (status == TUMORCLASS_OK) status = read_window(walk, window, &shape, ceil_mode);
    if (status == TUMORCLASS_OK) status = check_pool(walk, window);
    if (status != TUMORCLASS_OK) return status;
    if (pools_everything(walk, &node, &shape)) return reduce_space(walk, REDUCE_MEAN);
    return emit_unary(walk, &node, &shape);
}

tumorclass_status import_max_pool(struct walk *walk)
{
    attribute_ignore(walk, "storage_order"); /* of the indices, which are refused */
    return import_pool(walk, POOL_MAX);
}

tumorclass_status import_average_pool(struct walk *walk)
{
    return import_pool(walk, POOL_AVERAGE);
}

static tumorclass_status import_global(struct walk *walk, int32_t kind)
{
    const tumorclass_status status = check_rank(walk);
    return status == TUMORCLASS_OK ? reduce_space(walk, kind) : status;
}

tumorclass_status import_global_average(struct walk *walk)
{
    return import_global(walk, REDUCE_MEAN);
}

tumorclass_status import_global_max(struct walk *walk)
{
    return import_global(walk, REDUCE_MAX);
}
