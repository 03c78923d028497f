/* FNV-1a with 64 bits (Fowler, Noll, Vo): tells texts apart, and hides nothing. */
#ifndef CLI_HASH_H
#define CLI_HASH_H
#include <stdint.h>

static inline uint64_t text_hash(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
    return hash;
}

#endif
