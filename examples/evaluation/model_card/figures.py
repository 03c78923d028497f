#!/usr/bin/env python3
"""Every figure of the model card: make the fixed cohorts, answer them, evaluate, and hold the figures to their bars.

    figures.py PREPARED --model MODEL.ONNX --work WORK
    figures.py PREPARED --model MODEL.ONNX --work WORK --first 1      a quick look: the first portion of each cohort

writes figures.json, figures.md and report/COHORT/report.html into WORK/MODEL, where MODEL is the beginning of the model
file's SHA-256. Scans are made a portion at a time and deleted once they are answered; stopped, the same command goes
on; another model begins anew. PREPARED is what `tumorclass-cohort prepare` wrote.
"""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # tumorclass_evaluate

import cohorts  # noqa: E402
from answers import Portions, hash_of, say  # noqa: E402
from bars import sections  # noqa: E402
from evaluated import evaluate  # noqa: E402
from pages import figures_json, figures_markdown  # noqa: E402
from tumorclass_evaluate import output, runs, tables  # noqa: E402


def arguments_of():
    parser = cohorts.parser_of(__doc__)
    cohorts.add_arguments(parser)
    add = parser.add_argument
    add("--model", type=pathlib.Path, required=True, metavar="FILE", help="the ONNX file")
    add("--work", type=pathlib.Path, required=True, metavar="FOLDER", help="scans for a while, answers, figures")
    add("--tumorclass", default="tumorclass", metavar="PROGRAM", help="the command that answers")
    add("--replicates", type=int, default=2000, metavar="N", help="of the bootstrap (2000)")
    add("--no-more", action="store_true", help="make and answer nothing: the figures of the portions that are done")
    return parser.parse_args()


def answer(cohort, portions, arguments):
    """The folders of the portions that are done, of those that are wanted."""
    wanted = cohort.portions(arguments.first)
    for first, last in [] if arguments.no_more else wanted:
        say(f"{cohort.name}, subjects {first} to {last} of {cohort.scans}")
        portions.answer(cohort, first, last)
    return [portions.folder(cohort, *portion) for portion in wanted if portions.is_done(cohort, *portion)]


def main():
    arguments = arguments_of()
    maker = cohorts.maker_of(arguments, arguments.work / "scans")
    portions = Portions(maker, arguments.model, arguments.work, arguments.tumorclass, arguments.threads)
    evaluated, whole = {}, {}
    for cohort in cohorts.chosen(arguments):
        done = answer(cohort, portions, arguments) if cohort.measure is not None else []
        if done:
            evaluated[cohort.name] = evaluate(cohort, done, portions.home / "report" / cohort.name,
                                              arguments.replicates)
            whole[cohort.name] = len(done) == len(cohort.portions())
    if not evaluated:
        raise cohorts.Fault("no portion is done")
    rows = sections(evaluated, arguments.replicates)
    model = {"file": arguments.model.name, "sha256": hash_of(arguments.model)}
    output.write_text(portions.home / "figures.json", figures_json(model, evaluated, whole, rows))
    output.write_text(portions.home / "figures.md", figures_markdown(model, evaluated, whole, rows))
    print(portions.home / "figures.md")


if __name__ == "__main__":
    try:
        main()
    except (cohorts.Fault, tables.Fault, runs.BatchFailed, output.OutputFailed) as fault:
        sys.exit(f"figures.py: {fault}")
