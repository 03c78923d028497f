/* cpu: the CPU backend. Each operation's readable reference form stands in a file of its own stem; a faster form,
 * where there is one, beside it. Includes base, model and network/backend.h. */
#ifndef CPU_CPU_BACKEND_H
#define CPU_CPU_BACKEND_H
#include "network/backend.h"

extern const struct backend cpu_backend;
/* Bytes that a state will hold, before there is one. */
tumorclass_status cpu_measure(size_t *bytes, const struct graph *graph, int32_t threads, int32_t tier);

#endif
