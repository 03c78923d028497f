/* What --help and `tumorclass help` say. */
#ifndef CLI_HELP_H
#define CLI_HELP_H
#include <stdio.h>

struct command {
    const char *name;
    unsigned bit;                              /* in option_row.commands */
    int (*run)(const struct options *options); /* NULL: a program of its own, with options of its own, */
    int (*become)(char **arguments);           /* which this is */
    int least_files, most_files;               /* most_files 0: no limit; -1: none */
    const char *files, *purpose, *details;
};
extern const struct command commands[];
extern const size_t command_count;

void show_help(FILE *stream);
void show_command_help(FILE *stream, const struct command *command);

#endif
