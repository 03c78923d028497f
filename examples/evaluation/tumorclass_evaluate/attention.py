"""Attention maps against lesion masks: where the peak of the predicted class's map lies, how much of the map is in the
lesion, and what chance would give. Maps are made a few scans at a time, measured and deleted; what was measured is kept
in a file of JSON lines, so that a run that was stopped goes on."""
import base64
import dataclasses
import json
import os
import pathlib
import re
import tempfile
import zlib

import nibabel
import numpy as np
import scipy.ndimage

from .classes import CODES, HEALTHY
from .output import write_text
from .tables import Fault

METHODS = {"cam": "CAM", "hirescam": "HiResCAM"}
TUMOUR = 1             # label of the mask; 2 is oedema
SCANS_AT_ONCE = 16     # whose maps lie on the disk together
PLACES_MM = np.arange(-100, 101, 4.0)  # along x, y and z from the foreground's centre: the fixed places that are tried
LARGE_ML = 2


@dataclasses.dataclass
class Lesion:
    """A lesion on its scan's grid."""
    inside: np.ndarray
    affine: np.ndarray

    @property
    def steps(self):
        return np.linalg.norm(self.affine[:3, :3], axis=0)

    @property
    def volume_ml(self):
        return float(self.inside.sum() * abs(np.linalg.det(self.affine[:3, :3])) / 1000)

    def distance_mm(self, voxel):
        """From a voxel's centre to the nearest one of the lesion; 0 inside."""
        offsets = (np.argwhere(self.inside) - voxel) @ self.affine[:3, :3].T
        return float(np.sqrt((offsets**2).sum(axis=1).min()))

    def dilated(self, tolerance_mm):
        """Voxels whose centre is that near to one of the lesion's; takes the axes as orthogonal."""
        corners = np.argwhere(self.inside)
        margin = np.ceil(tolerance_mm / self.steps).astype(int) + 1
        low = np.maximum(corners.min(axis=0) - margin, 0)
        high = np.minimum(corners.max(axis=0) + margin + 1, self.inside.shape)
        box = tuple(slice(a, b) for a, b in zip(low, high))
        near = np.zeros(self.inside.shape, bool)
        near[box] = scipy.ndimage.distance_transform_edt(~self.inside[box], sampling=self.steps) <= tolerance_mm
        return near


def read_lesion(path):
    """None: the mask has no voxel of the tumour."""
    image = _load(path)
    inside = np.round(np.asanyarray(image.dataobj)) == TUMOUR
    return Lesion(inside, image.affine) if inside.any() else None


def _load(path):
    try:
        image = nibabel.load(path)
        np.asanyarray(image.dataobj)
        return image
    except (OSError, EOFError, ValueError, zlib.error, nibabel.filebasedimages.ImageFileError):
        raise Fault(f"{pathlib.Path(path).name} is no whole NIfTI volume") from None  # nibabel's own words name folders


def mask_of(scan):
    """sub-01_ce-gad_T1w.nii.gz -> sub-01_ce-gad_lesion.nii[.gz], or sub-01_lesion; None: there is none."""
    scan = pathlib.Path(scan)
    stem = re.sub(r"_T1w\.nii(\.gz)?$", "", scan.name)
    for name in (stem, re.sub(r"_ce-[^_]*", "", stem)):
        for end in ("nii.gz", "nii"):
            mask = scan.with_name(f"{name}_lesion.{end}")
            if mask.exists():
                return mask
    return None


# ---- Of one scan ----

def cell_mm(answer):
    """The longest edge of a cell of the map, from what the answer says of grid, scan and map."""
    facts = answer["provenance"]
    cells = [int(n) for n in re.search(r"\((\d+) x (\d+) x (\d+) cells\)", answer["attention"]["method"]).groups()]
    shape = np.array(facts["input_shape"].split(","), float)
    if facts["input_grid"].startswith("spacing "):
        extents = shape * np.array(facts["input_grid"][8:].split(","), float)
        return float((extents / cells).max())
    extents = np.array(facts["scan_shape"].split(","), float) * np.array(facts["scan_voxel_mm"].split(","), float)
    return float(extents.max() / min(cells))


def _places(near, affine, centre_mm):
    """Which fixed places, as offsets from the foreground's centre, lie in the dilated lesion."""
    offsets = np.stack(np.meshgrid(PLACES_MM, PLACES_MM, PLACES_MM, indexing="ij"), axis=-1)
    inverse = np.linalg.inv(affine)
    voxels = np.round((offsets + centre_mm) @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
    within = ((voxels >= 0) & (voxels < near.shape)).all(axis=-1)
    hits = np.zeros(within.shape, bool)
    hits[within] = near[tuple(voxels[within].T)]
    return hits


def _pack(flags):
    return base64.b64encode(zlib.compress(np.packbits(flags).tobytes(), 9)).decode()


def unpack(text):
    count = len(PLACES_MM) ** 3
    return np.unpackbits(np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8))[:count].astype(bool)


def measure(answer, voxels, lesion, tolerance_mm):
    """What the map of one scan says of its lesion; a map without any attention has no share, and its peak is no hit."""
    facts = answer["provenance"]
    near = lesion.dilated(tolerance_mm)
    centre = np.array(facts["foreground_centre_mm"].split(","), float)
    centre_voxel = np.linalg.inv(lesion.affine)[:3] @ [*centre, 1]
    foreground = float(facts["foreground_share"]) * near.size
    total = float(voxels.sum(dtype=float))
    return {"tolerance_mm": tolerance_mm, "volume_ml": lesion.volume_ml, "class": answer["attention"]["class"],
            "map": answer["attention"]["method"],
            "distance_mm": lesion.distance_mm(answer["attention"]["peak_voxel"]) if total > 0 else None,
            "centre_distance_mm": lesion.distance_mm(np.round(centre_voxel)),
            "share": float(voxels[near].sum(dtype=float)) / total if total > 0 else None,
            "chance_share": min(1.0, float(near.sum()) / foreground),
            "places": _pack(_places(near, lesion.affine, centre))}


# ---- Of all ----

class Maps:
    """One method's maps, measured; a row a scan in attention-METHOD.jsonl."""

    def __init__(self, batch, method, out, tolerance_mm):
        self.batch, self.method, self.tolerance_mm = batch, method, tolerance_mm
        self.path = pathlib.Path(out) / f"attention-{method}.jsonl"
        self.rows, self.run = {}, None
        if self.path.exists():
            self._read()

    def _read(self):
        try:
            rows = [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]
            rows = [row for row in rows if row["asked_mm"] == self.tolerance_mm]
            self.rows, self.run = {row["scan"]: row for row in rows}, rows[0]["run"] if rows else None
        except (ValueError, KeyError, TypeError):
            raise Fault(f"{self.path.name} holds something else than measured maps: remove it") from None

    def _write(self):
        write_text(self.path, "".join(json.dumps(self.rows[scan]) + "\n" for scan in sorted(self.rows)))

    def measure(self, scans, progress):
        """scans: paths within the batch's folder, each with a lesion mask. Those that are measured already are kept, if
        the model is still the same: the first that is run decides."""
        waiting = [scan for scan in scans if scan not in self.rows]
        if not waiting and scans:
            waiting = scans[:1]  # is it still the same model?
        while waiting:
            part, waiting = waiting[:SCANS_AT_ONCE], waiting[SCANS_AT_ONCE:]
            fresh = self._measure_some(part)
            run = next((row["run"] for row in fresh.values()), self.run)
            if self.run and run != self.run:
                self.rows = {}
                waiting = [scan for scan in scans if scan not in fresh]
            self.run = run
            self.rows.update(fresh)
            self._write()
            progress(f"{METHODS[self.method]}: {len(scans) - len(waiting)} of {len(scans)} maps")
        return [self.rows[scan] for scan in scans]

    def _measure_some(self, scans):
        with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=".maps-") as folder:
            pattern = pathlib.Path(folder).resolve() / "{key}.nii"
            answers = self.batch.run(f"{folder}/maps.jsonl", scans, "--attention-method", self.method, "--attention",
                                     str(pattern), quiet=True)
            rows = {}
            for scan, answer in zip(sorted(scans, key=os.fsencode), answers):  # the order of the batch's table
                assert answer["scan"] == pathlib.Path(scan).name
                rows[scan] = {"scan": scan, "run": answer["run"], "asked_mm": self.tolerance_mm,
                              **self._measured(scan, answer, folder)}
            return rows

    def _measured(self, scan, answer, folder):
        if "error" in answer:
            return {"error": answer["error"]["message"]}
        path = self.batch.folder / scan
        lesion = read_lesion(mask_of(path))
        if lesion is None:
            return {"error": "the lesion mask is empty"}
        image = _load(f"{folder}/{answer['key']}.nii")
        voxels = image.get_fdata(dtype=np.float32)
        if voxels.shape != lesion.inside.shape or not np.allclose(image.affine, lesion.affine, atol=0.01):
            raise Fault(f"{mask_of(path).name} is not on the grid of {path.name}: {lesion.inside.shape} voxels and "
                        f"{voxels.shape}, or another affine")
        tolerance = self.tolerance_mm if self.tolerance_mm is not None else cell_mm(answer)
        return measure(answer, voxels, lesion, tolerance)


def add_attention(evaluation, method, rows):
    """rows: one a case, None where there is no lesion mask. Figures per class of the truth, and for all."""
    known = np.array([row is not None and "error" not in row for row in rows])
    group = f"attention {METHODS[method]}"
    hit, centre, large, share, chance = (np.zeros(len(rows)) for _ in range(5))
    has_share, places = np.zeros(len(rows), bool), {}
    for i in np.flatnonzero(known):
        row = rows[i]
        hit[i] = row["distance_mm"] is not None and row["distance_mm"] <= row["tolerance_mm"]
        centre[i] = row["centre_distance_mm"] <= row["tolerance_mm"]
        large[i] = row["volume_ml"] > LARGE_ML
        has_share[i], share[i], chance[i] = row["share"] is not None, row["share"] or 0, row["chance_share"]
        places[i] = row["places"]
    fixed = np.zeros(len(rows))
    for index, code in ((None, ""), *enumerate(CODES)):
        chosen = known if index is None else known & (evaluation.truth == index)
        if index == HEALTHY or not chosen.any():
            continue
        place = best_place([places[i] for i in np.flatnonzero(chosen)])
        fixed[chosen] = [unpack(places[i])[place] for i in np.flatnonzero(chosen)]
        evaluation.proportion(group, code, "hit", hit, chosen)
        evaluation.proportion(group, code, "hit_over_2ml", hit, chosen & (large > 0))
        evaluation.proportion(group, code, "hit_of_foreground_centre", centre, chosen)
        evaluation.proportion(group, code, "hit_of_best_fixed_place", fixed, chosen)
        evaluation.mean(group, code, "share_in_lesion", share, chosen & has_share)
        evaluation.mean(group, code, "share_by_chance", chance, chosen)


def best_place(packed):
    """The fixed place that lies in most of these lesions: chosen on the scans it is then counted on, so it flatters
    chance, not the map."""
    counts = np.zeros(len(PLACES_MM) ** 3, int)
    for text in packed:
        counts += unpack(text)
    return int(counts.argmax())
