/* What every Check suite needs: run it, and find data that may be absent. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H
#include <check.h>
#undef fail /* an old name of Check's; ours is in base/status.h */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SKIPPED = 77 }; /* CTest counts this exit code as a skip */

/* Run one suite as a program: in one process if CK_FORK=no or under a sanitizer; the exit code is CTest's. */
static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* TUMORCLASS_TEST_DATA/name, or NULL (with a line that says so) if it is not there. */
static inline const char *test_data(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", TUMORCLASS_TEST_DATA, name);
    if (access(path, R_OK) == 0) return path;
    printf("skipped: no %s in TUMORCLASS_TEST_DATA\n", name);
    return NULL;
}

#endif
