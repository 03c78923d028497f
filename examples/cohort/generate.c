/* A cohort: its subjects made by several threads, each row noted as soon as its files are there. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../bindings/cli/interrupt.h"
#include "../../bindings/cli/paths.h"
#include "../../bindings/cli/terminal.h"
#include "participants.h"
#include "progress.h"
#include "subject.h"

struct run {
    const struct study *study;
    struct participants scans, twins;
    int *numbers, count, next; /* of the subjects to make */
    struct progress progress;
    double seconds[STAGES];
    int code;
    pthread_mutex_t lock; /* of all but the study and the numbers */
};

static bool is_wanted(const struct run *run, int number)
{
    const struct settings *settings = run->study->settings;
    const enum entity entity = (enum entity)run->study->entities[number - 1];
    if (settings->left_out[entity] || (settings->last && (number < settings->first || number > settings->last)))
        return false;
    const bool has_rows = run->scans.rows[number - 1] &&
                          (entity == HLTH || !settings->twins || run->twins.rows[number - 1]);
    return !has_rows || !subject_is_there(run->study, number);
}

static int choose_subjects(struct run *run)
{
    run->numbers = malloc((size_t)run->study->size * sizeof *run->numbers);
    if (!run->numbers) {
        complain("no memory for %d subjects", run->study->size);
        return MODEL_FAILED;
    }
    for (int number = 1; number <= run->study->size; number++)
        if (is_wanted(run, number)) run->numbers[run->count++] = number;
    return ANSWERED;
}

/* Called with the lock. */
static void keep_outcome(struct run *run, struct outcome *outcome, int number)
{
    for (int s = 0; s < STAGES; s++) run->seconds[s] += outcome->seconds[s];
    bool kept = outcome->code == ANSWERED;
    if (kept && outcome->twin) kept = participants_add(&run->twins, number, outcome->twin);
    if (kept) kept = participants_add(&run->scans, number, outcome->row);
    if (kept) {
        progress_step(&run->progress);
    } else if (outcome->code != ANSWERED) {
        complain("%s", outcome->sentence);
        run->code = outcome->code;
    } else {
        complain("%s cannot be written: %s", run->scans.part_path, strerror(errno));
        run->code = OUTPUT_FAILED;
    }
}

static void work(void *context)
{
    struct run *run = context;
    struct outcome outcome;
    pthread_mutex_lock(&run->lock);
    while (run->next < run->count && run->code == ANSWERED && !interrupt_signal()) {
        const int number = run->numbers[run->next++];
        pthread_mutex_unlock(&run->lock);
        subject_write(&outcome, run->study, number);
        pthread_mutex_lock(&run->lock);
        keep_outcome(run, &outcome, number);
    }
    pthread_mutex_unlock(&run->lock);
}

static void show_timings(const struct run *run)
{
    double sum = 0;
    for (int s = 0; s < STAGES; s++) sum += run->seconds[s];
    printf("stage\tms a scan\tshare\n");
    for (int s = 0; s < STAGES; s++)
        printf("%s\t%.1f\t%.0f %%\n", stage_names[s], 1000 * run->seconds[s] / run->progress.done,
               100 * run->seconds[s] / sum);
}

static int finish(struct run *run)
{
    const struct settings *settings = run->study->settings;
    progress_end(&run->progress);
    if (run->code == ANSWERED && run->next == run->count) {
        int code = settings->twins ? participants_finish(&run->twins) : ANSWERED;
        if (code == ANSWERED) code = participants_finish(&run->scans);
        if (settings->timings && run->progress.done) show_timings(run);
        return code;
    }
    complain("%d of %d scans are still to be made: the same command goes on", run->count - run->progress.done,
             run->count);
    return interrupt_signal() ? INTERRUPTED + interrupt_signal() : run->code;
}

static int open_tables(struct run *run)
{
    const struct settings *settings = run->study->settings;
    int code = participants_open(&run->scans, settings->output, run->study->size);
    char *folder = join_paths(settings->output, "twins");
    if (!folder) return MODEL_FAILED;
    if (code == ANSWERED && settings->twins) code = participants_open(&run->twins, folder, run->study->size);
    free(folder);
    return code;
}

static int run_study(const struct study *study)
{
    struct run run = { .study = study, .code = ANSWERED };
    int code = dataset_begin(study);
    if (code == ANSWERED) code = open_tables(&run);
    if (code == ANSWERED) code = choose_subjects(&run);
    if (code == ANSWERED) {
        const int threads = study->settings->threads;
        progress_start(&run.progress, run.count);
        pthread_mutex_init(&run.lock, NULL);
        on_threads(threads < run.count ? threads : run.count, work, &run);
        pthread_mutex_destroy(&run.lock);
        code = finish(&run);
    }
    free(run.numbers);
    participants_close(&run.twins);
    participants_close(&run.scans);
    return code;
}

int generate(const struct settings *given)
{
    struct settings settings = *given;
    struct study study;
    if (!settings.threads) settings.threads = tumorclass_suggested_threads();
    interrupt_catch();
    int code = study_open(&study, &settings);
    if (code == ANSWERED) code = run_study(&study);
    study_close(&study);
    return code;
}
