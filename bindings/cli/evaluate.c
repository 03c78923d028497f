/* tumorclass evaluate: a Python program, since known statistics come from known libraries. It is looked for beside this
 * program, where a build tree and pip have it, in the folder that it is installed into, and in the PATH. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "command.h"
#include "paths.h"
#include "terminal.h"

#define PROGRAM "tumorclass-evaluate"

/* This program's file; "": unknown. */
static void find_self(char path[PATH_MAX])
{
    const ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = '\0';
}

/* The first of these places, relative to this program's folder, that holds the program; to be freed. NULL: none. */
static char *find_program(const char *self)
{
    static const char *const places[] = { PROGRAM, TUMORCLASS_LIBEXEC "/" PROGRAM };
    for (size_t i = 0; *self && i < sizeof places / sizeof *places; i++) {
        char *folder = strndup(self, (size_t)(file_name(self) - self));
        char *path = folder ? join_paths(folder, places[i]) : NULL;
        free(folder);
        if (path && !access(path, X_OK)) return path;
        free(path);
    }
    return NULL;
}

static int not_there(int error)
{
    if (error != ENOENT)
        complain(PROGRAM " cannot be run: %s", strerror(error));
    else
        complain(PROGRAM " is not installed, or Python 3 is not: 'pip install examples/evaluation' in the sources of "
                         "tumorclass installs it");
    return WRONG_USAGE;
}

/* arguments[0] is the command's name. The program runs this one where it needs scans classified. */
int evaluate(char **arguments)
{
    static char name[] = PROGRAM, option[] = "--tumorclass";
    char self[PATH_MAX];
    size_t count = 0;
    while (arguments[count]) count++;
    char **given = calloc(count + 3, sizeof *given);
    if (!given) {
        complain("no memory for the arguments");
        return MODEL_FAILED;
    }
    find_self(self);
    char *program = find_program(self), **next = given;
    *next++ = name;
    if (*self) {
        *next++ = option;
        *next++ = self;
    }
    for (size_t i = 1; i < count; i++) *next++ = arguments[i];
    if (program)
        execv(program, given);
    else
        execvp(name, given);
    const int error = errno;
    free(program);
    free(given);
    return not_there(error);
}
