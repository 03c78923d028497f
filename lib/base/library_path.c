#define _GNU_SOURCE /* dladdr */
#include "base/library_path.h"
#include "base/files.h"
#include "base/memory.h"
#include <dlfcn.h>
#include <string.h>

char *library_path(const char *relative)
{
    static const char marker = 0; /* something of ours with an address */
    Dl_info about;
    if (!dladdr(&marker, &about) || !about.dli_fname) return memory_string("");

    const size_t folder = (size_t)(base_name(about.dli_fname) - about.dli_fname), length = strlen(relative);
    char *path = memory_allocate(folder + length + 1, 1);
    if (!path) return NULL;
    memcpy(path, about.dli_fname, folder); /* ends with its slash; none: the file is in the current folder */
    memcpy(path + folder, relative, length + 1);
    return path;
}
