"""The ONNX project's own test vectors, through lib/model and the CPU backend.

Sources: Debian's libonnx-testdata, and PyPI's onnx (which has newer opsets and generates its node vectors). A network
here has one input and its weights are constants, so a vector is bound before it runs: one float input stays the
input, the others become initializers; each float input gets its turn until one is accepted. Where none is (shape
arithmetic on integers), all become initializers, and what is folded from them is added to an input of zeros.

A vector counts as run (right, or the test fails), refused (onnx_refusals.tsv says so, or the test fails) or absent
(an operator that the library does not have, or values that are no tensors).
"""
import collections
import fnmatch
import os
import pathlib
import re
import sys
import tempfile
import warnings

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from support import Refusal, run_graph, skip

RELATIVE, ABSOLUTE = 1e-4, 1e-6  # onnx's own runner allows 1e-3 and 1e-7
HALVES = {"float16": 2e-3, "bfloat16": 2e-2}  # outputs of these types: here everything is computed in float32
FOUR_DIGITS = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 1e-3}  # the vector's own numbers are rounded
DEBIAN = pathlib.Path("/usr/share/libonnx-testdata/data")
PYPI = pathlib.Path(onnx.__file__).parent / "backend/test/data"
OPERATORS = set(
    "Add AveragePool BatchNormalization Cast Clip Concat Constant ConstantOfShape Conv Div Dropout Expand Flatten "
    "Gather Gemm GlobalAveragePool GlobalMaxPool HardSigmoid HardSwish Identity InstanceNormalization LeakyRelu "
    "LogSoftmax MatMul MaxPool Mul Neg PRelu Pad Range Reciprocal ReduceMean Relu Reshape Shape Sigmoid Slice Softmax "
    "Sqrt Squeeze Sub Tanh Transpose Unsqueeze".split())
CONV3D = [f"test_Conv3d{suffix}" for suffix in
          ("", "_dilated", "_dilated_strided", "_groups", "_no_bias", "_stride", "_stride_padding")]

Vector = collections.namedtuple("Vector", "name model inputs outputs")


def read_tensor(path, value):
    array = numpy_helper.to_array(onnx.load_tensor(path))
    if value.type.tensor_type.elem_type == TensorProto.BFLOAT16 and array.dtype == np.uint16:
        return array.view(ml_dtypes.bfloat16)  # older vectors hold the bits
    return array


def vectors_in_folder(folder):
    for path in sorted(folder.glob("*/model.onnx")):
        data = path.parent / "test_data_set_0"
        model = onnx.load(path)
        inputs = outputs = None
        if has_operators(model) and all(value.type.HasField("tensor_type") for value in model.graph.input):
            inputs = [read_tensor(data / f"input_{i}.pb", value) for i, value in enumerate(unbound(model))]
            outputs = [read_tensor(data / "output_0.pb", model.graph.output[0])]
        yield Vector(path.parent.name, model, inputs, outputs)


def generated_vectors():
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = collect_testcases(None)
    for case in cases:
        inputs, outputs = case.data_sets[0]
        tensors = all(isinstance(value, (np.ndarray, np.generic)) for value in (*inputs, *outputs))
        yield Vector(case.name, case.model, *((inputs, outputs) if tensors else (None, None)))


def has_operators(model):
    return {node.op_type for node in model.graph.node} <= OPERATORS


def unbound(model):
    weights = {weight.name for weight in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def bind(vector, kept):
    """A copy whose only input is input number `kept`, the other ones constants; and whose only output is the first."""
    model = onnx.ModelProto()
    model.CopyFrom(vector.model)
    graph = model.graph
    wanted = unbound(model)
    del graph.input[:], graph.output[1:]
    for index, (value, array) in enumerate(zip(wanted, vector.inputs)):
        if index == kept:
            graph.input.append(value)
        else:
            graph.initializer.append(numpy_helper.from_array(np.asarray(array), value.name))
    return model


def append(model, operator, inputs, **attributes):
    """Put a node behind the output; float, its shape as before."""
    graph, output = model.graph, model.graph.output[0]
    name = f"{output.name}_{operator}"
    graph.node.append(helper.make_node(operator, inputs, [name], **attributes))
    output.name, output.type.tensor_type.elem_type = name, TensorProto.FLOAT


def binding_of_input(vector, kept):
    model = bind(vector, kept)
    if model.graph.node[-1].op_type in ("Softmax", "LogSoftmax"):  # a final one would be taken off
        append(model, "LeakyRelu", [model.graph.output[0].name], alpha=1.0)
    return model, vector.inputs[kept]


def binding_of_none(vector):
    model = bind(vector, None)
    zeros = np.zeros(np.shape(vector.outputs[0]), np.float32)
    model.graph.input.append(helper.make_tensor_value_info("zeros", TensorProto.FLOAT, zeros.shape))
    append(model, "Cast", [model.graph.output[0].name], to=TensorProto.FLOAT)
    append(model, "Add", ["zeros", model.graph.output[0].name])
    return model, zeros


def bindings(vector):
    for index, array in enumerate(vector.inputs):
        if np.asarray(array).dtype == np.float32:
            yield binding_of_input(vector, index)
    yield binding_of_none(vector)


def run(vector, folder):
    """Run the first binding that is accepted; the refusal of the first one if none is."""
    first = None
    for model, array in bindings(vector):
        path = f"{folder}/model.onnx"
        onnx.save(model, path)
        try:
            ((_, output),) = run_graph(path, array, output_only=True)
        except Refusal as refusal:
            first = first or refusal
            continue
        expected = np.asarray(vector.outputs[0])
        assert output.shape == expected.shape, f"{vector.name}: shape {output.shape}, expected {expected.shape}"
        with np.errstate(over="ignore"):
            expected, relative = expected.astype(np.float32), HALVES.get(expected.dtype.name, RELATIVE)
        relative = FOUR_DIGITS.get(vector.name, relative)
        np.testing.assert_allclose(output, expected, relative, ABSOLUTE, err_msg=vector.name)
        return
    raise first


def expected_refusals():
    rows = (pathlib.Path(__file__).parent / "onnx_refusals.tsv").read_text().splitlines()
    return [tuple(row.split("\t")) for row in rows if row and not row.startswith("#")]


def run_source(vectors, rows, folder):
    """Counts by outcome, refusals by row, names that ran, and refusals without a row."""
    counts, reasons, ran, strangers = collections.Counter(), collections.Counter(), set(), []
    for vector in vectors:
        if not has_operators(vector.model) or vector.inputs is None:
            counts["absent"] += 1
            continue
        try:
            run(vector, folder)
            counts["run"] += 1
            ran.add(vector.name)
        except Refusal as refusal:
            counts["refused"] += 1
            row = next((row for row in rows if fnmatch.fnmatchcase(vector.name, row[0])
                        and re.search(row[1], refusal.sentence)), None)
            reasons[row] += 1
            if not row:
                strangers.append(f"{vector.name}\t{refusal}")
    return counts, reasons, ran, strangers


# what ran when this list was last looked at: fewer is a loss
SOURCES = {
    "Debian node": (lambda: vectors_in_folder(DEBIAN / "node"), 213),
    "Debian pytorch-converted": (lambda: vectors_in_folder(DEBIAN / "pytorch-converted"), 70),
    "Debian pytorch-operator": (lambda: vectors_in_folder(DEBIAN / "pytorch-operator"), 20),
    "Debian simple": (lambda: vectors_in_folder(DEBIAN / "simple"), 5),
    "PyPI node": (generated_vectors, 255),
    "PyPI pytorch-converted": (lambda: vectors_in_folder(PYPI / "pytorch-converted"), 70),
    "PyPI pytorch-operator": (lambda: vectors_in_folder(PYPI / "pytorch-operator"), 20),
    "PyPI simple": (lambda: vectors_in_folder(PYPI / "simple"), 5),
}


def main():
    if not DEBIAN.is_dir():
        skip(f"no {DEBIAN}: install Debian's libonnx-testdata")
    rows, reasons, failures = expected_refusals(), collections.Counter(), []
    print(f"{'source':26}{'run':>6}{'refused':>9}{'absent':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name, (vectors, floor) in SOURCES.items():
            counts, reasons_here, ran, strangers = run_source(vectors(), rows, folder)
            print(f"{name:26}{counts['run']:6}{counts['refused']:9}{counts['absent']:8}", flush=True)
            reasons += reasons_here
            failures += [f"{name}: refused, and not in onnx_refusals.tsv: {stranger}" for stranger in strangers]
            if counts["run"] < floor:
                failures.append(f"{name}: {counts['run']} run, {floor} did")
            if name.endswith("converted"):
                failures += [f"{name}: {conv} did not run" for conv in CONV3D if conv not in ran]
    print("\nrefused  vectors                                  because")
    for row in rows:
        print(f"{reasons[row]:7}  {row[0]:40} {row[1]}")
        if not reasons[row]:
            failures.append(f"onnx_refusals.tsv: nothing was refused as in {row}")
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
