"""What the tests of `tumorclass batch` share: folders of scans, runs over them, the tables that come out."""
import csv
import os
import resource

import numpy as np

from command import MODEL, ANSWERED, head, Case


def key_of(within):
    """FNV-1a with 64 bits."""
    value = 0xcbf29ce484222325
    for byte in os.fsencode(within):
        value = (value ^ byte) * 0x100000001b3 % (1 << 64)
    return f"{value:016x}"


def at_most(size):
    """For a process whose files cannot grow beyond that, as on a full disk."""
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))}


class Batch(Case):
    def scans(self, *names, root="scans"):
        """Small scans, made once a test and then linked; three kinds in turn, so that rows differ."""
        for n, name in enumerate(names):
            path = self.folder / root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            ending = "nii.gz" if name.endswith(".gz") else "nii"
            kind = self.folder / f".kinds/{n % 3}.{ending}"
            if not kind.exists():
                self.scan(kind.relative_to(self.folder), np.roll(head(), 5 * (n % 3), axis=0))
            os.link(kind, path)
        return self.folder / root

    def batch(self, *arguments, **settings):
        return self.run_cli("batch", "--model", MODEL, *arguments, **settings)

    def found(self, *arguments, **settings):
        """The paths that a dry run lists, in its order, after a look at their keys."""
        done = self.run_cli("batch", "--dry-run", *arguments, **settings)
        self.assertEqual(done.returncode, ANSWERED, done.stderr)
        rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
        for key, within in rows:
            self.assertEqual(key, key_of(within))
        return [within for _, within in rows]

    def table(self, name="out.tsv"):
        with open(self.folder / name, newline="") as file:
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))

    def without_seconds(self, name="out.tsv"):
        rows = (self.folder / name).read_text().splitlines()
        column = rows[0].split("\t").index("seconds")
        return [row.split("\t")[:column] + row.split("\t")[column + 1:] for row in rows]
