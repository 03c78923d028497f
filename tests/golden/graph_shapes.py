"""The shape of every tensor of real networks as lib/model infers it, against ONNX Runtime's; and that what fusion leaves
has kept name and shape."""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import exports
from support import run_onnxruntime

DUMP_GRAPH = pathlib.Path(os.environ.get("TUMORCLASS_BUILD", "build")) / "tests/golden/dump_graph"
NETWORKS = {
    "ResNet-18": (32, 33, 37),
    "DenseNet-121": (48, 32, 41),
    "SE-ResNet-50": (40, 33, 32),
    "EfficientNet-b0": (48, 51, 45),
}


def dump(path, *options):
    """{name: shape} of computed tensors, and the graph's own facts."""
    done = subprocess.run([DUMP_GRAPH, *options, path], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"dump_graph {path}: exit {done.returncode}: {done.stderr}")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    shapes = {row[1]: tuple(int(extent) for extent in row[2].split(" x ")) for row in rows if row[0] == "value"}
    return shapes, {row[1]: row[2] for row in rows if row[0] == "graph"}


def compare(name, path, shape):
    """ONNX Runtime says what shape each tensor has when the network runs; onnx.shape_inference gives up half way."""
    ours, facts = dump(path)
    fused, fused_facts = dump(path, "--fuse")
    theirs = run_onnxruntime(path, np.zeros((1, 1, *shape), np.float32), list(ours))
    wrong = {tensor for tensor, extents in (ours | fused).items() if theirs[tensor].shape != extents}
    for tensor in sorted(wrong)[:5]:
        print(f"{name}: {tensor} is {(ours | fused)[tensor]}, not {theirs[tensor].shape}")
    same = [key for key in ("output", "features", "embedding", "multiplications") if facts[key] == fused_facts[key]]
    good = not wrong and set(fused) <= set(ours) and len(fused) < len(ours) and len(same) == 4
    arena, blocks = int(fused_facts["arena"]), int(fused_facts["blocks"])
    print(f"{'ok' if good else 'WRONG':6}{name:28}{len(ours):5} tensors, {len(fused)} fused; arena {arena >> 10} KiB of "
          f"{blocks >> 10}; features {facts['features'] or 'none'}", flush=True)
    return good


def main():
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for name, shape in NETWORKS.items():
            network = exports.monai_network(name).eval()
            for opset in (11, 16):
                path = f"{folder}/{name}-{opset}.onnx"
                exports.export(path, network, shape, opset)
                good &= compare(f"{name}, opset {opset}", path, shape)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
