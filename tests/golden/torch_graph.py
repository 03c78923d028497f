"""Runs an ONNX file with PyTorch in double, so that autograd gives the gradient by any of its tensors.

Networks of ReLUs and maxima have kinks, and among a million inputs there is always one so near to a kink that rounding
decides on which side it lies: the gradients of two correct programs differ there. So the sides are those of another
run of the same file, given as `ours`; that nothing but rounding made a difference is checked.
"""
import numpy as np
import onnx
import onnx.reference
import torch
import torch.nn.functional as F


ROUNDING = 2e-5  # of a tensor's largest absolute value


def attributes(node):
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}


def padded(x, pads, value=0.0):
    """ONNX: all begins, then all ends, of the last axes; torch: pairs from the last axis on."""
    count = len(pads) // 2
    return F.pad(x, [int(pads[end + i]) for i in reversed(range(count)) for end in (0, count)], value=value)


def column(x, *arrays):
    return [array.reshape(-1, *[1] * (x.dim() - 2)) for array in arrays]


def conv(x, weight, bias=None, *, pads, strides, dilations=(1, 1, 1), group=1, **_):
    return F.conv3d(padded(x, pads), weight, bias, strides, 0, dilations, group)


def check_near(taken, best, x):
    """What was taken on the other side of a kink was as good to rounding."""
    assert (best - taken).abs().max() <= ROUNDING * x.abs().max(), "a kink was taken on the wrong side"


def leaky_relu(x, ours, *, alpha=0.01):
    y = torch.where(ours > 0, x, alpha * x)
    check_near(y.detach(), F.leaky_relu(x, alpha).detach(), x)
    return y


def max_pool(x, ours, *, kernel_shape, strides, pads=(0,) * 6, ceil_mode=0, **_):
    """`ours`: of the pool's input."""
    def pool(values):
        return F.max_pool3d(padded(values, pads, -torch.inf), kernel_shape, strides, ceil_mode=bool(ceil_mode),
                            return_indices=True)

    best, indices = pool(x.detach())[0], pool(ours)[1]
    y = padded(x, pads).flatten(2).gather(2, indices.flatten(2)).reshape(best.shape)
    check_near(y.detach(), best, x)
    return y


def average_pool(x, *, kernel_shape, strides, pads=(0,) * 6, **_):
    assert not any(pads)
    return F.avg_pool3d(x, kernel_shape, strides)


def batch_norm(x, scale, shift, mean, variance, *, epsilon=1e-5, **_):
    scale, shift, mean, variance = column(x, scale, shift, mean, variance)
    return (x - mean) / (variance + epsilon).sqrt() * scale + shift


def instance_norm(x, scale, shift, *, epsilon=1e-5):
    scale, shift = column(x, scale, shift)
    variance, mean = torch.var_mean(x, (2, 3, 4), unbiased=False, keepdim=True)
    return (x - mean) / (variance + epsilon).sqrt() * scale + shift


def gemm(a, b, bias, *, transB=0, **others):
    assert all(value in (1, 0) for value in others.values()) and not others.get("transA")
    return a @ (b.T if transB else b) + bias


KINKED = {"LeakyRelu": "output", "MaxPool": "input", "Relu": "output"}  # which of our tensors tells the sides
OPERATORS = {
    "Add": lambda a, b: a + b,
    "AveragePool": average_pool,
    "BatchNormalization": batch_norm,
    "Concat": lambda *parts, axis: torch.cat(parts, axis),
    "Conv": conv,
    "Flatten": lambda x, axis=1: x.flatten(axis),
    "Gemm": gemm,
    "GlobalAveragePool": lambda x: x.mean((2, 3, 4), keepdim=True),
    "Identity": lambda x: x.clone(),
    "InstanceNormalization": instance_norm,
    "LeakyRelu": leaky_relu,
    "MaxPool": max_pool,
    "Mul": lambda a, b: a * b,
    "Pad": lambda x, pads, value=None, mode=b"constant": padded(x, pads.tolist(), float(value or 0)),
    "Relu": lambda x, ours: leaky_relu(x, ours, alpha=0),
    "Reshape": lambda x, shape: x.reshape(shape.tolist()),
    "Sigmoid": torch.sigmoid,
}


def constants(model):
    """{name: array} of all that does not depend on the input, by the onnx package's own evaluator."""
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if all(name in values for name in node.input):
            nodes.append(node)
            values.update(dict.fromkeys(node.output))
    outputs = [name for node in nodes for name in node.output]
    graph = onnx.helper.make_graph(nodes, "constants", [],
                                   [onnx.helper.make_empty_tensor_value_info(name) for name in outputs],
                                   model.graph.initializer)
    made = onnx.helper.make_model(graph, opset_imports=model.opset_import)
    values.update(zip(outputs, onnx.reference.ReferenceEvaluator(made).run(None, {})))
    return values


def run_torch(path, image, ours):
    """{name: tensor in double} of a run, with the graph of its computation: autograd can begin anywhere. `ours`: {name:
    array} of another run."""
    model = onnx.load(path)
    values = {name: torch.from_numpy(np.array(array, dtype=np.float64 if array.dtype.kind == "f" else array.dtype))
              for name, array in constants(model).items()}
    values[model.graph.input[0].name] = torch.from_numpy(image.astype(np.float64)).requires_grad_()
    for node in model.graph.node:
        if node.output[0] in values:
            continue
        inputs = [values[name] if name else None for name in node.input]
        if node.op_type in KINKED:
            inputs.append(torch.from_numpy(ours[getattr(node, KINKED[node.op_type])[0]]))
        values[node.output[0]] = OPERATORS[node.op_type](*inputs, **attributes(node))
    return values
