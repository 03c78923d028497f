"""Networks as ONNX files: the reference network, and MONAI's as torch.onnx writes them."""
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import onnx

REFERENCE = pathlib.Path(__file__).parents[2] / "examples/training/reference_model.py"


def reference(path, shape, filters=16):
    """Returns the number of parameters that the script reports."""
    options = {"--filters": filters, "--shape": ",".join(map(str, shape)), "--output": path}
    command = [sys.executable, REFERENCE, *(str(word) for option in options.items() for word in option)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(printed.split(": ")[1].split(" ")[0].replace(",", ""))


def monai_network(name, **arguments):
    from monai.networks import nets

    if name == "ResNet-18":
        arguments = {"shortcut_type": "B", **arguments}
        return nets.resnet18(spatial_dims=3, n_input_channels=1, num_classes=7, conv1_t_stride=2, **arguments)
    if name == "DenseNet-121":
        return nets.DenseNet121(spatial_dims=3, in_channels=1, out_channels=7)
    if name == "SE-ResNet-50":
        return nets.SEResNet50(spatial_dims=3, in_channels=1, num_classes=7)
    network = nets.EfficientNetBN("efficientnet-b0", spatial_dims=3, in_channels=1, num_classes=7, pretrained=False)
    network.set_swish(memory_efficient=False)  # the other form cannot be exported
    return network


def settle_batch_norms(network, images):
    """Any scale and shift, then statistics of these images under them, moved a little: so folding matters and no layer
    dies or saturates. The mean square takes the variance's place: in a deep layer of few voxels the variance is a small
    rest, and fifty divisions by it magnify rounding, anybody's, beyond what a comparison can use."""
    import torch

    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm3d)]
    with torch.no_grad():
        for norm in norms:
            norm.weight.uniform_(0.4, 1.2)
            norm.bias.normal_(0, 0.2)
            norm.momentum = 1.0
        network.train()(torch.from_numpy(np.concatenate(images)))
        for norm in norms:
            norm.running_var += norm.running_mean**2
            norm.running_var *= 0.8 + 0.4 * torch.rand_like(norm.running_var)
            norm.running_mean += 0.1 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
    return network.eval()


def export(path, network, shape, opset, symbolic=(0,)):
    """`symbolic`: axes of the input without a number in the file. PRESERVE: else torch would fold the norms itself."""
    import torch

    axes = {"input": {axis: f"axis{axis}" for axis in symbolic}, "logits": {0: "axis0"}} if symbolic else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, torch.zeros(1, 1, *shape), path, opset_version=opset, dynamic_axes=axes,
                          input_names=["input"], output_names=["logits"], training=torch.onnx.TrainingMode.PRESERVE)


def monai(path, name, shape, opset, symbolic=(0,)):
    import torch

    torch.manual_seed(1)
    torch.set_num_threads(2)
    export(path, settle_batch_norms(monai_network(name), inputs(shape)), shape, opset, symbolic)
    operators = [node.op_type for node in onnx.load(path).graph.node]
    assert "BatchNormalization" in operators, f"{name} was exported without batch norms"


def inputs(shape):
    """Two unlike images: blocks of a few voxels' edge, and some noise."""
    return image(shape, edge=8, seed=1), image(shape, edge=13, seed=2)


def image(shape, edge, seed):
    random = np.random.default_rng(seed)
    blocks = random.standard_normal([-(-extent // edge) for extent in shape])
    for axis in range(3):
        blocks = blocks.repeat(edge, axis)
    blocks = blocks[: shape[0], : shape[1], : shape[2]] + 0.2 * random.standard_normal(shape)
    return blocks.astype(np.float32)[None, None]
