/* Small pictures for tests, PNG and JPEG, and tar archives of them. */
#ifndef TESTS_PICTURE_FILES_H
#define TESTS_PICTURE_FILES_H

#include "data_files.h"

#include "mixent/data.h"
#include <jpeglib.h>
#include <png.h>

enum { SIDE = 16 };
static uint8_t pixels[64 * 64 * 3];

static inline void draw_pixels(int seed, int side, bool grey) {
  for (int i = 0; i < side * side; i++)
    for (int c = 0; c < 3; c++) pixels[3 * i + c] = (uint8_t)(25 * seed + i / side * 3 + (grey ? 0 : 20 * c));
}

/* A PNG or, if the name says so, a JPEG of what was drawn. */
static inline size_t encode(const char *name, int side, uint8_t **out) {
  *out = NULL;
  if (strstr(name, ".png")) {
    png_image image = {.version = PNG_IMAGE_VERSION, .width = side, .height = side, .format = PNG_FORMAT_RGB};
    png_alloc_size_t size = 1 << 16;
    *out = malloc(size);
    assert_true(png_image_write_to_memory(&image, *out, &size, 0, pixels, 0, NULL));
    return size;
  }
  struct jpeg_compress_struct jpeg;
  struct jpeg_error_mgr errors;
  unsigned long size = 0;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  jpeg_mem_dest(&jpeg, out, &size);
  jpeg.image_width = jpeg.image_height = (JDIMENSION)side;
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 95, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW line = pixels + jpeg.next_scanline * (unsigned)side * 3;
    jpeg_write_scanlines(&jpeg, &line, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  return size;
}

static inline void append_tar(file_bytes *file, const char *name, char type, const void *bytes, size_t size) {
  char header[512] = {0};
  unsigned sum = 0;
  snprintf(header, 100, "%.99s", name);
  sprintf(header + 100, "0000644");
  sprintf(header + 124, "%011zo", size);
  memset(header + 148, ' ', 8);
  header[156] = type;
  memcpy(header + 257, "ustar\00000", 8);
  for (int i = 0; i < 512; i++) sum += (uint8_t)header[i];
  sprintf(header + 148, "%06o", sum);
  append_bytes(file, header, 512);
  append_bytes(file, bytes, size);
  append_bytes(file, (char[512]){0}, (512 - size % 512) % 512);
}

static inline void end_tar(file_bytes *file) {
  append_bytes(file, (char[1024]){0}, 1024);
}

static inline mixent_dataset *open_set(const char *path) {
  mixent_dataset *dataset;
  if (mixent_dataset_open(path, NULL, &dataset) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  return dataset;
}

static inline void assert_open_fails(mixent_status expected, const char *path, const char *message) {
  mixent_dataset *dataset;
  assert_int_equal(mixent_dataset_open(path, NULL, &dataset), expected);
  assert_null(dataset);
  assert_message_has(message);
}

#endif
