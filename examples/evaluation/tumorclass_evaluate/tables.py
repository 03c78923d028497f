"""Truth and predictions: tables are read, checked and joined to one list of cases. A fault is a sentence that names
file, line and field."""
import csv
import dataclasses
import io
import json
import math
import pathlib
import re

from .classes import CODES, NO_CLASS, index_of

MISSING = ("", "n/a")  # BIDS writes n/a
SUM_TOLERANCE = 0.01   # of probabilities: tables of other software are rounded


class Fault(Exception):
    """Something is wrong with an input; the text is what the user reads."""


@dataclasses.dataclass
class Case:
    """One scan with its truth and its answer."""
    participant: str
    scan: str           # base name; "" if the table has none
    session: str
    truth: int          # class index
    called: int         # class index, or NO_CLASS
    probabilities: list  # by class index; None if the table has none, or the scan failed
    prediction_set: list  # class indices; None if the table has none
    abstained: bool
    error: str          # why there is no class
    columns: dict       # of the participant's row in the truth

    @property
    def key(self):
        """The same in every prediction file on one truth."""
        return self.participant, self.session, self.scan


# ---- Rows ----

def _flatten(item):
    """An object of `tumorclass batch -o x.jsonl` as a row of its TSV."""
    row = {"scan": item.get("scan", ""), "subject": item.get("subject", ""), "session": item.get("session", "")}
    if "error" in item:
        return {**row, "status": item["error"]["status"], "error": item["error"]["message"], "class": ""}
    confidence = item["confidence"]
    row.update({f"p_{code}": str(p) for code, p in item["probabilities"].items()})
    members = confidence["prediction_set"]
    return {**row, "status": "ok", "class": item["class"]["code"],
            "abstained": "yes" if confidence["abstention"] else "no",
            "prediction_set": "" if members is None else ",".join(members) or "none"}


def _read_objects(text, name):
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            rows.append((number, _flatten(json.loads(line))))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Fault(f"{name}: line {number} is no object of 'tumorclass batch' or of 'tumorclass classify --json'"
                        ) from None
    return rows


def _read_cells(text, name):
    """Rows under the header's names; tabs if the header has one, else commas."""
    tabs = "\t" in text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if tabs else ",",
                        quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if len(set(header)) < len(header):
            twice = next(cell for cell in header if header.count(cell) > 1)
            raise Fault(f"{name}: the column '{twice}' is there twice")
        rows = []
        for cells in reader:
            if not cells or cells == [""]:
                continue
            if len(cells) != len(header):
                raise Fault(f"{name}: line {reader.line_num} has {len(cells)} cells, the header {len(header)}")
            rows.append((reader.line_num, {key: cell.strip() for key, cell in zip(header, cells)}))
    except csv.Error as error:
        raise Fault(f"{name}: line {reader.line_num}: {error}") from None
    return header, rows


def read_text(path):
    path = pathlib.Path(path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Fault(f"{path.name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Fault(f"{path.name} is no text in UTF-8") from None


def read_table(path):
    """The header, and (line number, row) of each row."""
    text, name = read_text(path), pathlib.Path(path).name
    if text.lstrip().startswith("{"):
        rows = _read_objects(text, name)
        return list(dict.fromkeys(key for _, row in rows for key in row)), rows
    return _read_cells(text, name)


# ---- Truth ----

def _plain(participant):
    return participant[4:] if participant.startswith("sub-") else participant


def _class_cell(text, where):
    index = index_of(text)
    if index is None:
        raise Fault(f"{where}: the class '{text}' is none of {', '.join(CODES)}")
    return index


def read_truth(path):
    """Participant (without sub-) -> its row, with the class index under "class"."""
    name = pathlib.Path(path).name
    header, rows = read_table(path)
    for column in ("participant_id", "class"):
        if column not in header:
            raise Fault(f"{name} has no column '{column}'")
    truth = {}
    for number, row in rows:
        participant = _plain(row["participant_id"])
        if not participant:
            raise Fault(f"{name}: line {number} has no participant_id")
        if participant in truth:
            raise Fault(f"{name}: line {number}: the participant '{row['participant_id']}' is there twice")
        truth[participant] = {**row, "class": _class_cell(row["class"], f"{name}: line {number}")}
    if not truth:
        raise Fault(f"{name} has no participants")
    return truth


def choose(truth, conditions, name):
    """The participants that all "column=value" hold for."""
    for condition in conditions:
        column, equals, value = condition.partition("=")
        if not equals:
            raise Fault(f"--where '{condition}': must be COLUMN=VALUE")
        if column not in next(iter(truth.values())):
            raise Fault(f"--where '{condition}': {name} has no column '{column}'")
        wanted = index_of(value) if column == "class" else value
        kept = {participant: row for participant, row in truth.items() if row[column] == wanted}
        if not kept:
            raise Fault(f"--where '{condition}': no participant of {name} is left")
        truth = kept
    return truth


# ---- Predictions ----

def _class_columns(header, name):
    """Class index -> the column of its probability: p_HGG, HGG or the class's name."""
    found = {}
    for column in header:
        index = index_of(column[2:] if column.lower().startswith("p_") else column)
        if index is None:
            continue
        if index in found:
            raise Fault(f"{name}: the columns '{found[index]}' and '{column}' are both of {CODES[index]}")
        found[index] = column
    return found


def _probability(cell, where):
    try:
        value = float(cell)
    except ValueError:
        raise Fault(f"{where} is '{cell}', not a number") from None
    if math.isnan(value):
        raise Fault(f"{where} is NaN")
    if not 0 <= value <= 1:
        raise Fault(f"{where} is {cell}, not between 0 and 1")
    return value


def _probabilities(row, columns, where):
    """Of all seven classes; one that the table does not know has none. None: the cells are empty."""
    cells = {index: row[column] for index, column in columns.items()}
    if all(cell in MISSING for cell in cells.values()):
        return None
    values = [0.0] * len(CODES)
    for index, cell in cells.items():
        values[index] = _probability(cell, f"{where}: {columns[index]}")
    total = math.fsum(values)
    if abs(total - 1) > SUM_TOLERANCE:
        raise Fault(f"{where}: the probabilities sum to {total:.6g}, not to 1")
    return [value / total for value in values]


def _prediction_set(row, where):
    cell = row.get("prediction_set", "")
    if cell in MISSING:
        return None
    return [] if cell == "none" else sorted(_class_cell(code, f"{where}: prediction_set") for code in cell.split(","))


def _stem(scan):
    return re.sub(r"\.(nii|hdr|img)(\.gz)?$", "", scan.rsplit("/", 1)[-1])


def _participant(row, truth, where):
    """Of a column that says so; else of the scan's base name: sub-LABEL_..., or the participant and nothing else."""
    for column in ("participant_id", "participant", "subject"):
        if row.get(column):
            return _plain(row[column])
    stem = _stem(row.get("scan", "") or row.get("file", ""))
    if not stem:
        raise Fault(f"{where} names neither a participant nor a scan")
    for candidate in (stem, stem.rsplit("_", 1)[0], stem.split("_", 1)[0]):
        if _plain(candidate) in truth:
            return _plain(candidate)
    return _plain(stem)


def _called(row, probabilities, where):
    """The class column decides; without one the largest probability."""
    cell = row.get("class", "")
    if cell not in MISSING:
        return _class_cell(cell, where)
    return NO_CLASS if probabilities is None else probabilities.index(max(probabilities))


def _case(row, truth, columns, where):
    participant = _participant(row, truth, where)
    facts = truth.get(participant, {})
    failed = row.get("status", "ok") != "ok"
    probabilities = None if failed else _probabilities(row, columns, where)
    called = NO_CLASS if failed else _called(row, probabilities, where)
    error = "" if called != NO_CLASS else row.get("error") or row.get("status") or "no answer in the table"
    return Case(participant, (row.get("scan") or row.get("file") or "").rsplit("/", 1)[-1], row.get("session", ""),
                facts.get("class", NO_CLASS), called, probabilities, _prediction_set(row, where),
                row.get("abstained") == "yes", error, facts)


def _some(participants):
    participants = sorted(participants)
    return ", ".join(participants[:3]) + (f" and {len(participants) - 3} more" if len(participants) > 3 else "")


def read_predictions(path, truth, chosen):
    """The cases of the chosen participants, sorted: every one has an answer, and every answer a truth."""
    name = pathlib.Path(path).name
    header, rows = read_table(path)
    columns = _class_columns(header, name)
    if rows and not columns and "class" not in header:
        raise Fault(f"{name} has neither a column 'class' nor one probability a class ({', '.join(CODES)})")
    cases = {}
    for number, row in rows:
        where = f"{name}: line {number}"
        case = _case(row, truth, columns, where)
        if case.key in cases:
            raise Fault(f"{where}: the scan '{case.scan or case.participant}' is there twice")
        cases[case.key] = case
    answered = {case.participant for case in cases.values()}
    strangers, silent = answered - set(truth), set(chosen) - answered
    if strangers:
        raise Fault(f"{name}: {len(strangers)} participants are not in the truth: {_some(strangers)}")
    if silent:
        raise Fault(f"{name}: {len(silent)} participants have no prediction: {_some(silent)}")
    return [cases[key] for key in sorted(cases) if cases[key].participant in chosen]
