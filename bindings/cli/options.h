/* Options: one table says what each command takes; parser and --help are both made from it. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H
#include <stdbool.h>
#include <stddef.h>
#include "command.h"
#include "tumorclass/tumorclass.h"

enum { CLASSIFY = 1, PREPROCESS = 2, INFO = 4, BATCH = 8, SELFTEST = 16, DOCTOR = 32 };
enum { ENSEMBLES = CLASSIFY | BATCH }; /* which take several models */
enum { MOST_MODELS = 64 };

struct options {
    const char *models[MOST_MODELS]; /* several answer together; none: the one that ships with the library */
    size_t model_count;
    const char *attention, *overlay, *output, *mask; /* NULL: not given */
    const char *phantom;                             /* of a selftest: where it goes; NULL: it is run */
    const char *map_class;                           /* NULL: the predicted class */
    tumorclass_attention_scale scale;
    tumorclass_attention_method method;
    int32_t level;  /* of the map; 0: the model's default */
    uint32_t flips; /* TUMORCLASS_FLIP_ bits */
    int32_t top;    /* classes that the text shows; 0: as many as fit */
    bool json, strict, embedding, help;
    int32_t threads, device;
    tumorclass_precision precision; /* DEFAULT: none was asked for */
    tumorclass_backend backend;
    tumorclass_log_level log_level;
    const char *list, *format;        /* of a batch; NULL: not given */
    int32_t shard_index, shard_count; /* counted from 1; 0: not given */
    bool retry, restart, dry_run;
    char *const *files;
    size_t file_count;
};

struct option_row {
    const char *name;
    int letter; /* above UCHAR_MAX: there is only the long form */
    unsigned commands;
    const char *argument; /* NULL: it takes none */
    const char *help;
};
extern const struct option_row option_rows[];
extern const size_t option_row_count;

/* "half"; NULL: of DEFAULT, and past the last. */
const char *precision_name(tumorclass_precision precision);

/* Read what follows the command's name (arguments[0]). ANSWERED, or WRONG_USAGE after saying why. */
int read_command_options(struct options *options, unsigned command, int count, char **arguments);

#endif
