/* In which order blocks and threads run where nothing says which is first. No result may depend on it. */
#ifndef EMULATION_ORDER_H
#define EMULATION_ORDER_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef enum emulation_order {
    EMULATION_FORWARD,
    EMULATION_REVERSE,
    EMULATION_RANDOM,
    EMULATION_ORDERS
} emulation_order;
void emulation_set_order(emulation_order order, uint32_t seed); /* seed: of EMULATION_RANDOM */

#ifdef __cplusplus
}
#endif
#endif
