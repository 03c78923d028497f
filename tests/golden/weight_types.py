"""A network whose weights are stored as float16, bfloat16 or double, each with a Cast behind it, against ONNX Runtime."""
import os
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import exports
from support import run_graph, run_onnxruntime

SHAPE = (32, 32, 32)
TOLERANCE = 5e-6  # of the largest logit, as for whole networks
TYPES = TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE


def store_as(model, elements):
    """Every weight w becomes Cast(w.stored)."""
    graph = model.graph
    weights = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
    del graph.initializer[:]
    for name, array in weights.items():
        graph.initializer.append(helper.make_tensor(f"{name}.stored", elements, array.shape, array.ravel().tolist()))
    for name in weights:
        graph.node.insert(0, helper.make_node("Cast", [f"{name}.stored"], [name], to=TensorProto.FLOAT))


def main():
    failures, image = 0, exports.inputs(SHAPE)[0]
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/model.onnx"
        exports.reference(path, SHAPE)
        plain = run_onnxruntime(path, image)["logits"]
        for elements in TYPES:
            model = onnx.load(path)
            store_as(model, elements)
            stored = f"{folder}/stored.onnx"
            onnx.save(model, stored)
            expected = run_onnxruntime(stored, image)["logits"]
            ((_, logits),) = run_graph(stored, image, output_only=True)
            worst = np.abs(logits - expected).max() / np.abs(expected).max()
            rounded = np.abs(plain - expected).max() / np.abs(expected).max()
            good = worst <= TOLERANCE and (elements == TensorProto.DOUBLE or rounded > 10 * TOLERANCE)
            failures += not good
            print(f"{'ok' if good else 'WRONG':6}{TensorProto.DataType.Name(elements):10}{worst:9.2e} of the largest "
                  f"logit; float32 weights differ by {rounded:.2e}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
