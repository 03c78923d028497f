/* Runs a grid: blocks one after the other, of each block's threads now this one, now that one. */
#include "scheduler.h"
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include "emulation_order.h"
#include "fiber.h"

uint3 emulation_thread, emulation_block;
dim3 emulation_block_dim, emulation_grid_dim;
int emulation_lane;

emulated_thread block_threads[MOST_THREADS];
unsigned block_size, this_thread;
unsigned long long block_number;

static void (*body)(void *);
static void *arguments;
static unsigned order[MOST_THREADS], done;
static fiber *idle[MOST_THREADS];
static unsigned idle_count;
static char begin_tag, barrier_tag, end_tag, fence_tag;

void emulation_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "CPU emulation: block (%u, %u, %u), thread (%u, %u, %u): ", blockIdx.x, blockIdx.y, blockIdx.z,
            threadIdx.x, threadIdx.y, threadIdx.z);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    _Exit(3);
}

/* ---- Orders ---- */

static emulation_order kind;
static uint64_t random_state;

static unsigned random_below(unsigned count)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 16) % count);
}

void emulation_set_order(emulation_order wanted, uint32_t seed)
{
    kind = wanted;
    random_state = 88172645463325252ull + 0x9e3779b97f4a7c15ull * seed;
}

static void order_threads()
{
    for (unsigned i = 0; i < block_size; i++) order[i] = kind == EMULATION_REVERSE ? block_size - 1 - i : i;
    for (unsigned i = block_size; kind == EMULATION_RANDOM && i > 1; i--)
        std::swap(order[i - 1], order[random_below(i)]);
}

static uint64_t greatest_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        const uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* ---- A block ---- */

static void place(unsigned thread)
{
    this_thread = thread;
    emulation_lane = (int)(thread % 32);
    threadIdx.x = thread % blockDim.x;
    threadIdx.y = thread / blockDim.x % blockDim.y;
    threadIdx.z = thread / blockDim.x / blockDim.y;
}

void wait_here(thread_status status, const emulation_site *site)
{
    const unsigned thread = this_thread;
    block_threads[thread].status = status;
    block_threads[thread].site = site;
    fiber_leave();
    place(thread);
}

/* A fiber runs one thread after another, as the scheduler gives them to it. */
static void run_threads()
{
    for (;;) {
        const unsigned thread = this_thread;
        fiber_acquire(&begin_tag);
        body(arguments);
        fiber_release(&end_tag);
        block_threads[thread].status = THREAD_DONE;
        done++;
        fiber_leave();
    }
}

/* To the thread sanitizer a thread must not inherit what the last one on its fiber knew. */
static void retire(fiber *fiber)
{
#ifdef EMULATION_TSAN
    fiber_free(fiber);
#else
    idle[idle_count++] = fiber;
#endif
}

static void resume(unsigned thread)
{
    emulated_thread *const t = &block_threads[thread];
    if (!t->fiber) t->fiber = idle_count ? idle[--idle_count] : fiber_create(run_threads);
    place(thread);
    fiber_enter(t->fiber);
    if (t->status != THREAD_DONE) return;
    retire(t->fiber);
    t->fiber = nullptr;
}

static void report_deadlock()
{
    unsigned at_barrier = 0, in_warp = 0;
    const emulation_site *site = nullptr;
    for (unsigned i = 0; i < block_size; i++) {
        at_barrier += block_threads[i].status == THREAD_AT_BARRIER;
        in_warp += block_threads[i].status == THREAD_IN_WARP;
        if (block_threads[i].status == THREAD_AT_BARRIER || block_threads[i].status == THREAD_IN_WARP) {
            site = block_threads[i].site;
            place(i);
        }
    }
    emulation_fail(
        "deadlock: %u threads wait at a barrier, %u in a warp operation (one of them at %s:%d), %u of %u have "
        "returned",
        at_barrier, in_warp, site ? site->file : "?", site ? site->line : 0, done, block_size);
}

static void run_block()
{
    block_number++;
    done = 0;
    for (unsigned i = 0; i < block_size; i++) block_threads[i] = { nullptr, THREAD_READY, nullptr };
    shared_begin_block();
    warp_begin_block();
    order_threads();
    while (done < block_size) {
        bool moved = false;
        const unsigned from = kind == EMULATION_RANDOM ? random_below(block_size) : 0;
        for (unsigned k = 0; k < block_size; k++) {
            const unsigned thread = order[(from + k) % block_size];
            if (block_threads[thread].status != THREAD_READY) continue;
            moved = true;
            resume(thread);
        }
        if (!moved) report_deadlock();
    }
}

void emulation_barrier(const emulation_site *site)
{
    static unsigned waiting;
    static unsigned long long of_block;
    static const emulation_site *of_site;
    if (of_block != block_number) waiting = 0;
    of_block = block_number;
    if (waiting && of_site != site)
        emulation_fail("%s:%d: this barrier is not the one at %s:%d, where %u others wait", site->file, site->line,
                       of_site->file, of_site->line, waiting);
    if (done)
        emulation_fail("%s:%d: a barrier after %u threads of the block have returned", site->file, site->line, done);
    of_site = site;
    fiber_release(&barrier_tag);
    if (++waiting == block_size) {
        waiting = 0;
        for (unsigned i = 0; i < block_size; i++)
            if (block_threads[i].status == THREAD_AT_BARRIER) block_threads[i].status = THREAD_READY;
    } else {
        wait_here(THREAD_AT_BARRIER, site);
    }
    fiber_acquire(&barrier_tag);
}

void emulation_fence()
{
    fiber_release(&fence_tag);
    fiber_acquire(&fence_tag);
}

/* ---- A grid ---- */

static void check_launch(dim3 grid, dim3 block)
{
    const uint64_t threads = (uint64_t)block.x * block.y * block.z;
    if (threads < 1 || threads > MOST_THREADS || block.z > 64)
        emulation_fail("no launch of %u x %u x %u threads a block", block.x, block.y, block.z);
    if (!grid.x || !grid.y || !grid.z || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535)
        emulation_fail("no launch of %u x %u x %u blocks", grid.x, grid.y, grid.z);
}

void emulation_run(void (*kernel)(void *), void *kernel_arguments, dim3 grid, dim3 block)
{
    check_launch(grid, block);
    body = kernel;
    arguments = kernel_arguments;
    block_size = block.x * block.y * block.z;
    blockDim = block;
    gridDim = grid;
    fiber_release(&begin_tag);
    const uint64_t count = (uint64_t)grid.x * grid.y * grid.z;
    uint64_t step = kind == EMULATION_REVERSE ? count - 1 : 1, at = kind == EMULATION_REVERSE ? count - 1 : 0;
    if (kind == EMULATION_RANDOM) {
        step = 1 + random_below((unsigned)count);
        while (greatest_divisor(step, count) != 1) step++;
        at = random_below((unsigned)count);
    }
    for (uint64_t k = 0; k < count; k++, at = (at + step) % count) {
        blockIdx = { (unsigned)(at % grid.x), (unsigned)(at / grid.x % grid.y), (unsigned)(at / grid.x / grid.y) };
        run_block();
    }
    fiber_acquire(&end_tag);
}
