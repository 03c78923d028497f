/* What people see: text made safe, colours, the progress line and complaints on standard error. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "tumorclass/tumorclass.h"

/* How a stream wants its text: colours only on a terminal and without NO_COLOR, blocks only in a UTF-8 locale. */
struct style {
    bool colour, utf8;
    int width; /* columns */
};
struct style stream_style(FILE *stream);

enum tint { BOLD, DIM, YELLOW, CYAN };
/* The escape sequence that begins a tint, and the one that ends it; "" without colours. */
const char *tint_on(const struct style *style, enum tint tint);
const char *tint_off(const struct style *style);

/* Names come from files and may hold anything: control characters, and bytes the locale cannot show, become '?'. */
void put_text(FILE *stream, const char *text);
int text_width(const char *text); /* columns that put_text fills */
/* The text in lines of at most `width` columns, all but the first led by `indent` spaces; ends the last line. */
void put_wrapped(FILE *stream, const char *text, int indent, int width);
/* A title and a table on standard output; nothing without properties. */
void put_properties(const char *title, const tumorclass_property *properties, size_t count);

/* "tumorclass: ..." on standard error, on a line of its own. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void complain(const char *format, ...);
/* "tumorclass: scan.nii.gz: sentence"; a sentence that begins with the name stands alone. */
void complain_about(const char *name, const char *sentence);
bool begins_with_name(const char *sentence, const char *name);

/* One line on standard error, redrawn; nothing unless that is a terminal. */
void progress_show(const char *name, const char *stage, double fraction);
/* The same with a text of one's own; false: standard error is no terminal. */
bool progress_text(const char *text);
void progress_clear(void);
/* "2 h 5 min" */
void say_duration(char *text, size_t size, double seconds);

#endif
