/* Small data files for tests: a temporary directory, IDX texts, plain and in gzip. */
#ifndef TESTS_DATA_FILES_H
#define TESTS_DATA_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/random.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Bytes of a file to be; as large as any test here needs. */
typedef struct file_bytes {
  size_t size;
  uint8_t data[1 << 16];
} file_bytes;

static inline void append_bytes(file_bytes *file, const void *bytes, size_t size) {
  assert_true(file->size + size <= sizeof file->data);
  memcpy(file->data + file->size, bytes, size);
  file->size += size;
}

static inline void append_number(file_bytes *file, uint32_t number) {
  uint8_t bytes[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                      (uint8_t)number};
  append_bytes(file, bytes, 4);
}

static inline void start_idx(file_bytes *file, int dimensions, uint32_t a, uint32_t b, uint32_t c) {
  uint32_t extents[] = {a, b, c};
  file->size = 0;
  append_number(file, 0x800u + (uint32_t)dimensions);
  for (int i = 0; i < dimensions; i++) append_number(file, extents[i]);
}

/* One gzip member. */
static inline void append_gzip(file_bytes *file, const void *bytes, size_t size) {
  z_stream deflater = {0};
  assert_int_equal(deflateInit2(&deflater, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
  deflater.next_in = (Bytef *)(uintptr_t)bytes;
  deflater.avail_in = (uInt)size;
  deflater.next_out = file->data + file->size;
  deflater.avail_out = (uInt)(sizeof file->data - file->size);
  assert_int_equal(deflate(&deflater, Z_FINISH), Z_STREAM_END);
  file->size = sizeof file->data - deflater.avail_out;
  deflateEnd(&deflater);
}

static inline void write_file(const char *directory, const char *name, const void *bytes, size_t size) {
  char *path = mixent_path_join(directory, name);
  FILE *stream = fopen(path, "wb"); /* not mixent_file_replace, which waits for the disk */
  assert_non_null(stream);
  assert_int_equal(fwrite(bytes, 1, size, stream), size);
  assert_int_equal(fclose(stream), 0);
  free(path);
}

/* Plain, or in gzip if the name ends in ".gz". */
static inline void write_data_file(const char *directory, const char *name, const file_bytes *file) {
  static file_bytes packed;
  packed.size = 0;
  if (strstr(name, ".gz"))
    append_gzip(&packed, file->data, file->size);
  else
    append_bytes(&packed, file->data, file->size);
  write_file(directory, name, packed.data, packed.size);
}

/* One stream of random numbers per test program, started afresh by each test. */
static mixent_random drawing;
static uint64_t drawn;

static inline void start_drawing(uint64_t seed) {
  drawing = mixent_random_stream(seed, "test", "");
  drawn = 0;
}

static inline uint32_t random_below(uint32_t bound) {
  uint32_t word[4];
  mixent_random_block(&drawing, 0, drawn++, word);
  return (uint32_t)(((uint64_t)word[0] * bound) >> 32);
}

static inline void assert_message_has(const char *part) {
  if (!strstr(mixent_last_error(), part)) fail_msg("\"%s\" does not say \"%s\"", mixent_last_error(), part);
}

static char test_directory[256]; /* made for each test, removed after it */

static inline int make_directory(void **state) {
  (void)state;
  strcpy(test_directory, "/tmp/mixent-test-XXXXXX");
  return mkdtemp(test_directory) ? 0 : -1;
}

static inline int remove_directory(void **state) {
  (void)state;
  return mixent_directory_remove(test_directory) == MIXENT_OK ? 0 : -1;
}

static inline void write_text(const char *name, const char *text) {
  write_file(test_directory, name, text, strlen(text));
}

#define TEST_IN_DIRECTORY(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

#endif
