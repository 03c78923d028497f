/* Changes ONNX files field by field: what comes out is protobuf still. */
#ifndef TESTS_FUZZ_MUTATE_ONNX_H
#define TESTS_FUZZ_MUTATE_ONNX_H
#include <stddef.h>
#include <stdint.h>

/* In place, within `capacity`; the new size. What is no protobuf, or would not fit, stays as it is. */
size_t mutate_onnx(uint8_t *data, size_t size, size_t capacity, uint64_t seed);

#endif
