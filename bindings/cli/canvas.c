#include "canvas.h"
#include <math.h>
#include <stdlib.h>
#include "font.h"

bool canvas_create(struct canvas *canvas, int width, int height, struct colour background)
{
    *canvas = (struct canvas){ width, height, malloc((size_t)width * (size_t)height * 3) };
    if (canvas->rgb) canvas_fill(canvas, 0, 0, width, height, background, 1);
    return canvas->rgb != NULL;
}

void canvas_free(struct canvas *canvas)
{
    free(canvas->rgb);
    canvas->rgb = NULL;
}

static unsigned char mix(unsigned char below, double above, double opacity)
{
    return (unsigned char)lround(fmin(255, fmax(0, below + (255 * above - below) * opacity)));
}

void canvas_blend(struct canvas *canvas, int x, int y, struct colour colour, double opacity)
{
    if (x < 0 || y < 0 || x >= canvas->width || y >= canvas->height) return;
    unsigned char *pixel = canvas->rgb + ((size_t)y * (size_t)canvas->width + (size_t)x) * 3;
    pixel[0] = mix(pixel[0], colour.red, opacity);
    pixel[1] = mix(pixel[1], colour.green, opacity);
    pixel[2] = mix(pixel[2], colour.blue, opacity);
}

void canvas_fill(struct canvas *canvas, int x, int y, int width, int height, struct colour colour, double opacity)
{
    for (int row = y; row < y + height; row++)
        for (int column = x; column < x + width; column++) canvas_blend(canvas, column, row, colour, opacity);
}

static void put_glyph(struct canvas *canvas, double x, double y, double size, char c, struct colour colour,
                      double opacity)
{
    const int left = (int)floor(x - size), right = (int)ceil(x + size * (font_advance(c) + 1));
    const int top = (int)floor(y - size), bottom = (int)ceil(y + size * (FONT_ROWS + 1));
    for (int row = top; row < bottom; row++)
        for (int column = left; column < right; column++) {
            const double covered = font_coverage(c, (column + 0.5 - x) / size, (row + 0.5 - y) / size);
            if (covered > 0) canvas_blend(canvas, column, row, colour, opacity * covered);
        }
}

static void put_string(struct canvas *canvas, double x, double y, double size, const char *text, struct colour colour,
                       double opacity)
{
    for (; *text; text++) {
        if (((unsigned char)*text & 0xc0) == 0x80) continue; /* the rest of a character that became one '?' */
        put_glyph(canvas, x, y, size, *text, colour, opacity);
        x += size * font_advance(*text);
    }
}

void canvas_text(struct canvas *canvas, double x, double y, double size, const char *text, struct colour colour)
{
    put_string(canvas, x, y, size, text, colour, 1);
}

void canvas_label(struct canvas *canvas, double x, double y, double size, const char *text, struct colour colour)
{
    static const struct colour black = { 0, 0, 0 };
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++)
            put_string(canvas, x + dx * size / 2, y + dy * size / 2, size, text, black, 0.4);
    put_string(canvas, x, y, size, text, colour, 1);
}

double canvas_text_width(double size, const char *text)
{
    int columns = 0;
    for (; *text; text++)
        if (((unsigned char)*text & 0xc0) != 0x80) columns += font_advance(*text);
    return size * columns;
}
