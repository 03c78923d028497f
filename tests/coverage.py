"""coverage.py LINES REASONS: a table of gcovr's JSON, and whether every function with lines that did not run has its
reason in REASONS: file, function and why, separated by tabs."""
import json
import sys

LEAST = 0.95


def function_of(functions, line):
    """A line's function begins before it, and no other between."""
    return max((f for f in functions if f["lineno"] <= line), key=lambda f: f["lineno"], default={"name": ""})["name"]


def plain(name):
    """Without the instruction set that a function of lib/cpu was compiled for."""
    for tier in ("_portable", "_avx2", "_avx512"):
        name = name.removesuffix(tier)
    return name


def missing_lines(entry):
    """{function: lines that did not run}"""
    missing = {}
    for line in entry["lines"]:
        if line["count"] == 0 and not line.get("gcovr/noncode"):
            name = plain(function_of(entry["functions"], line["line_number"]))
            missing.setdefault(name, []).append(line["line_number"])
    return missing


def main():
    entries = json.load(open(sys.argv[1]))["files"]
    rows = [line.rstrip("\n").split("\t") for line in open(sys.argv[2]) if not line.startswith("#")]
    reasons = {(file, function): why for file, function, why in rows}
    total = run = 0
    unexplained = []
    for entry in sorted(entries, key=lambda entry: entry["file"]):
        lines = [line for line in entry["lines"] if not line.get("gcovr/noncode")]
        missing = missing_lines(entry)
        gaps = sum(map(len, missing.values()))
        total, run = total + len(lines), run + len(lines) - gaps
        if gaps:
            print(f"{entry['file']:36}{len(lines) - gaps:5} of {len(lines):4} lines")
        for name, where in missing.items():
            why = reasons.pop((entry["file"], name), None)
            print(f"    {name}: {', '.join(map(str, where))}{f': {why}' if why else ''}")
            if not why:
                unexplained.append(f"{entry['file']}: {name}")
    for file, name in reasons:
        print(f"not needed any more: {file}, {name}")
    share = run / total
    print(f"{run} of {total} lines of lib/ run: {100 * share:.2f} %; {len(unexplained)} functions have gaps without a reason")
    sys.exit(share < LEAST or bool(unexplained))


if __name__ == "__main__":
    main()
