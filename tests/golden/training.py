"""The training recipe from end to end: a toy BIDS folder is prepared, learned, stopped and gone on with, exported, and
answered by the command as by PyTorch. The classes are where a bright blob is: in front, at the bottom, or nowhere."""
import contextlib
import io
import json
import os
import pathlib
import runpy
import signal
import subprocess
import sys
import tempfile

import nibabel
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import skip  # noqa: E402

RECIPE = pathlib.Path(__file__).resolve().parents[2] / "examples/training"
COMMAND = pathlib.Path(os.environ.get("TUMORCLASS_BUILD", "build")).resolve() / "bin/tumorclass"
SPEC = "grid=spacing 7,7,7;shape=24,24,24"
PLACES = {"MEN": (0, 35, 5), "PA": (0, 0, -35), "HLTH": None}  # mm from the head's centre
STEPS, STOP = 150, 40
TRAIN = ["--total-steps", STEPS, "--validate-every", 50, "--log-every", 20, "--threads", 1, "--checkpoint-minutes", 60,
         "--with", "filters=[8,16]", "--with", "strides=[2,2]", "--with", "batch=9", "--with", "part=5", "--with",
         "rate=0.01", "--with", "average=0.9", "--with", "smoothing=0", "--with", "crop_share=0.3", "--with",
         "crops=[16,24]", "--with", "crop_batch=12", "--with", "crop_part=6",
         "--with", "warm_up=0.1"]


def python(script, *arguments, succeeds=True):
    """What a script says, run in this process: importing torch anew takes longer than most of them."""
    said, code, before = io.StringIO(), 0, sys.argv
    sys.argv = [script, *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            runpy.run_path(str(RECIPE / script), run_name="__main__")
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.argv = before
    said = said.getvalue() + (code if isinstance(code, str) else "")
    assert (code == 0) == succeeds, f"{script} ended with {code}: {said}"
    return said


# ---- The folder ----


def write_scan(folder, name, kind, random):
    """A head of 30^3 voxels of 7 mm, in one of the orientations; the blob's mask beside it. The blob's centre in mm."""
    signs = random.choice([-1, 1], 3)
    affine = np.diag([*(7.0 * signs), 1])
    affine[:3, 3] = -14.5 * 7 * signs
    at = np.moveaxis(np.indices((30,) * 3), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    inside = np.linalg.norm(at / (65, 80, 70), axis=-1) < 1
    values = inside * (300 + 40 * random.standard_normal(inside.shape) + 60 * np.sin(at / 12).sum(-1))
    centre = None if PLACES[kind] is None else PLACES[kind] + random.uniform(-8, 8, 3)
    blob = np.zeros(inside.shape, bool) if centre is None else np.linalg.norm(at - centre, axis=-1) < 16
    values[blob] = 700 + 80 * random.standard_normal(blob.sum())
    anat = folder / name / "anat"
    anat.mkdir(parents=True)
    scan = anat / f"{name}_ce-gadolinium_T1w.nii.gz"
    nibabel.save(nibabel.Nifti1Image(values.clip(0).astype(np.int16), affine), scan)
    if blob.any():
        nibabel.save(nibabel.Nifti1Image(blob.astype(np.uint8), affine), anat / f"{name}_lesion.nii.gz")
    return scan


def write_folder(folder, count, random):
    """participants.tsv and scans, one class after another; a third validates."""
    lines, scans = ["participant_id\tclass\tsplit\tslab"], []
    for n in range(count):
        kind, name = list(PLACES)[n % 3], f"sub-{n:03d}"
        scans.append(write_scan(folder, name, kind, random))
        lines.append(f"{name}\t{kind}\t{'validation' if n % 9 < 3 else 'train'}\t{n % 2 * 12}")
    (folder / "participants.tsv").write_text("\n".join(lines) + "\n")
    return scans


# ---- Preparing ----


def rows_of(prepared):
    return [json.loads(line) for line in (prepared / "rows.jsonl").read_text().splitlines()]


def check_prepared(folder, scans, prepared):
    """Every stored input is the command's, every lesion the mask's; and what an interrupt tore is mended."""
    broken = scans[-1].read_bytes()
    scans[-1].write_bytes(broken[:200])
    said = python("prepare.py", folder, "--output", prepared, "--spec", SPEC, "--command", COMMAND, succeeds=False)
    assert scans[-1].name in said, said
    assert len(rows_of(prepared)) == len(scans) - 1
    scans[-1].write_bytes(broken)
    for name in ("inputs.bin", "lesions.bin"):
        with open(prepared / name, "ab") as file:
            file.write(b"torn")
    with open(prepared / "rows.jsonl", "a") as file:
        file.write('{"scan": "to')
    python("prepare.py", folder, "--output", prepared, "--spec", SPEC, "--command", COMMAND)
    rows = rows_of(prepared)
    assert [row["participant_id"] for row in rows] == [scan.name.split("_")[0] for scan in scans]
    inputs = np.fromfile(prepared / "inputs.bin", np.uint8).reshape(-1, 24, 24, 24)
    lesions = np.fromfile(prepared / "lesions.bin", np.uint8).reshape(-1, 6, 6, 6)
    for n in (0, 1, 2, len(scans) - 1):
        compare_with_command(scans[n], inputs[n], lesions[n], prepared)


def compare_with_command(scan, stored, lesion, folder):
    from prepare import write_spec_model
    spec = json.loads((folder / "set.json").read_text())["spec"]
    write_spec_model(folder / "spec.onnx", spec)
    line = [COMMAND, "preprocess", "--model", folder / "spec.onnx", "--output", folder / "input.nii", scan]
    subprocess.run(line, check=True)
    image = nibabel.load(folder / "input.nii")
    expected = np.asarray(image.dataobj)
    assert expected.max() > 1.01, "nothing is above the 99th percentile"
    assert abs(stored * (1.3 / 255) - expected).max() <= 0.5 * 1.3 / 255 + 1e-6, scan
    path = scan.with_name(scan.name.split("_")[0] + "_lesion.nii.gz")
    if not path.exists():
        assert not lesion.any()
        return
    mask = nibabel.load(path)
    volume, cells = mask.get_fdata().sum() * 7**3, lesion / 255
    assert abs(cells.sum() * 28**3 - volume) < 0.02 * volume, f"{cells.sum() * 28**3} and {volume} cubic millimetres"
    centre = nibabel.affines.apply_affine(mask.affine, np.argwhere(mask.get_fdata() > 0)).mean(0)
    found = np.average(np.argwhere(cells > 0) * 4 + 1.5, axis=0, weights=cells[cells > 0])
    distance = np.linalg.norm(nibabel.affines.apply_affine(image.affine, found) - centre)
    assert distance < 8, f"{scan}: the lesion is {distance:.1f} mm from its mask"


# ---- Training ----


def check_cells():
    """A lesion falls on the cells that lie where the library draws them: cell o of step s over input voxel s o."""
    import torch
    from network import cells_of
    place = np.array([41.0, 52.0, 30.0])  # input voxels, of 96
    at = np.moveaxis(np.indices((24,) * 3), 0, -1) * 4 + 1.5
    lesion = torch.from_numpy(np.exp(-((at - place) ** 2).sum(-1) / 150).astype(np.float32))[None, None]
    for extent in (24, 12, 16, 8):
        cells = cells_of(lesion, (extent,) * 3)[0, 0].double().numpy()
        found = [np.average(np.arange(extent), weights=cells.sum(tuple({0, 1, 2} - {axis}))) for axis in range(3)]
        off = np.array(found) * 96 / extent - place
        assert cells.shape == (extent,) * 3 and abs(off).max() < 1.1, f"{extent} cells are {off} voxels off"

    check_attention((lesion > 0.5).float())


def check_attention(lesion):
    """The loss is least where the attention lies in the lesion and the features there are the class's."""
    import torch
    from network import Network, cell_loss, cells_of
    network = Network(2, [96] * 3, [2], [8])
    network.dense.weight.data = torch.tensor([[0.0, 0, 9, 0], [0, 0, 0, 9]])  # of the attended features
    network.dense.bias.data.zero_()
    inside = cells_of(lesion, (12,) * 3)
    nothing = torch.zeros_like(inside)
    features = {"right": [nothing, inside], "of another class": [inside, nothing],
                "elsewhere": [nothing, inside.roll(6, 4)]}
    looks = {"there": 99 * inside, "elsewhere": 99 * inside.roll(6, 4)}
    losses = {(what, where): float(cell_loss(network, torch.cat(pair, 1), look, torch.tensor([1]), lesion))
              for what, pair in features.items() for where, look in looks.items()}
    right = losses.pop(("right", "there"))
    assert right < 0.2 and min(losses.values()) > right + 0.5, (right, losses)


def check_crops(folder):
    """A crop has its lesion; of a healthy head it is where others have theirs, and shows something."""
    from batches import crop_of
    from prepared import Prepared
    data = Prepared(folder)
    count, seen = 2, {"MEN": [], "PA": [], "HLTH": []}
    order = [i for i, row in enumerate(data.rows) if i % 2] * 20
    for n in range(300):
        image, lesion = crop_of(data, order, n, count, np.random.default_rng(n))
        assert image.shape == (1, 4 * count, 4 * count, 4 * count) and lesion.shape == (1, count, count, count)
        seen[data.rows[order[n]]["class"]].append((lesion.max(), image.max()))
    assert all(lesion > 0 for code in ("MEN", "PA") for lesion, _ in seen[code]), "a crop without its lesion"
    healthy = np.array(seen["HLTH"])
    assert len(healthy) > 50 and (healthy[:, 0] == 0).all(), "a healthy crop with a lesion"

    check_elsewhere(data, order)
    first = {code: next(i for i, row in enumerate(data.rows) if row["class"] == code) for code in seen}
    shown = np.kron(data.cells[first["PA"]] > 0, np.ones((4, 4, 4), np.uint8))  # a slab that has the one place alone
    data.inputs = {first["HLTH"]: shown}
    order = [first[code] for code in ("HLTH", "MEN", "PA")] * 100
    for n in range(0, 60, 3):
        image, _ = crop_of(data, order, n, count, np.random.default_rng(n))
        assert image.max() > 0, "a healthy crop of nothing"


def check_elsewhere(data, order):
    """Crops away from the lesion are of places where others have theirs, and count as healthy unless it is in them."""
    from batches import batch_of
    from prepared import CELL
    codes = list(PLACES)
    labels = [codes.index(row["class"]) for row in data.rows]
    healthy = codes.index("HLTH")

    class Run:
        settings = {"seed": 1, "batch": 100, "crop_batch": 100, "augment": False, "elsewhere": 0.5}

        def extent(self, step):
            return 2 * CELL

    for code, wanted in ((healthy, True), (None, False)):
        _, chosen, lesions = batch_of(Run(), 0, data, order, labels, code)
        own = [labels[i] for i in order[:100]]
        found = lesions.flatten(1).amax(1) > 0
        away = [n for n in range(100) if own[n] != healthy and not found[n]]
        assert len(away) > 10 if wanted else not away, f"{len(away)} of 100 crops are away from their lesion"
        assert all(chosen[n] == (healthy if n in away else own[n]) for n in range(100))


def stop_at(step, *arguments):
    """Run train.py until it shows this step, then ask it to end."""
    line = [sys.executable, RECIPE / "train.py", *map(str, arguments)]
    with subprocess.Popen(line, stderr=subprocess.PIPE) as process:
        shown = b""
        while f"step {step} of".encode() not in shown and (piece := process.stderr.read1()):
            shown += piece
        process.send_signal(signal.SIGTERM)
        shown += process.stderr.read()
    assert process.returncode == 0, shown.decode()


def same(a, b, path=""):
    import torch
    if isinstance(a, dict):
        assert a.keys() == b.keys(), path
        for key in a:
            if key != "seconds":
                same(a[key], b[key], f"{path}/{key}")
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), path
        for n, (x, y) in enumerate(zip(a, b)):
            same(x, y, f"{path}/{n}")
    else:
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b, f"{path}: {a} is not {b}"


def check_training(prepared, folder):
    """It learns; and one that was stopped ends with the same bits."""
    from train import load
    whole, parts = folder / "whole", folder / "parts"
    python("train.py", prepared, "--output", whole, *TRAIN)
    stop_at(STOP, prepared, "--output", parts, *TRAIN)
    assert STOP <= load(parts / "checkpoint.pt")["step"] < STEPS, "it was not stopped on the way"
    python("train.py", prepared, "--output", parts, *TRAIN)
    state = load(whole / "checkpoint.pt")
    same(state, load(parts / "checkpoint.pt"))
    same(load(whole / "best.pt"), load(parts / "best.pt"))
    refusal = python("train.py", prepared, "--output", parts, *TRAIN, "--with", "rate=0.02", succeeds=False)
    assert "rate = 0.01, not 0.02" in refusal, refusal
    first, last = state["log"][0]["class"], state["log"][-1]["class"]
    figures = state["validations"][-1]
    print(f"loss {first:.2f} to {last:.2f}, balanced accuracy {figures['balanced_accuracy']:.2f}")
    assert last < 0.7 * first and figures["balanced_accuracy"] >= 0.8
    return whole / "best.pt"


# ---- The model file ----


def check_export(best, prepared, scans, folder):
    """The command's answers are PyTorch's, and everything that travels with the weights is used."""
    model, half = folder / "model.onnx", folder / "half.onnx"
    common = ["--set", prepared, "--command", COMMAND]
    python("export.py", best, "--output", model, *common)
    python("export.py", best, "--output", half, "--half", *common)
    assert half.stat().st_size < model.stat().st_size
    some = scans[:20]
    print(python("export.py", best, "--output", model, "--command", COMMAND, "--check", *some).strip())
    python("export.py", best, "--output", half, "--half", "--command", COMMAND, "--check", *some)
    python("export.py", best, "--output", half, "--command", COMMAND, "--check", *some, succeeds=False)
    subprocess.run([COMMAND, "selftest", "--model", model], check=True, capture_output=True)
    done = subprocess.run([COMMAND, "classify", "--json", "--model", model, *scans], capture_output=True, text=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    truth = [list(PLACES)[n % 3] for n in range(len(answers))]
    right = np.mean([answer["class"]["code"] == code for answer, code in zip(answers, truth)])
    covered = np.mean([code in answer["confidence"]["prediction_set"] for answer, code in zip(answers, truth)])
    like = np.mean([answer["confidence"]["unlikeness"] < answer["confidence"]["most_unlikeness"] for answer in answers])
    print(f"the command: {right:.2f} right, {covered:.2f} in the prediction set, {like:.2f} like the training")
    assert len(answers) == len(scans) and right >= 0.8 and covered >= 0.8 and like >= 0.9


def check_calibration(best, prepared, folder):
    """Scans that join the set under another split calibrate, and no others do."""
    common = ["--set", prepared, "--command", COMMAND]
    said = python("export.py", best, "--output", folder / "none.onnx", "--calibrate", "others", *common, succeeds=False)
    assert "none of the 0 scans to calibrate with" in said, said
    others = write_folder(folder / "others", 27, np.random.default_rng(2))
    before = rows_of(prepared)
    python("prepare.py", folder / "others", "--output", prepared, "--spec", SPEC, "--command", COMMAND, "--split", "others")
    rows = rows_of(prepared)
    assert rows[: len(before)] == before and len(rows) == len(before) + len(others)
    assert {row["split"] for row in rows[len(before) :]} == {"others"}
    model = folder / "others.onnx"
    python("export.py", best, "--output", model, "--calibrate", "others", *common)
    told = json.loads(subprocess.check_output([COMMAND, "info", "--json", model]))["metadata"]["tumorclass.metrics"]
    assert told.startswith(f"on {len(others)} scans"), told


def check_start(best, folder):
    """A training that begins with a model file has its weights."""
    import torch
    from network import Network
    from record import load
    from start import begin_with
    stored = load(best)
    for name, allowed in (("model.onnx", 0.0), ("half.onnx", 1e-3)):
        network = Network(**stored["config"])
        before = {name: value.clone() for name, value in network.state_dict().items()}
        begin_with(network, folder / name)
        for key, value in network.state_dict().items():
            wanted = before[key] if key.startswith("lesion.") else stored["weights"][key]
            assert torch.allclose(value, wanted, rtol=allowed, atol=allowed * 1e-3), f"{name}: {key}"
    other = Network(**(stored["config"] | {"classes": 5}))
    begin_with(other, folder / "model.onnx")
    assert torch.equal(other.levels[0].conv.conv.weight, stored["weights"]["levels.0.conv.conv.weight"])
    try:
        begin_with(Network(**(stored["config"] | {"filters": [8, 8]})), folder / "model.onnx")
        raise AssertionError("weights of another size were taken")
    except SystemExit as refusal:
        assert "attend.weight is [1, 16, 1, 1, 1], and the network has [1, 8, 1, 1, 1]" in str(refusal), refusal


def main():
    try:
        import torch  # noqa: F401
    except ImportError:
        skip("torch is not installed")
    if not COMMAND.is_file():
        skip("the command is not built")
    sys.path.insert(0, str(RECIPE))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        check_cells()
        scans = write_folder(folder / "bids", 108, np.random.default_rng(1))
        check_prepared(folder / "bids", scans, folder / "set")
        check_crops(folder / "set")
        best = check_training(folder / "set", folder)
        check_export(best, folder / "set", scans, folder)
        check_calibration(best, folder / "set", folder)
        check_start(best, folder)


if __name__ == "__main__":
    main()
