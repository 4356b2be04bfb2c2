/* picture: PNG and JPEG whose few bytes would take much memory or time. */
#include "picture_files.h"

#include "core/memory.h"
#include "data/formats/picture.h"
#include <sys/resource.h>

static void append_chunk(mixent_text *out, const char *type, const void *bytes, size_t size) {
  uint8_t number[4];
  uLong crc = crc32(crc32(0, (const Bytef *)type, 4), bytes, (uInt)size);
  for (int i = 0; i < 4; i++) number[i] = (uint8_t)(size >> (24 - 8 * i));
  mixent_text_append_bytes(out, number, 4);
  mixent_text_append_bytes(out, type, 4);
  mixent_text_append_bytes(out, bytes, size);
  for (int i = 0; i < 4; i++) number[i] = (uint8_t)(crc >> (24 - 8 * i));
  mixent_text_append_bytes(out, number, 4);
}

static long peak_megabytes(void) {
  struct rusage usage;
  assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
  return usage.ru_maxrss / 1024;
}

/* 600 texts of 3 MB each, which take 3 kB each in the file. */
static void test_texts_of_a_png(void **state) {
  (void)state;
  enum { HEADER = 8 + 25, TEXT = 3 << 20, TEXTS = 600 };
  uint8_t *png, *text = malloc(TEXT), packed[16384] = "key\0"; /* the keyword, its end, the method */
  uLongf size = sizeof packed - 5;
  mixent_text file = {0};
  assert_non_null(text);
  memset(text, 'a', TEXT);
  assert_int_equal(compress2(packed + 5, &size, text, TEXT, 1), Z_OK);
  free(text);
  draw_pixels(1, SIDE, false);
  size_t whole = encode(".png", SIDE, &png);
  mixent_text_append_bytes(&file, png, HEADER);
  for (int i = 0; i < TEXTS; i++) append_chunk(&file, "zTXt", packed, size + 5);
  mixent_text_append_bytes(&file, png + HEADER, whole - HEADER);
  free(png);
  assert_int_equal(mixent_text_status(&file), MIXENT_OK);
  mixent_picture picture;
  long before = peak_megabytes();
  if (mixent_picture_decode("texts.png", file.data, file.length, MIXENT_BACKGROUND_BLACK, &picture) !=
      MIXENT_OK)
    fail_msg("%s", mixent_last_error());
  assert_true(peak_megabytes() - before < 400); /* not 1800 */
  assert_memory_equal(picture.pixels, pixels, SIDE * SIDE * 3);
  free(picture.pixels);
  mixent_text_free(&file);
}

/* A progressive JPEG with a scan for each coefficient of each component. */
static size_t encode_scans(int coefficients, uint8_t **out) {
  struct jpeg_compress_struct jpeg;
  struct jpeg_error_mgr errors;
  jpeg_scan_info scans[1 + 3 * 63] = {{.comps_in_scan = 3, .component_index = {0, 1, 2}}};
  unsigned long size = 0;
  int count = 1;
  for (int component = 0; component < 3; component++)
    for (int k = 1; k <= coefficients; k++)
      scans[count++] = (jpeg_scan_info){
          .comps_in_scan = 1, .component_index = {component}, .Ss = k, .Se = k == coefficients ? 63 : k};
  *out = NULL;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  jpeg_mem_dest(&jpeg, out, &size);
  jpeg.image_width = jpeg.image_height = SIDE;
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg.scan_info = scans;
  jpeg.num_scans = count;
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW line = pixels + jpeg.next_scanline * SIDE * 3;
    jpeg_write_scanlines(&jpeg, &line, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  return size;
}

static void test_scans_of_a_jpeg(void **state) {
  (void)state;
  mixent_picture picture;
  uint8_t *bytes;
  draw_pixels(1, SIDE, false);
  size_t size = encode_scans(30, &bytes); /* 91 scans */
  if (mixent_picture_decode("scans.jpg", bytes, size, MIXENT_BACKGROUND_BLACK, &picture) != MIXENT_OK)
    fail_msg("%s", mixent_last_error());
  free(picture.pixels);
  free(bytes);
  size = encode_scans(63, &bytes); /* 190 scans */
  assert_int_equal(mixent_picture_decode("scans.jpg", bytes, size, MIXENT_BACKGROUND_BLACK, &picture),
                   MIXENT_ERROR_FORMAT);
  assert_message_has("scans.jpg: damaged or truncated JPEG (more than 100 scans)");
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_texts_of_a_png),
      cmocka_unit_test(test_scans_of_a_jpeg),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
