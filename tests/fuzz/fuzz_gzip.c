/* The bytes as a .nii.gz file, its header and trailer as they are or mended (mutate_gzip.h). */
#include "check_image.h"
#include "mutate_gzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_image(scratch_write("scan.nii.gz", data, size));
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    return seed % 4 ? mutate_gzip(data, size, capacity, seed) : LLVMFuzzerMutate(data, size, capacity);
}
