"""The model that ships and is the default: small, trained by its own account, with every key that docs/model-file.md
lists, and with a known answer that the command and ONNX Runtime both give."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import nibabel
import numpy as np
import onnx

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import run_onnxruntime, skip  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "examples/models/synthetic.onnx"
COMMAND = pathlib.Path(os.environ.get("TUMORCLASS_BUILD", "build")).resolve() / "bin/tumorclass"
MOST_BYTES = 8 << 20
NOT_NEEDED = {"tumorclass.trained"}  # a trained model need not say so


def command(*arguments):
    """What it says on standard output; a warning would be on the other."""
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, env={"LC_ALL": "C.UTF-8"})
    assert done.returncode == 0 and not done.stderr, f"{arguments[0]} ended with {done.returncode}: {done.stderr}"
    return done.stdout


def documented():
    """The keys in the first column of the table: `tumorclass.license`, `.authors`, ..."""
    rows = re.findall(r"^\| (`tumorclass\.[^|]*)\|", (ROOT / "docs/model-file.md").read_text(), re.M)
    names = [name for row in rows for name in re.findall("`(.+?)`", row)]
    return {"tumorclass." + name.removeprefix("tumorclass").lstrip(".") for name in names}


def check_file():
    assert MODEL.stat().st_size <= MOST_BYTES, f"{MODEL.stat().st_size} bytes"
    known = json.loads(command("info", "--json"))
    given = json.loads(command("info", "--json", MODEL))
    assert known == given and known["model"] == MODEL.name, "another model is the default"
    facts = json.loads(command("doctor", "--json"))
    assert facts["model"] == f"{MODEL.name}, {len(known['classes'])} classes", facts["model"]
    assert facts["model_sha256"] == known["sha256"]
    keys = {entry.key for entry in onnx.load(MODEL).metadata_props if entry.value.strip()}
    wanted = documented() - NOT_NEEDED
    assert len(wanted) > 20 and not wanted - keys, f"not in the file: {sorted(wanted - keys)}"
    return known


def check_answers(known, folder):
    """On every instruction set as the file says, and as ONNX Runtime says; and all that the keys allow is used."""
    command("selftest")
    phantom, prepared = folder / "phantom.nii", folder / "prepared.nii"
    command("selftest", "--phantom", phantom)
    command("preprocess", phantom, "--output", prepared)
    image = np.asarray(nibabel.load(prepared).dataobj, np.float32)[None, None]
    theirs = run_onnxruntime(MODEL, image)["logits"].ravel()
    wanted = np.array(known["metadata"]["tumorclass.selftest"].split(","), float)
    error = abs(theirs - wanted).max() / abs(wanted).max()
    print(f"known answer: ONNX Runtime is {error:.2g} of the largest logit away")
    assert error < 1e-4, (theirs, wanted)
    assert "untrained" not in (text := command("classify", phantom)), text
    answer = json.loads(command("classify", "--json", phantom))
    for key in ("prediction_set", "unlikeness"):
        assert answer["confidence"][key] is not None, key


def main():
    if not COMMAND.is_file():
        skip("the command is not built")
    with tempfile.TemporaryDirectory() as folder:
        check_answers(check_file(), pathlib.Path(folder))
    print(f"{MODEL.name}: {MODEL.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
