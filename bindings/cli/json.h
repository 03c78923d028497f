/* JSON values made of what the library hands out. */
#ifndef CLI_JSON_H
#define CLI_JSON_H
#include <jansson.h>
#include <stdio.h>
#include "tumorclass/tumorclass.h"

/* Before anything else here: from now on a program without memory for a value says so and ends with OUTPUT_FAILED, so
 * that nothing is ever missing from a line. */
void json_begin(void);

/* A string; bytes that are not UTF-8 become '?', since names come from files. NULL: null. */
json_t *json_text(const char *text);
json_t *json_number(double value); /* null if it is not finite */
json_t *json_triple(const double values[3]);
json_t *json_counts(const int64_t values[3]);
json_t *json_properties(const tumorclass_property *properties, size_t count);
/* Write the value as one line, and let it go. */
void json_line(FILE *stream, json_t *value);

#endif
