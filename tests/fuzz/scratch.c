#include "fuzz.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATHS = 4, NAMES = 16 };
static char folder[64];
static char names[NAMES][32];

static void remove_folder(void)
{
    for (int i = 0; i < NAMES && *names[i]; i++) unlink(scratch_path(names[i]));
    rmdir(folder);
}

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "%s/tumorclass-fuzz-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    promise(mkdtemp(folder) && !atexit(remove_folder), "there is room for a folder");
}

static void remember(const char *name)
{
    int i = 0;
    while (i < NAMES - 1 && *names[i] && strcmp(names[i], name)) i++;
    snprintf(names[i], sizeof names[i], "%s", name);
}

const char *scratch_path(const char *name)
{
    static char paths[PATHS][128];
    static int next;
    if (!*folder) make_folder();
    remember(name);
    char *path = paths[next++ % PATHS];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

const char *scratch_write(const char *name, const void *data, size_t size)
{
    const char *path = scratch_path(name);
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    promise(descriptor >= 0 && write(descriptor, data, size) == (ssize_t)size, "a small file can be written");
    close(descriptor);
    return path;
}
