/* CPU emulation of CUDA's execution model: what kernels/gpu.h is to a C++ compiler that is not nvcc.
 *
 * A launch runs all blocks at once, one thread after the other, each on a fiber that may wait at barriers. What a GPU
 * would let pass is an error here that ends the program with a sentence: a barrier that some threads do not reach, a
 * warp operation whose mask is wrong, a launch beyond the limits. Shared memory is new for each block, filled with NaN,
 * with room round it that the address sanitizer watches.
 *
 * It is an emulation: nothing here says how a GPU performs, or what ptxas makes of the code. */
#ifndef EMULATION_H
#define EMULATION_H
#include <cmath>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <typeinfo>
#include <utility>
#include <vector_functions.h>
#include "emulation_form.h"

using std::isnan; /* CUDA has it as a function of its own */

#ifndef __global__
#define __global__
#define __device__
#define __host__
#endif
#undef __shared__
#define __shared__ use_GPU_SHARED_instead

/* A place in a kernel's source. Each has an address of its own: two on one line are not the same place. */
struct emulation_site {
    const char *file;
    int line;
};
#define EMULATION_SITE                                                                                                 \
    ([]() -> const emulation_site * {                                                                                  \
        static const emulation_site site = { __FILE__, __LINE__ };                                                     \
        return &site;                                                                                                  \
    }())

struct emulation_shared {
    unsigned long long block; /* that `offset` is for */
    size_t offset;
};

enum emulation_operation { EMULATION_SHUFFLE, EMULATION_BALLOT, EMULATION_SYNC };

extern uint3 emulation_thread, emulation_block;
extern dim3 emulation_block_dim, emulation_grid_dim;
extern int emulation_lane;
void emulation_run(void (*body)(void *), void *arguments, dim3 grid, dim3 block);
void emulation_barrier(const emulation_site *site);
void *emulation_shared_memory(emulation_shared *shared, size_t size);
/* Each lane of the mask gives a value and gets those of all 32. */
void emulation_warp(uint64_t all[32], uint64_t value, unsigned mask, emulation_operation operation,
                    const emulation_site *site);
void emulation_fence();
[[noreturn]] void emulation_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define threadIdx emulation_thread
#define blockIdx emulation_block
#define blockDim emulation_block_dim
#define gridDim emulation_grid_dim
#define GPU_SHARED(type, name, count)                                                                                  \
    static emulation_shared name##_shared = { 0, 0 };                                                                  \
    type(&name)[count] = *static_cast<type(*)[count]>(emulation_shared_memory(&name##_shared, sizeof(type) * (count)))
#define __syncthreads() emulation_barrier(EMULATION_SITE)
#define __threadfence() emulation_fence()

template <class T> static inline uint64_t emulation_bits(T value)
{
    static_assert(sizeof(T) <= sizeof(uint64_t), "a lane holds 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    return bits;
}

template <class T> static inline T emulation_shuffle(unsigned mask, T value, int source, const emulation_site *site)
{
    uint64_t all[32];
    emulation_warp(all, emulation_bits(value), mask, EMULATION_SHUFFLE, site);
    if (source < 0 || source > 31) source = emulation_lane;
    if (!(mask >> source & 1))
        emulation_fail("%s:%d: a shuffle reads lane %d, which is not in its mask %08x", site->file, site->line, source,
                       mask);
    memcpy(&value, &all[source], sizeof value);
    return value;
}
#define __shfl_sync(mask, value, source) emulation_shuffle(mask, value, (source)&31, EMULATION_SITE)
#define __shfl_down_sync(mask, value, by) emulation_shuffle(mask, value, emulation_lane + (int)(by), EMULATION_SITE)
#define __shfl_up_sync(mask, value, by) emulation_shuffle(mask, value, emulation_lane - (int)(by), EMULATION_SITE)
#define __shfl_xor_sync(mask, value, by) emulation_shuffle(mask, value, emulation_lane ^ (int)(by), EMULATION_SITE)

static inline unsigned emulation_ballot(unsigned mask, bool value, const emulation_site *site)
{
    uint64_t all[32];
    unsigned set = 0;
    emulation_warp(all, value, mask, EMULATION_BALLOT, site);
    for (int lane = 0; lane < 32; lane++) set |= (unsigned)(mask >> lane & all[lane] & 1) << lane;
    return set;
}
#define __ballot_sync(mask, value) emulation_ballot(mask, value, EMULATION_SITE)

static inline void emulation_sync_warp(const emulation_site *site)
{
    uint64_t all[32];
    emulation_warp(all, 0, 0xffffffffu, EMULATION_SYNC, site);
}
#define __syncwarp() emulation_sync_warp(EMULATION_SITE)

/* Order is what the fence and the barriers give; an atomic operation gives none of its own. */
template <class T, class U> static inline T atomicAdd(T *at, U value)
{
    static_assert(!std::is_floating_point<T>::value, "a sum of floats must have an order");
    return __atomic_fetch_add(at, static_cast<T>(value), __ATOMIC_RELAXED);
}

template <class... Parameters, size_t... I>
static inline void emulation_call(void (*kernel)(Parameters...), std::tuple<Parameters...> &arguments, dim3 grid,
                                  dim3 block, std::index_sequence<I...>)
{
    struct call {
        void (*kernel)(Parameters...);
        std::tuple<Parameters...> *arguments;
    } call = { kernel, &arguments };
    emulation_run(
        [](void *c) {
            const struct call *const made = static_cast<struct call *>(c);
            made->kernel(std::get<I>(*made->arguments)...);
        },
        &call, grid, block);
}

/* A launch whose arguments come as addresses, for kernels that are found by their names. */
template <class... Parameters> struct emulation_form : emulation_form_of {
    static emulation_form only;
    emulation_form()
    {
        type = typeid(void(Parameters...)).name();
        copy = [](void **arguments) { return copied(arguments, std::index_sequence_for<Parameters...>{}); };
        drop = [](void *tuple) { delete static_cast<std::tuple<Parameters...> *>(tuple); };
        run = [](void *kernel, void *tuple, dim3 grid, dim3 block) {
            emulation_call(reinterpret_cast<void (*)(Parameters...)>(kernel),
                           *static_cast<std::tuple<Parameters...> *>(tuple), grid, block,
                           std::index_sequence_for<Parameters...>{});
        };
        emulation_add_form(this);
    }
    template <size_t... I> static void *copied(void **arguments, std::index_sequence<I...>)
    {
        return new std::tuple<Parameters...>{ *static_cast<Parameters *>(arguments[I])... };
    }
};
template <class... Parameters> emulation_form<Parameters...> emulation_form<Parameters...>::only;

template <class... Parameters, class... Arguments>
static inline cudaError_t gpu_launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, cudaStream_t,
                                     Arguments... arguments)
{
    (void)&emulation_form<Parameters...>::only;
    std::tuple<Parameters...> taken{ static_cast<Parameters>(arguments)... };
    emulation_call(kernel, taken, grid, block, std::index_sequence_for<Parameters...>{});
    return cudaSuccess;
}

#endif
