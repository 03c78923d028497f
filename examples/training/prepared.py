"""A prepared set: the network's inputs of many scans in one folder, to be mapped into memory.

    set.json      "spec": the preprocessing keys of docs/model-file.md; "dtype" of the inputs
    inputs.bin    one input after another, C order; uint8: low + value * (high - low) / 255 within the norm's limits
    lesions.bin   one uint8 grid of the input's extents / 4 each: tumour's share of the cell times 255
    rows.jsonl    one line a scan: its row of participants.tsv, and "scan", its name in this set

A scan is in the set once its line is whole. What stands behind the last line's share of the other two files was cut
off by an interrupt, and is overwritten.
"""
import json
import pathlib

import numpy as np

CELL = 4  # input voxels to a lesion cell, along one axis


def limits(spec):
    """(low, high) that the normalisation clips to, or None."""
    norm = spec["norm"].split(" clip")
    if len(norm) == 1:
        return None
    return tuple(float(x) for x in norm[1].split(",")) if norm[1] else (0.0, 1.0)


def shape_of(spec):
    return tuple(int(extent) for extent in spec["input.shape"].split(","))


def quantize(image, spec):
    """As stored: bytes where the norm has limits, else half precision."""
    if not limits(spec):
        return image.astype(np.float16)
    low, high = limits(spec)
    return np.round((image - low) * (255 / (high - low))).astype(np.uint8)


class Prepared:
    """Read-only. images(indices), lesions(indices) and rows of the scans that are in it."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.folder, self.spec = folder, json.loads((folder / "set.json").read_text())["spec"]
        self.rows = whole_rows(folder)
        self.shape = shape_of(self.spec)
        self.lesion_shape = tuple(extent // CELL for extent in self.shape)
        dtype = np.uint8 if limits(self.spec) else np.float16
        self.inputs = self.map(folder / "inputs.bin", dtype, self.shape)
        self.cells = self.map(folder / "lesions.bin", np.uint8, self.lesion_shape)

    def map(self, path, dtype, shape):
        if not self.rows:
            raise SystemExit(f"{path.parent} holds no prepared scan")
        return np.memmap(path, dtype, "r", shape=(len(self.rows), *shape))

    def images(self, indices):
        """N x 1 x D x H x W, float32."""
        return self.restored(np.stack([self.inputs[i] for i in indices])[:, None])

    def restored(self, stored):
        if not limits(self.spec):
            return stored.astype(np.float32)
        low, high = limits(self.spec)
        return stored * np.float32((high - low) / 255) + np.float32(low)

    def crop(self, index, corner, count):
        """(image, lesion), 1 x d x h x w each: a cube of `count` lesion cells from this one on."""
        cells = tuple(slice(c, c + count) for c in corner)
        voxels = tuple(slice(CELL * c, CELL * (c + count)) for c in corner)
        return (self.restored(self.inputs[index][voxels])[None],
                self.cells[index][cells][None].astype(np.float32) / 255)

    def shows(self, index, place):
        """Is there anything but background in this lesion cell?"""
        return bool(self.inputs[index][tuple(slice(CELL * c, CELL * (c + 1)) for c in place)].any())

    def lesions(self, indices):
        """N x 1 x D/4 x H/4 x W/4, float32: the tumour's share of each cell."""
        return np.stack([self.cells[i] for i in indices])[:, None].astype(np.float32) / 255


def whole_rows(folder):
    """The lines that are whole; the last may have been cut off."""
    path = pathlib.Path(folder) / "rows.jsonl"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
