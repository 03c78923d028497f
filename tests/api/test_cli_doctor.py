"""The commands `tumorclass selftest`, which must notice a wrong answer, and `tumorclass doctor`."""
import json
import os
import re
import shutil
import unittest

import nibabel
import numpy as np
import onnx
from onnx import numpy_helper

from command import CLI, ROOT, MODEL, ANSWERED, WRONG_USAGE, MODEL_FAILED, OUTPUT_FAILED, Case, main


class Selftest(Case):
    def changed(self, change):
        """The untrained model with something changed, as a file."""
        model = onnx.load(MODEL)
        change(model)
        onnx.save(model, self.folder / "changed.onnx")
        return "changed.onnx"

    def test_every_instruction_set_gives_the_known_answer(self):
        sets = json.loads(self.run_cli("doctor", "--json").stdout)["instruction_sets"]
        done = self.run_cli("selftest", "--model", MODEL, "--json", "--threads", "1")
        self.check(done, ANSWERED)
        told = json.loads(done.stdout)
        self.assertTrue(told["passed"])
        self.assertEqual(told["model"], MODEL.name)
        self.assertRegex(told["sha256"], "^[0-9a-f]{64}$")
        names = [trial["instruction_set"] for trial in told["trials"]]
        self.assertEqual(sets, ", ".join(names) + " (the first is used)")
        self.assertEqual(names[-1], "portable")
        for trial in told["trials"]:
            self.assertTrue(trial["passed"])
            self.assertIn(f"CPU, {trial['instruction_set']}, 1 thread", trial["device"])
            self.assertLess(trial["logit_error"], 2e-5)
            self.assertLess(trial["map_error"], 2e-6)
            self.assertEqual((trial["logit_tolerance"], trial["map_tolerance"]), (1e-3, 1e-3))
            self.assertIsNone(trial["error"])

    def test_text_has_a_line_for_each(self):
        done = self.run_cli("selftest", "-m", MODEL)
        self.check(done, ANSWERED)
        lines = [line for line in done.stdout.decode().splitlines() if line.startswith("  ")]
        self.assertRegex(lines[-1], r"^  CPU  portable +passed +logits \d\.\de-\d\d of 1e-03, maps \d\.\de-\d\d of 1e-03$")
        self.assertEqual(done.stderr, b"")

    def test_another_answer_in_the_file_fails(self):
        def change(model):
            known = next(entry for entry in model.metadata_props if entry.key == "tumorclass.selftest")
            logits = np.array(known.value.split(","), float)
            logits[3] += 0.003 * abs(logits).max()
            known.value = ",".join(f"{logit:.6g}" for logit in logits)

        done = self.run_cli("selftest", "-m", self.changed(change), "-j")
        self.check(done, MODEL_FAILED, "portable: a logit of the phantom is 0.003 of the largest away")
        told = json.loads(done.stdout)
        self.assertFalse(told["passed"])
        for trial in told["trials"]:
            self.assertFalse(trial["passed"])
            self.assertAlmostEqual(trial["logit_error"], 0.003, delta=1e-5)
            self.assertIn("may be 0.001", trial["error"])

    def test_another_weight_fails(self):
        def change(model):
            weight = next(item for item in model.graph.initializer if item.name == "level4.conv.conv.weight")
            array = numpy_helper.to_array(weight).copy()
            array[3] *= -1
            weight.CopyFrom(numpy_helper.from_array(array, weight.name))

        done = self.run_cli("selftest", "-m", self.changed(change))
        self.check(done, MODEL_FAILED, "a logit of the phantom is")
        self.assertIn("portable   FAILED", done.stdout.decode())

    def test_model_without_an_answer_says_so(self):
        def change(model):
            model.metadata_props.pop()

        done = self.run_cli("selftest", "-m", self.changed(change), "--json")
        self.check(done, MODEL_FAILED, "changed.onnx has no known answer: tumorclass.selftest is not in its metadata")
        self.assertEqual(done.stdout, b"")
        self.check(self.run_cli("selftest", "-m", "none.onnx"), MODEL_FAILED, "tumorclass: none.onnx")
        self.check(self.run_cli("selftest", "-m", MODEL, "--device", "cuda"), MODEL_FAILED, "CUDA")

    def test_phantom_is_written_as_it_is(self):
        self.check(self.run_cli("selftest", "--phantom", "phantom.nii.gz"), ANSWERED)
        image = nibabel.load(self.folder / "phantom.nii.gz")
        self.assertEqual((image.shape, image.get_data_dtype()), ((84, 64, 72), np.int16))
        self.assertEqual("".join(nibabel.aff2axcodes(image.affine)), "PIL")
        answer = self.answer("phantom.nii.gz")
        known = next(entry.value for entry in onnx.load(MODEL).metadata_props if entry.key == "tumorclass.selftest")
        np.testing.assert_allclose(list(answer["logits"].values()), [float(n) for n in known.split(",")], atol=1e-4)
        self.check(self.run_cli("selftest", "--phantom", "none/phantom.nii"), OUTPUT_FAILED, "phantom.nii")
        self.check(self.run_cli("selftest", "--phantom", "phantom.png"), WRONG_USAGE, "must end in .nii or .nii.gz")
        piped = self.run_cli("selftest", "--phantom", "-")
        self.assertEqual(nibabel.Nifti1Image.from_bytes(piped.stdout).shape, image.shape)

    def test_installation_without_its_model_says_so(self):
        libraries = list(CLI.parents[1].glob("lib*/libtumorclass.so.?"))
        if not libraries:
            self.skipTest("the library is static")
        shutil.copy(libraries[0], self.folder)
        alone = {"LD_LIBRARY_PATH": str(self.folder)}
        facts = json.loads(self.run_cli("doctor", "--json", environment=alone).stdout)
        if not facts["model_place_2"].endswith("(nothing to read there)"):
            self.skipTest("a model is installed where this build would be")
        self.assertTrue(facts["model_place_1"].endswith("(nothing to read there)"))
        for command in (["selftest"], ["info"], ["classify", self.scan()]):
            done = self.run_cli(*command, environment=alone)
            self.check(done, MODEL_FAILED)
            self.assertTrue(done.stderr.startswith(b"tumorclass: the model that ships with the library: "), done.stderr)

    def test_no_file_is_taken(self):
        self.check(self.run_cli("selftest", MODEL), WRONG_USAGE, "selftest takes no file")


class Doctor(Case):
    def test_facts_are_those_of_this_machine(self):
        done = self.run_cli("doctor", "--json", environment={"OMP_NUM_THREADS": "1"})
        self.check(done, ANSWERED)
        facts = json.loads(done.stdout)
        version = re.search(r"VERSION ([\d.]+) LANG", (ROOT / "CMakeLists.txt").read_text()).group(1)
        self.assertIn(version, facts["library"])
        self.assertEqual(facts["affinity"], str(len(os.sched_getaffinity(0))))
        self.assertEqual((facts["OMP_NUM_THREADS"], facts["SLURM_CPUS_PER_TASK"]), ("1", "not set"))
        self.assertTrue(facts["threads"].startswith("1, "))
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        self.assertEqual(facts["memory"], f"{pages / 2**20:.0f} MiB")
        self.assertEqual(facts["model_sha256"], json.loads(self.run_cli("info", "--json").stdout)["sha256"])
        self.assertIn("none: the CUDA plugin libtumorclass-cuda.so is not installed", facts["plugins"])

    def test_text_has_every_fact(self):
        text = self.run_cli("doctor").stdout.decode()
        for key, value in json.loads(self.run_cli("doctor", "-j").stdout).items():
            self.assertIn(key, text)
            self.assertIn(value.split()[0], text)

    def test_no_file_and_no_model_is_taken(self):
        self.check(self.run_cli("doctor", "x"), WRONG_USAGE, "doctor takes no file")
        self.assertEqual(self.run_cli("doctor", "--model", MODEL).returncode, WRONG_USAGE)


if __name__ == "__main__":
    main()
