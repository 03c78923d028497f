#include "fuzz.h"
#include <stdio.h>
#include <stdlib.h>

void promise(bool kept, const char *what)
{
    if (kept) return;
    fprintf(stderr, "broken promise: %s (last error: %s)\n", what, tumorclass_last_error());
    abort();
}

void promise_status(tumorclass_status status, const void *handle)
{
    promise(tumorclass_status_name(status) != NULL, "a status has a name");
    promise((status == TUMORCLASS_OK) == (handle != NULL), "a handle comes with OK and with nothing else");
    promise(status == TUMORCLASS_OK || *tumorclass_last_error(), "a failure has a sentence");
}
