#include "image/gzip.h"
#include <libdeflate.h>
#include <string.h>
#include <zlib.h>
#include "base/memory.h"

enum {
    LEVEL = 6,
    MAX_RATIO = 1032,   /* 258 bytes of one bit for the length and one for the distance */
    GZIP_ONLY = 16 + 15 /* inflateInit2: a gzip wrapper, the largest window */
};

bool gzip_recognized(const struct mapping *stream)
{
    return stream->size >= 2 && stream->data[0] == 0x1f && stream->data[1] == 0x8b;
}

bool gzip_can_hold(const struct mapping *stream, size_t size)
{
    return size / MAX_RATIO <= stream->size;
}

/* ---- zlib: stops anywhere, tells truncated from corrupted; half as fast ---- */

struct inflation {
    z_stream z;
    const struct mapping *stream;
    size_t used, made;
    bool ended; /* at the end of the last member, its check sum found right */
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

static bool another_member(const struct inflation *inflation)
{
    const struct mapping rest = { inflation->stream->data + inflation->used,
                                  inflation->stream->size - inflation->used };
    return gzip_recognized(&rest);
}

/* One call of inflate, for at most `size` bytes more. */
static int inflate_some(struct inflation *inflation, void *dst, size_t size)
{
    z_stream *z = &inflation->z;
    z->next_in = (z_const Bytef *)(uintptr_t)(inflation->stream->data + inflation->used);
    z->avail_in = at_once(inflation->stream->size - inflation->used);
    z->next_out = dst;
    z->avail_out = at_once(size);
    const uInt in = z->avail_in, out = z->avail_out;
    int result = inflate(z, Z_NO_FLUSH);
    inflation->used += in - z->avail_in;
    inflation->made += out - z->avail_out;
    if (result != Z_STREAM_END) return result;
    inflation->ended = !another_member(inflation);
    return inflation->ended ? Z_STREAM_END : inflateReset(z);
}

static tumorclass_status explain(const struct inflation *inflation, int result)
{
    if (result == Z_MEM_ERROR) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory to decompress");
    if (result == Z_BUF_ERROR)
        return fail(TUMORCLASS_BAD_IMAGE, "the gzip stream is truncated: it ends after %zu bytes of content",
                    inflation->made);
    return fail(TUMORCLASS_BAD_IMAGE, "the gzip stream is corrupted after %zu bytes of content (%s)", inflation->made,
                inflation->z.msg ? inflation->z.msg : "needs a dictionary");
}

static tumorclass_status inflate_until(struct inflation *inflation, void *dst, size_t size)
{
    while (inflation->made < size && !inflation->ended) {
        const int result = inflate_some(inflation, (char *)dst + inflation->made, size - inflation->made);
        if (result != Z_OK && result != Z_STREAM_END) return explain(inflation, result);
    }
    return TUMORCLASS_OK;
}

/* All that is wanted is there: read on to the check sum behind it, which is the only way to know that it is right. */
static tumorclass_status inflate_rest(struct inflation *inflation, uint64_t limit)
{
    unsigned char rest[1 << 14];
    while (!inflation->ended && inflation->made < limit) {
        const int result = inflate_some(inflation, rest, sizeof rest);
        if (result != Z_OK && result != Z_STREAM_END) return explain(inflation, result);
    }
    return TUMORCLASS_OK;
}

static tumorclass_status begin_inflation(struct inflation *inflation, const struct mapping *stream)
{
    *inflation = (struct inflation){ .z = { .zalloc = allocate_for_zlib, .zfree = free_for_zlib }, .stream = stream };
    const int result = inflateInit2(&inflation->z, GZIP_ONLY);
    return result == Z_OK ? TUMORCLASS_OK : explain(inflation, result);
}

tumorclass_status gzip_peek(void *dst, size_t size, size_t *inflated, const struct mapping *stream)
{
    struct inflation inflation;
    tumorclass_status status = begin_inflation(&inflation, stream);
    if (status != TUMORCLASS_OK) return status;
    status = inflate_until(&inflation, dst, size);
    *inflated = inflation.made;
    inflateEnd(&inflation.z);
    return status;
}

static tumorclass_status inflate_with_zlib(void *dst, size_t size, uint64_t limit, const struct mapping *stream)
{
    struct inflation inflation;
    tumorclass_status status = begin_inflation(&inflation, stream);
    if (status != TUMORCLASS_OK) return status;
    status = inflate_until(&inflation, dst, size);
    if (status == TUMORCLASS_OK && inflation.made < size)
        status = fail(TUMORCLASS_BAD_IMAGE, "has %zu bytes after decompression, its header asks for %zu",
                      inflation.made, size);
    if (status == TUMORCLASS_OK) status = inflate_rest(&inflation, limit);
    inflateEnd(&inflation.z);
    return status;
}

/* ---- libdeflate: fast, for streams that are whole and hold just what is asked for ---- */

static bool inflate_members(struct libdeflate_decompressor *decompressor, void *dst, size_t size,
                            const struct mapping *stream)
{
    size_t used = 0, made = 0;
    while (made < size && used < stream->size) {
        size_t in, out;
        if (libdeflate_gzip_decompress_ex(decompressor, stream->data + used, stream->size - used, (char *)dst + made,
                                          size - made, &in, &out) != LIBDEFLATE_SUCCESS)
            return false;
        used += in;
        made += out;
    }
    return made == size;
}

tumorclass_status gzip_inflate(void *dst, size_t size, uint64_t limit, const struct mapping *stream)
{
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    const bool done = decompressor && inflate_members(decompressor, dst, size, stream);
    libdeflate_free_decompressor(decompressor);
    return done ? TUMORCLASS_OK : inflate_with_zlib(dst, size, limit, stream);
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
