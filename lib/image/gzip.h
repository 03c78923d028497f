/* gzip streams in files: the first bytes of one, or as many as a header has promised. */
#ifndef IMAGE_GZIP_H
#define IMAGE_GZIP_H
#include "base/files.h"

bool gzip_recognized(const unsigned char *bytes, size_t size); /* the first of a file: two will do */

/* Inflate the first `size` bytes, or all there are; *inflated says how many. */
tumorclass_status gzip_peek(void *dst, size_t size, size_t *inflated, const struct input *file);

/* Inflate `size` bytes; a stream of fewer, truncated or corrupted, is BAD_IMAGE. More may follow: for its check sum it is
 * inflated too and dropped, but not beyond `limit` bytes in all. */
tumorclass_status gzip_inflate(void *dst, size_t size, uint64_t limit, const struct input *file);

/* Whether a file of this length can hold `size` bytes at all: deflate makes at most 258 bytes of 2 bits. */
bool gzip_can_hold(const struct input *file, size_t size);

/* The whole of `src` as one gzip stream, without name and time: same bytes in, same bytes out. *dst is for memory_free. */
tumorclass_status gzip_deflate(void **dst, size_t *dst_size, const void *src, size_t size);

#endif
