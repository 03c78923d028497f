/* The operations of the graph on float32 tensors in C order. Their files are compiled once for each instruction set;
 * TIER names it, and names that the linker sees carry it. */
#ifndef CPU_OPERATIONS_H
#define CPU_OPERATIONS_H
#include "cpu/step.h"

#define TIERED_NAME(name, tier) name##_##tier
#define TIERED_EXPANDED(name, tier) TIERED_NAME(name, tier)
#define TIERED(name) TIERED_EXPANDED(name, TIER)

extern const struct operation_form TIERED(operations)[OPERATION_COUNT];

operation_run TIERED(run_activation), TIERED(run_binary), TIERED(run_concat), TIERED(run_conv),
    TIERED(run_instance_norm), TIERED(run_matmul), TIERED(run_pad), TIERED(run_pool), TIERED(run_reduce),
    TIERED(run_scale_shift), TIERED(run_softmax), TIERED(run_transpose);
operation_run TIERED(run_activation_back), TIERED(run_conv_back), TIERED(run_instance_norm_back), TIERED(run_pool_back),
    TIERED(run_reduce_back), TIERED(run_softmax_back);
operation_scratch TIERED(conv_scratch), TIERED(conv_back_scratch), TIERED(pool_scratch), TIERED(pool_back_scratch);

#endif
