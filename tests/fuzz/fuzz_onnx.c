/* The bytes as a model; one that is small enough runs on a tiny scan. */
#include "check_model.h"
#include "mutate_onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_model(size ? (const void *)data : "", size);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    return seed % 4 ? mutate_onnx(data, size, capacity, seed) : LLVMFuzzerMutate(data, size, capacity);
}
