/* A picture as a PNG file in memory. */
#ifndef CLI_PNG_H
#define CLI_PNG_H
#include <stddef.h>

/* 8-bit RGB, rows from the top. To be freed; NULL: no memory. */
unsigned char *png_encode(const unsigned char *rgb, int width, int height, size_t *size);

#endif
