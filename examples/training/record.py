"""What a training leaves in its folder: files that are whole or not there, tables of figures, and the curves."""
import csv
import io
import os

import numpy as np
import torch

TERMS = ("class", "cells", "lesions")  # of the loss


def write_whole(path, data):
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def save(path, state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_whole(path, buffer.getvalue())


def load(path):
    return torch.load(path, map_location="cpu")


def write_csv(path, rows):
    if not rows:
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())


def draw(path, run):
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), constrained_layout=True)
    for name in [key for key in TERMS if run.log and key in run.log[0]]:
        left.plot([row["step"] for row in run.log], [row[name] for row in run.log], label=name)
    left.set(xlabel="step", ylabel="loss", yscale="log")
    for name in ("accuracy", "balanced_accuracy", "worst"):
        right.plot([row["step"] for row in run.validations], [row[name] for row in run.validations],
                   label=name.replace("_", " "))
    right.set(xlabel="step", ylabel="validation", ylim=(0, 1))
    for axes in (left, right):
        if axes.lines:
            axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    pyplot.close(figure)
    write_whole(path, buffer.getvalue())


def mean_losses(run):
    """Since the last line of the log, or that line's."""
    rows = run.recent or run.log[-1:]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0] if name in TERMS}
