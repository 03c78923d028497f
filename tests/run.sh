#!/bin/sh
# run.sh: install what the tests need, build, and run all that belong to every change (ctest label "gate"), then the
# C tests once more under the address and undefined behaviour sanitizers. `ctest -L long` runs the rest.
set -eu
cd "$(dirname "$0")/.."
.ci/install build-essential cmake ninja-build pkg-config libnifti-dev libdeflate-dev zlib1g-dev libjansson-dev \
    libpng-dev mricron-data check libonnx-testdata mandoc python3-venv python3-torch clang libclang-rt-14-dev

venv=$PWD/build/venv
if ! cmp -s tests/requirements.txt "$venv/installed"; then
    /usr/bin/python3 -m venv --clear --system-site-packages "$venv"
    "$venv/bin/pip" install --quiet --no-deps -r tests/requirements.txt
    cp tests/requirements.txt "$venv/installed"
fi

cmake --preset dev -DTUMORCLASS_PYTHON="$venv/bin/python" >/dev/null
cmake --build --preset dev -- --quiet
cmake --preset asan -DTUMORCLASS_BENCHMARKS=OFF >/dev/null
cmake --build --preset asan -- --quiet

echo "== under the sanitizers =="
ctest --preset asan -L check -j 2 --progress
echo "== gate =="
ctest --preset dev -L gate -j 2 --progress
