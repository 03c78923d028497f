#include "batch_files.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "outputs.h"
#include "paths.h"
#include "terminal.h"

static int no_memory(void)
{
    complain("no memory for the names of the outputs");
    return MODEL_FAILED;
}

/* The patterns of one scan, {key} in them replaced. */
struct patterns {
    char *attention, *overlay;
    bool complete; /* there was memory for them */
};

static struct patterns patterns_of(const struct options *options, const struct found_scan *scan)
{
    char key[KEY_SIZE];
    scan_key(key, scan);
    struct patterns patterns = { expand_key(options->attention, key), expand_key(options->overlay, key), true };
    patterns.complete = (patterns.attention || !options->attention) && (patterns.overlay || !options->overlay);
    return patterns;
}

static void patterns_free(struct patterns *patterns)
{
    free(patterns->attention);
    free(patterns->overlay);
}

/* Maps in a folder that is searched would be the next run's scans. */
static int check_map_folder(const struct options *options)
{
    int code = ANSWERED;
    const char *map = options->attention;
    char *folder = map ? strndup(map, (size_t)(file_name(map) - map)) : NULL;
    char *real = folder ? realpath(*folder ? folder : ".", NULL) : NULL;
    for (size_t i = 0; real && code == ANSWERED && i < options->file_count; i++) {
        char *input = is_bids_tree(options->files[i]) ? NULL : realpath(options->files[i], NULL);
        const size_t length = input ? strlen(input) : 0;
        if (input && !strncmp(real, input, length) && (!real[length] || real[length] == '/' || length == 1)) {
            complain("--attention: its folder is in INPUT %s, where maps would be taken for scans: choose another",
                     file_name(input));
            code = WRONG_USAGE;
        }
        free(input);
    }
    free(real);
    free(folder);
    return code;
}

/* As classify checks what it writes. Keys are all different, so that one stands for them all. */
static int check_outputs_of(const struct options *options, char **paths, size_t count, const struct patterns *first)
{
    struct options each = *options;
    each.files = paths;
    each.output = NULL;
    for (int overlay = 0; overlay < 2; overlay++) {
        const char *pattern = overlay ? options->overlay : options->attention;
        const bool keyed = pattern && strstr(pattern, KEY_PLACEHOLDER);
        each.attention = overlay ? NULL : first->attention;
        each.overlay = overlay ? first->overlay : NULL;
        each.file_count = keyed ? 1 : count;
        const int code = pattern ? check_outputs(&each) : ANSWERED;
        if (code != ANSWERED) return code;
    }
    return ANSWERED;
}

int check_batch_files(const struct options *options, const struct scans *scans)
{
    int code = check_map_folder(options);
    if (code != ANSWERED || !(options->attention || options->overlay)) return code;
    struct patterns first = patterns_of(options, &scans->items[0]);
    char **paths = calloc(scans->count, sizeof *paths);
    for (size_t i = 0; paths && i < scans->count; i++) paths[i] = scans->items[i].path;
    code = paths && first.complete ? check_outputs_of(options, paths, scans->count, &first) : no_memory();
    free(paths);
    patterns_free(&first);
    return code;
}

tumorclass_status write_batch_files(struct answer *answer, const struct options *options, const struct found_scan *scan)
{
    struct patterns patterns = patterns_of(options, scan);
    struct options each = *options;
    each.attention = patterns.attention;
    each.overlay = patterns.overlay;
    const tumorclass_status status = patterns.complete ? answer_write(answer, &each, scan->path)
                                                       : TUMORCLASS_OUT_OF_MEMORY;
    patterns_free(&patterns);
    return status;
}

static bool is_there(const char *pattern, const struct found_scan *scan)
{
    char *path = expand_pattern(pattern, scan->path);
    const bool there = path && !access(path, F_OK);
    free(path);
    return there;
}

bool has_batch_files(const struct options *options, const struct found_scan *scan)
{
    struct patterns patterns = patterns_of(options, scan);
    const bool there = (!options->attention || is_there(patterns.attention, scan)) &&
                       (!options->overlay || is_there(patterns.overlay, scan));
    patterns_free(&patterns);
    return there;
}
