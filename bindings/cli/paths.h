/* File names: what a scan is called, and where its outputs go. */
#ifndef CLI_PATHS_H
#define CLI_PATHS_H
#include <stdbool.h>

#define SCAN_PLACEHOLDER "{scan}"

const char *file_name(const char *path); /* after the last slash */
bool has_suffix(const char *path, const char *suffix);
/* The pattern with each {scan} replaced by the scan's base name without .nii, .nii.gz and the like; "-" stays.
 * To be freed; NULL: no memory, or pattern is NULL. */
char *expand_pattern(const char *pattern, const char *scan);

#endif
