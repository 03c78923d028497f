#include "mutate_gzip.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "mutate_nifti.h"
#include "random.h"

enum { CONTENT = 1 << 15 };

/* As much content as can be had; 0: none. */
static size_t inflate_all(uint8_t *dst, const uint8_t *src, size_t size)
{
    z_stream z = {
        .next_in = (z_const Bytef *)(uintptr_t)src, .avail_in = (uInt)size, .next_out = dst, .avail_out = CONTENT
    };
    if (inflateInit2(&z, 16 + 15) != Z_OK) return 0;
    while (inflate(&z, Z_NO_FLUSH) == Z_STREAM_END && z.avail_in) inflateReset(&z);
    const size_t made = CONTENT - z.avail_out;
    inflateEnd(&z);
    return made;
}

static void choose_header(gz_header *header, struct random *random)
{
    static Bytef extra[32] = "extra", text[64] = "a name";
    *header = (gz_header){ .time = (uLong)choose(random, 1u << 31), .os = (int)choose(random, 256) };
    if (choose(random, 2)) header->extra = extra, header->extra_len = (uInt)choose(random, sizeof extra + 1);
    if (choose(random, 2)) header->name = text;
    if (choose(random, 2)) header->comment = text;
    header->hcrc = (int)choose(random, 2);
}

/* One member; its size, 0 if there is no room. */
static size_t deflate_member(uint8_t *dst, size_t room, const uint8_t *src, size_t size, struct random *random)
{
    static const int strategies[] = { Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE };
    z_stream z = {
        .next_in = (z_const Bytef *)(uintptr_t)src, .avail_in = (uInt)size, .next_out = dst, .avail_out = (uInt)room
    };
    gz_header header;
    if (deflateInit2(&z, (int)choose(random, 10), Z_DEFLATED, 16 + 9 + (int)choose(random, 7),
                     1 + (int)choose(random, 9), strategies[choose(random, 4)]) != Z_OK)
        return 0;
    choose_header(&header, random);
    if (choose(random, 2)) deflateSetHeader(&z, &header);
    const int result = deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return result == Z_STREAM_END ? room - z.avail_out : 0;
}

/* Up to four members, one of which may be empty. */
static size_t deflate_all(uint8_t *dst, size_t capacity, const uint8_t *src, size_t size, struct random *random)
{
    size_t made = 0;
    for (uint64_t members = 1 + choose(random, 4); members > 0; members--) {
        const size_t part = members == 1 ? size : choose(random, size + 1);
        const size_t member = deflate_member(dst + made, capacity - made, src, part, random);
        if (!member) return made;
        made += member;
        src += part;
        size -= part;
    }
    return made;
}

/* A byte of the first header or the last trailer. */
static void spoil(uint8_t *data, size_t size, struct random *random)
{
    if (size < 18) return;
    const size_t place = choose(random, 2) ? choose(random, 10) : size - 8 + choose(random, 8);
    data[place] = choose(random, 2) ? (uint8_t)choose(random, 256) : (uint8_t)(data[place] ^ 1 << choose(random, 8));
}

size_t mutate_gzip(uint8_t *data, size_t size, size_t capacity, uint64_t seed)
{
    struct random random = { seed };
    uint8_t *content = malloc(CONTENT);
    if (!content) return size;
    size_t length = inflate_all(content, data, size);
    if (!length) memcpy(content, data, length = size < CONTENT ? size : CONTENT);
    if (choose(&random, 2)) length = mutate_nifti(content, length, CONTENT, choose(&random, UINT64_MAX));
    const size_t made = deflate_all(data, capacity, content, length, &random);
    free(content);
    if (choose(&random, 4) == 0) spoil(data, made, &random);
    if (choose(&random, 8) == 0) return made ? choose(&random, made) : size;
    return made ? made : size;
}
