"""The command's batch: which scans it finds, and the table it writes."""
import os
import pathlib
import pty
import re
import subprocess

import nibabel
import numpy as np

from batches import Batch, key_of
from command import CLI, MODEL, SHAPE, ANSWERED, SCAN_FAILED, WRONG_USAGE, OUTPUT_FAILED, affine, head, main


class Finding(Batch):
    def test_folder_is_searched_to_any_depth_and_sorted_by_bytes(self):
        names = ["b.nii.gz", "B.nii", "a/z.nii", "a/deep/er/x.nii.gz", "a.nii", "ä.nii.gz"]
        folder = self.scans(*names)
        (folder / "empty.nii").mkdir()
        (folder / ".git").mkdir()
        for name in ("one.hdr", "one.img", "two.hdr.gz", "two.img.gz", "lone.hdr", "lone.txt", "three.img", ".nii",
                     "._b.nii.gz", ".git/c.nii", "x.nii.part"):
            (folder / name).write_bytes(b"")
        expected = sorted(names + ["one.hdr", "two.hdr.gz"], key=os.fsencode)
        self.assertEqual(self.found(folder), expected)
        self.assertEqual(self.found("scans/"), expected, "the key does not depend on where the folder is")
        self.assertEqual(self.found(".", environment={"LC_ALL": "C.UTF-8"}), ["scans/" + name for name in expected])

    def test_links_lead_everywhere_once(self):
        folder = self.scans("real/a.nii", "real/b.nii")
        other = self.scans("c.nii", "deeper/d.nii", root="other")
        for link, target in [("zz", other), ("aa", "real"), ("real/up", "../.."), ("loop", "loop"), ("away", other),
                             ("real/c", other), ("file.nii", "real/a.nii"), ("gone.nii", "nowhere.nii")]:
            (folder / link).symlink_to(target)
        self.assertEqual(self.found("scans"), ["away/c.nii", "away/deeper/d.nii", "file.nii", "gone.nii", "real/a.nii",
                                               "real/b.nii"])

    def test_depth_beyond_the_longest_path_is_said(self):
        folder = self.scans("a.nii")
        here = os.getcwd()
        os.chdir(folder)
        for _ in range(20):
            os.mkdir("d" * 250)
            os.chdir("d" * 250)
        os.chdir(here)
        done = self.run_cli("batch", "--dry-run", "scans")
        self.check(done, SCAN_FAILED, "cannot be read: File name too long")
        self.assertEqual(done.stdout.decode(), f"{key_of('a.nii')}\ta.nii\n")

    def test_list_names_scans_relative_to_its_folder(self):
        self.scans("a.nii", "s p a c e.nii", "#c.nii", root="study")
        text = "\ufeffa.nii\r\n\r\n# a comment\r\n./s p a c e.nii\n.//#c.nii\r\n/else/b.nii\nnone.nii"
        (self.folder / "study/list.txt").write_text(text, encoding="utf-8", newline="")
        expected = ["#c.nii", "/else/b.nii", "a.nii", "none.nii", "s p a c e.nii"]
        self.assertEqual(self.found("--list", "study/list.txt"), expected)
        self.assertEqual(self.found("--list", "-", input=b"study/a.nii\n./study/none.nii\n"),
                         ["study/a.nii", "study/none.nii"])
        self.check(self.run_cli("batch", "--dry-run", "--list", "none.txt"), WRONG_USAGE, "'none.txt' cannot be read")
        done = self.run_cli("batch", "--dry-run", "--list", MODEL)
        self.check(done, WRONG_USAGE, "is no list of paths")

    def bids(self):
        names = ["sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz", "sub-01/ses-1/anat/sub-01_ses-1_ce-gad_run-1_T1w.nii.gz",
                 "sub-01/ses-1/anat/sub-01_ses-1_ce-gad_run-2_T1w.nii.gz", "sub-01/ses-1/anat/sub-01_ses-1_T2w.nii.gz",
                 "sub-01/ses-2/anat/sub-01_ses-2_T1w.nii", "sub-02/anat/sub-02_T1w.nii.gz",
                 "sub-02/func/sub-02_task-x_bold.nii.gz", "derivatives/x/sub-02/anat/sub-02_T1w.nii.gz",
                 "sourcedata/sub-03/anat/sub-03_T1w.nii.gz", "stray_T1w.nii.gz"]
        folder = self.scans(*names, root="tree")
        (folder / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.8.0"}')
        return folder, [names[1], names[2], names[4], names[5]]

    def test_bids_tree_gives_its_t1w_after_contrast(self):
        folder, expected = self.bids()
        self.assertEqual(self.found(folder), expected)
        done = self.run_cli("batch", "--dry-run", folder)
        self.check(done, ANSWERED, "BIDS: 1 of 3 sessions have T1w volumes with the entity ce-",
                   "BIDS: 2 of 3 sessions have no such")

    def test_subject_and_session_are_columns(self):
        folder, expected = self.bids()
        self.check(self.batch(folder, "-o", "out.tsv"), ANSWERED)
        self.assertEqual([(row["subject"], row["session"], row["scan"]) for row in self.table()],
                         [("sub-01", "ses-1", pathlib.Path(expected[0]).name),
                          ("sub-01", "ses-1", pathlib.Path(expected[1]).name),
                          ("sub-01", "ses-2", pathlib.Path(expected[2]).name),
                          ("sub-02", "", pathlib.Path(expected[3]).name)])
        self.check(self.batch(folder, "-o", "out.jsonl"), ANSWERED)
        objects = self.objects((self.folder / "out.jsonl").read_text())
        self.assertEqual([(item["subject"], item.get("session")) for item in objects],
                         [("sub-01", "ses-1"), ("sub-01", "ses-1"), ("sub-01", "ses-2"), ("sub-02", None)])

    def test_shards_hold_every_scan_once_and_stay_when_scans_are_added(self):
        folder = self.scans(*[f"{n:02}.nii" for n in range(60)])
        shards = [self.found(folder, "--shard", f"{i}/4") for i in (1, 2, 3, 4)]
        self.assertEqual(sorted(sum(shards, [])), self.found(folder))
        for shard in shards:
            self.assertIn(len(shard), range(8, 23), "about a quarter of 60")
        self.scan(folder / "00-added.nii")
        for i, shard in enumerate(shards):
            self.assertLessEqual(set(shard), set(self.found(folder, "--shard", f"{i + 1}/4")))
        for bad in ("0/4", "5/4", "1", "1/", "/2", "a/2", "1/0", "-1/2", "1/2/3"):
            self.check(self.run_cli("batch", "--dry-run", folder, "--shard", bad), WRONG_USAGE, f"--shard '{bad}'")

    def test_empty_shard_has_an_empty_table(self):
        folder = self.scans("a.nii")
        other = 2 - int(key_of("a.nii"), 16) % 2
        self.check(self.batch(folder, "-o", "out.tsv", "--shard", f"{other}/2"), ANSWERED)
        self.assertEqual(self.table(), [])

    def test_what_is_named_twice_counts_once_and_what_cannot_be_told_apart_is_refused(self):
        self.scans("x/a.nii", "y/a.nii", "b.nii")
        self.assertEqual(self.found("scans", "scans"), ["b.nii", "x/a.nii", "y/a.nii"])
        self.assertEqual(self.found("./scans/x/a.nii", "scans//x/a.nii"), ["scans/x/a.nii"])
        os.unlink(self.folder / "scans/y/a.nii")
        self.scan("scans/y/a.nii")
        done = self.run_cli("batch", "--dry-run", "scans/x", "scans/y")
        self.check(done, WRONG_USAGE, "a.nii lies at the same place")

    def test_masks_among_the_scans_are_no_scans(self):
        folder = self.scans("a.nii", "b.nii", "c.nii")
        for name in "ab":
            self.scan(f"scans/{name}_mask.nii", (head() > 0).astype(np.uint8))
        pattern = "scans/{scan}_mask.nii"
        self.assertEqual(self.found(folder, "--mask", pattern), ["a.nii", "b.nii", "c.nii"])
        self.assertEqual(self.found(folder, "--mask", "scans/{scan}.nii"), self.found(folder), "each its own mask")
        done = self.batch(folder, "--mask", pattern, "-o", "out.tsv")
        self.check(done, SCAN_FAILED, "2 files that --mask names are no scans", "c_mask.nii")
        self.assertEqual([row["status"] for row in self.table()], ["ok", "ok", "I/O error"])

    def test_wrong_usage_is_said_before_any_work(self):
        self.scans("a.nii", "x/a.nii")
        (self.folder / "empty").mkdir()
        for arguments, sentence in [
            (("-o", "out.tsv"), "needs an INPUT or a --list"),
            (("scans",), "needs --output"),
            (("scans", "-o", "out.csv"), "--output 'out.csv': must end in .tsv"),
            (("scans", "-o", "out.tsv", "--format", "csv"), "--format 'csv'"),
            (("none", "-o", "out.tsv"), "none: No such file"),
            (("empty", "-o", "out.tsv"), "no scans were found"),
            (("scans", "-o", "out.tsv", "-a", "-"), "--attention -"),
            (("scans", "-o", "out.tsv", "-a", "map.nii"), "{scan}"),
            (("scans", "-o", "out.tsv", "-a", "map-{scan}.nii"), "map-a.nii would be written twice"),
            (("scans", "-o", "out.tsv", "-a", "scans/x/map-{scan}.nii"), "where maps would be taken for scans"),
        ]:
            with self.subTest(sentence):
                done = self.run_cli("batch", "--model", "none.onnx", *arguments)
                self.check(done, WRONG_USAGE, sentence)
        self.check(self.batch("scans", "-o", "out.tsv", "--class", "XYZ"), WRONG_USAGE, "the model's classes are")
        done = self.run_cli("batch", "-m", "none.onnx", "scans/a.nii", "-o", "out.tsv", "-a", "none/{scan}.nii")
        self.check(done, OUTPUT_FAILED, "a.nii cannot be written: No such file")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), [".kinds", "empty", "scans"])


class Tables(Batch):
    def test_map_that_no_scan_can_have_is_wrong_usage(self):
        folder = self.scans("a.nii")
        self.check(self.batch(folder, "-o", "out.tsv", "--attention-level", "9"), WRONG_USAGE, "has 5 levels")
        self.check(self.batch(folder, "-o", "out.tsv", "--attention-method", "cam", "--attention-level", "2"), WRONG_USAGE,
                   "it has no level 2")
        self.assertEqual(sorted(path.name for path in self.folder.glob("out*")), [])

    def test_flips_are_averaged_and_make_another_table(self):
        folder = self.scans("a.nii")
        self.check(self.batch(folder, "-o", "out.tsv", "--flip", "left-right"), ANSWERED)
        answer, row = self.answer(folder / "a.nii", "--flip", "left-right"), self.table()[0]
        self.assertEqual(np.float32(row["probability"]), np.float32(answer["class"]["probability"]))
        self.assertEqual(np.float32(row["spread"]), np.float32(answer["spread"][row["class"]]))
        for other in ([], ["--flip", "down-up"], ["--flip", "left-right", "--attention-method", "cam"],
                      ["--flip", "left-right", "--attention-level", "2"], ["--flip", "left-right", "--model", MODEL]):
            self.check(self.batch(folder, "-o", "out.tsv", *other), WRONG_USAGE, "--restart")

    def test_row_says_what_classify_says(self):
        folder = self.scans("a.nii", "deep/a.nii", "deep/b.nii.gz")
        self.check(self.batch(folder, "-o", "out.tsv"), ANSWERED, "out.tsv: 3 rows, all answered", "untrained")
        rows = self.table()
        self.assertEqual([row["key"] for row in rows], [key_of(p) for p in ("a.nii", "deep/a.nii", "deep/b.nii.gz")])
        self.assertEqual([row["scan"] for row in rows], ["a.nii", "a.nii", "b.nii.gz"])
        self.assertEqual(len({row["run"] for row in rows}), 1)
        for row, path in zip(rows, ("a.nii", "deep/a.nii", "deep/b.nii.gz")):
            answer = self.answer(folder / path)
            self.assertEqual((row["status"], row["error"]), ("ok", ""))
            self.assertEqual(row["class"], answer["class"]["code"])
            self.assertEqual(np.float32(row["probability"]), np.float32(answer["class"]["probability"]))
            for code, value in answer["probabilities"].items():
                self.assertEqual(np.float32(row[f"p_{code}"]), np.float32(value))
            self.assertEqual(row["qc"].split(","), [item["code"] for item in answer["qc"]])
            self.assertEqual([float(row[f"peak_{axis}_mm"]) for axis in "xyz"], answer["attention"]["peak_mm"])
            shares = np.array(list(answer["probabilities"].values()))
            self.assertAlmostEqual(float(row["entropy"]), -(shares * np.log(shares)).sum(), places=5)
            self.assertAlmostEqual(float(row["margin"]), np.diff(np.sort(shares))[-1], places=5)
            self.assertIn(row["abstained"], ("yes", "no"))
            self.assertEqual((row["spread"], row["disclaimer"]), ("0", "Research use, not for diagnosis."))
            self.assertGreater(float(row["seconds"]), 0)
        self.assertNotEqual(rows[0]["probability"], rows[1]["probability"], "the scans differ")

    def test_json_lines_are_classifys_objects_with_a_key(self):
        folder = self.scans("a.nii", "b.nii")
        (folder / "bad.nii").write_bytes(b"no volume" * 100)
        self.check(self.batch(folder, "-o", "out.jsonl"), SCAN_FAILED, "bad.nii")
        objects = self.objects((self.folder / "out.jsonl").read_text())
        self.assertEqual([item["key"] for item in objects], [key_of(n) for n in ("a.nii", "b.nii", "bad.nii")])
        self.assertEqual(["error" in item for item in objects], [False, False, True])
        for item, name in zip(objects, ("a.nii", "b.nii")):
            alone = self.answer(folder / name)
            for part in ("key", "run", "timings"):
                item.pop(part), alone.pop(part, None)
            self.assertEqual(item, alone)
        self.check(self.batch(folder, "-o", "out.ndjson", "--format", "tsv"), SCAN_FAILED)
        self.assertEqual(len(self.table("out.ndjson")), 3, "--format decides")

    def test_failures_are_rows_and_the_batch_goes_on(self):
        names = [f"{n:02}.nii" for n in range(16)]
        folder = self.scans(*names)
        for name in names[1:14]:
            os.unlink(folder / name)
            (folder / name).write_bytes(b"this is no volume" * 40)
        done = self.batch(folder, "-o", "out.tsv")
        self.check(done, SCAN_FAILED, "tumorclass: 01.nii", "tumorclass: 10.nii", "and 3 more that failed",
                   "out.tsv: 16 rows", "13 of them failed: --retry")
        self.assertNotIn("11.nii", done.stderr.decode())
        rows = self.table()
        self.assertEqual([row["status"] for row in rows], ["ok"] + 13 * ["bad image"] + 2 * ["ok"])
        self.assertIn("NIfTI", rows[1]["error"])
        self.assertEqual({rows[1][column] for column in ("class", "probability", "qc", "peak_x_mm", "seconds")}, {""})

    def test_names_cannot_break_the_table(self):
        self.scans('tab\there.nii', '"quoted".nii', "new\nline.nii", "ünï.nii")
        os.rename(os.fsencode(self.folder / "scans/ünï.nii"), os.fsencode(self.folder / "scans") + b"/\xfc.nii")
        self.check(self.batch("scans", "-o", "out.tsv"), ANSWERED)
        self.assertEqual([(row["scan"], row["status"]) for row in self.table()],
                         [("'quoted'.nii", "ok"), ("new?line.nii", "ok"), ("tab?here.nii", "ok"), ("?.nii", "ok")])

    def test_outputs_hold_no_path_and_nothing_of_a_header(self):
        folder = self.folder / "SecretStudy/Mueller^Hans"
        folder.mkdir(parents=True)
        for n, name in enumerate(("a.nii.gz", "b.nii")):
            image = nibabel.Nifti1Image(head(), affine())
            image.header["descrip"], image.header["db_name"] = b"SecretDescrip", b"SecretName"
            image.to_filename(folder / name)
        (folder / "bad.nii").write_bytes(b"no volume")
        (self.folder / "SecretMaps").mkdir()
        told = b""
        for output in ("out.tsv", "out.jsonl"):
            done = self.batch("SecretStudy", "-o", output, "-a", "SecretMaps/{scan}-map.nii", "-p", "{scan}.png", "-vv")
            self.check(done, SCAN_FAILED, "bad.nii")
            told += done.stderr + done.stdout
        files = [path.read_bytes() for path in self.folder.rglob("*") if path.is_file() and "Hans" not in str(path)]
        self.assertEqual(len(files), 6)
        for secret in (b"Secret", b"Mueller", os.fsencode(self.folder)):
            self.assertFalse([data for data in files + [told] if secret in data], secret)

    def test_progress_is_one_line_on_a_terminal(self):
        self.scans(*[f"{n}.nii" for n in range(4)])
        control, terminal = pty.openpty()
        command = [CLI, "batch", "-m", MODEL, "scans", "-o", "out.tsv"]
        process = subprocess.Popen(command, env=self.environment, cwd=self.folder, stdout=subprocess.DEVNULL,
                                   stderr=terminal)
        os.close(terminal)
        told = b""
        try:
            while block := os.read(control, 65536):
                told += block
        except OSError:  # the other side is closed
            pass
        os.close(control)
        self.assertEqual(process.wait(), ANSWERED)
        self.assertEqual(re.findall(rb"\r(\d) of 4 scans, 0 failed; [\d.]+ scans/min, \d+ s left\x1b\[K", told),
                         [b"1", b"2", b"3", b"4"])

    def test_two_runs_write_the_same_bytes_whatever_the_threads(self):
        folder = self.scans("a.nii", "b.nii", "c.nii")
        for output, threads in (("one.tsv", "1"), ("two.tsv", "2")):
            self.check(self.batch(folder, "-o", output, "-t", threads), ANSWERED)
        self.assertEqual(self.without_seconds("one.tsv"), self.without_seconds("two.tsv"))


    def test_keys_keep_the_files_of_one_name_apart(self):
        folder = self.scans("x/a.nii", "y/a.nii")
        self.check(self.batch(folder, "-o", "out.tsv", "-a", "{scan}-{key}.nii", "-p", "{key}.png"), ANSWERED)
        for key in (key_of("x/a.nii"), key_of("y/a.nii")):
            self.assertEqual(nibabel.load(self.folder / f"a-{key}.nii").shape, SHAPE)
            self.assertTrue((self.folder / f"{key}.png").exists())
        self.check(self.batch(folder, "-o", "out.tsv", "-a", "{scan}-{key}.nii", "-p", "{key}.png"), ANSWERED,
                   "nothing to do")
        self.check(self.batch(folder, "-o", "two.tsv", "-a", "{key}.nii", "-p", "{scan}.png"), WRONG_USAGE,
                   "a.png would be written twice")
        self.check(self.batch(folder, "-o", "two.tsv", "-a", "none/{key}.nii"), OUTPUT_FAILED, "No such file")


if __name__ == "__main__":
    main()
