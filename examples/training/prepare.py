#!/usr/bin/env python3
"""Turn BIDS folders into a prepared set: the network's inputs of all their scans, as train.py reads them.

A folder holds participants.tsv with participant_id and class (and, if it knows them, split, and columns that validation
tells apart), and scans sub-X/[ses-Y/]anat/*_T1w.nii[.gz]; those with the entity ce- (contrast agent) are taken where a
participant has any. A lesion mask beside the scan, *_lesion.nii[.gz] or *_lesion_mask.nii[.gz], on the scan's grid,
helps training: 1 is tumour; other values, as oedema, are not looked at. Scans of no known class are passed over.

The command `tumorclass preprocess` makes the inputs: there is no other preprocessing. Running this again adds what is
new, and goes on where an interrupt stopped it. Needs numpy, nibabel and onnx.
"""
import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import nibabel
import numpy as np
import onnx
from onnx import TensorProto, helper

from prepared import CELL, limits, quantize, shape_of, whole_rows

COMPACT = {"input.orientation": "RAS", "input.grid": "spacing 2,2,2", "input.shape": "96,96,96",
           "input.stripped": "any", "norm": "percentile 1,99 clip 0,1.3", "background": "0"}
PUBLISHED = {"input.orientation": "RAS", "input.grid": "stretch", "input.shape": "128,128,128",
             "input.stripped": "any", "norm": "zscore-foreground"}
PORTION = 32  # scans to one call of the command
TUMOUR = 1  # in a lesion mask
SUB_VOXEL = 2.0  # mm: mask voxels are cut into pieces no longer than this


class BadScan(Exception):
    """One scan that cannot be prepared; the others can."""


# ---- BIDS ----


def participants(folder):
    path = folder / "participants.tsv"
    if not path.is_file():
        raise SystemExit(f"{folder}: there is no participants.tsv")
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for column in ("participant_id", "class"):
        if rows and column not in rows[0]:
            raise SystemExit(f"{path}: there is no column {column}")
    return rows


def volumes(folder, participant):
    found = [path for pattern in ("anat", "ses-*/anat") for ending in ("nii", "nii.gz")
             for path in folder.glob(f"{participant}/{pattern}/*_T1w.{ending}")]
    return sorted([path for path in found if "_ce-" in path.name] or found)


def mask_of(scan):
    """The lesion mask beside a scan: the scan's name, or that without its entities behind sub and ses."""
    stem = scan.name.split("_T1w.")[0]
    subject = "_".join(part for part in stem.split("_") if part.startswith(("sub-", "ses-")))
    for name in (stem, subject):
        for suffix in ("lesion", "lesion_mask"):
            for ending in ("nii", "nii.gz"):
                path = scan.parent / f"{name}_{suffix}.{ending}"
                if path.is_file():
                    return path
    return None


def find_scans(folder, known):
    """(name in the set, scan, row) of what is not in it yet."""
    for row in participants(folder):
        if row["class"] in ("", "n/a"):
            continue
        for scan in volumes(folder, row["participant_id"]):
            name = f"{folder.resolve()}/{scan.name.split('_T1w.')[0]}"
            if name not in known:
                yield name, scan, row


# ---- Inputs and lesions ----


def write_spec_model(path, spec):
    """A model of one voxel-wise layer that asks for this preprocessing."""
    shape = shape_of(spec)
    weights = [helper.make_tensor("w", TensorProto.FLOAT, [2, 1, 1, 1, 1], [1.0, 2.0])]
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("GlobalAveragePool", ["c"], ["p"]),
             helper.make_node("Flatten", ["p"], ["y"])]
    graph = helper.make_graph(nodes, "spec", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, *shape])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])], weights)
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(model, {"tumorclass.schema": "1"} | {f"tumorclass.{k}": v for k, v in spec.items()})
    onnx.save(model, path)


def preprocess(command, model, scans, folder):
    """[(input, affine of its grid) or a sentence] for each scan, in order."""
    done = subprocess.run([command, "preprocess", "--model", model, "--output", f"{folder}/{{scan}}.nii", *scans],
                          capture_output=True, text=True)
    if done.returncode > 1:
        raise SystemExit(f"{command} preprocess: {done.stderr.strip()}")
    answers = []
    for scan in scans:
        path = pathlib.Path(folder) / (scan.name.removesuffix(".gz").removesuffix(".nii") + ".nii")
        if path.is_file():
            image = nibabel.load(path)
            answers.append((np.asarray(image.dataobj, np.float32), image.affine))
            path.unlink()
        else:
            lines = [line for line in done.stderr.splitlines() if scan.name in line]
            answers.append(lines[-1] if lines else f"{scan.name}: no input was written")
    return answers


def lesion_cells(mask, scan, affine, shape):
    """The tumour's share of each cell of CELL^3 input voxels; affine: input index to millimetres."""
    image = nibabel.load(mask)
    extents = nibabel.load(scan).shape[:3]
    if image.shape[:3] != extents:
        raise BadScan(f"{mask.name} has {image.shape[:3]} voxels, {scan.name} {extents}")
    voxels = np.argwhere(np.asarray(image.dataobj).reshape(extents) == TUMOUR).astype(np.float64)
    grid = tuple(extent // CELL for extent in shape)
    sides = np.linalg.norm(image.affine[:3, :3], axis=0)
    pieces = np.maximum(1, np.ceil(sides / SUB_VOXEL)).astype(int)
    cuts = [(np.arange(count) + 0.5) / count - 0.5 for count in pieces]
    offsets = np.stack(np.meshgrid(*cuts, indexing="ij"), -1).reshape(-1, 3)
    to_input = np.linalg.inv(affine) @ image.affine
    volume = abs(np.linalg.det(to_input[:3, :3])) / CELL**3 / len(offsets)  # of a piece, in cells
    share = np.zeros(np.prod(grid))
    for offset in offsets:
        cell = np.floor(((voxels + offset) @ to_input[:3, :3].T + to_input[:3, 3] + 0.5) / CELL).astype(int)
        cell = cell[np.all((cell >= 0) & (cell < grid), 1)]
        share += volume * np.bincount(np.ravel_multi_index(cell.T, grid), minlength=share.size)
    return np.round(255 * share.clip(0, 1)).astype(np.uint8).reshape(grid)


# ---- The set ----


class Set:
    """Appends to a prepared set: inputs and lesions first, then their line."""

    def __init__(self, folder, spec):
        folder.mkdir(parents=True, exist_ok=True)
        facts = folder / "set.json"
        if facts.exists():
            if (found := json.loads(facts.read_text())["spec"]) != spec:
                raise SystemExit(f"{facts} asks for another preprocessing: {found}")
        else:
            write_whole(facts, json.dumps({"spec": spec}, indent=2) + "\n")
        rows = whole_rows(folder)
        self.spec, self.known = spec, {row["scan"] for row in rows}
        item = int(np.prod(shape_of(spec)))
        sizes = {"inputs.bin": item * (1 if limits(spec) else 2), "lesions.bin": item // CELL**3}
        self.files = [self.open(folder / name, size * len(rows)) for name, size in sizes.items()]
        self.lines = self.open(folder / "rows.jsonl", sum(len(json.dumps(row)) + 1 for row in rows))

    @staticmethod
    def open(path, size):
        """To append, without what an interrupt left behind the last whole scan."""
        path.touch()
        if path.stat().st_size < size:
            raise SystemExit(f"{path} has {path.stat().st_size} bytes, should have {size} or more")
        os.truncate(path, size)
        return open(path, "ab")

    def add(self, scans):
        """[(input, lesion, row)]: on disk before their lines are."""
        for image, lesion, _ in scans:
            self.files[0].write(quantize(image, self.spec).tobytes())
            self.files[1].write(lesion.tobytes())
        for file in self.files:
            file.flush()
            os.fsync(file.fileno())
        self.lines.write("".join(json.dumps(row) + "\n" for _, _, row in scans).encode())
        self.lines.flush()


def write_whole(path, text):
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(text)
    os.replace(temporary, path)


def prepare_scan(answer, name, scan, row, shape):
    if isinstance(answer, str):
        raise BadScan(answer)
    image, affine = answer
    mask = mask_of(scan)
    grid = tuple(extent // CELL for extent in shape)
    lesion = lesion_cells(mask, scan, affine, shape) if mask else np.zeros(grid, np.uint8)
    return image, lesion, {"scan": name, "lesion_mask": bool(mask)} | row


def prepare(folders, output, spec, command, quiet=False, split=None):
    """Add the folders' scans to the set; the number that failed. split: in place of the participants' own."""
    target = Set(output, spec)
    todo = [scan for folder in folders for scan in find_scans(folder, target.known)]
    for *_, row in todo if split else ():
        row["split"] = split
    failed, begin = 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="prepare-") as temporary:
        model = os.path.join(temporary, "spec.onnx")
        write_spec_model(model, spec)
        for first in range(0, len(todo), PORTION):
            part, whole = todo[first : first + PORTION], []
            answers = preprocess(command, model, [scan for _, scan, _ in part], temporary)
            for answer, scan in zip(answers, part):
                try:
                    whole.append(prepare_scan(answer, *scan, shape_of(spec)))
                except (BadScan, OSError, ValueError, nibabel.filebasedimages.ImageFileError) as problem:
                    print(f"prepare.py: {scan[1]}: {problem}", file=sys.stderr)
                    failed += 1
            target.add(whole)
            done = first + len(part)
            if not quiet:
                print(f"\rprepared {done} of {len(todo)}, {done / (time.monotonic() - begin):.1f} a second", end="",
                      file=sys.stderr, flush=True)
    if todo and not quiet:
        print(file=sys.stderr)
    return failed


def read_spec(text):
    """"grid=spacing 2,2,2;shape=..." changes keys of a recipe; "input." may be left out."""
    spec = {}
    for item in filter(None, text.split(";")):
        key, equals, value = item.partition("=")
        key = key if key in COMPACT else f"input.{key}"
        if not equals or key not in COMPACT:
            raise argparse.ArgumentTypeError(f"'{item}' is not KEY=VALUE with a key of {', '.join(COMPACT)}")
        spec[key] = value
    return spec


def add_arguments(parser):
    parser.add_argument("--recipe", choices=("compact", "published"), default="compact",
                        help="whose preprocessing (default: compact)")
    parser.add_argument("--spec", type=read_spec, default={}, metavar="KEY=VALUE;...",
                        help="keys of docs/model-file.md in place of the recipe's: 'grid=spacing 3,3,3;shape=64,64,64'")
    parser.add_argument("--command", default="tumorclass", metavar="FILE", help="the tumorclass to ask")


def spec_of(arguments):
    spec = (COMPACT if arguments.recipe == "compact" else PUBLISHED) | arguments.spec
    if any(extent % CELL for extent in shape_of(spec)):
        raise SystemExit(f"input.shape is {spec['input.shape']}, not multiples of {CELL}")
    return spec


def main():
    first, *rest = __doc__.split("\n\n")
    parser = argparse.ArgumentParser(description=first, epilog="\n\n".join(rest),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, nargs="+", help="BIDS folders")
    parser.add_argument("--output", type=pathlib.Path, required=True, metavar="SET", help="folder of the prepared set")
    parser.add_argument("--split", metavar="NAME", help="of all these scans, in place of their participants.tsv's")
    add_arguments(parser)
    arguments = parser.parse_args()
    sys.exit(1 if prepare(arguments.folder, arguments.output, spec_of(arguments), arguments.command,
                          split=arguments.split) else 0)


if __name__ == "__main__":
    main()
