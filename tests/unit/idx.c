/* idx: what is written comes back; whatever is wrong with a file gives one message that names it. */
#include "data_files.h"

#include "data/formats/idx.h"
#include <unistd.h>

static file_bytes valid, broken;

/* A valid random file of `dimensions`, plain in `valid`. */
static void make_valid(int dimensions, size_t extent[3]) {
  for (int i = 0; i < 3; i++) extent[i] = i < dimensions ? 1 + random_below(30) : 1;
  start_idx(&valid, dimensions, (uint32_t)extent[0], (uint32_t)extent[1], (uint32_t)extent[2]);
  for (size_t i = extent[0] * extent[1] * extent[2]; i > 0; i--) {
    uint8_t byte = (uint8_t)random_below(256);
    append_bytes(&valid, &byte, 1);
  }
}

static void assert_reads_back(int dimensions, const size_t extent[3]) {
  mixent_idx idx;
  char *path = mixent_path_join(test_directory, "x");
  assert_int_equal(mixent_idx_read(path, dimensions, &idx), MIXENT_OK);
  assert_memory_equal(idx.extent, extent, sizeof idx.extent);
  size_t header = 4 + 4 * (size_t)dimensions;
  assert_memory_equal(idx.bytes, valid.data + header, valid.size - header);
  free(idx.bytes);
  free(path);
}

static void test_reads_plain_gzip_and_members(void **state) {
  (void)state;
  start_drawing(1);
  for (int round = 0; round < 60; round++) {
    size_t extent[3];
    int dimensions = 1 + round % 3;
    make_valid(dimensions, extent);
    write_file(test_directory, "x", valid.data, valid.size);
    assert_reads_back(dimensions, extent);
    size_t cut = random_below((uint32_t)valid.size); /* two members, cut anywhere */
    broken.size = 0;
    if (round % 2) append_gzip(&broken, valid.data, cut);
    append_gzip(&broken, valid.data + (round % 2 ? cut : 0), valid.size - (round % 2 ? cut : 0));
    write_file(test_directory, "x", broken.data, broken.size);
    assert_reads_back(dimensions, extent);
  }
}

/* Larger than the windows and the first piece of memory inside. */
static void test_reads_megabytes(void **state) {
  (void)state;
  const size_t count = 5000, side = 28, size = 16 + count * side * side;
  uint8_t *bytes = malloc(size);
  start_idx(&valid, 3, (uint32_t)count, (uint32_t)side, (uint32_t)side);
  memcpy(bytes, valid.data, 16);
  for (size_t i = 16; i < size; i++) bytes[i] = (uint8_t)(i * i >> 7);
  mixent_idx idx;
  assert_int_equal(mixent_idx_parse("memory", bytes, size, 3, &idx), MIXENT_OK);
  assert_int_equal(idx.extent[0], count);
  assert_memory_equal(idx.bytes, bytes + 16, size - 16);
  free(idx.bytes);
  free(bytes);
}

static void assert_fails(const file_bytes *file, int dimensions, const char *message) {
  mixent_idx idx;
  mixent_status status = mixent_idx_parse("some/file", file->data, file->size, dimensions, &idx);
  if (status != MIXENT_ERROR_FORMAT) fail_msg("%s: status %d, %s", message, status, mixent_last_error());
  assert_message_has("some/file: ");
  assert_message_has(message);
  assert_null(idx.bytes);
}

static void test_truncated_anywhere(void **state) {
  (void)state;
  start_drawing(2);
  size_t extent[3];
  make_valid(3, extent);
  for (broken = valid; broken.size-- > 0;)
    assert_fails(&broken, 3,
                 broken.size == 0   ? "empty (0 bytes)"
                 : broken.size < 4  ? "too short"
                 : broken.size < 16 ? "ends inside its header"
                                    : "truncated");
  broken.size = 0;
  append_gzip(&broken, valid.data, valid.size);
  while (--broken.size > 1) assert_fails(&broken, 3, "the gzip data ends early");
}

static void test_each_fault_has_its_message(void **state) {
  (void)state;
  start_idx(&valid, 1, 3, 0, 0);
  append_bytes(&valid, "abc", 3);
  broken = valid;
  append_bytes(&broken, "d", 1);
  assert_fails(&broken, 1, "holds more than the 3 bytes");
  file_bytes *packed = calloc(1, sizeof *packed);
  append_gzip(packed, broken.data, broken.size);
  assert_fails(packed, 1, "holds more than the 3 bytes");
  packed->size = 0;
  append_gzip(packed, valid.data, valid.size);
  append_bytes(packed, "d", 1);
  assert_fails(packed, 1, "something follows the gzip data");
  packed->size--;
  packed->data[packed->size - 6] ^= 1; /* the check sum */
  assert_fails(packed, 1, "the gzip data is damaged (incorrect data check)");
  free(packed);
  assert_fails(&valid, 3, "1 dimensions where 3 belong (images");
  broken = valid, broken.data[2] = 13;
  assert_fails(&broken, 1, "type 0x0d");
  broken = valid, broken.data[0] = 'P';
  assert_fails(&broken, 1, "begins 50 00 08 01, not 00 00 08 01");
  start_idx(&broken, 1, 0, 0, 0);
  assert_fails(&broken, 1, "counts 0 items");
  start_idx(&broken, 3, 7, 0, 28);
  assert_fails(&broken, 3, "counts 0 pixels");
}

/* If memory were had on the header's word, these would fail for want of memory (or take petabytes). */
static void test_lying_headers_cost_nothing(void **state) {
  (void)state;
  start_idx(&broken, 3, 0xffffffff, 0xffff, 0xff); /* 2^56 bytes */
  append_bytes(&broken, "abc", 3);
  assert_fails(&broken, 3, "ends after 3 of the");
  start_idx(&broken, 3, 0xffffffff, 0xffffffff, 0xffffffff);
  assert_fails(&broken, 3, "more than memory can hold");
}

/* A gzip file can hold no more than 1032 times its size, and what is promised beyond is not looked for. */
static void test_promises_are_held_against_the_file(void **state) {
  (void)state;
  size_t extent[3];
  static file_bytes packed;
  start_idx(&valid, 3, 60000, 256, 256);
  packed.size = 0;
  append_gzip(&packed, valid.data, valid.size);
  assert_fails(&packed, 3, "its header promises 3932160000 bytes, more than");
  write_file(test_directory, "x", packed.data, packed.size);
  char *path = mixent_path_join(test_directory, "x");
  assert_int_equal(mixent_idx_extent(path, 3, extent), MIXENT_ERROR_FORMAT);
  assert_message_has("bytes of gzip can hold");
  make_valid(3, extent);
  packed.size = 0;
  append_gzip(&packed, valid.data, valid.size);
  write_file(test_directory, "x", packed.data, packed.size - 20); /* the header is whole */
  size_t found[3];
  assert_int_equal(mixent_idx_extent(path, 3, found), MIXENT_OK);
  assert_memory_equal(found, extent, sizeof found);
  free(path);
}

/* Zeros after the last member are padding, as `gzip -t` has it; nothing may follow them. */
static void test_padding(void **state) {
  (void)state;
  enum { BUFFER = 65536 };
  static uint8_t bytes[3 * BUFFER];
  start_idx(&valid, 1, 3, 0, 0);
  append_bytes(&valid, "abc", 3);
  broken.size = 0;
  append_gzip(&broken, valid.data, valid.size);
  memcpy(bytes, broken.data, broken.size);
  static const size_t sizes[] = {1, 512, BUFFER, 2 * BUFFER};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    mixent_idx idx;
    size_t size = broken.size + sizes[i];
    if (mixent_idx_parse("padded", bytes, size, 1, &idx) != MIXENT_OK) fail_msg("%s", mixent_last_error());
    assert_memory_equal(idx.bytes, "abc", 3);
    free(idx.bytes);
    for (int last = 1; last < 256; last += 30) { /* 0x1f, with which a member begins, among them */
      bytes[size] = (uint8_t)last;
      assert_int_equal(mixent_idx_parse("padded", bytes, size + 1, 1, &idx), MIXENT_ERROR_FORMAT);
      assert_message_has("something follows the gzip data");
    }
    bytes[size] = 0;
  }
}

static void test_not_a_file(void **state) {
  (void)state;
  mixent_idx idx;
  assert_int_equal(mixent_idx_read(test_directory, 3, &idx), MIXENT_ERROR_IO);
  assert_message_has(test_directory);
  assert_message_has("is a directory");
  char *path = mixent_path_join(test_directory, "absent");
  assert_int_equal(mixent_idx_read(path, 3, &idx), MIXENT_ERROR_IO);
  assert_message_has(path);
  assert_message_has("No such file");
  free(path);
}

/* Random damage never crashes, and what is accepted is whole. */
static void test_random_damage(void **state) {
  (void)state;
  start_drawing(3);
  int accepted = 0;
  for (int round = 0; round < 6000; round++) {
    size_t extent[3];
    if (round % 50 == 0) make_valid(3, extent);
    broken.size = 0;
    if (round % 2)
      append_gzip(&broken, valid.data, valid.size);
    else
      append_bytes(&broken, valid.data, valid.size);
    for (uint32_t change = 1 + random_below(4); change > 0; change--) {
      /* half of the changes near the front, where the structure is */
      uint32_t reach = change % 2 && broken.size > 24 ? 24 : (uint32_t)broken.size;
      uint32_t where = random_below(reach);
      uint8_t byte = (uint8_t)random_below(256);
      switch (random_below(4)) {
      case 0: broken.data[where] ^= (uint8_t)(1u << (byte & 7)); break;
      case 1: broken.data[where] = byte & 1 ? 0xff : 0; break;
      case 2: append_bytes(&broken, &byte, 1); break;
      default: broken.size = where + 1;
      }
    }
    mixent_idx idx;
    if (mixent_idx_parse("damaged", broken.data, broken.size, 3, &idx) == MIXENT_OK) {
      size_t total = idx.extent[0] * idx.extent[1] * idx.extent[2];
      assert_in_range(total, 1, sizeof valid.data);
      uint32_t sum = 0;
      for (size_t i = 0; i < total; i++) sum += idx.bytes[i]; /* the sanitizers watch */
      accepted += sum > 0;
      free(idx.bytes);
    } else {
      assert_message_has("damaged: ");
      assert_null(idx.bytes);
    }
  }
  assert_in_range(accepted, 100, 5900); /* the changes were neither all fatal nor all harmless */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST_IN_DIRECTORY(test_reads_plain_gzip_and_members),
      cmocka_unit_test(test_reads_megabytes),
      cmocka_unit_test(test_truncated_anywhere),
      cmocka_unit_test(test_each_fault_has_its_message),
      cmocka_unit_test(test_lying_headers_cost_nothing),
      TEST_IN_DIRECTORY(test_promises_are_held_against_the_file),
      cmocka_unit_test(test_padding),
      TEST_IN_DIRECTORY(test_not_a_file),
      cmocka_unit_test(test_random_damage),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
