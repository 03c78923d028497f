"""`tumorclass batch`, started from here: the predictions of the truth's scans, and maps of some of them."""
import json
import pathlib
import shutil
import subprocess

from .tables import Fault

MODEL_FAILED = 3


def find_scans(folder, participants):
    """Participant -> its T1w volumes within a BIDS folder, as `tumorclass batch` chooses them: of each session those
    after contrast (ce-), where it has such."""
    folder = pathlib.Path(folder)
    found = {}
    for participant in participants:
        home = folder / f"sub-{participant}"
        scans = [scan for session in sorted([home, *home.glob("ses-*")]) for scan in _of_session(session)]
        if not scans:
            raise Fault(f"sub-{participant} has no anat/*_T1w.nii or .nii.gz in the folder of scans")
        found[participant] = [scan.relative_to(folder).as_posix() for scan in scans]
    return found


def _of_session(session):
    scans = sorted(path for end in ("nii", "nii.gz") for path in session.glob(f"anat/*_T1w.{end}"))
    return [scan for scan in scans if "_ce-" in scan.name] or scans


class Batch:
    """How `tumorclass batch` is called; each call goes on where an earlier one stopped."""

    def __init__(self, program, folder, models=(), threads=None, device=None):
        self.program, self.folder = shutil.which(program) or program, pathlib.Path(folder)
        self.options = [word for model in models for word in ("--model", str(pathlib.Path(model).resolve()))]
        self.options += ["--threads", str(threads)] if threads is not None else []
        self.options += ["--device", device] if device else []

    def run(self, table, scans, *options, quiet=False):
        """The objects of the table of these scans (paths within the folder)."""
        table = pathlib.Path(table).resolve()
        command = [self.program, "batch", "--list", "-", "-o", table, *self.options, *options]
        try:
            done = subprocess.run(command, input="".join(scan + "\n" for scan in scans), text=True, cwd=self.folder,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE if quiet else None, check=False)
        except OSError as error:
            raise Fault(f"{pathlib.Path(self.program).name}, or the folder of scans, cannot be used: {error.strerror}"
                        ) from None
        if done.returncode not in (0, 1) or not table.exists():
            raise BatchFailed(done.returncode, (done.stderr or "").strip())
        with open(table, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.strip()]


class BatchFailed(Exception):
    """`tumorclass batch` ended without a table."""

    def __init__(self, code, told):
        super().__init__(f"'tumorclass batch' ended with {code}" + (f":\n{told}" if told else ""))
        self.code = code if code in (2, MODEL_FAILED, 4) or code > 128 else MODEL_FAILED
