#!/bin/sh
# coverage.sh [PYTHON]: count the lines of lib/ that the gate's tests run. Fails where they are too few, or where some do
# not run and tests/uncovered.tsv gives no reason. Needs Debian's gcovr.
set -eu
cd "$(dirname "$0")/.."
python=${1:-$PWD/build/venv/bin/python}
command -v gcovr >/dev/null || { echo "skipped: gcovr is not installed"; exit 77; }

cmake --preset coverage -DTUMORCLASS_PYTHON="$python" >/dev/null
cmake --build --preset coverage -- --quiet
find build/coverage -name '*.gcda' -delete
export CK_TIMEOUT_MULTIPLIER=10 # counting is slow
ctest --preset coverage -L check -j 2 --progress
# The command's, and models as others write them. Not those that take disks and folders away: the counters could not be
# written either.
ctest --preset coverage -R '^(test_cli|onnx_|refusals|weight_types)' -E 'alloc|outputs|resume|signals' -L gate -j 2 --progress
# Threads count without waiting for each other, so a number may come out wrong, even below 0; none becomes 0.
gcovr --root . --filter lib/ --gcov-ignore-parse-errors build/coverage --json build/coverage/lines.json
"$python" tests/coverage.py build/coverage/lines.json tests/uncovered.tsv
