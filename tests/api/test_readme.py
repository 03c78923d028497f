"""What the README shows is what the command prints, but for the time that it took and the machine."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

from command import CLI, ROOT

HEAD = pathlib.Path("/usr/share/mricron/templates/ch2.nii.gz")


def shown(text):
    return [line for line in text.split("  Device ")[0].splitlines() if line]


for needed in (CLI, HEAD):
    if not needed.is_file():
        print(f"skipped: no {needed.name}")
        sys.exit(77)
section = (ROOT / "README.md").read_text().split("It prints\n")[1].split("\nand writes")[0]
expected = shown("\n".join(line[4:] for line in section.splitlines()))
with tempfile.TemporaryDirectory() as folder:
    shutil.copy(HEAD, f"{folder}/colin27.nii.gz")
    command = [CLI, "classify", "colin27.nii.gz", "--attention", "map.nii.gz", "--overlay", "overlay.png"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, env={"LC_ALL": "C.UTF-8"})
assert len(expected) > 8, section
assert shown(done.stdout) == expected, f"the README shows\n{section}\nthe command prints\n{done.stdout}"
print(f"{len(expected)} lines agree")
