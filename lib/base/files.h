/* Files: read into memory of our own, written whole or not at all. */
#ifndef BASE_FILES_H
#define BASE_FILES_H
#include <stddef.h>
#include <time.h>
#include "base/status.h"

/* A regular file that is not empty; anything else is refused with a sentence. Nothing is mapped: another process may cut
 * or rewrite the file at any time, and that is an IO_ERROR: of file_read if bytes are gone, of file_close if size or
 * time of change are others than when it was opened. (A clock ticks some hundred times a second: a change of the same
 * length within one tick of the last one goes unseen.) */
struct input {
    int descriptor;
    uint64_t size;
    struct timespec modified;
};
tumorclass_status file_open(struct input *file, const char *path);
/* `size` bytes from `offset` on, which lie within file->size. Sentences do not name the file, nor do those of close. */
tumorclass_status file_read(const struct input *file, void *dst, uint64_t offset, size_t size);
/* Returns `status`, how the reading went, unless that is OK and the file was changed meanwhile. */
tumorclass_status file_close(struct input *file, tumorclass_status status);

/* A whole file of at most `limit` bytes; *data is for memory_free, and NULL on failure. */
tumorclass_status file_load(void **data, size_t *size, const char *path, size_t limit);

/* How a text file begins; "" if it cannot be read. Allocates nothing: what the system says of itself is not missed for
 * want of memory. */
void file_begin(char *text, size_t size, const char *path);

/* The name after the last slash: what reports and errors call a file. */
const char *base_name(const char *path);

/* Written to a temporary name beside what `path` names, links to what
 * exists followed; file_commit syncs, checks and renames; file_abandon leaves nothing.
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
