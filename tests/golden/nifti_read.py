"""Every file of TUMORCLASS_TEST_DATA/nifti is read as nibabel reads it, or refused with its sentence (nifti_cases.tsv)."""
import csv
import os
import pathlib
import subprocess
import sys

import nibabel
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from support import skip

FOLDER = pathlib.Path(os.environ["TUMORCLASS_TEST_DATA"]) / "nifti"
TABLE = pathlib.Path(__file__).parents[1] / "unit/nifti_cases.tsv"
DUMP = pathlib.Path(os.environ["TUMORCLASS_BUILD"]) / "tests/golden/dump_image"
NO_ORIENTATION, FORMS_DISAGREE, EXTRA_DIMENSIONS = 1, 2, 4


def dump(path):
    """(shape, affine, notes, voxels) that the library reads, or (status, sentence)."""
    done = subprocess.run([DUMP, path], capture_output=True)
    if done.returncode == 1:
        return tuple(done.stdout.decode().rstrip("\n").split("\t"))
    assert done.returncode == 0 and not done.stderr, f"dump_image ended with {done.returncode}: {done.stderr}"
    line, voxels = done.stdout.split(b"\n", 1)
    numbers = line.split()
    shape = [int(number) for number in numbers[:3]]
    affine = np.vstack([np.array(numbers[3:15], dtype=float).reshape(3, 4), [0, 0, 0, 1]])
    return shape, affine, int(numbers[15]), np.frombuffer(voxels, np.float32).reshape(shape, order="F")


def load(path, pair):
    """What nibabel reads; `pair` names header and voxels where it would not find one by the name of the other."""
    if not pair:
        return nibabel.load(path)
    with nibabel.openers.Opener(path.parent / pair[0]) as header, nibabel.openers.Opener(path.parent / pair[1]) as voxels:
        files = {"header": nibabel.FileHolder(fileobj=header), "image": nibabel.FileHolder(fileobj=voxels)}
        image = nibabel.Nifti1Pair.from_file_map(files)
        return nibabel.Nifti1Pair(np.asanyarray(image.dataobj), image.affine, image.header)


def forms_disagree(header, shape):
    """Whether sform and qform put a corner of the volume more than half a voxel apart."""
    corners = np.array([[i, j, k, 1] for i in (0, shape[0] - 1) for j in (0, shape[1] - 1) for k in (0, shape[2] - 1)])
    apart = corners @ (header.get_sform() - header.get_qform())[:3].T
    return np.linalg.norm(apart, axis=1).max() > 0.5 * min(header.get_zooms()[:3])


def expected_of(image):
    """The first volume: intensities in double, rounded to float once; affine; notes."""
    header, affine = image.header, image.affine.copy()
    slope, intercept = getattr(image.dataobj, "slope", 1), getattr(image.dataobj, "inter", 0)
    stored = image.dataobj.get_unscaled() if hasattr(image.dataobj, "get_unscaled") else image.dataobj
    stored = stored.reshape(stored.shape[:3] + (1,) * (3 - stored.ndim) + (-1,), order="F")[..., 0]
    voxels = (stored.astype(np.float64) * slope + intercept).astype(np.float32)
    notes = EXTRA_DIMENSIONS if np.prod(image.shape[3:]) > 1 else 0
    if header["sform_code"] == 0 and header["qform_code"] == 0:
        # nibabel takes such a file for radiological and centred, the standard (method 1) for neither
        affine = np.diag([*header["pixdim"][1:4].astype(float), 1])
        notes |= NO_ORIENTATION
    elif header["sform_code"] > 0 and header["qform_code"] > 0 and forms_disagree(header, voxels.shape):
        notes |= FORMS_DISAGREE
    return list(voxels.shape), affine, notes, voxels


def check_read(path, row):
    shape, affine, notes, voxels = expected_of(load(path, row["pair"].split()))
    result = dump(path)
    assert len(result) == 4, f"refused: {result}"
    assert result[0] == shape, f"shape is {result[0]}, not {shape}"
    worst = np.abs(result[1] - affine).max()
    assert worst <= 1e-6, f"affine differs by {worst}"
    assert result[2] == notes, f"notes are {result[2]}, not {notes}"
    different = np.count_nonzero(~((result[3] == voxels) | (np.isnan(result[3]) & np.isnan(voxels))))
    assert different == 0, f"{different} of {voxels.size} voxels differ"
    return len(np.unique(voxels))


def check(path, row):
    if row["result"] == "read":
        return f"read, {check_read(path, row)} different values"
    result = dump(path)
    assert result == (row["result"], row["sentence"]), f"gave {result[:2]}"
    return f"refused: {row['result']}"


def main():
    if not FOLDER.is_dir():
        skip("no nifti in TUMORCLASS_TEST_DATA")
    with TABLE.open(newline="") as table:
        rows = {row["file"]: row for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)}
    files = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file())
    failures = [f"{name}: has no row" for name in files if name not in rows]
    failures += [f"{name}: has a row, but is not there" for name in rows if name not in files]
    for name in sorted(set(files) & set(rows)):
        try:
            print(f"{name}: {check(FOLDER / name, rows[name])}")
        except AssertionError as failure:
            failures.append(f"{name}: {failure}")
    print(f"{len(files)} files, {len(failures)} failures", *failures, sep="\n")
    return 1 if failures else 0


sys.exit(main())
