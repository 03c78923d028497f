/* How many threads suit this process: the least of what affinity, the cgroup and the environment allow. */
#define _GNU_SOURCE /* sched_getaffinity */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "tumorclass/tumorclass.h"

static int32_t least(int32_t a, int64_t b)
{
    return b >= 1 && b < a ? (int32_t)b : a;
}

static int64_t affinity_count(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set)) return sysconf(_SC_NPROCESSORS_ONLN); /* more than the set can hold */
    return CPU_COUNT(&set);
}

/* "max 100000" or "150000 100000": quota and period in microseconds; whole processors, at least one. */
static int64_t quota_of(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    long long quota = 0, period = 0;
    const int fields = fscanf(file, "%lld %lld", &quota, &period);
    fclose(file);
    if (fields != 2 || quota <= 0 || period <= 0) return 0;
    return quota < period ? 1 : quota / period;
}

/* The quota of our cgroup (version 2) and of each of its parents. */
static int32_t cgroup_limit(int32_t threads)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file) return threads;
    char group[2048], path[2200];
    const int found = fscanf(file, "0::%2047[^\n]", group);
    fclose(file);
    if (found != 1) return threads;
    for (char *end = group; *end; end++) {
        if (end[1] && end[1] != '/') continue;
        snprintf(path, sizeof path, "/sys/fs/cgroup%.*s/cpu.max", (int)(end - group + 1), group);
        threads = least(threads, quota_of(path));
    }
    return threads;
}

static int64_t environment_count(const char *name)
{
    const char *text = getenv(name);
    return text ? strtoll(text, NULL, 10) : 0;
}

int32_t tumorclass_suggested_threads(void)
{
    const int64_t processors = affinity_count();
    int32_t threads = processors < 1 ? 1 : (int32_t)processors;
    threads = cgroup_limit(threads);
    threads = least(threads, environment_count("OMP_NUM_THREADS"));
    return least(threads, environment_count("SLURM_CPUS_PER_TASK"));
}
