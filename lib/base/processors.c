/* What affinity, the cgroup and the environment allow. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/processors.h"
#include "base/files.h"
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tumorclass/tumorclass.h"

/* The lesser of two limits, where 0 and below are none. */
static int64_t lesser(int64_t a, int64_t b)
{
    if (a < 1 || b < 1) return a < 1 ? b : a;
    return a < b ? a : b;
}

static int64_t affinity_count(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set)) return sysconf(_SC_NPROCESSORS_ONLN); /* more than the set can hold */
    return CPU_COUNT(&set);
}

/* "max", "max 100000", "150000 100000" (quota and period in microseconds: whole processors) or "1073741824". */
static int64_t read_limit(const char *path)
{
    char text[64];
    long long limit = 0, unit = 1;
    file_begin(text, sizeof text, path);
    if (sscanf(text, "%lld %lld", &limit, &unit) < 1 || limit <= 0 || unit <= 0) return 0;
    return limit < unit ? 1 : limit / unit;
}

/* Our cgroup of version 2: the line "0::/path" among those of version 1. */
static bool find_group(char group[2048])
{
    char text[8192];
    file_begin(text, sizeof text, "/proc/self/cgroup");
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (sscanf(line, "0::%2047[^\n]", group) == 1) return true;
    }
    return false;
}

int64_t cgroup_least(const char *name)
{
    char group[2048], path[2200];
    int64_t least = 0;
    if (!find_group(group)) return 0;
    snprintf(path, sizeof path, "/sys/fs/cgroup/%.64s", name); /* of a container's own namespace */
    least = read_limit(path);
    for (char *end = group; *end; end++) {
        if (end[1] && end[1] != '/') continue;
        snprintf(path, sizeof path, "/sys/fs/cgroup%.*s/%.64s", (int)(end - group + 1), group, name);
        least = lesser(least, read_limit(path));
    }
    return least;
}

static int64_t environment_count(const char *name)
{
    const char *text = getenv(name);
    const long long count = text ? strtoll(text, NULL, 10) : 0;
    return count < 1 ? 0 : count;
}

void thread_limits(struct thread_limit limits[THREAD_LIMITS])
{
    limits[0] = (struct thread_limit){ "affinity", affinity_count() };
    limits[1] = (struct thread_limit){ "cgroup_v2_quota", cgroup_least("cpu.max") };
    limits[2] = (struct thread_limit){ "OMP_NUM_THREADS", environment_count("OMP_NUM_THREADS") };
    limits[3] = (struct thread_limit){ "SLURM_CPUS_PER_TASK", environment_count("SLURM_CPUS_PER_TASK") };
}

int32_t tumorclass_suggested_threads(void)
{
    struct thread_limit limits[THREAD_LIMITS];
    int64_t least = 0;
    thread_limits(limits);
    for (int i = 0; i < THREAD_LIMITS; i++) least = lesser(least, limits[i].threads);
    return least < 1 ? 1 : least > INT32_MAX ? INT32_MAX : (int32_t)least;
}
