"""The HTML page: one file, no link to anything outside it, legible in light and dark."""
import html
import math

import sklearn.metrics

from . import plots
from .classes import CODES, NAMES
from .figures import wilson
from .output import DISCLAIMER, percent

STYLE = """
:root{color-scheme:light dark;--ink:#1c2126;--soft:#5d6770;--paper:#fff;--band:#f1f4f6;--rule:#c9d0d6;--heat:30,110,170;
--c0:#c2410c;--c1:#0f766e;--c2:#7c3aed;--c3:#b45309;--c4:#be185d;--c5:#1d6fa5;--c6:#4d7c0f}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaed;--soft:#a3adb5;--paper:#14181b;--band:#1f252a;--rule:#48525a;
--heat:70,150,210;--c0:#fb923c;--c1:#2dd4bf;--c2:#a78bfa;--c3:#fbbf24;--c4:#f472b6;--c5:#60b0e6;--c6:#a3e635}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:72rem;
margin:auto;padding:1rem}
h1,h2{line-height:1.2}h2{margin-top:2.2em}.big{font-size:2.6rem;font-weight:600}.soft,small{color:var(--soft)}
.warning{border:2px solid var(--c0);padding:.4rem .8rem;font-weight:600}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.6rem 0}
th,td{padding:.22rem .6rem;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}
th{font-weight:600}thead th{background:var(--band)}th:first-child,td.text{text-align:left}td small{display:block}
.plots{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;width:22rem;max-width:100%}
svg text{font-size:11px;fill:var(--ink)}
svg .frame{fill:none;stroke:var(--rule)}svg .axis,svg .guide,svg .track{stroke:var(--rule);fill:none}
svg .guide{stroke-dasharray:4}svg .line{fill:none;stroke-width:1.8}svg .dot{fill:var(--c5)}
svg.bar{width:120px;height:12px}
.key span{margin-right:1em;white-space:nowrap}.key i{display:inline-block;width:1em;height:.25em;margin-right:.3em;
vertical-align:middle}
""" + "".join(f".c{i}{{stroke:var(--c{i})}}i.c{i}{{background:var(--c{i})}}" for i in range(7))

CLASS_METRICS = {"sensitivity": "Sensitivity", "specificity": "Specificity", "ppv": "PPV", "npv": "NPV", "f1": "F1",
                 "auroc": "AUROC", "auprc": "AUPRC"}
OVERALL = {"accuracy": "Accuracy, %", "balanced_accuracy": "Balanced accuracy (mean sensitivity), %",
           "macro_ppv": "Macro PPV, %", "macro_f1": "Macro F1, %", "macro_auroc": "Macro AUROC, %",
           "macro_auprc": "Macro AUPRC, %", "brier": "Brier score, 0 to 2", "nll": "Negative log-likelihood, nats",
           "ece": "Calibration error (ECE), %", "abstained": "No class named (abstention), %",
           "accuracy_if_named": "Accuracy where a class is named, %"}
PLAIN = ("brier", "nll", "set_size")  # not shown as percentages
ATTENTION = {"hit": "Peak in the lesion", "hit_over_2ml": "Same, lesions over 2 ml",
             "hit_of_foreground_centre": "Chance: centre of the foreground",
             "hit_of_best_fixed_place": "Chance: best fixed place", "share_in_lesion": "Share of the map in the lesion",
             "share_by_chance": "Chance: share of the foreground"}


def _shown(value, metric):
    return f"{value:.3f}" if metric in PLAIN else percent(value)


def _cell(row):
    """A figure with its intervals and its n."""
    if row is None or not math.isfinite(row.value):
        return "<td>-</td>"
    lines = [_shown(row.value, row.metric)]
    if math.isfinite(row.low):
        lines.append(f"<small>{_shown(row.low, row.metric)} to {_shown(row.high, row.metric)}</small>")
    if math.isfinite(row.cluster_low):
        lines.append(f"<small>[{_shown(row.cluster_low, row.metric)} to "
                     f"{_shown(row.cluster_high, row.metric)}]</small>")
    return f"<td>{''.join(lines)}<small>n {row.n}</small></td>"


def _table(header, rows):
    """rows: of cells that are marked up already, or of texts."""
    def cell(item):
        return item if item.startswith(("<td", "<th")) else f'<td class="text">{html.escape(item)}</td>'
    head = "".join(f"<th>{html.escape(item)}</th>" for item in header)
    body = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _overview(report):
    figure = report.figure("all", "", "accuracy")
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in report.notes)
    where = f" where {', '.join(report.settings['where'])}" if report.settings["where"] else ""
    return (f'<p class="warning">{DISCLAIMER}</p><p class="big">{percent(figure.value, 2)} %</p><p>of {figure.n} scans '
            f"right; 95 % interval {percent(figure.low)} to {percent(figure.high)} (Wilson). Truth: "
            f"{html.escape(report.settings['truth'] + where)}. Answers: "
            f"{html.escape(report.settings['predictions'])}.</p><ul>{notes}</ul>"
            '<p class="soft">Percentages but for Brier score, likelihood and sizes of sets. Under a figure: its 95 % '
            "interval (Wilson for proportions, else bootstrap over participants), then in brackets that of a bootstrap "
            "over clusters where there are ten or more, and the number of scans n.</p>")


def _published(report):
    rows = []
    for row in report.published:
        rows.append([f"Published, {row['set']}", f"<td>{percent(row['accuracy'], 2)}<small>{percent(row['low'])} to "
                     f"{percent(row['high'])}</small><small>n {row['n']}</small></td>",
                     *(f"<td>{row[metric]}</td>" for metric in ("sensitivity", "ppv", "npv", "auroc", "auprc"))])
    cells = []
    for metric in ("sensitivity", "ppv", "npv", "auroc", "auprc"):
        values = [row.value for row in report.rows if row.group == "all" and row.label and row.metric == metric
                  and math.isfinite(row.value)]
        digits = (lambda v: f"{v:.2f}") if metric.startswith("au") else (lambda v: percent(v, 0))
        cells.append(f"<td>{digits(min(values))}-{digits(max(values))}</td>" if values else "<td>-</td>")
    rows.insert(0, ["This evaluation", _cell(report.figure("all", "", "accuracy")), *cells])
    return ("<h2>Beside the published network</h2>" + _table(
        ("", "Accuracy", "Sensitivity, range over classes", "PPV", "NPV", "AUROC", "AUPRC"), rows) +
        '<p class="soft">Chakrabarty et al., Radiology: Artificial Intelligence 2021;3(5):e200301. Their scans are '
        "other scans: the figures stand beside each other, and are no comparison. Their Wilson intervals are computed "
        "here from 337 of 361 and 320 of 348.</p>")


def _classes(report):
    rows = []
    for code, name in (*zip(CODES, NAMES), ("GLIOMA", "HGG and LGG as one")):
        group = "glioma merged" if code == "GLIOMA" else "all"
        found = [report.figure(group, code, metric) for metric in CLASS_METRICS]
        if any(found):
            rows.append([f"{code}, {name}", *map(_cell, found)])
    merged = report.figure("glioma merged", "", "accuracy")
    return ("<h2>By class</h2>" + _table(("Class, against the rest", *CLASS_METRICS.values()), rows) +
            f"<p>Accuracy with HGG and LGG as one class: {percent(merged.value, 2)} % ({percent(merged.low)} to "
            f"{percent(merged.high)}, n {merged.n}).</p>")


def _overall(report):
    rows = [[words, _cell(report.figure("all", "", metric))] for metric, words in OVERALL.items()
            if report.figure("all", "", metric)]
    return "<h2>Overall</h2>" + _table(("Figure", "Value"), rows)


def _confusion(report):
    rows = []
    for code, counts in zip(CODES, report.confusion):
        total = counts.sum()
        cells = [f'<td style="background:rgba(var(--heat),{0.65 * count / total:.2f})">{count}<small>'
                 f"{percent(count / total)}</small></td>" if total else "<td>-</td>" for count in counts]
        rows.append([f"<th>{code}</th>", *cells, f"<td>{total}</td>"])
    return ("<h2>Confusion matrix</h2><p>Rows: truth; columns: what was called; counts, and percentages of the row."
            "</p>" + _table(("Truth", *CODES, "no class", "n"), rows))


def _plots(report):
    if not len(report.probabilities):
        return ""
    roc, pr, key = [], [], ""
    for index, code in enumerate(CODES):
        positive = report.truth == index
        if not positive.any() or positive.all():
            continue
        miss, hit, _ = sklearn.metrics.roc_curve(positive, report.probabilities[:, index])
        precision, recall, _ = sklearn.metrics.precision_recall_curve(positive, report.probabilities[:, index])
        roc.append((index, miss, hit))
        pr.append((index, recall, precision))
        key += f'<span><i class="c{index}"></i>{code} (n {positive.sum()})</span>'
    bins = [{**item, "interval": wilson(item["right"], item["n"])} for item in report.bins]
    count = len(report.truth)
    return ('<h2>Curves</h2><p class="key">' + key + '</p><div class="plots">' + "".join(
        f"<figure>{svg}<figcaption>{html.escape(words)}</figcaption></figure>" for svg, words in (
            (plots.curves(roc, "ROC curves", "1 - specificity", "sensitivity", True),
             f"ROC, each class against the rest; n {count}"),
            (plots.curves(pr, "Precision and recall", "sensitivity (recall)", "PPV (precision)"),
             f"Precision and recall, each class against the rest; n {count}"),
            (plots.reliability(bins), f"Reliability: {len(bins)} bins of about {count / max(1, len(bins)):.0f} scans, "
             f"Wilson intervals; n {count}"))) + "</div>")


def _sets(report):
    rows = [[code or "all", *(_cell(report.figure("all", code, metric)) for metric in ("set_coverage", "set_size"))]
            for code in ("", *CODES) if report.figure("all", code, "set_coverage")]
    if not rows:
        return ""
    return ("<h2>Prediction sets</h2><p>Coverage: share of scans whose class is in the set.</p>" +
            _table(("Class", "Coverage", "Mean size"), rows))


def _groups(report):
    rows = []
    for row in report.rows:
        if row.metric == "accuracy" and (": " in row.group or row.group.endswith("not counted")):
            bar = plots.interval_bar(row.value, row.low, row.high)
            rows.append([row.group, _cell(row), f"<td>{bar}</td>"])
    return "<h2>By group</h2>" + _table(("Group", "Accuracy", "0 to 100 %"), rows) if rows else ""


def _attention(report):
    text = ""
    for group in dict.fromkeys(row.group for row in report.rows if row.group.startswith("attention ")):
        rows = [[code or "all tumours", *(_cell(report.figure(group, code, metric)) for metric in ATTENTION)]
                for code in ("", *CODES) if report.figure(group, code, "hit")]
        name = html.escape(group.removeprefix("attention "))
        text += f"<h3>{name}</h3>" + _table(("Class", *ATTENTION.values()), rows)
    return ("<h2>Attention against lesion masks</h2><p>Maps of the predicted class, held against the tumour (label "
            "1 of the mask) widened by the stated tolerance. Attention is no segmentation. The best fixed place is "
            "chosen on these very scans, which flatters chance.</p>" + text) if text else ""


def _pairs(report):
    text = ""
    rows = [[row.group.removeprefix("same as "), row.label or "all", _cell(row)] for row in report.rows
            if row.metric == "same_class"]
    if rows:
        text += ("<h2>Same scans, transformed</h2><p>Share of scans that got the same class in another prediction file."
                 "</p>" + _table(("File", "Class", "Same class"), rows))
    if report.against:
        pair = report.against
        text += (f"<h2>Against {html.escape(pair['file'])}</h2><p>Right: {pair['right']} here, {pair['other_right']} "
                 f"there, of {pair['n']}. Only here: {pair['only_this']}; only there: {pair['only_other']}. Exact "
                 f"McNemar test, two-sided: p = {pair['p']:.3g}.</p>")
    return text


def _lists(report):
    text = ""
    if report.failures:
        rows = [[item["participant"], item["scan"], item["truth"], item["error"]] for item in report.failures]
        text += (f"<h2>Not classified</h2><p>{len(rows)} scans without a class, counted as wrong.</p>" +
                 _table(("Participant", "Scan", "Truth", "Why"), rows))
    rows = [[item["participant"], item["scan"], item["truth"], item["called"],
             *(f"<td>{percent(p)}</td>" for p in (item["probabilities"] or {}).values())]
            for item in report.misclassified]
    codes = CODES if report.misclassified and report.misclassified[0]["probabilities"] else ()
    return text + f"<h2>Misclassified</h2><p>{len(rows)} scans.</p>" + (
        _table(("Participant", "Scan", "Truth", "Called", *(f"p {code}, %" for code in codes)), rows) if rows else "")


def page(report):
    parts = (_overview, _published, _classes, _overall, _confusion, _plots, _sets, _groups, _attention, _pairs, _lists)
    return ('<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
            'content="width=device-width,initial-scale=1"><title>Evaluation of tumour classes</title><style>' + STYLE +
            "</style></head><body><h1>Evaluation of tumour classes</h1>" + "\n".join(part(report) for part in parts) +
            f"<p class=\"soft\">{DISCLAIMER} Bootstrap: {report.settings['replicates']} replicates, seed "
            f"{report.settings['seed']}. docs/evaluation.md has the formulas.</p></body></html>\n")
