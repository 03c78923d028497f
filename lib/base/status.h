/* base: what every room stands on: status, memory, threads, files. Includes nothing but the public header and libc. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H
#include <stdbool.h>
#include <stdint.h>
#include "tumorclass/tumorclass.h"

#if defined(__GNUC__)
#define PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))
#else
#define PRINTF_LIKE(string, first)
#endif

/* Keep the sentence for tumorclass_last_error and return `status`. The sentence says what was wrong with what, in
 * numbers; control characters from hostile files are replaced. */
tumorclass_status fail(tumorclass_status status, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same, with ": " and the sentence of the failure so far appended: adds the file's name on the way up. */
tumorclass_status fail_within(tumorclass_status status, const char *format, ...) PRINTF_LIKE(2, 3);

/* Check an options struct of a caller compiled against another version: `known` is this library's size of it.
 * Copies what the caller has into `dst` (zero for the rest); a non-zero tail that we do not know is NEWER_CALLER. */
tumorclass_status read_options(void *dst, const void *src, size_t known, const char *name);

#endif
