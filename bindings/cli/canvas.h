/* A picture to draw on. Everything outside it is clipped. */
#ifndef CLI_CANVAS_H
#define CLI_CANVAS_H
#include <stdbool.h>

struct canvas {
    int width, height;
    unsigned char *rgb; /* rows from the top */
};
struct colour {
    double red, green, blue; /* 0 to 1 */
};

bool canvas_create(struct canvas *canvas, int width, int height, struct colour background);
void canvas_free(struct canvas *canvas);
void canvas_blend(struct canvas *canvas, int x, int y, struct colour colour, double opacity);
void canvas_fill(struct canvas *canvas, int x, int y, int width, int height, struct colour colour, double opacity);
/* x is the text's left edge and y the top of its capitals; `size` is one cell of the font in pixels. */
void canvas_text(struct canvas *canvas, double x, double y, double size, const char *text, struct colour colour);
/* The same with a dark rim, to be read on any ground. */
void canvas_label(struct canvas *canvas, double x, double y, double size, const char *text, struct colour colour);
double canvas_text_width(double size, const char *text);

#endif
