/* Fuzzing: each fuzz_NAME.c reads what may be anything and aborts where the library breaks a promise; the sanitizers
 * see the rest. Built by clang with libFuzzer, which calls these two (run.sh), or by any compiler with replay.c, which
 * feeds the files of corpus/NAME. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Change `data` in place, within `capacity`; the new size. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed);
/* libFuzzer's own way, which knows no format; in the replay it changes nothing. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity);

/* Abort with a line that says which promise was broken. */
void promise(bool kept, const char *what);
/* A status, and what it says about the handle and the sentence: OK has the one, a failure the other. */
void promise_status(tumorclass_status status, const void *handle);

/* A file in a folder of this process, in memory where the system has such; the name may be used again. The path lives
 * until the fourth call after this one. */
const char *scratch_path(const char *name);
const char *scratch_write(const char *name, const void *data, size_t size);

#endif
