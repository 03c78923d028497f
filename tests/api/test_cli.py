"""The command `tumorclass`, as a user and as a program meet it: every option, every exit code, nothing left behind."""
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

import jsonschema
import nibabel
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLI = pathlib.Path(os.environ.get("TUMORCLASS_BUILD", "build")).resolve() / "bin/tumorclass"
MODEL = ROOT / "examples/models/untrained.onnx"
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


class Json(Case):
    def test_schema_is_itself_valid_and_refuses_what_is_no_answer(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        answer = self.answer(self.scan())
        for key in answer:
            with self.assertRaises(jsonschema.ValidationError, msg=key):
                jsonschema.validate({k: v for k, v in answer.items() if k != key}, SCHEMA)

    def test_answer_is_consistent(self):
        answer = self.answer(self.scan())
        probabilities = answer["probabilities"]
        self.assertEqual(answer["scan"], "scan.nii.gz")
        self.assertAlmostEqual(sum(probabilities.values()), 1, places=5)
        best = max(probabilities, key=probabilities.get)
        self.assertEqual(answer["class"]["code"], best)
        self.assertEqual(answer["class"]["probability"], probabilities[best])
        self.assertEqual(list(probabilities), list(answer["logits"]))
        self.assertEqual(list(probabilities)[answer["class"]["index"]], best)
        self.assertEqual(answer["attention"]["class"], best)
        self.assertIsNone(answer["attention"]["path"])
        i, j, k = answer["attention"]["peak_voxel"]
        expected = (affine() @ [i, j, k, 1])[:3]
        np.testing.assert_allclose(answer["attention"]["peak_mm"], expected, atol=1e-4)
        self.assertIn("untrained_model", [item["code"] for item in answer["qc"]])

    def test_threads_change_nothing_but_the_time(self):
        scan = self.scan()
        one, two = [self.answer(scan, "--threads", n) for n in "12"]
        self.assertIn("1 thread", one["device"])
        self.assertIn("2 threads", two["device"])
        for changing in ("timings", "device", "provenance"):
            one.pop(changing), two.pop(changing)
        self.assertEqual(one, two)

    def test_names_that_are_not_utf8_still_make_json(self):
        path = os.fsencode(self.scan("plain.nii.gz")).replace(b"plain", b"sc\xe9n")
        os.rename(self.folder / "plain.nii.gz", path)
        done = self.classify("--json", path)
        self.assertEqual(self.objects(done.stdout)[0]["scan"], "sc?n.nii.gz")

    def test_one_bad_scan_does_not_stop_the_others(self):
        (self.folder / "bad.nii").write_bytes(b"this is no volume" * 100)
        done = self.classify("--json", self.scan("a.nii.gz"), self.folder / "bad.nii", self.folder / "none.nii",
                             self.scan("b.nii"))
        self.check(done, SCAN_FAILED, "tumorclass: bad.nii", "tumorclass: none.nii", "2 of 4 scans failed")
        objects = self.objects(done.stdout)
        self.assertEqual([item["scan"] for item in objects], ["a.nii.gz", "bad.nii", "none.nii", "b.nii"])
        self.assertEqual(["error" in item for item in objects], [False, True, True, False])
        self.assertEqual(objects[2]["error"]["status"], "I/O error")
        self.assertEqual(objects[0]["probabilities"], objects[3]["probabilities"])


class Text(Case):
    def test_table_is_sorted_and_says_what_matters(self):
        scan = self.scan()
        answer, done = self.answer(scan), self.classify(scan)
        self.check(done, ANSWERED)
        text = done.stdout.decode("ascii")
        rows = re.findall(r"^  (\S.*?)  +(\S+) +([\d.]+) %  (#*)$", text, re.M)
        self.assertEqual(len(rows), len(answer["probabilities"]))
        self.assertEqual(rows[0][0], answer["class"]["name"])
        shares = [float(row[2]) for row in rows]
        self.assertEqual(shares, sorted(shares, reverse=True))
        for _, code, share, bar in rows:
            self.assertAlmostEqual(float(share), 100 * answer["probabilities"][code], delta=0.051)
            self.assertAlmostEqual(len(bar), 24 * answer["probabilities"][code], delta=0.6)
        self.assertTrue(text.startswith(f"scan.nii.gz: {answer['class']['name']}, "))
        self.assertIn("untrained: these probabilities mean nothing", text)
        self.assertIn("voxel {}, {}, {}".format(*answer["attention"]["peak_voxel"]), " ".join(text.split()))
        self.assertIn(answer["device"], " ".join(text.split()))
        self.assertIn("Research use, not for diagnosis.", text)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)

    def test_every_warning_is_a_sentence_in_the_text(self):
        voxels = head()
        image = nibabel.Nifti1Image(voxels, None)  # no transform at all
        image.set_sform(None, 0), image.set_qform(None, 0)
        image.to_filename(self.folder / "scan.nii.gz")
        answer = self.answer("scan.nii.gz")
        text = " ".join(self.classify("scan.nii.gz").stdout.decode().split())
        self.assertIn("no_orientation", [item["code"] for item in answer["qc"]])
        for item in answer["qc"]:
            if item["code"] != "untrained_model":
                self.assertIn("Warning " + item["message"], text)

    def test_bars_follow_the_locale(self):
        scan = self.scan()
        self.assertIn("█", self.classify(scan, environment={"LC_ALL": "C.UTF-8"}).stdout.decode())
        self.classify(scan, environment={"LC_ALL": "C"}).stdout.decode("ascii")

    def test_control_characters_in_names_do_not_reach_the_terminal(self):
        scan = self.scan("a.nii.gz").rename(self.folder / "\x1b[31mred\x9b.nii.gz")
        done = self.classify(scan, "missing\x1b.nii", environment={"LC_ALL": "C.UTF-8"})
        self.assertIn(b"?[31mred", done.stdout)
        self.assertNotIn(ESCAPE, done.stdout + done.stderr)
        self.assertNotIn("\x9b".encode(), done.stdout)


class Terminal(Case):
    def on_terminal(self, which, *arguments, **environment):
        """What the command writes on the stream `which` where that is a terminal."""
        control, terminal = pty.openpty()
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, which: terminal}
        command = [CLI, "classify", "--model", MODEL, *arguments]
        process = subprocess.Popen(command, env={**self.environment, **environment}, cwd=self.folder, **streams)
        os.close(terminal)
        written = b""
        while select.select([control], [], [], 120)[0]:
            try:
                block = os.read(control, 65536)
            except OSError:  # the other side is closed
                break
            if not block:
                break
            written += block
        os.close(control)
        self.assertEqual(process.wait(), ANSWERED)
        return written

    def test_colours_only_on_a_terminal_and_without_no_color(self):
        scan = self.scan()
        self.assertIn(ESCAPE, self.on_terminal("stdout", scan))
        self.assertNotIn(ESCAPE, self.on_terminal("stdout", scan, NO_COLOR="1"))
        self.assertNotIn(ESCAPE, self.on_terminal("stdout", scan, TERM="dumb"))
        self.assertNotIn(ESCAPE, self.on_terminal("stdout", "--json", scan))
        self.assertNotIn(ESCAPE, self.classify(scan).stdout)

    def test_progress_only_on_a_terminal(self):
        scan = self.scan()
        written = self.on_terminal("stderr", scan)
        self.assertRegex(written, rb"\rscan.nii.gz  \w+ +\[[# ]{24}\] +\d+ %")
        self.assertTrue(written.endswith(b"\r\x1b[K"), "the line is cleared at the end")
        lines = written.split(b"\r")
        self.assertTrue(all(one != two for one, two in zip(lines, lines[1:])), "only what changed is drawn")
        self.assertEqual(self.classify(scan).stderr, b"")

    def test_map_is_not_poured_over_a_terminal(self):
        control, terminal = pty.openpty()
        done = subprocess.run([CLI, "classify", "-m", MODEL, self.scan(), "-a", "-"], stdout=terminal,
                              stderr=subprocess.PIPE, env=self.environment)
        os.close(terminal), os.close(control)
        self.assertEqual(done.returncode, WRONG_USAGE)
        self.assertIn(b"is a terminal", done.stderr)


class Attention(Case):
    def map(self, path="map.nii.gz"):
        image = nibabel.load(self.folder / path)
        return image, image.get_fdata()

    def test_map_lies_on_the_scan_and_peaks_where_the_report_says(self):
        answer = self.answer(self.scan(), "--attention", "map.nii.gz")
        image, voxels = self.map()
        np.testing.assert_allclose(image.affine, affine(), atol=1e-5)
        self.assertEqual(voxels.shape, SHAPE)
        self.assertEqual(image.get_data_dtype(), np.float32)
        self.assertEqual((voxels.min(), voxels.max()), (0, 1))
        self.assertEqual(voxels[tuple(answer["attention"]["peak_voxel"])], 1)
        self.assertEqual(answer["attention"]["path"], "map.nii.gz")
        self.assertEqual(answer["attention"]["scale"], "unit")

    def test_class_is_chosen_by_name_or_code_and_all_is_4d(self):
        scan = self.scan()
        answer = self.answer(scan, "--class", "all", "--attention", "all.nii")
        _, volumes = self.map("all.nii")
        codes = list(answer["probabilities"])
        self.assertEqual(volumes.shape, (*SHAPE, len(codes)))
        self.assertEqual([item["class"] for item in answer["attention"]["maps"]], codes)
        for index, item in enumerate(answer["attention"]["maps"]):
            self.assertEqual(volumes[(*item["peak_voxel"], index)], volumes[..., index].max())
        shown = answer["attention"]["maps"][answer["class"]["index"]]
        self.assertEqual({key: answer["attention"][key] for key in shown}, shown)
        one = self.answer(scan, "--class", codes[1].lower(), "--attention", "one.nii.gz")
        self.assertEqual(one["attention"]["class"], codes[1])
        self.assertEqual(one["class"], answer["class"])
        np.testing.assert_array_equal(self.map("one.nii.gz")[1], volumes[..., 1])

    def test_unknown_class_names_those_there_are(self):
        done = self.classify(self.scan(), "--class", "nonsense")
        self.check(done, WRONG_USAGE, "--class 'nonsense'", "HGG")

    def test_raw_scale_is_another_map(self):
        scan = self.scan()
        answer = self.answer(scan, "--attention", "raw.nii", "--attention-scale", "raw")
        self.answer(scan, "--attention", "unit.nii", "--attention-scale=unit")
        raw, unit = self.map("raw.nii")[1], self.map("unit.nii")[1]
        self.assertEqual(answer["attention"]["scale"], "raw")
        self.assertNotEqual(raw.max(), 1)
        rectified = np.maximum(raw, 0)
        scaled = (rectified - rectified.min()) / (rectified.max() - rectified.min())
        # one is rectified before it is interpolated, the other after, so they agree but for the borders
        self.assertGreater(np.corrcoef(scaled.ravel(), unit.ravel())[0, 1], 0.98)
        self.assertEqual(unit[tuple(answer["attention"]["peak_voxel"])], 1)

    def test_map_goes_to_standard_output_and_the_report_beside_it(self):
        done = self.classify("--json", self.scan(), "--attention", "-")
        self.assertEqual(done.returncode, ANSWERED)
        answer = self.objects(done.stderr)[0]
        image = nibabel.Nifti1Image.from_bytes(done.stdout)
        self.assertEqual(image.shape, SHAPE)
        self.assertEqual(image.get_fdata()[tuple(answer["attention"]["peak_voxel"])], 1)


class Overlay(Case):
    MARGIN, GAP, HEADER, FOOTER, LONGEST, LEAST = 24, 12, 84, 64, 460, 1000

    def draw(self, scan, *arguments):
        answer = self.answer(scan, "--overlay", "overlay.png", *arguments)
        self.assertEqual(answer["attention"]["overlay"], "overlay.png")
        return answer, read_png((self.folder / "overlay.png").read_bytes())

    def panels(self):
        """Left, top, width and height of the axial, coronal and sagittal plane, and the size of the picture."""
        scale = self.LONGEST / (STEP * max(SHAPE))
        x, y, z = [round(n * STEP * scale) for n in SHAPE]
        sizes, tallest = [(x, y), (x, z), (y, z)], max(y, z)
        total = sum(width for width, _ in sizes) + 2 * self.GAP
        picture = (self.HEADER + tallest + self.FOOTER, max(total, self.LEAST) + 2 * self.MARGIN, 3)
        left, panels = (picture[1] - total) // 2, []
        for width, height in sizes:
            panels.append((left, self.HEADER + (tallest - height) // 2, width, height))
            left += width + self.GAP
        return panels, picture, STEP * scale

    def test_picture_has_its_size_and_the_map_at_its_peak(self):
        answer, pixels = self.draw(self.scan())
        panels, picture, step = self.panels()
        self.assertEqual(pixels.shape, picture)
        peak, counts = answer["attention"]["peak_voxel"], SHAPE
        for (left, top, width, height), (across, up) in zip(panels, [(0, 1), (0, 2), (1, 2)]):
            # RAS voxels: the picture's left is the end of the first axis, its top that of the second
            x = left + int((counts[across] - 1 - peak[across] + 0.5) * step)
            y = top + int((counts[up] - 1 - peak[up] + 0.5) * step)
            red, _, blue = pixels[y, x]
            self.assertGreater(red - blue, 25, "at its peak the map is coloured")
            line = pixels[y, left:left + width]
            self.assertGreater((line[:, 2] - line[:, 0] > 10).mean(), 0.3, "the cross passes through the peak")

    def test_right_is_left_and_up_is_up(self):
        voxels = np.zeros(SHAPE, np.int16)
        voxels[2:-2, 2:-2, 2:-2] = 100
        voxels[SHAPE[0] // 2:, SHAPE[1] // 2:, SHAPE[2] // 2:] += 500  # right, front, top
        _, pixels = self.draw(self.scan(voxels=voxels + (np.arange(SHAPE[0]) % 2)[:, None, None].astype(np.int16)))
        panels, _, _ = self.panels()
        peak = self.answer(self.scan(voxels=voxels))["attention"]["peak_voxel"]
        for (left, top, width, height), through in zip(panels, (2, 1, 0)):
            grey = pixels[top:top + height, left:left + width].min(axis=2)
            quarters = [grey[:height // 2, :width // 2], grey[:height // 2, width // 2:],
                        grey[height // 2:, :width // 2], grey[height // 2:, width // 2:]]
            if peak[through] >= SHAPE[through] // 2:
                self.assertEqual(int(np.argmax([quarter.mean() for quarter in quarters])), 0)

    def test_the_way_voxels_lie_does_not_change_the_picture(self):
        turned = nibabel.Nifti1Image(head(), affine()).as_reoriented([[2, -1], [0, 1], [1, -1]])
        self.assertNotEqual(nibabel.aff2axcodes(turned.affine), ("R", "A", "S"))
        straight, other = self.scan("a/scan.nii.gz"), self.scan("b/scan.nii.gz", turned.dataobj, turned.affine)
        # a map that is flat at its top has its peak at the first of the highest voxels, which is another one here
        peaks = [self.answer(path, "--class", "all")["attention"]["maps"] for path in (straight, other)]
        same = [one["class"] for one, two in zip(*peaks) if one["peak_mm"] == two["peak_mm"]]
        self.assertTrue(same, "no class has its peak at one place")
        _, expected = self.draw(straight, "--class", same[0])
        _, pixels = self.draw(other, "--class", same[0])
        self.assertEqual(pixels.shape, expected.shape)
        self.assertLess((abs(pixels - expected).max(axis=2) > 2).mean(), 0.002)
        mirrored = affine()
        mirrored[0] *= -1
        _, pixels = self.draw(self.scan("c/scan.nii.gz", matrix=mirrored), "--class", same[0])
        self.assertGreater((abs(pixels - expected).max(axis=2) > 2).mean(), 0.02)

    def test_picture_of_every_class_shows_the_predicted_one(self):
        scan = self.scan()
        _, expected = self.draw(scan)
        _, pixels = self.draw(scan, "--class", "all", "--attention-scale", "unit")
        np.testing.assert_array_equal(pixels, expected)

    def test_picture_goes_to_standard_output(self):
        done = self.classify(self.scan(), "--overlay", "-")
        self.assertEqual(done.returncode, ANSWERED)
        self.assertEqual(read_png(done.stdout).shape, self.panels()[1])
        self.assertIn(b"Research use", done.stderr)


class Preprocess(Case):
    def test_input_is_written_for_each_scan(self):
        first, second = self.scan("a.nii.gz"), self.scan("b.nii.gz", head()[::-1])
        done = self.run_cli("preprocess", "-m", MODEL, first, second, "-o", "in-{scan}.nii")
        self.check(done, ANSWERED)
        self.assertEqual(done.stdout, b"")
        model = json.loads(self.run_cli("info", "--json", MODEL).stdout)
        a, b = [nibabel.load(self.folder / f"in-{name}.nii") for name in "ab"]
        self.assertEqual(sorted(a.shape), sorted(model["input_shape"]))
        self.assertEqual(a.get_data_dtype(), np.float32)
        self.assertGreater(abs(a.get_fdata() - b.get_fdata()).max(), 0.1)

    def test_output_is_needed(self):
        self.check(self.run_cli("preprocess", "-m", MODEL, self.scan()), WRONG_USAGE, "needs --output")

    def test_mask_changes_the_statistics(self):
        scan = self.scan()
        inside = np.zeros(SHAPE, np.uint8)
        inside[15:30, 15:30, 15:30] = 1
        self.scan("masks/scan.nii", inside)
        self.check(self.run_cli("preprocess", "-m", MODEL, scan, "-o", "plain.nii"), ANSWERED)
        done = self.run_cli("preprocess", "-m", MODEL, scan, "-o", "masked.nii", "--mask", "masks/{scan}.nii")
        self.check(done, ANSWERED)
        plain, masked = [nibabel.load(self.folder / f"{name}.nii").get_fdata() for name in ("plain", "masked")]
        self.assertGreater(abs(plain - masked).max(), 0.1)


class Info(Case):
    def test_model_tells_its_classes_and_facts(self):
        text = self.run_cli("info", MODEL).stdout.decode()
        known = json.loads(self.run_cli("info", "--json", MODEL).stdout)
        self.assertEqual(known["model"], MODEL.name)
        self.assertRegex(known["sha256"], "^[0-9a-f]{64}$")
        self.assertGreater(known["memory"], 0)
        self.assertIn(known["sha256"], text)
        for item in known["classes"]:
            self.assertIn(item["name"], text)
        for key, value in {**known["facts"], **known["metadata"]}.items():
            self.assertIn(key, text)
        self.assertEqual(len(known["input_shape"]), 3)

    def test_scan_tells_its_header(self):
        scan = self.scan()
        text = self.run_cli("info", scan).stdout.decode()
        known = json.loads(self.run_cli("info", "-j", scan).stdout)
        self.assertEqual(known["shape"], list(SHAPE))
        np.testing.assert_allclose(known["affine"], affine()[:3], atol=1e-5)
        for key, value in known["header"].items():
            self.assertIn(key, text)
        self.assertIn("RAS", text)

    def test_content_decides_what_a_file_is(self):
        shutil.copy(MODEL, self.folder / "weights.bin")
        self.assertIn(b"Classes", self.run_cli("info", "weights.bin").stdout)
        (self.folder / "noise").write_bytes(bytes(range(256)) * 8)
        self.check(self.run_cli("info", "noise"), SCAN_FAILED, "tumorclass: noise")
        self.check(self.run_cli("info", "none.onnx"), MODEL_FAILED, "tumorclass: none.onnx")
        self.check(self.run_cli("info", "a", "b"), WRONG_USAGE, "one file")


class Refusals(Case):
    def test_wrong_usage_is_said_before_any_work(self):
        scan = self.scan()
        for arguments, sentence in [
            ((), "needs a SCAN"),
            ((scan, "--threads", "two"), "--threads 'two'"),
            ((scan, "--threads", "-1"), "whole number"),
            ((scan, "--threads", "99999999999999999999"), "whole number"),
            ((scan, "--device", "gpu"), "--device 'gpu'"),
            ((scan, "--device", "cuda:x"), "--device 'cuda:x'"),
            ((scan, "--attention-scale", "big"), "--attention-scale 'big'"),
            ((scan, "--attention", "map.png"), "must end in .nii or .nii.gz"),
            ((scan, "--overlay", "map.nii"), "must end in .png"),
            ((scan, "--attention", "-", "--overlay", "-"), "cannot both"),
            ((scan, "--nonsense"), "--nonsense"),
            ((scan, "--attention"), "requires an argument"),
            ((scan, "--output", "x.nii"), "--output"),
        ]:
            with self.subTest(sentence):
                done = self.run_cli("classify", "--model", "none.onnx", *arguments)
                self.check(done, WRONG_USAGE, sentence, "'tumorclass classify --help'"
                           if "must end" not in sentence and "both" not in sentence else "")
                self.assertEqual(done.stdout, b"")

    def test_several_scans_need_the_placeholder(self):
        a, b = self.scan("a.nii.gz"), self.scan("b.nii.gz")
        for option, value in (("--attention", "m.nii"), ("--overlay", "o.png")):
            self.check(self.classify(a, b, option, value), WRONG_USAGE, option, "{scan}")
        done = self.classify(a, b, "--attention", "m-{scan}-{scan}.nii", "--overlay", "{scan}.png")
        self.check(done, ANSWERED)
        self.assertEqual({path.name for path in self.folder.iterdir()},
                         {"a.nii.gz", "b.nii.gz", "m-a-a.nii", "m-b-b.nii", "a.png", "b.png"})

    def test_one_file_is_not_written_twice(self):
        a, b = self.scan("one/scan.nii.gz"), self.scan("two/scan.nii.gz")
        self.check(self.classify(a, b, "--overlay", "{scan}.png"), WRONG_USAGE, "scan.png would be written twice")

    def test_input_is_not_overwritten(self):
        scan = self.scan()
        before = scan.read_bytes()
        os.symlink(self.folder, self.folder / "way")
        os.symlink(scan, self.folder / "link.nii.gz")
        for inputs, output in [((scan,), "scan.nii.gz"), ((scan,), "way/scan.nii.gz"), ((scan,), "./{scan}.nii.gz"),
                               ((self.folder / "link.nii.gz",), "scan.nii.gz"),
                               ((self.scan("b.nii"), "--mask", scan), "scan.nii.gz")]:
            self.check(self.classify(*inputs, "--attention", output), WRONG_USAGE, "scan.nii.gz is an input")
        self.assertEqual(scan.read_bytes(), before)

    def test_model_and_device_that_fail_end_with_3(self):
        scan = self.scan()
        (self.folder / "bad.onnx").write_bytes(b"no model")
        self.check(self.run_cli("classify", "-m", "none.onnx", scan), MODEL_FAILED, "none.onnx")
        self.check(self.run_cli("classify", "-m", "bad.onnx", scan), MODEL_FAILED, "bad.onnx")
        self.check(self.classify(scan, "--device", "cuda:999"), MODEL_FAILED, "CUDA")
        self.assertIn("CPU", self.answer(scan, "--device", "cpu")["device"])
        self.assertTrue(self.answer(scan, "-d", "auto")["device"])

    def test_strict_refuses_what_is_else_a_warning(self):
        done = self.classify("--json", "--strict", self.scan())
        self.check(done, SCAN_FAILED, "tumorclass: scan.nii.gz")
        self.assertEqual(self.objects(done.stdout)[0]["error"]["status"], "refused")

    def test_one_mask_serves_all_scans_of_its_grid(self):
        self.scan("mask.nii", np.ones(SHAPE, np.uint8))
        done = self.classify("--json", self.scan("a.nii"), self.scan("b.nii", head()[:-1]), "--mask", "mask.nii")
        self.check(done, SCAN_FAILED, "tumorclass: b.nii", "mask")
        self.assertEqual(["error" in item for item in self.objects(done.stdout)], [False, True])

    def test_mask_of_another_shape_is_refused(self):
        self.scan("mask.nii", np.ones((4, 5, 6), np.uint8))
        done = self.classify("--json", self.scan(), "-k", "mask.nii")
        self.check(done, SCAN_FAILED, "mask")

    def test_verbose_says_more(self):
        scan = self.scan()
        self.assertEqual(self.classify(scan).stderr, b"")
        done = self.classify("-vv", scan)
        self.check(done, ANSWERED)
        self.assertTrue(done.stderr)


class Outputs(Case):
    def shell(self, line, *arguments):
        return self.run_shell(f'"$0" "$@" {line}', "classify", "--model", MODEL, *arguments)

    def run_shell(self, script, *arguments):
        return subprocess.run(["sh", "-c", script, CLI, *arguments], capture_output=True, env=self.environment,
                              cwd=self.folder, timeout=300)

    def test_full_device_is_noticed(self):
        scan = self.scan()
        self.check(self.shell("> /dev/full", scan), OUTPUT_FAILED, "standard output cannot be written: No space left")
        self.check(self.shell("> /dev/full", "--json", scan, scan), OUTPUT_FAILED, "standard output")
        done = self.shell("> /dev/full", "--attention", "-", scan)
        self.assertEqual(done.returncode, OUTPUT_FAILED)
        self.assertIn(b"No space left", done.stderr)
        for arguments in (("--help",), ("--version",), ("info", MODEL)):
            self.check(self.run_shell('"$0" "$@" > /dev/full', *arguments), OUTPUT_FAILED)

    def test_closed_output_is_noticed_and_no_file_is_mistaken_for_it(self):
        scan = self.scan()
        self.check(self.shell(">&-", scan, "--attention", "map.nii"), OUTPUT_FAILED, "standard output")
        self.assertEqual(nibabel.load(self.folder / "map.nii").shape, SHAPE)
        self.assertEqual(self.shell(">&- 2>&- <&-", scan).returncode, OUTPUT_FAILED)

    def test_reader_that_went_away_is_noticed_and_ends_the_work(self):
        scans = [self.scan(f"{n}.nii.gz") for n in range(4)]
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([CLI, "classify", "--json", "-m", MODEL, *scans, "-a", "{scan}-map.nii"], stdout=writer,
                              stderr=subprocess.PIPE, env=self.environment, cwd=self.folder)
        os.close(writer)
        self.assertEqual(done.returncode, OUTPUT_FAILED)
        self.assertIn(b"Broken pipe", done.stderr)
        self.assertEqual(len(list(self.folder.glob("*-map.nii"))), 1)

    def test_folder_that_is_not_there_is_noticed_before_any_work(self):
        done = self.run_cli("classify", "-m", "none.onnx", self.scan(), "-a", "none/map.nii")
        self.check(done, OUTPUT_FAILED, "map.nii cannot be written: No such file")

    def test_output_that_is_a_folder_is_refused(self):
        (self.folder / "map.nii").mkdir()
        self.check(self.classify(self.scan(), "-a", "map.nii"), WRONG_USAGE, "map.nii is a folder")


class Interrupts(Case):
    SCANS = 300

    def start(self, *arguments):
        first = self.scan("0.nii.gz")
        names = [f"{n}.nii.gz" for n in range(self.SCANS)]
        for name in names[1:]:
            if not (self.folder / name).exists():
                os.link(first, self.folder / name)
        command = [CLI, "classify", "--json", "-m", MODEL, *names, "-a", "map-{scan}.nii", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment,
                                   cwd=self.folder)
        self.assertTrue(process.stdout.readline(), "the first scan is answered")
        return process

    def stop_with(self, number):
        process = self.start()
        process.send_signal(number)
        output, told = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 128 + number, told)
        lines = output.splitlines()
        self.assertLess(len(lines), self.SCANS - 10)
        self.assertEqual(self.leftovers(), [])
        for path in self.folder.glob("map-*.nii"):
            self.assertEqual(nibabel.load(path).get_fdata().shape, SHAPE)

    def test_interrupt_stops_and_leaves_no_half_written_file(self):
        self.stop_with(signal.SIGINT)

    def test_termination_does_as_well(self):
        self.stop_with(signal.SIGTERM)

    def test_second_interrupt_ends_at_once(self):
        for delay in (0, 0.005, 0.01, 0.02, 0.04):  # so that some scan is running in one of them
            process = self.start()
            time.sleep(delay)
            process.send_signal(signal.SIGSTOP)
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGCONT)
            _, told = process.communicate(timeout=120)
            self.assertIn(process.returncode, (128 + signal.SIGINT, 128 + signal.SIGTERM))
            self.assertEqual(told, b"", "it had no time to say which scan was cancelled")


class Commands(Case):
    def plugin(self, name, script, mode=0o755):
        path = self.folder / f"tumorclass-{name}"
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(mode)
        self.environment["PATH"] = f"{self.folder}:{self.environment['PATH']}"

    def test_unknown_command_runs_a_program_on_the_path(self):
        self.plugin("hello", 'echo "$@"; exit 7\n')
        done = self.run_cli("hello", "one", "--two")
        self.assertEqual((done.returncode, done.stdout), (7, b"one --two\n"))
        self.assertEqual(self.run_cli("help", "hello").stdout, b"--help\n")

    def test_closed_streams_are_not_left_open_to_the_next_file(self):
        self.plugin("streams", "test -e /proc/self/fd/0 && test -e /proc/self/fd/1 && test -e /proc/self/fd/2\n")
        for closed in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
            done = subprocess.run(["sh", "-c", f'"$0" streams {closed}', CLI], env=self.environment)
            self.assertEqual(done.returncode, 0, closed)

    def test_program_that_cannot_run_says_so(self):
        self.plugin("stiff", "", mode=0o644)
        self.check(self.run_cli("stiff"), WRONG_USAGE, "tumorclass-stiff cannot be run")

    def test_unknown_command_suggests_the_nearest(self):
        self.check(self.run_cli("clasify"), WRONG_USAGE, "'clasify' is not a command", "'tumorclass classify'")
        self.check(self.run_cli("inof"), WRONG_USAGE, "'tumorclass info'")
        self.check(self.run_cli("--versoin"), WRONG_USAGE, "'--versoin' is not a command")
        self.scan("something.nii.gz")
        self.check(self.run_cli("something.nii.gz"), WRONG_USAGE, "'tumorclass classify something.nii.gz'")
        self.check(self.run_cli("../tumorclass-x"), WRONG_USAGE, "is not a command")
        self.assertEqual(self.run_cli().returncode, WRONG_USAGE)

    def test_version_is_the_projects(self):
        version = re.search(r"VERSION ([\d.]+) LANG", (ROOT / "CMakeLists.txt").read_text()).group(1)
        for option in ("--version", "-V"):
            self.assertEqual(self.run_cli(option).stdout.decode(), f"tumorclass {version}\n")

    def test_help_is_there_for_every_command_and_names_the_exit_codes(self):
        overview = self.run_cli("--help")
        self.check(overview, ANSWERED)
        for command in ("classify", "preprocess", "info"):
            done = self.run_cli(command, "--help")
            self.check(done, ANSWERED)
            self.assertEqual(done.stdout, self.run_cli("help", command).stdout)
            self.assertIn(command.encode(), overview.stdout)
            for code in (b"  0 ", b"  1 ", b"  2 ", b"  3 ", b"  4 ", b"  130 "):
                self.assertIn(code, done.stdout)
            self.assertLessEqual(max(map(len, done.stdout.splitlines())), 82)

    def test_manual_lists_every_option_and_exit_code(self):
        manual = (ROOT / "bindings/cli/tumorclass.1").read_text()
        documented = set(re.findall(r"Fl -([a-z-]+)", manual)) | {"help"}
        offered = set()
        for command in ("classify", "preprocess", "info"):
            offered |= set(re.findall(r"--([a-z-]+)[= ]", self.run_cli(command, "--help").stdout.decode()))
        self.assertGreater(len(offered), 10)
        self.assertLessEqual(offered, documented)
        self.assertLessEqual(documented, offered | {"version"})
        for code in ("0", "1", "2", "3", "4", "130"):
            self.assertIn(f"\n.It {code}\n", manual)

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_manual_is_well_formed(self):
        done = subprocess.run(["mandoc", "-Tlint", ROOT / "bindings/cli/tumorclass.1"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


if __name__ == "__main__":
    for needed in (CLI, MODEL):
        if not needed.is_file():
            print(f"skipped: {needed.name} is not built")
            sys.exit(77)
    unittest.main()
