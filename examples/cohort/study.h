/* A cohort in work: its settings, the anatomies it draws from, and the folder it goes to. */
#ifndef COHORT_STUDY_H
#define COHORT_STUDY_H
#include "cohort.h"
#include "maps.h"

struct study {
    const struct settings *settings;
    struct plan plan; /* of the settings, with its number of anatomies */
    struct anatomy *anatomies;
    uint8_t *entities; /* of each subject */
    int size;
};
/* ANSWERED, or another code after saying why; close it either way. */
int study_open(struct study *study, const struct settings *settings);
void study_close(struct study *study);

/* Describe the cohort in its folder (dataset_description.json, participants.json, .bidsignore); refuse a folder that
 * holds another one; with --restart, empty it of the other's files. */
int dataset_begin(const struct study *study);

/* Files of a subject; to be freed. NULL: no memory. */
char *subject_folder(const struct settings *settings, int number, bool twin);
char *scan_path(const struct settings *settings, int number, bool twin, bool contrast);
char *mask_path(const struct settings *settings, int number);
/* Are the files there that these settings want? */
bool subject_is_there(const struct study *study, int number);

#endif
