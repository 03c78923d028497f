#include "peak.h"
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define FOR_INSTRUCTIONS(set) __attribute__((target(set)))
#endif

enum { LOOPS = 1 << 13 };

double seconds_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Sums that do not wait for each other: enough to cover the latency of two units, and no more than there are registers.
 * They begin differently, or the compiler would compute one for all; KEEP hides from it that nobody needs them. */
#define LOOP(type, sums, operation)                                                                                    \
    type sum[sums];                                                                                                    \
    _Pragma("GCC unroll 24") for (int k = 0; k < sums; k++) sum[k] = (float)k - (type){ 0 };                           \
    for (int64_t i = 0; i < LOOPS; i++) {                                                                              \
        _Pragma("GCC unroll 24") for (int k = 0; k < sums; k++) sum[k] = operation;                                    \
        KEEP(sum[0]);                                                                                                  \
    }                                                                                                                  \
    _Pragma("GCC unroll 24") for (int k = 0; k < sums; k++) KEEP(sum[k])

#if defined(__x86_64__)
#define KEEP(sum) __asm__ volatile("" : "+v"(sum))
FOR_INSTRUCTIONS("avx512f,avx512vl") static void loop_avx512(float factor, float addend)
{
    const __m512 a = _mm512_set1_ps(factor), b = _mm512_set1_ps(addend);
    LOOP(__m512, 24, _mm512_fmadd_ps(sum[k], a, b));
}

FOR_INSTRUCTIONS("avx2,fma") static void loop_avx2(float factor, float addend)
{
    const __m256 a = _mm256_set1_ps(factor), b = _mm256_set1_ps(addend);
    LOOP(__m256, 12, _mm256_fmadd_ps(sum[k], a, b));
}
#else
#define KEEP(sum) __asm__ volatile("" : "+w"(sum))
#endif

/* Without fused multiply-add: a multiplication and an addition. */
typedef float four __attribute__((vector_size(16)));
static void loop_portable(float factor, float addend)
{
    const four a = factor - (four){ 0 }, b = addend - (four){ 0 };
    LOOP(four, 12, sum[k] * a + b);
}

struct peak_loop {
    const char *tier;
    void (*run)(float factor, float addend);
    double operations; /* of one run */
};

static void run_loop(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const struct peak_loop *loop = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) loop->run(0.999f, 0.001f);
}

double peak_rate(struct pool *pool, const char *tier)
{
    static const struct peak_loop loops[] = {
#if defined(__x86_64__)
        { "AVX-512", loop_avx512, 2.0 * 24 * 16 * LOOPS },
        { "AVX2", loop_avx2, 2.0 * 12 * 8 * LOOPS },
#endif
        { "portable", loop_portable, 2.0 * 12 * 4 * LOOPS },
    };
    struct peak_loop loop = loops[sizeof loops / sizeof *loops - 1];
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++)
        if (!strcmp(loops[i].tier, tier)) loop = loops[i];

    const int64_t runs = 64 * pool_size(pool);
    const double start = seconds_now();
    pool_run(pool, run_loop, &loop, runs);
    return loop.operations * (double)runs / (seconds_now() - start);
}
