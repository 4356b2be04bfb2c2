/* JPEG files as pictures, through libjpeg. Whatever it complains of is an error: a file cut short would come
 * in half grey. */
#include "core/memory.h"
#include "data/formats/picture.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

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
static mixent_status prepare_pixels(jpeg_reader *reader, size_t size) {
  size_t width = reader->jpeg.output_width, height = reader->jpeg.output_height;
  if (width > MIXENT_PICTURE_LARGEST || height > MIXENT_PICTURE_LARGEST)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: %zu x %zu pixels; at most %d x %d are read: scale it down", reader->origin, width,
                       height, MIXENT_PICTURE_LARGEST, MIXENT_PICTURE_LARGEST);
  if (width * height / 2048 > size)
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: its header promises %zu x %zu pixels, more than %zu bytes can hold; save or copy it "
        "again",
        reader->origin, width, height, size);
  reader->picture.width = width;
  reader->picture.height = height;
  return MIXENT_ALLOCATE(width * height * 3, &reader->picture.pixels);
}

/* libjpeg comes back to the setjmp on any error. */
static mixent_status decode(jpeg_reader *reader, const void *bytes, size_t size) {
  struct jpeg_decompress_struct *jpeg = &reader->jpeg;
  if (setjmp(reader->back))
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: damaged or truncated JPEG (%s); save or copy it again",
                       reader->origin, reader->message);
  jpeg_create_decompress(jpeg);
  reader->progress.progress_monitor = on_progress;
  jpeg->progress = &reader->progress;
  jpeg_mem_src(jpeg, (unsigned char *)(uintptr_t)bytes, (unsigned long)size);
  jpeg_read_header(jpeg, TRUE);
  if (jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "%s: a JPEG in the colours of print (CMYK); save it in RGB",
                       reader->origin);
  jpeg->out_color_space = JCS_RGB;
  jpeg->dct_method = JDCT_ISLOW; /* the same pixels whatever the processor */
  jpeg_calc_output_dimensions(jpeg);
  mixent_status status = prepare_pixels(reader, size);
  if (status != MIXENT_OK) return status;
  jpeg_start_decompress(jpeg);
  while (jpeg->output_scanline < jpeg->output_height) {
    JSAMPROW line = reader->picture.pixels + jpeg->output_scanline * reader->picture.width * 3;
    jpeg_read_scanlines(jpeg, &line, 1);
  }
  jpeg_finish_decompress(jpeg);
  return MIXENT_OK;
}

mixent_status mixent_jpeg_decode(const char *origin, const void *bytes, size_t size, mixent_picture *out) {
  jpeg_reader *reader;
  *out = (mixent_picture){0};
  MIXENT_TRY(MIXENT_ALLOCATE(1, &reader));
  reader->origin = origin;
  reader->jpeg.err = jpeg_std_error(&reader->errors);
  reader->errors.error_exit = on_error;
  reader->errors.emit_message = on_message;
  reader->jpeg.client_data = reader; /* kept by jpeg_create_decompress */
  mixent_status status = decode(reader, bytes, size);
  jpeg_destroy_decompress(&reader->jpeg);
  if (status == MIXENT_OK)
    *out = reader->picture;
  else
    free(reader->picture.pixels);
  free(reader);
  return status;
}
