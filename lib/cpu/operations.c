#include "cpu/operations.h"

const struct operation_form TIERED(operations)[OPERATION_COUNT] = {
    [OPERATION_ACTIVATION] = { TIERED(run_activation), NULL },
    [OPERATION_BINARY] = { TIERED(run_binary), NULL },
    [OPERATION_CONCAT] = { TIERED(run_concat), NULL },
    [OPERATION_CONV] = { TIERED(run_conv), TIERED(conv_scratch) },
    [OPERATION_INSTANCE_NORM] = { TIERED(run_instance_norm), NULL },
    [OPERATION_MATMUL] = { TIERED(run_matmul), NULL },
    [OPERATION_PAD] = { TIERED(run_pad), NULL },
    [OPERATION_POOL] = { TIERED(run_pool), TIERED(pool_scratch) },
    [OPERATION_REDUCE] = { TIERED(run_reduce), NULL },
    [OPERATION_RESHAPE] = { NULL, NULL },
    [OPERATION_SCALE_SHIFT] = { TIERED(run_scale_shift), NULL },
    [OPERATION_SOFTMAX] = { TIERED(run_softmax), NULL },
    [OPERATION_TRANSPOSE] = { TIERED(run_transpose), NULL },
    [OPERATION_ACTIVATION_BACK] = { TIERED(run_activation_back), NULL },
    [OPERATION_CONV_BACK] = { TIERED(run_conv_back), TIERED(conv_back_scratch) },
    [OPERATION_INSTANCE_NORM_BACK] = { TIERED(run_instance_norm_back), NULL },
    [OPERATION_POOL_BACK] = { TIERED(run_pool_back), TIERED(pool_back_scratch) },
    [OPERATION_REDUCE_BACK] = { TIERED(run_reduce_back), NULL },
    [OPERATION_SOFTMAX_BACK] = { TIERED(run_softmax_back), NULL },
};
