/* io/safetensors: what is written reads back, the bytes are fixed, and no damage gets past the reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/random.h"
#include "io/safetensors.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[] = "/tmp/mixent-test-XXXXXX";
static char *path;

static int set_up(void **state) {
  (void)state;
  path = mkdtemp(directory) ? mixent_path_join(directory, "a.safetensors") : NULL;
  return path ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  free(path);
  return mixent_directory_remove(directory) == MIXENT_OK ? 0 : -1;
}

static const float weights[] = {1, 2, 3, -0.0f, 5};
static const int64_t number = -7;
static const uint8_t bytes[] = {9, 8, 7};
static const double wide[] = {0.1, 1e300};
static const mixent_safetensor samples[] = {
    {.name = "w", .element = MIXENT_F32, .dimensions = 2, .shape = {1, 5}, .data = weights},
    {.name = "n \"1\"", .element = MIXENT_I64, .data = &number},
    {.name = "empty", .element = MIXENT_F32, .dimensions = 2, .shape = {3, 0}, .data = weights},
    {.name = "b", .element = MIXENT_U8, .dimensions = 1, .shape = {3}, .data = bytes},
    {.name = "d", .element = MIXENT_F64, .dimensions = 1, .shape = {2}, .data = wide}};
static const mixent_metadata metadata[] = {{"format", "pt"}, {"text", "two\nlines, \xc3\xa9 and \"quotes\""}};

static void write_samples(char **out, size_t *size) {
  assert_int_equal(mixent_safetensors_write(path, metadata, 2, samples, 5), MIXENT_OK);
  assert_int_equal(mixent_file_read(path, 1 << 20, out, size), MIXENT_OK);
}

static void test_the_bytes_are_fixed(void **state) {
  (void)state;
  static const char header[] =
      "{\"__metadata__\":{\"format\":\"pt\",\"text\":\"two\\nlines, \xc3\xa9 and \\\"quotes\\\"\","
      "\"mixent_format\":\"2\",\"payload_crc32\":\"8ac361d3\"},"
      "\"w\":{\"dtype\":\"F32\",\"shape\":[1,5],\"data_offsets\":[24,44]},"
      "\"n \\\"1\\\"\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
      "\"empty\":{\"dtype\":\"F32\",\"shape\":[3,0],\"data_offsets\":[44,44]},"
      "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[44,47]},"
      "\"d\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[8,24]}}";
  char *all;
  size_t size, length = (strlen(header) + 7) / 8 * 8;
  write_samples(&all, &size);
  assert_int_equal((unsigned char)all[0] | (unsigned char)all[1] << 8, length);
  assert_memory_equal(all + 8, header, strlen(header));
  for (size_t i = strlen(header); i < length; i++) assert_int_equal(all[8 + i], ' ');
  assert_int_equal(size, 8 + length + 47);
  assert_memory_equal(all + 8 + length + 24, weights, sizeof weights);
  free(all);
}

static void test_reads_back(void **state) {
  (void)state;
  char *all;
  size_t size, count;
  write_samples(&all, &size);
  free(all);
  mixent_safetensors *file;
  assert_int_equal(mixent_safetensors_open(path, &file), MIXENT_OK);
  const mixent_safetensor *tensors = mixent_safetensors_tensors(file, &count);
  assert_int_equal(count, 5);
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(tensors[i].name, samples[i].name);
    assert_int_equal(tensors[i].element, samples[i].element);
    assert_int_equal(tensors[i].dimensions, samples[i].dimensions);
    assert_memory_equal(tensors[i].shape, samples[i].shape, sizeof samples[i].shape);
    if (tensors[i].bytes) assert_memory_equal(tensors[i].data, samples[i].data, tensors[i].bytes);
    assert_ptr_equal(mixent_safetensors_find(file, samples[i].name), &tensors[i]);
  }
  assert_null(mixent_safetensors_find(file, "__metadata__"));
  assert_string_equal(mixent_safetensors_metadata(file, "text"), metadata[1].value);
  assert_null(mixent_safetensors_metadata(file, "none"));
  mixent_safetensors_free(file);
}

/* A file with that header and that many bytes of data. */
static mixent_status parse(const char *header, size_t data_size) {
  mixent_text text = {0};
  uint64_t length = strlen(header);
  mixent_text_append_bytes(&text, &length, sizeof length);
  mixent_text_append_bytes(&text, header, length);
  for (size_t i = 0; i < data_size; i++) mixent_text_append_bytes(&text, "x", 1);
  mixent_safetensors *file;
  mixent_status status = mixent_safetensors_parse(text.data, text.length, "f", &file);
  mixent_safetensors_free(file);
  mixent_text_free(&text);
  return status;
}

static void test_wrong_headers(void **state) {
  (void)state;
  static const struct {
    const char *header;
    size_t data;
    const char *message;
  } cases[] = {
      {"", 0, "no header"},
      {"[]", 0, "no header"},
      {"{", 0, "not JSON"},
      {"{} x", 0, "not JSON"},
      {"{}", 1, "1 bytes after the last"},
      {"{\"__metadata__\":3}", 0, "not a map"},
      {"{\"__metadata__\":{\"a\":3}}", 0, "'a' is not a text"},
      {"{\"__metadata__\":{\"mixent_format\":\"4\"}}", 0, "which a later version wrote; update mixent"},
      {"{\"__metadata__\":{\"mixent_format\":\"two\"}}", 0, "of format 1 to 3, got 0"},
      {"{\"__metadata__\":{\"payload_crc32\":\"8ac361d3\"}}", 0, "the CRC-32 8ac361d3, got 00000000"},
      {"{\"a\":3}", 0, "expected dtype"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4, "expected dtype"},
      {"{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2, "has type F8_E4M3"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", 4, "no shape"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "not a whole number"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, "not a whole number"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "9 dimensions"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0, "too large"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "disagree"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, "outside the file"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "outside the file"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, "outside the file"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "two whole numbers"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
       "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
       3, "overlap"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
       "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}",
       3, "no tensor's"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
       "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
       2, "duplicate object key"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (parse(cases[i].header, cases[i].data) == MIXENT_OK) fail_msg("taken: %s", cases[i].header);
    if (!strstr(mixent_last_error(), cases[i].message))
      fail_msg("%s\nlacks: %s", mixent_last_error(), cases[i].message);
  }
  assert_int_equal(parse("{}  ", 0), MIXENT_OK);
  assert_int_equal(parse("{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[1,2]},"
                         "\"b\":{\"dtype\":\"U8\",\"shape\":[0,9],\"data_offsets\":[1,1]},"
                         "\"c\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
                         2),
                   MIXENT_OK);
}

static void test_files_that_are_none(void **state) {
  (void)state;
  mixent_safetensors *file;
  assert_int_equal(mixent_safetensors_open("/tmp/no-such-file", &file), MIXENT_ERROR_IO);
  assert_int_equal(mixent_safetensors_open(directory, &file), MIXENT_ERROR_IO);
  assert_int_equal(mixent_file_replace(path, "", 0), MIXENT_OK);
  assert_int_equal(mixent_safetensors_open(path, &file), MIXENT_ERROR_FORMAT);
  mixent_safetensor wrong = {.name = "\xff", .element = MIXENT_U8, .data = bytes};
  assert_int_equal(mixent_safetensors_write(path, NULL, 0, &wrong, 1), MIXENT_ERROR_ARGUMENT);
}

/* They stand behind wider numbers and before bytes, and make the file one of format 3. */
static void test_numbers_of_16_bits(void **state) {
  (void)state;
  static const uint16_t f16[] = {0x3c00, 0x7bff, 0x8001}, bf16[] = {0x3f80};
  const mixent_safetensor halves[] = {
      samples[3],
      {.name = "f", .element = MIXENT_ELEMENT_F16, .dimensions = 2, .shape = {3, 1}, .data = f16},
      {.name = "g", .element = MIXENT_ELEMENT_BF16, .dimensions = 1, .shape = {1}, .data = bf16},
      samples[0]};
  mixent_safetensors *file;
  assert_int_equal(mixent_safetensors_write(path, metadata, 2, halves, 4), MIXENT_OK);
  assert_int_equal(mixent_safetensors_open(path, &file), MIXENT_OK);
  assert_string_equal(mixent_safetensors_metadata(file, "mixent_format"), "3");
  const mixent_safetensor *w = mixent_safetensors_find(file, "w"), *b = mixent_safetensors_find(file, "b"),
                          *f = mixent_safetensors_find(file, "f"), *g = mixent_safetensors_find(file, "g");
  assert_int_equal(f->element, MIXENT_ELEMENT_F16);
  assert_int_equal(g->element, MIXENT_ELEMENT_BF16);
  assert_int_equal(f->bytes, sizeof f16);
  assert_memory_equal(f->data, f16, sizeof f16);
  assert_memory_equal(g->data, bf16, sizeof bf16);
  assert_ptr_equal(f->data, (const char *)w->data + w->bytes);
  assert_ptr_equal(g->data, (const char *)f->data + f->bytes);
  assert_ptr_equal(b->data, (const char *)g->data + g->bytes);
  mixent_safetensors_free(file);
}

/* Whatever bit of the data is another one. */
static void test_every_flipped_bit(void **state) {
  (void)state;
  const size_t data = 47;
  char *all;
  size_t size;
  mixent_safetensors *file;
  write_samples(&all, &size);
  for (size_t bit = 0; bit < 8 * data; bit++) {
    char *byte = &all[size - data + bit / 8];
    *byte = (char)(*byte ^ 1 << bit % 8);
    assert_int_equal(mixent_safetensors_parse(all, size, "f", &file), MIXENT_ERROR_FORMAT);
    assert_non_null(strstr(mixent_last_error(), "expected the 47 bytes from byte"));
    assert_non_null(strstr(mixent_last_error(), "CRC-32 8ac361d3, got"));
    *byte = (char)(*byte ^ 1 << bit % 8);
  }
  assert_int_equal(mixent_safetensors_parse(all, size, "f", &file), MIXENT_OK);
  mixent_safetensors_free(file);
  free(all);
}

/* Written again, a file has the checksum of what it holds then. */
static void test_a_checksum_is_made_anew(void **state) {
  (void)state;
  const mixent_metadata old[] = {{"payload_crc32", "00000000"}, {"mixent_format", "1"}};
  mixent_safetensors *file;
  assert_int_equal(mixent_safetensors_write(path, old, 2, samples, 5), MIXENT_OK);
  assert_int_equal(mixent_safetensors_open(path, &file), MIXENT_OK);
  assert_string_equal(mixent_safetensors_metadata(file, "payload_crc32"), "8ac361d3");
  assert_string_equal(mixent_safetensors_metadata(file, "mixent_format"), "2");
  mixent_safetensors_free(file);
}

/* Every cut is refused. Bytes changed, swapped or doubled may still make a file; then its tensors lie within
 * it (the sanitizers watch the sum). */
static void test_damage(void **state) {
  (void)state;
  char *all;
  size_t size, sum = 0;
  int taken = 0;
  write_samples(&all, &size);
  mixent_safetensors *file;
  for (size_t cut = 0; cut < size; cut++)
    assert_int_not_equal(mixent_safetensors_parse(all, cut, "cut", &file), MIXENT_OK);
  mixent_random random = mixent_random_stream(5, "test", "");
  for (uint64_t round = 0; size && round < 20000; round++) {
    uint32_t words[4];
    mixent_random_block(&random, 0, round, words);
    char *copy = malloc(size); /* its own block, so that reading past it shows */
    memcpy(copy, all, size);
    size_t place = words[0] % size, other = words[1] % size;
    if (words[2] % 3 == 0)
      copy[place] = (char)words[3];
    else if (words[2] % 3 == 1)
      copy[place] = copy[other];
    else
      copy[place] = "0123456789[]{}\",:"[words[3] % 17];
    if (mixent_safetensors_parse(copy, size, "damaged", &file) == MIXENT_OK) {
      size_t count;
      const mixent_safetensor *tensors = mixent_safetensors_tensors(file, &count);
      for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < tensors[i].bytes; j++) sum += ((const unsigned char *)tensors[i].data)[j];
      taken++;
    }
    mixent_safetensors_free(file);
    free(copy);
  }
  assert_true(taken > 0 && taken < 20000 && sum > 0);
  free(all);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_bytes_are_fixed),     cmocka_unit_test(test_reads_back),
      cmocka_unit_test(test_numbers_of_16_bits),      cmocka_unit_test(test_wrong_headers),
      cmocka_unit_test(test_files_that_are_none),     cmocka_unit_test(test_every_flipped_bit),
      cmocka_unit_test(test_a_checksum_is_made_anew), cmocka_unit_test(test_damage),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
