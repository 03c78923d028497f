"""PyTorch, ONNX Runtime and this library in one process, loaded and run in every order, each with two threads: none
disturbs another, and each gives the answer that it gives alone."""
import ctypes
import itertools
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARY = pathlib.Path(os.environ.get("TUMORCLASS_BUILD", "build")).resolve() / "lib/libtumorclass.so.0"
MODEL = ROOT / "tests/models/untrained.onnx"
NAMES = ("torch", "onnxruntime", "tumorclass")


class Torch:
    def __init__(self):
        import torch

        self.torch = torch
        torch.set_num_threads(2)

    def run(self):
        image = self.torch.sin(self.torch.arange(32**3, dtype=self.torch.float32)).reshape(1, 1, 32, 32, 32)
        weight = self.torch.cos(self.torch.arange(8 * 27, dtype=self.torch.float32)).reshape(8, 1, 3, 3, 3)
        return [float(x) for x in self.torch.nn.functional.conv3d(image, weight).abs().mean((0, 2, 3, 4))]


class OnnxRuntime:
    def __init__(self):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self.session = onnxruntime.InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])

    def run(self):
        import numpy

        image = numpy.sin(numpy.arange(64**3, dtype=numpy.float32)).reshape(1, 1, 64, 64, 64)
        return self.session.run(None, {self.session.get_inputs()[0].name: image})[0].ravel().tolist()


class Volume(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("dtype", ctypes.c_int32), ("memory", ctypes.c_int32),
                ("shape", ctypes.c_int64 * 3), ("strides", ctypes.c_int64 * 3), ("affine", ctypes.c_double * 12),
                ("slope", ctypes.c_double), ("intercept", ctypes.c_double), ("notes", ctypes.c_uint32),
                ("reserved", ctypes.c_uint32)]


class SessionOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("backend", ctypes.c_int32), ("device", ctypes.c_int32),
                ("threads", ctypes.c_int32)]


class Tumorclass:
    def __init__(self):
        self.library = ctypes.CDLL(str(LIBRARY))
        self.library.tumorclass_last_error.restype = ctypes.c_char_p
        self.library.tumorclass_result_logits.restype = ctypes.POINTER(ctypes.c_float)
        self.model, self.session = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("model_load", ctypes.byref(self.model), str(MODEL).encode(), None)
        options = SessionOptions(struct_size=ctypes.sizeof(SessionOptions), threads=2)
        self.call("session_create", ctypes.byref(self.session), self.model, ctypes.byref(options))

    def call(self, name, *arguments):
        if getattr(self.library, "tumorclass_" + name)(*arguments) != 0:
            raise RuntimeError(self.library.tumorclass_last_error().decode())

    def run(self):
        size = 24
        voxels = (ctypes.c_int16 * size**3)(*(100 + 7 * x * y % 50 if 4 < x < 20 and 3 < y < 19 and 5 < z < 21 else 0
                                              for z, y, x in itertools.product(range(size), repeat=3)))
        volume = Volume(data=ctypes.addressof(voxels), dtype=3, shape=(size,) * 3, strides=(1, size, size**2),
                        affine=(8, 0, 0, -96, 0, 8, 0, -96, 0, 0, 8, -96))
        result, count = ctypes.c_void_p(), ctypes.c_size_t()
        self.call("classify", self.session, ctypes.byref(result), ctypes.byref(volume), None)
        logits = list(self.library.tumorclass_result_logits(result, ctypes.byref(count))[:7])
        assert count.value == 7
        self.library.tumorclass_result_free(result)
        return logits


KINDS = dict(zip(NAMES, (Torch, OnnxRuntime, Tumorclass)))


def run_in_order(names):
    """Each is run when it is loaded, and again when all are: the same numbers both times."""
    loaded, answers = {}, {}
    for name in names:
        loaded[name] = KINDS[name]()
        answers[name] = loaded[name].run()
    for name in reversed(names):
        assert loaded[name].run() == answers[name], f"{name} answers otherwise beside the others"
    return answers


def in_a_process(names):
    """{name: numbers} of a process of its own that loads these."""
    done = subprocess.run([sys.executable, __file__, *names], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{' '.join(names)}: exit code {done.returncode}\n{done.stderr[-3000:]}"
    lines = (line.split(" ", 1) for line in done.stdout.splitlines())
    return {name: [float(number) for number in numbers.split()] for name, numbers in lines}


def main():
    if len(sys.argv) > 1:
        for name, numbers in run_in_order(sys.argv[1:]).items():
            print(name, *map(repr, numbers))
        return
    if not LIBRARY.exists():
        print("skipped: the shared library is not built")
        sys.exit(77)
    alone = {}
    for name in NAMES:
        alone |= in_a_process([name])
    for order in itertools.permutations(NAMES):
        together = in_a_process(order)
        for name in NAMES:
            assert len(alone[name]) >= 7 and any(alone[name]), name
            assert together[name] == alone[name], f"{name} in {order}: {together[name]}, alone {alone[name]}"
    print(f"6 orders of {', '.join(NAMES)}: the same numbers as alone")


if __name__ == "__main__":
    main()
