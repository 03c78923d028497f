#include "journal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "paths.h"
#include "terminal.h"

static int no_memory(void)
{
    complain("no memory for the table");
    return MODEL_FAILED;
}

static const char *name_of(const struct journal *journal, bool in_part)
{
    return file_name(in_part ? journal->part_path : journal->path);
}

const char *journal_part_name(const struct journal *journal)
{
    return name_of(journal, true);
}

static int fails(const struct journal *journal, bool in_part, const char *what)
{
    complain("%s cannot be %s: %s", name_of(journal, in_part), what, strerror(errno));
    return OUTPUT_FAILED;
}

static char *with_ending(const char *path, const char *ending)
{
    char *longer = malloc(strlen(path) + strlen(ending) + 1);
    if (longer) sprintf(longer, "%s%s", path, ending);
    return longer;
}

/* ---- Order: by key and age, so that the last row of a key is the last of its neighbours ---- */

static int compare_age(const struct journal_row *a, const struct journal_row *b)
{
    if (a->in_part != b->in_part) return a->in_part ? 1 : -1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

static int compare_keys(const void *a, const void *b)
{
    const struct journal_row *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return compare_age(x, y);
}

static int compare_ranks(const void *a, const void *b)
{
    const struct journal_row *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    return compare_age(x, y);
}

static void sort_and_keep_last(struct journal *journal)
{
    size_t kept = 0;
    if (!journal->count) return;
    qsort(journal->rows, journal->count, sizeof *journal->rows, compare_keys);
    for (size_t i = 0; i < journal->count; i++)
        if (i + 1 == journal->count || journal->rows[i + 1].key != journal->rows[i].key)
            journal->rows[kept++] = journal->rows[i];
    journal->count = kept;
}

static int note_row(struct journal *journal, const struct journal_row *row)
{
    if (journal->count == journal->capacity) {
        const size_t capacity = journal->capacity ? 2 * journal->capacity : 256;
        struct journal_row *rows = realloc(journal->rows, capacity * sizeof *rows);
        if (!rows) return no_memory();
        journal->rows = rows;
        journal->capacity = capacity;
    }
    journal->rows[journal->count++] = *row;
    return ANSWERED;
}

const struct journal_row *journal_find(const struct journal *journal, uint64_t key)
{
    size_t low = 0, high = journal->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (journal->rows[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < journal->count && journal->rows[low].key == key ? &journal->rows[low] : NULL;
}

size_t journal_failures(const struct journal *journal)
{
    size_t failed = 0;
    for (size_t i = 0; i < journal->count; i++) failed += journal->rows[i].failed;
    return failed;
}

/* ---- Reading what is there ---- */

struct line {
    char *text;
    size_t size, number; /* without its end */
    off_t offset;
};

static int refuse_line(const struct journal *journal, bool in_part, const struct line *line)
{
    if (line->number == 1)
        complain("%s is no table of this run's columns: choose another --output%s", name_of(journal, in_part),
                 is_table(journal->table->json, line->text, line->size) ? ", or begin it anew with --restart" : "");
    else
        complain("line %zu of %s is no row of a batch: choose another --output, or begin it anew with --restart",
                 line->number, name_of(journal, in_part));
    return WRONG_USAGE;
}

/* The model's half of `run` ends at the dash. */
static int refuse_run(const struct journal *journal, bool in_part, const char *run)
{
    const bool same_model = !strncmp(run, journal->table->run, strcspn(journal->table->run, "-") + 1);
    complain("%s holds answers of %s: choose another --output, or begin it anew with --restart",
             name_of(journal, in_part), same_model ? "other options, or of another version" : "another model");
    return WRONG_USAGE;
}

static int read_line(struct journal *journal, bool in_part, const struct line *line)
{
    const struct table *table = journal->table;
    struct row_facts facts;
    if (line->number == 1 && table->header_size) {
        const bool same = line->size + 1 == table->header_size && !memcmp(line->text, table->header, line->size);
        return same ? ANSWERED : refuse_line(journal, in_part, line);
    }
    if (!table_read_row(&facts, table, line->text, line->size)) return refuse_line(journal, in_part, line);
    if (strcmp(facts.run, table->run) != 0) return refuse_run(journal, in_part, facts.run);
    return note_row(journal, &(struct journal_row){ .key = facts.key,
                                                    .failed = facts.failed,
                                                    .in_part = in_part,
                                                    .offset = line->offset,
                                                    .size = line->size + 1 });
}

/* A row without its end was cut off by whatever ended that run; its scan runs again. */
static int drop_torn_line(struct journal *journal, bool in_part, const struct line *line)
{
    if (!in_part) return refuse_line(journal, in_part, line);
    return ftruncate(journal->part, line->offset) ? fails(journal, in_part, "written") : ANSWERED;
}

static int read_lines(struct journal *journal, bool in_part, FILE *file)
{
    struct line line = { 0 };
    size_t room = 0;
    ssize_t length;
    int code = ANSWERED;
    while (code == ANSWERED && (length = getline(&line.text, &room, file)) > 0) {
        const bool whole = line.text[length - 1] == '\n';
        line.size = (size_t)length - whole;
        line.number++;
        code = whole ? read_line(journal, in_part, &line) : drop_torn_line(journal, in_part, &line);
        line.offset += length;
    }
    if (code == ANSWERED && ferror(file)) code = fails(journal, in_part, "read");
    free(line.text);
    return code;
}

static FILE *open_copy(int descriptor)
{
    const int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    FILE *file = copy < 0 || lseek(copy, 0, SEEK_SET) < 0 ? NULL : fdopen(copy, "r");
    if (!file && copy >= 0) close(copy);
    return file;
}

static int read_file(struct journal *journal, bool in_part)
{
    const int descriptor = in_part ? journal->part : journal->out;
    if (descriptor < 0) return ANSWERED;
    FILE *file = open_copy(descriptor);
    if (!file) return fails(journal, in_part, "read");
    const int code = read_lines(journal, in_part, file);
    fclose(file);
    return code;
}

/* ---- Opening and locking ---- */

/* The file that is locked must still be the one of that name: another run may have finished and removed it. */
static bool is_at(int descriptor, const char *path)
{
    struct stat held, named;
    return !fstat(descriptor, &held) && !stat(path, &named) && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

static int lock_part(struct journal *journal)
{
    for (;;) {
        journal->part = open(journal->part_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (journal->part < 0) return fails(journal, true, "written");
        if (flock(journal->part, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
            close(journal->part);
            journal->part = -1;
            complain("%s is being written by another batch: wait for it, or choose another --output",
                     name_of(journal, true));
            return OUTPUT_FAILED;
        }
        if (is_at(journal->part, journal->part_path)) return ANSWERED;
        close(journal->part);
    }
}

static int open_out(struct journal *journal)
{
    struct stat about;
    journal->out = open(journal->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (journal->out < 0) return errno == ENOENT ? ANSWERED : fails(journal, false, "read");
    if (!fstat(journal->out, &about) && S_ISREG(about.st_mode)) return ANSWERED;
    complain("%s is no file that a table could be written to", name_of(journal, false));
    return WRONG_USAGE;
}

/* Nothing but a batch's table is thrown away. */
static int check_disposable(const struct journal *journal, bool in_part)
{
    char start[64];
    const ssize_t size = pread(in_part ? journal->part : journal->out, start, sizeof start, 0);
    if (size <= 0 || is_table(journal->table->json, start, (size_t)size)) return ANSWERED;
    complain("%s is no table of a batch, and is left as it is: choose another --output", name_of(journal, in_part));
    return WRONG_USAGE;
}

static int forget(struct journal *journal)
{
    int code = check_disposable(journal, true);
    if (code == ANSWERED && journal->out >= 0) code = check_disposable(journal, false);
    if (code != ANSWERED) return code;
    if (ftruncate(journal->part, 0)) return fails(journal, true, "written");
    if (journal->out < 0) return ANSWERED;
    close(journal->out);
    journal->out = -1;
    return unlink(journal->path) ? fails(journal, false, "removed") : ANSWERED;
}

int journal_open(struct journal *journal, const struct table *table, const char *path, bool restart)
{
    struct stat about;
    *journal = (struct journal){ .table = table, .out = -1, .part = -1, .path = realpath(path, NULL) };
    if (!journal->path) journal->path = strdup(path);
    if (!journal->path || !(journal->part_path = with_ending(journal->path, ".part"))) return no_memory();
    int code = lock_part(journal);
    if (code == ANSWERED) code = open_out(journal);
    if (code == ANSWERED && restart) code = forget(journal);
    if (code == ANSWERED) code = read_file(journal, false);
    if (code == ANSWERED) code = read_file(journal, true);
    if (code == ANSWERED && fstat(journal->part, &about)) code = fails(journal, true, "read");
    if (code != ANSWERED) return code;
    journal->part_size = about.st_size;
    sort_and_keep_last(journal);
    return ANSWERED;
}

void journal_close(struct journal *journal)
{
    struct stat about;
    if (journal->part >= 0 && !fstat(journal->part, &about) && !about.st_size) unlink(journal->part_path);
    if (journal->part >= 0) close(journal->part);
    if (journal->out >= 0) close(journal->out);
    free(journal->rows);
    free(journal->part_path);
    free(journal->path);
}

/* ---- Writing ---- */

static bool write_at_end(int descriptor, const char *text, size_t size)
{
    while (size) {
        const ssize_t written = write(descriptor, text, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        text += written;
        size -= (size_t)written;
    }
    return true;
}

int journal_add(struct journal *journal, uint64_t key, bool failed, const char *row, size_t size)
{
    const struct table *table = journal->table;
    const size_t header = journal->part_size ? 0 : table->header_size;
    if (!write_at_end(journal->part, table->header, header) || !write_at_end(journal->part, row, size)) {
        const int code = fails(journal, true, "written");
        if (ftruncate(journal->part, journal->part_size)) complain("its last row is cut off; the next run drops it");
        return code;
    }
    const struct journal_row noted = {
        .key = key, .failed = failed, .in_part = true, .offset = journal->part_size + (off_t)header, .size = size
    };
    journal->part_size = noted.offset + (off_t)size;
    return note_row(journal, &noted);
}

struct ranked_key {
    uint64_t key;
    size_t rank;
};

static int compare_ranked_keys(const void *a, const void *b)
{
    const struct ranked_key *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

/* Rows of keys that are not among these come last. */
static bool rank_rows(struct journal *journal, const uint64_t *keys, size_t count)
{
    struct ranked_key *ranked = malloc((count + 1) * sizeof *ranked);
    if (!ranked) return false;
    for (size_t i = 0; i < count; i++) ranked[i] = (struct ranked_key){ keys[i], i };
    qsort(ranked, count, sizeof *ranked, compare_ranked_keys);
    for (size_t i = 0; i < journal->count; i++) {
        const struct ranked_key wanted = { journal->rows[i].key, 0 };
        const struct ranked_key *found = bsearch(&wanted, ranked, count, sizeof *ranked, compare_ranked_keys);
        journal->rows[i].rank = found ? found->rank : count;
    }
    free(ranked);
    if (journal->count) qsort(journal->rows, journal->count, sizeof *journal->rows, compare_ranks);
    return true;
}

static bool copy_row(FILE *file, const struct journal *journal, const struct journal_row *row)
{
    char *text = malloc(row->size);
    const bool copied = text &&
                        pread(row->in_part ? journal->part : journal->out, text, row->size, row->offset) ==
                            (ssize_t)row->size &&
                        fwrite(text, 1, row->size, file) == row->size;
    free(text);
    return copied;
}

static bool write_table(const struct journal *journal, const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) return false;
    bool written = fwrite(journal->table->header, 1, journal->table->header_size, file) == journal->table->header_size;
    for (size_t i = 0; written && i < journal->count; i++) written = copy_row(file, journal, &journal->rows[i]);
    if (written) written = !fflush(file) && !fsync(fileno(file));
    const int error = errno;
    const bool closed = !fclose(file);
    if (!written) errno = error;
    return written && closed;
}

/* So that the new name is on the disk too; not every file system lets a folder be synced. */
static void sync_folder(const char *path)
{
    char *folder = strndup(path, (size_t)(file_name(path) - path));
    const int descriptor = folder ? open(*folder ? folder : ".", O_RDONLY | O_CLOEXEC) : -1;
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
    free(folder);
}

int journal_finish(struct journal *journal, const uint64_t *keys, size_t count)
{
    char *path = with_ending(journal->path, ".new");
    sort_and_keep_last(journal);
    if (!path || !rank_rows(journal, keys, count)) {
        free(path);
        return no_memory();
    }
    const bool finished = write_table(journal, path) && !rename(path, journal->path);
    const int code = finished ? ANSWERED : fails(journal, false, "written");
    if (finished) {
        sync_folder(journal->path);
        unlink(journal->part_path);
    } else {
        unlink(path);
    }
    free(path);
    return code;
}
