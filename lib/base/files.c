#include "base/files.h"
#include "base/memory.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MOST_AT_ONCE = 1 << 30, /* more than 2 GiB in one call the system does not take */
    NAME_KEPT = 200         /* bytes of the 255 that a name may have */
};

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- Reading ---- */

static tumorclass_status examine(struct input *file, const char *path)
{
    struct stat about;
    if (fstat(file->descriptor, &about)) return fail(TUMORCLASS_IO_ERROR, "%s: %s", base_name(path), strerror(errno));
    if (!S_ISREG(about.st_mode)) return fail(TUMORCLASS_IO_ERROR, "%s is not a regular file", base_name(path));
    if (about.st_size == 0) return fail(TUMORCLASS_IO_ERROR, "%s is empty", base_name(path));
    file->size = (uint64_t)about.st_size;
    file->modified = about.st_mtim;
    return TUMORCLASS_OK;
}

tumorclass_status file_open(struct input *file, const char *path)
{
    *file = (struct input){ .descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }; /* a FIFO must not hang us */
    if (file->descriptor < 0)
        return fail(TUMORCLASS_IO_ERROR, "%s cannot be opened: %s", base_name(path), strerror(errno));
    const tumorclass_status status = examine(file, path);
    if (status != TUMORCLASS_OK) close(file->descriptor);
    return status;
}

tumorclass_status file_read(const struct input *file, void *dst, uint64_t offset, size_t size)
{
    assert(offset <= file->size && size <= file->size - offset);
    char *next = dst;
    while (size) {
        const ssize_t count = pread(file->descriptor, next, size < MOST_AT_ONCE ? size : MOST_AT_ONCE, (off_t)offset);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(TUMORCLASS_IO_ERROR, "cannot be read: %s", strerror(errno));
        if (count == 0)
            return fail(TUMORCLASS_IO_ERROR, "was cut at byte %llu while it was read: it had %llu bytes",
                        (unsigned long long)offset, (unsigned long long)file->size);
        next += count;
        offset += (uint64_t)count;
        size -= (size_t)count;
    }
    return TUMORCLASS_OK;
}

static tumorclass_status check_unchanged(const struct input *file)
{
    struct stat about;
    if (fstat(file->descriptor, &about)) return fail(TUMORCLASS_IO_ERROR, "cannot be read: %s", strerror(errno));
    if ((uint64_t)about.st_size == file->size && about.st_mtim.tv_sec == file->modified.tv_sec &&
        about.st_mtim.tv_nsec == file->modified.tv_nsec)
        return TUMORCLASS_OK;
    return fail(TUMORCLASS_IO_ERROR, "was changed while it was read: it had %llu bytes and has %llu",
                (unsigned long long)file->size, (unsigned long long)about.st_size);
}

tumorclass_status file_close(struct input *file, tumorclass_status status)
{
    if (status == TUMORCLASS_OK) status = check_unchanged(file);
    close(file->descriptor);
    return status;
}

static tumorclass_status read_whole(void **data, size_t *size, const struct input *file, size_t limit)
{
    if (file->size > limit)
        return fail(TUMORCLASS_LIMIT, "has %llu bytes, the limit is %zu", (unsigned long long)file->size, limit);
    *size = (size_t)file->size;
    *data = memory_allocate(*size, 1);
    return *data ? file_read(file, *data, 0, *size) : fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %zu bytes", *size);
}

tumorclass_status file_load(void **data, size_t *size, const char *path, size_t limit)
{
    struct input file;
    *data = NULL;
    tumorclass_status status = file_open(&file, path);
    if (status != TUMORCLASS_OK) return status;
    status = file_close(&file, read_whole(data, size, &file, limit));
    if (status == TUMORCLASS_OK) return status;
    memory_free(*data);
    *data = NULL;
    return fail_within(status, "%s", base_name(path));
}

/* ---- Writing ---- */

void file_begin(char *text, size_t size, const char *path)
{
    size_t used = 0;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    while (descriptor >= 0 && used + 1 < size) {
        const ssize_t got = read(descriptor, text + used, size - 1 - used);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        used += (size_t)got;
    }
    if (descriptor >= 0) close(descriptor);
    text[used] = 0;
}

static tumorclass_status create_directly(struct output *output)
{
    output->descriptor = strcmp(output->path, "-") ? open(output->target, O_WRONLY | O_CLOEXEC)
                                                   : fcntl(1, F_DUPFD_CLOEXEC, 3);
    if (output->descriptor < 0)
        return fail(TUMORCLASS_IO_ERROR, "%s cannot be opened for writing: %s", base_name(output->path),
                    strerror(errno));
    return TUMORCLASS_OK;
}

/* PATH.PID-N.part: one no other process or call uses at this time. Of a long name only the beginning, since what is
 * added must not make it too long. */
static tumorclass_status create_temporary(struct output *output)
{
    const size_t folder = (size_t)(base_name(output->target) - output->target), length = strlen(output->target);
    const size_t kept = length - folder < NAME_KEPT ? length : folder + NAME_KEPT, size = kept + 48;
    output->temporary = memory_allocate(size, 1);
    if (!output->temporary) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a file name");
    memcpy(output->temporary, output->target, kept);
    for (int n = 0; n < 1000; n++) {
        snprintf(output->temporary + kept, size - kept, ".%ld-%d.part", (long)getpid(), n);
        output->descriptor = open(output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (output->descriptor >= 0) return TUMORCLASS_OK;
        if (errno != EEXIST) break;
    }
    const int error = errno;
    memory_free(output->temporary);
    output->temporary = NULL;
    return fail(TUMORCLASS_IO_ERROR, "%s cannot be created: %s", base_name(output->path), strerror(error));
}

static bool written_directly(const char *path)
{
    struct stat about;
    return !strcmp(path, "-") || (!stat(path, &about) && !S_ISREG(about.st_mode));
}

/* What a link points to is replaced, not the link; a path that does not exist yet, a link to nothing
 * too, stays as it is. */
static tumorclass_status resolve(char **target, const char *path)
{
    const bool is_name = strcmp(path, "-") != 0;
    char *real = is_name ? realpath(path, NULL) : NULL;
    const bool kept = !is_name || (!real && errno == ENOENT);
    if (!real && !kept && errno != ENOMEM)
        return fail(TUMORCLASS_IO_ERROR, "%s cannot be created: %s", base_name(path), strerror(errno));
    if (real || kept) *target = memory_string(real ? real : path);
    free(real);
    return *target ? TUMORCLASS_OK : fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a file name");
}

tumorclass_status file_create(struct output *output, const char *path)
{
    *output = (struct output){ .descriptor = -1, .path = memory_string(path) };
    tumorclass_status status = output->path ? resolve(&output->target, path)
                                            : fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a file name");
    if (status == TUMORCLASS_OK) status = written_directly(path) ? create_directly(output) : create_temporary(output);
    if (status != TUMORCLASS_OK) file_abandon(output);
    return status;
}

tumorclass_status file_write(struct output *output, const void *data, size_t size)
{
    const char *next = data;
    while (size) {
        const ssize_t written = write(output->descriptor, next, size < MOST_AT_ONCE ? size : MOST_AT_ONCE);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0)
            return fail(TUMORCLASS_IO_ERROR, "%s cannot be written: %s", base_name(output->path), strerror(errno));
        next += written;
        size -= (size_t)written;
    }
    return TUMORCLASS_OK;
}

static bool sync_and_close(struct output *output)
{
    const bool synced = !output->temporary || fsync(output->descriptor) == 0;
    const int error = errno;
    const bool closed = close(output->descriptor) == 0;
    output->descriptor = -1;
    if (!synced) errno = error;
    return synced && closed;
}

tumorclass_status file_commit(struct output *output)
{
    tumorclass_status status = TUMORCLASS_OK;
    if (!sync_and_close(output) || (output->temporary && rename(output->temporary, output->target)))
        status = fail(TUMORCLASS_IO_ERROR, "%s cannot be written: %s", base_name(output->path), strerror(errno));
    if (status == TUMORCLASS_OK) {
        memory_free(output->temporary);
        output->temporary = NULL;
    }
    file_abandon(output);
    return status;
}

void file_abandon(struct output *output)
{
    if (output->descriptor >= 0) close(output->descriptor);
    if (output->temporary) unlink(output->temporary);
    memory_free(output->temporary);
    memory_free(output->target);
    memory_free(output->path);
    *output = (struct output){ .descriptor = -1 };
}

tumorclass_status tumorclass_write_file(const char *path, const void *data, size_t size)
{
    if (!path) return fail(TUMORCLASS_BAD_ARGUMENT, "path is NULL");
    if (!data && size) return fail(TUMORCLASS_BAD_ARGUMENT, "data is NULL");

    struct output output;
    tumorclass_status status = file_create(&output, path);
    if (status != TUMORCLASS_OK) return status;
    status = file_write(&output, data, size);
    if (status == TUMORCLASS_OK) return file_commit(&output);
    file_abandon(&output);
    return status;
}
