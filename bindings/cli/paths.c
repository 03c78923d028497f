#include "paths.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool has_suffix(const char *path, const char *suffix)
{
    const size_t length = strlen(path), end = strlen(suffix);
    return length > end && !strcmp(path + length - end, suffix);
}

static size_t stem_length(const char *name)
{
    static const char *const suffixes[] = { ".nii", ".nii.gz", ".hdr", ".hdr.gz", ".img", ".img.gz" };
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (has_suffix(name, suffixes[i])) return strlen(name) - strlen(suffixes[i]);
    return strlen(name);
}

char *expand_pattern(const char *pattern, const char *scan)
{
    if (!pattern) return NULL;
    const char *name = file_name(scan);
    const size_t stem = stem_length(name), mark = strlen(SCAN_PLACEHOLDER);
    size_t size = strlen(pattern) + 1;
    for (const char *p = pattern; (p = strstr(p, SCAN_PLACEHOLDER)); p += mark) size += stem;
    char *path = malloc(size), *end = path;
    if (!path) return NULL;
    for (const char *p; (p = strstr(pattern, SCAN_PLACEHOLDER)); pattern = p + mark)
        end += sprintf(end, "%.*s%.*s", (int)(p - pattern), pattern, (int)stem, name);
    memcpy(end, pattern, strlen(pattern) + 1);
    return path;
}
