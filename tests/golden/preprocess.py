"""Preprocessing against docs/method.md, stated a second time in numpy and scipy, over real and synthetic scans."""
import itertools
import os
import pathlib
import subprocess
import sys
import tempfile

import nibabel as nib
import numpy as np
from nibabel import orientations
from scipy import ndimage

DUMP = pathlib.Path(os.environ.get("TUMORCLASS_BUILD", "build")) / "tests/golden/dump_preprocess"
DATA = pathlib.Path(os.environ.get("TUMORCLASS_TEST_DATA", ""))
COLIN = pathlib.Path("/usr/share/mricron/templates")  # Debian's mricron-data
INPUT_TOLERANCE = 1e-5  # of the input's range: two roundings to float, and sums in another order
STATISTIC_TOLERANCE = 1e-6  # relative
AFFINE_TOLERANCE = 1e-6  # mm, and tensor index


# ---- docs/method.md, once more ----


def percentile(values, percent):
    ordered = np.sort(values).astype(np.float64)
    position = percent / 100 * (len(ordered) - 1)
    below = int(position)
    return ordered[below] + (position - below) * (ordered[min(below + 1, len(ordered) - 1)] - ordered[below])


def vote(values):
    """(background value, share of the faces), or (None, 0)."""
    face = np.ones(values.shape, bool)
    face[tuple(slice(1, -1) for _ in values.shape)] = False
    faces = values[face]
    found, counts = np.unique(faces[np.isfinite(faces)], return_counts=True)
    found, counts = np.append(found, np.nan), np.append(counts, np.sum(~np.isfinite(faces)))
    most = np.argmax(counts)
    share = counts[most] / faces.size
    return (float(found[most]), share) if share > 0.5 else (None, 0.0)


def otsu(values):
    low, high = percentile(values, 0.1), percentile(values, 99.9)
    if low == high:
        return low
    root = np.sqrt(np.maximum((values.astype(np.float64) - low) / (high - low), 0))
    bins = np.clip(np.floor(256 * root + 0.01), 0, 255).astype(int)
    counts = np.bincount(bins, minlength=256).astype(np.float64)
    variances = np.full(255, -1.0)
    for k in range(255):
        lower, upper = counts[: k + 1], counts[k + 1 :]
        if lower.sum() and upper.sum():
            distance = np.average(np.arange(k + 1), weights=lower) - np.average(np.arange(k + 1, 256), weights=upper)
            variances[k] = lower.sum() * upper.sum() * distance**2
    best = int(np.argmax(variances > variances.max() * (1 - 1e-12)))
    return low + ((best + 1 - 0.01) / 256) ** 2 * (high - low)


def largest_without_holes(candidates):
    labels, count = ndimage.label(candidates)
    if count:
        candidates = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    return ndimage.binary_fill_holes(candidates)


def find_foreground(values, facts):
    finite = np.isfinite(values)
    bright = finite & (values.astype(np.float64) > otsu(values[finite]))
    inside = None
    if facts["background_share"] > 0:
        facts["foreground"] = ["background"] * 2
        inside = largest_without_holes(finite & (values != np.float32(facts["background"])))
        low, high = facts["range"]
        dark = facts["background"] - low < 0.05 * (high - low)
        if dark and (inside & bright).sum() < 0.7 * inside.sum():
            facts["background"], facts["background_share"], inside = None, 0.0, None
    if inside is None:
        facts["foreground"] = ["otsu"] * 2
        facts["threshold"] = otsu(values[finite])
        inside = largest_without_holes(bright)
    inside &= finite
    facts["share"] = inside.mean()
    if 0.05 <= facts["share"] <= 0.95:
        return inside
    facts["foreground"] = ["all", facts["foreground"][0]]
    return finite


def normalize(values, inside, spec, facts):
    finite, norm = np.isfinite(values), spec.get("norm", "zscore-foreground")
    sample = values[inside]
    if norm == "zscore" or sample.min() == sample.max():
        sample = values[finite]
    sample = sample.astype(np.float64)
    facts["moments"] = [sample.mean(), sample.std()]
    shift, scale = facts["moments"]
    if norm == "none":
        shift, scale = 0, 1
    if isinstance(norm, tuple):
        low, high = percentile(sample, norm[0]), percentile(sample, norm[1])
        facts["percentiles"] = [low, high] if low != high else facts["range"]
        shift, scale = facts["percentiles"][0], facts["percentiles"][1] - facts["percentiles"][0]

    def convert(v):
        v = (np.asarray(v, np.float64) - shift) / scale
        return (np.clip(v, *spec["clip"]) if "clip" in spec else v).astype(np.float32)

    fill = spec.get("background")
    if fill is None:
        found = facts["background"]
        fill = convert(facts["range"][0] if found is None or np.isnan(found) else found)
    kept = inside if spec.get("background") is not None else finite
    return np.where(kept, convert(np.where(finite, values, 0)), np.float32(fill)), float(fill)


def axis_weights(start, ratio, inputs, outputs):
    """outputs x inputs; what is missing to a row's sum of 1 is the fill value's."""
    voxels = np.arange(inputs)
    begin = (start + np.arange(outputs) * ratio)[:, None]
    if ratio > 1:
        return np.clip(np.minimum(begin + ratio, voxels + 1) - np.maximum(begin, voxels), 0, None) / ratio
    centre = begin + ratio / 2
    hat = np.clip(1 - np.abs(np.clip(centre - 0.5, 0, inputs - 1) - voxels), 0, None)
    return hat * ((centre >= -1e-6) & (centre <= inputs + 1e-6))


def resample_axes(values, axes, fill):
    """axes: (start, ratio, outputs) of each."""
    result, covered = values.astype(np.float64), np.ones(1)
    for n, (start, ratio, outputs) in enumerate(axes):
        weights = axis_weights(start, ratio, values.shape[n], outputs)
        result = np.moveaxis(np.tensordot(weights, result, axes=(1, n)), 0, n)
        covered = covered[..., None] * weights.sum(1)
    return (result + (1 - covered[0]) * fill).astype(np.float32)


def world_directions(code):
    """Rows: the direction of each letter."""
    return np.array([{"R": [1, 0, 0], "L": [-1, 0, 0], "A": [0, 1, 0], "P": [0, -1, 0], "S": [0, 0, 1],
                      "I": [0, 0, -1]}[letter] for letter in code], float)


def place(linear, inside, code, spacing, shape):
    """First edge of the grid along each axis; linear takes voxel indices to grid coordinates."""
    coordinates = np.argwhere(inside) @ linear.T
    half = np.abs(linear).sum(1) / 2
    bottom, top = coordinates.min(0) - half, coordinates.max(0) + half
    start = (bottom + top - shape * spacing) / 2
    for n, letter in enumerate(code):
        if top[n] - bottom[n] > shape[n] * spacing[n]:
            start[n] = {"S": top[n] + 5 - shape[n] * spacing[n], "I": bottom[n] - 5}.get(letter, start[n])
    return start


def resample(values, inside, affine, spec, fill):
    """The input, and the matrix from tensor index to voxel index of the view."""
    shape, code = np.array(spec["shape"]), spec.get("orientation", "RAS")
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    if "spacing" not in spec:
        spacing, linear, start, aligned = np.array(values.shape) / shape, np.eye(3), np.full(3, -0.5), True
    else:
        spacing = np.array(spec["spacing"], float)
        turned = world_directions(code) @ affine[:3, :3]
        aligned = np.all(np.abs(turned / steps - np.diag(np.diag(turned / steps))) <= 1e-3)
        linear = np.diag(steps) if aligned else turned
        start = place(linear, inside, code, spacing, shape)
    back = np.eye(4)
    back[:3, :3] = np.linalg.inv(linear) @ np.diag(spacing)
    back[:3, 3] = np.linalg.inv(linear) @ (start + spacing / 2)
    if aligned:
        scale = np.diag(linear)
        return resample_axes(values, list(zip(start / scale + 0.5, spacing / scale, shape)), fill), back

    inputs = np.array(values.shape)
    outputs = np.where(steps < spacing, np.maximum(np.floor(inputs * steps / spacing + 0.5), 1), inputs).astype(int)
    coarse = resample_axes(values, [(0, i / o, o) for i, o in zip(inputs, outputs)], fill)
    cells = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1) @ back[:3, :3].T + back[:3, 3]
    within = np.all((cells >= -0.5 - 1e-6) & (cells <= inputs - 0.5 + 1e-6), -1)
    cells = (cells + 0.5) * outputs / inputs - 0.5
    found = ndimage.map_coordinates(coarse.astype(np.float64), np.moveaxis(cells, -1, 0), order=1, mode="nearest")
    return np.where(within, found, fill).astype(np.float32), back


def preprocess(image, mask, spec):
    stored = np.asanyarray(image.dataobj.get_unscaled())
    slope, inter = image.dataobj.slope, image.dataobj.inter
    values = (slope * stored.astype(np.float64) + inter).astype(np.float32)
    turn = orientations.ornt_transform(orientations.io_orientation(image.affine),
                                       orientations.axcodes2ornt(spec.get("orientation", "RAS")))
    to_scan = orientations.inv_ornt_aff(turn, values.shape)  # from the view's indices to the scan's
    view = orientations.apply_orientation(values, turn)
    finite = np.isfinite(view)
    facts = {"nonfinite": [np.sum(~finite)], "range": [view[finite].min(), view[finite].max()]}
    facts["background"], facts["background_share"] = vote(view)
    if mask is None:
        inside = find_foreground(view, facts)
    else:
        inside = orientations.apply_orientation(np.asanyarray(mask.dataobj) != 0, turn) & finite
        facts["foreground"], facts["share"] = ["given"] * 2, inside.mean()
    normal, fill = normalize(view, inside, spec, facts)
    result, back = resample(normal, inside, image.affine @ to_scan, spec, fill)
    facts["centre"] = image.affine[:3] @ to_scan @ [*np.argwhere(inside).mean(axis=0), 1]
    facts["to_network"] = np.linalg.inv(to_scan @ back)[:3].ravel()
    facts["affine"] = (image.affine @ to_scan @ back)[:3].ravel()
    home = orientations.apply_orientation(inside, orientations.ornt_transform(
        orientations.axcodes2ornt(spec.get("orientation", "RAS")), orientations.io_orientation(image.affine)))
    return result, home, facts


# ---- The library's answer, and the comparison ----


def run_library(folder, scan, mask, spec):
    options = ["--threads=2"]
    options += [f"--orientation={spec['orientation']}"] if "orientation" in spec else []
    options += ["--spacing=" + ",".join(map(repr, spec["spacing"]))] if "spacing" in spec else []
    norm = spec.get("norm")
    options += [f"--norm={norm if isinstance(norm, str) else '%r,%r' % norm}"] if norm else []
    options += ["--clip=%r,%r" % spec["clip"]] if "clip" in spec else []
    options += [f"--background={spec['background']!r}"] if "background" in spec else []
    options += [f"--mask={mask}"] if mask else []
    shape = ",".join(map(str, spec["shape"]))
    done = subprocess.run([DUMP, scan, folder / "out", shape, *options], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    facts = {name: values.split() for name, values in (line.split(" ", 1) for line in done.stdout.splitlines())}
    facts = {name: v if name == "foreground" else [float(x) for x in v] for name, v in facts.items()}
    result = np.fromfile(folder / "out.input", np.float32).reshape(spec["shape"])
    inside = np.fromfile(folder / "out.foreground", np.uint8).reshape(nib.load(scan).shape[:3], order="F")
    return result, inside, facts


def compare(name, got, expected):
    result, inside, facts = got
    expected_result, expected_inside, expected_facts = expected
    spread = float(expected_result.max() - expected_result.min())
    error = float(np.abs(result - expected_result).max())
    assert np.isfinite(result).all() and spread > 0.01, name
    assert error <= INPUT_TOLERANCE * spread, f"{name}: input differs by {error:g} in a range of {spread:g}"
    assert np.array_equal(inside, expected_inside), f"{name}: {np.sum(inside != expected_inside)} foreground voxels differ"
    for key, value in expected_facts.items():
        if key == "foreground" or value is None:
            assert value is None or facts[key] == value, f"{name}: {key} {facts[key]} {value}"
            continue
        absolute = AFFINE_TOLERANCE if key in ("to_network", "affine", "centre") else 0
        np.testing.assert_allclose(facts[key], np.atleast_1d(value), err_msg=f"{name}: {key}", atol=absolute,
                                   rtol=0 if absolute else STATISTIC_TOLERANCE)
    return error / spread


# ---- Scans ----


def phantom(shape, air, dtype=np.float32, seed=0):
    """A head in air (noise) or in nothing: scalp, skull, brain with texture."""
    random = np.random.default_rng(seed)
    at = np.stack(np.meshgrid(*((np.arange(n) + 0.5) / n - 0.5 for n in shape), indexing="ij"))
    at = at - np.array([0.02, -0.03, 0.01])[:, None, None, None]
    radius = np.sqrt((at**2 / np.array([0.15, 0.19, 0.17])[:, None, None, None]).sum(0))
    brain = 500 + 150 * np.sin(14 * at[0] + 9 * at[1]) + 120 * np.cos(11 * at[2]) + 30 * random.standard_normal(shape)
    values = np.where(radius < 0.8, brain, np.where(radius < 0.9, 120 + 20 * random.standard_normal(shape), 900))
    outside = np.abs(25 * random.standard_normal(shape)) if air else 0
    return np.where(radius < 1, np.clip(values, 40, None), outside).round().astype(dtype)


def rotation(x, y, z):
    turns = [((1, 2), x), ((2, 0), y), ((0, 1), z)]
    matrix = np.eye(3)
    for (a, b), angle in turns:
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix


def affine_of(steps, turn=np.eye(3), origin=(-80, -100, -60)):
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(steps)
    affine[:3, 3] = origin
    return affine


def save(folder, name, values, affine, slope=None, inter=None):
    image = nib.Nifti1Image(values, affine)
    image.set_sform(affine, 1)
    image.set_qform(None, 0)
    if slope:
        image.header.set_slope_inter(slope, inter)
    path = folder / f"{name}.nii"
    nib.save(image, path)
    return path


def synthetic_scans(folder):
    """{name: path} of scans that are awkward in one way each."""
    head, bare = phantom((60, 72, 56), True), phantom((60, 72, 56), False)
    one, index = affine_of((1.9, 1.8, 2.1)), np.arange(head.size).reshape(head.shape)
    shear = np.array([[1, 0.15, 0], [0, 1, 0.1], [0.05, 0, 1]])
    holes = head.copy()
    holes[20:24, 30, 20:30], holes[0, 0, 0], holes[-1, -1, 3] = np.nan, np.inf, -np.inf
    nans = np.where(bare == 0, np.nan, bare).astype(np.float32)
    slab = phantom((120, 110, 20), True, np.int16)
    scans = {
        "air": (head, one), "bare": (bare, one),
        "z-scored air": (((head - 210.3) / 187.9).astype(np.float32), one),
        "z-scored bare": (((bare - 210.3) / 187.9).astype(np.float32), one),
        "z-scored inside": (np.where(bare > 0, (bare - 540.6) / 210.2, 0).astype(np.float32), one),
        "continuous": ((head + np.random.default_rng(1).random(head.shape)).astype(np.float32), one),
        "holes": (holes, one), "nan border": (nans, one),
        "slab": (slab, affine_of((1.4, 1.6, 6))),
        "slab, oblique": (slab, affine_of((1.4, 1.6, 6), rotation(0.35, 0.1, -0.05))),
        "coronal slab": (np.ascontiguousarray(slab.transpose(0, 2, 1)), affine_of((1.4, 6, 1.6))),
        "four slices": (phantom((96, 90, 4), True), affine_of((1.8, 1.9, 7))),
        "oblique": (head, affine_of((1.9, 1.8, 2.1), rotation(0.2, -0.3, 0.4))),
        "nearly aligned": (head, affine_of((1.9, 1.8, 2.1), rotation(3e-4, -5e-4, 2e-4))),
        "not quite aligned": (head, affine_of((1.9, 1.8, 2.1), rotation(3e-3, 0, 0))),
        "steep": (head, affine_of((1.9, 1.8, 2.1), rotation(0.17, -0.25, 0.69))),
        "sheared": (head, affine_of((1.9, 1.8, 2.1), shear)),
        "sheared, oblique": (head, affine_of((1.9, 1.8, 2.1), rotation(-0.5, 0.2, 0.3) @ shear)),
        "flipped": (head, affine_of((-1.9, -1.8, 2.1))),
        "permuted": (head, affine_of((1.9, 1.8, 2.1), np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]]))),
        "permuted, oblique": (head, affine_of((1.9, 1.8, 2.1), rotation(0.3, 0.1, 0.2)[[2, 0, 1]])),
        "all head": (np.where(index % 41 == 0, 0, 600 + index % 53).astype(np.int16), one),
        "specks": (np.where(index % 997 == 0, head + 1, 0), one),
        "one value inside": ((bare > 0).astype(np.uint8), one),
    }
    paths = {name: save(folder, name, values, affine) for name, (values, affine) in scans.items()}
    paths["scaled"] = save(folder, "scaled", (4 * head - 300).astype(np.int16), one, 0.25, 75)
    return paths


STRETCH = {"shape": (48, 40, 56)}
FINE = {"shape": (80, 72, 96)}
SPACING = {"shape": (40, 44, 36), "spacing": (4.0, 4.1, 4.2)}
CLOSE = {"shape": (64, 48, 40), "spacing": (1.2, 1.3, 1.1)}
WIDE = {"shape": (48, 48, 48), "spacing": (5.5, 5.0, 6.5)}
NORMS = [{}, {"norm": "zscore"}, {"norm": (1.0, 99.0)}, {"norm": (0.5, 99.5), "clip": (0.0, 1.0)},
         {"norm": (1.0, 90.0), "clip": (0.0, 1.3)}, {"norm": "none"}]
ORIENTATIONS = ["RAS", "LPI", "SAR", "AIL"]


def cases(scans):
    """(name, scan, mask, spec)"""
    for n, (name, path) in enumerate(scans.items()):
        for m, grid in enumerate((STRETCH, FINE, SPACING, CLOSE, WIDE)):
            spec = {**grid, **NORMS[(n + m) % len(NORMS)], "orientation": ORIENTATIONS[(n + m) % 4]}
            spec.update({"background": -0.75} if (n + m) % 3 == 0 else {})
            yield f"{name}, {spec}", path, None, spec
    for n, (norm, back) in enumerate(itertools.product(NORMS, ({}, {"background": 0.0}))):
        spec = {**SPACING, **norm, **back, "orientation": ORIENTATIONS[n % 4]}
        yield f"masked, {spec}", scans["air"], scans["bare"], spec


def real_scans():
    names = [COLIN / "ch2.nii.gz", COLIN / "ch2bet.nii.gz", DATA / "healthy/t1_crop.nii.gz"]
    for path in names:
        if not path.is_file():
            print(f"without {path.name}, which is not here")
            continue
        yield path.name, path, None, {"shape": (128, 128, 128)}
        yield f"{path.name} in mm", path, None, {"shape": (96, 112, 96), "spacing": (1.5, 1.5, 1.5), "background": 0.0}


def main():
    with tempfile.TemporaryDirectory() as name:
        folder, worst, count, ways = pathlib.Path(name), 0.0, 0, set()
        for case, scan, mask, spec in itertools.chain(cases(synthetic_scans(folder)), real_scans()):
            got = run_library(folder, scan, mask, spec)
            expected = preprocess(nib.load(scan), nib.load(mask) if mask else None, spec)
            worst = max(worst, compare(case, got, expected))
            ways.add(tuple(got[2]["foreground"]))
            count += 1
        assert len(ways) == 5, f"not every way to find the foreground was met: {ways}"
        print(f"{count} cases; largest difference {worst:.2g} of the input's range")


sys.exit(main())
