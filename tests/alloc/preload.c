/* For LD_PRELOAD: makes a whole program run out. FAIL_WHAT=memory or threads, FAIL_FIRST=n, FAIL_ONWARDS=1 or 0; the
 * number of calls that failed is written to the file FAIL_REPORT when the program ends. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "failures.h"

__attribute__((constructor)) static void begin(void)
{
    const char *what = getenv("FAIL_WHAT"), *first = getenv("FAIL_FIRST"), *onwards = getenv("FAIL_ONWARDS");
    if (!what || !first || !onwards) return;
    failures_plan(strcmp(what, "threads") ? SCARCE_MEMORY : SCARCE_THREADS, atoll(first), atoi(onwards));
    failures_begin();
}

__attribute__((destructor)) static void report(void)
{
    failures_end();
    char text[32];
    const char *path = getenv("FAIL_REPORT");
    const int descriptor = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
    if (descriptor < 0) return;
    const int length = snprintf(text, sizeof text, "%lld", (long long)failures_count());
    if (write(descriptor, text, (size_t)length) != length) _exit(125);
    close(descriptor);
}
