"""The command when something is wrong: every exit code, its sentence, and nothing left behind."""
import os
import signal
import subprocess
import time

import nibabel
import numpy as np

from command import (CLI, MODEL, SHAPE, ANSWERED, SCAN_FAILED, WRONG_USAGE, MODEL_FAILED, OUTPUT_FAILED, head, Case,
                     main)


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

    def test_file_beyond_the_size_limit_is_noticed_and_leaves_nothing(self):
        done = self.run_shell('ulimit -f 16; "$0" "$@"', "preprocess", "-m", MODEL, self.scan(), "-o", "input.nii")
        self.check(done, OUTPUT_FAILED, "input.nii cannot be written: File too large")
        self.assertEqual(list(self.folder.glob("input*")), [])

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

    def start(self, *arguments, **settings):
        first = self.scan("0.nii.gz")
        names = [f"{n}.nii.gz" for n in range(self.SCANS)]
        for name in names[1:]:
            if not (self.folder / name).exists():
                os.link(first, self.folder / name)
        command = [CLI, "classify", "--json", "-m", MODEL, *names, "-a", "map-{scan}.nii", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment,
                                   cwd=self.folder, **settings)
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

    def test_interrupt_that_the_shell_has_us_ignore_is_ignored(self):
        process = self.start(preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
        process.send_signal(signal.SIGINT)
        output, told = process.communicate(timeout=120)
        self.assertEqual((process.returncode, len(output.splitlines())), (0, self.SCANS - 1), told)

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


if __name__ == "__main__":
    main()
