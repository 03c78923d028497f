"""The figures as one JSON file and one page of Markdown."""
import json
import math

from tumorclass_evaluate.classes import CODES
from tumorclass_evaluate.report import published

PAPER = {"internal-paper": "internal", "external-paper": "external (HGG, LGG)"}
RANGES = ("sensitivity", "ppv", "npv", "auroc", "auprc")
PLAIN = ("AUROC", "Brier", "likelihood", "mean size")  # words of figures that are no shares


def plain(value):
    return None if isinstance(value, float) and not math.isfinite(value) else value


# ---- The paper's form ----

def paper_row(whole, name):
    """The figures of one cohort as the paper's table has them: an accuracy, and the range over the classes."""
    accuracy = whole.figure("all", "", "accuracy")
    row = {"set": name, "n": accuracy.n, "accuracy": accuracy.value, "low": accuracy.low, "high": accuracy.high}
    there = [code for index, code in enumerate(CODES) if any(case.truth == index for case in whole.counted)]
    for metric in RANGES:
        found = [whole.figure("all", code, metric) for code in there]
        values = [figure.value for figure in found if figure and math.isfinite(figure.value)]
        row[metric] = f"{min(values):.2f}-{max(values):.2f}" if values else "-"
    return row


def published_row(name):
    """Theirs, with percentages as shares."""
    row = dict(next(row for row in published() if row["set"] == name))
    for metric in ("sensitivity", "ppv", "npv"):
        ends = row[metric].split("-")
        row[metric] = "-".join(f"{int(end) / 100:.2f}" for end in ends) if all(ends) else "-"
    return row


def paper_table(evaluated):
    return [(paper_row(evaluated[name], name), published_row(theirs)) for name, theirs in PAPER.items()
            if name in evaluated]


# ---- JSON ----

def bar_of(bar):
    return {"what": bar.what, "mean": plain(bar.mean), "values": bar.values, "low": plain(bar.low),
            "high": plain(bar.high), "n": bar.n, "least": plain(bar.least), "most": plain(bar.most),
            "chance": plain(bar.chance), "aim": plain(bar.aim), "met": bar.met}


def figures_json(model, evaluated, whole, rows):
    """whole: cohort -> is it answered to its end?"""
    every = {"model": model,
             "cohorts": {name: {"scans": len(one.cases), "whole": whole[name],
                                "figures": [[plain(cell) for cell in vars(row).values()] for row in one.report.rows],
                                "confusion": one.report.confusion.tolist()} for name, one in evaluated.items()},
             "columns": ["group", "class", "metric", "value", "low", "high", "n", "cluster_low", "cluster_high"],
             "bars": {title: [bar_of(bar) for bar in bars] for title, bars in rows.items()},
             "paper": [{"here": here, "published": theirs} for here, theirs in paper_table(evaluated)]}
    return json.dumps(every, indent=1) + "\n"


# ---- Markdown ----

def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def shown(bar, value):
    if not math.isfinite(value):
        return ""
    is_share = not any(word in bar.what for word in PLAIN)
    return f"{100 * value:.1f} %" if is_share else f"{value:.3f}"


def spread(bar):
    """The least and the greatest of several cohorts, or the interval of one."""
    low, high = (min(bar.values), max(bar.values)) if len(bar.values) > 1 else (bar.low, bar.high)
    return f"{shown(bar, low)} to {shown(bar, high)}" if math.isfinite(low) else ""


def bound(bar):
    words = [f"at least {shown(bar, bar.least)}" if math.isfinite(bar.least) else "",
             f"at most {shown(bar, bar.most)}" if math.isfinite(bar.most) else "",
             f"chance, {shown(bar, bar.chance)}" if math.isfinite(bar.chance) else "",
             f"aim {shown(bar, bar.aim)}" if math.isfinite(bar.aim) else ""]
    return ", ".join(word for word in words if word)


MET = {True: "yes", False: "**no**", None: "not measured"}


def bar_rows(bars):
    return [[bar.what, shown(bar, bar.mean) or "-", spread(bar), bar.n or "", bound(bar),
             MET[bar.met] if bar.bounded else ""] for bar in bars]


def paper_rows(evaluated):
    for here, theirs in paper_table(evaluated):
        for name, row in ((here["set"], here), ("published, " + theirs["set"], theirs)):
            yield [name, row["n"], f"{100 * row['accuracy']:.2f} % ({100 * row['low']:.1f} to {100 * row['high']:.1f})",
                   *(row[metric] for metric in RANGES)]


def figures_markdown(model, evaluated, whole, rows):
    partly = [f"{name} ({len(one.cases)} scans)" for name, one in evaluated.items() if not whole[name]]
    asked = [bar.met for bars in rows.values() for bar in bars if bar.bounded]
    text = [f"# Figures of {model['file']}\n", f"SHA-256 `{model['sha256']}`. Synthetic scans: no clinical evidence. "
            "Research use, not for diagnosis.\n",
            f"{asked.count(True)} of {len(asked)} bars are met, {asked.count(None)} are not measured. A bar is held "
            "against the mean; beside it are the least and the greatest of the cohorts (other seeds), or the 95 % "
            "interval where there is one. All is conditional on the few anatomies that a test is drawn from.\n"]
    if partly:
        text.append(f"Only partly answered: {', '.join(partly)}.\n")
    for title, bars in rows.items():
        if bars:
            text += [f"## {title}\n", table(["figure", "mean", "spread", "n", "bar", "met"], bar_rows(bars))]
    form = list(paper_rows(evaluated))
    if form:
        text += ["## In the paper's form\n", "Other scans than the paper's, so no comparison.\n",
                 table(["set", "n", "accuracy", *RANGES], form)]
    return "\n".join(text)
