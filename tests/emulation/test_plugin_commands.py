#!/usr/bin/env python3
"""CPU emulation: the command with the CUDA plugin as nvcc made it, on a stand-in for the CUDA runtime and for cuDNN.

    test_plugin_commands.py          the gate's: three whole heads, failures, and a machine without a driver
    test_plugin_commands.py N        N drawn heads: the class and the logits of the CPU, in half precision
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import nibabel
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))
from command import ANSWERED, CLI, MODEL, MODEL_FAILED, ROOT, Case  # noqa: E402

SHIPPED = ROOT / "examples/models/synthetic.onnx"
DATA = pathlib.Path(os.environ["TUMORCLASS_TEST_DATA"])
LIBRARIES = pathlib.Path(os.environ["STAND_INS"])
HEADS = (ROOT / "examples/scans/synthetic-hgg.nii.gz", pathlib.Path("/usr/share/mricron/templates/ch2.nii.gz"),
         DATA / "healthy/t1_crop.nii.gz")
MOST_APART = 2e-3  # of the largest logit, in half precision; of many heads some have worse luck:
UNLUCKY, MOST_UNLUCKY = 4e-3, 0.03  # so far apart, and such a share of them


class OnStandIn(Case):
    """The libraries of one folder, with the plugin and the stand-ins or without them; the small model is the default."""

    def setUp(self):
        super().setUp()
        self.libraries = self.folder / "lib"
        shutil.copytree(LIBRARIES, self.libraries, symlinks=True)
        shutil.copy(CLI.parents[1] / "lib/libtumorclass.so.0", self.libraries)
        models = self.folder / "share/tumorclass/models"
        models.mkdir(parents=True)
        shutil.copy(MODEL, models / SHIPPED.name)
        self.environment["LD_LIBRARY_PATH"] = str(self.libraries)

    def remove_plugin(self):
        for name in ("libtumorclass-cuda.so", "libcudart.so.13", "libcudnn_graph.so.9", "libkernels.so"):
            (self.libraries / name).unlink()

    def json_of(self, *arguments, **settings):
        done = self.run_cli(*arguments, "--json", **settings)
        self.check(done, ANSWERED)
        return json.loads(done.stdout)

    def compare(self, scan, *options, apart=MOST_APART):
        cpu = self.json_of("classify", scan, "--device", "cpu", "--model", SHIPPED)
        cuda = self.json_of("classify", scan, "--device", "cuda", "--model", SHIPPED, *options)
        self.assertIn("fake device (CPU emulation)", cuda["device"])
        largest = max(abs(logit) for logit in cpu["logits"].values())
        worst = max(abs(cpu["logits"][code] - cuda["logits"][code]) for code in cpu["logits"]) / largest
        self.assertLessEqual(worst, apart, scan.name)
        self.assertEqual(cpu["class"]["code"], cuda["class"]["code"], scan.name)
        return worst


class TestCommands(OnStandIn):
    def test_whole_heads(self):
        for scan in HEADS:
            with self.subTest(scan.name):
                if not scan.is_file():
                    self.skipTest(f"no {scan.name}")
                print(f"CPU emulation: {scan.name}: logits {self.compare(scan):.1e} of the largest apart")

    def test_precisions(self):
        for name, apart, recorded in (("bfloat16", 3e-2, "bfloat16"), ("float32", 2e-5, "float32"),
                                      ("tf32", 2e-5, "tensor float32")):
            self.compare(HEADS[0], "--precision", name, apart=apart)
            answer = self.json_of("classify", HEADS[0], "--device", "cuda", "--precision", name)
            self.assertEqual(answer["provenance"]["precision"], recorded)
        self.assertEqual(self.json_of("classify", HEADS[0])["provenance"]["precision"], "half")
        self.assertEqual(self.json_of("classify", HEADS[0], "--device", "cpu")["provenance"]["precision"], "float32")

    def test_map_is_the_cpus(self):
        maps = []
        for device in ("cpu", "cuda"):
            path = self.folder / f"{device}.nii.gz"
            self.check(self.run_cli("classify", HEADS[0], "--model", SHIPPED, "--device", device,
                                    "--attention", path), ANSWERED)
            maps.append(nibabel.load(path).get_fdata())
        self.assertEqual(maps[0].shape, maps[1].shape)
        self.assertLess(np.abs(maps[0] - maps[1]).max(), 0.04)  # of the range
        self.assertEqual(maps[0].argmax(), maps[1].argmax())

    def test_a_batch_is_its_scans(self):
        scans = [shutil.copy(HEADS[0], self.folder / f"{name}.nii.gz") for name in "ab"]
        table = self.folder / "out.jsonl"
        self.check(self.run_cli("batch", *scans, "--device", "cuda", "-o", table), ANSWERED)
        alone = self.json_of("classify", scans[0], "--device", "cuda")
        for row in map(json.loads, table.read_text().splitlines()):
            self.assertEqual(row["logits"], alone["logits"])

    def test_selftest_tries_every_precision(self):
        told = self.json_of("selftest", "--device", "cuda")
        self.assertTrue(told["passed"])
        self.assertEqual([trial["precision"] for trial in told["trials"]], ["half", "bfloat16", "float32", "tf32"])
        both = self.json_of("selftest")
        self.assertEqual([trial["instruction_set"] for trial in both["trials"]][-4:], [None] * 4)
        self.assertGreater(len(both["trials"]), 4)

    def test_doctor_says_what_is_loaded(self):
        told = json.loads(self.run_cli("doctor", "--json").stdout)["plugins"]
        for part in ("CUDA runtime 13.", "lib/libcudart.so.13", "cuDNN 9.19.0 for CUDA 13.1", "lib/libcudnn_graph.so.9",
                     "device 0: fake device (CPU emulation), sm_75, 4096 MiB"):
            self.assertIn(part, told)

    def test_without_a_driver_all_is_as_without_the_plugin(self):
        commands = (["classify", HEADS[0]], ["classify", HEADS[0], "--json"], ["selftest"], ["doctor", "--json"],
                    ["classify", HEADS[0], "--device", "cpu", "-v"])
        said = []
        for with_plugin in (True, False):
            if not with_plugin:
                self.remove_plugin()
            told = [self.run_cli(*command, environment={"FAKE_CUDA_DRIVER": "0"}) for command in commands]
            for done in told:
                self.assertEqual(done.returncode, ANSWERED, done.stderr)
            said.append([without_times(done.stdout.decode()) + done.stderr.decode() for done in told])
        lines = [(a, b) for one, other in zip(*said) for a, b in zip(one.splitlines(), other.splitlines(), strict=True)
                 if a != b]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("no device: there is no NVIDIA driver", lines[0][0])
        self.assertIn("none: the CUDA plugin libtumorclass-cuda.so is not installed", lines[0][1])

    def test_by_name_it_fails_with_a_sentence(self):
        for environment, sentence in (({"FAKE_CUDA_DRIVER": "0"}, "there is no NVIDIA driver"),
                                      ({"FAKE_CUDA_DEVICES": "0"}, "there is no CUDA device"),
                                      ({"FAKE_CUDA_MIB": "1"}, "MiB of CUDA device 0, which has"),
                                      ({"FAKE_CUDNN_CUDART": "12090"}, "is built for CUDA 12.9"),
                                      ({"FAKE_CUDNN_VERSION": "91400"}, "9.15.0 or later")):
            done = self.run_cli("classify", HEADS[0], "--device", "cuda", environment=environment)
            self.check(done, MODEL_FAILED, sentence)
        (self.libraries / "libtumorclass-cuda.so").write_bytes(b"not a library")
        done = self.run_cli("classify", HEADS[0], "--device", "cuda")
        self.assertEqual(done.returncode, MODEL_FAILED)
        self.assertIn(b"the CUDA plugin cannot be loaded: ", done.stderr)

    def test_auto_says_why_it_runs_on_the_cpu(self):
        for environment, reason in (({"FAKE_CUDA_DEVICES": "0"}, "(no CUDA backend here)"),
                                    ({"FAKE_CUDA_MIB": "1"}, "(no CUDA backend: the network needs"),
                                    ({"FAKE_CUDNN_VERSION": "91400"}, "(no CUDA backend: cuDNN is of version 9.14.0")):
            answer = self.json_of("classify", HEADS[0], environment=environment)
            self.assertIn(reason, answer["device"])


def without_times(text):
    """JSON, a line for each key, without its timings; text without the line that has them."""
    try:
        told = json.loads(text)
    except ValueError:
        return "\n".join(line for line in text.splitlines() if not line.strip().startswith("Time"))
    told.pop("timings", None)
    return json.dumps(told, indent=0)


class TestManyHeads(OnStandIn):
    count = 0

    def test_drawn_heads(self):
        labels = DATA / "head-labels"
        if not labels.is_dir():
            self.skipTest("no head-labels in TUMORCLASS_TEST_DATA")
        cohort, command = self.folder / "cohort", CLI.parent / "tumorclass-cohort"
        for arguments in (["prepare", labels, "-o", self.folder / "prepared"],
                          ["generate", self.folder / "prepared", "-o", cohort, "--split", "internal", "--per-class",
                           str(-(-self.count // 7)), "--seed", "3", "--finest", "1.5"]):
            subprocess.run([command, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, timeout=1200)
        scans = sorted(path for path in cohort.rglob("*.nii*") if "mask" not in path.name)
        apart = [self.compare(scan, apart=UNLUCKY) for scan in scans[:self.count]]
        unlucky = sum(error > MOST_APART for error in apart)
        self.assertEqual(len(apart), self.count)
        self.assertLessEqual(unlucky, MOST_UNLUCKY * self.count)
        print(f"CPU emulation: {len(apart)} drawn heads of the CPU's class; logits {np.median(apart):.1e} of the largest apart "
              f"(median) and at most {max(apart):.1e}, {unlucky} of them more than {MOST_APART:.0e}")


def main():
    TestManyHeads.count = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 0
    if not LIBRARIES.is_dir():
        print("skipped: the plugin is not built")
        sys.exit(77)
    case = TestManyHeads if TestManyHeads.count else TestCommands
    result = unittest.TextTestRunner(verbosity=1).run(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    for test, reason in result.skipped:
        print(f"skipped: {test}: {reason}")
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped else 0)


if __name__ == "__main__":
    main()
