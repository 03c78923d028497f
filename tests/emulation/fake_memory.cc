/* Device memory that the host cannot touch, and pinned memory that knows when it may be. Addresses are never used twice. */
#include "fake_device.h"
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at))
#endif

enum : size_t { PAGE = 4096, RESERVED = (size_t)64 << 30, ALIGNMENT = 256 };

struct allocation {
    size_t size, span; /* span: whole pages from `base` */
    char *base;
    int number;
    bool alive;
};
static std::map<char *, allocation> allocations; /* by first byte; those that are gone too */
static std::map<char *, size_t> pinned;
static char *reserved;
static size_t taken, used;
static int windows; /* operations of the device that run now */

/* ---- The host's mistakes ---- */

static void on_bad_access(int, siginfo_t *info, void *)
{
    static const char ordinary[] = "fake CUDA device: a bad access, not to device memory\n";
    char text[200];
    char *const at = static_cast<char *>(info->si_addr);
    const auto next = allocations.upper_bound(at);
    if (!in_device_range(at) || next == allocations.begin()) {
        if (write(2, ordinary, sizeof ordinary - 1) < 0) _exit(139);
        _exit(139);
    }
    const allocation &a = std::prev(next)->second;
    const int length = snprintf(text, sizeof text, "fake CUDA device: allocation %d of %zu bytes %s at byte %ld\n",
                                a.number, a.size,
                                !a.alive  ? "was freed, and is used"
                                : windows ? "is left"
                                          : "is touched by the host",
                                (long)(at - std::prev(next)->first));
    if (write(2, text, (size_t)length) < 0) _exit(139);
    _exit(139);
}

static void begin()
{
    if (reserved) return;
    void *const mapped = mmap(nullptr, RESERVED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) fake_die("no address space for device memory");
    reserved = static_cast<char *>(mapped);
    struct sigaction action = {};
    action.sa_sigaction = on_bad_access;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
}

/* ---- Device memory ---- */

static void open_all(bool open)
{
    for (auto &entry : allocations) {
        const allocation &a = entry.second;
        if (!a.alive) continue;
        if (open) {
            mprotect(a.base, a.span, PROT_READ | PROT_WRITE);
            ASAN_UNPOISON_MEMORY_REGION(entry.first, a.size);
        } else {
            ASAN_POISON_MEMORY_REGION(a.base, a.span);
            mprotect(a.base, a.span, PROT_NONE);
        }
    }
}

void device_window(bool open)
{
    if (open && windows++ == 0) open_all(true);
    if (!open && --windows == 0) open_all(false);
}

/* It ends where its pages do, as near as its alignment lets it. */
void *device_allocate(size_t size)
{
    begin();
    if (used + size > fake_has()->memory) return nullptr;
    const size_t span = (size + ALIGNMENT + PAGE - 1) / PAGE * PAGE;
    if (taken + span + PAGE > RESERVED) fake_die("device addresses are used up");
    char *const base = reserved + taken, *const first = base + (span - size) / ALIGNMENT * ALIGNMENT;
    taken += span + PAGE;
    if (mprotect(base, span, PROT_READ | PROT_WRITE) != 0) fake_die("no memory for the device");
    memset(base, 0xff, span);
    ASAN_POISON_MEMORY_REGION(base, span);
    mprotect(base, span, PROT_NONE);
    allocations[first] = { size, span, base, (int)allocations.size() + 1, true };
    used += size;
    return first;
}

void device_release(void *block)
{
    const auto found = allocations.find(static_cast<char *>(block));
    if (found == allocations.end() || !found->second.alive) fake_die("cudaFree of what is not allocated");
    allocation &a = found->second;
    a.alive = false;
    used -= a.size;
    ASAN_UNPOISON_MEMORY_REGION(a.base, a.span);
    mmap(a.base, a.span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    ASAN_POISON_MEMORY_REGION(a.base, a.span);
}

bool in_device_range(const void *at)
{
    return reserved && at >= reserved && at < reserved + RESERVED;
}

bool on_device(const void *at, size_t size)
{
    char *const first = static_cast<char *>(const_cast<void *>(at));
    const auto next = allocations.upper_bound(first);
    if (next == allocations.begin()) return false;
    const auto &entry = *std::prev(next);
    return entry.second.alive && first + size <= entry.first + entry.second.size;
}

size_t device_memory_used()
{
    return used;
}

/* ---- Pinned memory ---- */

void *pinned_allocate(size_t size)
{
    char *const block = static_cast<char *>(malloc(size ? size : 1));
    if (!block) fake_die("no memory of the host");
    memset(block, 0xff, size);
    pinned[block] = size;
    return block;
}

void pinned_release(void *block)
{
    const auto found = pinned.find(static_cast<char *>(block));
    if (found == pinned.end()) fake_die("cudaFreeHost of what is not pinned");
    host_show(block, found->second);
    pinned.erase(found);
    free(block);
}

bool is_pinned(const void *at, size_t size)
{
    char *const first = static_cast<char *>(const_cast<void *>(at));
    const auto next = pinned.upper_bound(first);
    if (next == pinned.begin()) return false;
    return first + size <= std::prev(next)->first + std::prev(next)->second;
}

void host_hide(void *at, size_t size)
{
    memset(at, 0xcd, size);
    ASAN_POISON_MEMORY_REGION(at, size);
}

void host_show(void *at, size_t size)
{
    ASAN_UNPOISON_MEMORY_REGION(at, size);
    (void)size;
}

void memory_report(char *text, size_t size)
{
    int alive = 0;
    for (auto &entry : allocations) alive += entry.second.alive;
    if (alive) snprintf(text + strlen(text), size - strlen(text), "%d device allocations ", alive);
    if (!pinned.empty()) snprintf(text + strlen(text), size - strlen(text), "%zu pinned ", pinned.size());
}
