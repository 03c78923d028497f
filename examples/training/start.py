"""Weights to begin a training with: of an earlier training (best.pt), or of a model file that export.py wrote."""
import sys

import numpy as np
import torch

from record import load


def begin_with(network, path):
    """Put the weights of a file into the network. What a model file has not, the lesion head, stays as it is; so does
    the last layer, if the file has other classes."""
    weights = weights_of_model(network, path) if path.suffix == ".onnx" else load(path)["weights"]
    own = network.state_dict()
    for name, weight in weights.items():
        if name not in own or own[name].shape != weight.shape:
            if name.startswith("dense."):
                print(f"{path}: {name} is {list(weight.shape)}, not {list(own[name].shape)}: it begins anew",
                      file=sys.stderr)
                continue
            raise SystemExit(f"{path}: {name} is {list(weight.shape)}, and the network has "
                             f"{list(own[name].shape) if name in own else 'none'}")
        own[name] = weight
    network.load_state_dict(own)


def weights_of_model(network, path):
    """The network's name of each tensor -> the model file's values."""
    import onnx
    from onnx import numpy_helper
    stored = {}
    for tensor in onnx.load(path).graph.initializer:
        name = tensor.name[: -len(".half")] if tensor.name.endswith(".half") else tensor.name
        stored[name] = torch.from_numpy(numpy_helper.to_array(tensor).astype(np.float32))
    names = names_in_model(network)
    missing = [name for name in names if name not in stored]
    if missing:
        raise SystemExit(f"{path} has no {missing[0]}: export.py wrote it of another network, or did not write it")
    return {names[name]: stored[name] for name in names}


def names_in_model(network):
    """Name in the model file -> name in the network."""
    names = {f"head.{kind}": f"dense.{kind}" for kind in ("weight", "bias")}
    if network.attend is not None:
        names |= {f"attention.{kind}": f"attend.{kind}" for kind in ("weight", "bias")}
    for number in range(len(network.levels)):
        for part in ("conv", "block1", "block2"):
            file, own = f"level{number + 1}.{part}", f"levels.{number}.{part}"
            names[f"{file}.conv.weight"] = f"{own}.conv.weight"
            names |= {f"{file}.norm.scale": f"{own}.norm.weight", f"{file}.norm.shift": f"{own}.norm.bias"}
    return names
