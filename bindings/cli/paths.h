/* File names: what a scan is called, and where its outputs go. */
#ifndef CLI_PATHS_H
#define CLI_PATHS_H
#include <stdbool.h>

#define SCAN_PLACEHOLDER "{scan}"
#define KEY_PLACEHOLDER "{key}"

const char *file_name(const char *path); /* after the last slash */
bool has_suffix(const char *path, const char *suffix);
/* The pattern with each {scan} replaced by the scan's base name without .nii, .nii.gz and the like; "-" stays.
 * To be freed; NULL: no memory, or pattern is NULL. */
char *expand_pattern(const char *pattern, const char *scan);

/* The same for {key}, which stands for the scan's key in a batch; NULL: no memory, or pattern is NULL. */
char *expand_key(const char *pattern, const char *key);
/* "folder/name"; of one that is empty, the other. plain_path: without "." and doubled slashes, so that one place has one
 * spelling (".." stays, since links may stand before it). To be freed; NULL: no memory. */
char *join_paths(const char *folder, const char *name);
char *plain_path(const char *path);

#endif
