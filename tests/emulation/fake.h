/* A stand-in for the CUDA runtime and for cuDNN, for tests without a GPU: what tests ask of it, and what its files know of
 * each other. It is CPU emulation: what it accepts is what CUDA's documentation says, as its authors read it.
 *
 * Nothing that is enqueued runs before something waits for it (or at once, or at random: the order is a test's choice).
 * Device memory is closed to the host but for the time in which an operation of the device runs. */
#ifndef FAKE_H
#define FAKE_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef enum fake_order { FAKE_LAZY, FAKE_EAGER, FAKE_RANDOM, FAKE_ORDERS } fake_order;
/* Also set by FAKE_CUDA_ORDER=lazy, eager or random of the environment. */
void fake_set_order(fake_order order, uint64_t seed);

/* The n-th call from now that can fail does (1 is the next; 0: none); returns how far off the one planned before was, 0: it
 * has happened. A failed wait is the device's last: all calls fail from then on, until the next of these. */
long fake_fail_at(long nth);
const char *fake_failed_call(void); /* "cudaMalloc" */

/* What lives and should not, in words: "1 device allocation, 2 descriptors"; "": nothing. */
const char *fake_leaks(void);

/* What the machine has; the environment's FAKE_CUDA_DEVICES, FAKE_CUDA_DRIVER, FAKE_CUDA_MIB, FAKE_CUDNN_VERSION and
 * FAKE_CUDNN_CUDART set the first values. */
typedef struct fake_machine {
    int devices, driver;                /* driver: 13000; 0: none */
    size_t memory;                      /* bytes of a device */
    size_t cudnn_version, cudnn_cudart; /* 91900, 13010 */
    int capability;                     /* 75 */
} fake_machine;
fake_machine *fake_has(void);

#ifdef __cplusplus
}
#endif
#endif
