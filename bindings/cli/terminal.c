#include "terminal.h"
#include <langinfo.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef PROGRAM_NAME
#define PROGRAM_NAME "tumorclass" /* other programs are made with this file too */
#endif

enum { LEAST_WIDTH = 40, USUAL_WIDTH = 80, MOST_WIDTH = 100, BAR_WIDTH = 24 };

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value;
}

/* A terminal that can move its cursor and show colours. */
static bool is_terminal(FILE *stream)
{
    const char *kind = getenv("TERM");
    return isatty(fileno(stream)) && kind && strcmp(kind, "dumb") != 0;
}

static bool locale_is_utf8(void)
{
    return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

static int stream_width(FILE *stream)
{
    struct winsize size;
    if (!isatty(fileno(stream)) || ioctl(fileno(stream), TIOCGWINSZ, &size) || !size.ws_col) return USUAL_WIDTH;
    return size.ws_col < LEAST_WIDTH ? LEAST_WIDTH : size.ws_col > MOST_WIDTH ? MOST_WIDTH : size.ws_col;
}

struct style stream_style(FILE *stream)
{
    return (struct style){ .colour = is_terminal(stream) && !is_set("NO_COLOR"),
                           .utf8 = locale_is_utf8(),
                           .width = stream_width(stream) };
}

const char *tint_on(const struct style *style, enum tint tint)
{
    static const char *const sequences[] = { "\033[1m", "\033[2m", "\033[33m", "\033[36m" };
    return style->colour ? sequences[tint] : "";
}

const char *tint_off(const struct style *style)
{
    return style->colour ? "\033[0m" : "";
}

static bool continues(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* U+0080 to U+009F, which a terminal may obey as it obeys escape sequences. */
static bool is_c1_control(const unsigned char *text)
{
    return text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0;
}

/* The bytes of the character at `text`; *shown says whether they may go out as they are. */
static size_t next_character(const unsigned char *text, bool utf8, bool *shown)
{
    size_t size = 1;
    if (text[0] >= 0xc0)
        while (size < 4 && continues(text[size])) size++;
    *shown = text[0] < 0x80 ? text[0] >= 0x20 && text[0] != 0x7f : utf8 && size > 1 && !is_c1_control(text);
    return size;
}

static void put_bytes(FILE *stream, const char *text, size_t count)
{
    const bool utf8 = locale_is_utf8();
    for (size_t i = 0, size; i < count; i += size) {
        bool shown;
        size = next_character((const unsigned char *)text + i, utf8, &shown);
        if (shown)
            fwrite(text + i, 1, size, stream);
        else
            putc('?', stream);
    }
}

void put_text(FILE *stream, const char *text)
{
    put_bytes(stream, text, strlen(text));
}

static int bytes_width(const char *text, size_t count)
{
    int width = 0;
    bool shown;
    for (size_t i = 0; i < count; width++) i += next_character((const unsigned char *)text + i, true, &shown);
    return width;
}

int text_width(const char *text)
{
    return bytes_width(text, strlen(text));
}

void put_wrapped(FILE *stream, const char *text, int indent, int width)
{
    int column = indent;
    for (bool first = true; *text; first = false) {
        const size_t size = strcspn(text, " ");
        const int word = bytes_width(text, size);
        if (!first && column + 1 + word > width) {
            fprintf(stream, "\n%*s", indent, "");
            column = indent;
        } else if (!first) {
            putc(' ', stream);
            column++;
        }
        put_bytes(stream, text, size);
        column += word;
        text += size;
        text += strspn(text, " ");
    }
    putc('\n', stream);
}

/* Lists of numbers that would fill the screen show how they begin. */
static void put_value(const char *value, int indent, int width)
{
    enum { LONGEST_LIST = 300, BEGINNING = 48 };
    if (strlen(value) <= LONGEST_LIST || strpbrk(value, " \n")) {
        put_wrapped(stdout, value, indent, width);
        return;
    }
    size_t shown = BEGINNING, numbers = 1;
    while (shown > 0 && value[shown] != ',') shown--;
    for (const char *at = value; (at = strpbrk(at, ",;")); at++) numbers++;
    char beginning[BEGINNING + 1] = "";
    memcpy(beginning, value, shown);
    put_text(stdout, beginning);
    printf(",... (%zu numbers; --json has them all)\n", numbers);
}

void put_properties(const char *title, const tumorclass_property *properties, size_t count)
{
    const struct style style = stream_style(stdout);
    int widest = 0;
    for (size_t i = 0; i < count; i++)
        if (text_width(properties[i].key) > widest) widest = text_width(properties[i].key);
    if (count) printf("\n%s%s%s\n", tint_on(&style, BOLD), title, tint_off(&style));
    for (size_t i = 0; i < count; i++) {
        printf("  %s", tint_on(&style, DIM));
        put_text(stdout, properties[i].key);
        printf("%s%*s  ", tint_off(&style), widest - text_width(properties[i].key), "");
        put_value(properties[i].value, widest + 4, style.width);
    }
}

void complain(const char *format, ...)
{
    char sentence[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    progress_clear();
    fputs(PROGRAM_NAME ": ", stderr);
    put_text(stderr, sentence);
    putc('\n', stderr);
}

bool begins_with_name(const char *sentence, const char *name)
{
    const size_t length = strlen(name);
    return !strncmp(sentence, name, length) && strchr(": ", sentence[length]);
}

void complain_about(const char *name, const char *sentence)
{
    if (begins_with_name(sentence, name))
        complain("%s", sentence);
    else
        complain("%s: %s", name, sentence);
}

/* There is one standard error, and one line on it: what it shows now; "" if nothing. */
static char progress_line[256];

bool progress_text(const char *text)
{
    if (!is_terminal(stderr)) return false;
    char line[sizeof progress_line];
    snprintf(line, sizeof line, "%.*s", stream_width(stderr) - 1, text);
    if (!strcmp(line, progress_line)) return true;
    memcpy(progress_line, line, sizeof line);
    putc('\r', stderr);
    put_text(stderr, line);
    fputs("\033[K", stderr);
    fflush(stderr);
    return true;
}

void progress_show(const char *name, const char *stage, double fraction)
{
    const double share = fraction > 1 ? 1 : fraction > 0 ? fraction : 0;
    const int filled = (int)(share * BAR_WIDTH), room = stream_width(stderr) - BAR_WIDTH - 24;
    char line[sizeof progress_line];
    snprintf(line, sizeof line, "%.*s  %-10.10s  [%.*s%*s] %3.0f %%", room > 4 ? room : 4, name, stage, filled,
             "########################", BAR_WIDTH - filled, "", 100 * share);
    progress_text(line);
}

void progress_clear(void)
{
    if (!progress_line[0]) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress_line[0] = '\0';
}

void say_duration(char *text, size_t size, double seconds)
{
    const double minutes = ceil(seconds / 60);
    if (seconds < 60)
        snprintf(text, size, "%.0f s", ceil(seconds));
    else if (minutes < 60)
        snprintf(text, size, "%.0f min", minutes);
    else
        snprintf(text, size, "%.0f h %.0f min", floor(minutes / 60), fmod(minutes, 60));
}
