"""Accuracy of the same cases in groups: by source, size, slice thickness, and what else the truth's columns say."""
import math
import re

import numpy as np

from .classes import HEALTHY

MISSING = ("", "n/a")


def number_in(text):
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def diameter_mm(row):
    """Of the sphere of the lesion's volume: (6 V / pi)^(1/3); None: not known, or no lesion."""
    volume = number_in(row.get("volume_ml", ""))
    return (6000 * volume / math.pi) ** (1 / 3) if volume else None


def thickness_mm(row):
    """The largest number of the column: "0.5x0.5x6", "0.5,0.5,6" and "6" are 6."""
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d*)?", row.get("spacing", ""))]
    return max(numbers) if numbers else None


def _binned(value, edges, unit):
    if value is None:
        return None
    for low, high in zip([0, *edges], edges):
        if value < high:
            return f"{low:g}-{high:g} {unit}" if low else f"under {high:g} {unit}"
    return f"{edges[-1]:g} {unit} or more"


def _size(row):
    return _binned(diameter_mm(row), (10, 20, 30, 40), "mm")


def _thickness(row):
    return _binned(thickness_mm(row), (1.5, 3, 5), "mm")


def _strength(row):
    value = number_in(row.get("strength", ""))
    if value is None:
        return None
    return "none" if value == 0 else _binned(value, (0.5, 1), "of the usual")


def _column(name):
    def group(row):
        return None if row.get(name, "") in MISSING else row[name]
    return group


def _slab(row):
    cell = row.get("slab", "")
    if cell in MISSING:
        return None
    return "whole head" if cell.lower() in ("0", "no", "false", "none", "whole") else "slab"


GROUPINGS = (("source", _column("source")), ("split", _column("split")), ("family", _column("family")),
             ("lesion size", _size), ("slice thickness", _thickness), ("slab", _slab),
             ("stripped", _column("stripped")), ("contrast strength", _strength),
             ("orientation", _column("orientation")), ("anatomy", _column("anatomy")))
FIRST = ("none", "no lesion", "under")


def _rank(value):
    """Bins by their numbers, after those that begin with a word for less."""
    place = next((place for place, word in enumerate(FIRST) if value.startswith(word)), len(FIRST))
    return place, [float(number) for number in re.findall(r"\d+(?:\.\d+)?", value)], value


def add_groups(evaluation, extra=()):
    """One row a value of each grouping: "source: internal", accuracy."""
    right = evaluation.truth == evaluation.called
    for name, group in (*GROUPINGS, *((column, _column(column)) for column in extra)):
        values = [group(case.columns) for case in evaluation.cases]
        if name == "lesion size":
            values = ["no lesion" if case.truth == HEALTHY else value
                      for case, value in zip(evaluation.cases, values)] if any(values) else values
        for value in sorted({value for value in values if value}, key=_rank):
            evaluation.proportion(f"{name}: {value}", "", "accuracy", right, np.array([v == value for v in values]))


def set_aside(cases, least_mm):
    """Cases to count, and those whose lesion is smaller than that."""
    small = [case for case in cases if (diameter_mm(case.columns) or math.inf) < least_mm and case.truth != HEALTHY]
    keys = {case.key for case in small}
    return [case for case in cases if case.key not in keys], small
