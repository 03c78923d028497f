"""Statistics of cases. Proportions get Wilson intervals; every figure gets a bootstrap interval, whose unit is the
participant, and from ten clusters up (anatomies that several scans were made from) one whose unit is the cluster.
All figures are functions of a confusion matrix or of weighted scores, so that a replicate is the same code with other
weights, for all replicates at once."""
import dataclasses

import numpy as np
import scipy.stats
import sklearn.metrics

from .classes import CODES, NO_CLASS

LEAST_CLUSTERS = 10
BINS = 15
LEVEL = 0.95
PROPORTIONS = ("sensitivity", "specificity", "ppv", "npv")
ROWS_AT_ONCE = 1 << 22  # of replicate x scan: bounds the memory


@dataclasses.dataclass
class Figure:
    """low, high: Wilson's for a proportion, else of the bootstrap over participants."""
    group: str
    label: str  # class code, "" for all
    metric: str
    value: float
    low: float
    high: float
    n: int
    cluster_low: float = np.nan
    cluster_high: float = np.nan


def wilson(count, n):
    """The interval of count / n that the score test of level 0.95 does not reject (Wilson 1927)."""
    if not n:
        return np.nan, np.nan
    interval = scipy.stats.binomtest(int(count), int(n)).proportion_ci(LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def divide(a, b):
    """0 / 0 is a figure that does not exist: NaN."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.divide(a, b)


# ---- Resampling ----

class Resampling:
    """Whole units drawn with replacement, as many as there are; weights[replicate, scan]: how often it was drawn."""

    def __init__(self, units, replicates, seed):
        _, self.unit = np.unique(units, return_inverse=True)
        self.count = int(self.unit.max()) + 1
        shares = np.full(self.count, 1 / self.count)
        self.draws = np.random.default_rng(seed).multinomial(self.count, shares, size=replicates).astype(float)

    def only(self, chosen):
        """Of some of the scans, with the same draws."""
        part = object.__new__(Resampling)
        part.draws, part.unit, part.count = self.draws, self.unit[chosen], len(np.unique(self.unit[chosen]))
        return part

    def sums(self, values):
        """Per replicate: the weighted sum of values[scan, ...]."""
        flat = np.asarray(values, float).reshape(len(values), -1)
        totals = np.zeros((self.draws.shape[1], flat.shape[1]))
        np.add.at(totals, self.unit, flat)
        return (self.draws @ totals).reshape(-1, *np.shape(values)[1:])

    def blocks(self):
        """The weights of some replicates at a time."""
        step = max(1, ROWS_AT_ONCE // max(1, len(self.unit)))
        for start in range(0, len(self.draws), step):
            yield self.draws[start:start + step][:, self.unit]


def interval(replicates):
    """Percentiles of the replicates in which the figure exists; none if that is less than half of them."""
    known = replicates[np.isfinite(replicates)]
    if 2 * len(known) <= len(replicates):
        return np.nan, np.nan
    return tuple(float(edge) for edge in np.percentile(known, [50 * (1 - LEVEL), 50 * (1 + LEVEL)]))


def once(make):
    """A function of a Resampling that is asked for by many figures, and answers each way of resampling once."""
    made = {}

    def answer(resampling):
        key = id(resampling.draws)
        if key not in made:
            made[key] = make(resampling)
        return made[key]
    return answer


def weighted_mean(values):
    """The mean of values[scan] under a Resampling's weights."""
    both = np.stack([values, np.ones(len(values))], axis=1)

    def replicates(resampling):
        sums = resampling.sums(both)
        return divide(sums[:, 0], sums[:, 1])
    return replicates


# ---- Figures of confusion matrices ----

def outcomes(truth, called, count):
    """One-hot [scan, truth, called]; the last column: no class."""
    table = np.zeros((len(truth), count, count + 1))
    table[np.arange(len(truth)), truth, np.where(called == NO_CLASS, count, called)] = 1
    return table


def ratios(confusion):
    """Per class, of confusion[..., truth, called]: (numerator, denominator). A scan without a class is a false
    negative of its class and a true negative of the others."""
    total = confusion.sum(axis=(-2, -1))[..., None]
    row, column = confusion.sum(axis=-1), confusion[..., :-1].sum(axis=-2)
    hit = np.diagonal(confusion[..., :-1], axis1=-2, axis2=-1)
    rejected = total - row - column + hit
    return {"sensitivity": (hit, row), "specificity": (rejected, total - row), "ppv": (hit, column),
            "npv": (rejected, total - column), "f1": (2 * hit, row + column)}


def summaries(confusion):
    """Of all classes: accuracy, and means over the classes that the truth has (of PPV: and that were called)."""
    parts, there = ratios(confusion), confusion.sum(axis=-1) > 0
    values = {name: np.where(there, divide(a, b), np.nan) for name, (a, b) in parts.items()}
    return {"accuracy": divide(parts["sensitivity"][0].sum(axis=-1), confusion.sum(axis=(-2, -1))),
            "balanced_accuracy": mean_of_known(values["sensitivity"]), "macro_ppv": mean_of_known(values["ppv"]),
            "macro_f1": mean_of_known(values["f1"])}


def mean_of_known(values):
    known = np.isfinite(values)
    return divide(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))


# ---- Figures of scores ----

def areas(score, positive):
    """AUROC (one class against the rest) and AUPRC as average precision; NaN if one side is empty."""
    if positive.all() or not positive.any():
        return np.nan, np.nan
    return (float(sklearn.metrics.roc_auc_score(positive, score)),
            float(sklearn.metrics.average_precision_score(positive, score)))


def weighted_areas(score, positive, weights):
    """The same for each row of weights[replicate, scan]. Scans of equal score pass the threshold together."""
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    weights = weights[:, order]
    hits = np.cumsum(weights * positive[order], axis=1)[:, ends]
    calls = np.cumsum(weights, axis=1)[:, ends]
    misses = calls - hits
    gained = np.diff(hits, axis=1, prepend=0)
    precision = np.where(calls > 0, divide(hits, calls), 0)
    auprc = divide((gained * precision).sum(axis=1), hits[:, -1])
    trapezoids = np.diff(misses, axis=1, prepend=0) * (hits - gained / 2)
    auroc = divide(trapezoids.sum(axis=1), hits[:, -1] * misses[:, -1])
    return auroc, np.where(np.isfinite(auroc), auprc, np.nan)


def resampled_areas(score, positive, resampling):
    blocks = [weighted_areas(score, positive, weights) for weights in resampling.blocks()]
    return np.concatenate([block[0] for block in blocks]), np.concatenate([block[1] for block in blocks])


def bins_of(confidence):
    """15 bins with as many scans each as equal values allow: those stay together."""
    below = np.searchsorted(np.sort(confidence), confidence)
    return below * BINS // len(confidence)


def brier_scores(probabilities, truth):
    """Per scan: sum over classes (p - [it is the truth])^2, from 0 to 2 (Brier 1950)."""
    return ((probabilities - np.eye(probabilities.shape[1])[truth]) ** 2).sum(axis=1)


def log_losses(probabilities, truth):
    """Per scan: -ln p of the truth, nats; p is kept off 0 by a double's epsilon, as scikit-learn's log_loss does."""
    return -np.log(np.maximum(probabilities[np.arange(len(truth)), truth], np.finfo(float).eps))


def calibration_error(gaps):
    """gaps[..., bin]: sum over its scans of confidence - right; last: how many scans. Shares of scans, summed."""
    return divide(np.abs(gaps[..., :-1]).sum(axis=-1), gaps[..., -1])


# ---- All together ----

class Evaluation:
    """The figures of cases, as rows in the order of the report."""

    def __init__(self, cases, replicates=2000, seed=1):
        self.cases, self.rows = cases, []
        self.truth = np.array([case.truth for case in cases])
        self.called = np.array([case.called for case in cases])
        self.scored = np.array([case.probabilities is not None for case in cases])
        self.probabilities = np.array([case.probabilities for case in cases if case.probabilities is not None])
        anatomies = [case.columns.get("anatomy", "") for case in cases]
        self.clustered_by = "anatomy" if all(anatomies) else "participant"
        self.by_participant = Resampling([case.participant for case in cases], replicates, seed)
        self.by_cluster = Resampling(anatomies, replicates, seed) if all(anatomies) else self.by_participant

    def all(self):
        return np.ones(len(self.cases), bool)

    def add(self, group, label, metric, value, n, replicates, counts=None, chosen=None):
        """replicates: from a Resampling of the chosen scans to one value each. counts: (numerator, denominator) of a
        proportion."""
        chosen = self.all() if chosen is None else chosen
        low, high, cluster_low, cluster_high = np.nan, np.nan, np.nan, np.nan
        if counts:
            low, high = wilson(*counts)
        elif np.isfinite(value):
            low, high = interval(replicates(self.by_participant.only(chosen)))
        by_cluster = self.by_cluster.only(chosen)
        if np.isfinite(value) and by_cluster.count >= LEAST_CLUSTERS:
            cluster_low, cluster_high = interval(replicates(by_cluster))
        self.rows.append(Figure(group, label, metric, float(value), low, high, int(n), cluster_low, cluster_high))

    def proportion(self, group, label, metric, flags, chosen=None):
        """The share of the chosen scans that a flag is set for; nothing if none is chosen."""
        chosen = self.all() if chosen is None else chosen
        hits = np.asarray(flags, float)[chosen]
        if len(hits):
            self.add(group, label, metric, hits.mean(), len(hits), weighted_mean(hits), (hits.sum(), len(hits)), chosen)

    def mean(self, group, label, metric, values, chosen=None):
        """The mean of a number over the chosen scans; nothing if none is chosen."""
        chosen = self.all() if chosen is None else chosen
        values = np.asarray(values, float)[chosen]
        if len(values):
            self.add(group, label, metric, values.mean(), len(values), weighted_mean(values), None, chosen)

    def classes(self, group, truth, called, labels):
        """Accuracy, means over classes, and each class's figures, of one coding of the classes. Returns the matrix."""
        table = outcomes(truth, called, len(labels))
        confusion, hits = table.sum(axis=0), int((truth == called).sum())
        matrix = once(lambda resampling: resampling.sums(table))
        for metric, value in summaries(confusion).items():
            self.add(group, "", metric, value, len(truth), lambda r, m=metric: summaries(matrix(r))[m],
                     (hits, len(truth)) if metric == "accuracy" else None)
        for metric, (numerator, denominator) in ratios(confusion).items():
            for index, label in enumerate(labels):
                if label and confusion[index].sum() + confusion[:, index].sum():
                    self._ratio(group, label, metric, index, numerator[index], denominator[index], matrix)
        return confusion.astype(int)

    def _ratio(self, group, label, metric, index, numerator, denominator, matrix):
        def replicates(resampling):
            a, b = ratios(matrix(resampling))[metric]
            return divide(a[:, index], b[:, index])
        is_proportion = metric in PROPORTIONS
        self.add(group, label, metric, divide(numerator, denominator),
                 denominator if is_proportion else len(self.cases), replicates,
                 (numerator, denominator) if is_proportion else None)

    def ranking(self, group, label, score, positive):
        """AUROC and AUPRC of the scans that have probabilities; returns their replicates, None if there is no such."""
        values = areas(score, positive)
        if not np.isfinite(values[0]):
            return None
        both = once(lambda resampling: resampled_areas(score, positive, resampling))
        for which, metric in enumerate(("auroc", "auprc")):
            self.add(group, label, metric, values[which], len(score), lambda r, w=which: both(r)[w], None, self.scored)
        return both

    def _rankings(self, truth):
        first, scored = len(self.rows), len(truth)
        each = [self.ranking("all", code, self.probabilities[:, index], truth == index)
                for index, code in enumerate(CODES)]
        each = [both for both in each if both]
        for which, metric in enumerate(("auroc", "auprc")):
            values = [row.value for row in self.rows[first:] if row.metric == metric]
            if values:
                self.add("all", "", f"macro_{metric}", np.mean(values), scored,
                         lambda r, w=which: np.mean([both(r)[w] for both in each], axis=0), None, self.scored)

    def _errors(self, truth):
        """Brier score and negative log-likelihood: means over scans."""
        brier, likelihood = np.zeros(len(self.cases)), np.zeros(len(self.cases))
        brier[self.scored] = brier_scores(self.probabilities, truth)
        likelihood[self.scored] = log_losses(self.probabilities, truth)
        self.mean("all", "", "brier", brier, self.scored)
        self.mean("all", "", "nll", likelihood, self.scored)

    def _calibration(self, truth):
        confidence, right = self.probabilities.max(axis=1), self.probabilities.argmax(axis=1) == truth
        bins, count = bins_of(confidence), len(truth)
        gaps = np.zeros((count, BINS + 1))
        gaps[np.arange(count), bins] = confidence - right
        gaps[:, BINS] = 1
        self.add("all", "", "ece", calibration_error(gaps.sum(axis=0)), count,
                 lambda resampling: calibration_error(resampling.sums(gaps)), None, self.scored)
        return [{"confidence": float(confidence[bins == b].mean()), "right": int(right[bins == b].sum()),
                 "n": int((bins == b).sum())} for b in range(BINS) if (bins == b).any()]

    def probabilistic(self):
        """What needs probabilities. Returns the bins of the reliability diagram."""
        if not len(self.probabilities):
            return []
        truth = self.truth[self.scored]
        self._rankings(truth)
        self._errors(truth)
        return self._calibration(truth)

    def glioma(self):
        """HGG and LGG as one class, GLIOMA, in the place of the first."""
        merge = np.array([0, 0, 2, 3, 4, 5, 6])
        called = np.where(self.called == NO_CLASS, NO_CLASS, merge[self.called])
        self.classes("glioma merged", merge[self.truth], called, ("GLIOMA", "", *CODES[2:]))
        if len(self.probabilities):
            self.ranking("glioma merged", "GLIOMA", self.probabilities[:, 0] + self.probabilities[:, 1],
                         merge[self.truth[self.scored]] == 0)

    def prediction_sets(self):
        """Coverage and size of the sets, where the table has them; abstention."""
        has = np.array([case.prediction_set is not None for case in self.cases])
        if not has.any():
            return
        inside = np.array([case.truth in (case.prediction_set or []) for case in self.cases])
        size = np.array([len(case.prediction_set or []) for case in self.cases])
        for index, code in ((None, ""), *enumerate(CODES)):
            chosen = has if index is None else has & (self.truth == index)
            self.proportion("all", code, "set_coverage", inside, chosen)
            self.mean("all", code, "set_size", size, chosen)
        abstained = np.array([case.abstained for case in self.cases])
        self.proportion("all", "", "abstained", abstained, has)
        self.proportion("all", "", "accuracy_if_named", self.truth == self.called, has & ~abstained)

    def run(self):
        """Every figure but those of groups. Returns the confusion matrix and the bins of the reliability diagram."""
        confusion = self.classes("all", self.truth, self.called, CODES)
        bins = self.probabilistic()
        self.glioma()
        self.prediction_sets()
        return confusion, bins
