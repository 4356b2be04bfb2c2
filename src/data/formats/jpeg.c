/* JPEG files as pictures, through libjpeg. Whatever it complains of is an error: a file cut short would come
 * in half grey. */
#include "core/memory.h"
#include "data/formats/exif.h"
#include "data/formats/picture.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

/* What is read of a file, outside the function that libjpeg jumps back into. */
typedef struct jpeg_reader {
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  struct jpeg_decompress_struct jpeg;
  jmp_buf back;
  char message[JMSG_LENGTH_MAX];
  const char *origin;
  mixent_picture picture;
  uint8_t *inks; /* [width, 4]: a line of a picture in the colours of print */
} jpeg_reader;

static void on_error(j_common_ptr jpeg) {
  jpeg_reader *reader = jpeg->client_data;
  jpeg->err->format_message(jpeg, reader->message);
  longjmp(reader->back, 1);
}

static void on_message(j_common_ptr jpeg, int level) {
  if (level < 0) on_error(jpeg); /* -1: a warning of damaged data; others only trace */
}

/* Each scan goes over the whole picture, however few bytes it has. Pictures have a dozen. */
static void on_progress(j_common_ptr common) {
  enum { MOST_SCANS = 100 };
  jpeg_reader *reader = common->client_data;
  if (reader->jpeg.input_scan_number <= MOST_SCANS) return;
  snprintf(reader->message, sizeof reader->message, "more than %d scans", MOST_SCANS);
  longjmp(reader->back, 1);
}

/* A picture of that many pixels takes at least one bit for each block of 16 x 16. */
static mixent_status take_size(jpeg_reader *reader, size_t size) {
  size_t width = reader->jpeg.image_width, height = reader->jpeg.image_height;
  MIXENT_TRY(mixent_picture_check_size(reader->origin, width, height));
  reader->picture.width = width, reader->picture.height = height;
  if (width * height / 2048 <= size) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s: its header promises %zu x %zu pixels, more than %zu bytes can hold; save or copy it "
      "again",
      reader->origin, width, height, size);
}

static void take_orientation(jpeg_reader *reader) {
  static const char mark[] = "Exif\0";
  for (jpeg_saved_marker_ptr at = reader->jpeg.marker_list; at; at = at->next)
    if (at->data_length >= sizeof mark && memcmp(at->data, mark, sizeof mark) == 0) {
      reader->picture.orientation =
          mixent_exif_orientation(at->data + sizeof mark, at->data_length - sizeof mark);
      return;
    }
}

/* Cyan, magenta, yellow and black as Adobe's programs store them, 255 for no ink: what little light one ink lets through is taken from
 * what the black one leaves. */
static void print_line(const uint8_t *inks, size_t width, uint8_t *out) {
  for (size_t i = 0; i < 3 * width; i++) {
    const uint8_t *pixel = inks + i / 3 * 4;
    out[i] = (uint8_t)((pixel[i % 3] * pixel[3] + 127) / 255);
  }
}

static mixent_status read_lines(jpeg_reader *reader) {
  struct jpeg_decompress_struct *jpeg = &reader->jpeg;
  mixent_picture *picture = &reader->picture;
  bool print = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
  jpeg->out_color_space = print ? JCS_CMYK : JCS_RGB;
  jpeg->dct_method = JDCT_ISLOW; /* the same pixels whatever the processor */
  MIXENT_TRY(MIXENT_ALLOCATE(picture->width * picture->height * 3, &picture->pixels));
  if (print) MIXENT_TRY(MIXENT_ALLOCATE(picture->width * 4, &reader->inks));
  jpeg_start_decompress(jpeg);
  while (jpeg->output_scanline < jpeg->output_height) {
    uint8_t *out = picture->pixels + jpeg->output_scanline * picture->width * 3;
    JSAMPROW line = print ? reader->inks : out;
    jpeg_read_scanlines(jpeg, &line, 1);
    if (print) print_line(reader->inks, picture->width, out);
  }
  jpeg_finish_decompress(jpeg);
  return MIXENT_OK;
}

/* Reads the header or, with `whole`, all of the file. libjpeg comes back to the setjmp on any error. */
static mixent_status read(jpeg_reader *reader, const uint8_t *bytes, size_t size, bool whole) {
  struct jpeg_decompress_struct *jpeg = &reader->jpeg;
  if (setjmp(reader->back))
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: damaged or truncated JPEG (%s); save or copy it again",
                       reader->origin, reader->message);
  jpeg_create_decompress(jpeg);
  reader->progress.progress_monitor = on_progress;
  jpeg->progress = &reader->progress;
  jpeg_mem_src(jpeg, (unsigned char *)(uintptr_t)bytes, (unsigned long)size);
  jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff); /* where EXIF is */
  jpeg_read_header(jpeg, TRUE);
  mixent_status status = take_size(reader, size);
  if (status != MIXENT_OK || !whole) return status;
  take_orientation(reader);
  return read_lines(reader);
}

static mixent_status read_bytes(const char *origin, const uint8_t *bytes, size_t size, bool whole,
                                mixent_picture *out) {
  jpeg_reader *reader;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &reader));
  reader->origin = origin;
  reader->jpeg.err = jpeg_std_error(&reader->errors);
  reader->errors.error_exit = on_error;
  reader->errors.emit_message = on_message;
  reader->jpeg.client_data = reader; /* kept by jpeg_create_decompress */
  mixent_status status = read(reader, bytes, size, whole);
  jpeg_destroy_decompress(&reader->jpeg);
  *out = reader->picture;
  free(reader->inks);
  free(reader);
  return status;
}

mixent_status mixent_jpeg_measure(const char *origin, const uint8_t *bytes, size_t size,
                                  mixent_picture *out) {
  return read_bytes(origin, bytes, size, false, out);
}

mixent_status mixent_jpeg_decode(const char *origin, const uint8_t *bytes, size_t size, mixent_picture *out) {
  return read_bytes(origin, bytes, size, true, out);
}
