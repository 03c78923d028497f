#include "batch_progress.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine.h"
#include "terminal.h"

enum { SECONDS_BETWEEN_LINES = 30 }; /* where no line can be redrawn */

void batch_progress_start(struct batch_progress *progress, size_t total)
{
    const double now = seconds_now();
    *progress = (struct batch_progress){ .total = total, .start = now, .told = now };
}

static void show(struct batch_progress *progress)
{
    char line[256], left[64];
    const double now = seconds_now(), seconds = fmax(now - progress->start, 1e-3), done = (double)progress->done;
    say_duration(left, sizeof left, seconds / done * (double)(progress->total - progress->done));
    snprintf(line, sizeof line, "%zu of %zu scans, %zu failed; %.1f scans/min, %s left", progress->done,
             progress->total, progress->failed, 60 * done / seconds, left);
    if (progress_text(line) || now - progress->told < SECONDS_BETWEEN_LINES) return;
    complain("%s", line);
    progress->told = now;
}

/* "scan.nii.gz: sentence", or the sentence alone where it begins so. */
static char *name_sentence(const char *scan, const char *sentence)
{
    char *text = malloc(strlen(scan) + strlen(sentence) + 3);
    if (text && begins_with_name(sentence, scan))
        strcpy(text, sentence);
    else if (text)
        sprintf(text, "%s: %s", scan, sentence);
    return text;
}

void batch_progress_step(struct batch_progress *progress, const char *scan, const char *sentence)
{
    progress->done++;
    if (sentence) {
        if (progress->failed < MOST_SENTENCES) progress->sentences[progress->failed] = name_sentence(scan, sentence);
        progress->failed++;
    }
    show(progress);
}

void batch_progress_end(struct batch_progress *progress)
{
    progress_clear();
    for (size_t i = 0; i < progress->failed && i < MOST_SENTENCES; i++) {
        if (progress->sentences[i]) complain("%s", progress->sentences[i]);
        free(progress->sentences[i]);
    }
    if (progress->failed > MOST_SENTENCES) complain("and %zu more that failed", progress->failed - MOST_SENTENCES);
}
