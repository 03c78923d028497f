#!/bin/sh
# consumer.sh SOURCE_DIR: install the library, shared and static, each into an empty folder; move the folder; build a
# stranger's project against it by find_package and by pkg-config; run both on a scan written for the purpose.
set -eu
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A 20 x 24 x 16 ramp of bytes as NIfTI-1: 348 + 4 bytes of header, then voxels.
scan=$work/scan.nii
python3 - "$scan" <<'PYTHON'
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

for shared in ON OFF; do
    echo "BUILD_SHARED_LIBS=$shared"
    cmake -S "$source" -B "$work/build" -G Ninja -DBUILD_SHARED_LIBS=$shared -DTUMORCLASS_TESTS=OFF -DTUMORCLASS_CLI=OFF \
        -DTUMORCLASS_BENCHMARKS=OFF -DCMAKE_INSTALL_PREFIX="$work/first" >"$work/log" || { cat "$work/log"; exit 1; }
    cmake --build "$work/build" --target install >"$work/log" || { cat "$work/log"; exit 1; }
    mv "$work/first" "$work/installed"

    cmake -S "$source/examples" -B "$work/consumer" -G Ninja -DCMAKE_PREFIX_PATH="$work/installed" >"$work/log" ||
        { cat "$work/log"; exit 1; }
    cmake --build "$work/consumer" >"$work/log" || { cat "$work/log"; exit 1; }
    echo "find_package: $("$work/consumer/example_classify" "$scan")"

    libraries=$(dirname "$(find "$work/installed" -name 'libtumorclass.*' | head -n 1)")
    export PKG_CONFIG_PATH="$libraries/pkgconfig"
    cc -std=c99 "$source/examples/classify.c" -o "$work/plain" $(pkg-config --cflags --libs tumorclass) -lm
    echo "pkg-config: $(LD_LIBRARY_PATH="$libraries" "$work/plain" "$scan")"
    rm -rf "$work/build" "$work/installed" "$work/consumer"
done
