/* A digest of all that a caller can see of a handle (FNV-1a): equal for equal answers. */
#ifndef TESTS_ALLOC_DIGEST_H
#define TESTS_ALLOC_DIGEST_H
#include <stddef.h>
#include <stdint.h>
#include "tumorclass/tumorclass.h"

extern const uint64_t start; /* of nothing */
uint64_t mix(uint64_t digest, const void *data, size_t size);
uint64_t mix_properties(uint64_t digest, const tumorclass_property *properties, size_t count);
uint64_t model_digest(const tumorclass_model *of);
uint64_t image_digest(const tumorclass_image *image);
/* Without the times, and the device, which names the threads that could be had. */
uint64_t result_digest(const tumorclass_result *result);
uint64_t file_digest(const char *path);

#endif
