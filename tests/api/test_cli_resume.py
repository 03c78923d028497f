"""The command's batch goes on after whatever stopped it: nothing is lost, run twice, mixed or half-written."""
import fcntl
import json
import os
import random
import signal
import subprocess
import time

import nibabel

from batches import Batch, at_most
from command import CLI, MODEL, SHAPE, ANSWERED, SCAN_FAILED, WRONG_USAGE, MODEL_FAILED, OUTPUT_FAILED, main

SEED = int(os.environ.get("TUMORCLASS_SEED", random.SystemRandom().randrange(1 << 32)))


class Resuming(Batch):
    COUNT = 30

    def study(self):
        return self.scans(*[f"p{n % 7}/{n:02}.nii.gz" for n in range(self.COUNT)])

    def stop(self, number, after, *arguments):
        """Start, send the signal when so many rows are there, and say how it ended."""
        part = self.folder / "out.tsv.part"
        process = subprocess.Popen([CLI, "batch", "-m", MODEL, "scans", "-o", "out.tsv", *arguments],
                                   stderr=subprocess.PIPE, env=self.environment, cwd=self.folder)
        while process.poll() is None and not (part.exists() and part.read_bytes().count(b"\n") > after):
            time.sleep(0.002)
        process.send_signal(number)
        return process.wait(), process.communicate()[1]

    def check_resumes_after(self, number):
        self.study()
        (self.folder / "maps").mkdir()
        maps = ("-a", "maps/{scan}.nii")
        self.check(self.batch("scans", "-o", "whole.tsv"), ANSWERED)
        draw, stops = random.Random(SEED), 0
        while not (self.folder / "out.tsv").exists():
            had = self.rows_in_part()
            ended, told = self.stop(number, had + draw.randrange(1, 8), *maps)
            if (self.folder / "out.tsv").exists():  # it was done before the signal came
                break
            stops += 1
            self.assertEqual(ended, -number if number == signal.SIGKILL else 128 + number, told)
            self.assertGreater(self.rows_in_part(), had, f"seed {SEED}")
            if number == signal.SIGINT:
                self.assertIn(b"out.tsv.part keeps what is done", told)
                self.assertEqual([path.name for path in self.folder.rglob("*.part")], ["out.tsv.part"])
            for path in (self.folder / "maps").glob("*.nii"):
                self.assertEqual(nibabel.load(path).get_fdata().shape, SHAPE)
        self.assertGreater(stops, 0, f"seed {SEED}")
        self.check(self.batch("scans", "-o", "out.tsv", *maps), ANSWERED)  # if it was killed while it ended
        self.assertEqual(self.without_seconds(), self.without_seconds("whole.tsv"), f"seed {SEED}")
        self.assertFalse((self.folder / "out.tsv.part").exists())
        self.assertEqual(len(list((self.folder / "maps").glob("*.nii"))), self.COUNT)

    def rows_in_part(self):
        part = self.folder / "out.tsv.part"
        return max(0, part.read_bytes().count(b"\n") - 1) if part.exists() else 0

    def test_goes_on_after_a_kill(self):
        self.check_resumes_after(signal.SIGKILL)

    def test_goes_on_after_an_interrupt(self):
        self.check_resumes_after(signal.SIGINT)

    def halves(self):
        """A table of four rows, and what a run leaves that was stopped after the second of them."""
        folder = self.scans("a.nii", "b.nii", "c.nii", "d.nii")
        self.check(self.batch(folder, "-o", "out.tsv"), ANSWERED)
        whole = self.without_seconds()
        lines = (self.folder / "out.tsv").read_bytes().splitlines(keepends=True)
        os.unlink(self.folder / "out.tsv")
        return folder, whole, lines

    def test_torn_line_is_dropped(self):
        folder, whole, lines = self.halves()
        part = self.folder / "out.tsv.part"
        for kept in (b"".join(lines[:3])[:-1], b"".join(lines[:3]) + lines[3][:20], lines[0][:10], b"",
                     lines[0] + 1000 * b"\0", b"".join(lines)):
            part.write_bytes(kept)
            self.check(self.batch(folder, "-o", "out.tsv"), ANSWERED, "out.tsv: 4 rows")
            self.assertEqual(self.without_seconds(), whole)
            self.assertFalse(part.exists())
            os.unlink(self.folder / "out.tsv")

    def test_torn_line_does_not_stay_in_the_way(self):
        folder, whole, lines = self.halves()
        (self.folder / "out.tsv.part").write_bytes(b"".join(lines[:3])[:-1])
        done = self.batch(folder, "-o", "out.tsv", **at_most(len(b"".join(lines[:4])) + 10))
        self.check(done, OUTPUT_FAILED, "out.tsv.part cannot be written")
        self.check(self.batch(folder, "-o", "out.tsv"), ANSWERED, "out.tsv: 4 rows")
        self.assertEqual(self.without_seconds(), whole)

    def test_what_is_there_is_not_run_again(self):
        folder, whole, lines = self.halves()
        marked = lines[1].replace(b"\tok\t", b"\tok\t", 1).split(b"\t")
        marked[-4] = b"99.5"  # seconds: shows that the row was kept
        (self.folder / "out.tsv.part").write_bytes(lines[0] + b"\t".join(marked))
        self.check(self.batch(folder, "-o", "out.tsv"), ANSWERED)
        self.assertEqual([row["seconds"] == "99.5" for row in self.table()], [True, False, False, False])
        before = (self.folder / "out.tsv").stat()
        self.check(self.batch(folder, "-o", "out.tsv"), ANSWERED, "out.tsv has all 4 scans: there is nothing to do")
        self.assertEqual((self.folder / "out.tsv").stat(), before)
        self.assertFalse((self.folder / "out.tsv.part").exists())
        self.scans("aa.nii")
        self.check(self.batch(folder, "-o", "out.tsv"), ANSWERED, "out.tsv: 5 rows")
        self.assertEqual([row["scan"] for row in self.table()], ["a.nii", "aa.nii", "b.nii", "c.nii", "d.nii"])
        self.assertEqual(self.table()[0]["seconds"], "99.5")

    def test_missing_maps_are_made_and_their_rows_stay_the_same(self):
        folder, whole, lines = self.halves()
        (self.folder / "out.tsv").write_bytes(b"".join(lines))
        (self.folder / "b.nii").write_bytes(b"")
        self.check(self.batch(folder, "-o", "out.tsv", "-a", "{scan}.nii"), ANSWERED, "4 rows")
        self.assertEqual(self.without_seconds(), whole)
        self.assertEqual([(self.folder / f"{name}.nii").stat().st_size > 0 for name in "abcd"],
                         [True, False, True, True], "what is there is left as it is")

    def test_answers_of_another_model_or_of_other_options_are_not_mixed(self):
        folder, whole, lines = self.halves()
        other = self.folder / "other.onnx"
        other.write_bytes(MODEL.read_bytes() + b"\x12\x01x")  # another producer_name, the same network
        for name in ("out.tsv", "out.tsv.part"):
            (self.folder / name).write_bytes(b"".join(lines[:3]))
            done = self.run_cli("batch", "-m", other, folder, "-o", "out.tsv")
            self.check(done, WRONG_USAGE, f"{name} holds answers of another model", "--restart")
            for changed in (("--strict",), ("--class", "all"), ("--mask", "m.nii"), ("--attention-scale", "raw")):
                done = self.batch(folder, "-o", "out.tsv", *changed)
                self.check(done, WRONG_USAGE, f"{name} holds answers of other options", "--restart")
            self.assertEqual((self.folder / name).read_bytes(), b"".join(lines[:3]))
            os.unlink(self.folder / name)
        (self.folder / "out.tsv").write_bytes(b"".join(lines[:3]))
        done = self.run_cli("batch", "-m", other, folder, "-o", "out.tsv", "--restart")
        self.check(done, ANSWERED, "4 rows")
        self.assertEqual([row[:-1] for row in self.without_seconds()], [row[:-1] for row in whole])
        self.assertNotEqual(self.table()[0]["run"], whole[1][-1])

    def test_file_that_is_no_table_is_left_alone(self):
        self.scans("a.nii")
        for text in ("participant_id\tage\nsub-01\t60\n", "something", "\n"):
            (self.folder / "out.tsv").write_text(text)
            for arguments in ((), ("--restart",)):
                done = self.batch("scans", "-o", "out.tsv", *arguments)
                self.check(done, WRONG_USAGE, "out.tsv is no table")
                self.assertEqual((self.folder / "out.tsv").read_text(), text)
        self.assertEqual(self.leftovers(), [])
        (self.folder / "dir.tsv").mkdir()
        self.check(self.batch("scans", "-o", "dir.tsv"), WRONG_USAGE, "dir.tsv is no file")

    def test_damaged_row_is_named(self):
        folder, whole, lines = self.halves()
        (self.folder / "out.tsv").write_bytes(b"".join(lines[:2]) + b"nonsense\n" + lines[3])
        self.check(self.batch(folder, "-o", "out.tsv"), WRONG_USAGE, "line 3 of out.tsv is no row")

    def test_retry_runs_failed_scans_again(self):
        folder = self.scans("a.nii", "b.nii", "c.nii")
        good = (folder / "b.nii").read_bytes()
        os.unlink(folder / "b.nii")
        (folder / "b.nii").write_bytes(b"no volume")
        for output in ("out.tsv", "out.jsonl"):
            self.check(self.batch(folder, "-o", output), SCAN_FAILED)
            done = self.batch(folder, "-o", output)
            self.check(done, SCAN_FAILED, "nothing to do", "1 of them failed: --retry runs those scans again")
            self.check(self.batch(folder, "-o", output, "--retry"), SCAN_FAILED, "3 rows")
        (folder / "b.nii").write_bytes(good)
        for output in ("out.tsv", "out.jsonl"):
            self.check(self.batch(folder, "-o", output, "--retry"), ANSWERED, "3 rows, all answered")
        self.assertEqual([(row["scan"], row["status"]) for row in self.table()],
                         [("a.nii", "ok"), ("b.nii", "ok"), ("c.nii", "ok")])
        objects = self.objects((self.folder / "out.jsonl").read_text())
        self.assertEqual([item["scan"] for item in objects if "class" in item], ["a.nii", "b.nii", "c.nii"])

    def test_json_lines_go_on_too(self):
        folder = self.scans("a.nii", "b.nii", "c.nii")
        self.check(self.batch(folder, "-o", "out.jsonl"), ANSWERED)
        whole = (self.folder / "out.jsonl").read_bytes()
        os.unlink(self.folder / "out.jsonl")
        (self.folder / "out.jsonl.part").write_bytes(whole[:whole.index(b"\n") + 100])
        self.check(self.batch(folder, "-o", "out.jsonl"), ANSWERED)
        again = (self.folder / "out.jsonl").read_bytes()
        self.assertEqual(whole.splitlines()[0], again.splitlines()[0])
        self.assertEqual([{k: v for k, v in json.loads(line).items() if k != "timings"} for line in whole.splitlines()],
                         [{k: v for k, v in json.loads(line).items() if k != "timings"} for line in again.splitlines()])

    def test_rows_of_scans_that_are_gone_stay(self):
        folder, whole, lines = self.halves()
        (self.folder / "out.tsv").write_bytes(b"".join(lines))
        os.unlink(folder / "a.nii")
        self.scans("e.nii")
        self.check(self.batch(folder, "-o", "out.tsv"), ANSWERED, "5 rows")
        self.assertEqual([row["scan"] for row in self.table()], ["b.nii", "c.nii", "d.nii", "e.nii", "a.nii"])

    def test_table_behind_a_link_is_written_there(self):
        folder = self.scans("a.nii")
        (self.folder / "elsewhere").mkdir()
        (self.folder / "elsewhere/real.tsv").write_bytes(b"")
        (self.folder / "out.tsv").symlink_to("elsewhere/real.tsv")
        self.check(self.batch(folder, "-o", "out.tsv"), ANSWERED)
        self.assertTrue((self.folder / "out.tsv").is_symlink())
        self.assertEqual(len(self.table("elsewhere/real.tsv")), 1)


class Failing(Batch):
    def test_second_batch_on_one_table_is_refused(self):
        folder = self.scans("a.nii")
        with open(self.folder / "out.tsv.part", "w") as part:
            fcntl.flock(part, fcntl.LOCK_EX)
            done = self.batch(folder, "-o", "out.tsv")
            self.check(done, OUTPUT_FAILED, "out.tsv.part is being written by another batch")
        self.check(self.batch(folder, "-o", "out.tsv"), ANSWERED)

    def test_folder_that_cannot_be_written_is_said(self):
        folder = self.scans("a.nii")
        for output, why in (("/sys/out.tsv", ""), ("none/out.tsv", "No such file")):
            self.check(self.batch(folder, "-o", output), OUTPUT_FAILED, "out.tsv.part cannot be written: " + why)

    def test_full_disk_keeps_what_is_done(self):
        folder = self.scans(*[f"{n:02}.nii" for n in range(12)])
        done = self.batch(folder, "-o", "out.tsv", **at_most(2000))
        self.check(done, OUTPUT_FAILED, "out.tsv.part cannot be written: File too large",
                   "out.tsv.part keeps what is done: the same command goes on from there")
        kept = (self.folder / "out.tsv.part").read_bytes()
        self.assertTrue(kept.endswith(b"\n"))
        self.assertGreater(kept.count(b"\n"), 1)
        self.check(self.batch(folder, "-o", "out.tsv"), ANSWERED, "12 rows")
        self.assertTrue((self.folder / "out.tsv").read_bytes().startswith(kept))

    def test_full_disk_for_maps_ends_the_batch_and_leaves_no_half(self):
        folder = self.scans("a.nii", "b.nii")
        done = self.batch(folder, "-o", "out.tsv", "-a", "map-{scan}.nii", **at_most(20000))
        self.check(done, OUTPUT_FAILED, "a.nii: map-a.nii cannot be written: File too large")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), [".kinds", "scans"])

    def test_model_that_fails_ends_with_3(self):
        (self.folder / "bad.onnx").write_bytes(b"no model")
        done = self.run_cli("batch", "-m", "bad.onnx", self.scans("a.nii"), "-o", "out.tsv")
        self.check(done, MODEL_FAILED, "bad.onnx")

    def test_interrupt_in_the_middle_leaves_no_row_for_what_was_not_answered(self):
        self.scans(*[f"{n:03}.nii.gz" for n in range(200)])
        process = subprocess.Popen([CLI, "batch", "-m", MODEL, "scans", "-o", "out.tsv"], stderr=subprocess.PIPE,
                                   env=self.environment, cwd=self.folder)
        part = self.folder / "out.tsv.part"
        while process.poll() is None and not (part.exists() and part.read_bytes().count(b"\n") > 2):
            time.sleep(0.002)
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 128 + signal.SIGTERM, told)
        statuses = [row["status"] for row in self.table("out.tsv.part")]
        self.assertEqual(set(statuses), {"ok"})
        self.assertLess(len(statuses), 150)


if __name__ == "__main__":
    main()
