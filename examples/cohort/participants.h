/* The rows of participants.tsv: those of earlier runs, and new ones, each added to participants.part.tsv at once. */
#ifndef COHORT_PARTICIPANTS_H
#define COHORT_PARTICIPANTS_H
#include <stdbool.h>
#include <stdio.h>

struct participants {
    char *path, *part_path, *header;
    FILE *part;
    char **rows; /* of sub-000001 and on; NULL: none yet */
    int size;
};

/* Of a cohort of `size` subjects in this folder. ANSWERED, or another code after saying why; close it either way. */
int participants_open(struct participants *participants, const char *folder, int size);
void participants_close(struct participants *participants);
/* The row is taken over. false: errno says why. */
bool participants_add(struct participants *participants, int number, char *row);
/* Write participants.tsv, in order. ANSWERED, or another code after saying why. */
int participants_finish(struct participants *participants);

#endif
