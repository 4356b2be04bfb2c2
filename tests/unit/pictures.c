/* picture, resize, bmp, webp, exif: the images that Pillow and torchvision make of files of every kind (tests/golden/pictures.bin.gz);
 * damage of every kind has its message. */
#include "picture_files.h"

#include "core/memory.h"
#include "data/formats/exif.h"
#include "data/formats/picture.h"
#include "data/resize.h"
#include <webp/encode.h>

typedef struct record {
  char name[32];
  int32_t size, side, channels, fit, allowance;
} record;

static void read_exactly(gzFile file, void *out, size_t size) {
  assert_int_equal(gzread(file, out, (unsigned)size), (int)size);
}

/* The record is described in tests/golden/make_pictures.py. */
static void test_pillow(void **state) {
  (void)state;
  static uint8_t bytes[1 << 16], expected[256 * 256 * 3], out[256 * 256 * 3];
  gzFile file = gzopen("tests/golden/pictures.bin.gz", "rb");
  assert_non_null(file);
  record record;
  int cases = 0;
  while (gzread(file, &record, sizeof record) == (int)sizeof record) {
    size_t size = (size_t)(record.side * record.side * record.channels);
    read_exactly(file, bytes, (size_t)record.size);
    read_exactly(file, expected, size);
    mixent_picture picture, measured;
    if (mixent_picture_decode("x", bytes, (size_t)record.size, MIXENT_BACKGROUND_CONTRAST, &picture) !=
        MIXENT_OK)
      fail_msg("%s: %s", record.name, mixent_last_error());
    assert_int_equal(mixent_picture_measure("x", bytes, (size_t)record.size, &measured), MIXENT_OK);
    assert_int_equal(measured.width * measured.height, picture.width * picture.height);
    assert_int_equal(mixent_picture_fit(&picture, record.side, record.channels, (mixent_fit)record.fit, out),
                     MIXENT_OK);
    mixent_picture_free(&picture);
    for (size_t i = 0; i < size; i++)
      if (abs(out[i] - expected[i]) > record.allowance)
        fail_msg("%s, side %d, %d channels, fit %s: byte %zu is %d, Pillow's %d", record.name, record.side,
                 record.channels, mixent_fit_names[record.fit], i, out[i], expected[i]);
    cases++;
  }
  gzclose(file);
  assert_true(cases > 150);
}

/* EXIF that lies leaves the picture as it is stored. */
static void test_exif(void **state) {
  (void)state;
  uint8_t good[] = "II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0";
  size_t size = sizeof good - 1;
  assert_int_equal(mixent_exif_orientation(good, size), 6);
  for (size_t cut = 0; cut < 22; cut++) assert_int_equal(mixent_exif_orientation(good, cut), 1);
  static const struct {
    size_t at;
    uint8_t value;
  } lies[] = {{0, 'X'}, {4, 250}, {7, 255}, {8, 0}, {12, 2}, {12, 9}, {18, 0}, {18, 9}, {19, 1}};
  for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
    uint8_t bad[sizeof good];
    memcpy(bad, good, sizeof good);
    bad[lies[i].at] = lies[i].value;
    assert_int_equal(mixent_exif_orientation(bad, size), 1);
  }
  good[8] = good[9] = 255; /* more entries than there are */
  assert_int_equal(mixent_exif_orientation(good, size), 6);
}

static void assert_decode_fails(const void *bytes, size_t size, mixent_status expected, const char *message) {
  mixent_picture picture;
  assert_int_equal(mixent_picture_decode("x", bytes, size, MIXENT_BACKGROUND_CONTRAST, &picture), expected);
  assert_null(picture.pixels);
  assert_message_has("x: ");
  assert_message_has(message);
}

static void put(uint8_t *at, uint32_t value, int count) {
  for (int i = 0; i < count; i++) at[i] = (uint8_t)(value >> 8 * i);
}

/* A BMP of 4 x 4 pixels with a palette of 4 colours. */
static size_t make_bmp(uint8_t out[200]) {
  memset(out, 0, 200);
  memcpy(out, "BM", 2);
  put(out + 10, 70, 4), put(out + 14, 40, 4), put(out + 18, 4, 4), put(out + 22, 4, 4);
  put(out + 26, 1, 2), put(out + 28, 8, 2), put(out + 46, 4, 4);
  return 70 + 16;
}

static void test_faults_of_bmp(void **state) {
  (void)state;
  static const struct {
    int at, count;
    uint32_t value;
    mixent_status status;
    const char *message;
  } faults[] = {
      {30, 4, 1, MIXENT_ERROR_UNSUPPORTED, "a compressed BMP (RLE"},
      {28, 2, 2, MIXENT_ERROR_UNSUPPORTED, "a BMP of 2 bits a pixel"},
      {30, 4, 3, MIXENT_ERROR_UNSUPPORTED, "a BMP of 8 bits a pixel with masks"},
      {14, 4, 20, MIXENT_ERROR_FORMAT, "its header"},
      {14, 4, 4000, MIXENT_ERROR_FORMAT, "its header"},
      {18, 4, 0, MIXENT_ERROR_FORMAT, "a side of no pixels"},
      {18, 4, 0x80000000, MIXENT_ERROR_FORMAT, "a side of no pixels"},
      {22, 4, 0, MIXENT_ERROR_FORMAT, "a side of no pixels"},
      {22, 4, 0x80000000, MIXENT_ERROR_UNSUPPORTED, "4 x 2147483648 pixels; expected at most 64 million"},
      {18, 4, 10, MIXENT_ERROR_FORMAT, "fewer pixels than its header promises"},
      {10, 4, 71, MIXENT_ERROR_FORMAT, "fewer pixels than its header promises"},
      {10, 4, 20, MIXENT_ERROR_FORMAT, "fewer pixels than its header promises"},
      {46, 4, 257, MIXENT_ERROR_FORMAT, "more colours than its pixels"},
      {46, 4, 200, MIXENT_ERROR_FORMAT, "its palette is missing"},
      {70, 1, 4, MIXENT_ERROR_FORMAT, "a colour that its palette lacks"}};
  uint8_t bytes[200];
  size_t size = make_bmp(bytes);
  mixent_picture picture;
  assert_int_equal(mixent_picture_decode("x", bytes, size, MIXENT_BACKGROUND_CONTRAST, &picture), MIXENT_OK);
  mixent_picture_free(&picture);
  for (size_t cut = 2; cut < size; cut++)
    assert_decode_fails(bytes, cut, MIXENT_ERROR_FORMAT, "damaged or truncated BMP");
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    make_bmp(bytes);
    put(bytes + faults[i].at, faults[i].value, faults[i].count);
    assert_decode_fails(bytes, size, faults[i].status, faults[i].message);
  }
  make_bmp(bytes);
  put(bytes + 28, 16, 2), put(bytes + 30, 3, 4); /* masks in place of the palette */
  put(bytes + 54, 0x1f, 4), put(bytes + 58, 0x7e0, 4), put(bytes + 62, 0xa800, 4);
  assert_decode_fails(bytes, size, MIXENT_ERROR_FORMAT, "its masks");
}

static void test_faults_of_webp(void **state) {
  (void)state;
  uint8_t *bytes;
  draw_pixels(1, SIDE, false);
  size_t size = WebPEncodeLosslessRGB(pixels, SIDE, SIDE, SIDE * 3, &bytes);
  assert_true(size > 30);
  mixent_picture picture;
  assert_int_equal(mixent_picture_decode("x", bytes, size, MIXENT_BACKGROUND_CONTRAST, &picture), MIXENT_OK);
  assert_memory_equal(picture.pixels, pixels, SIDE * SIDE * 3);
  mixent_picture_free(&picture);
  for (size_t cut = 12; cut < size; cut++)
    assert_decode_fails(bytes, cut, MIXENT_ERROR_FORMAT, "damaged or truncated WebP");
  WebPFree(bytes);
  static const uint8_t animated[] = "RIFF\26\0\0\0WEBPVP8X\12\0\0\0\2\0\0\0\3\0\0\3\0\0";
  assert_decode_fails(animated, sizeof animated - 1, MIXENT_ERROR_UNSUPPORTED, "an animated WebP");
}

/* The colours of print as Photoshop stores them: YCCK, inverted. */
static void test_ycck(void **state) {
  (void)state;
  struct jpeg_compress_struct jpeg;
  struct jpeg_error_mgr errors;
  uint8_t inks[SIDE * 4], *bytes = NULL;
  unsigned long size = 0;
  for (int i = 0; i < SIDE; i++) memcpy(inks + 4 * i, (uint8_t[]){200, 100, 50, 128}, 4);
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_width = jpeg.image_height = SIDE, jpeg.input_components = 4, jpeg.in_color_space = JCS_CMYK;
  jpeg_set_defaults(&jpeg);
  jpeg_set_colorspace(&jpeg, JCS_YCCK);
  jpeg_set_quality(&jpeg, 100, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  JSAMPROW line = inks;
  while (jpeg.next_scanline < jpeg.image_height) jpeg_write_scanlines(&jpeg, &line, 1);
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  mixent_picture picture;
  if (mixent_picture_decode("x", bytes, size, MIXENT_BACKGROUND_CONTRAST, &picture) != MIXENT_OK)
    fail_msg("%s", mixent_last_error());
  for (int k = 0; k < 3; k++)
    assert_in_range(picture.pixels[k], inks[k] * 128 / 255 - 1, inks[k] * 128 / 255 + 1);
  mixent_picture_free(&picture);
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pillow),        cmocka_unit_test(test_exif),
      cmocka_unit_test(test_faults_of_bmp), cmocka_unit_test(test_faults_of_webp),
      cmocka_unit_test(test_ycck),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
