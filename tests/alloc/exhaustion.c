/* Takes the place of libc's own functions in a program that this is linked into, or preloaded into: glibc lets its
 * malloc be replaced, and calls the replacement itself. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "failures.h"
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

/* glibc's own, under the names that it keeps for replacements */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static atomic_bool open_window;
static atomic_int planned;
static atomic_bool planned_onwards;
static atomic_int_fast64_t planned_first, calls, failed, in_use;

bool failures_plan(enum scarce what, int64_t first, bool onwards)
{
    atomic_store(&planned, (int)what);
    atomic_store(&planned_first, first);
    atomic_store(&planned_onwards, onwards);
    atomic_store(&calls, 0);
    atomic_store(&failed, 0);
    return true;
}

void failures_begin(void)
{
    atomic_store(&open_window, true);
}

void failures_end(void)
{
    atomic_store(&open_window, false);
    atomic_store(&planned_first, 0);
}

int64_t failures_count(void)
{
    return atomic_load(&failed);
}

int64_t failures_in_use(void)
{
    return atomic_load(&in_use);
}

static bool must_fail(enum scarce what)
{
    const int64_t first = atomic_load(&planned_first);
    if (!atomic_load(&open_window) || !first || atomic_load(&planned) != (int)what) return false;
    const int64_t call = atomic_fetch_add(&calls, 1) + 1;
    if (call != first && !(atomic_load(&planned_onwards) && call > first)) return false;
    atomic_fetch_add(&failed, 1);
    return true;
}

static void *counted(void *block)
{
    if (block) atomic_fetch_add(&in_use, 1);
    return block;
}

static void *refused(void)
{
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size)
{
    return must_fail(SCARCE_MEMORY) ? refused() : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return must_fail(SCARCE_MEMORY) ? refused() : counted(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size)
{
    if (must_fail(SCARCE_MEMORY)) return refused();
    void *moved = __libc_realloc(block, size);
    if (!block) return counted(moved);
    if (!moved && !size) atomic_fetch_sub(&in_use, 1); /* freed */
    return moved;
}

void *memalign(size_t alignment, size_t size)
{
    return must_fail(SCARCE_MEMORY) ? refused() : counted(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    void *aligned = memalign(alignment, size);
    if (!aligned) return ENOMEM;
    *block = aligned;
    return 0;
}

void free(void *block)
{
    if (block) atomic_fetch_sub(&in_use, 1);
    __libc_free(block);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    typedef int function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (must_fail(SCARCE_THREADS)) return EAGAIN;
    return ((function *)dlsym(RTLD_NEXT, "pthread_create"))(thread, attributes, start, argument);
}
