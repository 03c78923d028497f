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

/* An option whose value names one output for each scan, and what its name must end with. */
struct output_option {
    const char *option, *value;
    const char *ends[2];
};
enum { OUTPUTS = 4 };

/* The name's end decides how the file is written. */
static int check_form(const struct output_option *output)
{
    const char *value = output->value, *const *ends = output->ends;
    if (!has_suffix(value, ends[0]) && !(ends[1] && has_suffix(value, ends[1])) && strcmp(value, "-") != 0) {
        complain("--%s '%s': must end in %s%s%s", output->option, file_name(value), ends[0], ends[1] ? " or " : "",
                 ends[1] ? ends[1] : "");
        return WRONG_USAGE;
    }
    if (!strcmp(value, "-") && isatty(STDOUT_FILENO)) {
        complain("--%s -: standard output is a terminal, which a file would garble", output->option);
        return WRONG_USAGE;
    }
    return ANSWERED;
}

static int check_option(const struct output_option *output, size_t scans)
{
    if (!output->value) return ANSWERED;
    if (scans == 1 || strstr(output->value, SCAN_PLACEHOLDER)) return check_form(output);
    complain("--%s '%s' is one file for %zu scans: put %s in it, which becomes each scan's name", output->option,
             file_name(output->value), scans, SCAN_PLACEHOLDER);
    return WRONG_USAGE;
}

/* The file that an option names for one scan. */
static int add_expanded(struct places *places, int (*add)(struct places *, const char *), const char *pattern,
                        const char *scan)
{
    if (!pattern) return ANSWERED;
    char *path = expand_pattern(pattern, scan);
    if (!path) return no_memory();
    const int code = add(places, path);
    free(path);
    return code;
}

static int gather_places(struct places *places, const struct options *options, const struct output_option *outputs)
{
    int code = ANSWERED;
    for (size_t i = 0; i < options->model_count && code == ANSWERED; i++) code = add_input(places, options->models[i]);
    for (size_t i = 0; code == ANSWERED && i < options->file_count; i++) {
        const char *scan = options->files[i];
        code = add_input(places, scan);
        if (code == ANSWERED) code = add_expanded(places, add_input, options->mask, scan);
        for (size_t o = 0; code == ANSWERED && o < OUTPUTS; o++)
            code = add_expanded(places, add_output, outputs[o].value, scan);
    }
    return code;
}

/* On a list of every file that the run reads or writes: at most two names an input and one an output. */
static int check_places(const struct options *options, const struct output_option *outputs)
{
    struct places places = {
        calloc(2 * options->model_count + (4 + OUTPUTS) * options->file_count + 1, sizeof *places.items), 0
    };
    if (!places.items) return no_memory();
    int code = gather_places(&places, options, outputs);
    if (code == ANSWERED) code = find_clash(&places);
    for (size_t i = 0; i < places.count; i++) free(places.items[i].path);
    free(places.items);
    return code;
}

int check_outputs(const struct options *options)
{
    const struct output_option outputs[OUTPUTS] = {
        { "attention", options->attention, { ".nii", ".nii.gz" } },
        { "overlay", options->overlay, { ".png", NULL } },
        { "output", options->output, { ".nii", ".nii.gz" } },
        { "phantom", options->phantom, { ".nii", ".nii.gz" } },
    };
    int code = ANSWERED;
    for (size_t o = 0; code == ANSWERED && o < OUTPUTS; o++)
        code = check_option(&outputs[o], options->phantom ? 1 : options->file_count);
    if (code != ANSWERED) return code;
    if (options->attention && options->overlay && !strcmp(options->attention, "-") && !strcmp(options->overlay, "-")) {
        complain("--attention and --overlay cannot both go to standard output");
        return WRONG_USAGE;
    }
    return check_places(options, outputs);
}
