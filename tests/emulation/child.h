/* A mistake is made in a child, since finding it ends the program. */
#ifndef EMULATION_CHILD_H
#define EMULATION_CHILD_H
#include "support.h"
#include <sys/wait.h>

/* Its exit status, -1: a signal ended it; what it said on stderr is in `said`. */
static inline int end_of_child(void (*make)(const void *what), const void *what, char *said, size_t size)
{
    int ends[2], status = 0;
    size_t length = 0;
    ck_assert_int_eq(pipe(ends), 0);
    fflush(NULL);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child) {
        close(ends[0]);
        dup2(ends[1], STDERR_FILENO);
        make(what);
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t got; length + 1 < size && (got = read(ends[0], said + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    said[length] = 0;
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
