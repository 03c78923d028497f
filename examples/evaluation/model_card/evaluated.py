"""The kept answers of a cohort's portions, joined and evaluated."""
import argparse
import dataclasses
import json

from answers import CHANGED, STRIPPED, TOLERANCES_MM
from tumorclass_evaluate import output, page, report as reports, tables
from tumorclass_evaluate.figures import Evaluation
from tumorclass_evaluate.groups import set_aside
from tumorclass_evaluate.pairs import match

SMALLEST_MM = 6.0  # lesions under three voxels of a 2 mm network are reported, not counted


def read_cases(folder, name="answers", truth="participants"):
    table = tables.read_truth(folder / f"{truth}.tsv")
    return tables.read_predictions(folder / f"{name}.jsonl", table, table)


def read_rows(path):
    """participant (without sub-) -> its row."""
    return {row["participant_id"][4:]: row for _, row in tables.read_table(path)[1]}


@dataclasses.dataclass
class Evaluated:
    """cases: with those set aside as too small. copies: kind -> cases, in the order of their own table."""
    name: str
    cases: list
    twins: list
    copies: dict
    maps: dict     # method -> case key -> row of attention.Maps
    headers: dict  # participant -> row
    report: object = None

    def figure(self, group, label, metric):
        return self.report.figure(group, label, metric)

    @property
    def counted(self):
        return set_aside(self.cases, SMALLEST_MM)[0]


def read_maps(folder, cases):
    measured = {}
    for method in TOLERANCES_MM:
        lines = (folder / f"attention-{method}.jsonl").read_text(encoding="utf-8").splitlines()
        by_scan = {row["scan"].rsplit("/", 1)[-1]: row for row in map(json.loads, lines)}
        measured[method] = {case.key: by_scan[case.scan] for case in cases if case.scan in by_scan}
    return measured


def read_cohort(cohort, portions):
    """portions: folders that are done."""
    whole = Evaluated(cohort.name, [], [], {}, {}, {})
    for folder in portions:
        cases = read_cases(folder)
        whole.cases += cases
        whole.headers.update(read_rows(folder / "headers.tsv"))
        if "attention" in cohort.measure:
            for method, rows in read_maps(folder, cases).items():
                whole.maps.setdefault(method, {}).update(rows)
        if "twins" in cohort.measure:
            whole.twins += read_cases(folder, "twins", "twins")
        if "copies" in cohort.measure:
            for kind in (*CHANGED, STRIPPED):
                whole.copies.setdefault(kind, []).extend(read_cases(folder, kind, kind))
    return whole


def evaluate(cohort, portions, out, replicates):
    """Reads, evaluates, and writes the report as `tumorclass evaluate` does."""
    whole = read_cohort(cohort, portions)
    settings = argparse.Namespace(truth=f"participants.tsv of {cohort.name}", predictions="answers.jsonl", where=[],
                                  by=[], smallest=SMALLEST_MM, replicates=replicates, seed=1)
    whole.report = reports.make_report(whole.cases, settings, whole.maps)
    out.mkdir(parents=True, exist_ok=True)
    output.write_text(out / "metrics.tsv", output.metrics_tsv(whole.report.rows))
    output.write_text(out / "metrics.json", output.metrics_json(whole.report))
    output.write_text(out / "confusion.tsv", output.confusion_tsv(whole.report.confusion))
    output.write_text(out / "report.html", page.page(whole.report))
    return whole


# ---- What the report of one cohort does not have ----

def share(cases, flags, replicates):
    """figures.Figure of a share of cases."""
    evaluation = Evaluation(cases, replicates)
    evaluation.proportion("", "", "share", flags)
    return evaluation.rows[0]


def same_class(whole, kind, replicates):
    """Of the counted scans: is the answer to the copy the same? A stripped copy is of the same case if its tumour is:
    one that stripping took away was drawn again."""
    counted = whole.counted
    pairs = list(zip(counted, match(counted, whole.copies[kind], kind)))
    pairs = [(case, copy) for case, copy in pairs if case.columns["attempt"] == copy.columns["attempt"]]
    return share([case for case, _ in pairs], [a.called == b.called and b.called >= 0 for a, b in pairs], replicates)


def summary(cases, metric, replicates, label=""):
    """One figure over all classes, of other cases than the report's."""
    evaluation = Evaluation(cases, replicates)
    evaluation.run()
    return next(row for row in evaluation.rows if (row.group, row.label, row.metric) == ("all", label, metric))


def pooled(several):
    """The counted cases of several cohorts, each a participant of its own."""
    return [dataclasses.replace(case, participant=f"{whole.name}/{case.participant}")
            for whole in several for case in whole.counted]
