/* The bytes as a .nii file, and cut behind the header as a pair. What can be read can be written, and reads the same. */
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "check_image.h"
#include "mutate_nifti.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_image(scratch_write("scan.nii", data, size));
    for (size_t header = 348; header <= 540 && header < size; header += 192) {
        const char *path = scratch_write("pair.hdr", data, header);
        const char *voxels = scratch_write("pair.img", data + header, size - header);
        check_image(header == 348 ? path : voxels);
    }
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    return seed % 4 ? mutate_nifti(data, size, capacity, seed) : LLVMFuzzerMutate(data, size, capacity);
}
