#include "fiber.h"
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <ucontext.h>

/* This file itself is never compiled with -fsanitize=thread: what it does is not what a kernel does. */
#ifdef EMULATION_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

enum { STACK = 256 << 10 };

struct fiber {
    void *stack;
#ifdef __x86_64__
    void *top; /* of what it left on its stack */
#else
    ucontext_t context;
#endif
    void *fake;  /* the address sanitizer's, */
    void *clock; /* and the thread sanitizer's */
};

static fiber *current;
static fiber outer;
#ifdef __SANITIZE_ADDRESS__
static const void *outer_bottom;
static size_t outer_size;
#endif

#ifdef __x86_64__
/* ucontext would ask the kernel for the signal mask twice: five times slower. */
extern "C" void fiber_swap(void **leave, void *enter);
asm(".text\n.type fiber_swap,@function\nfiber_swap:\n"
    "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
    "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n"
    ".size fiber_swap,.-fiber_swap\n");
#endif

static void change(fiber *leave, fiber *enter)
{
#ifdef EMULATION_TSAN
    __tsan_switch_to_fiber(enter->clock, __tsan_switch_to_fiber_no_sync);
#endif
#ifdef __x86_64__
    fiber_swap(&leave->top, enter->top);
#else
    swapcontext(&leave->context, &enter->context);
#endif
}

static void (*entry_of_all)(void);

static void begin()
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(nullptr, &outer_bottom, &outer_size);
#endif
    entry_of_all();
    abort();
}

fiber *fiber_create(void (*entry)(void))
{
    fiber *const f = static_cast<fiber *>(calloc(1, sizeof *f));
    f->stack = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (f->stack == MAP_FAILED) {
        fprintf(stderr, "CPU emulation: no memory for a thread's stack\n");
        exit(2);
    }
    entry_of_all = entry;
#ifdef __x86_64__
    void **const end = reinterpret_cast<void **>(static_cast<char *>(f->stack) + STACK) - 2;
    end[-2] = reinterpret_cast<void *>(begin); /* where fiber_swap returns to; its six registers lie below */
    f->top = end - 8;
#else
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = STACK;
    makecontext(&f->context, begin, 0);
#endif
#ifdef EMULATION_TSAN
    f->clock = __tsan_create_fiber(0);
#endif
    return f;
}

void fiber_free(fiber *fiber)
{
#ifdef EMULATION_TSAN
    __tsan_destroy_fiber(fiber->clock);
#endif
    munmap(fiber->stack, STACK);
    free(fiber);
}

void fiber_enter(fiber *fiber)
{
    current = fiber;
#ifdef EMULATION_TSAN
    outer.clock = __tsan_get_current_fiber();
#endif
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&outer.fake, fiber->stack, STACK);
#endif
    change(&outer, fiber);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(outer.fake, nullptr, nullptr);
#endif
}

void fiber_leave(void)
{
    fiber *const left = current;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&left->fake, outer_bottom, outer_size);
#endif
    change(left, &outer);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(left->fake, &outer_bottom, &outer_size);
#endif
}

void fiber_release(char *tag)
{
#ifdef EMULATION_TSAN
    __tsan_release(tag);
#endif
    (void)tag;
}

void fiber_acquire(char *tag)
{
#ifdef EMULATION_TSAN
    __tsan_acquire(tag);
#endif
    (void)tag;
}
