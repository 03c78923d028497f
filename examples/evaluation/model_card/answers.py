"""What a model answers to the fixed cohorts, a portion at a time: scans are made, answered, measured and deleted.

What is kept of a portion lies in WORK/MODEL/COHORT/FIRST-LAST, MODEL the first digits of the model file's SHA-256:

    participants.tsv, headers.tsv     the scans, and what their headers say
    answers.jsonl                     `tumorclass batch` on the scans
    attention-cam.jsonl, -hirescam    their maps, held against the lesion masks
    twins.tsv, twins.jsonl            the same heads without their tumour
    KIND.jsonl, KIND.tsv              changed copies of the scans
    sha256                            of the portion; written last: the portion is done
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

import nibabel
import numpy as np

from cohorts import HERE, Fault
from tumorclass_evaluate import attention, runs, tables
from tumorclass_evaluate.output import table_text, write_text

CHANGED = ("z-scored", "8-bit", "reoriented", "slab", "greyed")  # by copies.py
STRIPPED = "stripped"                                            # drawn again by the generator
TOLERANCES_MM = {"cam": None, "hirescam": 5.0}                   # None: one cell of the map
HEADER = ("participant_id", "type", "slope", "x", "y", "z", "low", "high")


def hash_of(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def header_row(name, path):
    """Type and scaling as stored, the middle of the grid in mm, and the range of the values."""
    image = nibabel.load(path)
    middle = image.affine @ [*((n - 1) / 2 for n in image.shape[:3]), 1]
    data = np.asanyarray(image.dataobj)
    return (name, image.get_data_dtype(), *(f"{value:.6g}" for value in (
        image.dataobj.slope, *middle[:3], float(data.min()), float(data.max()))))


class Portions:
    """Answers of one model; maker: cohorts.Maker."""

    def __init__(self, maker, model, work, program="tumorclass", threads=0):
        self.maker, self.model, self.program, self.threads = maker, pathlib.Path(model), program, threads
        self.home = pathlib.Path(work) / hash_of(model)[:16]

    def folder(self, cohort, first, last):
        return self.home / cohort.name / f"{first:06d}-{last:06d}"

    def is_done(self, cohort, first, last):
        mark = self.folder(cohort, first, last) / "sha256"
        known = self.maker.digests.read().get((cohort.name, first, last))
        return mark.exists() and mark.read_text().strip() == known

    def answer(self, cohort, first, last):
        """Makes the portion, asks, and deletes its scans; goes on from what an earlier run left."""
        if self.is_done(cohort, first, last):
            return
        scans, kept = self.maker.portion(cohort, first, last), self.folder(cohort, first, last)
        sha256 = self.maker.digests.read()[cohort.name, first, last]
        begun = kept / "sha256.part"
        if kept.exists() and not (begun.exists() and begun.read_text().strip() == sha256):
            shutil.rmtree(kept)  # answers to other scans
        kept.mkdir(parents=True, exist_ok=True)
        write_text(begun, sha256 + "\n")
        shutil.copyfile(scans / "participants.tsv", kept / "participants.tsv")
        found = self.ask(scans, kept / "answers.jsonl")
        self.headers(scans, found, kept / "headers.tsv")
        if "attention" in cohort.measure:
            self.attention(scans, found, kept)
        if "twins" in cohort.measure:
            self.twins(scans, kept)
        if "copies" in cohort.measure:
            self.copies(cohort, first, last, scans, kept)
        os.replace(begun, kept / "sha256")
        shutil.rmtree(scans)

    def batch(self, folder):
        return runs.Batch(self.program, folder, [self.model], self.threads)

    def ask(self, folder, table):
        """Participant -> scan; the answers go into the table."""
        truth = tables.read_truth(folder / "participants.tsv")
        found = {participant: scans[0] for participant, scans in runs.find_scans(folder, truth).items()}
        self.batch(folder).run(table, list(found.values()))
        return found

    @staticmethod
    def headers(folder, found, table):
        if not table.exists():
            rows = [header_row(f"sub-{name}", folder / path) for name, path in sorted(found.items())]
            write_text(table, table_text(HEADER, rows))

    def attention(self, folder, found, kept):
        scans = sorted(path for path in found.values() if attention.mask_of(folder / path))
        for method, tolerance in TOLERANCES_MM.items():
            attention.Maps(self.batch(folder), method, kept, tolerance).measure(scans, say)

    def twins(self, folder, kept):
        shutil.copyfile(folder / "twins/participants.tsv", kept / "twins.tsv")
        self.ask(folder / "twins", kept / "twins.jsonl")

    def copies(self, cohort, first, last, scans, kept):
        """One kind at a time, so that the disk holds the portion twice at most."""
        for kind in (*CHANGED, STRIPPED):
            if (kept / f"{kind}.jsonl").exists():
                continue
            folder = scans.with_name(f"{scans.name}-{kind}")
            if kind == STRIPPED:
                options = [option for option in cohort.options if option != "--twins"]
                self.maker.generate([*options, "--stripped", "well", "--no-masks"], first, last, folder)
            else:
                changed = [sys.executable, HERE.parent / "copies.py", scans, "--kind", kind, "--output", folder]
                if subprocess.run(changed, check=False).returncode:
                    raise Fault(f"copies.py --kind {kind} failed on {cohort.name}, subjects {first} to {last}")
            shutil.copyfile(folder / "participants.tsv", kept / f"{kind}.tsv")
            self.ask(folder, kept / f"{kind}.jsonl")
            shutil.rmtree(folder)


def say(text):
    print(text, file=sys.stderr, flush=True)
