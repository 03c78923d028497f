#include "scans.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "hash.h"
#include "paths.h"
#include "terminal.h"

static int no_memory(void)
{
    complain("no memory for the names of the scans");
    return MODEL_FAILED;
}

void scan_key(char key[KEY_SIZE], const struct found_scan *scan)
{
    snprintf(key, KEY_SIZE, "%016" PRIx64, scan->key);
}

static bool grow(struct scans *scans)
{
    if (scans->count < scans->capacity) return true;
    const size_t capacity = scans->capacity ? 2 * scans->capacity : 256;
    struct found_scan *items = realloc(scans->items, capacity * sizeof *items);
    if (!items) return false;
    scans->items = items;
    scans->capacity = capacity;
    return true;
}

int scans_add(struct scans *scans, const char *folder, const char *within, bool bids)
{
    char *path = folder ? join_paths(folder, within) : plain_path(within);
    if (!path || !grow(scans)) {
        free(path);
        return no_memory();
    }
    const size_t start = folder ? strlen(path) - strlen(within) : 0;
    scans->items[scans->count++] = (struct found_scan){ path, start, text_hash(path + start), bids };
    return ANSWERED;
}

void scans_free(struct scans *scans)
{
    for (size_t i = 0; i < scans->count; i++) free(scans->items[i].path);
    free(scans->items);
    *scans = (struct scans){ 0 };
}

/* Take out the scans that are marked by a NULL path. */
static void close_gaps(struct scans *scans)
{
    size_t kept = 0;
    for (size_t i = 0; i < scans->count; i++)
        if (scans->items[i].path) scans->items[kept++] = scans->items[i];
    scans->count = kept;
}

static void drop(struct found_scan *scan)
{
    free(scan->path);
    scan->path = NULL;
}

void scans_shard(struct scans *scans, int32_t index, int32_t count)
{
    for (size_t i = 0; i < scans->count; i++)
        if (scans->items[i].key % (uint64_t)count + 1 != (uint64_t)index) drop(&scans->items[i]);
    close_gaps(scans);
}

static int compare_places(const void *a, const void *b)
{
    const struct found_scan *x = a, *y = b;
    const int order = strcmp(x->path + x->within, y->path + y->within);
    return order ? order : strcmp(x->path, y->path);
}

static int compare_keys(const void *a, const void *b)
{
    const struct found_scan *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return compare_places(a, b);
}

static bool are_one_file(const char *a, const char *b)
{
    struct stat one, other;
    return !strcmp(a, b) ||
           (!stat(a, &one) && !stat(b, &other) && one.st_dev == other.st_dev && one.st_ino == other.st_ino);
}

/* A key is one scan's: what was named twice counts once, and two scans that cannot be told apart are refused. */
static int drop_duplicates(struct scans *scans)
{
    qsort(scans->items, scans->count, sizeof *scans->items, compare_keys);
    for (size_t i = 1; i < scans->count; i++) {
        struct found_scan *last = &scans->items[i - 1], *scan = &scans->items[i];
        if (last->key != scan->key) continue;
        if (!are_one_file(last->path, scan->path)) {
            complain("%s lies at the same place in two INPUTs, so that its rows could not be told apart: name the "
                     "folder that holds both",
                     file_name(scan->path));
            return WRONG_USAGE;
        }
        free(last->path);
        last->path = NULL;
    }
    close_gaps(scans);
    return ANSWERED;
}

/* ---- Masks that lie among the scans are no scans ---- */

struct mask_file {
    dev_t device;
    ino_t file;
    size_t owner; /* the scan that it is the mask of */
};

static int compare_masks(const void *a, const void *b)
{
    const struct mask_file *x = a, *y = b;
    if (x->device != y->device) return x->device < y->device ? -1 : 1;
    return (x->file > y->file) - (x->file < y->file);
}

static int find_masks(struct mask_file *masks, size_t *count, const struct scans *scans, const char *pattern)
{
    struct stat about;
    *count = 0;
    for (size_t i = 0; i < scans->count; i++) {
        char *path = expand_pattern(pattern, scans->items[i].path);
        if (!path) return no_memory();
        if (!stat(path, &about)) masks[(*count)++] = (struct mask_file){ about.st_dev, about.st_ino, i };
        free(path);
    }
    qsort(masks, *count, sizeof *masks, compare_masks);
    return ANSWERED;
}

/* Is it the mask of another scan? A scan without a skull may be its own. */
static bool is_mask(const struct mask_file *masks, size_t count, const char *path, size_t index)
{
    struct stat about;
    if (stat(path, &about)) return false;
    const struct mask_file wanted = { about.st_dev, about.st_ino, index };
    const struct mask_file *mask = bsearch(&wanted, masks, count, sizeof *masks, compare_masks);
    if (!mask) return false;
    while (mask > masks && !compare_masks(mask - 1, &wanted)) mask--;
    for (; mask < masks + count && !compare_masks(mask, &wanted); mask++)
        if (mask->owner != index) return true;
    return false;
}

static int drop_masks(struct scans *scans, const char *pattern)
{
    size_t count, dropped = 0;
    struct mask_file *masks = calloc(scans->count + 1, sizeof *masks);
    if (!masks) return no_memory();
    const int code = find_masks(masks, &count, scans, pattern);
    for (size_t i = 0; code == ANSWERED && i < scans->count; i++) {
        if (!is_mask(masks, count, scans->items[i].path, i)) continue;
        drop(&scans->items[i]);
        dropped++;
    }
    free(masks);
    close_gaps(scans);
    if (dropped == 1) complain("one file that --mask names is no scan");
    if (dropped > 1) complain("%zu files that --mask names are no scans", dropped);
    return code;
}

/* ---- Inputs ---- */

static int add_input(struct scans *scans, const char *input)
{
    struct stat about;
    if (stat(input, &about)) {
        complain("%s: %s", file_name(input), strerror(errno));
        return WRONG_USAGE;
    }
    if (!S_ISDIR(about.st_mode)) return scans_add(scans, NULL, input, false);
    return is_bids_tree(input) ? find_in_bids_tree(scans, input) : find_in_folder(scans, input);
}

int find_scans(struct scans *scans, const struct options *options)
{
    int code = ANSWERED;
    *scans = (struct scans){ 0 };
    for (size_t i = 0; code == ANSWERED && i < options->file_count; i++) code = add_input(scans, options->files[i]);
    if (code == ANSWERED && options->list) code = read_scan_list(scans, options->list);
    if (code == ANSWERED && !scans->count) {
        complain("no scans were found: .nii, .nii.gz, or .hdr with .img");
        code = WRONG_USAGE;
    }
    if (code == ANSWERED) code = drop_duplicates(scans);
    if (code == ANSWERED && options->mask) code = drop_masks(scans, options->mask);
    if (code == ANSWERED) qsort(scans->items, scans->count, sizeof *scans->items, compare_places);
    return code;
}
