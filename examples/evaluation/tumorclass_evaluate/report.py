"""What a report is made of: the figures, what was left out, and what the paper published."""
import dataclasses
import pathlib

import numpy as np

from .attention import METHODS, add_attention
from .classes import CODES, code_of
from .figures import LEAST_CLUSTERS, Evaluation, wilson
from .groups import add_groups, set_aside
from .pairs import match, mcnemar

# Chakrabarty et al., Radiology: Artificial Intelligence 2021;3(5):e200301: right, scans; ranges over the classes
PUBLISHED = (
    {"set": "internal", "right": 337, "n": 361, "sensitivity": "87-100", "ppv": "85-100", "npv": "98-100",
     "auroc": "0.98-1.00", "auprc": "0.91-1.00"},
    {"set": "external (HGG, LGG)", "right": 320, "n": 348, "sensitivity": "91-97", "ppv": "73-99", "npv": "-",
     "auroc": "0.97-0.98", "auprc": "0.9-1.0"},
)


@dataclasses.dataclass
class Report:
    rows: list           # of figures.Figure
    settings: dict
    notes: list          # sentences on how to read the figures
    confusion: np.ndarray  # [truth, called], the last column: no class
    bins: list           # of the reliability diagram
    misclassified: list
    failures: list
    against: dict
    published: list
    truth: np.ndarray    # of the scans that have probabilities, for the curves
    probabilities: np.ndarray

    def figure(self, group, label, metric):
        return next((row for row in self.rows if (row.group, row.label, row.metric) == (group, label, metric)), None)


def published():
    return [{**row, "accuracy": row["right"] / row["n"], "low": wilson(row["right"], row["n"])[0],
             "high": wilson(row["right"], row["n"])[1]} for row in PUBLISHED]


def _told(case):
    chances = case.probabilities and {code: round(p, 6) for code, p in zip(CODES, case.probabilities)}
    return {"participant": case.participant, "scan": case.scan, "session": case.session, "truth": code_of(case.truth),
            "called": code_of(case.called), "probabilities": chances}


def _notes(evaluation, cases, small, least_mm):
    clusters, by = evaluation.by_cluster.count, evaluation.clustered_by
    plural = {"anatomy": "anatomies", "participant": "participants"}[by]
    notes = [f"{len(evaluation.cases)} scans of {evaluation.by_participant.count} participants are counted."]
    if clusters < LEAST_CLUSTERS:
        notes.append(f"They come from {clusters} {plural}: the intervals are conditional on those {plural}, and say "
                     "nothing of heads unlike them.")
    else:
        notes.append(f"Clustered intervals draw {clusters} {plural}.")
    failed = sum(not case.probabilities and case.error != "" for case in evaluation.cases)
    if failed:
        notes.append(f"{failed} scans could not be classified. They count as wrong: they are false negatives of their "
                     "class. Figures of probabilities leave them out.")
    if not len(evaluation.probabilities):
        notes.append("The table has no probabilities: AUROC, AUPRC, Brier score, likelihood and calibration are left "
                     "out.")
    if least_mm and not any(case.columns.get("volume_ml") for case in cases):
        notes.append("The truth has no column volume_ml: no lesion is set aside as too small.")
    elif small:
        notes.append(f"{len(small)} scans whose lesion is under {least_mm:g} mm across (as a sphere of its volume) are "
                     "reported by themselves, and not counted.")
    return notes


def _robustness(evaluation, others, name):
    same = [case.called == other.called and other.called >= 0 for case, other in
            zip(evaluation.cases, match(evaluation.cases, others, name))]
    evaluation.proportion(f"same as {name}", "", "same_class", same)
    for index, code in enumerate(CODES):
        evaluation.proportion(f"same as {name}", code, "same_class", same, evaluation.truth == index)


def _against(evaluation, others, name):
    right = evaluation.truth == evaluation.called
    other_right = [bool(case.truth == case.called) for case in match(evaluation.cases, others, name)]
    first, second, p = mcnemar(right, other_right)
    return {"file": name, "n": len(right), "right": int(right.sum()), "other_right": int(sum(other_right)),
            "only_this": first, "only_other": second, "p": p}


def make_report(cases, arguments, maps=None, against=None, same_as=()):
    """maps: method -> case key -> row of attention.Maps. against, same_as: (file name, its cases)."""
    counted, small = set_aside(cases, arguments.smallest)
    evaluation = Evaluation(counted, arguments.replicates, arguments.seed)
    confusion, bins = evaluation.run()
    notes = _notes(evaluation, cases, small, arguments.smallest)
    add_groups(evaluation, arguments.by)
    for method, rows in (maps or {}).items():
        found = [rows.get(case.key) for case in counted]
        add_attention(evaluation, method, found)
        lost = sum(row is not None and "error" in row for row in found)
        tolerances = [row["tolerance_mm"] for row in found if row and "error" not in row]
        if tolerances:
            notes.append(f"{METHODS[method]}: the peak may be {np.median(tolerances):.3g} mm from the lesion"
                         f"{' (one cell of the map)' if method == 'cam' else ''}; {len(tolerances)} maps"
                         f"{f', {lost} lesions or scans without one' if lost else ''}.")
    for name, others in same_as:
        _robustness(evaluation, others, name)
    if small:
        few = Evaluation(small, arguments.replicates, arguments.seed)
        few.proportion(f"lesions under {arguments.smallest:g} mm, not counted", "", "accuracy", few.truth == few.called)
        evaluation.rows += few.rows
    settings = {"truth": pathlib.Path(arguments.truth).name, "where": arguments.where,
                "predictions": pathlib.Path(arguments.predictions or "tumorclass batch").name,
                "replicates": arguments.replicates, "seed": arguments.seed, "smallest_mm": arguments.smallest,
                "clusters": evaluation.by_cluster.count, "clustered_by": evaluation.clustered_by}
    wrong = [case for case in counted if case.called != case.truth]
    return Report(evaluation.rows, settings, notes, confusion, bins,
                  [_told(case) for case in wrong if case.called >= 0],
                  [{**_told(case), "error": case.error} for case in wrong if case.called < 0],
                  against and _against(evaluation, against[1], against[0]), published(),
                  evaluation.truth[evaluation.scored], evaluation.probabilities)
