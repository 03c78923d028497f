"""The command `tumorclass` when all is well: its answers for people and for programs, and its other subcommands."""
import json
import os
import pty
import re
import select
import shutil
import subprocess
import unittest

import jsonschema
import nibabel
import numpy as np
import onnx

from command import (ROOT, CLI, MODEL, SCHEMA, SHAPE, ANSWERED, SCAN_FAILED, WRONG_USAGE, MODEL_FAILED, ESCAPE,
                     head, affine, Case, main)


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

    def test_long_lists_are_cut_in_text_alone(self):
        model = onnx.load(MODEL)
        for key, value in {"centres": ";".join([",".join(["0.125"] * 32)] * 7), "deviations": ",".join(["1"] * 32),
                           "threshold": "9"}.items():
            model.metadata_props.add(key=f"tumorclass.ood.{key}", value=value)
        onnx.save(model, self.folder / "long.onnx")
        text = self.run_cli("info", "long.onnx").stdout.decode()
        known = json.loads(self.run_cli("info", "--json", "long.onnx").stdout)
        self.assertEqual(known["metadata"]["tumorclass.ood.centres"].count("0.125"), 224)
        self.assertIn("0.125,0.125,0.125,0.125,0.125,0.125,0.125,0.125,... (224 numbers; --json has them all)", text)
        self.assertLess(max(map(len, text.splitlines())), 250)

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
        for command in ("classify", "batch", "preprocess", "info", "selftest", "doctor"):
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
        for command in ("classify", "batch", "preprocess", "info", "selftest", "doctor"):
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
    main()
