"""`tumorclass evaluate` from end to end: scans with masks, tables of other software, its sentences, the same bytes."""
import csv
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import nibabel
import numpy as np

from batches import Batch
from command import (CLI, MODEL, SHAPE, STEP, ANSWERED, SCAN_FAILED, WRONG_USAGE, MODEL_FAILED, OUTPUT_FAILED, head,
                     main)

FILES = ["confusion.tsv", "metrics.json", "metrics.tsv", "report.html"]
CODES = "HGG LGG METS PA AN HLTH MEN".split()
CONTRAST = ["", "_ce-gadolinium", ""]


class Evaluate(Batch):
    def setUp(self):
        super().setUp()
        # the interpreter of this test is the one with the packages
        self.environment["PATH"] = f"{pathlib.Path(sys.executable).parent}:{self.environment['PATH']}"

    def study(self, root="study"):
        """Three scans, one with contrast beside one without; the lesion is the head's bright spot, oedema above it."""
        rows = ["participant_id\tclass\tsource\tvolume_ml\tspacing"]
        for n, label in enumerate(("LGG", "meningioma", "hlth")):
            name = f"{root}/sub-{n:02}/anat/sub-{n:02}"
            self.scan(f"{name}{CONTRAST[n]}_T1w.nii.gz", np.roll(head(), 5 * n, axis=0))
            if CONTRAST[n]:
                self.scan(f"{name}_T1w.nii.gz")
            rows.append(f"sub-{n:02}\t{label}\t{'ab'[n % 2]}\t{0 if label == 'hlth' else 20}\t4x4x{4 + n}")
            if label == "hlth":
                continue
            mask = np.zeros(SHAPE, np.uint8)
            mask[28 + 5 * n:36 + 5 * n, 28:34, 18:25], mask[28 + 5 * n:36 + 5 * n, 28:34, 25:30] = 1, 2
            self.scan(f"{name}_lesion.nii.gz", mask)
        (self.folder / root / "participants.tsv").write_text("\n".join(rows) + "\n")

    def evaluate(self, *arguments, **settings):
        return self.run_cli("evaluate", "--truth", "study/participants.tsv", "--replicates", "100", *arguments,
                            **settings)

    def metrics(self, out="report"):
        with open(self.folder / out / "metrics.tsv", newline="") as file:
            return {(row["group"], row["class"], row["metric"]): row for row in csv.DictReader(file, delimiter="\t")}

    def outputs(self, out="report"):
        return [(self.folder / out / name).read_bytes() for name in FILES]

    def predictions(self, name="p.tsv", classes=("LGG", "MEN", "HLTH"), confidence=0.7):
        rows = ["participant_id\t" + "\t".join(CODES)]
        for n, code in enumerate(classes):
            chances = [confidence if c == code else (1 - confidence) / 6 for c in CODES]
            rows.append("\t".join([f"sub-{n:02}", *map(str, chances)]))
        (self.folder / name).write_text("\n".join(rows) + "\n")
        return name

    def test_scans_are_classified_and_their_maps_held_against_masks(self):
        self.study()
        done = self.evaluate("--out", "report", "--model", MODEL, "--attention", "--tolerance", "8", "--threads", "2")
        self.check(done, ANSWERED, "CAM: 2 of 2 maps", "HiResCAM: 2 of 2 maps")
        self.assertIn(b"Research use, not for diagnosis.", done.stdout)
        answers = self.objects((self.folder / "report/predictions.jsonl").read_text())
        called = [item["class"]["code"] for item in answers]
        found = self.metrics()
        right = [code == truth for code, truth in zip(called, ("LGG", "MEN", "HLTH"))]
        self.assertEqual(float(found["all", "", "accuracy"]["value"]), round(sum(right) / 3, 9))
        self.assertEqual(found["all", "", "accuracy"]["n"], "3")
        for method, group in (("cam", "attention CAM"), ("hirescam", "attention HiResCAM")):
            hits, shares = zip(*(self.look_at_map(n, method) for n in (0, 1)))
            self.assertAlmostEqual(float(found[group, "", "hit"]["value"]), sum(hits) / 2)
            self.assertAlmostEqual(float(found[group, "", "share_in_lesion"]["value"]), sum(shares) / 2, 5)
            self.assertEqual({key[1] for key in found if key[0] == group}, {"", "LGG", "MEN"})
        page = (self.folder / "report/report.html").read_text()
        self.assertIn("Research use, not for diagnosis.", page)
        self.assertIn("93.35", page)
        self.assertEqual(page.count("<svg"), page.count("</svg>"))
        self.assertFalse(re.findall(r"https?://|src=|url\(|<script|<link", page), "the page stands alone")
        self.assertEqual(sorted(path.name for path in (self.folder / "report").iterdir()),
                         ["attention-cam.jsonl", "attention-hirescam.jsonl", *FILES[:3], "predictions.jsonl", FILES[3]])

        first = self.outputs()
        cache = self.folder / "report/attention-cam.jsonl"
        cache.write_text(cache.read_text().splitlines(keepends=True)[0])  # as if it had been stopped
        self.check(self.evaluate("--out", "report", "--model", MODEL, "--attention", "--tolerance", "8"), ANSWERED)
        self.assertEqual(self.outputs(), first)
        self.check(self.evaluate("--predictions", "report/predictions.jsonl", "--out", "other"), ANSWERED)
        self.assertEqual(self.metrics("other")["all", "", "accuracy"], found["all", "", "accuracy"])

        cache.write_text("no measured maps")
        again = ("--out", "report", "--model", MODEL, "--attention")
        self.check(self.evaluate(*again), WRONG_USAGE, "attention-cam.jsonl holds something else")
        cache.unlink()
        self.scan("study/sub-00/anat/sub-00_lesion.nii.gz", np.ones(SHAPE, np.uint8)[:-1])
        self.check(self.evaluate(*again), WRONG_USAGE, "sub-00_lesion.nii.gz is not on the grid of sub-00_T1w.nii.gz")

    def look_at_map(self, n, method):
        """The same by another way: the map as `classify` writes it, distances to every voxel of the lesion."""
        path = self.folder / f"study/sub-{n:02}/anat/sub-{n:02}"
        answer = self.answer(f"{path}{CONTRAST[n]}_T1w.nii.gz", "--attention", "map.nii", "--attention-method", method)
        voxels = nibabel.load(self.folder / "map.nii").get_fdata()
        lesion = np.argwhere(nibabel.load(f"{path}_lesion.nii.gz").get_fdata() == 1)
        every = np.argwhere(voxels > -1)
        nearest = np.sqrt(((every[:, None] - lesion) ** 2).sum(axis=2).min(axis=1)).reshape(SHAPE) * STEP
        cells = [int(cell) for cell in re.search(r"\((\d+) x (\d+) x (\d+)", answer["attention"]["method"]).groups()]
        tolerance = STEP * max(SHAPE) / min(cells) if method == "cam" else 8  # this model stretches the scan
        share = voxels[nearest <= tolerance].sum() / voxels.sum()
        return nearest[tuple(answer["attention"]["peak_voxel"])] <= tolerance, share

    def test_tables_of_other_software_and_the_same_bytes_again(self):
        self.study()
        table = self.predictions(classes=("LGG", "LGG", "HLTH"))
        other = self.predictions("other.tsv", classes=("LGG", "HGG", "MEN"))
        options = ("--predictions", table, "--against", other, "--same-as", other, "--by", "source")
        done = self.evaluate("--out", "report", *options)
        self.check(done, ANSWERED)
        self.assertIn(b"66.67 % of 3 scans right", done.stdout)
        found = self.metrics()
        self.assertEqual(found["same as other.tsv", "", "same_class"]["value"], "0.333333333")
        self.assertEqual(found["source: b", "", "accuracy"]["value"], "0")
        self.assertEqual(found["all", "LGG", "sensitivity"]["value"], "1")
        self.assertEqual(found["all", "LGG", "ppv"]["value"], "0.5")
        whole = json.loads((self.folder / "report/metrics.json").read_text())
        self.assertEqual([whole["against"][key] for key in ("only_this", "only_other", "p")], [1, 0, 1])
        self.assertEqual([(item["participant"], item["called"]) for item in whole["misclassified"]], [("01", "LGG")])
        self.check(self.evaluate("--out", "again", *options), ANSWERED)
        self.assertEqual(self.outputs("again"), self.outputs())
        with open(self.folder / "report/confusion.tsv", newline="") as file:
            row = next(row for row in csv.DictReader(file, delimiter="\t") if row["truth"] == "MEN")
        self.assertEqual((row["LGG"], row["LGG %"], row["n"]), ("1", "100", "1"))

    def test_scan_that_cannot_be_classified_counts_as_wrong(self):
        self.study()
        (self.folder / "study/sub-02/anat/sub-02_T1w.nii.gz").write_bytes(b"no volume")
        done = self.evaluate("--out", "report", "--model", MODEL)
        self.check(done, SCAN_FAILED, "1 of them failed")
        found = self.metrics()
        row = found["all", "HLTH", "sensitivity"]
        self.assertEqual((row["value"], row["n"]), ("0", "1"))
        self.assertEqual(found["all", "", "brier"]["n"], "2")
        self.assertIn("1 scans without a class, counted as wrong", (self.folder / "report/report.html").read_text())

    def test_classes_alone_leave_out_what_needs_probabilities(self):
        self.study()
        (self.folder / "p.tsv").write_text("scan\tclass\nsub-00_T1w.nii.gz\tLGG\nsub-01_T1w.nii.gz\tPA\nsub-02\tHLTH\n")
        self.check(self.evaluate("--out", "report", "--predictions", "p.tsv"), ANSWERED)
        self.assertFalse([key for key in self.metrics() if key[2] in ("auroc", "brier", "ece")])
        self.assertIn("has no probabilities", (self.folder / "report/report.html").read_text())

    def test_wrong_input_is_said(self):
        self.study()
        table = self.predictions()
        for arguments, sentence in [
            (("--predictions", "none.tsv"), "none.tsv cannot be read"),
            (("--predictions", table, "--where", "source=c"), "no participant"),
            (("--predictions", table, "--by", "site"), "no such column"),
            (("--predictions", self.predictions("two.tsv", ("HGG", "HGG"))), "1 participants have no prediction: 02"),
            (("--predictions", self.predictions("four.tsv", 4 * ("HGG",))), "1 participants are not in the truth: 03"),
            (("--predictions", self.predictions("sum.tsv", confidence=1.5)), "line 2: HGG is -0.08"),
            (("nowhere",), "sub-00 has no anat/*_T1w.nii"),
        ]:
            with self.subTest(sentence):
                self.check(self.evaluate("--out", "report", *arguments), WRONG_USAGE, sentence)
                self.assertFalse(list(self.folder.glob("report/*.tsv")))
        for path in self.folder.rglob("*_lesion.nii.gz"):
            path.unlink()
        done = self.evaluate("--out", "report", "--predictions", table, "--attention")
        self.check(done, WRONG_USAGE, "no scan has a lesion")
        self.check(self.evaluate("--out", "x", "--model", "none.onnx"), MODEL_FAILED, "none.onnx", "ended with 3")
        (self.folder / "file").write_text("")
        self.check(self.evaluate("--out", "file", "--predictions", table), OUTPUT_FAILED, "the folder cannot be made")

    def test_packages_that_are_missing_are_named(self):
        self.study()
        (self.folder / "sklearn.py").write_text("raise ModuleNotFoundError(\"No module named 'sklearn'\")")
        done = self.evaluate("--out", "report", "--predictions", self.predictions(),
                             environment={"PYTHONPATH": str(self.folder)})
        self.check(done, WRONG_USAGE, "No module named 'sklearn'", "python3-sklearn python3-nibabel")

    def test_help_comes_from_the_program(self):
        for arguments in (("evaluate", "--help"), ("help", "evaluate")):
            done = self.run_cli(*arguments)
            self.check(done, ANSWERED)
            self.assertIn(b"--same-as", done.stdout)
        self.assertIn(b"evaluate", self.run_cli("--help").stdout)
        self.assertEqual(self.run_cli("evaluate", "--nonsense").returncode, WRONG_USAGE)

    def test_program_is_found_where_it_is_installed_and_else_it_is_said(self):
        command = self.folder / "installed/bin/tumorclass"
        command.parent.mkdir(parents=True)
        shutil.copy(CLI, command)

        def run(**environment):
            return subprocess.run([command, "evaluate", "--help"], capture_output=True, text=True, check=False,
                                  env={**self.environment, **environment})
        done = run(PATH="/nonexistent")
        self.assertEqual(done.returncode, WRONG_USAGE)
        self.assertRegex(done.stderr, "tumorclass-evaluate is not installed.*'pip install examples/evaluation'")
        program = self.folder / "installed/libexec/tumorclass/tumorclass-evaluate"
        program.parent.mkdir(parents=True)
        program.symlink_to(os.path.realpath(CLI.parent / "tumorclass-evaluate"))
        self.assertIn("--same-as", run().stdout)
        beside = command.parent / "tumorclass-evaluate"
        beside.write_text("#!/bin/sh\necho \"$@\"\n")
        beside.chmod(0o755)
        self.assertEqual(run().stdout, f"--tumorclass {command} --help\n")
        beside.write_text("no program")
        self.assertIn("cannot be run: Exec format error", run().stderr)


if __name__ == "__main__":
    main()
