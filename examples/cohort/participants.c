#include "participants.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../bindings/cli/paths.h"
#include "../../bindings/cli/terminal.h"
#include "cohort.h"
#include "columns.h"

static int no_memory(void)
{
    complain("no memory for the rows of participants.tsv");
    return MODEL_FAILED;
}

static int fails(const char *path, const char *what)
{
    complain("%s cannot be %s: %s", path, what, strerror(errno));
    return OUTPUT_FAILED;
}

/* The number of the subject that a whole row is of; 0: it is none of this cohort. */
static int row_number(const struct participants *participants, const char *row)
{
    int number, tabs = 0, wanted = 0;
    for (const char *c = row; *c; c++) tabs += *c == '\t';
    for (const char *c = participants->header; *c; c++) wanted += *c == '\t';
    if (tabs != wanted || sscanf(row, "sub-%6d\t", &number) != 1) return 0;
    return number >= 1 && number <= participants->size ? number : 0;
}

static int read_row(struct participants *participants, const char *path, size_t line, const char *row)
{
    if (line == 1 && !strcmp(row, participants->header)) return ANSWERED;
    const int number = line > 1 ? row_number(participants, row) : 0;
    if (!number) {
        complain("line %zu of %s is none of this cohort: choose another folder, or begin anew with --restart", line,
                 path);
        return WRONG_USAGE;
    }
    free(participants->rows[number - 1]);
    participants->rows[number - 1] = strdup(row);
    return participants->rows[number - 1] ? ANSWERED : no_memory();
}

/* A last row without its end was cut off by whatever ended that run; *whole is how far the others reach. */
static int read_rows(struct participants *participants, const char *path, FILE *file, off_t *whole)
{
    char *row = NULL;
    size_t capacity = 0, line = 0;
    ssize_t length;
    int code = ANSWERED;
    *whole = 0;
    while (code == ANSWERED && (length = getline(&row, &capacity, file)) > 0 && row[length - 1] == '\n') {
        code = read_row(participants, path, ++line, row);
        *whole += length;
    }
    free(row);
    return code == ANSWERED && ferror(file) ? fails(path, "read") : code;
}

static int read_table(struct participants *participants)
{
    FILE *file = fopen(participants->path, "r");
    off_t whole;
    if (!file) return errno == ENOENT ? ANSWERED : fails(participants->path, "read");
    const int code = read_rows(participants, participants->path, file, &whole);
    fclose(file);
    return code;
}

/* The part is locked for as long as it is open: two runs at a time would not know of each other's rows. */
static int open_part(struct participants *participants)
{
    const char *path = participants->part_path;
    off_t whole = 0;
    participants->part = fopen(path, "a+");
    if (!participants->part) return fails(path, "written");
    if (lockf(fileno(participants->part), F_TLOCK, 0) && (errno == EACCES || errno == EAGAIN)) {
        complain("%s is in use: another run is writing this cohort", path);
        return WRONG_USAGE;
    }
    int code = read_rows(participants, path, participants->part, &whole);
    if (code != ANSWERED) return code;
    const bool ready = !ftruncate(fileno(participants->part), whole) && !fseek(participants->part, 0, SEEK_END);
    if (!ready) code = fails(path, "written");
    if (code == ANSWERED && !whole &&
        (fputs(participants->header, participants->part) < 0 || fflush(participants->part)))
        code = fails(path, "written");
    return code;
}

int participants_open(struct participants *participants, const char *folder, int size)
{
    *participants = (struct participants){ .path = join_paths(folder, "participants.tsv"),
                                           .part_path = join_paths(folder, "participants.part.tsv"),
                                           .header = columns_header(),
                                           .rows = calloc((size_t)size, sizeof *participants->rows),
                                           .size = size };
    if (!participants->path || !participants->part_path || !participants->header || !participants->rows)
        return no_memory();
    const int code = read_table(participants);
    return code == ANSWERED ? open_part(participants) : code;
}

void participants_close(struct participants *participants)
{
    for (int i = 0; participants->rows && i < participants->size; i++) free(participants->rows[i]);
    free(participants->rows);
    free(participants->header);
    free(participants->path);
    free(participants->part_path);
    if (participants->part) fclose(participants->part);
    *participants = (struct participants){ 0 };
}

bool participants_add(struct participants *participants, int number, char *row)
{
    if (fputs(row, participants->part) < 0 || fflush(participants->part)) {
        const int error = errno;
        free(row);
        errno = error;
        return false;
    }
    free(participants->rows[number - 1]);
    participants->rows[number - 1] = row;
    return true;
}

static char *join_rows(const struct participants *participants, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (!out) return NULL;
    fputs(participants->header, out);
    for (int i = 0; i < participants->size; i++)
        if (participants->rows[i]) fputs(participants->rows[i], out);
    const bool whole = !ferror(out);
    if (!fclose(out) && whole) return text;
    free(text);
    return NULL;
}

int participants_finish(struct participants *participants)
{
    size_t size;
    char *text = join_rows(participants, &size);
    if (!text) return no_memory();
    const tumorclass_status status = tumorclass_write_file(participants->path, text, size);
    free(text);
    if (status != TUMORCLASS_OK) {
        complain("%s", tumorclass_last_error());
        return OUTPUT_FAILED;
    }
    unlink(participants->part_path);
    return ANSWERED;
}
