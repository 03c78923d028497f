"""Fine attention maps of whole networks, at every level, for every class, by both methods, against PyTorch's autograd
in double.

gradient.py         the gate
gradient.py long    networks that take long to export
"""
import collections
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import exports
import support
import torch
from torch_graph import run_torch

TOLERANCE = 1e-4  # of a map's largest absolute value
RUN_GRADIENT = pathlib.Path(os.environ.get("TUMORCLASS_BUILD", "build")) / "tests/golden/run_gradient"

Case = collections.namedtuple("Case", "name shape opset cells")  # cells of each level, finest first
GATE = [
    Case("reference", (48, 32, 40), None, [(48, 32, 40), (24, 16, 20), (12, 8, 10), (6, 4, 5), (3, 2, 3)]),
    Case("ResNet-18", (32, 32, 40), 13, [(16, 16, 20), (8, 8, 10), (4, 4, 5), (2, 2, 3), (1, 1, 2)]),
    Case("EfficientNet-b0", (32, 48, 32), 14, [(16, 24, 16), (8, 12, 8), (4, 6, 4), (2, 3, 2)]),
]
LONG = [
    Case("SE-ResNet-50", (32, 32, 32), 9, [(16, 16, 16), (8, 8, 8), (4, 4, 4), (2, 2, 2)]),
    Case("DenseNet-121", (64, 48, 48), 11, [(32, 24, 24), (16, 12, 12), (8, 6, 6), (4, 3, 3), (2, 1, 1)]),
]


def run_gradient(path, image, *options):
    """[(name of the tensor, {method: maps [classes, D, H, W]})] of the levels."""
    with tempfile.TemporaryDirectory() as folder:
        source = f"{folder}/input.f32"
        image.tofile(source)
        done = subprocess.run([RUN_GRADIENT, *options, path, source, folder], capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, f"run_gradient ended with {done.returncode}: {done.stderr}"
        levels = []
        for line in done.stdout.splitlines():
            level, name, shape = line.split("\t")
            cells = [int(extent) for extent in shape.split(" x ")[2:]]
            levels.append((name, {method: np.fromfile(f"{folder}/{level}.{method}.f32", np.float32).reshape(-1, *cells)
                                  for method in ("hirescam", "gradcam")}))
        return levels


def expected_maps(values, logits, names):
    """{(name, method): maps}, by the definitions: A the activations, g the gradient of a class's logit by them."""
    maps = collections.defaultdict(list)
    tensors = [values[name] for name in names]
    for logit in logits:
        for name, a, g in zip(names, tensors, torch.autograd.grad(logit, tensors, retain_graph=True)):
            cells = a[0, 0].numel()
            maps[name, "hirescam"].append(cells * (g * a).sum(1)[0].detach().numpy())
            maps[name, "gradcam"].append((g.sum((2, 3, 4), keepdim=True) * a).sum(1)[0].detach().numpy())
    return {key: np.stack(each) for key, each in maps.items()}


def worst_ratio(got, wanted):
    """Of all classes: the largest difference, of the map's largest absolute value."""
    assert got.shape == wanted.shape and np.isfinite(got).all()
    largest = np.abs(wanted).max((1, 2, 3))
    assert (largest > 0).all()
    return float((np.abs(got - wanted).max((1, 2, 3)) / largest).max())


def check_features(maps, values, logits):
    """In front of the global average pool HiResCAM is CAM: its mean, and the bias, are the logit; so is Grad-CAM."""
    mean = maps["hirescam"].mean((1, 2, 3), dtype=np.float64)
    gap = mean - logits.detach().numpy()
    bias = next(tensor for name, tensor in values.items() if tensor.shape == logits.shape and name.endswith("bias"))
    assert np.abs(gap + bias.numpy()).max() <= 1e-5 * np.abs(mean).max(), "mean and bias are not the logit"
    assert worst_ratio(maps["gradcam"], maps["hirescam"]) <= 1e-5, "Grad-CAM is not HiResCAM in front of the pool"


def check(case, path):
    if case.opset:
        exports.monai(path, case.name, case.shape, case.opset, ())
    else:
        exports.reference(path, case.shape, filters=4)
    image, _ = exports.inputs(case.shape)
    values = run_torch(path, image, dict(support.run_graph(path, image)))
    logits = values["logits"][0]
    judged = support.run_onnxruntime(path, image)["logits"][0]
    assert np.abs(logits.detach().numpy() - judged).max() <= 1e-5 * np.abs(judged).max(), "the judge is wrong itself"

    levels = run_gradient(path, image)
    found = [maps["hirescam"].shape[1:] for _, maps in levels]
    assert found == case.cells, f"{case.name}: levels of {found} cells"
    expected = expected_maps(values, logits, [name for name, _ in levels])
    for name, maps in levels:
        for method, got in maps.items():
            ratio = worst_ratio(got, expected[name, method])
            print(f"{case.name:16} {' x '.join(map(str, got.shape[1:])):13} {method:9} {ratio:9.2e}  {name}", flush=True)
            assert ratio <= TOLERANCE, f"{case.name}: {method} at {name} differs by {ratio:.2e} of its largest value"
    if case.name in ("reference", "ResNet-18"):  # the last level is what the global average pool reads
        check_features(levels[-1][1], values, logits)
    if not case.opset:
        for (_, once), (_, again) in zip(levels, run_gradient(path, image, "--from-input")):
            assert all(once[method].tobytes() == again[method].tobytes() for method in once), "from the input: other bits"


def main():
    torch.set_num_threads(1)
    print(f"{'network':16} {'cells':13} {'method':9} {'worst':>9}  of a map's largest; {TOLERANCE} allowed")
    with tempfile.TemporaryDirectory() as folder:
        for case in LONG if sys.argv[1:] == ["long"] else GATE:
            check(case, f"{folder}/model.onnx")


if __name__ == "__main__":
    main()
