#include "report.h"
#include <math.h>
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
static void put_row(FILE *stream, const struct style *style, const struct report *report, int32_t index,
                    const int widths[2])
{
    size_t count;
    const double probability = (double)tumorclass_result_probabilities(report->result, &count)[index];
    const char *name = tumorclass_model_class_name(report->model, index);
    const char *code = tumorclass_model_class_code(report->model, index);
    fputs("  ", stream);
    put_text(stream, name);
    fprintf(stream, "%*s  ", widths[0] - text_width(name), "");
    put_text(stream, code);
    fprintf(stream, "%*s %5.1f %%  ", widths[1] - text_width(code), "", 100 * probability);
    put_bar(stream, style, probability);
}

static void measure_names(int widths[2], const struct report *report, const int32_t *classes, size_t count)
{
    widths[0] = widths[1] = 0;
    for (size_t i = 0; i < count; i++) {
        const int name = text_width(tumorclass_model_class_name(report->model, classes[i]));
        const int code = text_width(tumorclass_model_class_code(report->model, classes[i]));
        if (name > widths[0]) widths[0] = name;
        if (code > widths[1]) widths[1] = code;
    }
}

static void put_table(FILE *stream, const struct style *style, const struct report *report)
{
    size_t count;
    int widths[2];
    const int32_t *ranking = tumorclass_result_ranking(report->result, &count);
    const size_t most = report->top ? (size_t)report->top : MOST_ROWS, shown = count < most ? count : most;
    measure_names(widths, report, ranking, shown);
    for (size_t i = 0; i < shown; i++) {
        fputs(tint_on(style, i ? DIM : CYAN), stream);
        put_row(stream, style, report, ranking[i], widths);
        fprintf(stream, "%s\n", tint_off(style));
    }
    if (shown < count) fprintf(stream, "  and %zu less probable ones\n", count - shown);
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

/* "cannot be excluded: meningioma, metastasis (90 % of such scans have their class here)" */
static int say_set(char *text, size_t size, const struct report *report, double coverage)
{
    size_t count, end = 0;
    const int32_t *set = tumorclass_result_prediction_set(report->result, &count);
    *text = '\0';
    if (!set || !count) return 0;
    end += (size_t)snprintf(text, size, "; cannot be excluded: ");
    for (size_t i = 0; i < count && end < size; i++)
        end += (size_t)snprintf(text + end, size - end, "%s%.40s", i ? ", " : "",
                                tumorclass_model_class_name(report->model, set[i]));
    if (end < size)
        end += (size_t)snprintf(text + end, size - end, " (right for %.0f %% of such scans)", 100 * coverage);
    return (int)end;
}

static void put_confidence(FILE *stream, const struct style *style, const struct report *report)
{
    char set[512], text[1024];
    size_t classes;
    tumorclass_confidence confidence;
    const float *spread = tumorclass_result_spread(report->result, &classes);
    const int32_t members = tumorclass_result_member_count(report->result);
    tumorclass_result_confidence(report->result, &confidence);
    say_set(set, sizeof set, report, confidence.coverage);
    snprintf(text, sizeof text, "margin %.1f %%, entropy %.2f of %.2f nats%s", 100 * confidence.margin,
             confidence.entropy, log((double)classes), set);
    put_fact(stream, style, "Confidence", text);
    if (members > 1) {
        snprintf(text, sizeof text, "mean of %d runs; this class's probability varies by %.1f %% (standard deviation)",
                 (int)members, 100 * (double)spread[tumorclass_result_class(report->result)]);
        put_fact(stream, style, "Members", text);
    }
    if (confidence.most_unlikeness > 0) {
        snprintf(text, sizeof text, "%.2f from the training scans, of which most stay under %.2f",
                 confidence.unlikeness, confidence.most_unlikeness);
        put_fact(stream, style, "Unlikeness", text);
    }
    const char *abstention = tumorclass_result_abstention(report->result);
    if (!abstention) return;
    fprintf(stream, "  %s%-*s%s", tint_on(style, YELLOW), LABEL_WIDTH - 2, "Abstains", tint_off(style));
    put_wrapped(stream, abstention, LABEL_WIDTH, style->width);
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
        put_fact(stream, style, "Attention", "none: the network gives no such map");
        return;
    }
    const tumorclass_attention_summary *map = report_map(report);
    say_position(position, sizeof position, map->peak_mm);
    snprintf(text, sizeof text, "for %s: peak %s (voxel %lld, %lld, %lld); %.0f %% of it inside the head",
             tumorclass_model_class_name(report->model, report->map_class), position, (long long)map->peak_voxel[0],
             (long long)map->peak_voxel[1], (long long)map->peak_voxel[2], 100 * map->inside);
    put_fact(stream, style, "Attention", text);
    put_fact(stream, style, "Method", report->method);
    if (report->attention) put_fact(stream, style, "Map", report->attention);
    if (report->overlay) put_fact(stream, style, "Overlay", report->overlay);
}

double report_seconds(const struct report *report)
{
    size_t count;
    const tumorclass_timing *timings = tumorclass_result_timings(report->result, &count);
    double total = report->read_seconds + report->attention_seconds + report->write_seconds;
    for (size_t i = 0; i < count; i++) total += timings[i].seconds;
    return total;
}

static void put_time(FILE *stream, const struct style *style, const struct report *report)
{
    char text[512];
    size_t count, end;
    const tumorclass_timing *timings = tumorclass_result_timings(report->result, &count);
    end = (size_t)snprintf(text, sizeof text, "%.2f s: read %.2f", report_seconds(report), report->read_seconds);
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
    put_confidence(stream, &style, report);
    put_attention(stream, &style, report);
    put_warnings(stream, &style, report);
    put_fact(stream, &style, "Device", tumorclass_result_device(report->result));
    put_time(stream, &style, report);
    fprintf(stream, "\n%s\n\n", DISCLAIMER);
}
