#!/usr/bin/env python3
"""Train the network on a prepared set (prepare.py); export.py makes a model file of what comes out.

    compact     AdamW, one cosine after a warm-up, moving average of the weights, light dropout, every class equally
                often; cross-entropy, class maps held against the lesion (less and less), and a lesion head
    published   Adam 5e-4, L2 1e-5, batches of 5, rate halved after 10 epochs without a better validation loss, stop
                after 50, cross-entropy with balanced class weights, 8 folds by subject. The flips are left-right alone:
                the paper's run along all axes, and a head upside down has no sella and no auditory canals

Everything random is a function of the seed and the step's number, so a run goes on from its checkpoint bit by bit (on
the same machine with the same number of threads) as if it had not been stopped: by --minutes, a signal, or a crash.

In the output folder: checkpoint.pt (all that going on needs), best.pt (the weights of the best validation, for
export.py), training.csv, validation.csv, training.png (with matplotlib). Needs torch 1.13 or later and numpy.
"""
import argparse
import copy
import json
import math
import os
import pathlib
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F

from batches import batches
from network import COMPACT, PUBLISHED, Network, cell_loss, lesion_loss
from prepared import Prepared
from record import draw, load, mean_losses, save, write_csv
from scans import HEALTHY, Order, class_codes, judge, split
from start import begin_with

RECIPES = {
    "compact": COMPACT | {"optimizer": "adamw", "rate": 1e-3, "decay": 0.02, "batch": 16, "part": 4,
                          "warm_up": 0.03, "average": 0.999, "balanced": True, "smoothing": 0.05, "cells": 1.0,
                          "lesions": 1.0, "augment": True, "crop_share": 0.0, "crops": [32, 48, 64],
                          "crop_batch": 32, "crop_part": 8, "elsewhere": 0.25, "patience": None,
                          "folds": 8},
    "published": PUBLISHED | {"optimizer": "adam", "rate": 5e-4, "decay": 1e-5, "batch": 5, "part": 5,
                              "warm_up": 0.0, "average": 0.0, "balanced": False, "smoothing": 0.0, "cells": 0.0,
                              "lesions": 0.0, "augment": False, "crop_share": 0.0, "crops": [],
                              "crop_batch": 5, "crop_part": 5, "elsewhere": 0.0, "patience": [10, 50],
                              "folds": 8},
}
HIGHEST_NORM = 5.0  # gradients longer than this are shortened
ANSWER_BATCH = 8  # scans at a time in validation


# ---- One run ----


class Run:
    """The network, its optimizer and how far they are; `state` is all of it."""

    COUNTED = ("step", "seconds", "log", "recent", "validations", "plateau")

    def __init__(self, settings, classes, device, threads):
        torch.manual_seed(settings["seed"])
        self.settings, self.device, self.threads = settings, device, threads if device.type == "cpu" else 1
        keys = ("shape", "filters", "strides", "dropout", "pooling")
        self.network = Network(classes, *(settings[key] for key in keys)).to(device)
        self.average = copy.deepcopy(self.network) if settings["average"] else self.network
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings["optimizer"]]
        self.optimizer = kind(self.network.parameters(), settings["rate"], weight_decay=settings["decay"])
        self.step, self.seconds = 0, 0.0
        self.log, self.recent, self.validations = [], [], []  # recent: losses since the last line of the log
        self.plateau = {"factor": 1.0, "least": math.inf, "since": 0, "lowered": 0}

    def state(self):
        return {"settings": self.settings, "network": self.network.state_dict(), "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict()} | {name: getattr(self, name) for name in self.COUNTED}

    def load(self, state):
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name in self.COUNTED:
            setattr(self, name, state[name])

    def progress(self, step=None):
        return (self.step if step is None else step) / self.settings["steps"]

    def rate(self):
        """Rises in the warm-up, falls as a cosine; the published recipe's falls at plateaus instead."""
        if self.settings["patience"]:
            return self.settings["rate"] * self.plateau["factor"]
        warm, t = self.settings["warm_up"], (self.step + 1) / self.settings["steps"]
        falling = 0.5 * (1 + math.cos(math.pi * (t - warm) / (1 - warm)))
        return self.settings["rate"] * (t / warm if t < warm else falling)

    def finished(self):
        patience = self.settings["patience"]
        return self.step >= self.settings["steps"] or bool(patience) and self.plateau["since"] >= patience[1]

    def extent(self, step):
        """Of the crops that this step sees; None: whole scans."""
        if self.progress(step) >= self.settings["crop_share"]:
            return None
        return int(np.random.default_rng((self.settings["seed"], 2, step)).choice(self.settings["crops"]))


def in_threads(threads, function, items):
    """The function of each item, in order. Two threads with a part of the batch each are faster than one part after the
    other with both cores: in small cubes a convolution has too little to share out."""
    workers = max(1, min(threads, len(items)))
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(max(1, threads // workers),)) as pool:
        return list(pool.map(function, items))


def losses(run, random, images, labels, lesions, weights):
    settings = run.settings
    if not settings["cells"] and not settings["lesions"]:
        return {"class": F.cross_entropy(run.network(images, random), labels, weights)}
    logits, last, attention, drawn = run.network.forward_all(images, random)
    cells = cell_loss(run.network, last, attention, labels, lesions) if settings["cells"] else last.sum() * 0
    return {"class": F.cross_entropy(logits, labels, weights, label_smoothing=settings["smoothing"]),
            "cells": cells * settings["cells"] * min(1, 2 - 2 * run.progress()),
            "lesions": lesion_loss(drawn, lesions) * settings["lesions"]}


def learn_part(run, batch, begin, count, weights):
    """(its share of the batch's gradients, or None where the loss does not see a parameter; its share of the losses)"""
    random = torch.Generator(run.device)
    random.manual_seed(run.settings["seed"] * 1_000_003 + run.step * 1009 + begin)
    part = [x[begin : begin + count].to(run.device) for x in batch]
    share = len(part[0]) / len(batch[0])
    terms = {name: term * share for name, term in losses(run, random, *part, weights).items()}
    gradients = torch.autograd.grad(sum(terms.values()), list(run.network.parameters()), allow_unused=True)
    return gradients, {name: float(term.detach()) for name, term in terms.items()}


def train_step(run, batch, weights):
    """One step; the mean losses. The batch is learned from in parts, which bounds memory."""
    for group in run.optimizer.param_groups:
        group["lr"] = run.rate()
    count = run.settings["crop_part" if run.extent(run.step) else "part"]
    parts = in_threads(run.threads, lambda begin: learn_part(run, batch, begin, count, weights),
                       range(0, len(batch[0]), count))
    for parameter, *gradients in zip(run.network.parameters(), *(gradients for gradients, _ in parts)):
        parameter.grad = None if gradients[0] is None else sum(gradients)
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), HIGHEST_NORM)
    run.optimizer.step()
    run.step += 1
    if run.average is not run.network:
        follow(run)
    return {name: sum(terms[name] for _, terms in parts) for name in parts[0][1]}


@torch.no_grad()
def follow(run):
    keep = min(run.settings["average"], (1 + run.step) / (10 + run.step))
    for mean, now in zip(run.average.parameters(), run.network.parameters()):
        mean.lerp_(now, 1 - keep)


def answer(network, data, indices, threads=os.cpu_count()):
    """(logits, embeddings) of scans as they are."""
    device = next(network.parameters()).device

    @torch.no_grad()
    def some(begin):
        images = torch.from_numpy(data.images(indices[begin : begin + ANSWER_BATCH])).to(device)
        pooled = network.pool(network.features(images)[-1])
        return network.dense(pooled).cpu().numpy(), pooled.cpu().numpy()

    parts = in_threads(threads if device.type == "cpu" else 1, some, range(0, len(indices), ANSWER_BATCH))
    return tuple(np.concatenate(one) for one in zip(*parts))


# ---- Validation, and when to stop ----


def validate(run, data, indices, labels, codes, weights):
    logits, _ = answer(run.average, data, indices, run.threads)
    truth = [labels[i] for i in indices]
    weights = None if weights is None else weights.cpu()
    loss = F.cross_entropy(torch.from_numpy(logits), torch.tensor(truth), weights)
    facts = judge(logits.argmax(1) == truth, truth, [data.rows[i] for i in indices], codes)
    facts = {"step": run.step, "loss": float(loss)} | facts
    run.validations.append(facts)
    return facts


def is_best(run):
    """The last validation, against all others; by loss in the published recipe."""
    def worth(facts):
        return (-facts["loss"],) if run.settings["patience"] else (facts["worst"], facts["balanced_accuracy"])

    *others, last = run.validations
    return all(worth(last) > worth(other) for other in others)


def follow_plateau(run):
    """Halve the rate where the validation loss (once an epoch) stays as it is."""
    state, loss = run.plateau, run.validations[-1]["loss"]
    if loss < state["least"]:
        state.update(least=loss, since=0, lowered=0)
        return
    state["since"] += 1
    state["lowered"] += 1
    if state["lowered"] >= run.settings["patience"][0]:
        state.update(factor=state["factor"] / 2, lowered=0)


def write_all(run, folder):
    save(folder / "checkpoint.pt", run.state())
    write_csv(folder / "training.csv", run.log)
    write_csv(folder / "validation.csv", run.validations)
    draw(folder / "training.png", run)


def save_best(run, folder, codes, spec, parts):
    """What export.py needs; parts: the set's indices that trained it and that chose it."""
    save(folder / "best.pt", {"config": run.average.config, "codes": codes, "spec": spec, "settings": run.settings,
                              "weights": run.average.state_dict(), "parts": parts,
                              "figures": run.validations[-1]})


# ---- The loop ----


def show(run, begin_step, begin, end=""):
    speed = (run.step - begin_step) / max(time.monotonic() - begin, 1e-9)
    line = f"step {run.step} of {run.settings['steps']}"
    if run.recent or run.log:
        line += ", loss " + " + ".join(f"{loss:.3f} ({name})" for name, loss in mean_losses(run).items())
    if run.validations:
        last = run.validations[-1]
        line += f"; balanced {last['balanced_accuracy']:.3f}, worst {last['worst']:.2f} ({last['worst_of']})"
    if speed > 0:
        line += f"; {speed:.2f} steps/s, {(run.settings['steps'] - run.step) / speed / 3600:.1f} h to go"
    print(f"\r{line}\033[K", end=end, file=sys.stderr, flush=True)


def class_weights(run, labels, classes):
    """The published recipe's: n / (classes * n_c)."""
    if run.settings["balanced"]:
        return None
    counts = np.bincount(labels, minlength=classes)
    return torch.tensor(len(labels) / classes / counts, dtype=torch.float32, device=run.device)


def look(run, data, parts, labels, codes, weights, folder):
    """Validate; keep the best."""
    validate(run, data, parts[1], labels, codes, weights)
    if run.settings["patience"]:
        follow_plateau(run)
    if is_best(run):
        save_best(run, folder, codes, data.spec, parts)


def train(run, data, parts, labels, codes, arguments):
    order = Order(parts[0], labels, run.settings["balanced"], run.settings["seed"])
    weights = class_weights(run, [labels[i] for i in parts[0]], len(codes))
    healthy = codes.index(HEALTHY) if HEALTHY in codes else None
    stop = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.append(True))
    begin, begin_step, saved = time.monotonic(), run.step, time.monotonic()
    tick = begin
    for batch in () if run.finished() else batches(run, data, order, labels, healthy):
        run.recent.append(train_step(run, batch, weights))
        run.seconds += time.monotonic() - tick
        if run.step % arguments.log_every == 0:
            run.log.append({"step": run.step, "rate": run.optimizer.param_groups[0]["lr"],
                            "seconds": round(run.seconds, 1)} | mean_losses(run))
            run.recent = []
        looked = run.step % run.settings["validate_every"] == 0 or run.step == run.settings["steps"]
        if looked:
            look(run, data, parts, labels, codes, weights, arguments.output)
        show(run, begin_step, begin)
        if arguments.minutes and time.monotonic() - begin > 60 * arguments.minutes:
            stop.append(True)
        if looked or stop or run.finished() or time.monotonic() - saved > 60 * arguments.checkpoint_minutes:
            write_all(run, arguments.output)
            saved = time.monotonic()
        if stop or run.finished():
            break
        tick = time.monotonic()
    show(run, begin_step, begin, end="\n")


# ---- Arguments ----


def change(text):
    key, equals, value = text.partition("=")
    if not equals or key not in RECIPES["compact"] or key == "shape":
        raise argparse.ArgumentTypeError(f"'{text}' is not KEY=VALUE with a key of " +
                                         ", ".join(key for key in RECIPES["compact"] if key != "shape"))
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def read_arguments():
    first, *rest = __doc__.split("\n\n")
    parser = argparse.ArgumentParser(description=first, epilog="\n\n".join(rest),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=pathlib.Path, help="the prepared set")
    parser.add_argument("--output", type=pathlib.Path, required=True, metavar="FOLDER")
    parser.add_argument("--recipe", choices=tuple(RECIPES), default="compact", help="(default: compact)")
    parser.add_argument("--with", type=change, action="append", default=[], dest="changes", metavar="KEY=VALUE",
                        help="in place of the recipe's, as JSON: filters=[8,16,32,64] rate=0.0005 crop_share=0.6")
    parser.add_argument("--total-steps", type=int, metavar="N", help="(default: 20000; published: 200 epochs)")
    parser.add_argument("--validate-every", type=int, metavar="N", help="steps (default: 500; published: an epoch)")
    parser.add_argument("--log-every", type=int, default=50, metavar="N", help="steps (default: 50)")
    parser.add_argument("--fold", type=int, metavar="K", help="validate on this fold, from 0; default: the column "
                        "split of participants.tsv, or fold 0 if there is none")
    parser.add_argument("--start", type=pathlib.Path, metavar="FILE", help="begin with the weights of "
                        "a best.pt or of a model file")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="(default: 1)")
    parser.add_argument("--minutes", type=float, metavar="M", help="stop after these; the same command goes on")
    parser.add_argument("--checkpoint-minutes", type=float, default=10, metavar="M", help="(default: 10)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), metavar="N")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu, cuda or cuda:N")
    return parser.parse_args()


def settings_of(arguments, data, training):
    settings = RECIPES[arguments.recipe] | dict(arguments.changes) | {"shape": list(data.shape), "seed": arguments.seed}
    epoch = math.ceil(len(training) / settings["batch"])
    published = bool(settings["patience"])
    if settings["cells"] and settings["pooling"] != "attention":
        raise SystemExit("cells=0 must be given with this pooling: it has no attention to hold against the lesion")
    settings["steps"] = arguments.total_steps or (200 * epoch if published else 20000)
    settings["validate_every"] = arguments.validate_every or (epoch if published else 500)
    return settings


def start(settings, arguments, codes):
    """A run, from its checkpoint if it has one."""
    path = arguments.output / "checkpoint.pt"
    run = Run(settings, len(codes), torch.device(arguments.device), arguments.threads)
    if path.exists():
        state = load(path)
        for key, value in state["settings"].items():
            if settings.get(key) != value:
                raise SystemExit(f"{path} was made with {key} = {value}, not {settings.get(key)}")
        run.load(state)
    elif arguments.start:
        begin_with(run.network, arguments.start)
        run.average.load_state_dict(run.network.state_dict())
    return run


def main():
    arguments = read_arguments()
    data = Prepared(arguments.set)
    folds = RECIPES[arguments.recipe]["folds"]
    training, validation = split(data.rows, arguments.fold, folds, arguments.seed)
    codes = class_codes([data.rows[i] for i in training])
    labels = [codes.index(row["class"]) if row["class"] in codes else -1 for row in data.rows]
    validation = [i for i in validation if labels[i] >= 0]
    if len(codes) < 2 or not validation:
        raise SystemExit(f"{arguments.set}: {len(training)} scans of {len(codes)} classes to train on, "
                         f"{len(validation)} to validate with: there must be 2 classes and 1 scan")
    arguments.output.mkdir(parents=True, exist_ok=True)
    run = start(settings_of(arguments, data, training), arguments, codes)
    print(f"{len(training)} scans to train on, {len(validation)} to validate with: " + ", ".join(
        f"{sum(labels[i] == c for i in training)} + {sum(labels[i] == c for i in validation)} {code}"
        for c, code in enumerate(codes)), file=sys.stderr)
    train(run, data, (training, validation), labels, codes, arguments)


if __name__ == "__main__":
    main()
