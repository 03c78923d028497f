"""The cohorts that figures are made from: settings that make sense, and portions that are held to their SHA-256."""
import gzip
import os
import pathlib
import re
import sys
import tempfile
import unittest

MODEL_CARD = pathlib.Path(__file__).parents[2] / "examples/evaluation/model_card"
sys.path.insert(0, str(MODEL_CARD))
sys.dont_write_bytecode = True

import cohorts  # noqa: E402

# Writes what tumorclass-cohort would, in small: a scan that follows from the seed and the number, a packed mask, a row.
GENERATOR = f"""#!{sys.executable}
import gzip, os, pathlib, sys
words = sys.argv[1:]
value = lambda name: words[words.index(name) + 1]
folder, (first, last) = pathlib.Path(value("-o")), map(int, value("--portion").split("-"))
level, noise, left_out = int(os.environ.get("LEVEL", 9)), os.environ.get("NOISE", ""), os.environ.get("LEFT_OUT")
for home in (folder, folder / "twins"):
    rows = "participant_id\\tclass\\n"
    for n in range(first, last + 1):
        anat = home / f"sub-{{n:06d}}" / "anat"
        anat.mkdir(parents=True, exist_ok=True)
        if str(n) != left_out:
            (anat / f"sub-{{n:06d}}_T1w.nii").write_text(f"{{value('--seed')}} {{n}} {{noise if n == last else ''}}")
        (anat / f"sub-{{n:06d}}_lesion.nii.gz").write_bytes(gzip.compress(b"mask" * 99, level))
        rows += f"sub-{{n:06d}}\\t{{os.environ.get('CLASS', 'MEN')}}\\n"
    (home / "participants.tsv").write_text(rows)
(folder / "dataset_description.json").write_text(os.environ.get("VERSION", "1"))
"""


class Fixed(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        self.program = self.folder / "generator"
        self.program.write_text(GENERATOR)
        self.program.chmod(0o755)
        self.list = self.folder / "portions.tsv"
        self.cohort = cohorts.Cohort("internal-2", 7, ["--seed", "2"], [], 5)

    def make(self, first, last, record=False, **environment):
        """In a folder of its own each time."""
        output = tempfile.mkdtemp(dir=self.folder)
        maker = cohorts.Maker("prepared", output, cohorts.Digests(self.list), self.program, 1, record)
        os.environ.update(environment)
        try:
            return maker.portion(self.cohort, first, last)
        finally:
            for name in environment:
                del os.environ[name]

    def refused(self, words, *portion, **environment):
        before = self.list.read_bytes() if self.list.exists() else None
        with self.assertRaises(cohorts.Fault) as caught:
            self.make(*portion, **environment)
        self.assertRegex(str(caught.exception), words)
        self.assertEqual(before, self.list.read_bytes() if self.list.exists() else None)

    def test_portions_cover_the_cohort(self):
        self.assertEqual(self.cohort.portions(), [(1, 5), (6, 7)])
        self.assertEqual(self.cohort.portions(1), [(1, 5)])

    def test_recorded_and_made_again(self):
        self.refused("internal-2, subjects 1 to 5: portions.tsv has no digest", 1, 5)
        self.make(6, 7, record=True)
        self.make(1, 5, record=True)
        rows = [line.split("\t")[:3] for line in self.list.read_text().splitlines()]
        self.assertEqual(rows, [["cohort", "first", "last"], ["internal-2", "1", "5"], ["internal-2", "6", "7"]])
        self.make(1, 5)
        self.make(6, 7, LEVEL="1", VERSION="2")  # packed otherwise, described otherwise: the same scans

    def test_anything_else_is_refused(self):
        self.make(1, 5, record=True)
        fixed = "internal-2, subjects 1 to 5: .* are not those that were fixed.*SHA-256"
        self.refused(fixed, 1, 5, NOISE="1")
        self.refused(fixed, 1, 5, CLASS="HGG")
        self.refused(fixed, 1, 5, NOISE="1", record=True)
        self.refused("internal-2, subjects 1 to 5: 1 of them are not there, the first is sub-0*3", 1, 5, LEFT_OUT="3")
        self.refused("internal-2, subjects 6 to 7: 1 of them are not there", 6, 7, record=True, LEFT_OUT="7")
        self.cohort.options = ["--seed", "3"]
        self.refused(fixed, 1, 5)

    def test_what_counts(self):
        """Name and bytes of each file, and the rows; a portion of a larger folder is the same portion."""
        whole, part = self.make(1, 7, record=True), self.make(1, 5, record=True)
        self.assertEqual(cohorts.digest(whole, 1, 5), cohorts.digest(part, 1, 5))
        before = cohorts.digest(part, 1, 5)
        for change in (lambda: (part / "twins/sub-000002/anat/sub-000002_T1w.nii").write_text("else"),
                       lambda: (part / "sub-000001/anat/sub-000001_lesion.nii.gz").write_bytes(gzip.compress(b"else")),
                       lambda: (part / "sub-000004").rename(part / "sub-000005/sub-000004"),
                       lambda: (part / "twins/participants.tsv").unlink()):
            change()
            after = cohorts.digest(part, 1, 5)
            self.assertNotEqual(before, after)
            before = after

    def test_a_program_that_fails(self):
        self.program.write_text("#!/bin/sh\nexit 3\n")
        self.refused("generator ended with 3", 1, 5, record=True)


class Shipped(unittest.TestCase):
    """cohorts.json and portions.tsv as they are."""

    def test_settings(self):
        options = {}
        for name, cohort in cohorts.read_cohorts(MODEL_CARD / "cohorts.json").items():
            words = " ".join(cohort.options)
            per_class = re.search(r"--per-class (\d+)", words)
            paper = 361 if "--split internal" in words else 348
            self.assertEqual(cohort.scans, 7 * int(per_class[1]) if per_class else paper, name)
            self.assertNotIn("--split train", words)
            self.assertNotIn(words, options, f"{name} and {options.get(words)} are one cohort")
            options[words] = name

    def test_every_cohort_is_pinned(self):
        known = cohorts.read_cohorts(MODEL_CARD / "cohorts.json")
        digests = cohorts.Digests(MODEL_CARD / "portions.tsv").read()
        for name, cohort in known.items():
            self.assertIn((name, *cohort.portions()[0]), digests)
        for (name, *portion), sha256 in digests.items():
            self.assertIn(tuple(portion), known[name].portions())
            self.assertRegex(sha256, "^[0-9a-f]{64}$")
        self.assertEqual(len(set(digests.values())), len(digests))


if __name__ == "__main__":
    unittest.main()
