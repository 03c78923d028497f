/* Which share of a GPU's threads each kernel can keep there at once, as CUDA's own calculator has it from the registers and
 * shared memory in kernel_budgets.tsv. Nothing runs.
 *
 *     occupancy kernel_budgets.tsv occupancy.tsv            no kernel below its line: how low each may be, by architecture
 *     occupancy kernel_budgets.tsv --record > occupancy.tsv */
#include <cuda_occupancy.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { ARCHITECTURES = 7, MOST_LINE = 512 };

/* Of the CUDA programming guide's table of compute capabilities. */
static const struct limits {
    int arch, threads, shared_kib, block_shared_kib;
} limits[ARCHITECTURES] = { { 75, 1024, 64, 64 },  { 80, 2048, 164, 163 }, { 86, 1536, 100, 99 },
                            { 89, 1536, 100, 99 }, { 90, 2048, 228, 227 }, { 100, 2048, 228, 227 },
                            { 120, 1536, 100, 99 } };

/* Every kernel's launches have this many. */
static int threads_of(const char *kernel)
{
    return strncmp(kernel, "softmax", 7) ? 256 : 128;
}

/* Percent; -1: the calculator does not know the architecture. */
static int occupancy(const struct limits *of, const char *kernel, int registers, int shared)
{
    const cudaOccDeviceProp device = { .computeMajor = of->arch / 10,
                                       .computeMinor = of->arch % 10,
                                       .maxThreadsPerBlock = 1024,
                                       .maxThreadsPerMultiprocessor = of->threads,
                                       .regsPerBlock = 65536,
                                       .regsPerMultiprocessor = 65536,
                                       .warpSize = 32,
                                       .sharedMemPerBlock = 48 << 10,
                                       .sharedMemPerMultiprocessor = (size_t)of->shared_kib << 10,
                                       .numSms = 1,
                                       .sharedMemPerBlockOptin = (size_t)of->block_shared_kib << 10,
                                       .reservedSharedMemPerBlock = of->arch >= 80 ? 1024 : 0 };
    const cudaOccFuncAttributes function = {
        .maxThreadsPerBlock = INT_MAX, .numRegs = registers, .sharedSizeBytes = (size_t)shared, .numBlockBarriers = 1
    };
    const cudaOccDeviceState state = { .carveoutConfig = SHAREDMEM_CARVEOUT_DEFAULT };
    cudaOccResult result;
    const int threads = threads_of(kernel);
    if (cudaOccMaxActiveBlocksPerMultiprocessor(&result, &device, &function, &state, threads, 0) != CUDA_OCC_SUCCESS)
        return -1;
    return 100 * result.activeBlocksPerMultiprocessor * threads / of->threads;
}

/* The line "kernel arch percent" of the table; -1: there is none. */
static int granted(FILE *table, const char *kernel, int arch)
{
    char line[MOST_LINE], name[MOST_LINE];
    int of, percent;
    rewind(table);
    while (fgets(line, sizeof line, table))
        if (sscanf(line, "%511[^\t]\t%d\t%d", name, &of, &percent) == 3 && of == arch && !strcmp(name, kernel))
            return percent;
    return -1;
}

/* One kernel on one architecture: whether it is as the table says. */
static bool check(FILE *table, const char *kernel, int arch, int percent)
{
    const int least = table ? granted(table, kernel, arch) : percent;
    if (!table) printf("%s\t%d\t%d\n", kernel, arch, percent);
    if (percent < 0 || percent < least || least < 0)
        fprintf(stderr, "%s on sm_%d: %d %%, and the table says %d %%\n", kernel, arch, percent, least);
    return percent >= 0 && least >= 0 && percent >= least;
}

int main(int count, char **arguments)
{
    char line[MOST_LINE], kernel[MOST_LINE];
    int arch, registers, shared, kernels = 0, wrong = 0;
    FILE *budgets = count == 3 ? fopen(arguments[1], "r") : NULL;
    const bool record = count == 3 && !strcmp(arguments[2], "--record");
    FILE *table = budgets && !record ? fopen(arguments[2], "r") : NULL;
    if (!budgets || (!table && !record)) return fprintf(stderr, "occupancy: nothing to read\n"), 2;
    if (record) puts("kernel\tarch\tpercent");
    while (fgets(line, sizeof line, budgets)) {
        if (sscanf(line, "%511[^\t]\t%d\t%d\t%d", kernel, &arch, &registers, &shared) != 4) continue;
        for (int i = 0; i < ARCHITECTURES; i++)
            if (limits[i].arch == arch)
                wrong += !check(table, kernel, arch, occupancy(&limits[i], kernel, registers, shared));
        kernels++;
    }
    fclose(budgets);
    if (table) fclose(table);
    fprintf(stderr, "%d kernels and architectures, %d below what they were\n", kernels, wrong);
    return wrong || !kernels;
}
