/* Importers of matrix products, softmax and means over axes. */
#include "model/operators.h"
#include <string.h>

/* [.., M, K] times [.., K, N]; leading axes are broadcast. */
static tumorclass_status product_shape(const struct walk *walk, struct shape *shape, bool transpose_a, bool transpose_b)
{
    const struct shape *a = &walk->inputs[0]->shape, *b = &walk->inputs[1]->shape;
    char text_a[128], text_b[128];
    shape_text(text_a, sizeof text_a, a);
    shape_text(text_b, sizeof text_b, b);
    if (a->rank < 2 || b->rank < 2)
        return fail_node(walk, TUMORCLASS_UNSUPPORTED, "multiplies shapes %s and %s: two axes or more are supported",
                         text_a, text_b);
    const int64_t *of_a = a->extent + a->rank - 2, *of_b = b->extent + b->rank - 2;
    if (of_a[!transpose_a] != of_b[transpose_b])
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "multiplies shapes %s%s and %s%s", text_a,
                         transpose_a ? " (transposed)" : "", text_b, transpose_b ? " (transposed)" : "");
    struct shape batch_a = *a, batch_b = *b;
    batch_a.rank -= 2;
    batch_b.rank -= 2;
    const tumorclass_status status = broadcast_shapes(walk, shape, &batch_a, &batch_b);
    shape->extent[shape->rank++] = of_a[transpose_a];
    shape->extent[shape->rank++] = of_b[!transpose_b];
    return status;
}

tumorclass_status import_matmul(struct walk *walk)
{
    struct node node = node_of(OPERATION_MATMUL);
    node.matmul.alpha = 1;
    node.matmul.beta = 1;
    struct shape shape;
    const tumorclass_status status = product_shape(walk, &shape, false, false);
    if (status != TUMORCLASS_OK) return status;
    const int32_t inputs[] = { walk->inputs[0]->value, walk->inputs[1]->value, NO_VALUE };
    return emit(walk, &node, inputs, 3, &shape);
}

static tumorclass_status check_addend(const struct walk *walk, const struct shape *product)
{
    if (!has_input(walk, 2)) return TUMORCLASS_OK;
    struct shape shape;
    const tumorclass_status status = broadcast_shapes(walk, &shape, product, &walk->inputs[2]->shape);
    if (status != TUMORCLASS_OK) return status;
    if (shape.rank == 2 && shape.extent[0] == product->extent[0] && shape.extent[1] == product->extent[1])
        return TUMORCLASS_OK;
    return fail_node(walk, TUMORCLASS_BAD_MODEL, "adds a larger tensor than its product of %lld x %lld",
                     (long long)product->extent[0], (long long)product->extent[1]);
}

tumorclass_status import_gemm(struct walk *walk)
{
    if (walk->model->opset < 7) attribute_ignore(walk, "broadcast"); /* since then numpy's rule, which contains it */
    struct node node = node_of(OPERATION_MATMUL);
    node.matmul.transpose_a = attribute_int(walk, "transA", 0);
    node.matmul.transpose_b = attribute_int(walk, "transB", 0);
    node.matmul.alpha = attribute_float(walk, "alpha", 1);
    node.matmul.beta = attribute_float(walk, "beta", 1);
    if (walk->inputs[0]->shape.rank != 2 || walk->inputs[1]->shape.rank != 2)
        return fail_node(walk, TUMORCLASS_BAD_MODEL, "multiplies tensors of %d and %d axes, not matrices",
                         walk->inputs[0]->shape.rank, walk->inputs[1]->shape.rank);
    struct shape shape;
    tumorclass_status status = product_shape(walk, &shape, node.matmul.transpose_a, node.matmul.transpose_b);
    if (status == TUMORCLASS_OK) status = check_addend(walk, &shape);
    if (status != TUMORCLASS_OK) return status;
    const int32_t inputs[] = { walk->inputs[0]->value, walk->inputs[1]->value,
                               has_input(walk, 2) ? walk->inputs[2]->value : NO_VALUE };
    return emit(walk, &node, inputs, 3, &shape);
}

/* Before opset 13 softmax ran over all axes from `axis` on, taken as one. */
static tumorclass_status emit_flat_softmax(struct walk *walk, struct node *node)
{
    const struct shape *input = &walk->inputs[0]->shape;
    struct shape flat = { 2, { 1, 1 } };
    for (int32_t i = 0; i < input->rank; i++) flat.extent[i >= node->softmax.axis] *= input->extent[i];
    const struct node reshape = node_of(OPERATION_RESHAPE);
    node->softmax.axis = 1;
    int32_t before, after;
    tumorclass_status status = emit_before(walk, &before, &reshape, &walk->inputs[0]->value, 1, &flat, ".flat");
    if (status == TUMORCLASS_OK) status = emit_before(walk, &after, node, &before, 1, &flat, ".softmax");
    return status == TUMORCLASS_OK ? emit(walk, &reshape, &after, 1, input) : status;
}

static tumorclass_status import_any_softmax(struct walk *walk, bool logarithm)
{
    struct node node = node_of(OPERATION_SOFTMAX);
    node.softmax.log = logarithm;
    const struct shape *input = &walk->inputs[0]->shape;
    const bool one_axis = walk->model->opset >= 13;
    const tumorclass_status status = check_axis(walk, &node.softmax.axis,
                                                attribute_int(walk, "axis", one_axis ? -1 : 1), input->rank);
    if (status != TUMORCLASS_OK) return status;
    int64_t after = 1;
    for (int32_t i = node.softmax.axis + 1; i < input->rank; i++) after *= input->extent[i];
    return one_axis || after == 1 ? emit_unary(walk, &node, input) : emit_flat_softmax(walk, &node);
}

tumorclass_status import_softmax(struct walk *walk)
{
    return import_any_softmax(walk, false);
}

tumorclass_status import_log_softmax(struct walk *walk)
{
    return import_any_softmax(walk, true);
}

/* Axes are an attribute before opset 18, an input since; none means all, or, from 18 and on request, nothing. */
tumorclass_status import_reduce_mean(struct walk *walk)
{
    struct node node = node_of(OPERATION_REDUCE);
    node.reduce.kind = REDUCE_MEAN;
    const struct shape *input = &walk->inputs[0]->shape;
    const bool keep = attribute_int(walk, "keepdims", 1);
    const bool newer = walk->model->opset >= 18;
    const bool nothing = newer && attribute_int(walk, "noop_with_empty_axes", 0);
    size_t count;
    const int64_t *axes = newer ? input_integers(walk, 1, &count) : attribute_ints(walk, "axes", &count);
    if (!count && nothing) return pass_through(walk);
    const tumorclass_status status = check_axes(walk, node.reduce.axes, axes, count, input->rank);
    if (status != TUMORCLASS_OK) return status;

    struct shape shape = { 0, { 0 } };
    for (int32_t i = 0; i < input->rank; i++) {
        node.reduce.axes[i] = node.reduce.axes[i] || !count;
        if (!node.reduce.axes[i] || keep) shape.extent[shape.rank++] = node.reduce.axes[i] ? 1 : input->extent[i];
    }
    return emit_unary(walk, &node, &shape);
}
