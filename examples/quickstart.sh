#!/bin/sh
# quickstart.sh: from a fresh Debian machine to classified scans. Installs what is missing, builds, takes a real head
# (Colin27, a healthy man, from Debian's mricron-data) and a synthetic one with a high-grade glioma, and writes attention
# maps and pictures into build/quickstart.
set -eu
cd "$(dirname "$0")/.."
.ci/install build-essential cmake ninja-build pkg-config libnifti-dev libdeflate-dev zlib1g-dev libjansson-dev \
    libpng-dev mricron-data

cmake --preset release -DTUMORCLASS_TESTS=OFF -DTUMORCLASS_BENCHMARKS=OFF >/dev/null
cmake --build --preset release -- --quiet

mkdir -p build/quickstart
cp /usr/share/mricron/templates/ch2.nii.gz build/quickstart/colin27.nii.gz
cp examples/scans/synthetic-hgg.nii.gz build/quickstart/
for scan in colin27 synthetic-hgg; do
    (set -x; build/release/bin/tumorclass classify build/quickstart/$scan.nii.gz \
        --attention build/quickstart/$scan-map.nii.gz --overlay build/quickstart/$scan.png)
done
