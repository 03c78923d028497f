#include "progress.h"
#include <math.h>
#include <stdio.h>
#include <time.h>
#include "../../bindings/cli/terminal.h"

enum { SECONDS_BETWEEN_LINES = 30, BAR = 24 };

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void progress_start(struct progress *progress, int total)
{
    const double now = seconds_now();
    *progress = (struct progress){ .total = total, .start = now, .told = now };
}

void progress_step(struct progress *progress)
{
    char line[256], left[64];
    const double now = seconds_now(), seconds = fmax(now - progress->start, 1e-3), done = (double)++progress->done;
    const int filled = (int)(BAR * done / progress->total);
    say_duration(left, sizeof left, seconds / done * (progress->total - progress->done));
    snprintf(line, sizeof line, "[%.*s%*s] %d of %d scans; %.1f a second, %s left", filled, "########################",
             BAR - filled, "", progress->done, progress->total, done / seconds, left);
    if (progress_text(line) || now - progress->told < SECONDS_BETWEEN_LINES) return;
    complain("%s", line + BAR + 3);
    progress->told = now;
}

void progress_end(const struct progress *progress)
{
    char took[64];
    const double seconds = fmax(seconds_now() - progress->start, 1e-3);
    progress_clear();
    if (!progress->done) return;
    say_duration(took, sizeof took, seconds);
    complain("%d scans in %s, %.2f a second", progress->done, took, progress->done / seconds);
}
