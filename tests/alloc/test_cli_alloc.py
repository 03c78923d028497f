"""The command when memory or threads run out, anywhere from its first allocation to its last: it says so and ends with
a code for it, with no half-written file; or it did without, and its outputs are the same to the byte.

`test_cli_alloc.py long` makes every single allocation fail; without it every few dozenth, from a random first one."""
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import nibabel
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "api"))
from command import CLI, ROOT, ANSWERED, SCAN_FAILED, MODEL_FAILED, OUTPUT_FAILED, head  # noqa: E402

PRELOAD = pathlib.Path(os.environ.get("TUMORCLASS_BUILD", "build")).resolve() / "tests/alloc/libpreload.so"
SHAPE = (20, 22, 18)
RUNS = 25  # of each command and mode, without `long`
COMMANDS = {
    "classify": ("classify", "--json", "-m", "m.onnx", "scan.nii.gz", "-a", "out/map.nii.gz", "-p", "out/overlay.png"),
    "classify as text": ("classify", "-m", "m.onnx", "scan.nii", "-a", "out/map.nii", "-c", "all"),
    "info on a model": ("info", "--json", "m.onnx"),
    "info on a scan": ("info", "--json", "scan.nii.gz"),
    "batch": ("batch", "-m", "m.onnx", "scan.nii.gz", "-o", "out/table.jsonl", "-a", "out/map.nii.gz"),
    "preprocess": ("preprocess", "-m", "m.onnx", "scan.nii.gz", "-o", "out/input.nii.gz"),
}


class Failure(Exception):
    pass


def check(right, *facts):
    if not right:
        raise Failure(*facts)


def prepare():
    affine = np.diag([9.0, 9.0, 9.0, 1.0])
    affine[:3, 3] = -90
    for name in ("scan.nii", "scan.nii.gz"):
        nibabel.Nifti1Image(head(SHAPE), affine).to_filename(name)
    subprocess.run([sys.executable, ROOT / "examples/training/reference_model.py", "--filters", "2",
                    "--shape", "32,32,32", "--output", "m.onnx"], check=True, capture_output=True)
    os.mkdir("out")


def run(arguments, what="memory", first=0, onwards=False):
    """What became of it: code, standard output, standard error, {name: bytes} of the outputs, and how many calls failed."""
    for path in pathlib.Path("out").iterdir():
        path.unlink()
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "LD_PRELOAD": str(PRELOAD), "FAIL_WHAT": what,
                   "FAIL_FIRST": str(first), "FAIL_ONWARDS": str(int(onwards)), "FAIL_REPORT": "report"}
    pathlib.Path("report").unlink(missing_ok=True)
    done = subprocess.run([CLI, *arguments, "--threads", "2"] if arguments[0] != "info" else [CLI, *arguments],
                          capture_output=True, env=environment, timeout=60)
    files = {path.name: path.read_bytes() for path in pathlib.Path("out").iterdir()}
    files = {name: timeless(data) if name.startswith("table") else data for name, data in files.items()}
    report = pathlib.Path("report")
    return done.returncode, done.stdout, done.stderr.decode(), files, int(report.read_text()) if report.exists() else None


def timeless(output):
    """Standard output without what differs from run to run: the times, and the threads that could be had."""
    text = re.sub(r"^  (Time|Device) .*\n(?:   .*\n)*", "", output.decode(), flags=re.MULTILINE)
    lines = []
    for line in text.splitlines():
        if line.startswith("{"):
            item = json.loads(line)
            item.pop("timings", None)
            item.pop("device", None)
            line = json.dumps(item)
        lines.append(line)
    return lines


def check_failed(code, output, told, files, wanted):
    check(code in (SCAN_FAILED, MODEL_FAILED, OUTPUT_FAILED), "code", code)
    check(told.startswith("tumorclass: "), "no sentence")
    for line in told.splitlines():
        check(line.startswith("tumorclass: "), "another's sentence", line)
    for name, data in files.items():
        if name in ("table.jsonl", "table.jsonl.part"):
            check(data in ([], wanted["table.jsonl"]) or "out of memory" in data[0], "half a row", data)
        else:
            check(data == wanted.get(name), "half-written or temporary file", name)
    for line in output.decode().splitlines():
        if line.startswith("{"):
            item = json.loads(line)
            check("error" in item or timeless(line.encode()) == wanted[None], "half an answer", line)


def check_run(arguments, wanted, what, first, onwards):
    """Whether that many calls were made, so that one failed."""
    code, output, told, files, failures = run(arguments, what, first, onwards)
    try:
        check(code >= 0, "signal", -code)
        if code != ANSWERED:
            check(what == "memory", "failed for want of threads")
            check_failed(code, output, told, files, wanted)
        else:
            check(timeless(output) == wanted[None], "another answer", output)
            check(files == {name: data for name, data in wanted.items() if name}, "other files", sorted(files))
    except Failure as failure:
        sys.exit(f"{' '.join(arguments)}: {what} failing at {first}{' and on' if onwards else ''}: {failure.args}: {told}")
    return failures is None or failures > 0


def count_calls(arguments, wanted, what):
    """By bisection: the last call that can fail."""
    low, high = 0, 1
    while check_run(arguments, wanted, what, high, False):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if check_run(arguments, wanted, what, middle, False):
            low = middle
        else:
            high = middle
    return low


def exhaust(name, arguments, long):
    code, output, told, files, failures = run(arguments)
    check(code == ANSWERED and failures == 0, name, code, told)
    wanted = {None: timeless(output), **files}
    for what in ("memory", "threads"):
        calls = count_calls(arguments, wanted, what)
        step = 1 if long else max(1, calls // RUNS)
        for onwards in (False, True):
            for first in range(1 + random.randrange(step), calls + 1, step):
                check_run(arguments, wanted, what, first, onwards)
        print(f"{name}: {calls} calls for {what}, every {step} failed")
        check(calls > (5 if what == "memory" else -1 if name.startswith("info") else 0), "too few calls", name, calls)


def main():
    if not PRELOAD.is_file() or not CLI.is_file():
        print("skipped: the command or the preloaded library is not built")
        sys.exit(77)
    seed = int(os.environ.get("TUMORCLASS_SEED", random.randrange(1 << 32)))
    print("seed", seed)
    random.seed(seed)
    with tempfile.TemporaryDirectory(prefix="tumorclass-alloc-") as folder:
        os.chdir(folder)
        prepare()
        for name, arguments in COMMANDS.items():
            exhaust(name, arguments, sys.argv[1:] == ["long"])
        os.chdir("/")


if __name__ == "__main__":
    main()
