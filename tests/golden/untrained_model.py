"""The untrained model of the tests is what the script writes today: byte for byte but for its known answer, which ONNX
Runtime works out anew, and which agrees to rounding."""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx

ROOT = pathlib.Path(__file__).parents[2]
MODEL = ROOT / "tests/models/untrained.onnx"
COMMAND = pathlib.Path(os.environ.get("TUMORCLASS_BUILD", "build")).resolve() / "bin/tumorclass"


def split(path):
    """The known answer, and all the other bytes."""
    model = onnx.load(path)
    known = model.metadata_props.pop()
    assert known.key == "tumorclass.selftest", known.key
    return np.array([float(number) for number in known.value.split(",")]), model.SerializeToString(deterministic=True)


def main():
    if not COMMAND.is_file():
        print("skipped: the command is not built")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "untrained.onnx"
        subprocess.run([sys.executable, ROOT / "examples/training/reference_model.py", "--filters", "2",
                        "--shape", "64,64,64", "--selftest", COMMAND, "--output", path], check=True)
        answer, rest = split(path)
        kept_answer, kept_rest = split(MODEL)
        if rest != kept_rest:
            sys.exit(f"{MODEL.name} is not what reference_model.py --filters 2 --shape 64,64,64 writes")
        error = abs(answer - kept_answer).max() / abs(kept_answer).max()
        print(f"known answer: {error:.2g} of the largest logit from the file's")
        if not error < 1e-4:
            sys.exit(f"{MODEL.name} has the known answer {kept_answer}, ONNX Runtime says {answer}")


if __name__ == "__main__":
    main()
