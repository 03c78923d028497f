#!/bin/sh
# consumer.sh SOURCE BUILD: install the library into an empty folder, first shared (as built in BUILD; the folder is then
# moved), then static (built here); build a stranger's program against it by find_package and by pkg-config; run both on
# a scan written for the purpose.
set -eu
source=$1
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Run quietly; show the output only of what fails.
quietly() {
    "$@" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}

# A 20 x 24 x 16 volume of bytes as NIfTI-1: 348 + 4 bytes of header, then voxels.
python3 - "$work/scan.nii" <<'PYTHON'
import struct, sys
header = bytearray(352)
struct.pack_into("<i", header, 0, 348)
struct.pack_into("<8h", header, 40, 3, 20, 24, 16, 1, 1, 1, 1)
struct.pack_into("<2h", header, 70, 2, 8)
struct.pack_into("<8f", header, 76, 1, 8, 8, 8, 0, 0, 0, 0)
struct.pack_into("<f", header, 108, 352)
struct.pack_into("<4s", header, 344, b"n+1\0")
voxels = bytes((x * y + 3 * z) % 251 if min(x, y, z) > 1 else 0 for z in range(16) for y in range(24) for x in range(20))
open(sys.argv[1], "wb").write(bytes(header) + voxels)
PYTHON

use() {
    quietly cmake -S "$source/examples" -B "$work/consumer" -DCMAKE_PREFIX_PATH="$work/installed"
    quietly cmake --build "$work/consumer"
    quietly "$work/consumer/example_voxels"
    quietly "$work/consumer/example_stream" "$work/scan.nii" "$work/scan.nii"
    echo "$1, find_package: $("$work/consumer/example_classify" "$work/scan.nii" "$work/map.nii.gz" | head -n 1)"

    libraries=$(dirname "$(find "$work/installed" -name 'libtumorclass.*' | head -n 1)")
    export PKG_CONFIG_PATH="$libraries/pkgconfig"
    # shellcheck disable=SC2046
    cc -std=c99 "$source/examples/classify.c" -o "$work/plain" $(pkg-config --cflags --libs tumorclass)
    echo "$1, pkg-config: $(LD_LIBRARY_PATH="$libraries" "$work/plain" "$work/scan.nii" | head -n 1)"
    rm -rf "$work/installed" "$work/consumer"
}

quietly cmake --install "$build" --prefix "$work/first"
mv "$work/first" "$work/installed"
use shared
quietly cmake -S "$source" -B "$work/static" -G Ninja -DBUILD_SHARED_LIBS=OFF -DTUMORCLASS_TESTS=OFF -DTUMORCLASS_CLI=OFF \
    -DTUMORCLASS_BENCHMARKS=OFF -DCMAKE_BUILD_TYPE=Debug -DCMAKE_INSTALL_PREFIX="$work/installed"
quietly cmake --build "$work/static" --target install
use static
