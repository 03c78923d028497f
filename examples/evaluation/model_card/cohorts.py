#!/usr/bin/env python3
"""Make the fixed cohorts in portions, and hold each portion to its SHA-256.

    cohorts.py PREPARED --cohort calibration --output FOLDER     make a cohort, and keep its scans
    cohorts.py PREPARED --output FOLDER --delete                 make every cohort again, a portion at a time
    cohorts.py PREPARED --output FOLDER --delete --record        the same, adding what the list has not

cohorts.json has the settings of each cohort, portions.tsv the digests. A portion that comes out otherwise than its
digest says ends the command. PREPARED is what `tumorclass-cohort prepare` wrote.
"""
import argparse
import dataclasses
import gzip
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
COLUMNS = "cohort\tfirst\tlast\tsha256"


class Fault(Exception):
    """A portion is not what it should be, or cannot be made; the text is what the user reads."""


@dataclasses.dataclass
class Cohort:
    """measure: what else is asked of its scans; None: they are not evaluated."""
    name: str
    scans: int
    options: list
    measure: list
    portion: int

    def portions(self, most=None):
        """(first, last) subject of each, at most so many of them."""
        firsts = range(1, self.scans + 1, self.portion)[:most]
        return [(first, min(first + self.portion - 1, self.scans)) for first in firsts]


def read_cohorts(path):
    """Name -> Cohort, in the order of the file."""
    settings = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    return {name: Cohort(name, one["scans"], one["options"].split(), one.get("measure"),
                         one.get("portion", settings["portion"]))
            for name, one in settings["cohorts"].items()}


# ---- Digests ----

def bytes_of(path):
    """What is compressed is taken out: another zlib packs the same bytes otherwise."""
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def number_of(name):
    found = re.match(r"sub-(\d{6})(?!\d)", name)
    return int(found[1]) if found else 0


def rows_of(table, first, last):
    """The header and the rows of these subjects."""
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for at, line in enumerate(lines) if at == 0 or first <= number_of(line) <= last).encode()


def parts_of(folder, first, last):
    """Path within the folder -> content, of these subjects; the twins' folder is one of the same kind."""
    for home in (folder, folder / "twins"):
        table = home / "participants.tsv"
        if table.is_file():
            yield table.relative_to(folder).as_posix(), lambda table=table: rows_of(table, first, last)
        for subject in home.glob("sub-*"):
            if first <= number_of(subject.name) <= last:
                for path in subject.rglob("*"):
                    if path.is_file():
                        yield path.relative_to(folder).as_posix(), lambda path=path: bytes_of(path)


def digest(folder, first, last):
    """SHA-256 over name, length and bytes of each file, sorted by name."""
    folder, whole = pathlib.Path(folder), hashlib.sha256()
    for name, content in sorted(parts_of(folder, first, last), key=lambda part: part[0]):
        data = content()
        whole.update(f"{name}\0{len(data)}\0".encode())
        whole.update(data)
    return whole.hexdigest()


class Digests:
    """The list of portions.tsv."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def read(self):
        """(cohort, first, last) -> SHA-256."""
        if not self.path.exists():
            return {}
        header, *lines = self.path.read_text(encoding="utf-8").splitlines()
        if header != COLUMNS:
            raise Fault(f"{self.path.name}: its columns are not {COLUMNS.split()}")
        rows = [line.split("\t") for line in lines]
        return {(name, int(first), int(last)): sha256 for name, first, last, sha256 in rows}

    def add(self, key, sha256):
        known = {**self.read(), key: sha256}
        lines = [COLUMNS, *("\t".join([*map(str, k), known[k]]) for k in sorted(known))]
        part = self.path.with_name("." + self.path.name)
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.replace(part, self.path)


# ---- Making ----

class Maker:
    """Makes portions: portion(cohort, first, last) is the folder of one that its digest holds for."""

    def __init__(self, prepared, output, digests, program="tumorclass-cohort", threads=0, record=False):
        self.prepared, self.output, self.digests = pathlib.Path(prepared), pathlib.Path(output), digests
        self.program, self.threads, self.record = program, threads, record

    def folder(self, cohort, first, last):
        return self.output / cohort.name / f"{first:06d}-{last:06d}"

    def generate(self, options, first, last, folder):
        command = [self.program, "generate", self.prepared, "-o", folder, *options,
                   "--portion", f"{first}-{last}", "--threads", self.threads]
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([str(word) for word in command], check=False)
        if done.returncode:
            raise Fault(f"{self.program} ended with {done.returncode}")

    def portion(self, cohort, first, last):
        folder = self.folder(cohort, first, last)
        self.generate(cohort.options, first, last, folder)
        self.check(cohort, first, last, folder)
        return folder

    def check(self, cohort, first, last, folder):
        """The digest is the recorded one; or it is recorded, if that is wanted."""
        where = f"{cohort.name}, subjects {first} to {last}"
        there = {number_of(path.name) for path in folder.glob("sub-*/anat/*_T1w.nii*")}
        missing = [number for number in range(first, last + 1) if number not in there]
        if missing:
            raise Fault(f"{where}: {len(missing)} of them are not there, the first is sub-{missing[0]:06d}")
        found, known = digest(folder, first, last), self.digests.read().get((cohort.name, first, last))
        if known is None and not self.record:
            raise Fault(f"{where}: {self.digests.path.name} has no digest of them; --record adds it")
        if known is None:
            self.digests.add((cohort.name, first, last), found)
        elif known != found:
            raise Fault(f"{where}: the scans in {folder} are not those that were fixed. Their SHA-256 is {found}, "
                        f"{self.digests.path.name} has {known}")


def add_arguments(parser):
    """Those of every command that makes portions."""
    add = parser.add_argument
    add("prepared", type=pathlib.Path, metavar="PREPARED", help="the anatomies")
    add("--cohort", action="append", metavar="NAME", help="this one alone; may be repeated")
    add("--first", type=int, metavar="N", help="the first N portions of each cohort alone")
    add("--record", action="store_true", help="add the digest of a portion that the list has not")
    add("--threads", type=int, default=0, metavar="N", help="0, the default, asks the system")
    add("--tumorclass-cohort", default="tumorclass-cohort", metavar="PROGRAM", help="the generator")
    add("--settings", type=pathlib.Path, default=HERE, metavar="FOLDER",
        help="other cohorts: a folder with cohorts.json and portions.tsv")


def chosen(arguments):
    """The cohorts that are wanted."""
    known = read_cohorts(arguments.settings / "cohorts.json")
    for name in arguments.cohort or ():
        if name not in known:
            raise Fault(f"--cohort {name}: must be one of {', '.join(known)}")
    return [known[name] for name in arguments.cohort or known]


def maker_of(arguments, output):
    return Maker(arguments.prepared, output, Digests(arguments.settings / "portions.tsv"),
                 arguments.tumorclass_cohort, arguments.threads, arguments.record)


def parser_of(text):
    first, *rest = text.split("\n\n")
    return argparse.ArgumentParser(description=first, epilog="\n\n".join(rest), allow_abbrev=False,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)


def main():
    parser = parser_of(__doc__)
    add_arguments(parser)
    parser.add_argument("--output", type=pathlib.Path, required=True, metavar="FOLDER", help="where the scans go")
    parser.add_argument("--delete", action="store_true", help="delete each portion's scans once they are checked")
    arguments = parser.parse_args()
    maker = maker_of(arguments, arguments.output)
    for cohort in chosen(arguments):
        for first, last in cohort.portions(arguments.first):
            folder = maker.portion(cohort, first, last)
            print(f"{cohort.name}, subjects {first} to {last}: as fixed", flush=True)
            if arguments.delete:
                shutil.rmtree(folder)


if __name__ == "__main__":
    try:
        main()
    except Fault as fault:
        sys.exit(f"cohorts.py: {fault}")
