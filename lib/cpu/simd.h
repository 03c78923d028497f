/* Vectors of floats, as wide as the instruction set that this file is compiled for: the one place in the library with
 * intrinsics and compiler extensions. */
#ifndef CPU_SIMD_H
#define CPU_SIMD_H
#include <string.h>
#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { LANES = 16, VECTOR_REGISTERS = 32 };
#elif defined(__AVX2__) && defined(__FMA__)
enum { LANES = 8, VECTOR_REGISTERS = 16 };
#else
enum { LANES = 4, VECTOR_REGISTERS = 16 };
#endif
typedef float vector __attribute__((vector_size(4 * LANES)));

/* For a function whose registers the compiler shall not share with its caller's variables. */
#define NOT_INLINED __attribute__((noinline))

/* a * b + c: rounded once where the instruction set can. */
static inline vector vector_multiply_add(vector a, vector b, vector c)
{
#if defined(__AVX512F__)
    return _mm512_fmadd_ps(a, b, c);
#elif defined(__AVX2__) && defined(__FMA__)
    return _mm256_fmadd_ps(a, b, c);
#else
    return a * b + c;
#endif
}

static inline vector vector_of(float value)
{
    return value - (vector){ 0 }; /* + 0 would not keep -0 */
}

/* At any address. */
static inline vector vector_load(const float *src)
{
    vector v;
    memcpy(&v, src, sizeof v);
    return v;
}

static inline void vector_store(float *dst, vector v)
{
    memcpy(dst, &v, sizeof v);
}

#endif
