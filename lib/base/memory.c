#include "base/memory.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };
static atomic_int_fast64_t allocations_until_failure;
static atomic_int_fast64_t blocks_in_use;

int64_t memory_fail_at(int64_t nth)
{
    return atomic_exchange(&allocations_until_failure, nth);
}

int64_t memory_blocks_in_use(void)
{
    return atomic_load(&blocks_in_use);
}

static bool must_fail(void)
{
    if (atomic_load_explicit(&allocations_until_failure, memory_order_relaxed) <= 0) return false;
    return atomic_fetch_sub(&allocations_until_failure, 1) == 1;
}

bool multiply_sizes(size_t *product, size_t a, size_t b)
{
    if (b && a > SIZE_MAX / b) return false;
    *product = a * b;
    return true;
}

int64_t multiply_extents(const int64_t *extents, size_t count)
{
    int64_t product = 1;
    for (size_t i = 0; i < count; i++) {
        if (extents[i] <= 0 || product > INT64_MAX / extents[i]) return -1;
        product *= extents[i];
    }
    return product;
}

/* Of the very size that was asked for, so that a sanitizer sees a read just past the end. */
void *memory_allocate(size_t count, size_t size)
{
    size_t bytes;
    void *block;
    if (!multiply_sizes(&bytes, count, size) || bytes > PTRDIFF_MAX || must_fail()) return NULL;
    if (posix_memalign(&block, ALIGNMENT, bytes ? bytes : 1)) return NULL;
    atomic_fetch_add(&blocks_in_use, 1);
    return block;
}

void *memory_zeroed(size_t count, size_t size)
{
    void *block = memory_allocate(count, size);
    if (block) memset(block, 0, count * size);
    return block;
}

void *memory_resize(void *block, size_t kept, size_t count, size_t size)
{
    void *resized = memory_allocate(count, size);
    if (!resized) return NULL;
    if (block) memcpy(resized, block, (kept < count ? kept : count) * size);
    memory_free(block);
    return resized;
}

char *memory_substring(const char *text, size_t length)
{
    char *copy = memory_allocate(length + 1, 1);
    if (!copy) return NULL;
    memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

char *memory_string(const char *text)
{
    return memory_substring(text, strlen(text));
}

void memory_free(void *block)
{
    if (!block) return;
    atomic_fetch_sub(&blocks_in_use, 1);
    free(block);
}
