"""Networks as ONNX files: the reference network, and MONAI's as torch.onnx writes them."""
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import onnx

REFERENCE = pathlib.Path(__file__).parents[2] / "examples/training/reference_model.py"


def reference(path, shape):
    """Returns the number of parameters that the script reports."""
    command = [sys.executable, REFERENCE, "--shape", ",".join(map(str, shape)), "--output", path]
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


def settle_batch_norms(network, shape):
    """Statistics of real activations, so that no layer dies, then every parameter moved, so that folding matters."""
    import torch

    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm3d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.randn(2, 1, *shape))
        for norm in norms:
            norm.running_mean += 0.2 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
            norm.running_var *= 0.5 + torch.rand_like(norm.running_var)
            norm.weight.copy_(0.5 + torch.rand_like(norm.weight))
            norm.bias.copy_(0.2 * torch.randn_like(norm.bias))
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
    export(path, settle_batch_norms(monai_network(name), shape), shape, opset, symbolic)
    operators = [node.op_type for node in onnx.load(path).graph.node]
    assert "BatchNormalization" in operators, f"{name} was exported without batch norms"


def inputs(shape):
    """Two unlike images: white noise, and blocks of eight voxels' edge."""
    random = np.random.default_rng(1)
    noise = random.standard_normal((1, 1, *shape)).astype(np.float32)
    blocks = random.standard_normal([-(-extent // 8) for extent in shape]).astype(np.float32)
    for axis in range(3):
        blocks = blocks.repeat(8, axis)
    return noise, blocks[None, None, : shape[0], : shape[1], : shape[2]].copy()
