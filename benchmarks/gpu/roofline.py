#!/usr/bin/env python3
"""A bound on paper: how fast a network could be on a GPU if every step ran at the peak of its arithmetic or of its memory.

    roofline.py MODEL.onnx [--layers]

Half precision, one scan, steps as the CUDA plugin runs them (docs/gpu.md): a convolution reads its input and weights and
writes its output once; an instance norm reads its input twice, and its residual, and writes once, with the activation;
anything else reads its inputs and writes its output. Nothing is measured: peaks are the makers' figures for dense half
precision with float32 sums, and for memory and bus. Launches, the host and caches are left out. Needs onnx and numpy.
"""
import argparse
import dataclasses

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

BYTES = 2  # of half precision
# TFLOP/s on tensor cores, GB/s of memory, GB/s that the bus reaches of its nominal 16, 32 or 64
DEVICES = {"T4": (65, 320, 12), "A100": (312, 1555, 24), "L4": (121, 300, 24), "RTX 4090": (165, 1008, 24),
           "H100": (989, 3350, 50), "B200": (2250, 8000, 50)}
SCAN_VOXELS = 256 ** 3  # of 16 bits, as read from a file
INFLATED_PER_CORE = 0.87  # GB/s that a core makes of a compressed scan; docs/gpu.md says which


@dataclasses.dataclass
class Step:
    name: str
    flops: float = 0
    size: float = 0  # bytes

    def seconds(self, device):
        peak, memory, _ = DEVICES[device]
        return max(self.flops / (peak * 1e12), self.size / (memory * 1e9))


class Network:
    def __init__(self, path):
        model = onnx.load(path)
        for dimension in model.graph.input[0].type.tensor_type.shape.dim[:1]:
            dimension.dim_value = 1
        del model.graph.value_info[:]
        for output in model.graph.output:
            output.type.tensor_type.shape.dim[0].dim_value = 1
        graph = shape_inference.infer_shapes(model).graph
        self.nodes = list(graph.node)
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        known = list(graph.value_info) + list(graph.input) + list(graph.output)
        self.shapes = {value.name: [d.dim_value or 1 for d in value.type.tensor_type.shape.dim] for value in known}
        self.input = graph.input[0].name

    def size(self, name):
        if name in self.constants:
            return self.constants[name].size * BYTES
        return np.prod(self.shapes[name]) * BYTES * (2 if name == self.input else 1)  # the input is read in two parts

    def readers(self, name):
        return [node for node in self.nodes if name in node.input]

    def convolution(self, node):
        weights = self.constants[node.input[1]]
        channels = 2 if node.input[0] == self.input else 1
        return Step(node.output[0], 2.0 * channels * np.prod(self.shapes[node.output[0]]) * weights[0].size,
                    self.size(node.input[0]) + channels * weights.size * BYTES + self.size(node.output[0]))

    def norm(self, node, done):
        """With the activation and the sum behind it."""
        step = Step(node.output[0], 0, 3 * self.size(node.output[0]))
        readers = self.readers(node.output[0])
        while len(readers) == 1 and readers[0].op_type in ("LeakyRelu", "Relu", "Add"):
            done.add(readers[0].output[0])
            if readers[0].op_type == "Add":
                step.size += self.size(node.output[0])
                break
            readers = self.readers(readers[0].output[0])
        return step

    def steps(self):
        done, steps = set(), []
        for node in self.nodes:
            if node.output[0] in done or node.op_type in ("Flatten", "Reshape", "Constant", "Identity", "Dropout"):
                continue
            if node.op_type == "Conv":
                steps.append(self.convolution(node))
            elif node.op_type == "InstanceNormalization":
                steps.append(self.norm(node, done))
            else:
                names = [name for name in list(node.input) + list(node.output) if name in self.shapes or name in self.constants]
                steps.append(Step(node.output[0], 0, sum(self.size(name) for name in names)))
        return steps


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def show(network, steps, layers):
    row("", "GFLOP", "MB", *(f"{device}, ms" for device in DEVICES))
    row(*["---"] * (3 + len(DEVICES)))
    for step in steps if layers else []:
        row(f"`{step.name}`", f"{step.flops / 1e9:.2f}", f"{step.size / 1e6:.1f}",
            *(f"{step.seconds(device) * 1e3:.3f}" for device in DEVICES))
    totals = {device: sum(step.seconds(device) for step in steps) for device in DEVICES}
    row("**network**", f"{sum(step.flops for step in steps) / 1e9:.1f}", f"{sum(step.size for step in steps) / 1e6:.0f}",
        *(f"{totals[device] * 1e3:.2f}" for device in DEVICES))
    of_memory = [sum(step.seconds(device) for step in steps
                     if step.size / DEVICES[device][1] > step.flops / DEVICES[device][0] / 1e3) / totals[device]
                 for device in DEVICES]
    row("share bound by memory", "", "", *(f"{share:.0%}" for share in of_memory))
    voxels = np.prod(network.shapes[network.input])
    row("input up, float32", "", f"{voxels * 4 / 1e6:.1f}", *(f"{voxels * 4 / DEVICES[d][2] / 1e6:.2f}" for d in DEVICES))
    row("scan up, 256^3 of 16 bits", "", f"{SCAN_VOXELS * 2 / 1e6:.1f}",
        *(f"{SCAN_VOXELS * 2 / DEVICES[d][2] / 1e6:.2f}" for d in DEVICES))
    inflate = SCAN_VOXELS * 2 / (INFLATED_PER_CORE * 1e9)
    row("cores that inflate as fast", "", "", *(f"{inflate / max(totals[d], SCAN_VOXELS * 2 / DEVICES[d][2] / 1e9):.0f}"
                                               for d in DEVICES))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--layers", action="store_true", help="a row for each step")
    arguments = parser.parse_args()
    network = Network(arguments.model)
    show(network, network.steps(), arguments.layers)


if __name__ == "__main__":
    main()
