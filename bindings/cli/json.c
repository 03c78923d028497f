#include "json.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "command.h"
#include "terminal.h"

static void give_up(void)
{
    complain("no memory for the JSON text");
    exit(OUTPUT_FAILED);
}

static void *allocate(size_t size)
{
    void *block = malloc(size);
    if (!block) give_up();
    return block;
}

void json_begin(void)
{
    json_set_alloc_funcs(allocate, free);
}

json_t *json_text(const char *text)
{
    if (!text) return json_null();
    json_t *value = json_string(text);
    if (value) return value;
    char *copy = allocate(strlen(text) + 1);
    strcpy(copy, text);
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    value = json_string(copy);
    free(copy);
    return value;
}

json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_triple(const double values[3])
{
    return json_pack("[o, o, o]", json_number(values[0]), json_number(values[1]), json_number(values[2]));
}

json_t *json_counts(const int64_t values[3])
{
    return json_pack("[I, I, I]", (json_int_t)values[0], (json_int_t)values[1], (json_int_t)values[2]);
}

json_t *json_properties(const tumorclass_property *properties, size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++) json_object_set_new(object, properties[i].key, json_text(properties[i].value));
    return object;
}

void json_line(FILE *stream, json_t *value)
{
    /* nine digits bring a float back to the bit */
    char *line = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (!line) give_up();
    fprintf(stream, "%s\n", line);
    free(line);
    json_decref(value);
}
