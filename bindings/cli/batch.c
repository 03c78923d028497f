/* tumorclass batch: many scans into one table, read ahead while the network runs, each with its row as soon as it has
 * an answer, so that whatever stops the run, the next one goes on from there. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "answer.h"
#include "batch_files.h"
#include "batch_progress.h"
#include "engine.h"
#include "interrupt.h"
#include "journal.h"
#include "paths.h"
#include "scans.h"
#include "terminal.h"

enum { PUSHED_AHEAD = 16 }; /* paths, not scans in memory: those the stream bounds */

struct batch {
    const struct options *options;
    struct scans scans;
    struct engine engine;
    int32_t map_class;
    char method[128]; /* what the maps are made of */
    struct table table;
    struct journal journal;
    tumorclass_stream *stream;
    struct found_scan **waiting; /* the scans that have no row yet */
    size_t waiting_count;
    bool untrained; /* is the model */
    bool finished;  /* OUT is there and whole */
    struct batch_progress progress;
};

/* ---- Which scans, and where to ---- */

static int no_memory(void)
{
    complain("no memory for the batch");
    return MODEL_FAILED;
}

static int choose_format(struct options *options)
{
    const char *output = options->output;
    const bool tsv = output && has_suffix(output, ".tsv");
    const bool json = output && (has_suffix(output, ".jsonl") || has_suffix(output, ".ndjson"));
    options->json = options->format ? !strcmp(options->format, "jsonl") : json;
    if (output && (options->format || tsv || json)) return ANSWERED;
    if (output)
        complain("--output '%s': must end in .tsv, .jsonl or .ndjson, or --format say what it is", file_name(output));
    else
        complain("batch needs --output OUT.tsv");
    return WRONG_USAGE;
}

static int check_usage(struct options *options)
{
    if (!options->file_count && !options->list) {
        complain("batch needs an INPUT or a --list");
        return WRONG_USAGE;
    }
    const char *const patterns[] = { options->attention, options->overlay };
    for (size_t i = 0; i < 2; i++)
        if (patterns[i] && !strcmp(patterns[i], "-")) {
            complain("--%s -: a batch writes files alone", i ? "overlay" : "attention");
            return WRONG_USAGE;
        }
    return options->dry_run ? ANSWERED : choose_format(options);
}

/* Where paths are shown: this is how a row's key is traced to its scan. */
static void list_scans(const struct scans *scans)
{
    void (*const put)(FILE *, const char *) = isatty(STDOUT_FILENO) ? put_text : put_cell;
    for (size_t i = 0; i < scans->count; i++) {
        const struct found_scan *scan = &scans->items[i];
        char key[KEY_SIZE];
        scan_key(key, scan);
        printf("%s\t", key);
        put(stdout, scan->path + scan->within);
        putchar('\n');
    }
}

/* ---- One scan ---- */

/* What a row says of the scan besides its answer. */
struct scan_name {
    char key[KEY_SIZE], subject[256], session[256];
    struct row_name row;
};

/* sub-LABEL/[ses-LABEL/]... */
static void name_subject(struct scan_name *name, const char *within)
{
    const size_t subject = strcspn(within, "/"), session = strcspn(within + subject + 1, "/");
    snprintf(name->subject, sizeof name->subject, "%.*s", (int)subject, within);
    name->row.subject = name->subject;
    if (strncmp(within + subject + 1, "ses-", 4) != 0) return;
    snprintf(name->session, sizeof name->session, "%.*s", (int)session, within + subject + 1);
    name->row.session = name->session;
}

static void name_scan(struct scan_name *name, const struct found_scan *scan, const struct table *table)
{
    *name = (struct scan_name){ .row = { .run = table->run } };
    scan_key(name->key, scan);
    name->row.key = name->key;
    if (scan->bids) name_subject(name, scan->path + scan->within);
}

static int add_row(struct batch *batch, const struct found_scan *scan, const struct report *report,
                   tumorclass_status status, const char *sentence)
{
    size_t size;
    const bool failed = status != TUMORCLASS_OK;
    char *row = table_row(&size, &batch->table, report, status, sentence);
    const int code = row ? journal_add(&batch->journal, scan->key, failed, row, size) : no_memory();
    free(row);
    if (code == ANSWERED) batch_progress_step(&batch->progress, report->scan, failed ? sentence : NULL);
    return code;
}

/* A network without maps still answers, where none was asked for. */
static tumorclass_status status_of(const tumorclass_stream_answer *answer, const struct options *options)
{
    if (answer->status != TUMORCLASS_OK) return answer->status;
    return answer->attention_status == TUMORCLASS_UNSUPPORTED && !asks_for_map(options) ? TUMORCLASS_OK
                                                                                        : answer->attention_status;
}

static void fill_report(struct report *report, const struct batch *batch, const tumorclass_stream_answer *answer)
{
    const int32_t predicted = tumorclass_result_class(answer->result);
    report->result = answer->result;
    report->map_class = batch->map_class >= 0 ? batch->map_class : predicted;
    report->maps = answer->map ? answer->summaries : NULL;
    report->map_count = answer->map ? map_count(batch->map_class, batch->engine.model) : 0;
    report->scale = batch->options->scale;
    report->embedding = batch->options->embedding;
    memcpy(report->method, batch->method, sizeof report->method);
    report->read_seconds = answer->read_seconds;
    report->attention_seconds = answer->attention_seconds;
}

/* The scan's files, then its row: a row says that they are there. */
static int take_answer(struct batch *batch, const tumorclass_stream_answer *answer)
{
    const struct found_scan *scan = answer->user;
    const tumorclass_status status = status_of(answer, batch->options);
    const char *name = file_name(scan->path);
    if (status == TUMORCLASS_CANCELLED) return ANSWERED;
    if (exit_code_of(status) == MODEL_FAILED) {
        complain_about(name, answer->error);
        return MODEL_FAILED;
    }
    struct scan_name row;
    name_scan(&row, scan, &batch->table);
    struct answer full = { .image = answer->image,
                           .map = answer->map,
                           .report = { .row = &row.row, .scan = name, .model = batch->engine.model } };
    if (status != TUMORCLASS_OK) return add_row(batch, scan, &full.report, status, answer->error);

    fill_report(&full.report, batch, answer);
    batch->untrained |= report_is_untrained(answer->result);
    const tumorclass_status written = write_batch_files(&full, batch->options, scan);
    int code = OUTPUT_FAILED;
    if (written == TUMORCLASS_OK)
        code = add_row(batch, scan, &full.report, TUMORCLASS_OK, NULL);
    else
        complain_about(name, sentence_of(written));
    answer_free(&full);
    return code;
}

/* ---- All scans ---- */

static tumorclass_status push_scan(struct batch *batch, struct found_scan *scan)
{
    const struct options *options = batch->options;
    const tumorclass_scan_options scan_as_asked = scan_options(options);
    const tumorclass_attention_options attention = attention_options(options);
    tumorclass_stream_item item = TUMORCLASS_STREAM_ITEM_INIT;
    char *mask = expand_pattern(options->mask, scan->path);
    if (options->mask && !mask) return TUMORCLASS_OUT_OF_MEMORY;
    item.path = scan->path;
    item.mask_path = mask;
    item.scan = &scan_as_asked;
    item.attention = &attention;
    item.attention_class = batch->map_class;
    item.user = scan;
    const tumorclass_status status = tumorclass_stream_push(batch->stream, &item);
    free(mask);
    return status;
}

static int stream_failed(tumorclass_status status)
{
    complain("%s", sentence_of(status));
    return MODEL_FAILED;
}

static int run_stream(struct batch *batch)
{
    tumorclass_stream_answer answer;
    for (size_t next = 0;;) {
        tumorclass_status status = TUMORCLASS_OK;
        while (status == TUMORCLASS_OK && next < batch->waiting_count && !interrupt_signal() &&
               tumorclass_stream_pending(batch->stream) < PUSHED_AHEAD)
            status = push_scan(batch, batch->waiting[next++]);
        if (status != TUMORCLASS_OK) return stream_failed(status);
        if (!tumorclass_stream_pending(batch->stream)) return ANSWERED;
        status = tumorclass_stream_next(batch->stream, &answer);
        if (status != TUMORCLASS_OK) return stream_failed(status);
        const int code = take_answer(batch, &answer);
        if (code != ANSWERED) return code;
    }
}

static int run_waiting(struct batch *batch)
{
    const tumorclass_status status = tumorclass_stream_create(&batch->stream, batch->engine.session, NULL);
    if (status != TUMORCLASS_OK) return stream_failed(status);
    interrupt_watch_stream(batch->stream);
    batch_progress_start(&batch->progress, batch->waiting_count);
    const int code = run_stream(batch);
    interrupt_watch_stream(NULL);
    tumorclass_stream_cancel(batch->stream);
    tumorclass_stream_free(batch->stream);
    batch_progress_end(&batch->progress);
    return code;
}

static bool is_done(const struct batch *batch, const struct found_scan *scan)
{
    const struct journal_row *row = journal_find(&batch->journal, scan->key);
    if (!row) return false;
    return row->failed ? !batch->options->retry : has_batch_files(batch->options, scan);
}

static int find_waiting(struct batch *batch)
{
    batch->waiting = calloc(batch->scans.count + 1, sizeof(struct found_scan *));
    if (!batch->waiting) return no_memory();
    for (size_t i = 0; i < batch->scans.count; i++)
        if (!is_done(batch, &batch->scans.items[i])) batch->waiting[batch->waiting_count++] = &batch->scans.items[i];
    return ANSWERED;
}

/* ---- From the first row to the table ---- */

static int finish(struct batch *batch)
{
    const size_t count = batch->scans.count;
    uint64_t *keys = calloc(count + 1, sizeof *keys);
    if (!keys) return no_memory();
    for (size_t i = 0; i < count; i++) keys[i] = batch->scans.items[i].key;
    const int code = journal_finish(&batch->journal, keys, count);
    free(keys);
    if (code != ANSWERED) return code;
    batch->finished = true;
    const size_t rows = batch->journal.count, failed = journal_failures(&batch->journal);
    complain("%s: %zu row%s%s", file_name(batch->options->output), rows, rows == 1 ? "" : "s",
             failed ? "" : ", all answered");
    if (batch->untrained) complain("the model is untrained: these probabilities mean nothing");
    if (failed) complain("%zu of them failed: --retry runs those scans again", failed);
    return failed ? SCAN_FAILED : ANSWERED;
}

static int run_table(struct batch *batch)
{
    int code = find_waiting(batch);
    if (code != ANSWERED) return code;
    if (!batch->waiting_count && !batch->journal.part_size && batch->journal.out >= 0) {
        const size_t failed = journal_failures(&batch->journal);
        complain("%s has all %zu scans: there is nothing to do", file_name(batch->options->output), batch->scans.count);
        if (failed) complain("%zu of them failed: --retry runs those scans again", failed);
        return failed ? SCAN_FAILED : ANSWERED;
    }
    if (batch->waiting_count) code = run_waiting(batch);
    if (code == ANSWERED && !interrupt_signal()) return finish(batch);
    if (batch->journal.part_size)
        complain("%s keeps what is done: the same command goes on from there", journal_part_name(&batch->journal));
    return code;
}

static int open_table(struct batch *batch)
{
    const struct options *options = batch->options;
    int code = engine_open(&batch->engine, options);
    if (code == ANSWERED) code = find_map_class(&batch->map_class, options, batch->engine.model);
    if (code != ANSWERED) return code;
    const tumorclass_attention_options attention = attention_options(options);
    /* a network without such maps still answers, where none was asked for */
    const tumorclass_status status = tumorclass_attention_describe(batch->engine.session, batch->method,
                                                                   sizeof batch->method, &attention);
    if (status == TUMORCLASS_BAD_ARGUMENT) complain("%s", tumorclass_last_error());
    if (status == TUMORCLASS_BAD_ARGUMENT) return WRONG_USAGE;
    if (status != TUMORCLASS_OK && status != TUMORCLASS_UNSUPPORTED) return stream_failed(status);
    if (!table_create(&batch->table, batch->engine.models, batch->engine.model_count, options, batch->scans.bids))
        return no_memory();
    code = journal_open(&batch->journal, &batch->table, options->output, options->restart);
    if (code == ANSWERED) code = run_table(batch);
    journal_close(&batch->journal);
    return code;
}

static int run_batch(struct batch *batch)
{
    const struct options *options = batch->options;
    int code = find_scans(&batch->scans, options);
    if (code == ANSWERED) code = check_batch_files(options, &batch->scans);
    if (code != ANSWERED) return code;
    if (options->shard_count) scans_shard(&batch->scans, options->shard_index, options->shard_count);
    if (options->dry_run) {
        list_scans(&batch->scans);
        return batch->scans.unread ? SCAN_FAILED : ANSWERED;
    }
    interrupt_catch();
    code = open_table(batch);
    if (interrupt_signal() && !batch->finished) return INTERRUPTED + interrupt_signal();
    return code == ANSWERED && batch->scans.unread ? SCAN_FAILED : code;
}

int batch(const struct options *given)
{
    struct options options = *given;
    struct batch batch = { .options = &options };
    int code = check_usage(&options);
    if (code == ANSWERED) code = run_batch(&batch);
    table_free(&batch.table);
    engine_close(&batch.engine);
    scans_free(&batch.scans);
    free(batch.waiting);
    return code;
}
