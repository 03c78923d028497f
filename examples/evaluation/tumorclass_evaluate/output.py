"""Files that appear whole or not at all, and the table for a terminal."""
import csv
import io
import json
import math
import os
import pathlib

from .classes import CODES

DISCLAIMER = "Research use, not for diagnosis."


class OutputFailed(Exception):
    """A file could not be written."""


def write_text(path, text):
    path = pathlib.Path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputFailed(f"{path.name} cannot be written: {error.strerror}") from None


def number(value):
    """For tables: nothing if there is no such figure."""
    return f"{value:.9g}" if math.isfinite(value) else ""


def percent(value, digits=1):
    return f"{100 * value:.{digits}f}" if math.isfinite(value) else "-"


def table_text(header, rows):
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
    writer.writerows([header, *[[str(cell).replace("\t", " ") for cell in row] for row in rows]])
    return text.getvalue()


def metrics_tsv(rows):
    header = ("group", "class", "metric", "value", "low", "high", "n", "cluster_low", "cluster_high")
    return table_text(header, [(row.group, row.label, row.metric, number(row.value), number(row.low), number(row.high),
                                row.n, number(row.cluster_low), number(row.cluster_high)) for row in rows])


def confusion_tsv(confusion):
    """Counts and percentages of the row."""
    header = ["truth", *CODES, "no class", "n", *(f"{code} %" for code in CODES), "no class %"]
    rows = [[code, *map(int, row), int(row.sum()),
             *(number(100 * cell / row.sum()) if row.sum() else "" for cell in row)]
            for code, row in zip(CODES, confusion)]
    return table_text(header, rows)


def metrics_json(report):
    def plain(value):
        return None if isinstance(value, float) and not math.isfinite(value) else value
    metrics = [{"group": row.group, "class": row.label or None, "metric": row.metric, "value": plain(row.value),
                "low": plain(row.low), "high": plain(row.high), "n": row.n, "cluster_low": plain(row.cluster_low),
                "cluster_high": plain(row.cluster_high)} for row in report.rows]
    whole = {"disclaimer": DISCLAIMER, "settings": report.settings, "notes": report.notes, "metrics": metrics,
             "confusion": {"truth": list(CODES), "called": [*CODES, "no class"], "counts": report.confusion.tolist()},
             "reliability": report.bins, "misclassified": report.misclassified, "failures": report.failures,
             "against": report.against, "published": report.published}
    return json.dumps(whole, indent=1) + "\n"


TERMINAL_COLUMNS = {"sensitivity": "sens", "specificity": "spec", "ppv": "PPV", "npv": "NPV", "f1": "F1",
                    "auroc": "AUROC", "auprc": "AUPRC"}
TERMINAL_LINES = {"balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1", "brier": "Brier score (0 to 2)",
                  "nll": "negative log-likelihood (nats)", "ece": "calibration error (ECE)",
                  "set_coverage": "prediction sets: coverage", "set_size": "prediction sets: mean size"}


def terminal_table(report, stream):
    """Accuracy, one line a class, what else there is, and the notes."""
    overall = report.figure("all", "", "accuracy")
    lines = [f"{percent(overall.value, 2)} % of {overall.n} scans right (95 % interval {percent(overall.low)} to "
             f"{percent(overall.high)})", "",
             "            n" + "".join(f"{name:>8}" for name in TERMINAL_COLUMNS.values())]
    for code in (*CODES, "GLIOMA"):
        group = "glioma merged" if code == "GLIOMA" else "all"
        found = [report.figure(group, code, metric) for metric in TERMINAL_COLUMNS]
        if found[0]:
            cells = [percent(figure.value) if figure else "-" for figure in found]
            lines.append(f"{code:6}{found[0].n:7}" + "".join(f"{cell:>8}" for cell in cells))
    lines.append("")
    for metric, words in TERMINAL_LINES.items():
        figure = report.figure("all", "", metric)
        if figure:
            lines.append(f"{words:34}{figure.value:8.4f}")
    lines.append("")
    for row in report.rows:
        if row.metric in ("accuracy", "hit", "same_class") and not row.label and row.group != "all":
            lines.append(f"{row.group[:44]:44}{percent(row.value):>6} % of {row.n:<6}{percent(row.low)} to "
                         f"{percent(row.high)}")
    print("\n".join([*lines, "", *report.notes, DISCLAIMER]), file=stream)
