"""The operators of lib/model/operators.c against ONNX's own schemas.

onnx_versions.tsv names every version of every operator that the importers were written for. An operator that is not in
it, or a version that the installed onnx package has and the list lacks, was read by nobody: read its schema, change
the importer and LAST_OPSET, then the list.
"""
import collections
import pathlib
import re
import sys

import onnx.defs

MODEL = pathlib.Path(__file__).parents[2] / "lib/model"
OLDEST = 6  # opset, of lib/model/onnx.h


def operators():
    """{type: the opset that brought it}, as the library has them."""
    rows = re.findall(r'^    \{ "(\w+)", (\d+), .*\},$', (MODEL / "operators.c").read_text(), re.MULTILINE)
    return {name: int(since) for name, since in rows}


def listed():
    rows = pathlib.Path(__file__).with_suffix(".tsv").read_text().splitlines()
    pairs = [row.split("\t") for row in rows if not row.startswith("#")]
    return {name: {int(version) for version in versions.split()} for name, versions in pairs}


def known():
    """{type: all versions}, of ONNX's own domain."""
    versions = collections.defaultdict(set)
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain == "":
            versions[schema.name].add(schema.since_version)
    return versions


def in_force(versions):
    """Those that a file of OLDEST or later can mean."""
    return {version for version in versions if version >= max(v for v in versions if v <= max(OLDEST, min(versions)))}


def main():
    ours, read, theirs = operators(), listed(), known()
    last = int(re.search(r"LAST_OPSET = (\d+)", (MODEL / "operators.h").read_text())[1])
    failures = []
    if ours.keys() != read.keys():
        failures.append(f"in one of operators.c and onnx_versions.tsv alone: {sorted(ours.keys() ^ read.keys())}")
    for name in sorted(ours.keys() & read.keys()):
        if ours[name] != min(theirs[name]):
            failures.append(f"{name} came with opset {min(theirs[name])}, not {ours[name]}")
        if missing := in_force(theirs[name]) ^ read[name]:
            failures.append(f"{name}: version {sorted(missing)} is in one of onnx {onnx.__version__} and the list alone")
        if max(read[name]) > last:
            failures.append(f"{name}: version {max(read[name])} is in the list, but LAST_OPSET is {last}")
    if last > onnx.defs.onnx_opset_version():
        failures.append(f"LAST_OPSET is {last}, onnx {onnx.__version__} knows {onnx.defs.onnx_opset_version()}")
    print(f"{len(ours)} operators, {sum(map(len, read.values()))} versions, {len(failures)} failures", *failures, sep="\n")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
