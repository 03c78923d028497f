"""What our reader of ONNX files reads equals what the onnx package reads: every model of libonnx-testdata, and models
made here with each type of tensor in each storage (raw, typed, external)."""
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DUMP = pathlib.Path(os.environ.get("TUMORCLASS_BUILD", "build")) / "tests/golden/dump_model"
TESTDATA = pathlib.Path("/usr/share/libonnx-testdata/data")

FLOATS = {TensorProto.FLOAT: "float", TensorProto.DOUBLE: "double", TensorProto.FLOAT16: "float16",
          TensorProto.BFLOAT16: "bfloat16"}
INTEGERS = {TensorProto.INT8: "int8", TensorProto.UINT8: "uint8", TensorProto.INT16: "int16",
            TensorProto.UINT16: "uint16", TensorProto.INT32: "int32", TensorProto.UINT32: "uint32",
            TensorProto.INT64: "int64", TensorProto.UINT64: "uint64", TensorProto.BOOL: "bool"}
OTHERS = {TensorProto.STRING: "string", TensorProto.COMPLEX64: "complex64", TensorProto.COMPLEX128: "complex128"}


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return value.hex() or "-"


def bits(value):
    return np.float32(value).tobytes()[::-1].hex()


def extents(values):
    return "[" + ",".join(map(str, values)) + "]"


def tensor_line(tensor, folder):
    kind = tensor.data_type
    name = {**FLOATS, **INTEGERS, **OTHERS}.get(kind, "unknown type")
    digest = "unsupported"
    if kind in FLOATS or kind in INTEGERS:
        with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite
            array = numpy_helper.to_array(tensor, str(folder)).astype(np.float32 if kind in FLOATS else np.int64)
        digest = hashlib.sha256(array.tobytes()).hexdigest()
    return f"{text(tensor.name)} {name} {extents(tensor.dims)} {digest}"


def attribute_words(attribute, folder):
    yield from ["attribute", text(attribute.name), str(attribute.type)]
    if attribute.type == onnx.AttributeProto.FLOAT:
        yield bits(attribute.f)
    elif attribute.type == onnx.AttributeProto.INT:
        yield str(attribute.i)
    elif attribute.type == onnx.AttributeProto.STRING:
        yield text(attribute.s)
    elif attribute.type == onnx.AttributeProto.TENSOR:
        yield tensor_line(attribute.t, folder)
    elif attribute.type == onnx.AttributeProto.FLOATS:
        yield from map(bits, attribute.floats)
    elif attribute.type == onnx.AttributeProto.INTS:
        yield from map(str, attribute.ints)


def node_line(node, folder):
    words = ["node", text(node.name), text(node.op_type), *map(text, node.input), "->", *map(text, node.output)]
    for attribute in node.attribute:
        words += attribute_words(attribute, folder)
    return " ".join(words)


def value_line(what, value):
    kind = value.type.tensor_type if value.type.HasField("tensor_type") else None
    line = f"{what} {text(value.name)} {kind.elem_type if kind else 0}"
    if kind and kind.HasField("shape"):
        line += " " + extents(d.dim_value if d.dim_value > 0 else -1 for d in kind.shape.dim)
    return line


def opset(model):
    return ([o.version for o in model.opset_import if o.domain in ("", "ai.onnx")] or [0])[-1]


def lines(path):
    """The file as the onnx package reads it, in the words of dump_model."""
    model = onnx.load(path, load_external_data=False)
    folder = pathlib.Path(path).parent
    yield f"model {model.ir_version} {opset(model)} {text(model.producer_name)} {text(model.producer_version)}"
    for entry in model.metadata_props:
        yield f"property {text(entry.key)} {text(entry.value)}"
    yield from (value_line("input", value) for value in model.graph.input)
    yield from (value_line("output", value) for value in model.graph.output)
    for tensor in model.graph.initializer:
        yield "initializer " + tensor_line(tensor, folder)
    yield from (node_line(node, folder) for node in model.graph.node)


def refusal(path):
    """The status with which such a file is to be refused, or None."""
    model = onnx.load(path, load_external_data=False)
    graphs = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
    nested = any(a.type in graphs for n in model.graph.node for a in n.attribute)
    foreign = any(n.domain not in ("", "ai.onnx") for n in model.graph.node)
    if nested or foreign or model.graph.sparse_initializer or 0 < opset(model) < 6:
        return "unsupported"
    return "bad model" if opset(model) == 0 else None


def dump(paths):
    """{path: lines} from our reader."""
    done = subprocess.run([DUMP, *map(str, paths)], capture_output=True, text=True)
    if done.returncode or done.stderr:
        raise SystemExit(f"dump_model ended with {done.returncode}: {done.stderr[-4000:]}")
    files = {}
    for line in done.stdout.splitlines():
        if line.startswith("file "):
            current = files[line[5:]] = []
        else:
            current.append(line)
    return files


def compare(paths):
    """Number of files that both read alike, and that are refused as they should be."""
    read = refused = 0
    for path, ours in dump(paths).items():
        status = refusal(path)
        if status:
            assert len(ours) == 1 and ours[0].startswith(status + ": "), f"{path}: {ours[:1]}, expected {status}"
            refused += 1
            continue
        theirs = list(lines(path))
        for mine, other in zip(ours, theirs):
            assert mine == other, f"{path}:\n  ours  {mine[:300]}\n  onnx  {other[:300]}"
        assert len(ours) == len(theirs), f"{path}: {len(ours)} lines, not {len(theirs)}"
        read += 1
    return read, refused


def sample(kind, generator):
    """Values of a type, its extremes among them."""
    if kind in FLOATS:
        dtype = {TensorProto.BFLOAT16: ml_dtypes.bfloat16}.get(kind) or helper.tensor_dtype_to_np_dtype(kind)
        edge = np.array([0, -0.0, 1, -1, np.inf, -np.inf, ml_dtypes.finfo(dtype).max, ml_dtypes.finfo(dtype).tiny])
        with np.errstate(over="ignore"):
            return np.concatenate([edge, generator.normal(size=52)]).astype(dtype).reshape(3, 4, 5)
    if kind == TensorProto.BOOL:
        return generator.integers(0, 2, size=(3, 4, 5)).astype(bool)
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    least, most = np.iinfo(dtype).min, min(np.iinfo(dtype).max, np.iinfo(np.int64).max)
    values = generator.integers(least, most, size=60, dtype=dtype, endpoint=True)
    values[:2] = least, most
    return values.reshape(3, 4, 5)


def typed(array, name, kind):
    """Elements in the field of the type; make_tensor wants them as Python numbers."""
    flat = array.ravel().astype(np.float32) if kind == TensorProto.BFLOAT16 else array.ravel()
    return helper.make_tensor(name, kind, array.shape, flat.tolist(), raw=False)


def wrap(tensors):
    """A model that holds these tensors as initializers and, those inside the file, as attributes."""
    nodes = [helper.make_node("Constant", [], [f"c{i}"], name=f"constant {i}", value=tensor)
             for i, tensor in enumerate(tensors) if tensor.data_location != TensorProto.EXTERNAL]
    graph = helper.make_graph(nodes, "types", [], [], initializer=tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def made_models(folder):
    generator = np.random.default_rng(5)
    raw, fields, external = [], [], []
    blob = b""
    for kind, name in {**FLOATS, **INTEGERS}.items():
        array = sample(kind, generator)
        raw.append(numpy_helper.from_array(array, f"raw {name}"))
        fields.append(typed(array, f"typed {name}", kind))
        outside = numpy_helper.from_array(array, f"external {name}")
        blob += b"\0" * (-len(blob) % 64)
        onnx.external_data_helper.set_external_data(outside, "weights.bin", offset=len(blob),
                                                    length=len(outside.raw_data))
        blob += outside.raw_data
        outside.ClearField("raw_data")
        outside.data_location = TensorProto.EXTERNAL
        external.append(outside)
    raw.append(numpy_helper.from_array(np.float32(2.5), "scalar"))
    raw.append(numpy_helper.from_array(np.zeros((3, 0, 2), np.int64), "empty"))
    (folder / "weights.bin").write_bytes(blob)
    for name, tensors in {"raw": raw, "typed": fields, "external": external}.items():
        onnx.save(wrap(tensors), folder / f"{name}.onnx")
        yield folder / f"{name}.onnx"


def main():
    with tempfile.TemporaryDirectory() as folder:
        made = list(made_models(pathlib.Path(folder)))
        assert compare(made) == (3, 0)
        print(f"{len(FLOATS) + len(INTEGERS)} types in 3 storages: read alike")
        weights = pathlib.Path(folder) / "weights.bin"
        data = weights.read_bytes()
        before = dump(made[2:])
        weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        assert before != dump(made[2:]), "a changed weight must change what is compared"
    if not TESTDATA.is_dir():
        print("skipped: libonnx-testdata is not installed")
        return 77
    read, refused = compare(sorted(TESTDATA.rglob("*.onnx")))
    print(f"libonnx-testdata: {read} models read alike, {refused} refused as they should be")
    assert read > 100
    return 0


if __name__ == "__main__":
    sys.exit(main())
