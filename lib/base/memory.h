/* Memory: every allocation of the library passes here, with its size checked. Blocks are aligned to 64 bytes. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL if count * size overflows or memory is exhausted; a count of 0 gives a block that may be freed. */
void *memory_allocate(size_t count, size_t size);
void *memory_zeroed(size_t count, size_t size);
/* Grow or shrink to `count` elements, keeping the first `kept` of them; on failure NULL, and `block` is untouched. */
void *memory_resize(void *block, size_t kept, size_t count, size_t size);
char *memory_string(const char *text);                   /* a copy */
char *memory_substring(const char *text, size_t length); /* a copy with a terminating zero */
void memory_free(void *block);

/* *product = a * b, or false on overflow. */
bool multiply_sizes(size_t *product, size_t a, size_t b);
/* The product of `count` positive extents, or -1 if one is not positive or the product passes INT64_MAX. */
int64_t multiply_extents(const int64_t *extents, size_t count);

/* For tests: the n-th allocation from now fails (1 is the next one; 0: none does), counted over all threads. Returns how
 * far off the failure planned before still was; 0: it has happened. */
int64_t memory_fail_at(int64_t nth);
/* For tests: blocks handed out and not yet taken back. */
int64_t memory_blocks_in_use(void);

#endif
