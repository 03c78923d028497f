/* The command tumorclass-cohort: what its parts share. */
#ifndef COHORT_COHORT_H
#define COHORT_COHORT_H
#include "../../bindings/cli/command.h" /* how a command ends: ANSWERED, WRONG_USAGE, ... */
#include "plan.h"

enum { PREPARE = 1, GENERATE = 2, SHEET = 4, SITES = 8 };

struct settings {
    struct plan plan; /* but how many anatomies it draws from, which the folder tells */
    bool planned;     /* its split and its counts were given */
    const char *input, *output;
    const char *anatomies; /* their names with commas; NULL: those of the split */
    int first, last;       /* of the plan's subjects, from 1; 0: all */
    bool left_out[ENTITIES];
    int threads;
    bool twins, compress, no_masks, restart, timings, help;
    int entity;  /* of a sheet; -1: all, one sheet each */
    int scans;   /* on a sheet */
    double zoom; /* mm across each picture of a sheet; 0: the whole head */
};

struct command {
    const char *name;
    unsigned bit;
    int (*run)(const struct settings *settings);
    const char *files, *purpose, *details;
};
extern const struct command commands[];
extern const int command_count;

/* What follows the command's name, arguments[0]. ANSWERED, or WRONG_USAGE after saying why. */
int read_settings(struct settings *settings, const struct command *command, int count, char **arguments);
void show_help(void);
void show_command_help(const struct command *command);

/* The commands; each returns one of the codes above. */
int prepare(const struct settings *settings);
int generate(const struct settings *settings);
int contact_sheets(const struct settings *settings);
int draw_sites(const struct settings *settings);

/* The same work on several threads, this one among them; on fewer where the system starts fewer. */
void on_threads(int threads, void (*work)(void *context), void *context);
/* Folders on the way are made too. false: errno says why. */
bool make_folders(const char *path);

#endif
