/* Changes what a gzip stream holds, how it is compressed and cut into members, and the fields around it. */
#ifndef TESTS_FUZZ_MUTATE_GZIP_H
#define TESTS_FUZZ_MUTATE_GZIP_H
#include <stddef.h>
#include <stdint.h>

/* In place, within `capacity`; the new size. What is no gzip stream is taken as the content of one. */
size_t mutate_gzip(uint8_t *data, size_t size, size_t capacity, uint64_t seed);

#endif
