/* What the emulation's files know of the block that runs. */
#ifndef EMULATION_SCHEDULER_H
#define EMULATION_SCHEDULER_H
#include <cuda_runtime_api.h>
#include "emulation.h"

enum { MOST_THREADS = 1024, MOST_SHARED = 48 << 10 };
enum thread_status { THREAD_READY, THREAD_AT_BARRIER, THREAD_IN_WARP, THREAD_DONE };

struct emulated_thread {
    struct fiber *fiber; /* NULL: not begun, or done */
    thread_status status;
    const emulation_site *site; /* where it waits */
};
extern emulated_thread block_threads[MOST_THREADS];
extern unsigned block_size, this_thread; /* index in the block */
extern unsigned long long block_number;  /* counts all blocks of the program */

void wait_here(thread_status status, const emulation_site *site);
void shared_begin_block();
void warp_begin_block();

#endif
