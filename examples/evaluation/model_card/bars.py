"""What is asked of the model, and whether it is met: one row a bar, from the evaluated cohorts."""
import dataclasses
import math

import numpy as np

import metadata
from answers import CHANGED, STRIPPED
from evaluated import SMALLEST_MM, pooled, same_class, share, summary
from tumorclass_evaluate.classes import CODES, HEALTHY
from tumorclass_evaluate.groups import set_aside

INTERNAL = ("internal-1", "internal-2", "internal-3")
EXTERNAL = ("external-1", "external-2", "external-3")
LEFT_OUT = "fat-suppressed"  # the family that training never draws
TUMOURS = tuple(code for code in CODES if code != CODES[HEALTHY])


@dataclasses.dataclass
class Bar:
    """values: of each cohort of the row; the bar is held against their mean. low, high: an interval, where there is but
    one. least, most: the bounds; chance: what the interval must reach down to; NaN: none."""
    what: str
    values: list
    least: float = math.nan
    most: float = math.nan
    low: float = math.nan
    high: float = math.nan
    aim: float = math.nan
    chance: float = math.nan
    n: int = 0

    @property
    def mean(self):
        return float(np.mean(self.values)) if self.values else math.nan

    @property
    def bounded(self):
        return any(map(math.isfinite, (self.least, self.most, self.chance)))

    @property
    def met(self):
        """None: there is no bar, or no figure."""
        if not self.bounded or not math.isfinite(self.mean):
            return None
        return not (self.mean < self.least or self.mean > self.most or self.low > self.chance)


def one(what, figure, least=math.nan, most=math.nan):
    """A row of one figure; figure may be None."""
    if figure is None or not math.isfinite(figure.value):
        return Bar(what, [], least, most)
    return Bar(what, [figure.value], least, most, figure.low, figure.high, n=figure.n)


def over(what, several, find, least=math.nan, most=math.nan, aim=math.nan):
    """A row of a figure over cohorts; those without it are left out."""
    figures = [figure for figure in map(find, several) if figure is not None and math.isfinite(figure.value)]
    bar = one(what, figures[0] if len(figures) == 1 else None, least, most)
    return dataclasses.replace(bar, values=[figure.value for figure in figures], aim=aim, n=sum(f.n for f in figures))


def of_classes(what, several, metric, least=math.nan, most=math.nan, group="all", labels=CODES):
    """A row a class."""
    return [over(f"{what}, {label}", several, lambda whole: whole.figure(group, label, metric), least, most)
            for label in labels]


def some(evaluated, names):
    return [evaluated[name] for name in names if name in evaluated]


# ---- Sections ----

def accuracy(where, several, least, aim):
    rows = [over(f"accuracy, {where}", several, lambda w: w.figure("all", "", "accuracy"), least, aim=aim)]
    for what, metric, bound in (("sensitivity", "sensitivity", 0.87), ("PPV", "ppv", 0.85), ("AUROC", "auroc", 0.98)):
        bound = bound if where == "internal" else math.nan
        rows += of_classes(f"{what}, {where}", several, metric, bound)
        rows += of_classes(f"{what}, {where}", several, metric, group="glioma merged", labels=("GLIOMA",))
    rows.append(over(f"accuracy with gliomas merged, {where}", several,
                     lambda w: w.figure("glioma merged", "", "accuracy")))
    small = [case for whole in several for case in set_aside(whole.cases, SMALLEST_MM)[1]]
    if small:
        rows.append(one(f"accuracy of lesions under {SMALLEST_MM:g} mm, not counted, {where}",
                        share(small, [case.truth == case.called for case in small], 100)))
    anatomies = sorted({row.group for whole in several for row in whole.report.rows if row.group.startswith("anatomy")})
    rows += [over(f"accuracy, {where}, {group}", several, lambda w: w.figure(group, "", "accuracy"))
             for group in anatomies]
    return rows


def calibration(evaluated, replicates):
    cases = pooled(some(evaluated, (*INTERNAL, *EXTERNAL)))
    if not any(case.probabilities for case in cases):
        return []
    return [one("calibration error (ECE), all scans together", summary(cases, "ece", replicates), most=0.05),
            one("Brier score", summary(cases, "brier", replicates)),
            one("negative log-likelihood, nats", summary(cases, "nll", replicates))]


def honest(evaluated, replicates):
    """Nothing but the tumour is read."""
    rows = []
    for whole in some(evaluated, ("internal-1",)):
        joined = [{**case.columns, **whole.headers[case.participant]} for case in whole.cases]
        truth = np.array([case.truth for case in whole.cases])
        for columns, figure in metadata.balanced_accuracies(joined, truth, replicates).items():
            row = one(f"balanced accuracy of a classifier on metadata alone: {columns}", figure)
            rows.append(dataclasses.replace(row, chance=metadata.CHANCE) if columns == "acquisition" else row)
    for whole in some(evaluated, ("internal-paper",)):
        rows.append(one("balanced accuracy with the tumour greyed out",
                        summary(whole.copies["greyed"], "balanced_accuracy", replicates), most=0.25))
        rows.append(one("twins without their tumour answered as healthy", share(
            whole.twins, [case.called == HEALTHY for case in whole.twins], replicates), least=0.9))
    return rows


def robustness(evaluated, replicates):
    rows = []
    for whole in some(evaluated, ("internal-paper",)):
        rows += [one(f"same class, {kind}", same_class(whole, kind, replicates), least=0.9)
                 for kind in (STRIPPED, *CHANGED) if kind != "greyed"]
    families = sorted({case.columns["family"] for whole in some(evaluated, EXTERNAL) for case in whole.cases})
    rows += [over(f"accuracy, external, family {family}", some(evaluated, EXTERNAL),
                  lambda w: w.figure(f"family: {family}", "", "accuracy")) for family in families]
    drops = [drop(whole) for whole in some(evaluated, EXTERNAL)]
    rows.append(Bar(f"accuracy that the family {LEFT_OUT} costs", [d for d in drops if math.isfinite(d)], most=0.05))
    return rows


def drop(whole):
    """Accuracy of the families that training draws, less that of the other."""
    right = np.array([case.truth == case.called for case in whole.counted], float)
    other = np.array([case.columns["family"] == LEFT_OUT for case in whole.counted])
    return right[~other].mean() - right[other].mean() if other.any() and not other.all() else math.nan


def prediction_sets(evaluated):
    several = some(evaluated, ("coverage",))
    return [row for whole in several for row in (
        one("mean size of prediction sets", whole.figure("all", "", "set_size"), most=1.3),
        one("coverage of prediction sets", whole.figure("all", "", "set_coverage")),
        *(one(f"coverage of prediction sets, {code}", whole.figure("all", code, "set_coverage"), 0.87, 0.94)
          for code in CODES))]


def attention(evaluated):
    several, rows = some(evaluated, INTERNAL), []
    for map_name, metric, least, each in (("HiResCAM", "hit_over_2ml", 0.85, 0.75), ("CAM", "hit", 0.85, math.nan)):
        group = f"attention {map_name}"
        what = {"hit_over_2ml": "peak in lesions over 2 ml", "hit": "peak within a cell of the lesion"}[metric]
        rows.append(over(f"{map_name}: {what}", several, lambda w: w.figure(group, "", metric), least))
        rows += of_classes(f"{map_name}: {what}", several, metric, each, group=group, labels=TUMOURS)
        for chance, words in (("hit_of_foreground_centre", "the head's centre"),
                              ("hit_of_best_fixed_place", "the best fixed place")):
            rows.append(over(f"{map_name}: chance, {words}", several, lambda w: w.figure(group, "", chance)))
            rows += of_classes(f"{map_name}: chance, {words}", several, chance, group=group, labels=TUMOURS)
    return rows


def sections(evaluated, replicates=2000):
    """Title -> rows. evaluated: name -> Evaluated."""
    return {"Internal test": accuracy("internal", some(evaluated, INTERNAL), 0.934, 0.96),
            "External test": accuracy("external", some(evaluated, EXTERNAL), 0.92, 0.95),
            "Calibration": calibration(evaluated, replicates),
            "Nothing but the tumour": honest(evaluated, replicates),
            "Robustness": robustness(evaluated, replicates),
            "Prediction sets": prediction_sets(evaluated),
            "Attention": attention(evaluated)}
