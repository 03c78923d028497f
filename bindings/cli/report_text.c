#include "report.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "terminal.h"

enum { BAR_CELLS = 24, MOST_ROWS = 12, LABEL_WIDTH = 13 };

static bool is_untrained_code(const char *code)
{
    return !strcmp(code, "untrained_model");
}

bool report_is_untrained(const tumorclass_result *result)
{
    size_t count;
    const tumorclass_qc *qc = tumorclass_result_qc(result, &count);
    for (size_t i = 0; i < count; i++)
        if (is_untrained_code(qc[i].code)) return true;
    return false;
}

const tumorclass_attention_summary *report_map(const struct report *report)
{
    return report->map_count > 1 ? &report->maps[report->map_class] : report->maps;
}

struct row {
    int32_t index;
    float probability;
};

/* The most probable first; equal ones in the model's order. */
static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->probability != y->probability) return x->probability < y->probability ? 1 : -1;
    return x->index < y->index ? -1 : 1;
}

/* A bar in eighths of a character, or in whole '#'. */
static void put_bar(FILE *stream, const struct style *style, double share)
{
    static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    const int filled = (int)lround(share * BAR_CELLS * 8);
    if (style->utf8) {
        for (int i = 0; i < filled / 8; i++) fputs("█", stream);
        fputs(eighths[filled % 8], stream);
    } else {
        for (int i = 0; i < (filled + 4) / 8; i++) putc('#', stream);
    }
}

/* "  meningioma         MEN   62.4 %  ████████" */
static void put_row(FILE *stream, const struct style *style, const struct report *report, const struct row *row,
                    const int widths[2])
{
    const char *name = tumorclass_model_class_name(report->model, row->index);
    const char *code = tumorclass_model_class_code(report->model, row->index);
    fputs("  ", stream);
    put_text(stream, name);
    fprintf(stream, "%*s  ", widths[0] - text_width(name), "");
    put_text(stream, code);
    fprintf(stream, "%*s %5.1f %%  ", widths[1] - text_width(code), "", 100 * (double)row->probability);
    put_bar(stream, style, (double)row->probability);
}

static void measure_names(int widths[2], const struct report *report, const struct row *rows, size_t count)
{
    widths[0] = widths[1] = 0;
    for (size_t i = 0; i < count; i++) {
        const int name = text_width(tumorclass_model_class_name(report->model, rows[i].index));
        const int code = text_width(tumorclass_model_class_code(report->model, rows[i].index));
        if (name > widths[0]) widths[0] = name;
        if (code > widths[1]) widths[1] = code;
    }
}

static void put_table(FILE *stream, const struct style *style, const struct report *report)
{
    size_t count;
    int widths[2];
    const float *probabilities = tumorclass_result_probabilities(report->result, &count);
    struct row *rows = calloc(count, sizeof *rows);
    if (!rows) return; /* the headline has said the answer */
    for (size_t i = 0; i < count; i++) rows[i] = (struct row){ (int32_t)i, probabilities[i] };
    qsort(rows, count, sizeof *rows, compare_rows);
    const size_t shown = count < MOST_ROWS ? count : MOST_ROWS;
    measure_names(widths, report, rows, shown);
    for (size_t i = 0; i < shown; i++) {
        fputs(tint_on(style, i ? DIM : CYAN), stream);
        put_row(stream, style, report, &rows[i], widths);
        fprintf(stream, "%s\n", tint_off(style));
    }
    if (shown < count) fprintf(stream, "  and %zu less probable ones\n", count - shown);
    free(rows);
}

static void put_headline(FILE *stream, const struct style *style, const struct report *report)
{
    size_t count;
    const int32_t index = tumorclass_result_class(report->result);
    put_text(stream, report->scan);
    fprintf(stream, ": %s", tint_on(style, BOLD));
    put_text(stream, tumorclass_model_class_name(report->model, index));
    fprintf(stream, ", %.1f %%%s\n", 100 * (double)tumorclass_result_probabilities(report->result, &count)[index],
            tint_off(style));
    if (report_is_untrained(report->result))
        fprintf(stream, "%sThe model is untrained: these probabilities mean nothing.%s\n", tint_on(style, YELLOW),
                tint_off(style));
}

static void put_label(FILE *stream, const struct style *style, const char *label)
{
    fprintf(stream, "  %s%-*s%s", tint_on(style, DIM), LABEL_WIDTH - 2, label, tint_off(style));
}

static void put_fact(FILE *stream, const struct style *style, const char *label, const char *text)
{
    put_label(stream, style, label);
    put_wrapped(stream, text, LABEL_WIDTH, style->width);
}

int say_position(char *text, size_t size, const double mm[3])
{
    return snprintf(text, size, "%.1f mm %s, %.1f mm %s and %.1f mm %s to the origin", fabs(mm[0]),
                    mm[0] < 0 ? "left" : "right", fabs(mm[1]), mm[1] < 0 ? "posterior" : "anterior", fabs(mm[2]),
                    mm[2] < 0 ? "inferior" : "superior");
}

static void put_attention(FILE *stream, const struct style *style, const struct report *report)
{
    char position[128], text[512];
    if (!report->maps) {
        put_fact(stream, style, "Attention", "none: the network has no global average pool in front of its last layer");
        return;
    }
    const tumorclass_attention_summary *map = report_map(report);
    say_position(position, sizeof position, map->peak_mm);
    snprintf(text, sizeof text, "for %s: peak %s (voxel %lld, %lld, %lld); %.0f %% of it inside the head",
             tumorclass_model_class_name(report->model, report->map_class), position, (long long)map->peak_voxel[0],
             (long long)map->peak_voxel[1], (long long)map->peak_voxel[2], 100 * map->inside);
    put_fact(stream, style, "Attention", text);
    if (report->attention) put_fact(stream, style, "Map", report->attention);
    if (report->overlay) put_fact(stream, style, "Overlay", report->overlay);
}

static void put_time(FILE *stream, const struct style *style, const struct report *report)
{
    char text[512];
    size_t count, end;
    const tumorclass_timing *timings = tumorclass_result_timings(report->result, &count);
    double total = report->read_seconds + report->attention_seconds + report->write_seconds;
    for (size_t i = 0; i < count; i++) total += timings[i].seconds;
    end = (size_t)snprintf(text, sizeof text, "%.2f s: read %.2f", total, report->read_seconds);
    for (size_t i = 0; i < count && end < sizeof text / 2; i++)
        end += (size_t)snprintf(text + end, sizeof text - end, ", %.40s %.2f", timings[i].stage, timings[i].seconds);
    snprintf(text + end, sizeof text - end, ", attention %.2f, write %.2f", report->attention_seconds,
             report->write_seconds);
    put_fact(stream, style, "Time", text);
}

static void put_warnings(FILE *stream, const struct style *style, const struct report *report)
{
    size_t count;
    const tumorclass_qc *qc = tumorclass_result_qc(report->result, &count);
    for (size_t i = 0; i < count; i++) {
        if (is_untrained_code(qc[i].code)) continue; /* the headline has said it */
        fprintf(stream, "  %s%-*s%s", tint_on(style, YELLOW), LABEL_WIDTH - 2, "Warning", tint_off(style));
        put_wrapped(stream, qc[i].message, LABEL_WIDTH, style->width);
    }
}

void report_text(FILE *stream, const struct report *report)
{
    const struct style style = stream_style(stream);
    put_headline(stream, &style, report);
    putc('\n', stream);
    put_table(stream, &style, report);
    putc('\n', stream);
    put_attention(stream, &style, report);
    put_warnings(stream, &style, report);
    put_fact(stream, &style, "Device", tumorclass_result_device(report->result));
    put_time(stream, &style, report);
    fprintf(stream, "\n%s\n\n", DISCLAIMER);
}
