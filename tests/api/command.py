"""What the tests of the command share: a scan to classify, a run of the command, a reader of its pictures."""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

import jsonschema
import nibabel
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLI = pathlib.Path(os.environ.get("TUMORCLASS_BUILD", "build")).resolve() / "bin/tumorclass"
MODEL = ROOT / "tests/models/untrained.onnx"
SCHEMA = json.loads((ROOT / "docs/result.schema.json").read_text())
SHAPE, STEP = (44, 52, 40), 4.0
ANSWERED, SCAN_FAILED, WRONG_USAGE, MODEL_FAILED, OUTPUT_FAILED = range(5)
ESCAPE = b"\x1b"


def head(shape=SHAPE):
    """A head, a brain in it and a bright spot on the right: enough for a foreground and for left and right to differ."""
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    noise = np.random.default_rng(7).normal(0, 5, shape)
    radius = np.sqrt((x / 0.85) ** 2 + (y / 0.9) ** 2 + (z / 0.9) ** 2)
    spot = (x - 0.45) ** 2 + (y - 0.2) ** 2 + (z - 0.1) ** 2 < 0.04
    voxels = np.where(radius < 1, 300.0, 0) + np.where(radius < 0.8, 250, 0) + np.where(spot, 350, 0)
    return np.where(voxels > 0, voxels + noise, 0).astype(np.int16)


def affine():
    matrix = np.diag([STEP, STEP, STEP, 1.0])
    matrix[:3, 3] = [-STEP * (n - 1) / 2 for n in SHAPE]
    return matrix


def read_png(data):
    """The pixels of an 8-bit RGB PNG, after every check that its format allows."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "signature"
    at, stream, kinds = 8, b"", []
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body, check = data[at + 8:at + 8 + size], struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0]
        assert zlib.crc32(kind + body) == check, f"checksum of {kind}"
        kinds.append(kind)
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
            assert (depth, colour, interlace) == (8, 2, 0)
        if kind == b"IDAT":
            stream += body
        at += 12 + size
    assert kinds[0] == b"IHDR" and kinds[-1] == b"IEND"
    return unfilter(zlib.decompress(stream), width, height)


def unfilter(raw, width, height):
    rows = np.frombuffer(raw, np.uint8).reshape(height, 1 + 3 * width)
    above, pixels = np.zeros(3 * width, np.uint8), []
    for row in rows:
        kind, line = row[0], row[1:].copy()
        if kind == 1:
            line = np.cumsum(line.reshape(width, 3), axis=0, dtype=np.uint8).ravel()
        elif kind == 2:
            line += above
        elif kind in (3, 4):
            line = unfilter_slowly(kind, line.tolist(), above.tolist())
        above = line
        pixels.append(line.reshape(width, 3))
    return np.stack(pixels).astype(int)


def unfilter_slowly(kind, line, above):
    for i, value in enumerate(line):
        a, b, c = line[i - 3] if i >= 3 else 0, above[i], above[i - 3] if i >= 3 else 0
        if kind == 3:
            guess = (a + b) // 2
        else:
            p = a + b - c
            guess = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        line[i] = (value + guess) & 255
    return np.array(line, np.uint8)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tumorclass-cli-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TERM": "xterm"}

    def scan(self, name="scan.nii.gz", voxels=None, matrix=None):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = nibabel.Nifti1Image(head() if voxels is None else voxels, affine() if matrix is None else matrix)
        image.to_filename(path)
        return path

    def run_cli(self, *arguments, **settings):
        environment = {**self.environment, **settings.pop("environment", {})}
        return subprocess.run([CLI, *arguments], capture_output=True, env=environment, cwd=self.folder, timeout=300,
                              **settings)

    def classify(self, *arguments, **settings):
        return self.run_cli("classify", "--model", MODEL, *arguments, **settings)

    def check(self, done, code, *sentences):
        """It ended so, and standard error says this, in lines that begin with the command's name."""
        told = done.stderr.decode("utf-8", "replace")
        self.assertEqual(done.returncode, code, told)
        for sentence in sentences:
            self.assertIn(sentence, told)
        for line in told.splitlines():
            self.assertRegex(line, r"^tumorclass[: ]")
        self.assertNotIn(str(self.folder), told + done.stdout.decode("utf-8", "replace"), "only base names are shown")

    def answer(self, *arguments, **settings):
        done = self.classify("--json", *arguments, **settings)
        self.check(done, ANSWERED)
        return self.objects(done.stdout)[0]

    def objects(self, text):
        objects = [json.loads(line) for line in text.splitlines()]
        for item in objects:
            jsonschema.Draft202012Validator(SCHEMA).validate(item)
        return objects

    def leftovers(self):
        return sorted(path.name for path in self.folder.rglob("*.part"))


def main():
    for needed in (CLI, MODEL):
        if not needed.is_file():
            print(f"skipped: {needed.name} is not built")
            sys.exit(77)
    result = unittest.main(exit=False).result
    for test, reason in result.skipped:
        print(f"skipped: {test}: {reason}")
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped else 0)
