#!/bin/sh
# run.sh SECONDS [TARGET [SEED]]: let libFuzzer look for inputs that break fuzz_TARGET (all of them, one after another),
# under the address and undefined behaviour sanitizers, in a build of its own. What it finds worth keeping lies in
# build/fuzz/corpus and is where the next run goes on; what breaks lies in build/fuzz/finds, and belongs, once minimised
# (fuzz_TARGET -minimize_crash=1 -runs=100000 FILE), into tests/fuzz/corpus/TARGET with the mend. Exit code 77: skipped.
set -eu
cd "$(dirname "$0")/../.."
seconds=$1 targets=${2:-nifti gzip onnx metadata volume} seed=${3:-1}

clang=
for name in clang clang-19 clang-16 clang-15 clang-14; do
    command -v $name >/dev/null || continue
    runtime=$($name -print-file-name=libclang_rt.fuzzer-x86_64.a)
    [ -e "$runtime" ] || runtime=$($name -print-runtime-dir)/libclang_rt.fuzzer-x86_64.a
    [ -e "$runtime" ] && clang=$name && break
done
if [ -z "$clang" ]; then
    echo "skipped: no clang with libFuzzer (Debian: clang libclang-rt-14-dev)"
    exit 77
fi

mkdir -p build/fuzz
(
    flock 9 # runs side by side share the build
    cmake --preset fuzz -DCMAKE_C_COMPILER="$clang" >/dev/null
    cmake --build --preset fuzz --target fuzz -- --quiet
) 9>build/fuzz/lock

for target in $targets; do
    corpus=build/fuzz/corpus/$target finds=build/fuzz/finds/$target
    mkdir -p "$corpus" "$finds"
    dictionary=tests/fuzz/$target.dict
    echo "fuzz_$target: $seconds s, seed $seed"
    ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1 build/fuzz/tests/fuzz/fuzz_"$target" \
        -max_total_time="$seconds" -seed="$seed" -max_len=16384 -timeout=10 -rss_limit_mb=3000 -malloc_limit_mb=16000 \
        -print_final_stats=1 -artifact_prefix="$finds/" -verbosity=0 $([ -e "$dictionary" ] && echo "-dict=$dictionary") \
        "$corpus" tests/fuzz/corpus/"$target" 2>"build/fuzz/$target.log" || {
        tail -n 60 "build/fuzz/$target.log"
        exit 1
    }
    grep -E '^stat::(number_of_executed_units|average_exec|new_units|peak_rss)' "build/fuzz/$target.log"
done
