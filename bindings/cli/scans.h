/* The scans of a batch, each with the key that its row is known by. Paths only: there may be a hundred thousand. */
#ifndef CLI_SCANS_H
#define CLI_SCANS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "options.h"

struct found_scan {
    char *path;
    size_t within; /* where in `path` the path within the INPUT begins */
    uint64_t key;  /* of the path within the INPUT, so that it stays when the INPUT is moved */
    bool bids;     /* found in a BIDS tree: the path within begins with sub-.../ */
};
struct scans {
    struct found_scan *items;
    size_t count, capacity;
    size_t unread; /* folders that could not be read; each was complained about */
    bool bids;     /* some INPUT is a BIDS tree */
};

enum { KEY_SIZE = 17 };
void scan_key(char key[KEY_SIZE], const struct found_scan *scan); /* 16 hexadecimal digits */

/* All scans of the options' INPUTs and of their --list, sorted by the bytes of their paths within. ANSWERED, or
 * WRONG_USAGE after saying why. */
int find_scans(struct scans *scans, const struct options *options);
/* Leave those whose key falls to the index-th of `count` shards, counted from 1: which one does not change when scans
 * are added. */
void scans_shard(struct scans *scans, int32_t index, int32_t count);
void scans_free(struct scans *scans);

/* ---- What find_scans is made of; each says why and returns another code than ANSWERED, or adds what it found ---- */

/* The scan at `folder`/`within`; folder NULL: `within` alone, made plain first. */
int scans_add(struct scans *scans, const char *folder, const char *within, bool bids);
/* Everything below a folder, and what links in it lead to, once. */
int find_in_folder(struct scans *scans, const char *folder);
bool is_bids_tree(const char *folder);
/* Each session's T1w volumes: those after contrast where it has such. */
int find_in_bids_tree(struct scans *scans, const char *folder);
/* The paths that a text file names, one a line; "-": standard input. */
int read_scan_list(struct scans *scans, const char *path);

#endif
