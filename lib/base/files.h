/* Files: mapped for reading, written whole or not at all. */
#ifndef BASE_FILES_H
#define BASE_FILES_H
#include <stddef.h>
#include "base/status.h"

/* A regular file, mapped read-only; anything else, and a file over `limit` bytes, is refused with a sentence. */
struct mapping {
    const unsigned char *data;
    size_t size;
};
tumorclass_status file_map(struct mapping *mapping, const char *path, size_t limit);
void file_unmap(struct mapping *mapping);

/* The name after the last slash: what reports and errors call a file. */
const char *base_name(const char *path);

/* Written to a temporary name beside what `path` names, links followed; file_commit syncs, checks and renames; file_abandon leaves nothing.
 * "-" (standard output), devices and FIFOs are written directly. Exactly one of commit and abandon ends it. */
struct output {
    int descriptor;
    char *path;      /* as the caller names it */
    char *target;    /* the same with links followed */
    char *temporary; /* beside target; NULL when written directly */
};
tumorclass_status file_create(struct output *output, const char *path);
tumorclass_status file_write(struct output *output, const void *data, size_t size);
tumorclass_status file_commit(struct output *output);
void file_abandon(struct output *output);

#endif
