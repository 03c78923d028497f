/* Loads a model that may be anything; one that is small enough classifies a tiny scan. */
#ifndef TESTS_FUZZ_CHECK_MODEL_H
#define TESTS_FUZZ_CHECK_MODEL_H
#include "fuzz.h"

tumorclass_status check_model(const void *data, size_t size);

#endif
