/* A small proportional font for pictures: ASCII, drawn on a grid of 5 x 9, smoothed when it is enlarged. */
#ifndef CLI_FONT_H
#define CLI_FONT_H

enum { FONT_ROWS = 9, FONT_BASELINE = 7 }; /* capitals fill rows 0 to 6, descenders 7 and 8 */

/* Columns from one character to the next. */
int font_advance(char c);
/* How much of the glyph covers the point (x, y), in columns and rows of its grid: 0 to 1. */
double font_coverage(char c, double x, double y);

#endif
