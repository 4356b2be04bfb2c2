/* A small bitmap font for captions: printable ASCII, 5 by 7 pixels and two below the line. */
#ifndef MIXENT_DATA_DRAW_FONT_H
#define MIXENT_DATA_DRAW_FONT_H

#include <stdbool.h>

enum { MIXENT_FONT_WIDTH = 6, MIXENT_FONT_HEIGHT = 9 }; /* of a character's cell; its last column is empty */

/* Whether the pixel (x, y) of the cell is ink; a character outside printable ASCII shows as a box. */
bool mixent_font_pixel(char character, int x, int y);

#endif
