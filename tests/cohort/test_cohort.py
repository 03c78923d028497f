"""The command tumorclass-cohort: the same bytes however it is run, a table that tells the truth, scans that the library
reads, and a sentence for whatever goes wrong."""
import csv
import hashlib
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import nibabel
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import test_data  # noqa: E402

BIN = pathlib.Path(os.environ.get("TUMORCLASS_BUILD", "build")).resolve() / "bin"
MODEL = pathlib.Path(__file__).resolve().parents[2] / "tests/models/untrained.onnx"
ANATOMIES = ("02", "13")  # of both origins
CLASSES = ("HGG", "LGG", "METS", "PA", "AN", "HLTH", "MEN")
SMALL = ("--split", "validation", "--per-class", "1", "--grid", "48", "--voxel", "4", "--twins")
DONE, FAILED, WRONG_USAGE, OUTPUT_FAILED = 0, 1, 2, 4
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="cohort"))


def cohort(*arguments, **options):
    command = [BIN / "tumorclass-cohort", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


def generate(out, *options, **more):
    return cohort("generate", FOLDER / "prepared", "-o", FOLDER / out, *options, **more)


def digests(out):
    """Every file of a cohort."""
    folder = FOLDER / out
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def participants(out):
    with open(FOLDER / out / "participants.tsv", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def scan_of(out, row):
    paths = list((FOLDER / out / row["participant_id"] / "anat").glob("*_T1w.nii*"))
    assert len(paths) == 1, paths
    return paths[0]


def mask_of(out, row):
    name = row["participant_id"]
    return FOLDER / out / name / "anat" / f"{name}_lesion.nii.gz"


def setUpModule():
    labels = FOLDER / "labels"
    labels.mkdir()
    for name in ANATOMIES:
        source = test_data(f"head-labels/training_seg_{name}.nii.gz")
        (labels / source.name).symlink_to(source)
    done = cohort("prepare", labels, "-o", FOLDER / "prepared")
    assert done.returncode == DONE, done.stderr
    done = generate("small", *SMALL, "--threads", 1)
    assert done.returncode == DONE, done.stderr
    done = generate("clinical", "--split", "validation", "--per-class", 1, "--finest", 1, "--seed", 5)
    assert done.returncode == DONE, done.stderr


def tearDownModule():
    shutil.rmtree(FOLDER)


class Bytes(unittest.TestCase):
    def test_threads_and_portions_change_nothing(self):
        for portion in ("3-7", "1-4"):
            done = generate("portions", *SMALL, "--threads", 3, "--portion", portion)
            self.assertEqual(done.returncode, DONE, done.stderr)
        self.assertEqual(digests("portions"), digests("small"))

    def test_an_interrupted_run_goes_on(self):
        run = subprocess.Popen([BIN / "tumorclass-cohort", "generate", FOLDER / "prepared", "-o", FOLDER / "stopped",
                                *SMALL, "--threads", "2"], stderr=subprocess.PIPE, text=True)
        part = FOLDER / "stopped/participants.part.tsv"
        while run.poll() is None and not (part.exists() and b"sub-" in part.read_bytes()):
            time.sleep(0.01)
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=60)[1]
        self.assertEqual(run.returncode, 128 + signal.SIGINT, said)
        self.assertIn("the same command goes on", said)
        self.assertFalse((FOLDER / "stopped/participants.tsv").exists())
        first = {path: digest for path, digest in digests("stopped").items() if "_T1w" in path}
        self.assertLess(len(first), 13)
        with open(part, "a") as file:
            file.write("sub-000007\tMEN\tcut o")  # as a crash leaves it
        times = {path: (FOLDER / "stopped" / path).stat().st_mtime_ns for path in first}
        done = generate("stopped", *SMALL)
        self.assertEqual(done.returncode, DONE, done.stderr)
        self.assertEqual(digests("stopped"), digests("small"))
        kept = [path for path in first if (FOLDER / "stopped" / path).stat().st_mtime_ns == times[path]]
        self.assertTrue(kept, "nothing of the first run was kept")

    def test_a_lost_file_is_made_again(self):
        shutil.copytree(FOLDER / "small", FOLDER / "lost")
        path = next((FOLDER / "lost/twins").rglob("sub-000004*_T1w.nii"))
        path.unlink()
        self.assertEqual(generate("lost", *SMALL).returncode, DONE)
        self.assertEqual(digests("lost"), digests("small"))

    def test_a_complete_cohort_is_left_alone(self):
        times = {path: path.stat().st_mtime_ns for path in (FOLDER / "small").rglob("*_T1w.nii")}
        self.assertEqual(generate("small", *SMALL).returncode, DONE)
        self.assertEqual(times, {path: path.stat().st_mtime_ns for path in times})

    def test_another_seed_gives_other_heads(self):
        done = generate("other", *SMALL[:-1], "--seed", 2, "--only-class", "HLTH", "--no-masks")
        self.assertEqual(done.returncode, DONE, done.stderr)
        (row,), old = participants("other"), {row["class"]: row for row in participants("small")}["HLTH"]
        self.assertEqual(row["participant_id"], old["participant_id"])
        self.assertNotEqual(scan_of("other", row).read_bytes(), scan_of("small", old).read_bytes())

    def test_prepared_maps_are_read_once(self):
        times = {path: path.stat().st_mtime_ns for path in (FOLDER / "prepared").iterdir()}
        self.assertEqual(len(times), len(ANATOMIES))
        self.assertEqual(cohort("prepare", FOLDER / "labels", "-o", FOLDER / "prepared").returncode, DONE)
        self.assertEqual(times, {path: path.stat().st_mtime_ns for path in (FOLDER / "prepared").iterdir()})


class Table(unittest.TestCase):
    def test_each_class_is_there_and_each_column_explained(self):
        rows = participants("small")
        self.assertEqual(sorted(row["class"] for row in rows), sorted(CLASSES))
        self.assertEqual([row["participant_id"] for row in rows], [f"sub-{n:06d}" for n in range(1, 8)])
        self.assertLessEqual({row["anatomy"] for row in rows}, set(ANATOMIES))
        self.assertEqual({row["source"] for row in rows if row["anatomy"] == "13"} - {"skull-base"}, set())
        self.assertEqual({row["source"] for row in rows if row["anatomy"] == "02"} - {"neck"}, set())
        explained = json.loads((FOLDER / "small/participants.json").read_text())
        self.assertEqual(list(explained), list(rows[0]))
        about = json.loads((FOLDER / "small/dataset_description.json").read_text())
        self.assertEqual(about["Cohort"]["Anatomies"], list(ANATOMIES))

    def test_what_it_says_of_a_tumour_is_in_the_mask(self):
        for out in ("small", "clinical"):
            for row in participants(out):
                with self.subTest(out=out, row=row["participant_id"], kind=row["class"]):
                    self.check_tumour(out, row)

    def check_tumour(self, out, row):
        volume = float(row["volume_ml"])
        if row["class"] == "HLTH":
            self.assertEqual((volume, float(row["diameter_mm"]), row["foci"]), (0, 0, "0"))
            self.assertFalse(mask_of(out, row).exists())
            return
        mask, scan = nibabel.load(mask_of(out, row)), nibabel.load(scan_of(out, row))
        np.testing.assert_array_equal(mask.affine, scan.affine)
        tumour = np.asarray(mask.dataobj) == 1
        self.assertEqual(tumour.shape, scan.shape)
        self.assertEqual("x".join(map(str, scan.shape)), row["voxels"])
        self.assertEqual("".join(nibabel.aff2axcodes(scan.affine)), row["orientation"])
        cell = abs(np.linalg.det(mask.affine[:3, :3])) / 1000
        self.assertLess(abs(tumour.sum() * cell - volume), 0.15 * volume + 2 * cell)
        self.assertAlmostEqual(float(row["diameter_mm"]), (6000 * volume / np.pi) ** (1 / 3), delta=0.06)
        self.assertGreaterEqual(volume, 0.03)
        centre = np.linalg.inv(mask.affine) @ [*(float(row[axis]) for axis in ("x_mm", "y_mm", "z_mm")), 1]
        near = np.argwhere(tumour) - centre[:3]
        self.assertLessEqual(np.abs(near).max(axis=1).min(), 0.6, "the centre is not in the tumour")

    def test_what_it_says_of_the_scan_is_in_the_file(self):
        for row in participants("clinical"):
            image = nibabel.load(scan_of("clinical", row))
            np.testing.assert_allclose(sorted(map(float, row["spacing"].split("x"))), sorted(image.header.get_zooms()),
                                       rtol=0.01)
            self.assertEqual(image.get_data_dtype().itemsize * 8, int(row["bits"]))
            self.assertEqual("_ce-gadolinium_" in scan_of("clinical", row).name, float(row["strength"]) > 0)
            self.assertTrue(np.isfinite(image.get_fdata()).all())
            self.assertGreater(image.get_fdata().std(), 0)

    def test_twins_are_the_same_scan_without_the_tumour(self):
        rows, twins = participants("small"), participants("small/twins")
        self.assertEqual([row["participant_id"] for row in twins],
                         [row["participant_id"] for row in rows if row["class"] != "HLTH"])
        sick = {row["participant_id"]: row for row in rows}
        told = {"class", "foci", "volume_ml", "diameter_mm", "x_mm", "y_mm", "z_mm"}
        for twin in twins:
            row = sick[twin["participant_id"]]
            self.assertEqual(twin["class"], "HLTH")
            self.assertEqual({k: v for k, v in twin.items() if k not in told},
                             {k: v for k, v in row.items() if k not in told})
            self.check_twin(row, twin)

    def check_twin(self, row, twin):
        one, two = (nibabel.load(scan_of(out, entry)) for out, entry in (("small", row), ("small/twins", twin)))
        np.testing.assert_array_equal(one.affine, two.affine)
        tumour = np.asarray(nibabel.load(mask_of("small", row)).dataobj) == 1
        first, second = one.get_fdata(), two.get_fdata()
        self.assertGreater(np.abs(first - second)[tumour].mean(), 0)
        if row["normalised"] != "no" or row["stripped"] != "none":
            return  # both look at all of the head
        where = np.argwhere(tumour)
        grid = np.stack(np.meshgrid(*map(np.arange, first.shape), indexing="ij"), axis=-1)
        away = np.abs(grid - where.mean(axis=0)).max(axis=-1) * 4 > 3 * np.ptp(where, axis=0).max() * 4 + 40
        if away.sum() > 1000:
            self.assertLess((first != second)[away].mean(), 0.02)


class Library(unittest.TestCase):
    def test_every_scan_is_read_and_prepared(self):
        scans = [scan_of("clinical", row) for row in participants("clinical")]
        for scan in scans:
            done = subprocess.run([BIN / "tumorclass", "info", scan], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
        out = FOLDER / "{scan}_input.nii"
        done = subprocess.run([BIN / "tumorclass", "preprocess", "-m", MODEL, *scans, "-o", out], capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(list(FOLDER.glob("*_input.nii"))), len(scans))


class Sentences(unittest.TestCase):
    def expect(self, done, code, *words):
        self.assertEqual(done.returncode, code, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertNotIn("AddressSanitizer", done.stderr)

    def test_wrong_usage_is_told_and_nothing_is_made(self):
        for options, word in ((("--split", "test"), "must be train"), (("--split", "train"), "--per-class"),
                              (("--split", "train", "--paper"), "internal or external"),
                              (("--split", "internal", "--paper", "--per-class", "2"), "one of"),
                              (("--split", "train", "--counts", "HGG=3,HGG=2"), "at most once"),
                              (("--split", "train", "--counts", "GBM=3"), "HGG=54"),
                              (("--split", "train", "--counts", "HGG=0"), "1 to 999999"),
                              (("--split", "train", "--per-class", "1", "--portion", "5-9"), "7 subjects"),
                              (("--split", "train", "--per-class", "1", "--portion", "5-2"), "A <= B"),
                              (("--split", "train", "--per-class", "1", "--grid", "64"), "belong together"),
                              (("--split", "train", "--per-class", "1", "--contrast", "1.5"), "from 0 to 1"),
                              (("--split", "train", "--per-class", "1", "--seed", "-1"), "whole number"),
                              (("--split", "train", "--per-class", "1", "--anatomies", "02,99"), "'99'"),
                              (("--split", "train", "--per-class", "1"), "anatomy 01")):
            with self.subTest(options=options):
                self.expect(generate("nothing", *options), WRONG_USAGE, word)
        self.expect(cohort("draw"), WRONG_USAGE, "'draw'")
        self.expect(cohort("generate", "-o", FOLDER / "nothing"), WRONG_USAGE, "PREPARED")
        self.assertFalse((FOLDER / "nothing").exists())

    def test_folders_without_maps_are_told(self):
        (FOLDER / "empty").mkdir()
        for folder, word in ((FOLDER / "empty", "no label map"), (FOLDER / "absent", "No such file")):
            done = cohort("generate", folder, "-o", FOLDER / "nowhere", *SMALL)
            self.expect(done, FAILED, str(folder), word)
            self.expect(cohort("prepare", folder, "-o", FOLDER / "nowhere"), FAILED, str(folder), word)
        self.assertFalse((FOLDER / "nowhere").exists())

    def test_damaged_maps_are_told(self):
        folder = FOLDER / "damaged"
        folder.mkdir()
        whole = (FOLDER / "prepared/02.anatomy").read_bytes()
        for data in (b"", whole[:1000], whole[:-1], b"x" * 5000):
            (folder / "02.anatomy").write_bytes(data)
            done = cohort("generate", folder, "-o", FOLDER / "nowhere", *SMALL, "--anatomies", "02")
            self.expect(done, FAILED, "02.anatomy")
        (folder / "02.anatomy").unlink()
        (folder / "03.nii").write_bytes(b"no image")
        self.expect(cohort("prepare", folder, "-o", FOLDER / "halves"), FAILED, "03.nii")
        self.assertEqual(list((FOLDER / "halves").iterdir()), [])

    def test_one_folder_holds_one_cohort(self):
        options = (*SMALL[:2], "--counts", "HLTH=2", *SMALL[4:8])
        self.expect(generate("kept", *options), DONE)
        before = digests("kept")
        self.expect(generate("kept", *options, "--seed", 2), WRONG_USAGE, "another cohort", "--restart")
        self.assertEqual(digests("kept"), before)
        options = (*options[:3], "HLTH=1", *options[4:], "--seed", "2", "--restart")
        self.expect(generate("kept", *options), DONE)
        self.assertEqual([path for path in digests("kept") if path.startswith("sub-000002")], [])

    def test_real_scans_are_never_removed(self):
        scan = FOLDER / "clinic/sub-000001/anat/sub-000001_T1w.nii"
        scan.parent.mkdir(parents=True)
        scan.write_bytes(b"precious")
        (FOLDER / "clinic/dataset_description.json").write_text('{"Name": "Clinic"}')
        self.expect(generate("clinic", *SMALL, "--restart"), WRONG_USAGE, "another dataset")
        self.assertEqual(scan.read_bytes(), b"precious")

    def test_outputs_that_cannot_be_written_leave_nothing_half(self):
        (FOLDER / "file").write_text("in the way")
        self.expect(generate("file/out", *SMALL), OUTPUT_FAILED, "file/out")
        full = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60000, resource.RLIM_INFINITY))  # noqa: E731
        self.expect(generate("full", *SMALL, preexec_fn=full), OUTPUT_FAILED, "sub-00000")
        self.assertEqual([path for path in digests("full") if "_T1w" in path or path.endswith("/participants.tsv")], [])
        self.assertEqual(generate("full", *SMALL).returncode, DONE)
        self.assertEqual(digests("full"), digests("small"))

    def test_sheets_are_drawn_of_what_is_there(self):
        done = cohort("sheet", FOLDER / "clinical", "-o", FOLDER / "sheet_{class}.png", "--zoom", "80")
        self.expect(done, DONE)
        sizes = [path.read_bytes()[16:24] for path in sorted(FOLDER.glob("sheet_*.png"))]
        self.assertEqual([(int.from_bytes(size[:4], "big"), int.from_bytes(size[4:], "big")) for size in sizes],
                         [(1468, 262)] * len(CLASSES))
        self.expect(cohort("sheet", FOLDER / "clinical", "-o", FOLDER / "sheet.png"), WRONG_USAGE, "{class}")
        self.expect(cohort("sheet", FOLDER, "-o", FOLDER / "s.png", "-c", "HGG"), FAILED, "participants.tsv")
        self.assertFalse((FOLDER / "s.png").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
