#include "outputs.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "paths.h"
#include "terminal.h"

/* One file that the command reads or writes, by a name that no other spelling of it has. */
struct place {
    char *path;
    bool written;
};
struct places {
    struct place *items;
    size_t count;
};

static int no_memory(void)
{
    complain("no memory for the file names");
    return MODEL_FAILED;
}

static int add_place(struct places *places, char *path, bool written)
{
    if (!path) return no_memory();
    places->items[places->count++] = (struct place){ path, written };
    return ANSWERED;
}

/* The folder's real path and the name in it: writing replaces this entry, even where it is a link. */
static char *entry_path(const char *path)
{
    const char *name = file_name(path);
    char *folder = name == path ? strdup(".") : strndup(path, (size_t)(name - path));
    char *real = folder ? realpath(folder, NULL) : NULL, *entry = NULL;
    if (real && (entry = malloc(strlen(real) + strlen(name) + 2))) sprintf(entry, "%s/%s", real, name);
    free(folder);
    free(real);
    return entry;
}

/* An input counts under its own name and under that of the file it leads to. One that is not there fails later. */
static int add_input(struct places *places, const char *path)
{
    char *entry = entry_path(path), *target = realpath(path, NULL);
    int code = ANSWERED;
    if (entry) code = add_place(places, entry, false);
    if (target && entry && !strcmp(entry, target))
        free(target);
    else if (target)
        code = add_place(places, target, false);
    return code;
}

static bool is_special(const char *path)
{
    struct stat about;
    return !strcmp(path, "-") || (!stat(path, &about) && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode));
}

static int add_output(struct places *places, const char *path)
{
    struct stat about;
    if (is_special(path)) return ANSWERED;
    if (!stat(path, &about) && S_ISDIR(about.st_mode)) {
        complain("%s is a folder, not a file to write", file_name(path));
        return WRONG_USAGE;
    }
    char *entry = entry_path(path);
    char *folder = entry ? strndup(entry, (size_t)(file_name(entry) - entry)) : NULL;
    const bool writable = folder && !access(folder, W_OK);
    free(folder);
    if (writable) return add_place(places, entry, true);
    complain("%s cannot be written: %s", file_name(path), strerror(errno));
    free(entry);
    return OUTPUT_FAILED;
}

static int compare_places(const void *a, const void *b)
{
    return strcmp(((const struct place *)a)->path, ((const struct place *)b)->path);
}

static int find_clash(struct places *places)
{
    qsort(places->items, places->count, sizeof *places->items, compare_places);
    for (size_t i = 1; i < places->count; i++) {
        const struct place *a = &places->items[i - 1], *b = &places->items[i];
        if (strcmp(a->path, b->path) != 0 || !(a->written || b->written)) continue;
        if (a->written && b->written)
            complain("%s would be written twice", file_name(a->path));
        else
            complain("%s is an input, and would be overwritten", file_name(a->path));
        return WRONG_USAGE;
    }
    return ANSWERED;
}

/* An option whose value names one file for each scan. */
struct pattern {
    const char *option, *value;
    bool written;
    const char *suffixes[2]; /* what a regular file's name must end with */
};
enum { PATTERNS = 4 };

/* The name's end decides how the file is written. */
static int check_form(const struct pattern *pattern)
{
    const char *value = pattern->value, *const *ends = pattern->suffixes;
    if (!has_suffix(value, ends[0]) && !(ends[1] && has_suffix(value, ends[1])) && strcmp(value, "-") != 0) {
        complain("--%s '%s': must end in %s%s%s", pattern->option, file_name(value), ends[0], ends[1] ? " or " : "",
                 ends[1] ? ends[1] : "");
        return WRONG_USAGE;
    }
    if (!strcmp(value, "-") && isatty(STDOUT_FILENO)) {
        complain("--%s -: standard output is a terminal, which a file would garble", pattern->option);
        return WRONG_USAGE;
    }
    return ANSWERED;
}

static int check_pattern(const struct pattern *pattern, size_t scans)
{
    const char *value = pattern->value;
    if (!value) return ANSWERED;
    if (scans > 1 && !strstr(value, SCAN_PLACEHOLDER)) {
        complain("--%s '%s' is one file for %zu scans: put %s in it, which becomes each scan's name", pattern->option,
                 file_name(value), scans, SCAN_PLACEHOLDER);
        return WRONG_USAGE;
    }
    return pattern->written ? check_form(pattern) : ANSWERED;
}

static int add_pattern(struct places *places, const struct pattern *pattern, const char *scan)
{
    if (!pattern->value) return ANSWERED;
    char *path = expand_pattern(pattern->value, scan);
    if (!path) return no_memory();
    const int code = pattern->written ? add_output(places, path) : add_input(places, path);
    free(path);
    return code;
}

static int gather(struct places *places, const struct options *options, const struct pattern *patterns)
{
    int code = options->model ? add_input(places, options->model) : ANSWERED;
    for (size_t i = 0; code == ANSWERED && i < options->file_count; i++) {
        code = add_input(places, options->files[i]);
        for (size_t p = 0; code == ANSWERED && p < PATTERNS; p++)
            code = add_pattern(places, &patterns[p], options->files[i]);
    }
    return code == ANSWERED ? find_clash(places) : code;
}

int check_outputs(const struct options *options)
{
    const struct pattern patterns[PATTERNS] = {
        { "attention", options->attention, true, { ".nii", ".nii.gz" } },
        { "overlay", options->overlay, true, { ".png", NULL } },
        { "output", options->output, true, { ".nii", ".nii.gz" } },
        { "mask", options->mask, false, { NULL, NULL } },
    };
    int code = ANSWERED;
    for (size_t p = 0; code == ANSWERED && p < PATTERNS; p++) code = check_pattern(&patterns[p], options->file_count);
    if (code != ANSWERED) return code;
    if (options->attention && options->overlay && !strcmp(options->attention, "-") && !strcmp(options->overlay, "-")) {
        complain("--attention and --overlay cannot both go to standard output");
        return WRONG_USAGE;
    }

    struct places places = { calloc(2 + 8 * options->file_count, sizeof *places.items), 0 };
    if (!places.items) return no_memory();
    code = gather(&places, options, patterns);
    for (size_t i = 0; i < places.count; i++) free(places.items[i].path);
    free(places.items);
    return code;
}
