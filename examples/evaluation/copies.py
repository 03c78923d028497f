#!/usr/bin/env python3
"""Copy a BIDS folder with every scan changed in one way: to ask whether an answer depends on that.

    z-scored     minus mean, by standard deviation of what is not background; background stays a constant
    8-bit        0 to the 99.9th percentile become 0 to 255, whole numbers
    reoriented   the same voxels in another storage order, the affine to fit
    slab         eight slices of 7 mm across the scan's shortest direction, through the tumour (or the middle)
    greyed       the tumour, its oedema and 4 mm round them filled with the median of what lies there:
                 what is left to answer from is everything but the tumour

    copies.py COHORT --kind z-scored --output COPY
    tumorclass batch COPY -o copy.tsv
    tumorclass-evaluate --truth COHORT/participants.tsv --predictions cohort.tsv --same-as copy.tsv --out report

Scans are named as in the original, so that answers can be compared case by case. Copies of a generated cohort that are
stripped, or slabs as clinics lay them, come from `tumorclass-cohort generate` itself. Needs numpy, scipy and nibabel.
"""
import argparse
import os
import pathlib
import shutil
import sys

import nibabel
import numpy as np
from scipy import ndimage

SLICE, SLICES = 7.0, 8  # mm, and how many
ROUND = 4.0             # mm round a tumour that is greyed with it
REST = 0.02             # of the intensity range: what lies below is taken for background in a scan without a constant one


def background_of(data):
    """The most frequent value, if it fills a tenth of the scan; else None."""
    values, counts = np.unique(data, return_counts=True)
    most = counts.argmax()
    return values[most] if counts[most] > 0.1 * data.size else None


def z_scored(data, affine, mask):
    background = background_of(data)
    inside = data != background if background is not None else data > data.max() * REST
    scaled = (data - data[inside].mean()) / max(data[inside].std(), 1e-9)
    if background is not None:
        scaled[~inside] = 0
    return scaled.astype(np.float32), affine


def eight_bit(data, affine, mask):
    low, high = data.min(), np.percentile(data, 99.9)
    return np.clip((data - low) / max(high - low, 1e-9) * 255, 0, 255).round().astype(np.uint8), affine


def reoriented(data, affine, mask):
    """Axes turned once round, the first of the new ones reversed."""
    turned = np.transpose(data, (1, 2, 0))[::-1]
    columns = affine[:, [1, 2, 0, 3]].copy()
    columns[:, 3] += columns[:, 0] * (turned.shape[0] - 1)
    columns[:3, 0] *= -1
    return np.ascontiguousarray(turned), columns


def slab(data, affine, mask):
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    axis = int(np.argmin(steps * data.shape))
    run = max(1, round(SLICE / steps[axis]))
    count = data.shape[axis] // run
    tumour = np.argwhere(mask == 1)
    middle = (tumour[:, axis].mean() if len(tumour) else data.shape[axis] / 2) / run
    first = int(np.clip(round(middle - SLICES / 2), 0, max(0, count - SLICES)))
    taken = np.moveaxis(data, axis, 0)[first * run : min(count, first + SLICES) * run]
    means = taken.reshape(-1, run, *taken.shape[1:]).mean(1)
    affine = affine.copy()
    affine[:, 3] += affine[:, axis] * (first * run + (run - 1) / 2)
    affine[:3, axis] *= run
    return np.moveaxis(means, 0, axis).astype(np.float32), affine


def greyed(data, affine, mask):
    if not mask.any():
        return data, affine
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    away = ndimage.distance_transform_edt(mask == 0, sampling=steps)
    filled = data.copy()
    filled[away <= ROUND] = np.median(data[(away > ROUND) & (away <= 3 * ROUND)])
    return filled, affine


KINDS = {"z-scored": z_scored, "8-bit": eight_bit, "reoriented": reoriented, "slab": slab, "greyed": greyed}


def save(image, path):
    part = path.with_name(".part-" + path.name)
    nibabel.save(image, part)
    os.replace(part, path)


def copy_scan(path, target, change):
    image = nibabel.load(path)
    data = np.asarray(image.dataobj)
    masks = [path.with_name(path.name.split("_")[0] + "_lesion" + ending) for ending in (".nii", ".nii.gz")]
    mask = next((np.asarray(nibabel.load(m).dataobj) for m in masks if m.exists()), np.zeros(data.shape, np.uint8))
    changed, affine = change(data.astype(np.float64) if data.dtype.kind == "f" else data, image.affine, mask)
    if changed.dtype == np.float64:
        changed = changed.astype(np.float32)
    target.parent.mkdir(parents=True, exist_ok=True)
    save(nibabel.Nifti1Image(changed, affine), target)


def main():
    first, *rest = __doc__.split("\n\n")
    parser = argparse.ArgumentParser(description=first, epilog="\n\n".join(rest),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=pathlib.Path)
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True, metavar="FOLDER")
    arguments = parser.parse_args()
    table = arguments.cohort / "participants.tsv"
    scans = sorted(arguments.cohort.glob("sub-*/**/*_T1w.nii*"))
    if not table.is_file() or not scans:
        parser.error(f"{arguments.cohort}: no participants.tsv, or no scans sub-*/anat/*_T1w.nii[.gz]")
    if arguments.output.resolve() == arguments.cohort.resolve():
        parser.error("--output is the cohort itself")
    for number, path in enumerate(scans, 1):
        target = arguments.output / path.relative_to(arguments.cohort)
        if not target.exists():
            copy_scan(path, target, KINDS[arguments.kind])
        print(f"\r{number} of {len(scans)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    shutil.copyfile(table, arguments.output / "participants.tsv")


if __name__ == "__main__":
    main()
