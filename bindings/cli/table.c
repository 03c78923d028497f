#include "table.h"
#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "hash.h"
#include "json.h"

/* ---- What makes answers comparable ---- */

/* Every option that changes what is in a row. */
static void describe_options(char *text, size_t size, const struct options *options)
{
    snprintf(text, size, "%s|strict %d|mask %s|class %s|scale %d|method %d|level %d|flips %u|embedding %d",
             TUMORCLASS_VERSION_STRING, (int)options->strict, options->mask ? options->mask : "",
             options->map_class ? options->map_class : "", (int)options->scale, (int)options->method,
             (int)options->level, (unsigned)options->flips, (int)options->embedding);
}

/* The first model's half of it ends at the dash; further ones are among the options. */
static void describe_run(char *run, size_t size, tumorclass_model *const *models, size_t count,
                         const struct options *options)
{
    char text[8192];
    describe_options(text, sizeof text, options);
    for (size_t i = 1; i < count; i++) {
        const size_t end = strlen(text);
        snprintf(text + end, sizeof text - end, "|%.16s", tumorclass_model_sha256(models[i]));
    }
    snprintf(run, size, "%.12s-%08" PRIx32, tumorclass_model_sha256(models[0]), (uint32_t)text_hash(text));
}

/* ---- Columns ---- */

void put_cell(FILE *row, const char *text)
{
    json_t *value = json_text(text);
    const char *plain = json_string_value(value);
    for (; plain && *plain; plain++) {
        const unsigned char c = (unsigned char)*plain;
        putc(c < ' ' || c == 0x7f ? '?' : c == '"' ? '\'' : c, row);
    }
    json_decref(value);
}

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
put_next(FILE *row, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    putc('\t', row);
    put_cell(row, text);
}

/* Nine digits bring a float back to the bit; what is not finite leaves its cell empty. */
static void put_number(FILE *row, double value)
{
    put_next(row, isfinite(value) ? "%.9g" : "", value);
}

static void put_empty(FILE *row, int count)
{
    while (count-- > 0) putc('\t', row);
}

static void put_header(FILE *row, const struct table *table)
{
    fputs("key\tscan", row);
    if (table->bids) fputs("\tsubject\tsession", row);
    fputs("\tstatus\tclass\tprobability", row);
    for (int32_t i = 0; i < tumorclass_model_class_count(table->model); i++)
        put_next(row, "p_%s", tumorclass_model_class_code(table->model, i));
    fputs(
        "\tentropy\tmargin\tspread\tprediction_set\tabstained\tunlikeness\tqc\tpeak_x_mm\tpeak_y_mm\tpeak_z_mm\tseconds\t"
        "error\tdisclaimer\trun\n",
        row);
}

/* ---- A row ---- */

static void put_probabilities(FILE *row, const struct report *report)
{
    size_t count;
    const float *probabilities = tumorclass_result_probabilities(report->result, &count);
    const int32_t index = tumorclass_result_class(report->result);
    put_next(row, "%s", tumorclass_model_class_code(report->model, index));
    put_number(row, (double)probabilities[index]);
    for (size_t i = 0; i < count; i++) put_number(row, (double)probabilities[i]);
}

/* "HGG,METS"; "none" if no class fits, and nothing if the model has no prediction sets. */
static void put_prediction_set(FILE *row, const struct report *report)
{
    size_t count;
    const int32_t *set = tumorclass_result_prediction_set(report->result, &count);
    putc('\t', row);
    if (set && !count) fputs("none", row);
    for (size_t i = 0; i < count; i++) {
        if (i) putc(',', row);
        put_cell(row, tumorclass_model_class_code(report->model, set[i]));
    }
}

static void put_confidence(FILE *row, const struct report *report)
{
    size_t classes;
    tumorclass_confidence confidence;
    tumorclass_result_confidence(report->result, &confidence);
    put_number(row, confidence.entropy);
    put_number(row, confidence.margin);
    put_number(row,
               (double)tumorclass_result_spread(report->result, &classes)[tumorclass_result_class(report->result)]);
    put_prediction_set(row, report);
    put_next(row, "%s", tumorclass_result_abstention(report->result) ? "yes" : "no");
    put_number(row, confidence.most_unlikeness > 0 ? confidence.unlikeness : (double)NAN);
}

static void put_qc(FILE *row, const struct report *report)
{
    size_t count;
    const tumorclass_qc *qc = tumorclass_result_qc(report->result, &count);
    putc('\t', row);
    for (size_t i = 0; i < count; i++) fprintf(row, "%s%s", i ? "," : "", qc[i].code);
}

static void put_peak(FILE *row, const struct report *report)
{
    for (int axis = 0; axis < 3; axis++)
        put_number(row, report->maps ? report_map(report)->peak_mm[axis] : (double)NAN);
}

static void put_answer(FILE *row, const struct report *report)
{
    put_probabilities(row, report);
    put_confidence(row, report);
    put_qc(row, report);
    put_peak(row, report);
    put_next(row, "%.3f", report_seconds(report));
    put_empty(row, 1);
}

static void put_failure(FILE *row, const struct table *table, const char *message)
{
    /* class, probability, p_CODE ..., entropy to unlikeness, qc, peak, seconds */
    put_empty(row, 2 + tumorclass_model_class_count(table->model) + 6 + 1 + 3 + 1);
    putc('\t', row);
    put_cell(row, message);
}

static void put_row(FILE *row, const struct table *table, const struct report *report, tumorclass_status status,
                    const char *message)
{
    fprintf(row, "%s\t", report->row->key);
    put_cell(row, report->scan);
    if (table->bids) {
        put_next(row, "%s", report->row->subject ? report->row->subject : "");
        put_next(row, "%s", report->row->session ? report->row->session : "");
    }
    put_next(row, "%s", status == TUMORCLASS_OK ? "ok" : tumorclass_status_name(status));
    if (status == TUMORCLASS_OK)
        put_answer(row, report);
    else
        put_failure(row, table, message);
    fprintf(row, "\t%s\t%s\n", DISCLAIMER, report->row->run);
}

char *table_row(size_t *size, const struct table *table, const struct report *report, tumorclass_status status,
                const char *message)
{
    char *text = NULL;
    assert(report->row);
    FILE *row = open_memstream(&text, size);
    if (!row) return NULL;
    if (!table->json)
        put_row(row, table, report, status, message);
    else if (status == TUMORCLASS_OK)
        report_json(row, report);
    else
        report_failure_json(row, report, status, message);
    const bool written = !ferror(row);
    if (!fclose(row) && written && *size) return text;
    free(text);
    return NULL;
}

bool table_create(struct table *table, tumorclass_model *const *models, size_t count, const struct options *options,
                  bool bids)
{
    *table = (struct table){ .json = options->json, .bids = bids, .model = models[0] };
    describe_run(table->run, sizeof table->run, models, count, options);
    FILE *header = open_memstream(&table->header, &table->header_size);
    if (!header) return false;
    if (!table->json) put_header(header, table);
    return !fclose(header) && table->header;
}

void table_free(struct table *table)
{
    free(table->header);
}

/* ---- Reading rows back ---- */

static bool read_key(uint64_t *key, const char *text)
{
    char *end;
    if (strspn(text, "0123456789abcdef") != 16 || text[16]) return false;
    *key = strtoull(text, &end, 16);
    return true;
}

/* Cut the line at its tabs; the number of cells, and the first few and the last of them. */
static size_t split_cells(const char *cells[], size_t most, const char **last, char *line)
{
    size_t count = 0;
    for (char *cell = line; cell;) {
        char *tab = strchr(cell, '\t');
        if (tab) *tab++ = '\0';
        if (count < most) cells[count] = cell;
        *last = cell;
        count++;
        cell = tab;
    }
    return count;
}

static size_t count_columns(const struct table *table)
{
    size_t count = 1;
    for (const char *c = table->header; *c; c++) count += *c == '\t';
    return count;
}

static bool read_cells(struct row_facts *facts, const struct table *table, char *line)
{
    const char *cells[8], *last;
    const size_t status = table->bids ? 4 : 2, count = split_cells(cells, 8, &last, line);
    if (count != count_columns(table) || !read_key(&facts->key, cells[0]) || !*last) return false;
    facts->failed = strcmp(cells[status], "ok") != 0;
    snprintf(facts->run, sizeof facts->run, "%s", last);
    return true;
}

static bool read_object(struct row_facts *facts, const char *line, size_t size)
{
    json_t *object = json_loadb(line, size, 0, NULL);
    const char *key = json_string_value(json_object_get(object, "key"));
    const char *run = json_string_value(json_object_get(object, "run"));
    const bool is_row = key && run && read_key(&facts->key, key);
    if (is_row) {
        facts->failed = json_object_get(object, "error") != NULL;
        snprintf(facts->run, sizeof facts->run, "%s", run);
    }
    json_decref(object);
    return is_row;
}

bool table_read_row(struct row_facts *facts, const struct table *table, const char *line, size_t size)
{
    if (table->json) return read_object(facts, line, size);
    char *copy = strndup(line, size);
    const bool is_row = copy && strlen(copy) == size && read_cells(facts, table, copy);
    free(copy);
    return is_row;
}

bool is_table(bool json, const char *line, size_t size)
{
    const char *start = json ? "{\"key\":\"" : "key\tscan\t";
    return size > strlen(start) && !strncmp(line, start, strlen(start));
}
