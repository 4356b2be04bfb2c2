/* cifar: both binary forms, planes to pixels, names, and a message for every way a file can be wrong. */
#include "data_files.h"

#include "data/formats/cifar.h"
#include <unistd.h>

enum { PLANE = 32 * 32, LARGEST = 12 * (2 + 3 * PLANE) };
static uint8_t bytes[LARGEST];

/* `count` records: label (first + i) modulo `labels`, coarse label 0; sample c of pixel p of image i is i + 3 p + c. */
static size_t make_records(int count, int first, int labels, int label_bytes) {
  uint8_t *next = bytes;
  for (int i = 0; i < count; i++) {
    if (label_bytes == 2) *next++ = 0;
    *next++ = (uint8_t)((first + i) % labels);
    for (int c = 0; c < 3; c++)
      for (int p = 0; p < PLANE; p++) *next++ = (uint8_t)(i + 3 * p + c);
  }
  return (size_t)(next - bytes);
}

static void write_records(const char *name, int count, int first, int labels, int label_bytes) {
  static file_bytes file;
  file.size = 0;
  append_bytes(&file, bytes, make_records(count, first, labels, label_bytes));
  write_data_file(test_directory, name, &file);
}

static void write_ten(void) {
  write_records("data_batch_1.bin", 4, 0, 10, 1);
  write_records("data_batch_2.bin.gz", 4, 4, 10, 1);
  write_records("data_batch_3.bin", 4, 8, 10, 1);
  write_records("data_batch_4.bin", 1, 5, 10, 1);
  write_records("data_batch_5.bin", 1, 6, 10, 1);
  write_records("test_batch.bin", 3, 7, 10, 1);
}

static mixent_dataset *open_set(const char *name, const char *data_directory) {
  mixent_dataset *dataset;
  if (mixent_dataset_open(name, &(mixent_dataset_options){.data_directory = data_directory}, &dataset) !=
      MIXENT_OK)
    fail_msg("%s", mixent_last_error());
  return dataset;
}

static void assert_open_fails(mixent_status expected, const char *message) {
  mixent_dataset *dataset;
  assert_int_equal(mixent_dataset_open(test_directory, NULL, &dataset), expected);
  assert_null(dataset);
  assert_message_has(test_directory);
  assert_message_has(message);
}

static void test_opens_ten(void **state) {
  (void)state;
  write_ten();
  mixent_dataset *dataset = open_set(test_directory, NULL);
  assert_int_equal(dataset->train.count, 14);
  assert_int_equal(dataset->test.count, 3);
  assert_int_equal(dataset->train.side, 32);
  assert_int_equal(dataset->test.channels, 3);
  assert_int_equal(dataset->classes, 10);
  assert_string_equal(dataset->class_names[9], "truck");
  assert_int_equal(dataset->train.labels[5], 5);
  assert_int_equal(dataset->test.labels[2], 9);
  for (int j = 0; j < 3 * PLANE; j++)
    assert_int_equal(dataset->train.pixels[5 * 3 * PLANE + j], (uint8_t)(1 + j));
  uint64_t first = dataset->fingerprint;
  mixent_dataset_free(dataset);
  /* the last sample counts, and the names in the file come first */
  bytes[make_records(3, 7, 10, 1) - 1] ^= 1;
  write_file(test_directory, "test_batch.bin", bytes, 3 * (1 + 3 * PLANE));
  write_file(test_directory, "batches.meta.txt", "plane\r\n\ncrow\n", 13);
  dataset = open_set(test_directory, NULL);
  assert_true(dataset->fingerprint != first);
  assert_string_equal(dataset->class_names[0], "plane");
  assert_string_equal(dataset->class_names[1], "automobile");
  assert_string_equal(dataset->class_names[2], "crow");
  mixent_dataset_free(dataset);
}

static void test_opens_a_hundred_by_name(void **state) {
  (void)state;
  char root[256], names[] = "cifar-100-binary";
  strcpy(root, test_directory);
  snprintf(test_directory, sizeof test_directory, "%.200s/%s", root, names);
  assert_int_equal(mixent_directory_make(test_directory), MIXENT_OK);
  write_records("train.bin", 10, 40, 100, 2);
  write_records("test.bin", 2, 48, 100, 2);
  mixent_dataset *dataset = open_set("cifar-100", root);
  assert_int_equal(dataset->classes, 10);
  assert_int_equal(dataset->labels[9], 49);
  assert_string_equal(dataset->class_names[9], "49");
  assert_int_equal(dataset->test.labels[1], 9);
  assert_int_equal(dataset->train.pixels[3 * PLANE + 2], 3);
  mixent_dataset_free(dataset);
  strcpy(test_directory, root);
}

static void test_each_fault_has_its_message(void **state) {
  (void)state;
  write_ten();
  size_t size = make_records(3, 7, 10, 1);
  write_file(test_directory, "test_batch.bin", bytes, size - 1);
  assert_open_fails(MIXENT_ERROR_FORMAT, "test_batch.bin: 9218 bytes, not a multiple of the 3073");
  write_file(test_directory, "test_batch.bin", bytes, 0);
  assert_open_fails(MIXENT_ERROR_FORMAT, "test_batch.bin: 0 bytes");
  bytes[3073] = 10;
  write_file(test_directory, "test_batch.bin", bytes, size);
  assert_open_fails(MIXENT_ERROR_FORMAT, "test_batch.bin: label 10 of image 1");
  write_records("test_batch.bin", 1, 0, 10, 1);
  static file_bytes packed;
  packed.size = 0;
  append_gzip(&packed, bytes, make_records(4, 4, 10, 1));
  write_file(test_directory, "data_batch_2.bin.gz", packed.data, packed.size / 2);
  assert_open_fails(MIXENT_ERROR_FORMAT,
                    "data_batch_2.bin.gz: the gzip data is damaged or truncated (unexpected end of file)");
  char *path = mixent_path_join(test_directory, "data_batch_2.bin.gz");
  assert_int_equal(unlink(path), 0);
  assert_open_fails(MIXENT_ERROR_FORMAT, "data_batch_2.bin (perhaps .gz) is missing");
  free(path);
}

static void test_parse_leaves_what_was(void **state) {
  (void)state;
  mixent_images images = {0};
  assert_int_equal(mixent_cifar_parse("a", bytes, make_records(2, 0, 10, 1), 1, &images), MIXENT_OK);
  assert_int_equal(mixent_cifar_parse("b", bytes, 3072, 1, &images), MIXENT_ERROR_FORMAT);
  size_t size = make_records(2, 0, 100, 2);
  bytes[0] = 20;
  assert_int_equal(mixent_cifar_parse("c", bytes, size, 2, &images), MIXENT_ERROR_FORMAT);
  assert_int_equal(images.count, 2);
  free(images.pixels);
  free(images.labels);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST_IN_DIRECTORY(test_opens_ten),
      TEST_IN_DIRECTORY(test_opens_a_hundred_by_name),
      TEST_IN_DIRECTORY(test_each_fault_has_its_message),
      cmocka_unit_test(test_parse_leaves_what_was),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
