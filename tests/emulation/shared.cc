/* A block's shared memory: new for each, and nothing in it. */
#include "scheduler.h"
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at))
#endif

enum { ARENA = 2 * MOST_SHARED, APART = 64 }; /* bytes */

static unsigned char *arena;
static size_t used, taken;

/* A new mapping each time for the thread sanitizer: else it would hold the last block's threads against this one's. */
void shared_begin_block()
{
#ifdef EMULATION_TSAN
    if (arena) munmap(arena, ARENA);
    arena = nullptr;
#endif
    if (!arena) {
        void *const mapped = mmap(nullptr, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped == MAP_FAILED) {
            fprintf(stderr, "CPU emulation: no memory for shared memory\n");
            exit(2);
        }
        arena = static_cast<unsigned char *>(mapped);
    }
    ASAN_POISON_MEMORY_REGION(arena, ARENA);
    used = APART;
    taken = 0;
}

/* By plain loops: the thread sanitizer sees memset, and this is not what the kernel does. */
void *emulation_shared_memory(emulation_shared *shared, size_t size)
{
    if (shared->block == block_number) return arena + shared->offset;
    shared->block = block_number;
    shared->offset = used;
    taken += size;
    used = (used + size + APART + 15) / 16 * 16;
    if (taken > MOST_SHARED || used > ARENA)
        emulation_fail("%zu bytes of shared memory, more than %d", taken, MOST_SHARED);
    ASAN_UNPOISON_MEMORY_REGION(arena + shared->offset, size);
    for (size_t i = 0; i < size; i++) static_cast<volatile unsigned char *>(arena)[shared->offset + i] = 0xff;
    return arena + shared->offset;
}
