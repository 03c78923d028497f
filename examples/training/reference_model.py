#!/usr/bin/env python3
"""Write the reference network as an ONNX file with random weights: for tests, timing and trying things out.

The architecture is the seven-class network of Chakrabarty et al. 2021: the encoder of Isensee et al. 2017, with global
average pooling and one dense layer behind it. With F filters and an input of 1 x D x H x W:

    level i = 1..5, channels F * 2^(i-1):   x = Block(input, stride 1 at level 1, else 2)
                                            output = x + Block(Block(x))
    head:                                   logits = dense(mean over D, H, W of level5.output)
    Block:                                  3x3x3 convolution, pad 1 -> instance norm -> LeakyReLU (0.01)

Dropout is left out, as it does nothing at inference. The file says in its metadata (docs/model-file.md) that it is
untrained; its probabilities mean nothing. Needs numpy and onnx. The same arguments always give the same bytes.

With --selftest the file also holds what `tumorclass selftest` compares with: the logits that ONNX Runtime gives for the
phantom, prepared as the model asks. That needs onnxruntime and nibabel too, and may differ in the last digits elsewhere.
"""
import argparse
import pathlib
import subprocess
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LEVELS = 5
OPSET, IR_VERSION = 17, 8
CLASSES = {
    "HGG": "high-grade glioma",
    "LGG": "low-grade glioma",
    "METS": "brain metastasis",
    "PA": "pituitary adenoma",
    "AN": "acoustic neuroma",
    "HLTH": "healthy",
    "MEN": "meningioma",
}
CITATION = (
    "Architecture: Chakrabarty S, Sotiras A, Milchenko M, LaMontagne P, Hileman M, Marcus D. MRI-based Identification "
    "and Classification of Major Intracranial Tumor Types by Using a 3D Convolutional Neural Network. Radiology: "
    "Artificial Intelligence 2021;3(5):e200301. doi:10.1148/ryai.2021200301"
)


class Network:
    """Collects nodes and weights; each method adds one layer and returns the name of its output."""

    def __init__(self, seed):
        self.random = np.random.RandomState(seed)  # numpy promises that its stream never changes
        self.nodes, self.weights = [], []

    def normal(self, *shape, mean=0.0, deviation):
        return (mean + deviation * self.random.standard_normal(shape)).astype(np.float32)

    def weight(self, name, array):
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def add(self, operator, inputs, output, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def block(self, name, source, channels_in, channels, stride):
        deviation = np.sqrt(2 / (27 * channels_in))  # He et al. 2015
        weight = self.weight(f"{name}.conv.weight", self.normal(channels, channels_in, 3, 3, 3, deviation=deviation))
        bias = self.weight(f"{name}.conv.bias", self.normal(channels, deviation=0.1))
        scale = self.weight(f"{name}.norm.scale", self.normal(channels, mean=1, deviation=0.1))
        shift = self.weight(f"{name}.norm.shift", self.normal(channels, deviation=0.1))
        x = self.add("Conv", [source, weight, bias], f"{name}.conv",
                     kernel_shape=[3] * 3, pads=[1] * 6, strides=[stride] * 3)
        x = self.add("InstanceNormalization", [x, scale, shift], f"{name}.norm", epsilon=1e-5)
        return self.add("LeakyRelu", [x], f"{name}.relu", alpha=0.01)

    def level(self, index, source, channels_in, channels):
        name = f"level{index}"
        x = self.block(f"{name}.conv", source, channels_in, channels, stride=1 if index == 1 else 2)
        context = self.block(f"{name}.block1", x, channels, channels, stride=1)
        context = self.block(f"{name}.block2", context, channels, channels, stride=1)
        return self.add("Add", [x, context], f"{name}.output")

    def head(self, features, channels, classes):
        weight = self.weight("head.weight", self.normal(classes, channels, deviation=np.sqrt(2 / channels)))
        bias = self.weight("head.bias", self.normal(classes, deviation=0.1))
        x = self.add("GlobalAveragePool", [features], "pool")
        x = self.add("Flatten", [x], "pooled")
        return self.add("Gemm", [x, weight, bias], "logits", transB=1)


def metadata(arguments):
    facts = {
        "schema": 1,
        "classes": ",".join(arguments.classes),
        "class_codes": ",".join(arguments.codes),
        "input.orientation": "RAS",
        "input.grid": "stretch",
        "input.shape": ",".join(map(str, arguments.shape)),
        "input.stripped": "any",
        "norm": "zscore-foreground",
        "background": 0,
        "cam.layer": "level5.output",
        "cam.fine_layer": "level3.output",
        "calibration.temperature": 1,
        "trained": "no",
        "license": "Apache-2.0",
        "authors": "the authors of libtumorclass",
        "citation": CITATION,
        "intended_use": "Testing and timing of software. Research only, not for diagnosis.",
        "training_data": f"none: random weights, seed {arguments.seed}; probabilities mean nothing",
    }
    return {f"tumorclass.{key}": str(value) for key, value in facts.items()}


def build(arguments):
    network = Network(arguments.seed)
    x, channels = "input", 1
    for index in range(1, LEVELS + 1):
        width = arguments.filters << (index - 1)
        x, channels = network.level(index, x, channels, width), width
    network.head(x, channels, len(arguments.classes))

    def tensor(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(network.nodes, "reference", [tensor("input", "N", 1, *arguments.shape)],
                              [tensor("logits", "N", len(arguments.classes))], network.weights)
    model = helper.make_model(graph, producer_name="reference_model.py", ir_version=IR_VERSION,
                              opset_imports=[helper.make_opsetid("", OPSET)])
    helper.set_model_props(model, metadata(arguments))
    onnx.checker.check_model(model, full_check=True)
    return model


def known_answer(model, command):
    """Logits of the phantom: made and prepared by the command, run by ONNX Runtime."""
    import nibabel
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        file, phantom, prepared = [str(pathlib.Path(folder) / name) for name in ("m.onnx", "phantom.nii", "input.nii")]
        onnx.save(model, file)
        subprocess.run([command, "selftest", "--phantom", phantom], check=True)
        subprocess.run([command, "preprocess", "--model", file, phantom, "--output", prepared], check=True)
        image = np.asarray(nibabel.load(prepared).dataobj, np.float32)
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        return session.run(["logits"], {"input": image[None, None]})[0][0]


def parameters(model):
    return sum(int(np.prod(weight.dims)) for weight in model.graph.initializer)


def read_arguments():
    def names(text):
        return text.split(",")

    def shape(text):
        extents = [int(extent) for extent in text.split(",")]
        if len(extents) != 3 or min(extents) < 1 << LEVELS:
            raise argparse.ArgumentTypeError(f"'{text}' is not three numbers of {1 << LEVELS} or more")
        return extents

    first, *rest = __doc__.split("\n\n")
    parser = argparse.ArgumentParser(description=first, epilog="\n\n".join(rest),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filters", type=int, default=16, metavar="F", help="channels of level 1 (default: 16)")
    parser.add_argument("--shape", type=shape, default=[128] * 3, metavar="D,H,W",
                        help="of the input (default: 128,128,128)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the random weights (default: 1)")
    parser.add_argument("--classes", type=names, default=list(CLASSES.values()), metavar="A,B,...",
                        help="names, separated by commas (default: the seven of the paper)")
    parser.add_argument("--codes", type=names, metavar="A,B,...",
                        help="short names in the same order (default: the seven's, or the names)")
    parser.add_argument("--selftest", metavar="COMMAND", help="write known answers; COMMAND is the tumorclass to ask")
    parser.add_argument("--output", default="reference.onnx", metavar="FILE", help="(default: reference.onnx)")
    arguments = parser.parse_args()
    if not arguments.codes:
        codes = {name: code for code, name in CLASSES.items()}
        arguments.codes = [codes.get(name, name) for name in arguments.classes]
    if arguments.filters < 1:
        parser.error(f"--filters is {arguments.filters}, must be 1 or more")
    if len(arguments.codes) != len(arguments.classes):
        parser.error(f"{len(arguments.codes)} codes for {len(arguments.classes)} classes")
    return arguments


def main():
    arguments = read_arguments()
    model = build(arguments)
    if arguments.selftest:
        logits = known_answer(model, arguments.selftest)
        model.metadata_props.add(key="tumorclass.selftest", value=",".join(f"{logit:.6g}" for logit in logits))
    data = model.SerializeToString(deterministic=True)
    with open(arguments.output, "wb") as file:
        file.write(data)
    print(f"{arguments.output}: {parameters(model):,} parameters, {len(data):,} bytes")


if __name__ == "__main__":
    main()
