"""Whole networks against ONNX Runtime: every tensor that the CPU backend computes, by name, fused and unfused.

networks.py         the gate: the reference network at 128^3, MONAI's at smaller grids, odd ones among them
networks.py long    MONAI's at 128^3
"""
import collections
import os
import re
import sys
import tempfile

import numpy as np
import onnx
import onnx.shape_inference

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import exports
from support import run_graph, run_onnxruntime

TOLERANCE = 5e-6  # of a tensor's largest absolute value
WITHOUT_BIAS = " (without bias)"  # fusion drops a bias that a norm cancels; the tensor is compared about its means
REFERENCE_PARAMETERS = 5_895_719  # of the published network, 16 filters

# stages: each must match the name of a tensor that was compared
Case = collections.namedtuple("Case", "name shape stages opset symbolic threads")
RESNET = ["^/(conv1|act)/", *(rf"layer{i}/" for i in range(1, 5)), "^logits$"]
DENSENET = ["/(conv|relu)0/", *(rf"(denseblock|transition){i}/" for i in range(1, 4)), "denseblock4/", "^logits$"]
SENET = ["layer0/", *(rf"layer{i}/" for i in range(1, 5)), "^logits$"]
EFFICIENT = ["/(_conv_stem|_bn0)/", *(rf"_blocks\.{i}/" for i in range(7)), "/(_conv_head|_bn1)/", "^logits$"]
LEVELS = [rf"^level{i}\.output$" for i in range(1, 6)] + ["^pooled$", "^logits$"]

GATE = [
    Case("reference", (128, 128, 128), LEVELS, None, (), False),
    Case("reference", (48, 35, 41), LEVELS, None, (), True),
    Case("ResNet-18", (49, 48, 53), RESNET, 13, (0, 2, 3, 4), True),
    Case("DenseNet-121", (48, 48, 48), DENSENET, 11, (0,), True),
    Case("SE-ResNet-50", (48, 48, 48), SENET, 9, (0,), True),
    Case("EfficientNet-b0", (51, 48, 64), EFFICIENT, 14, (), True),
]
LONG = [case._replace(shape=(128, 128, 128), symbolic=(0,), threads=False) for case in GATE if case.opset]


def write(case, path):
    if case.opset:
        return exports.monai(path, case.name, case.shape, case.opset, case.symbolic)
    parameters = exports.reference(path, case.shape)
    assert parameters == REFERENCE_PARAMETERS, f"the reference network has {parameters} parameters"


def ratio(ours, expected, centred=False):
    assert ours.shape == expected.shape, f"{ours.shape}, expected {expected.shape}"
    largest = np.abs(expected).max()
    assert largest > 0 and np.isfinite(ours).all()
    if centred:
        ours, expected = (array - array.mean((2, 3, 4), keepdims=True, dtype=np.float64) for array in (ours, expected))
    return float(np.abs(ours - expected).max() / largest)


def compare(tensors, expected, stages):
    """The worst ratio, its tensor and the number of tensors; fails if a stage had none."""
    ratios = {}
    for name, array in tensors:
        plain = name.removesuffix(WITHOUT_BIAS)
        assert plain in expected, f"{name} is no tensor of the file"
        ratios[plain] = ratio(array, expected[plain], centred=plain != name)
    for stage in stages:
        assert any(re.search(stage, name) for name in ratios), f"no tensor of stage {stage} was compared"
    worst = max(ratios, key=ratios.get)
    return ratios[worst], worst, len(ratios)


def same_bits(path, image, shape):
    """Every tensor, whatever the number of threads."""
    once = dict(run_graph(path, image, threads=1, shape=shape))
    for threads in (2, 3, 8):
        for name, array in run_graph(path, image, threads=threads, shape=shape):
            assert array.tobytes() == once[name].tobytes(), f"{name}: {threads} threads give other bits than one"


def float_tensors(path):
    graph = onnx.shape_inference.infer_shapes(onnx.load(path)).graph
    return [value.name for value in (*graph.value_info, *graph.output)
            if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT]


def check(case, path):
    image, other = exports.inputs(case.shape)
    shape = case.shape if 2 in case.symbolic else None
    expected = run_onnxruntime(path, image, float_tensors(path))

    for fuse in (False, True):
        tensors = run_graph(path, image, fuse=fuse, shape=shape)
        worst, name, count = compare(tensors, expected, case.stages)
        grid = " x ".join(map(str, case.shape))
        print(f"{case.name:16} {grid:16} {'fused' if fuse else 'unfused':8} {count:5} {worst:9.2e}  {name}", flush=True)
        assert worst <= TOLERANCE, f"{name} differs by {worst:.2e} of its largest value"

    logits = expected["logits"]
    (_, others), = run_graph(path, other, output_only=True, shape=shape)
    apart, needed = np.abs(others - logits).max(), 100 * TOLERANCE * np.abs(logits).max()
    assert apart >= needed, f"two inputs' logits differ by {apart:.2e} only, {needed:.2e} would show that input matters"
    if case.threads:
        same_bits(path, image, shape)


def main():
    cases = LONG if sys.argv[1:] == ["long"] else GATE
    print(f"{'network':16} {'grid':16} {'':8} {'count':>5} {'worst':>9}  of a tensor's largest; {TOLERANCE} allowed")
    with tempfile.TemporaryDirectory() as folder:
        for index, case in enumerate(cases):
            path = f"{folder}/{index}.onnx"
            write(case, path)
            check(case, path)
            os.remove(path)


if __name__ == "__main__":
    main()
