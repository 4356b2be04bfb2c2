/* Contact sheets: images of a set side by side with captions, as an RGB PNG. */
#include "core/file.h"
#include "core/memory.h"
#include "data/check.h"
#include "data/draw/font.h"
#include "mixent/data.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

enum {
  GAP = 8,
  LARGEST = 32767,
  CAPTION_MOST = 40
}; /* pixels around a cell; pixels along a side; characters */

typedef struct color {
  uint8_t rgb[3];
} color;
static const color ink = {{40, 44, 52}}, error_ink = {{200, 24, 24}};
static const uint8_t paper = 250;

typedef struct sheet {
  const mixent_images *images;
  const char *const *captions;
  size_t columns, lines, scale;
  size_t text_scale;              /* pixels per pixel of the font */
  size_t cell_width, cell_height; /* without the gap */
  size_t width, height;
  uint8_t *pixels; /* [height, width, 3] */
} sheet;

static void paint_block(sheet *sheet, size_t x, size_t y, size_t width, size_t height, color color) {
  for (size_t i = y; i < y + height; i++)
    for (size_t j = x; j < x + width; j++) memcpy(sheet->pixels + (i * sheet->width + j) * 3, color.rgb, 3);
}

static bool is_error(const char *caption) {
  return caption && caption[0] == '!';
}

static size_t caption_length(const char *caption) {
  return caption ? strnlen(caption + is_error(caption), CAPTION_MOST) : 0;
}

static void paint_caption(sheet *sheet, size_t x, size_t y, const char *caption) {
  color color = is_error(caption) ? error_ink : ink;
  size_t length = caption_length(caption), scale = sheet->text_scale;
  caption += is_error(caption);
  for (size_t i = 0; i < length; i++)
    for (int row = 0; row < MIXENT_FONT_HEIGHT; row++)
      for (int column = 0; column < MIXENT_FONT_WIDTH; column++)
        if (mixent_font_pixel(caption[i], column, row))
          paint_block(sheet, x + (i * MIXENT_FONT_WIDTH + (size_t)column) * scale, y + (size_t)row * scale,
                      scale, scale, color);
}

static void paint_image(sheet *sheet, size_t x, size_t y, size_t index) {
  size_t side = (size_t)sheet->images->side, channels = (size_t)sheet->images->channels;
  const uint8_t *pixel = sheet->images->pixels + index * side * side * channels;
  for (size_t i = 0; i < side; i++)
    for (size_t j = 0; j < side; j++, pixel += channels) {
      color color = {{pixel[0], pixel[channels == 3 ? 1 : 0], pixel[channels == 3 ? 2 : 0]}};
      paint_block(sheet, x + j * sheet->scale, y + i * sheet->scale, sheet->scale, sheet->scale, color);
    }
}

/* Image and caption, each centred in the cell whose top left corner is (x, y). */
static void paint_cell(sheet *sheet, size_t x, size_t y, size_t index, const char *caption) {
  size_t image = (size_t)sheet->images->side * sheet->scale, left = x + (sheet->cell_width - image) / 2;
  size_t text = caption_length(caption) * MIXENT_FONT_WIDTH * sheet->text_scale;
  if (is_error(caption)) paint_block(sheet, left - 2, y - 2, image + 4, image + 4, error_ink);
  paint_image(sheet, left, y, index);
  if (caption) paint_caption(sheet, x + (sheet->cell_width - text) / 2, y + image + GAP / 2, caption);
}

/* Captions are as large as fits under the images, and cells become wider where even the smallest does not. */
static void lay_out(sheet *sheet, size_t count) {
  size_t longest = 0, image = (size_t)sheet->images->side * sheet->scale;
  for (size_t i = 0; i < count && sheet->captions; i++) {
    size_t length = caption_length(sheet->captions[i]);
    if (length > longest) longest = length;
  }
  size_t text = longest * MIXENT_FONT_WIDTH;
  sheet->text_scale = sheet->scale >= 3 && 2 * text <= image ? 2 : 1;
  text *= sheet->text_scale;
  sheet->cell_width = text > image ? text : image;
  sheet->cell_height = image + (sheet->captions ? GAP / 2 + MIXENT_FONT_HEIGHT * sheet->text_scale : 0);
  sheet->lines = (count + sheet->columns - 1) / sheet->columns;
  sheet->width = sheet->columns * (sheet->cell_width + GAP) + GAP;
  sheet->height = sheet->lines * (sheet->cell_height + GAP) + GAP;
}

static mixent_status write_png(const char *path, const sheet *sheet) {
  png_image image = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)sheet->width,
                     .height = (png_uint_32)sheet->height,
                     .format = PNG_FORMAT_RGB};
  mixent_new_file file;
  MIXENT_TRY(mixent_new_file_open(path, &file));
  if (png_image_write_to_stdio(&image, file.stream, 0, sheet->pixels, 0, NULL))
    return mixent_new_file_commit(&file);
  mixent_new_file_abandon(&file);
  return mixent_fail(MIXENT_ERROR_IO, "cannot write %s: %s; check the free space on that disk", path,
                     image.message);
}

mixent_status mixent_contact_sheet_write(const char *path, const mixent_images *images,
                                         const uint32_t *indices, size_t count, const char *const *captions,
                                         int columns, int scale) {
  MIXENT_NEED(path);
  MIXENT_NEED(indices);
  MIXENT_TRY(mixent_images_check(images, false));
  for (size_t i = 0; i < count; i++) {
    if (indices[i] >= images->count)
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "contact sheet: expected images 0 to below %zu, got %u",
                         images->count, indices[i]);
  }
  if (columns < 1 || scale < 1 || scale > 64 || columns > LARGEST || count < 1)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "contact sheet of %zu images, %d columns, scale %d: needs at least one of each, and scale up to 64",
        count, columns, scale);
  if (!images->pixels)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "contact sheet %s: rows of features are no images", path);
  size_t used = count < (size_t)columns ? count : (size_t)columns;
  sheet sheet = {.images = images, .captions = captions, .columns = used, .scale = (size_t)scale};
  lay_out(&sheet, count);
  if (sheet.width > LARGEST || sheet.height > LARGEST)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "contact sheet of %zu x %zu pixels, at most %d x %d: ask for fewer images or a smaller scale",
        sheet.width, sheet.height, LARGEST, LARGEST);
  MIXENT_TRY(MIXENT_ALLOCATE(sheet.width * sheet.height * 3, &sheet.pixels));
  memset(sheet.pixels, paper, sheet.width * sheet.height * 3);
  for (size_t i = 0; i < count; i++) {
    size_t x = GAP + i % used * (sheet.cell_width + GAP), y = GAP + i / used * (sheet.cell_height + GAP);
    paint_cell(&sheet, x, y, indices[i], captions ? captions[i] : NULL);
  }
  mixent_status status = write_png(path, &sheet);
  free(sheet.pixels);
  return status;
}
