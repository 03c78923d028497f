"""Which scans train, which validate, in which order, and how well each kind is answered."""
import functools

import numpy as np

PUBLISHED_ORDER = ["HGG", "LGG", "METS", "PA", "AN", "HLTH", "MEN"]
HEALTHY = "HLTH"
SETTINGS = ("source", "family", "slab", "stripped", "strength")  # columns whose values validation tells apart
FEWEST = 10  # scans of a class in a setting, for its sensitivity to count


def class_codes(rows):
    """The classes of the rows, the paper's in its order, others behind them by name."""
    found = {row["class"] for row in rows}
    return [code for code in PUBLISHED_ORDER if code in found] + sorted(found - set(PUBLISHED_ORDER))


def subject(row):
    """Scans of one anatomy, or of one participant, stay together."""
    return row.get("anatomy") or row["scan"].rsplit("/", 1)[0] + "/" + row["participant_id"]


def split(rows, fold, folds, seed):
    """(training, validation) indices: as the column split says; with a fold, or without the column, by subject."""
    told = [row.get("split") for row in rows]
    if fold is None and "train" in told and "validation" in told:
        return [i for i, s in enumerate(told) if s == "train"], [i for i, s in enumerate(told) if s == "validation"]
    usable = [i for i, s in enumerate(told) if s in ("train", "validation", None, "", "n/a")]
    subjects = sorted({subject(rows[i]) for i in usable})
    np.random.default_rng(seed).shuffle(subjects)
    held = set(subjects[fold or 0 :: folds])
    return [i for i in usable if subject(rows[i]) not in held], [i for i in usable if subject(rows[i]) in held]


class Order:
    """An endless order of scans that is a function of the seed: the n-th is known without those before it.

    Balanced: of every C scans each class has one. Else: every scan once, then all again in another order.
    """

    def __init__(self, indices, labels, balanced, seed):
        classes = sorted(set(labels[i] for i in indices)) if balanced else [None]
        self.groups = [[i for i in indices if c is None or labels[i] == c] for c in classes]
        self.seed = seed
        self.shuffled = functools.lru_cache(4 * len(classes))(self.shuffled)

    def shuffled(self, group, cycle):
        return np.random.default_rng((self.seed, group, cycle)).permutation(self.groups[group])

    def __getitem__(self, n):
        block, within = divmod(n, len(self.groups))
        group = int(np.random.default_rng((self.seed, block)).permutation(len(self.groups))[within])
        cycle, position = divmod(block, len(self.groups[group]))
        return int(self.shuffled(group, cycle)[position])


# ---- Validation ----


def settings(rows):
    """{name: indices} of the groups that are told apart: "slab >0", "source=postop"; of numbers, none and some."""
    groups = {}
    for i, row in enumerate(rows):
        for column in SETTINGS:
            if (value := row.get(column)) not in (None, "", "n/a"):
                groups.setdefault(f"{column} {kind(value)}", []).append(i)
    return groups


def kind(value):
    try:
        return "0" if float(value) == 0 else ">0"
    except ValueError:
        return value


def judge(right, labels, rows, codes):
    """What an answer to the rows is worth: accuracy, mean sensitivity, and the worst one of a class in a setting.

    right: bool each. For the worst, k of n right count as (k + 1) / (n + 2), and settings with fewer than FEWEST scans
    of the class are left out: the least of many small groups is low by chance alone.
    """
    labels, right = np.asarray(labels), np.asarray(right)
    present = sorted(set(labels))
    facts = {"accuracy": float(right.mean()), "worst": 1.0, "worst_of": "",
             "balanced_accuracy": float(np.mean([right[labels == c].mean() for c in present]))}
    for name, indices in [("all", range(len(rows))), *settings(rows).items()]:
        chosen = np.isin(np.arange(len(rows)), list(indices))
        for c in present:
            answers = right[chosen & (labels == c)]
            share = (answers.sum() + 1) / (len(answers) + 2)
            if (len(answers) >= FEWEST or name == "all") and share < facts["worst"]:
                facts |= {"worst": float(share), "worst_of": f"{codes[c]}, {name}"}
    return facts
