"""Can the class be told from the acquisition alone, without the picture? A random forest on what headers and
participants.tsv say of the scanner, cross-validated: its balanced accuracy should be that of chance, 1 in 7.

Contrast strength is asked for by itself: it is 0 in more healthy heads than others, on purpose. So is the range of the
voxels' values, whose upper end a contrast agent raises; and the middle of the grid, in mm: a slab is laid round what the
clinic looks for, and lies low for a pituitary adenoma.
"""
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from tumorclass_evaluate.figures import Evaluation
from tumorclass_evaluate.tables import Case

CHANCE = 1 / 7
NUMBERS = ("slab", "thickness_mm", "grey_white", "noise", "bias", "bits")
TRIPLES = ("voxels", "spacing")
NAMES = ("family", "plane", "orientation", "reversed", "mislabelled", "stripped", "defaced", "normalised", "type")
MORE = {"acquisition": (), "with contrast strength": ("strength",),
        "with the range of values": ("slope", "low", "high"), "with the place of the grid": ("x", "y", "z")}
FOLDS, TREES = 5, 100


def features(rows, more=()):
    """[scan, feature]; each name's values are one column each."""
    columns = [[float(row[name]) for row in rows] for name in (*NUMBERS, *more)]
    columns += [[float(row[name].split("x")[axis]) for row in rows] for name in TRIPLES for axis in range(3)]
    columns += [[row[name] == value for row in rows] for name in NAMES for value in sorted({r[name] for r in rows})]
    return np.array(columns, float).T


def guesses(rows, truth, more=()):
    """The class of each scan, by forests that were grown on other scans."""
    forest = RandomForestClassifier(TREES, min_samples_leaf=3, random_state=1)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=1)
    return cross_val_predict(forest, features(rows, more), truth, cv=folds)


def balanced_accuracies(rows, truth, replicates=2000):
    """Which columns -> figures.Figure; nothing of cohorts too small to be folded. rows: of participants.tsv and
    headers.tsv, joined."""
    found = {}
    if np.bincount(truth, minlength=7).min() < FOLDS:
        return found
    for name, more in MORE.items():
        called = guesses(rows, truth, more)
        cases = [Case(row["participant_id"], "", "", int(t), int(c), None, None, False, "", {})
                 for row, t, c in zip(rows, truth, called)]
        evaluation = Evaluation(cases, replicates)
        evaluation.run()
        found[name] = next(row for row in evaluation.rows
                           if (row.group, row.metric) == ("all", "balanced_accuracy"))
    return found
