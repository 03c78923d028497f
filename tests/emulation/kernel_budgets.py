"""nvcc compiles every kernel for every architecture without a warning, and ptxas needs no more registers and shared
memory for it than kernel_budgets.tsv grants: no spills, no local memory. Nothing runs. Of another release of nvcc than
the table's only warnings, spills and local memory count.

    kernel_budgets.py [--arch 75,90] [--record]     of the architectures that are not asked for, --record keeps the rows
"""
import argparse
import csv
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
KERNELS = HERE.parent.parent / "kernels"
TABLE = HERE / "kernel_budgets.tsv"
ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)
FIELDS = ["kernel", "arch", "registers", "shared"]


def find_nvcc():
    return shutil.which("nvcc") or shutil.which("nvcc", path="/usr/local/cuda/bin")


def release_of(nvcc):
    said = subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"release ([\d.]+)", said)[1]


def compile_file(nvcc, source, architectures, folder):
    """What ptxas says of one file, for all architectures at once."""
    codes = [f"-gencode=arch=compute_{a},code=sm_{a}" for a in architectures]
    command = [nvcc, "-std=c++17", "-O3", "--fmad=false", "-Werror", "all-warnings", "-Xcompiler=-Wall,-Wextra",
               "-Xptxas=-v", *codes, "-c", str(source), "-o", str(pathlib.Path(folder) / "kernel.o")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{source.name} does not compile:\n{done.stdout}{done.stderr}")
    return subprocess.run(["c++filt"], input=done.stderr, capture_output=True, text=True, check=True).stdout


def name_of(text):
    """measure_slabs<float, 4> of what c++filt makes of a mangled kernel."""
    text = re.sub(r"\((?:int|bool)\)", "", text.removeprefix("void "))
    return text[: text.index("(")] if "(" in text else text


def read_usage(text):
    """{(kernel, arch): (registers, shared, spilled or local bytes)}"""
    usage, local, where = {}, 0, None
    for line in text.splitlines():
        begins = re.search(r"Compiling entry function '(.+)' for 'sm_(\d+)\w?'", line)
        stack = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line)
        used = re.search(r"Used (\d+) registers", line)
        if begins:
            where = name_of(begins[1]), int(begins[2])
        if stack:
            local = sum(int(n) for n in stack.groups())
        if used and where:
            shared = re.search(r"(\d+) bytes smem", line)
            usage[where] = int(used[1]), int(shared[1]) if shared else 0, local
            local, where = 0, None
    return usage


def read_table():
    """(nvcc's release, {(kernel, arch): (registers, shared)})"""
    if not TABLE.exists():
        return None, {}
    with TABLE.open(newline="") as file:
        release = file.readline().split()[-1]
        rows = csv.DictReader(file, delimiter="\t")
        return release, {(row["kernel"], int(row["arch"])): (int(row["registers"]), int(row["shared"])) for row in rows}


def write_table(table, release):
    with TABLE.open("w", newline="") as file:
        file.write(f"# nvcc {release}\n")
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(FIELDS)
        writer.writerows([kernel, arch, *budget] for (kernel, arch), budget in sorted(table.items()))


def local_memory(usage):
    for (kernel, arch), (_, _, local) in sorted(usage.items()):
        if local:
            yield f"{kernel}, sm_{arch}: {local} bytes of registers spilled or of local memory"


def beyond_budget(usage, table, architectures):
    for (kernel, arch), (registers, shared, _) in sorted(usage.items()):
        budget = table.get((kernel, arch))
        if not budget:
            yield f"{kernel}, sm_{arch}: no line in {TABLE.name}: {registers} registers, {shared} bytes shared"
        elif registers > budget[0] or shared > budget[1]:
            yield (f"{kernel}, sm_{arch}: {registers} registers and {shared} bytes shared, "
                   f"granted {budget[0]} and {budget[1]}")
    for kernel, arch in sorted(table):
        if arch in architectures and (kernel, arch) not in usage:
            yield f"{kernel}, sm_{arch}: in {TABLE.name}, and no such kernel"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default=",".join(map(str, ARCHITECTURES)))
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    architectures = [int(a) for a in options.arch.split(",")]
    nvcc, usage = find_nvcc(), {}
    if not nvcc:
        print("skipped: no nvcc: kernels are not compiled for a GPU")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted(KERNELS.glob("*.cu")):
            usage.update(read_usage(compile_file(nvcc, source, architectures, folder)))
    if not usage:
        sys.exit("ptxas said nothing of any kernel")
    release, (recorded, table) = release_of(nvcc), read_table()
    if options.record:
        kept = {key: budget for key, budget in table.items() if key[1] not in architectures}
        write_table(kept | {key: used[:2] for key, used in usage.items()}, release)
        return
    found = list(local_memory(usage))
    if release == recorded:
        found += beyond_budget(usage, table, architectures)
    else:
        print(f"nvcc {release}, the table is of {recorded}: registers and shared memory are not compared")
    print(f"{len({kernel for kernel, _ in usage})} kernels, {len(architectures)} architectures, compiled, not run")
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
