"""What the Python tests share: the program run_graph, ONNX Runtime, and skipping visibly."""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnx.parser

SKIPPED = 77  # CTest counts this exit code as a skip
RUN_GRAPH = pathlib.Path(os.environ.get("TUMORCLASS_BUILD", "build")) / "tests/golden/run_graph"


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def test_data(name):
    """A file of TUMORCLASS_TEST_DATA; the test is skipped where it is absent."""
    path = pathlib.Path(os.environ.get("TUMORCLASS_TEST_DATA", "")) / name
    if not path.is_file():
        skip(f"no {name} in TUMORCLASS_TEST_DATA")
    return path


class Refusal(Exception):
    """The library said no, with a status and a sentence."""

    def __init__(self, status, sentence):
        super().__init__(f"{status}: {sentence}")
        self.status, self.sentence = status, sentence


def run_graph(model, image, fuse=True, threads=2, output_only=False, shape=None):
    """Yield (name, array) for every tensor that the CPU backend computes. Anything but success or a refusal raises."""
    with tempfile.TemporaryDirectory() as folder:
        source = f"{folder}/input.f32"
        np.ascontiguousarray(image, dtype=np.float32).tofile(source)
        options = [f"--threads={threads}"]
        options += [] if fuse else ["--no-fuse"]
        options += ["--output-only"] if output_only else []
        options += ["--shape=" + ",".join(map(str, shape))] if shape else []
        done = subprocess.run([RUN_GRAPH, *options, model, source, folder], capture_output=True, text=True)
        if done.returncode == 1 and done.stderr.count("\t") == 1:
            raise Refusal(*done.stderr.rstrip("\n").split("\t"))
        if done.returncode or done.stderr:
            raise RuntimeError(f"run_graph {model} ended with {done.returncode}: {done.stderr[-4000:]}")
        for line in done.stdout.splitlines():
            index, name, extents = line.split("\t")
            extents = [int(extent) for extent in extents.split(" x ")] if extents else []
            yield name, np.fromfile(f"{folder}/{index}.f32", dtype=np.float32).reshape(extents)


# ONNX Runtime's own instance norm sums in float: it is wrong by 4e-5 where a channel has 128^3 voxels.
EXACT_NORM = """
<domain: "exact", opset_import: ["" : 17]>
InstanceNormalization <epsilon: float = 1e-5> (x, scale, shift) => (y) {
    wide = Cast <to = 11> (x)
    mean = ReduceMean <axes = [2, 3, 4]> (wide)
    centred = Sub (wide, mean)
    squared = Mul (centred, centred)
    variance = ReduceMean <axes = [2, 3, 4]> (squared)
    least = Constant <value_float: float = @epsilon> ()
    wide_least = Cast <to = 11> (least)
    safe = Add (variance, wide_least)
    deviation = Sqrt (safe)
    normal = Div (centred, deviation)
    column = Constant <value_ints = [1, -1, 1, 1, 1]> ()
    scales = Reshape (scale, column)
    wide_scales = Cast <to = 11> (scales)
    scaled = Mul (normal, wide_scales)
    shifts = Reshape (shift, column)
    wide_shifts = Cast <to = 11> (shifts)
    shifted = Add (scaled, wide_shifts)
    y = Cast <to = 1> (shifted)
}"""


def use_exact_norms(model):
    norms = [node for node in model.graph.node if node.op_type == "InstanceNormalization"]
    if norms:
        model.functions.append(onnx.parser.parse_function(EXACT_NORM))
        model.opset_import.append(onnx.helper.make_opsetid("exact", 1))
    for norm in norms:
        norm.domain = "exact"


def run_onnxruntime(model, image, names=None):
    """The same from ONNX Runtime, without its graph optimisations: {name: array} for these tensors, or the outputs."""
    import onnxruntime

    loaded = onnx.load(model)
    use_exact_norms(loaded)
    outputs = {output.name for output in loaded.graph.output}
    for name in names or []:
        if name not in outputs:
            loaded.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(loaded.SerializeToString(), options, providers=["CPUExecutionProvider"])
    wanted = list(names or outputs)
    return dict(zip(wanted, session.run(wanted, {session.get_inputs()[0].name: image})))
