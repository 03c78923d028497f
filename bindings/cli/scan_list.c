/* A list of scans as a text file: one path a line, relative to the folder that the list is in. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "paths.h"
#include "scans.h"
#include "terminal.h"

/* Editors of other systems end lines with CR LF, and may begin a file with a mark of its encoding. */
static char *trim_line(char *line, ssize_t length, bool first)
{
    while (length && (line[length - 1] == '\n' || line[length - 1] == '\r')) line[--length] = '\0';
    return first && !strncmp(line, "\xef\xbb\xbf", 3) ? line + 3 : line;
}

static int add_line(struct scans *scans, const char *folder, const char *line)
{
    if (!*line || *line == '#') return ANSWERED;
    char *plain = plain_path(line);
    if (!plain) return scans_add(scans, NULL, line, false);
    const int code = scans_add(scans, *plain == '/' ? NULL : folder, plain, false);
    free(plain);
    return code;
}

static int read_lines(struct scans *scans, FILE *list, const char *folder)
{
    char *line = NULL;
    size_t size = 0, number = 0;
    ssize_t length;
    int code = ANSWERED;
    while (code == ANSWERED && (length = getline(&line, &size, list)) >= 0) {
        number++;
        if (strlen(line) == (size_t)length) {
            code = add_line(scans, folder, trim_line(line, length, number == 1));
        } else {
            complain("--list: line %zu holds a zero byte: this is no list of paths", number);
            code = WRONG_USAGE;
        }
    }
    free(line);
    return code;
}

int read_scan_list(struct scans *scans, const char *path)
{
    const bool is_standard = !strcmp(path, "-");
    const size_t folder_size = (size_t)(file_name(path) - path);
    char *folder = folder_size && !is_standard ? strndup(path, folder_size) : NULL;
    FILE *list = is_standard ? stdin : fopen(path, "re");
    int code = WRONG_USAGE;
    if (folder_size && !is_standard && !folder) {
        complain("no memory for the list's folder");
        code = MODEL_FAILED;
    } else if (list) {
        code = read_lines(scans, list, folder);
    }
    if (!list || ferror(list)) {
        complain("--list '%s' cannot be read: %s", file_name(path), strerror(errno));
        code = WRONG_USAGE;
    }
    if (list && !is_standard) fclose(list);
    free(folder);
    return code;
}
