/* The rows that are there: of OUT, as an earlier run left it, and of OUT.part beside it, to which each new row is added
 * by one write. The last row of a key counts. At the end all of them become OUT at once. */
#ifndef CLI_JOURNAL_H
#define CLI_JOURNAL_H
#include <sys/types.h>
#include "table.h"

struct journal_row {
    uint64_t key;
    bool failed, in_part; /* which file it is in, */
    off_t offset;         /* and where */
    size_t size;
    size_t rank; /* in the file that comes out */
};
struct journal {
    const struct table *table;
    char *path, *part_path;
    int out, part; /* descriptors; out -1: there is no OUT */
    off_t part_size;
    struct journal_row *rows;
    size_t count, capacity;
};

/* Lock OUT.part and read what is there. ANSWERED, or another code after saying why. */
int journal_open(struct journal *journal, const struct table *table, const char *path, bool restart);
void journal_close(struct journal *journal);
/* The row of a key; NULL: none. Of the rows that were there when the journal was opened. */
const struct journal_row *journal_find(const struct journal *journal, uint64_t key);
int journal_add(struct journal *journal, uint64_t key, bool failed, const char *row, size_t size);
/* Write OUT: the rows of these keys in their order, then those of others as they were. */
int journal_finish(struct journal *journal, const uint64_t *keys, size_t count);
size_t journal_failures(const struct journal *journal);

/* OUT as it is called on the way: for sentences. */
const char *journal_part_name(const struct journal *journal);

#endif
