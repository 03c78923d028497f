#!/usr/bin/env python3
"""Make a model file (ONNX, docs/model-file.md) of trained weights (train.py's best.pt), with all that travels with it.

Worked out from a prepared set, by the formulas of docs/method.md: on the validation scans of the training (or those of
--calibrate SPLIT, better since they chose nothing) the temperature, the class-conditional thresholds of the prediction
set, the figures and the unlikeness that 99 % stay under; on training scans where their embeddings lie. The known answer
of `tumorclass selftest` is PyTorch's, in double precision.

With --check SCAN... nothing is written: the model file's logits, as `tumorclass classify` gives them, are held against
PyTorch's for the same scans. Needs torch, numpy, nibabel and onnx.
"""
import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from network import SLOPE, Network, steps
from prepare import preprocess
from prepared import Prepared
from reference_model import CITATION, CLASSES, IR_VERSION, OPSET
from record import load, write_whole
from scans import Order, judge
from train import answer

INTENDED_USE = "Research only, not for diagnosis: which of the classes a post-contrast T1 scan of a head is most like."
EMBEDDINGS = 2000  # training scans that the centres and deviations are worked out from
ATTENDED = "attended"  # the tensor that the pool reads behind attention
AGREEMENT = 1e-4  # of the largest logit, between library and PyTorch


def load_network(path, half):
    """(network, all of best.pt); half: its weights rounded as the model file will hold them."""
    best = load(path)
    network = Network(**best["config"])
    network.load_state_dict(best["weights"])
    if half:
        for parameter in network.parameters():
            parameter.data = parameter.data.half().float()
    return network, best


# ---- The graph ----


class Graph:
    """Collects nodes and weights; each method adds one layer and returns the name of its output."""

    def __init__(self, network, half):
        self.network, self.half = network, half
        self.nodes, self.weights = [], []

    def weight(self, name, tensor):
        array = tensor.detach().cpu().numpy()
        if not self.half:
            self.weights.append(numpy_helper.from_array(array, name))
            return name
        self.weights.append(numpy_helper.from_array(array.astype(np.float16), f"{name}.half"))
        return self.add("Cast", [f"{name}.half"], name, to=TensorProto.FLOAT)

    def constant(self, name, array):
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(self, operator, inputs, output, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def block(self, name, block, x):
        stride = list(block.conv.stride)
        x = self.add("Conv", [x, self.weight(f"{name}.conv.weight", block.conv.weight)], f"{name}.conv",
                     kernel_shape=[3] * 3, pads=[1] * 6, strides=stride)
        scale = self.weight(f"{name}.norm.scale", block.norm.weight)
        shift = self.weight(f"{name}.norm.shift", block.norm.bias)
        x = self.add("InstanceNormalization", [x, scale, shift], f"{name}.norm", epsilon=block.norm.eps)
        return self.add("LeakyRelu", [x], f"{name}.relu", alpha=SLOPE)

    def level(self, name, level, x):
        x = self.block(f"{name}.conv", level.conv, x)
        context = self.block(f"{name}.block1", level.block1, x)
        context = self.block(f"{name}.block2", level.block2, context)
        return self.add("Add", [x, context], f"{name}.output")

    def attended(self, last):
        """What the pool reads, see network.py."""
        if self.network.attend is None:
            return last
        cells = cells_of_last(self.network.config)
        weight = self.weight("attention.weight", self.network.attend.weight)
        bias = self.weight("attention.bias", self.network.attend.bias)
        flat = self.add("Flatten", [self.add("Conv", [last, weight, bias], "attention")], "attention.flat", axis=1)
        share = self.add("Softmax", [flat], "attention.share", axis=1)
        weights = self.add("Mul", [share, self.constant("cells", np.float32(math.prod(cells)))], "attention.weights")
        shape = self.constant("attention.shape", np.array([0, 1, *cells], np.int64))
        weights = self.add("Reshape", [weights, shape], "attention.map")
        return self.add("Concat", [last, self.add("Mul", [last, weights], "attention.features")], ATTENDED, axis=1)

    def head(self, last):
        pooled = self.add("GlobalAveragePool", [self.attended(last)], "pool")
        if self.network.config["pooling"] == "average+max":
            pooled = self.add("Concat", [pooled, self.add("GlobalMaxPool", [last], "pool.max")], "pools", axis=1)
        weight = self.weight("head.weight", self.network.dense.weight)
        bias = self.weight("head.bias", self.network.dense.bias)
        return self.add("Gemm", [self.add("Flatten", [pooled], "pooled"), weight, bias], "logits", transB=1)


def build(network, half, facts):
    graph, x = Graph(network, half), "input"
    for number, level in enumerate(network.levels, 1):
        x = graph.level(f"level{number}", level, x)
    graph.head(x)

    def tensor(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    config = network.config
    whole = helper.make_graph(graph.nodes, "tumorclass", [tensor("input", "N", 1, *config["shape"])],
                              [tensor("logits", "N", config["classes"])], graph.weights)
    model = helper.make_model(whole, producer_name="export.py", ir_version=IR_VERSION,
                              opset_imports=[helper.make_opsetid("", OPSET)])
    helper.set_model_props(model, {f"tumorclass.{key}": value for key, value in facts.items()})
    onnx.checker.check_model(model, full_check=True)
    return model


def cells_of_last(config):
    """Cells of the last level along each axis: a stride halves and rounds up."""
    cells = config["shape"]
    for stride in config["strides"]:
        cells = [-(-count // stride) for count in cells]
    return cells


def layers(network):
    """(the tensor that the pool reads, the coarsest with at least 24 cells along each axis)"""
    config = network.config
    cells = [min(config["shape"]) // step for step in steps(config["strides"])]
    fine = max((i for i, count in enumerate(cells) if count >= 24), default=0)
    return f"level{len(cells)}.output" if network.attend is None else ATTENDED, f"level{fine + 1}.output"


# ---- What scans say about the network ----


def softmax(logits):
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)


def fit_temperature(logits, labels):
    """The least cross-entropy, each class weighing the same; by golden section over the logarithm."""
    logits, labels = logits.astype(np.float64), np.asarray(labels)
    weights = 1 / np.bincount(labels, minlength=logits.shape[1])[labels]

    def loss(t):
        return -(weights * np.log(softmax(logits / math.exp(t))[np.arange(len(labels)), labels] + 1e-300)).sum()

    low, high, ratio = math.log(0.1), math.log(10), (math.sqrt(5) - 1) / 2
    while high - low > 1e-5:
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, b) if loss(a) < loss(b) else (a, high)
    return math.exp((low + high) / 2)


def conformal_thresholds(probabilities, labels, coverage):
    """Of the n sorted scores 1 - p of a class the k-th, k = ceil((n + 1) coverage); 1 if there are too few."""
    labels, thresholds = np.asarray(labels), []
    for c in range(probabilities.shape[1]):
        scores = np.sort(1 - probabilities[labels == c, c])
        k = math.ceil((len(scores) + 1) * coverage)
        thresholds.append(float(scores[k - 1]) if k <= len(scores) else 1.0)
    return thresholds


def cloud(embeddings, labels, classes):
    """(centres, one a class; deviations around them)"""
    labels = np.asarray(labels)
    centres = np.stack([embeddings[labels == c].mean(0) for c in range(classes)])
    spread = np.sqrt(((embeddings - centres[labels]) ** 2).mean(0))
    return centres, np.maximum(spread, 1e-6)


def unlikeness(embeddings, centres, deviations):
    distances = [np.sqrt((((embeddings - centre) / deviations) ** 2).mean(1)) for centre in centres]
    return np.min(distances, 0)


def known_answer(network, model, command):
    """Logits of the phantom, prepared by the command, in double precision."""
    with tempfile.TemporaryDirectory() as folder:
        phantom = pathlib.Path(folder) / "phantom.nii"
        file = pathlib.Path(folder) / "model.onnx"
        onnx.save(model, file)
        subprocess.run([command, "selftest", "--phantom", phantom], check=True)
        inputs = os.path.join(folder, "inputs")
        os.mkdir(inputs)
        return exact_logits(network, prepared_input(preprocess(command, file, [phantom], inputs)[0]))


def prepared_input(answer):
    if isinstance(answer, str):
        raise SystemExit(answer)
    return answer[0]


@torch.no_grad()
def exact_logits(network, image):
    return network.double()(torch.from_numpy(image)[None, None].double())[0].numpy()


def numbers(values, digits=6):
    return ",".join(f"{value:.{digits}g}" for value in values)


def scan_facts(network, best, data, arguments):
    """The metadata that is worked out from scans."""
    codes, rows = best["codes"], data.rows
    labels = [codes.index(row["class"]) if row["class"] in codes else -1 for row in rows]
    training, held = best["parts"]
    if arguments.calibrate:
        held = [i for i, row in enumerate(rows) if row.get("split") == arguments.calibrate and labels[i] >= 0]
    missing = [code for c, code in enumerate(codes) if not any(labels[i] == c for i in held)]
    if missing:
        raise SystemExit(f"{data.folder}: none of the {len(held)} scans to calibrate with is {', '.join(missing)}")
    order = Order(training, labels, True, 0)
    sample = sorted({order[n] for n in range(EMBEDDINGS)})

    logits, embeddings = answer(network, data, held)
    truth = [labels[i] for i in held]
    temperature = fit_temperature(logits, truth)
    probabilities = softmax(logits / temperature)
    figures = judge(logits.argmax(1) == truth, truth, [rows[i] for i in held], codes)
    centres, deviations = cloud(answer(network, data, sample)[1], [labels[i] for i in sample], len(codes))
    sources = sorted({row["source"] for row in rows if row.get("source")})
    return {
        "calibration.temperature": f"{temperature:.6g}",
        "calibration.coverage": f"{arguments.coverage:g}",
        "calibration.conformal": numbers(conformal_thresholds(probabilities, truth, arguments.coverage)),
        "calibration.abstain": f"{arguments.abstain:g}",
        "ood.centres": ";".join(numbers(row, 4) for row in centres),
        "ood.deviations": numbers(deviations, 4),
        "ood.threshold": f"{np.quantile(unlikeness(embeddings, centres, deviations), 0.99):.4g}",
        "training_data": arguments.training_data or f"{len(training)} scans" + (
            f" from {', '.join(sources)}" if sources else ""),
        "metrics": f"on {len(held)} scans not trained on: accuracy {figures['accuracy']:.4f}, mean sensitivity "
                   f"{figures['balanced_accuracy']:.4f}, least sensitivity of a class in a setting "
                   f"{figures['worst']:.3f} ({figures['worst_of']})",
    }


def all_facts(network, best, data, arguments):
    codes = best["codes"]
    features, fine = layers(network)
    facts = {"schema": "1", "classes": ",".join(CLASSES.get(code, code) for code in codes),
             "class_codes": ",".join(codes), **best["spec"], "cam.fine_layer": fine, "license": arguments.license,
             "authors": arguments.authors, "citation": CITATION, "intended_use": INTENDED_USE,
             **scan_facts(network, best, data, arguments)}
    if network.config["pooling"] != "average+max":
        return facts | {"cam.layer": features}
    return {key: value for key, value in facts.items() if not key.startswith("ood.")}  # needs the mean alone


# ---- Writing and checking ----


def write(arguments):
    network, best = load_network(arguments.best, arguments.half)
    data = Prepared(arguments.set)
    if data.spec != best["spec"]:
        raise SystemExit(f"{arguments.set} was prepared as {data.spec}, {arguments.best} trained on {best['spec']}")
    model = build(network, arguments.half, all_facts(network, best, data, arguments))
    known = known_answer(network, model, arguments.command)
    model.metadata_props.add(key="tumorclass.selftest", value=numbers(known))
    content = model.SerializeToString(deterministic=True)
    write_whole(arguments.output, content)
    print(f"{arguments.output}: {len(content):,} bytes")
    for entry in model.metadata_props:
        if entry.key.startswith("tumorclass.calibration") or entry.key == "tumorclass.metrics":
            print(f"  {entry.key} = {entry.value}")


def check(arguments):
    """The exit code: 0 if library and PyTorch agree on every scan."""
    network, _ = load_network(arguments.best, arguments.half)
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for scan in arguments.check:
            done = subprocess.run([arguments.command, "classify", "--json", "--model", arguments.output, scan],
                                  capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr.strip())
            theirs = np.array(list(json.loads(done.stdout)["logits"].values()))
            image = prepared_input(preprocess(arguments.command, arguments.output, [scan], folder)[0])
            ours = exact_logits(network, image)
            worst = max(worst, abs(theirs - ours).max() / abs(ours).max())
    print(f"{len(arguments.check)} scans: logits differ by up to {worst:.2g} of the largest, allowed are {AGREEMENT:g}")
    return 0 if worst <= AGREEMENT else 1


def main():
    first, *rest = __doc__.split("\n\n")
    parser = argparse.ArgumentParser(description=first, epilog="\n\n".join(rest),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("best", type=pathlib.Path, metavar="BEST.PT", help="from train.py")
    parser.add_argument("--output", type=pathlib.Path, required=True, metavar="MODEL.ONNX")
    parser.add_argument("--set", type=pathlib.Path, help="the prepared set; needed without --check")
    parser.add_argument("--check", type=pathlib.Path, nargs="+", metavar="SCAN", help="compare; see above")
    parser.add_argument("--half", action="store_true", help="weights as float16: half the size")
    parser.add_argument("--calibrate", metavar="SPLIT", help="scans of this split instead of the validation's")
    parser.add_argument("--coverage", type=float, default=0.9, metavar="P", help="of prediction sets (default: 0.9)")
    parser.add_argument("--abstain", type=float, default=0.5, metavar="P",
                        help="name no class below this probability (default: 0.5: as likely wrong as right)")
    parser.add_argument("--license", default="Apache-2.0", metavar="TEXT", help="of the weights (default: Apache-2.0)")
    parser.add_argument("--authors", default="the authors of libtumorclass", metavar="TEXT")
    parser.add_argument("--training-data", metavar="TEXT", help="(default: how many scans, and the column source)")
    parser.add_argument("--command", default="tumorclass", metavar="FILE", help="the tumorclass to ask")
    arguments = parser.parse_args()
    if arguments.check:
        sys.exit(check(arguments))
    if not arguments.set:
        parser.error("--set is needed to calibrate the model")
    write(arguments)


if __name__ == "__main__":
    main()
