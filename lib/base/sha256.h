/* SHA-256 (FIPS 180-4), to say which model file an answer came from. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H
#include <stddef.h>

/* hex: 64 digits and a terminating zero. */
void sha256(char hex[65], const void *data, size_t size);

#endif
