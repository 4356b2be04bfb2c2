/* png: every kind of PNG comes in as its pixels, scaling is bilinear, damage gives a message; contact sheets
 * show their images at their places with readable captions. */
#include "data_files.h"

#include "data/draw/font.h"
#include "mixent/data.h"
#include <math.h>
#include <png.h>

enum { WIDTH = 13, LINE = WIDTH * 8 };

static uint8_t lines[WIDTH][LINE]; /* packed as the file holds them */
static char path[512];

static mixent_status read_image(int side, int channels, uint8_t *out) {
  return mixent_image_read(path, side, channels, MIXENT_FIT_STRETCH, MIXENT_BACKGROUND_BLACK, out);
}

/* A WIDTH x WIDTH file of random samples; the palette has 2^depth entries (k, 3 k, 255 - k), alpha 255 - 8 k.
 */
static void write_png(int kind, int depth, int interlace) {
  for (size_t i = 0; i < sizeof lines; i++) lines[i / LINE][i % LINE] = (uint8_t)random_below(256);
  snprintf(path, sizeof path, "%s/x.png", test_directory);
  FILE *stream = fopen(path, "wb");
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, stream);
  png_set_IHDR(png, info, WIDTH, WIDTH, depth, kind, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_color palette[16];
  png_byte alpha[16];
  for (int k = 0; k < 16; k++)
    palette[k] = (png_color){(png_byte)k, (png_byte)(3 * k), (png_byte)(255 - k)},
    alpha[k] = (png_byte)(255 - 8 * k);
  if (kind == PNG_COLOR_TYPE_PALETTE) {
    png_set_PLTE(png, info, palette, 1 << depth);
    png_set_tRNS(png, info, alpha, 1 << depth, NULL);
  }
  png_bytep pointers[WIDTH];
  for (int y = 0; y < WIDTH; y++) pointers[y] = lines[y];
  png_write_info(png, info);
  png_write_image(png, pointers);
  png_write_end(png, NULL);
  png_destroy_write_struct(&png, &info);
  fclose(stream);
}

/* Sample `index` of a line, as 0..1 (a palette index as it is). */
static double sample(int y, int index, int depth, bool whole) {
  if (depth == 16) return (lines[y][2 * index] * 256 + lines[y][2 * index + 1]) / 65535.0;
  int bit = index * depth, value = lines[y][bit / 8] >> (8 - depth - bit % 8) & ((1 << depth) - 1);
  return whole ? value : value / (double)((1 << depth) - 1);
}

/* The pixel that (x, y) of the file stands for, 0..255 per channel, on black. */
static void expected_pixel(int kind, int depth, int y, int x, double rgb[3]) {
  double alpha = 1;
  if (kind == PNG_COLOR_TYPE_PALETTE) {
    double k = sample(y, x, depth, true);
    rgb[0] = k / 255, rgb[1] = 3 * k / 255, rgb[2] = 1 - k / 255, alpha = 1 - 8 * k / 255;
  } else {
    int colors = kind & PNG_COLOR_MASK_COLOR ? 3 : 1,
        samples = colors + (kind & PNG_COLOR_MASK_ALPHA ? 1 : 0);
    for (int k = 0; k < 3; k++) rgb[k] = sample(y, x * samples + (colors == 3 ? k : 0), depth, false);
    if (samples > colors) alpha = sample(y, x * samples + colors, depth, false);
  }
  for (int k = 0; k < 3; k++) rgb[k] *= 255 * alpha;
}

static void test_every_kind_of_png(void **state) {
  (void)state;
  const int kinds[][2] = {
      {PNG_COLOR_TYPE_GRAY, 1},       {PNG_COLOR_TYPE_GRAY, 2},    {PNG_COLOR_TYPE_GRAY, 4},
      {PNG_COLOR_TYPE_GRAY, 8},       {PNG_COLOR_TYPE_GRAY, 16},   {PNG_COLOR_TYPE_RGB, 8},
      {PNG_COLOR_TYPE_RGB, 16},       {PNG_COLOR_TYPE_PALETTE, 1}, {PNG_COLOR_TYPE_PALETTE, 4},
      {PNG_COLOR_TYPE_GRAY_ALPHA, 8}, {PNG_COLOR_TYPE_RGBA, 8},    {PNG_COLOR_TYPE_RGBA, 16}};
  start_drawing(7);
  for (size_t i = 0; i < 2 * sizeof kinds / sizeof *kinds; i++) {
    int kind = kinds[i / 2][0], depth = kinds[i / 2][1];
    write_png(kind, depth, i % 2 ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE);
    uint8_t grey[WIDTH * WIDTH], color[WIDTH * WIDTH * 3];
    assert_int_equal(read_image(WIDTH, 1, grey), MIXENT_OK);
    assert_int_equal(read_image(WIDTH, 3, color), MIXENT_OK);
    /* 16 bits lose their lower half, in colour and again in alpha */
    double allowed = depth == 16 ? 1.51 : 0.51;
    /* grey is made of the bytes that transparency left of each colour */
    double grey_allowed = kind == PNG_COLOR_TYPE_GRAY || kind == PNG_COLOR_TYPE_RGB ? allowed : allowed + 0.5;
    for (int j = 0; j < WIDTH * WIDTH; j++) {
      double rgb[3];
      expected_pixel(kind, depth, j / WIDTH, j % WIDTH, rgb);
      for (int k = 0; k < 3; k++) assert_true(fabs(color[3 * j + k] - rgb[k]) <= allowed);
      assert_true(fabs(grey[j] - (0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2])) <= grey_allowed);
    }
  }
}

static void write_simple(int width, int height, int channels, const uint8_t *pixels) {
  png_image image = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)width,
                     .height = (png_uint_32)height,
                     .format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY};
  snprintf(path, sizeof path, "%s/x.png", test_directory);
  assert_true(png_image_write_to_file(&image, path, 0, pixels, 0, NULL));
}

/* The expected values are Pillow's (Image.resize with BILINEAR). */
static void test_scales_bilinearly(void **state) {
  (void)state;
  const uint8_t in[] = {172, 47, 117, 192, 67, 251, 195, 103, 9, 211, 21, 242, 36, 87, 70};
  const uint8_t four[] = {141, 76, 161, 98, 201, 127, 90, 137, 177, 157, 55, 128, 76, 156, 66, 74};
  const uint8_t two[] = {137, 119, 142, 87};
  const uint8_t color[] = {216, 88, 140, 58, 193, 230, 39, 87, 174, 88, 81, 165};
  const uint8_t three[] = {216, 88, 140, 137, 141, 185, 58,  193, 230, 128, 88, 157, 101, 113,
                           178, 73, 137, 198, 39,  87,  174, 64,  84,  170, 88, 81,  165};
  uint8_t out[27];
  write_simple(5, 3, 1, in);
  assert_int_equal(read_image(4, 1, out), MIXENT_OK);
  for (int i = 0; i < 16; i++) assert_in_range(out[i], four[i] - 1, four[i] + 1);
  assert_int_equal(read_image(2, 1, out), MIXENT_OK);
  for (int i = 0; i < 4; i++) assert_in_range(out[i], two[i] - 1, two[i] + 1);
  write_simple(2, 2, 3, color);
  assert_int_equal(read_image(3, 3, out), MIXENT_OK);
  for (int i = 0; i < 27; i++) assert_in_range(out[i], three[i] - 1, three[i] + 1);
}

static void assert_read_fails(mixent_status expected, const char *message) {
  uint8_t out[WIDTH * WIDTH];
  mixent_status status = read_image(WIDTH, 1, out);
  if (status != expected) fail_msg("status %d, not %d: %s", status, expected, mixent_last_error());
  assert_message_has(path);
  assert_message_has(message);
}

static void test_faults(void **state) {
  (void)state;
  start_drawing(8);
  snprintf(path, sizeof path, "%s", test_directory);
  assert_read_fails(MIXENT_ERROR_IO, "is a directory");
  snprintf(path, sizeof path, "%s/x.png", test_directory);
  assert_read_fails(MIXENT_ERROR_IO, "No such file");
  write_file(test_directory, "x.png", "", 0);
  assert_read_fails(MIXENT_ERROR_FORMAT, "empty file (0 bytes)");
  write_file(test_directory, "x.png", "GIF89a\0\1\0\1", 10);
  assert_read_fails(MIXENT_ERROR_FORMAT, "neither PNG, JPEG, BMP nor WebP");

  static uint8_t out[WIDTH * WIDTH * 3];
  char *bytes;
  size_t size;
  write_png(PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_NONE);
  assert_int_equal(mixent_file_read(path, 1 << 16, &bytes, &size), MIXENT_OK);
  for (size_t cut = 1; cut < size; cut += 3) {
    write_file(test_directory, "x.png", bytes, cut);
    assert_read_fails(MIXENT_ERROR_FORMAT, "");
  }
  int accepted = 0;
  for (int round = 0; round < 500; round++) {
    static uint8_t broken[1 << 16];
    memcpy(broken, bytes, size);
    broken[8 + random_below((uint32_t)size - 8)] ^= (uint8_t)(1 << (round % 8));
    write_file(test_directory, "x.png", broken, size);
    if (read_image(WIDTH, 3, out) == MIXENT_OK)
      accepted++;
    else
      assert_message_has(path);
  }
  assert_in_range(accepted, 0, 100); /* check sums catch nearly all */
  /* a header, with its check sum right, that promises 4096 x 4096, or 100 megapixels and more */
  for (int i = 0; i < 2; i++) {
    bytes[16 + 2] = bytes[20 + 2] = i ? 0x28 : 0x10, bytes[16 + 3] = bytes[20 + 3] = 0;
    uint32_t sum = (uint32_t)crc32(0, (Bytef *)bytes + 12, 17);
    for (int k = 0; k < 4; k++) bytes[29 + k] = (char)(sum >> (24 - 8 * k));
    write_file(test_directory, "x.png", bytes, size);
    assert_read_fails(i ? MIXENT_ERROR_UNSUPPORTED : MIXENT_ERROR_FORMAT,
                      i ? "10240 x 10240 pixels; expected at most 64 million: scale it down"
                        : "promises 4096 x 4096");
  }
  free(bytes);
}

static void test_font(void **state) {
  (void)state;
  char drawn[96][MIXENT_FONT_WIDTH * MIXENT_FONT_HEIGHT];
  for (int c = ' '; c <= 127; c++) {
    char *bits = drawn[c - ' '];
    int ink = 0;
    for (int i = 0; i < MIXENT_FONT_WIDTH * MIXENT_FONT_HEIGHT; i++)
      ink += bits[i] = mixent_font_pixel((char)c, i % MIXENT_FONT_WIDTH, i / MIXENT_FONT_WIDTH);
    assert_true(c == ' ' ? ink == 0 : ink > 0);
    for (int other = 0; other < c - ' '; other++)
      assert_memory_not_equal(bits, drawn[other], sizeof drawn[0]);
  }
}

/* Reads a whole PNG as RGB; free() the result. */
static uint8_t *read_rgb(size_t *width, size_t *height) {
  png_image image = {.version = PNG_IMAGE_VERSION};
  assert_true(png_image_begin_read_from_file(&image, path));
  image.format = PNG_FORMAT_RGB;
  uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
  assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
  *width = image.width, *height = image.height;
  return pixels;
}

static void test_contact_sheet(void **state) {
  (void)state;
  enum { SIDE = 16, COUNT = 7, SCALE = 3, COLUMNS = 3 };
  start_drawing(9);
  static uint8_t images_bytes[COUNT * SIDE * SIDE * 3];
  for (size_t i = 0; i < sizeof images_bytes; i++) images_bytes[i] = (uint8_t)random_below(256);
  for (int channels = 1; channels <= 3; channels += 2) {
    mixent_images images = {.count = COUNT, .side = SIDE, .channels = channels, .pixels = images_bytes};
    const uint32_t indices[COUNT] = {6, 0, 5, 1, 4, 2, 3};
    const char *captions[COUNT] = {"abc", "!abc", NULL, "", "x", "y", "z"};
    snprintf(path, sizeof path, "%s/sheet.png", test_directory);
    assert_int_equal(mixent_contact_sheet_write(path, &images, indices, COUNT, captions, COLUMNS, SCALE),
                     MIXENT_OK);
    size_t width, height, cell = SIDE * SCALE + 8, line = SIDE * SCALE + 4 + 2 * MIXENT_FONT_HEIGHT + 8;
    uint8_t *sheet = read_rgb(&width, &height);
    assert_int_equal(width, COLUMNS * cell + 8);
    assert_int_equal(height, 3 * line + 8);
    for (size_t i = 0; i < COUNT; i++)
      for (size_t y = 0; y < SIDE * SCALE; y++)
        for (size_t x = 0; x < SIDE * SCALE; x++)
          for (size_t k = 0; k < 3; k++)
            assert_int_equal(
                sheet[((8 + i / 3 * line + y) * width + 8 + i % 3 * cell + x) * 3 + k],
                images_bytes[((indices[i] * SIDE + y / SCALE) * SIDE + x / SCALE) * (size_t)channels +
                             (channels == 3 ? k : 0)]);
    /* the first two captions have the same ink at the same place; the second is red */
    int inked = 0;
    for (size_t y = 8 + SIDE * SCALE + 4; y < 8 + line - 8; y++)
      for (size_t x = 8; x < 8 + SIDE * SCALE; x++) {
        const uint8_t *plain = sheet + (y * width + x) * 3, *red = plain + cell * 3;
        assert_int_equal(plain[0] < 250, red[0] < 250);
        if (plain[0] < 250) inked++, assert_true(plain[0] < 80 && red[0] > 150 && red[1] < 80);
      }
    assert_true(inked > 100);
    free(sheet);
  }
  mixent_images images = {.count = COUNT, .side = SIDE, .channels = 1, .pixels = images_bytes};
  const uint32_t indices[COUNT] = {0};
  assert_int_equal(mixent_contact_sheet_write(path, &images, indices, 0, NULL, 3, 2), MIXENT_ERROR_ARGUMENT);
  assert_int_equal(mixent_contact_sheet_write(path, &images, indices, 1, NULL, 0, 2), MIXENT_ERROR_ARGUMENT);
  assert_int_equal(mixent_contact_sheet_write(test_directory, &images, indices, 1, NULL, 1, 1),
                   MIXENT_ERROR_IO);
  assert_message_has(test_directory);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST_IN_DIRECTORY(test_every_kind_of_png),
      TEST_IN_DIRECTORY(test_scales_bilinearly),
      TEST_IN_DIRECTORY(test_faults),
      cmocka_unit_test(test_font),
      TEST_IN_DIRECTORY(test_contact_sheet),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
