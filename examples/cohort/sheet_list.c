#include "sheet_list.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../bindings/cli/paths.h"
#include "../../bindings/cli/terminal.h"
#include "cohort.h"

enum { CELLS = 64, NEEDED = 13 };
/* Columns that a sheet needs; all from the third on are in the caption. */
static const char *const needed[NEEDED] = { "class",    "x_mm",      "y_mm",      "z_mm",   "participant_id",
                                            "anatomy",  "volume_ml", "foci",      "family", "spacing",
                                            "stripped", "strength",  "grey_white" };

/* Cut a line into its cells. */
static int split(char *cells[CELLS], char *line)
{
    int count = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *rest = line; rest && count < CELLS; count++) {
        cells[count] = rest;
        rest = strchr(rest, '\t');
        if (rest) *rest++ = '\0';
    }
    return count;
}

/* Where each needed column is; false: one is not there. */
static bool find_columns(int at[NEEDED], char *header, const char *path)
{
    char *cells[CELLS];
    const int count = split(cells, header);
    for (int n = 0; n < NEEDED; n++) {
        at[n] = 0;
        while (at[n] < count && strcmp(cells[at[n]], needed[n]) != 0) at[n]++;
        if (at[n] < count) continue;
        complain("%s has no column %s: it is no cohort's", path, needed[n]);
        return false;
    }
    return true;
}

/* false: the row is too short. */
static bool take_row(struct sheet_list *list, const int at[NEEDED], char *line, enum entity entity)
{
    char *cells[CELLS];
    const int count = split(cells, line);
    for (int n = 0; n < NEEDED; n++)
        if (at[n] >= count) return false;
    if (strcmp(cells[at[0]], entity_codes[entity]) != 0) return true;
    struct sheet_scan *scan = &list->scans[list->count++];
    snprintf(scan->id, sizeof scan->id, "%s", cells[at[4]]);
    for (int a = 0; a < 3; a++) scan->centre[a] = strtod(cells[at[1 + a]], NULL);
    snprintf(scan->caption, sizeof scan->caption,
             "%s  anatomy %s  %s ml in %s  %s, %s mm  stripped: %s  contrast %s  grey-white %s", cells[at[4]],
             cells[at[5]], cells[at[6]], cells[at[7]], cells[at[8]], cells[at[9]], cells[at[10]], cells[at[11]],
             cells[at[12]]);
    return true;
}

static int read_rows(struct sheet_list *list, FILE *file, const char *path, enum entity entity, int most)
{
    int at[NEEDED];
    char *line = NULL;
    size_t capacity = 0, number = 0;
    bool good = true;
    while (good && list->count < most && getline(&line, &capacity, file) > 0) {
        good = number++ ? take_row(list, at, line, entity) : find_columns(at, line, path);
        if (!good && number > 1) complain("line %zu of %s has too few columns", number, path);
    }
    if (!number) complain("%s is empty", path);
    free(line);
    return good && number ? ANSWERED : SCAN_FAILED;
}

int sheet_list_read(struct sheet_list *list, const char *folder, enum entity entity, int most)
{
    *list = (struct sheet_list){ calloc((size_t)most, sizeof *list->scans), 0 };
    char *path = join_paths(folder, "participants.tsv");
    FILE *file = path && list->scans ? fopen(path, "r") : NULL;
    int code = SCAN_FAILED;
    if (file)
        code = read_rows(list, file, path, entity, most);
    else
        complain("%s cannot be read: %s", path ? path : folder, strerror(errno));
    if (file) fclose(file);
    free(path);
    return code;
}
