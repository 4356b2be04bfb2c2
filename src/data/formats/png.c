/* PNG files as pictures: RGB, transparency on black. */
#include "core/memory.h"
#include "data/formats/picture.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = MIXENT_PICTURE_LARGEST, MOST_CHUNKS = 32, LARGEST_CHUNK = 4 << 20 };

/* What is read of a file, outside the function that libpng jumps back into. */
typedef struct png_reader {
  const char *path;
  FILE *stream;
  size_t size; /* of the file; 0: not known */
  png_structp png;
  png_infop info;
  char message[128];
  size_t width, height;
  uint8_t *pixels; /* [height, width, 4]: RGBA */
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

static mixent_status prepare_lines(png_reader *reader) {
  reader->width = png_get_image_width(reader->png, reader->info);
  reader->height = png_get_image_height(reader->png, reader->info);
  if (reader->width > LARGEST || reader->height > LARGEST)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: %zu x %zu pixels; at most %d x %d are read: scale it down", reader->path,
                       reader->width, reader->height, LARGEST, LARGEST);
  /* a header that promises more than the file can hold lies */
  size_t bits =
      (size_t)png_get_bit_depth(reader->png, reader->info) * png_get_channels(reader->png, reader->info);
  size_t promised = reader->height * ((reader->width * bits + 7) / 8);
  if (reader->size && promised / MIXENT_MOST_INFLATION > reader->size)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: its header promises %zu x %zu pixels, more than %zu bytes can hold; "
                       "save or copy it again",
                       reader->path, reader->width, reader->height, reader->size);
  MIXENT_TRY(MIXENT_ALLOCATE(reader->width * reader->height * 4, &reader->pixels));
  MIXENT_TRY(MIXENT_ALLOCATE(reader->height, &reader->lines));
  for (size_t y = 0; y < reader->height; y++) reader->lines[y] = reader->pixels + y * reader->width * 4;
  return MIXENT_OK;
}

/* Reads the whole file into reader->pixels. libpng comes back to the setjmp on any error. */
static mixent_status decode(png_reader *reader) {
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
  /* whatever the file holds, 8-bit RGBA comes out; values as they stand, without gamma */
  png_set_expand(reader->png);
  png_set_scale_16(reader->png);
  png_set_gray_to_rgb(reader->png);
  png_set_add_alpha(reader->png, 255, PNG_FILLER_AFTER);
  png_set_interlace_handling(reader->png);
  mixent_status status = prepare_lines(reader);
  if (status != MIXENT_OK) return status;
  png_read_update_info(reader->png, reader->info);
  png_read_image(reader->png, reader->lines);
  png_read_end(reader->png, NULL);
  return MIXENT_OK;
}

static mixent_status check_signature(const png_reader *reader) {
  uint8_t signature[8];
  size_t count = fread(signature, 1, sizeof signature, reader->stream);
  if (count == 0)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: empty (0 bytes), not a PNG file", reader->path);
  if (count < sizeof signature || png_sig_cmp(signature, 0, sizeof signature))
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: not a PNG file; convert it to PNG", reader->path);
  rewind(reader->stream);
  return MIXENT_OK;
}

static void reader_end(png_reader *reader) {
  png_destroy_read_struct(&reader->png, &reader->info, NULL);
  fclose(reader->stream);
  free(reader->pixels);
  free(reader->lines);
}

mixent_status mixent_png_decode(const char *origin, const void *bytes, size_t size, mixent_picture *out) {
  *out = (mixent_picture){0};
  FILE *stream = fmemopen((void *)(uintptr_t)bytes, size, "rb"); /* "r": the bytes are not changed */
  if (!stream) return mixent_no_memory("%s", origin);
  png_reader reader = {.path = origin, .stream = stream, .size = size};
  mixent_status status = check_signature(&reader);
  if (status == MIXENT_OK) status = decode(&reader);
  size_t count = reader.width * reader.height;
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(count * 3, &out->pixels);
  for (size_t i = 0; i < 3 * count && status == MIXENT_OK; i++) {
    const uint8_t *pixel = reader.pixels + i / 3 * 4;
    out->pixels[i] = (uint8_t)((pixel[i % 3] * pixel[3] + 127) / 255);
  }
  if (status == MIXENT_OK) out->width = reader.width, out->height = reader.height;
  reader_end(&reader);
  return status;
}
