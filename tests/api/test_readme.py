"""What the README shows is what the command prints, but for the time that it took and the machine."""
import shutil
import subprocess
import sys
import tempfile

from command import CLI, ROOT

HEAD = ROOT / "examples/scans/synthetic-hgg.nii.gz"


def shown(text):
    return [line.rstrip() for line in text.split("  Device ")[0].splitlines() if line.strip()]


for needed in (CLI, HEAD):
    if not needed.is_file():
        print(f"skipped: no {needed.name}")
        sys.exit(77)
section = (ROOT / "README.md").read_text().split("it prints\n")[1].split("\nand writes")[0]
expected = shown("\n".join(line[4:] for line in section.splitlines()))
with tempfile.TemporaryDirectory() as folder:
    shutil.copy(HEAD, folder)
    command = [CLI, "classify", HEAD.name, "--attention", "synthetic-hgg-map.nii.gz", "--overlay", "synthetic-hgg.png"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, env={"LC_ALL": "C.UTF-8"})
assert len(expected) > 8, section
assert shown(done.stdout) == expected, f"the README shows\n{section}\nthe command prints\n{done.stdout}"
print(f"{len(expected)} lines agree")
