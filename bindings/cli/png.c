#include "png.h"
#include <png.h>
#include <stdlib.h>
#include <string.h>

struct buffer {
    unsigned char *data;
    size_t size, capacity;
};

static void append(png_structp png, png_bytep bytes, size_t count)
{
    struct buffer *buffer = png_get_io_ptr(png);
    if (buffer->capacity - buffer->size < count) {
        const size_t capacity = 2 * buffer->capacity + count;
        unsigned char *data = realloc(buffer->data, capacity);
        if (!data) png_error(png, "no memory");
        buffer->data = data;
        buffer->capacity = capacity;
    }
    memcpy(buffer->data + buffer->size, bytes, count);
    buffer->size += count;
}

static void flush_nothing(png_structp png)
{
    (void)png;
}

static void stay_silent(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void jump_out(png_structp png, png_const_charp message)
{
    (void)message;
    png_longjmp(png, 1);
}

/* libpng leaves by longjmp, so all that changes lies behind pointers. */
static int write_picture(png_structp png, png_infop about, const unsigned char *rgb, int width, int height)
{
    if (setjmp(png_jmpbuf(png))) return 0;
    png_set_IHDR(png, about, (png_uint_32)width, (png_uint_32)height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_filter(png, 0, PNG_FILTER_NONE | PNG_FILTER_SUB | PNG_FILTER_UP); /* no larger than with all five */
    png_write_info(png, about);
    for (int y = 0; y < height; y++) png_write_row(png, rgb + (size_t)y * (size_t)width * 3);
    png_write_end(png, about);
    return 1;
}

unsigned char *png_encode(const unsigned char *rgb, int width, int height, size_t *size)
{
    struct buffer buffer = { 0 };
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, jump_out, stay_silent);
    png_infop about = png ? png_create_info_struct(png) : NULL;
    int written = 0;
    if (about) {
        png_set_write_fn(png, &buffer, append, flush_nothing);
        written = write_picture(png, about, rgb, width, height);
    }
    png_destroy_write_struct(&png, &about);
    if (!written) {
        free(buffer.data);
        return NULL;
    }
    *size = buffer.size;
    return buffer.data;
}
