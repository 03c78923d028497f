/* The instruction sets that this library has its operations for. */
#ifndef CPU_TIERS_H
#define CPU_TIERS_H
#include "cpu/step.h"

struct tier {
    const char *name;                        /* "AVX-512", "AVX2", "portable" */
    const struct operation_form *operations; /* OPERATION_COUNT of them */
};

/* The index'th tier that this processor can run, the fastest first; NULL past the last, which is portable. */
const struct tier *tier_get(int32_t index);

#endif
