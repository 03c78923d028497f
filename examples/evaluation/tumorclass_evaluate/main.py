"""tumorclass-evaluate: answers against the truth, as a report. `tumorclass evaluate` runs it."""
import argparse
import os
import pathlib
import sys

from . import output, runs, tables

DONE, SCAN_FAILED, WRONG, OUTPUT_FAILED = 0, 1, 2, 4
EPILOG = ("Writes report.html, metrics.tsv, metrics.json and confusion.tsv. Exit codes: 0 done; 1 done, but scans "
          "could not be classified; 2 wrong usage or input; 3 the model failed; 4 an output could not be written. "
          + output.DISCLAIMER)


def _whole(least):
    def read(text):
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"'{text}' is no whole number from {least}")
        return value
    return read


def _millimetres(text):
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < 1000:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of millimetres")
    return value


def parser():
    parse = argparse.ArgumentParser(prog="tumorclass evaluate", epilog=EPILOG, allow_abbrev=False,
                                    description="Hold predicted tumour classes against the truth.")
    add = parse.add_argument
    add("scans", nargs="?", metavar="SCANS", help="BIDS folder of the scans; the default is the truth's folder")
    add("--truth", required=True, metavar="FILE", help="participants.tsv with the columns participant_id and class")
    add("--predictions", metavar="FILE",
        help="TSV or JSON lines of 'tumorclass batch', or a table of other software with a participant or scan and one "
        "probability a class; without it 'tumorclass batch' is run")
    add("--out", required=True, metavar="FOLDER", help="where the report goes; made if it is not there")
    add("--where", action="append", default=[], metavar="COLUMN=VALUE", help="only these participants of the truth")
    add("--by", action="append", default=[], metavar="COLUMN", help="accuracy by this column of the truth as well")
    add("--smallest", type=_millimetres, default=6.0, metavar="MM",
        help="smaller lesions are reported, not counted (6: three voxels of a 2 mm model)")
    add("--attention", action="store_true", help="make CAM and HiResCAM maps and hold them against lesion masks: slow")
    add("--tolerance", type=_millimetres, default=5.0, metavar="MM",
        help="how far from the lesion the peak of a HiResCAM map may be (5); of CAM it is one cell of the map")
    add("--against", metavar="FILE", help="other predictions of the same scans: exact McNemar test")
    add("--same-as", action="append", default=[], metavar="FILE",
        help="predictions of transformed copies: share of scans that keep their class")
    add("--replicates", type=_whole(100), default=2000, metavar="N", help="of the bootstrap (2000)")
    add("--seed", type=_whole(0), default=1, metavar="N", help="of the bootstrap (1)")
    add("--model", action="append", default=[], metavar="FILE", help="for 'tumorclass batch'")
    add("--threads", type=_whole(0), metavar="N", help="for 'tumorclass batch'")
    add("--device", metavar="NAME", help="for 'tumorclass batch'")
    add("--tumorclass", default="tumorclass", metavar="PROGRAM", help=argparse.SUPPRESS)
    return parse


def say(text):
    print(f"tumorclass: {text}", file=sys.stderr)


def make_folder(path):
    out = pathlib.Path(path)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output.OutputFailed(f"--out: the folder cannot be made: {error.strerror}") from None
    if not os.access(out, os.W_OK):
        raise output.OutputFailed("--out: the folder cannot be written to")
    return out


class Evaluating:
    """One run of the command."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.truth = tables.read_truth(arguments.truth)
        name = pathlib.Path(arguments.truth).name
        self.chosen = tables.choose(self.truth, arguments.where, name)
        for column in arguments.by:
            if column not in next(iter(self.truth.values())):
                raise tables.Fault(f"--by '{column}': {name} has no such column")
        folder = arguments.scans or pathlib.Path(arguments.truth).resolve().parent
        self.batch = runs.Batch(arguments.tumorclass, folder, arguments.model, arguments.threads, arguments.device)

    def read(self, path):
        return tables.read_predictions(path, self.truth, self.chosen)

    def predict(self, out):
        """The cases; without a file of predictions `tumorclass batch` makes one."""
        path = self.arguments.predictions
        if not path:
            found = runs.find_scans(self.batch.folder, self.chosen)
            path = out / "predictions.jsonl"
            self.batch.run(path, [scan for scans in found.values() for scan in scans], "--attention-method", "cam")
        return self.read(path)

    def maps(self, cases, out):
        """method -> case key -> what was measured, of scans that have a lesion mask."""
        from . import attention
        found = runs.find_scans(self.batch.folder, {case.participant for case in cases})
        paths = {}
        for case in cases:
            scans = found[case.participant]
            scan = next((s for s in scans if pathlib.Path(s).name == case.scan), scans[0] if len(scans) == 1 else None)
            if scan and attention.mask_of(self.batch.folder / scan):
                paths[case.key] = scan
        if not paths:
            raise tables.Fault("--attention: no scan has a lesion mask anat/*_lesion.nii or .nii.gz beside it")
        measured = {}
        for method, tolerance in (("cam", None), ("hirescam", self.arguments.tolerance)):
            scans = sorted(set(paths.values()))
            rows = attention.Maps(self.batch, method, out, tolerance).measure(scans, say)
            by_scan = dict(zip(scans, rows))
            measured[method] = {key: by_scan[scan] for key, scan in paths.items()}
        return measured

    def run(self):
        """The statistics' libraries take a second to load: what is wrong with the input is said before."""
        arguments = self.arguments
        others = [(pathlib.Path(path).name, self.read(path)) for path in arguments.same_as]
        against = arguments.against and (pathlib.Path(arguments.against).name, self.read(arguments.against))
        given = self.read(arguments.predictions) if arguments.predictions else None
        out = make_folder(arguments.out)
        cases = given or self.predict(out)
        maps = self.maps(cases, out) if arguments.attention else None
        from . import page, report as reports
        report = reports.make_report(cases, arguments, maps, against, others)
        for name, text in (("metrics.tsv", output.metrics_tsv(report.rows)),
                           ("metrics.json", output.metrics_json(report)),
                           ("confusion.tsv", output.confusion_tsv(report.confusion)),
                           ("report.html", page.page(report))):
            output.write_text(out / name, text)
        output.terminal_table(report, sys.stdout)
        return SCAN_FAILED if report.failures else DONE


def main(arguments=None):
    try:
        return Evaluating(parser().parse_args(arguments)).run()
    except tables.Fault as fault:
        say(fault)
        return WRONG
    except ModuleNotFoundError as error:
        say(f"evaluate needs the Python packages numpy, scipy, scikit-learn and nibabel: {error}. On Debian: apt-get "
            "install python3-sklearn python3-nibabel; elsewhere: pip install scikit-learn nibabel")
        return WRONG
    except runs.BatchFailed as failure:
        say(failure)
        return failure.code
    except output.OutputFailed as failure:
        say(failure)
        return OUTPUT_FAILED
    except KeyboardInterrupt:
        return 130
