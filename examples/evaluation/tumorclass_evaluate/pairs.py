"""Two prediction files on one truth: does one call more scans right, and do transformed copies keep their class?"""
import scipy.stats

from .tables import Fault


def mcnemar(right, other_right):
    """Exact McNemar test of paired answers: under equality the scans that one alone calls right are coin throws.
    Returns (only the first right, only the second right, p, two-sided)."""
    first = sum(bool(a) and not b for a, b in zip(right, other_right))
    second = sum(bool(b) and not a for a, b in zip(right, other_right))
    p = scipy.stats.binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    return first, second, float(p)


def match(cases, others, name):
    """For each case the other file's: the same participant's, or the same scan's where a participant has several."""
    by_participant = {}
    for other in others:
        by_participant.setdefault(other.participant, []).append(other)
    pairs = []
    for case in cases:
        same = by_participant.get(case.participant, [])
        if len(same) > 1:
            same = [other for other in same if other.key == case.key]
        if len(same) != 1:
            raise Fault(f"{name} has no answer for {case.scan or case.participant}")
        pairs.append(same[0])
    return pairs
