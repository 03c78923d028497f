/* Changes NIfTI files by the names of their fields. */
#ifndef TESTS_FUZZ_MUTATE_NIFTI_H
#define TESTS_FUZZ_MUTATE_NIFTI_H
#include <stddef.h>
#include <stdint.h>

/* In place, within `capacity`; the new size. What is no header is changed as if it were one of version 1. */
size_t mutate_nifti(uint8_t *data, size_t size, size_t capacity, uint64_t seed);

#endif
