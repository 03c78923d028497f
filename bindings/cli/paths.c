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

static char *replace(const char *text, const char *mark, const char *value, size_t length)
{
    const size_t skipped = strlen(mark);
    size_t size = strlen(text) + 1;
    for (const char *t = text; (t = strstr(t, mark)); t += skipped) size += length;
    char *replaced = malloc(size), *end = replaced;
    if (!replaced) return NULL;
    for (const char *t; (t = strstr(text, mark)); text = t + skipped)
        end += sprintf(end, "%.*s%.*s", (int)(t - text), text, (int)length, value);
    strcpy(end, text);
    return replaced;
}

char *expand_pattern(const char *pattern, const char *scan)
{
    const char *name = file_name(scan);
    return pattern ? replace(pattern, SCAN_PLACEHOLDER, name, stem_length(name)) : NULL;
}

char *expand_key(const char *pattern, const char *key)
{
    return pattern ? replace(pattern, KEY_PLACEHOLDER, key, strlen(key)) : NULL;
}

char *join_paths(const char *folder, const char *name)
{
    const size_t length = strlen(folder);
    const bool joined = !length || !*name || folder[length - 1] == '/';
    char *path = malloc(length + strlen(name) + 2);
    if (path) sprintf(path, "%s%s%s", folder, joined ? "" : "/", name);
    return path;
}

char *plain_path(const char *path)
{
    char *plain = malloc(strlen(path) + 2), *end = plain;
    if (!plain) return NULL;
    if (*path == '/') *end++ = '/';
    for (size_t size; *path; path += size) {
        path += strspn(path, "/");
        size = strcspn(path, "/");
        if (!size || (size == 1 && *path == '.')) continue;
        if (end > plain && end[-1] != '/') *end++ = '/';
        memcpy(end, path, size);
        end += size;
    }
    *end = '\0';
    return plain;
}
