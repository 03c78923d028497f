/* Reads a NIfTI file that may be anything and holds the answer against what the header of the library promises. */
#ifndef TESTS_FUZZ_CHECK_IMAGE_H
#define TESTS_FUZZ_CHECK_IMAGE_H
#include "fuzz.h"

tumorclass_status check_image(const char *path);

#endif
