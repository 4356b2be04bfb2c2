/* PNG files as pictures, through libpng: RGB and, where there is any transparency, opacity. */
#include "core/memory.h"
#include "data/formats/exif.h"
#include "data/formats/picture.h"

#include <png.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CHUNKS = 32, LARGEST_CHUNK = 4 << 20 };

/* What is read of a file, outside the function that libpng jumps back into. */
typedef struct png_reader {
  const char *path;
  FILE *stream;
  size_t size; /* of the file */
  png_structp png;
  png_infop info;
  char message[128];
  mixent_picture picture;
  png_bytep *lines;
} png_reader;

static void on_error(png_structp png, png_const_charp message) {
  png_reader *reader = png_get_error_ptr(png);
  snprintf(reader->message, sizeof reader->message, "%s", message);
  png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
  (void)png, (void)message;
}

/* Width and height. A header that promises more than the file can hold lies. */
static mixent_status take_size(png_reader *reader) {
  size_t width = png_get_image_width(reader->png, reader->info),
         height = png_get_image_height(reader->png, reader->info);
  MIXENT_TRY(mixent_picture_check_size(reader->path, width, height));
  reader->picture.width = width, reader->picture.height = height;
  size_t bits =
      (size_t)png_get_bit_depth(reader->png, reader->info) * png_get_channels(reader->png, reader->info);
  size_t promised = height * ((width * bits + 7) / 8);
  if (promised / MIXENT_MOST_INFLATION <= reader->size) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: its header promises %zu x %zu pixels, more than %zu bytes can hold; "
                     "save or copy it again",
                     reader->path, width, height, reader->size);
}

static mixent_status prepare_lines(png_reader *reader, size_t depth) {
  mixent_picture *picture = &reader->picture;
  MIXENT_TRY(MIXENT_ALLOCATE(picture->width * picture->height * depth, &picture->pixels));
  MIXENT_TRY(MIXENT_ALLOCATE(picture->height, &reader->lines));
  for (size_t y = 0; y < picture->height; y++)
    reader->lines[y] = picture->pixels + y * picture->width * depth;
  return MIXENT_OK;
}

static void take_orientation(png_reader *reader) {
  png_bytep exif = NULL;
  png_uint_32 size = 0;
  if (png_get_eXIf_1(reader->png, reader->info, &size, &exif))
    reader->picture.orientation = mixent_exif_orientation(exif, size);
}

/* Reads the header or, with `whole`, all of the file. libpng comes back to the setjmp on any error. */
static mixent_status read(png_reader *reader, bool whole) {
  reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, on_error, on_warning);
  if (reader->png) reader->info = png_create_info_struct(reader->png);
  if (!reader->info) return mixent_no_memory("%s", reader->path);
  if (setjmp(png_jmpbuf(reader->png)))
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: damaged or truncated PNG (%s); save or copy it again",
                       reader->path, reader->message);
  png_init_io(reader->png, reader->stream);
  /* texts and profiles, which nobody looks at, may unpack to much: a few of them, and none that is large */
  png_set_chunk_cache_max(reader->png, MOST_CHUNKS);
  png_set_chunk_malloc_max(reader->png, LARGEST_CHUNK);
  png_read_info(reader->png, reader->info);
  mixent_status status = take_size(reader);
  if (status != MIXENT_OK || !whole) return status;
  /* whatever the file holds, RGB or RGBA of 8 bits comes out; values as they stand, without gamma */
  png_set_expand(reader->png);
  png_set_scale_16(reader->png);
  png_set_gray_to_rgb(reader->png);
  png_set_interlace_handling(reader->png);
  png_read_update_info(reader->png, reader->info);
  size_t depth = png_get_channels(reader->png, reader->info);
  status = prepare_lines(reader, depth);
  if (status != MIXENT_OK) return status;
  png_read_image(reader->png, reader->lines);
  png_read_end(reader->png, reader->info);
  take_orientation(reader);
  return depth == 4 ? mixent_picture_part_opacity(&reader->picture) : MIXENT_OK;
}

static mixent_status read_bytes(const char *origin, const uint8_t *bytes, size_t size, bool whole,
                                mixent_picture *out) {
  FILE *stream = fmemopen((void *)(uintptr_t)bytes, size, "rb"); /* "r": the bytes are not changed */
  if (!stream) return mixent_no_memory("%s", origin);
  png_reader reader = {.path = origin, .stream = stream, .size = size};
  mixent_status status = read(&reader, whole);
  png_destroy_read_struct(&reader.png, &reader.info, NULL);
  fclose(stream);
  free(reader.lines);
  *out = reader.picture;
  return status;
}

mixent_status mixent_png_measure(const char *origin, const uint8_t *bytes, size_t size, mixent_picture *out) {
  return read_bytes(origin, bytes, size, false, out);
}

mixent_status mixent_png_decode(const char *origin, const uint8_t *bytes, size_t size, mixent_picture *out) {
  return read_bytes(origin, bytes, size, true, out);
}
