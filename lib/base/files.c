#include "base/files.h"
#include "base/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static tumorclass_status map_descriptor(struct mapping *mapping, int descriptor, const char *path, size_t limit)
{
    struct stat about;
    if (fstat(descriptor, &about)) return fail(TUMORCLASS_IO_ERROR, "%s: %s", base_name(path), strerror(errno));
    if (!S_ISREG(about.st_mode)) return fail(TUMORCLASS_IO_ERROR, "%s is not a regular file", base_name(path));
    if (about.st_size == 0) return fail(TUMORCLASS_IO_ERROR, "%s is empty", base_name(path));
    if ((uint64_t)about.st_size > limit)
        return fail(TUMORCLASS_LIMIT, "%s has %lld bytes, the limit is %zu", base_name(path), (long long)about.st_size,
                    limit);

    void *data = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED)
        return fail(errno == ENOMEM ? TUMORCLASS_OUT_OF_MEMORY : TUMORCLASS_IO_ERROR, "%s cannot be mapped: %s",
                    base_name(path), strerror(errno));
    *mapping = (struct mapping){ data, (size_t)about.st_size };
    return TUMORCLASS_OK;
}

tumorclass_status file_map(struct mapping *mapping, const char *path, size_t limit)
{
    *mapping = (struct mapping){ NULL, 0 };
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    if (descriptor < 0) return fail(TUMORCLASS_IO_ERROR, "%s cannot be opened: %s", base_name(path), strerror(errno));
    const tumorclass_status status = map_descriptor(mapping, descriptor, path, limit);
    close(descriptor);
    return status;
}

void file_unmap(struct mapping *mapping)
{
    if (mapping->data) munmap((void *)(uintptr_t)mapping->data, mapping->size);
    *mapping = (struct mapping){ NULL, 0 };
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

/* PATH.PID-N.part: one no other process or call uses at this time. */
static tumorclass_status create_temporary(struct output *output)
{
    const size_t size = strlen(output->target) + 48;
    output->temporary = memory_allocate(size, 1);
    if (!output->temporary) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a file name");
    for (int n = 0; n < 1000; n++) {
        snprintf(output->temporary, size, "%s.%ld-%d.part", output->target, (long)getpid(), n);
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

/* What a link points to is replaced, not the link; a path that does not exist yet stays as it is. */
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
        const ssize_t written = write(output->descriptor, next, size < 1 << 30 ? size : 1 << 30);
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
