"""Files that cannot or must not run are refused by run_graph, with a sentence that names the reason."""
import os
import re
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import exports
from support import Refusal, run_graph

SHAPE = (32, 32, 32)


def shortcut_a(path, symbolic):
    """torch bakes the shortcut of the traced input into the file: the answer would be that input's, not the scan's."""
    network = exports.monai_network("ResNet-18", shortcut_type="A").eval()
    exports.export(path, network, SHAPE, 13, symbolic=symbolic)


def torch_network(path, build, opset=13):
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = build(torch.nn)

        def forward(self, x):
            return self.layers(x)

    exports.export(path, Network().eval(), SHAPE, opset)


def lstm(path):
    def build(nn):
        class Lines(nn.Module):
            def __init__(self):
                super().__init__()
                self.lstm = nn.LSTM(32, 7, batch_first=True)

            def forward(self, x):
                return self.lstm(x.reshape(1, 1024, 32))[0].mean(1)

        return nn.Sequential(nn.Conv3d(1, 1, 1), Lines())

    torch_network(path, build)


def transposed_convolution(path):
    torch_network(path, lambda nn: nn.Sequential(nn.Conv3d(1, 2, 3), nn.ConvTranspose3d(2, 7, 2), nn.Flatten()))


def small_model(path, nodes, opset=13, weights=(), inputs=None, domain=None):
    """Nodes from x to y; ONNX's checker is not asked, as some of these files are wrong on purpose."""
    inputs = inputs or [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 1, *SHAPE))]
    graph = helper.make_graph(nodes, "small", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
                              [numpy_helper.from_array(array, name) for name, array in weights])
    imports = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    onnx.save(helper.make_model(graph, opset_imports=imports), path)


def node(operator, *inputs, output="y", **attributes):
    return helper.make_node(operator, inputs, [output], name=f"the {operator}", **attributes)


def branch(path):
    body = helper.make_graph([node("Relu", "x", output="z")], "body", [],
                             [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)])
    small_model(path, [node("If", "condition", then_branch=body, else_branch=body)],
                weights=[("condition", np.array(True))])


def two_inputs(path):
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 1, *SHAPE)) for name in ("x", "age")]
    small_model(path, [node("Add", "x", "age")], inputs=value)


def endless(path):
    """A weight of 2^80 elements, by its word."""
    small_model(path, [node("Add", "x", "one")], weights=[ONE])
    model = onnx.load(path)
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend([2**40, 2**40])
    onnx.save(model, path)


def of_type(path, elements):
    small_model(path, [node("Relu", "x")], inputs=[helper.make_tensor_value_info("x", elements, (1, 1, *SHAPE))])


WEIGHT = ("w", np.ones((1, 1, 3, 3, 3), np.float32))
WIDE_WEIGHT = ("w", np.ones((1, 2, 3, 3, 3), np.float32))
ONE, MINUS, PAIR = ("one", np.ones(1, np.float32)), ("minus", np.array([-1])), ("pair", np.array([1, 2]))


def small(*nodes, **arguments):
    return lambda path: small_model(path, nodes, **arguments)


SHAPED = node("Reshape", "x", "s")  # by what another node works out
CASES = {  # how the file is written, and what the sentence must say
    "ResNet shortcut A, fixed batch": (lambda path: shortcut_a(path, ()), r"Add\b.*constant of the size of act"),
    "ResNet shortcut A, symbolic": (lambda path: shortcut_a(path, (0,)), r"Concat\b.*constant of the size of act"),
    "LSTM": (lstm, r"\bLSTM\b.*does not have"),
    "ConvTranspose": (transposed_convolution, r"\bConvTranspose\b.*does not have"),
    "an operator of a later opset": (small(node("Mish", "x"), opset=18), r"'the Mish'.*does not have"),
    "an opset of the future": (small(node("Relu", "x"), opset=99), r"opset 99.* to \d+"),
    "an opset of the past": (small(node("Relu", "x"), opset=5), r"5.* 6"),
    "an operator before its opset": (small(node("HardSwish", "x")), r"HardSwish.*opset 14.*13"),
    "another domain": (small(node("FusedConv", "x", "w", domain="com.microsoft"), weights=[WEIGHT],
                             domain="com.microsoft"), r"'the FusedConv'.*com\.microsoft"),
    "a branch": (branch, r"\bIf\b"),
    "an unknown attribute": (small(node("Conv", "x", "w", activation="Relu"), weights=[WEIGHT]),
                             r"'the Conv'.*'activation'"),
    "a weight that is computed": (small(node("Conv", "x", "x")), r"'the Conv'.*must be a constant"),
    "weights of another shape": (small(node("Conv", "x", "w"), weights=[WIDE_WEIGHT]), r"1 channels.*1 x 2 x 3 x"),
    "two inputs": (two_inputs, r"more than one input: '(x|age)' and '(x|age)'"),
    "an input of integers": (lambda path: of_type(path, TensorProto.INT64), r"'x' is int64, not float"),
    "an answer without a question": (small(node("Identity", "w"), weights=[WEIGHT]), r"'y' does not depend on"),
    "an output that nothing makes": (small(node("Relu", "x", output="z")), r"no node makes.*'y'"),
    "very many attributes": (small(node("Relu", "x", **{f"a{n}": n for n in range(65)})), r"65 attributes"),
    "a weight beyond counting": (endless, r"'one' has a shape that cannot be"),
    "an axis that is not there": (small(node("Flatten", "x", axis=9)), r"'the Flatten'.*axis 9 of a tensor of 5"),
    "too many axes": (small(node("Unsqueeze", "x", axes=[5, 6, 7, 8]), opset=11), r"more than 8 axes"),
    "a window beyond counting": (small(node("Conv", "x", "w", dilations=[65535, 1, 1]), weights=[
        ("w", np.ones((1, 1, 18, 1, 1), np.float32))]), r"'the Conv'.*window of \d+ elements"),
    "a norm of each voxel": (small(node("BatchNormalization", "x", *["one"] * 4, spatial=0), opset=7, weights=[ONE]),
                             r"spatial = 0"),
    "a batch norm of six axes": (small(node("Unsqueeze", "x", output="u", axes=[5]),
                                       node("BatchNormalization", "u", *["one"] * 4), opset=11, weights=[ONE]),
                                 r"tensor of 6 axes: 2 to 5"),
    "an instance norm of six axes": (small(node("Unsqueeze", "x", output="u", axes=[5]),
                                           node("InstanceNormalization", "u", "one", "one"), opset=11, weights=[ONE]),
                                     r"tensor of 6 axes: 3 to 5"),
    "a norm with a negative epsilon": (small(node("InstanceNormalization", "x", "one", "one", epsilon=-1.0),
                                             weights=[ONE]), r"epsilon -1"),
    "a shape of floats and integers": (small(node("Concat", "one", "minus", output="s", axis=0), SHAPED,
                                             weights=[ONE, MINUS]), r"joins floats with integers"),
    "an extent below zero": (small(node("Expand", "minus", "minus", output="s"), SHAPED, weights=[MINUS]),
                             r"asks for an extent of -1"),
    "lists that do not go together": (small(node("Slice", "minus", "minus", "pair", output="s"), SHAPED,
                                            weights=[MINUS, PAIR]), r"do not go together"),
    "a choice of too many axes": (small(node("Gather", "deep", "deep", output="s"), SHAPED, weights=[
        ("deep", np.zeros((1,) * 8, np.int64))]), r"makes a tensor of 15 axes"),
    "a constant of two values": (small(node("ConstantOfShape", "pair", output="s", value=numpy_helper.from_array(
        np.array([1, 2]))), SHAPED, weights=[PAIR]), r"not one number"),
}


def sentence_of(path):
    try:
        list(run_graph(path, np.zeros((1, 1, *SHAPE), np.float32)))
    except Refusal as refusal:
        return str(refusal)
    return None


def main():
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/model.onnx"
        for name, (write, wanted) in CASES.items():
            write(path)
            sentence = sentence_of(path)
            good = sentence and re.search(wanted, sentence)
            failures += not good
            print(f"{'ok' if good else 'WRONG':6}{name:32}{sentence or 'was run'}", flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
