#include "cpu/tiers.h"

extern const struct operation_form operations_portable[];
static const struct tier portable = { "portable", operations_portable };

#ifdef TIERS_X86 /* set by the build, which then compiles the operations for them */
extern const struct operation_form operations_avx2[], operations_avx512[];
static const struct tier avx2 = { "AVX2", operations_avx2 }, avx512 = { "AVX-512", operations_avx512 };

const struct tier *tier_get(int32_t index)
{
    const struct tier *found[3];
    int32_t count = 0;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v4")) found[count++] = &avx512;
    if (__builtin_cpu_supports("x86-64-v3")) found[count++] = &avx2;
    found[count++] = &portable;
    return index < count ? found[index] : NULL;
}
#else
const struct tier *tier_get(int32_t index)
{
    return index == 0 ? &portable : NULL;
}
#endif
