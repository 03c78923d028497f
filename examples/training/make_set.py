#!/usr/bin/env python3
"""Make a large prepared set in portions: generate some scans, prepare them, delete them, again.

GENERATE is a command line that writes a BIDS folder. In it {folder} becomes the folder to write, {portion} the number
of the portion from 1, {first} and {last} the numbers of its first and last scan from 1, {count} how many there are:

    make_set.py --output set --scans 12000 -- tumorclass-cohort ... --output {folder} --first {first} --count {count}

A portion that is in the set whole is not made again, so the same command goes on after any interrupt.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys

from prepare import add_arguments, prepare, spec_of


def generate(command, facts):
    line = [word.format(**facts) for word in command]
    done = subprocess.run(line)
    if done.returncode:
        raise SystemExit(f"{' '.join(line)} ended with {done.returncode}")


def main():
    first, *rest = __doc__.split("\n\n")
    parser = argparse.ArgumentParser(description=first, epilog="\n\n".join(rest),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, required=True, metavar="SET", help="folder of the prepared set")
    parser.add_argument("--scans", type=int, required=True, metavar="N", help="how many in all")
    parser.add_argument("--portion", type=int, default=300, metavar="N", help="how many at a time (default: 300)")
    parser.add_argument("--name", default="portion", help="of the folders, if several commands fill one set")
    parser.add_argument("generate", nargs="+", metavar="GENERATE", help="see above")
    add_arguments(parser)
    arguments = parser.parse_args()
    spec, failed = spec_of(arguments), 0
    for number, begin in enumerate(range(0, arguments.scans, arguments.portion), 1):
        last = min(begin + arguments.portion, arguments.scans)
        folder = arguments.output / f"{arguments.name}-{number:04d}"
        mark = folder.with_suffix(".done")
        if mark.exists():
            continue
        print(f"scans {begin + 1} to {last} of {arguments.scans}", file=sys.stderr)
        generate(arguments.generate, {"folder": folder, "portion": number, "first": begin + 1, "last": last,
                                      "count": last - begin})
        failed += prepare([folder], arguments.output, spec, arguments.command)
        mark.touch()
        shutil.rmtree(folder)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
