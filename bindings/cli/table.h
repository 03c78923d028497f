/* The table of a batch: one row a scan, as tab-separated values or as JSON lines. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H
#include "options.h"
#include "report.h"

struct table {
    bool json, bids;
    const tumorclass_model *model;
    char run[32]; /* "MODEL-OPTIONS": two hashes that tell rows of other models or options apart */
    char *header; /* the first line, with its end; "" for JSON */
    size_t header_size;
};

bool table_create(struct table *table, tumorclass_model *const *models, size_t count, const struct options *options,
                  bool bids);
void table_free(struct table *table);

/* A row with its line end, to be freed; NULL: no memory. Of a scan that failed, message says why and the report needs
 * to hold row and scan alone. */
char *table_row(size_t *size, const struct table *table, const struct report *report, tumorclass_status status,
                const char *message);

/* A text as one cell: what would end a cell or open a quotation, and what is no UTF-8, is replaced. */
void put_cell(FILE *stream, const char *text);

/* What a later run needs to know of a row. */
struct row_facts {
    uint64_t key;
    bool failed;
    char run[32];
};
/* false: the line, without its end, is no row of this table. */
bool table_read_row(struct row_facts *facts, const struct table *table, const char *line, size_t size);
/* Does a file that begins with this line look like one that a batch wrote, with these columns or with others? */
bool is_table(bool json, const char *line, size_t size);

#endif
