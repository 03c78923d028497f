#include "image/gzip.h"
#include <libdeflate.h>
#include <string.h>
#include <zlib.h>
#include "base/memory.h"

enum {
    LEVEL = 6,
    CHUNK = 1 << 14,
    MAX_RATIO = 1032,   /* 258 bytes of one bit for the length and one for the distance */
    GZIP_ONLY = 16 + 15 /* inflateInit2: a gzip wrapper, the largest window */
};

bool gzip_recognized(const unsigned char *bytes, size_t size)
{
    return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

bool gzip_can_hold(const struct input *file, size_t size)
{
    return size / MAX_RATIO <= file->size;
}

/* ---- zlib: a piece at a time, stops anywhere, tells truncated from corrupted; half as fast ---- */

struct inflation {
    z_stream z;
    const struct input *file;
    uint64_t begin, end; /* the part of the file that lies in chunk */
    uint64_t used, made;
    bool ended; /* at the end of the last member, its check sum found right */
    unsigned char chunk[CHUNK];
};

static voidpf allocate_for_zlib(voidpf unused, uInt count, uInt size)
{
    (void)unused;
    return memory_allocate(count, size);
}

static void free_for_zlib(voidpf unused, voidpf block)
{
    (void)unused;
    memory_free(block);
}

static uInt at_once(size_t size)
{
    return size < 1 << 30 ? (uInt)size : 1 << 30;
}

static tumorclass_status explain(const struct inflation *inflation, int result)
{
    if (result == Z_MEM_ERROR) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory to decompress");
    if (result == Z_BUF_ERROR)
        return fail(TUMORCLASS_BAD_IMAGE, "the gzip stream is truncated: it ends after %llu bytes of content",
                    (unsigned long long)inflation->made);
    return fail(TUMORCLASS_BAD_IMAGE, "the gzip stream is corrupted after %llu bytes of content (%s)",
                (unsigned long long)inflation->made, inflation->z.msg ? inflation->z.msg : "needs a dictionary");
}

/* The next bytes of the file; none at its end. */
static tumorclass_status refill(struct inflation *inflation)
{
    const uint64_t left = inflation->file->size - inflation->used;
    if (inflation->used < inflation->end || !left) return TUMORCLASS_OK;
    inflation->begin = inflation->used;
    inflation->end = inflation->begin + (left < CHUNK ? left : CHUNK);
    return file_read(inflation->file, inflation->chunk, inflation->begin, (size_t)(inflation->end - inflation->begin));
}

static tumorclass_status begin_next_member(struct inflation *inflation)
{
    unsigned char first[2];
    inflation->ended = inflation->file->size - inflation->used < sizeof first;
    if (inflation->ended) return TUMORCLASS_OK;
    const tumorclass_status status = file_read(inflation->file, first, inflation->used, sizeof first);
    inflation->ended = !gzip_recognized(first, sizeof first);
    if (status == TUMORCLASS_OK && !inflation->ended) inflateReset(&inflation->z);
    return status;
}

/* One call of inflate, for at most `size` bytes more. */
static tumorclass_status inflate_some(struct inflation *inflation, void *dst, size_t size)
{
    const tumorclass_status status = refill(inflation);
    if (status != TUMORCLASS_OK) return status;
    z_stream *z = &inflation->z;
    z->next_in = inflation->chunk + (inflation->used - inflation->begin);
    z->avail_in = (uInt)(inflation->end - inflation->used);
    z->next_out = dst;
    z->avail_out = at_once(size);
    const uInt in = z->avail_in, out = z->avail_out;
    const int result = inflate(z, Z_NO_FLUSH);
    inflation->used += in - z->avail_in;
    inflation->made += out - z->avail_out;
    if (result == Z_STREAM_END) return begin_next_member(inflation);
    return result == Z_OK ? TUMORCLASS_OK : explain(inflation, result);
}

static tumorclass_status inflate_until(struct inflation *inflation, void *dst, size_t size)
{
    tumorclass_status status = TUMORCLASS_OK;
    while (status == TUMORCLASS_OK && inflation->made < size && !inflation->ended)
        status = inflate_some(inflation, (char *)dst + inflation->made, size - (size_t)inflation->made);
    return status;
}

/* All that is wanted is there: read on to the check sum behind it, which is the only way to know that it is right. */
static tumorclass_status inflate_rest(struct inflation *inflation, uint64_t limit)
{
    unsigned char rest[CHUNK];
    tumorclass_status status = TUMORCLASS_OK;
    while (status == TUMORCLASS_OK && !inflation->ended && inflation->made < limit)
        status = inflate_some(inflation, rest, sizeof rest);
    return status;
}

static tumorclass_status begin_inflation(struct inflation *inflation, const struct input *file)
{
    *inflation = (struct inflation){ .z = { .zalloc = allocate_for_zlib, .zfree = free_for_zlib }, .file = file };
    const int result = inflateInit2(&inflation->z, GZIP_ONLY);
    return result == Z_OK ? TUMORCLASS_OK : explain(inflation, result);
}

tumorclass_status gzip_peek(void *dst, size_t size, size_t *inflated, const struct input *file)
{
    struct inflation inflation;
    tumorclass_status status = begin_inflation(&inflation, file);
    if (status != TUMORCLASS_OK) return status;
    status = inflate_until(&inflation, dst, size);
    *inflated = (size_t)inflation.made;
    inflateEnd(&inflation.z);
    return status;
}

static tumorclass_status inflate_with_zlib(void *dst, size_t size, uint64_t limit, const struct input *file)
{
    struct inflation inflation;
    tumorclass_status status = begin_inflation(&inflation, file);
    if (status != TUMORCLASS_OK) return status;
    status = inflate_until(&inflation, dst, size);
    if (status == TUMORCLASS_OK && inflation.made < size)
        status = fail(TUMORCLASS_BAD_IMAGE, "has %llu bytes after decompression, its header asks for %zu",
                      (unsigned long long)inflation.made, size);
    if (status == TUMORCLASS_OK) status = inflate_rest(&inflation, limit);
    inflateEnd(&inflation.z);
    return status;
}

/* ---- libdeflate: fast, for streams that are whole in memory and hold just what is asked for ---- */

/* Longer streams hold more: compressors add less than this to what they cannot compress. */
static bool may_hold_just(const struct input *file, size_t size)
{
    return file->size <= (uint64_t)size + size / 16 + (1 << 16);
}

static bool inflate_members(struct libdeflate_decompressor *decompressor, void *dst, size_t size, const void *src,
                            size_t src_size)
{
    size_t used = 0, made = 0;
    while (made < size && used < src_size) {
        size_t in, out;
        if (libdeflate_gzip_decompress_ex(decompressor, (const char *)src + used, src_size - used, (char *)dst + made,
                                          size - made, &in, &out) != LIBDEFLATE_SUCCESS)
            return false;
        used += in;
        made += out;
    }
    return made == size;
}

static tumorclass_status inflate_whole(bool *done, void *dst, size_t size, const struct input *file)
{
    void *stream = memory_allocate((size_t)file->size, 1);
    if (!stream)
        return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %llu compressed bytes", (unsigned long long)file->size);
    const tumorclass_status status = file_read(file, stream, 0, (size_t)file->size);
    if (status == TUMORCLASS_OK) {
        struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
        *done = decompressor && inflate_members(decompressor, dst, size, stream, (size_t)file->size);
        libdeflate_free_decompressor(decompressor);
    }
    memory_free(stream);
    return status;
}

tumorclass_status gzip_inflate(void *dst, size_t size, uint64_t limit, const struct input *file)
{
    bool done = false;
    const tumorclass_status status = may_hold_just(file, size) ? inflate_whole(&done, dst, size, file) : TUMORCLASS_OK;
    return done || status != TUMORCLASS_OK ? status : inflate_with_zlib(dst, size, limit, file);
}

tumorclass_status gzip_deflate(void **dst, size_t *dst_size, const void *src, size_t size)
{
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(LEVEL);
    if (!compressor) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory to compress");
    const size_t bound = libdeflate_gzip_compress_bound(compressor, size);
    *dst = memory_allocate(bound, 1);
    *dst_size = *dst ? libdeflate_gzip_compress(compressor, src, size, *dst, bound) : 0;
    libdeflate_free_compressor(compressor);
    return *dst ? TUMORCLASS_OK : fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %zu compressed bytes", bound);
}
