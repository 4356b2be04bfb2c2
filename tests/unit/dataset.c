/* dataset: finding sets, classes, upright images, names, and a message for every way a set can be wrong. */
#include "data_files.h"

#include "core/cache.h"
#include "core/memory.h"
#include "mixent/data.h"
#include <math.h>
#include <unistd.h>

enum { SIDE = 16, TRAIN = 12, TEST = 5 };

/* Labels 7, 3, 200 in turn; the pixel (y, x) of image i is i + 16 y + x. */
static void make_images(file_bytes *file, uint32_t count, uint32_t rows, uint32_t columns) {
  start_idx(file, 3, count, rows, columns);
  for (uint32_t i = 0; i < count; i++)
    for (uint32_t j = 0; j < rows * columns; j++) append_bytes(file, &(uint8_t){(uint8_t)(i + j)}, 1);
}

static void make_labels(file_bytes *file, uint32_t count) {
  start_idx(file, 1, count, 0, 0);
  for (uint32_t i = 0; i < count; i++) append_bytes(file, &(uint8_t[]){7, 3, 200}[i % 3], 1);
}

static void write_images(const char *name, uint32_t count, uint32_t rows, uint32_t columns) {
  static file_bytes file;
  make_images(&file, count, rows, columns);
  write_data_file(test_directory, name, &file);
}

static void write_labels(const char *name, uint32_t count) {
  static file_bytes file;
  make_labels(&file, count);
  write_data_file(test_directory, name, &file);
}

/* A whole small set; `ending` is "" or ".gz". */
static void write_set(const char *prefix, const char *test, const char *ending) {
  char name[128];
  snprintf(name, sizeof name, "%strain-images-idx3-ubyte%s", prefix, ending);
  write_images(name, TRAIN, SIDE, SIDE);
  snprintf(name, sizeof name, "%strain-labels-idx1-ubyte%s", prefix, ending);
  write_labels(name, TRAIN);
  snprintf(name, sizeof name, "%s%s-images-idx3-ubyte%s", prefix, test, ending);
  write_images(name, TEST, SIDE, SIDE);
  snprintf(name, sizeof name, "%s%s-labels-idx1-ubyte%s", prefix, test, ending);
  write_labels(name, TEST);
}

static mixent_dataset *open_set(const char *name, bool transpose) {
  mixent_dataset *dataset;
  mixent_status status =
      mixent_dataset_open(name, &(mixent_dataset_options){.transpose = transpose}, &dataset);
  if (status != MIXENT_OK) fail_msg("%s", mixent_last_error());
  return dataset;
}

static void assert_open_fails(mixent_status expected, const char *file, const char *message) {
  mixent_dataset *dataset;
  mixent_status status = mixent_dataset_open(test_directory, NULL, &dataset);
  if (status != expected) fail_msg("status %d, not %d: %s", status, expected, mixent_last_error());
  assert_null(dataset);
  assert_message_has(test_directory);
  assert_message_has(file);
  assert_message_has(message);
}

static void test_opens_a_directory(void **state) {
  (void)state;
  const char *prefixes[] = {"", "some-", "x_y.", ""}, *tests[] = {"test", "t10k", "t10k", "test"},
             *endings[] = {"", ".gz", "", ".gz"};
  uint64_t fingerprint = 0;
  for (int i = 0; i < 4; i++) {
    write_set(prefixes[i], tests[i], endings[i]);
    mixent_dataset *dataset = open_set(test_directory, false);
    assert_string_equal(dataset->name, strrchr(test_directory, '/') + 1);
    assert_string_equal(dataset->directory, test_directory);
    assert_int_equal(dataset->train.count, TRAIN);
    assert_int_equal(dataset->test.count, TEST);
    assert_int_equal(dataset->train.side, SIDE);
    assert_int_equal(dataset->test.channels, 1);
    assert_int_equal(dataset->classes, 3);
    int64_t labels[] = {3, 7, 200};
    assert_memory_equal(dataset->labels, labels, sizeof labels);
    assert_string_equal(dataset->class_names[2], "200");
    for (int j = 0; j < TRAIN; j++) assert_int_equal(dataset->train.labels[j], ((int[]){1, 0, 2})[j % 3]);
    for (int j = 0; j < TEST; j++) assert_int_equal(dataset->test.labels[j], ((int[]){1, 0, 2})[j % 3]);
    assert_false(dataset->transposed);
    assert_int_equal(dataset->train.pixels[SIDE * SIDE + 1], 2); /* image 1, row 0, column 1 */
    if (i) assert_true(dataset->fingerprint == fingerprint);
    fingerprint = dataset->fingerprint;
    mixent_dataset_free(dataset);
    assert_int_equal(mixent_directory_remove(test_directory), MIXENT_OK);
    assert_int_equal(mixent_directory_make(test_directory), MIXENT_OK);
  }
}

static void rename_in(const char *from, const char *to) {
  char *old = mixent_path_join(test_directory, from), *new = mixent_path_join(test_directory, to);
  assert_int_equal(rename(old, new), 0);
  free(old);
  free(new);
}

/* As some sources unpack: a point in the names, and directories beside them that are called as the files are elsewhere. */
static void test_names_with_a_point(void **state) {
  (void)state;
  write_set("", "t10k", "");
  rename_in("train-images-idx3-ubyte", "train-images.idx3-ubyte");
  rename_in("train-labels-idx1-ubyte", "train-labels.idx1-ubyte");
  rename_in("t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte");
  rename_in("t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte");
  mixent_dataset_free(open_set(test_directory, false));
  char *path = mixent_path_join(test_directory, "train-images-idx3-ubyte");
  assert_int_equal(mixent_directory_make(path), MIXENT_OK);
  free(path);
  mixent_dataset_free(open_set(test_directory, false));
  rename_in("train-images.idx3-ubyte", "gone");
  assert_open_fails(MIXENT_ERROR_IO, "train-images-idx3-ubyte", "it is a directory, not a file");
}

/* What two headers say is compared before images are unpacked: here these are damaged, and what is said is not that. */
static void test_counts_come_first(void **state) {
  (void)state;
  static file_bytes images, packed;
  write_set("", "test", "");
  make_images(&images, TRAIN, SIDE, SIDE);
  packed.size = 0;
  append_gzip(&packed, images.data, images.size);
  write_file(test_directory, "train-images-idx3-ubyte", packed.data, packed.size - 30);
  assert_open_fails(MIXENT_ERROR_FORMAT, "train-images-idx3-ubyte", "the gzip data ends early");
  write_labels("train-labels-idx1-ubyte", TRAIN - 1);
  assert_open_fails(MIXENT_ERROR_FORMAT, "train-labels-idx1-ubyte", ": 11 labels, but");
}

static void test_transposes_emnist_and_on_request(void **state) {
  (void)state;
  struct {
    const char *prefix;
    bool asked, transposed;
  } cases[] = {{"", true, true},
               {"emnist-letters-", false, true},
               {"emnist-letters-", true, true},
               {"kmnist-", false, false}};
  for (int i = 0; i < 4; i++) {
    write_set(cases[i].prefix, "test", ".gz");
    mixent_dataset *dataset = open_set(test_directory, cases[i].asked);
    assert_int_equal(dataset->transposed, cases[i].transposed);
    for (int image = 0; image < TEST; image++)
      for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
          assert_int_equal(dataset->test.pixels[(image * SIDE + y) * SIDE + x],
                           (uint8_t)(image + (cases[i].transposed ? 16 * x + y : 16 * y + x)));
    mixent_dataset_free(dataset);
    assert_int_equal(mixent_directory_remove(test_directory), MIXENT_OK);
    assert_int_equal(mixent_directory_make(test_directory), MIXENT_OK);
  }
}

static void test_names_from_a_mapping(void **state) {
  (void)state;
  write_set("", "test", "");
  const char mapping[] = "7 65 97\n\n200  66 98\r\n";
  write_file(test_directory, "my-mapping.txt", mapping, sizeof mapping - 1);
  mixent_dataset *dataset = open_set(test_directory, false);
  assert_string_equal(dataset->class_names[0], "3"); /* not in the mapping */
  assert_string_equal(dataset->class_names[1], "A");
  assert_string_equal(dataset->class_names[2], "B");
  mixent_dataset_free(dataset);
  const char *wrong[] = {"7 65\nseven 66", "7 65\n256 66", "7 65\n-1 66", "7 65\n8 200", "7 65\n8"};
  for (int i = 0; i < 5; i++) {
    write_file(test_directory, "my-mapping.txt", wrong[i], strlen(wrong[i]));
    assert_open_fails(MIXENT_ERROR_FORMAT, "my-mapping.txt:2: ", "not 'label code'");
  }
}

static void test_fingerprint_sees_every_byte(void **state) {
  (void)state;
  write_set("", "test", "");
  mixent_dataset *dataset = open_set(test_directory, false);
  uint64_t first = dataset->fingerprint;
  mixent_dataset_free(dataset);
  start_drawing(4);
  static file_bytes file;
  for (int round = 0; round < 40; round++) {
    make_images(&file, TEST, SIDE, SIDE);
    file.data[16 + random_below(TEST * SIDE * SIDE)] ^= (uint8_t)(1 << (round % 8));
    write_data_file(test_directory, "test-images-idx3-ubyte", &file);
    dataset = open_set(test_directory, false);
    assert_true(dataset->fingerprint != first);
    mixent_dataset_free(dataset);
  }
  write_images("test-images-idx3-ubyte", TEST, SIDE, SIDE);
  make_labels(&file, TEST);
  file.data[8] = 3;
  write_data_file(test_directory, "test-labels-idx1-ubyte", &file);
  dataset = open_set(test_directory, false);
  assert_true(dataset->fingerprint != first);
  mixent_dataset_free(dataset);
}

static void test_each_fault_has_its_message(void **state) {
  (void)state;
  write_set("", "test", "");
  static file_bytes file;
  write_labels("train-labels-idx1-ubyte", TRAIN - 1);
  assert_open_fails(MIXENT_ERROR_FORMAT, "train-labels-idx1-ubyte: 11 labels", "holds 12 images");
  start_idx(&file, 1, TRAIN, 0, 0);
  for (int i = 0; i < TRAIN; i++) append_bytes(&file, "\5", 1);
  write_data_file(test_directory, "train-labels-idx1-ubyte", &file);
  assert_open_fails(MIXENT_ERROR_FORMAT, "train-labels-idx1-ubyte", "every label is 5");
  write_labels("train-labels-idx1-ubyte", TRAIN);
  make_labels(&file, TEST);
  file.data[8 + 4] = 9;
  write_data_file(test_directory, "test-labels-idx1-ubyte", &file);
  assert_open_fails(MIXENT_ERROR_FORMAT, "test-labels-idx1-ubyte: label 9 (index 4",
                    "does not occur among the 3 labels");
  write_labels("test-labels-idx1-ubyte", TEST);
  write_images("test-images-idx3-ubyte", TEST, 17, 17);
  assert_open_fails(MIXENT_ERROR_FORMAT, "test-images-idx3-ubyte: images of side 17", "of side 16 in");
  write_images("test-images-idx3-ubyte", TEST, 16, 17);
  assert_open_fails(MIXENT_ERROR_FORMAT, "test-images-idx3-ubyte", "16 rows and 17 columns");
  write_images("test-images-idx3-ubyte", TEST, 15, 15);
  assert_open_fails(MIXENT_ERROR_FORMAT, "test-images-idx3-ubyte", "side 15; it must be from 16 to 256");
  start_idx(&file, 3, TEST, 257, 257);
  uint8_t *large = calloc(1, 16 + TEST * 257 * 257);
  memcpy(large, file.data, 16);
  write_file(test_directory, "test-images-idx3-ubyte", large, 16 + TEST * 257 * 257);
  free(large);
  assert_open_fails(MIXENT_ERROR_FORMAT, "test-images-idx3-ubyte", "side 257");
  write_file(test_directory, "test-images-idx3-ubyte", "", 0);
  assert_open_fails(MIXENT_ERROR_FORMAT, "test-images-idx3-ubyte", "empty (0 bytes)");
  char *path = mixent_path_join(test_directory, "test-images-idx3-ubyte");
  assert_int_equal(unlink(path), 0);
  assert_open_fails(MIXENT_ERROR_FORMAT, "",
                    "no file in it ends in test-images-idx3-ubyte or t10k-images-idx3-ubyte");
  assert_int_equal(mixent_directory_make(path), MIXENT_OK);
  assert_open_fails(MIXENT_ERROR_IO, "test-images-idx3-ubyte", "is a directory");
  free(path);
}

static void test_chooses_among_several_files(void **state) {
  (void)state;
  write_set("a-", "test", ".gz");
  write_file(test_directory, "a-train-images-idx3-ubyte.gz.part", "x", 1); /* no part of a set */
  write_file(test_directory, "._a-train-images-idx3-ubyte", "x", 1);
  mixent_dataset_free(open_set(test_directory, false));
  write_images("a-train-images-idx3-ubyte", TRAIN, SIDE, SIDE); /* the same, unpacked */
  write_file(test_directory, "a-train-images-idx3-ubyte.gz", "not read", 8);
  mixent_dataset_free(open_set(test_directory, false));
  write_images("b-train-images-idx3-ubyte", TRAIN, SIDE, SIDE);
  assert_open_fails(MIXENT_ERROR_ARGUMENT, "a-train-images-idx3-ubyte", "b-train-images-idx3-ubyte");
  /* named as the directory is: preferred */
  char prefix[80];
  snprintf(prefix, sizeof prefix, "%s-", strrchr(test_directory, '/') + 1);
  write_set(prefix, "test", ".gz");
  mixent_dataset_free(open_set(test_directory, false));
}

/* Names are found in the order --data-dir, $MIXENT_DATA, ./data, the cache; incomplete ones are passed over.
 */
static void test_search_order(void **state) {
  (void)state;
  char here[4096], root[64], expected[256];
  assert_non_null(getcwd(here, sizeof here));
  assert_true(snprintf(root, sizeof root, "%s", test_directory) < (int)sizeof root);
  assert_int_equal(chdir(root), 0);
  char *variable = mixent_path_join(root, "variable"), *option = mixent_path_join(root, "option"),
       *cache = mixent_path_join(root, "cache");
  setenv("MIXENT_DATA", variable, 1);
  setenv("XDG_CACHE_HOME", cache, 1);
  assert_int_equal(mixent_directory_make(option), MIXENT_OK);
  const char *places[] = {"cache/mixent", "data", "variable", "option"};
  for (int i = 0; i < 4; i++) {
    snprintf(test_directory, sizeof test_directory, "%s/%s/mnist", root, places[i]);
    assert_int_equal(mixent_directory_make(test_directory), MIXENT_OK);
    char *found;
    assert_int_equal(mixent_dataset_find("mnist", option, &found), MIXENT_OK);
    if (i == 1) assert_string_equal(found, expected); /* the new directory is still empty */
    free(found);
    write_set("", "t10k", ".gz");
    if (i == 1)
      strcpy(expected, "./data/mnist");
    else
      strcpy(expected, test_directory);
    assert_int_equal(mixent_dataset_find("mnist", option, &found), MIXENT_OK);
    assert_string_equal(found, expected);
    free(found);
  }
  mixent_dataset *dataset = open_set("mnist", false);
  assert_string_equal(dataset->name, "mnist");
  assert_string_equal(dataset->directory + strlen(root), "/variable/mnist");
  mixent_dataset_free(dataset);
  free(variable), free(option), free(cache);
  strcpy(test_directory, root);
  assert_int_equal(chdir(here), 0);
}

static void test_not_found(void **state) {
  (void)state;
  char here[4096];
  assert_non_null(getcwd(here, sizeof here));
  assert_int_equal(chdir(test_directory), 0);
  setenv("MIXENT_DATA", "", 1);
  setenv("XDG_CACHE_HOME", test_directory, 1);
  mixent_dataset *dataset;
  char *found;
  assert_int_equal(mixent_dataset_find("emnist-letters", NULL, &found), MIXENT_OK);
  assert_null(found);
  assert_int_equal(mixent_dataset_open("emnist-letters", NULL, &dataset), MIXENT_ERROR_IO);
  assert_message_has("'mixent data get emnist-letters'");
  assert_message_has("./data/emnist-letters");
  assert_message_has(test_directory);
  assert_message_has("/usr/share/datasets/emnist-letters");
  assert_int_equal(mixent_dataset_open("emnist-leters", NULL, &dataset), MIXENT_ERROR_ARGUMENT);
  assert_message_has("did you mean emnist-letters?");
  assert_int_equal(mixent_dataset_open("something else", NULL, &dataset), MIXENT_ERROR_ARGUMENT);
  assert_message_has("known: emnist-letters, emnist-balanced, emnist-byclass");
  assert_int_equal(mixent_dataset_open("no/such", NULL, &dataset), MIXENT_ERROR_IO);
  assert_message_has("no/such: no such directory");
  write_file(test_directory, "file", "", 0);
  assert_int_equal(mixent_dataset_open("./file", NULL, &dataset), MIXENT_ERROR_ARGUMENT);
  assert_message_has("./file: a file, not a data set; give the directory that holds it, or a file in "
                     ".zip, .tar.gz, .tgz, .tar, .npz, .csv");
  mixent_dataset_options options = {.data_directory = "absent"};
  assert_int_equal(mixent_dataset_open("mnist", &options, &dataset), MIXENT_ERROR_IO);
  assert_message_has("data directory absent: no such directory");
  /* a directory of that name here, and one that is not complete */
  assert_int_equal(mixent_directory_make("data/mnist"), MIXENT_OK);
  assert_int_equal(mixent_dataset_open("mnist", NULL, &dataset), MIXENT_ERROR_IO);
  assert_message_has("there, but ./data/mnist: no data set in it");
  assert_int_equal(mixent_directory_remove("data"), MIXENT_OK);
  write_set("", "test", "");
  dataset = open_set(".", false);
  assert_string_equal(dataset->name, strrchr(test_directory, '/') + 1);
  mixent_dataset_free(dataset);
  assert_int_equal(chdir(here), 0);
}

static void test_cache_directory(void **state) {
  (void)state;
  struct {
    const char *cache, *home, *expected;
  } cases[] = {{"/c", "/h", "/c/mixent"},
               {NULL, "/h", "/h/.cache/mixent"},
               {"relative", "/h", "/h/.cache/mixent"},
               {NULL, NULL, NULL}};
  char *home = strdup(getenv("HOME") ? getenv("HOME") : "/");
  for (int i = 0; i < 4; i++) {
    unsetenv("XDG_CACHE_HOME"), unsetenv("HOME");
    if (cases[i].cache) setenv("XDG_CACHE_HOME", cases[i].cache, 1);
    if (cases[i].home) setenv("HOME", cases[i].home, 1);
    char *directory = mixent_cache_directory();
    if (cases[i].expected)
      assert_string_equal(directory, cases[i].expected);
    else
      assert_null(directory);
    free(directory);
  }
  unsetenv("XDG_CACHE_HOME");
  setenv("HOME", home, 1);
  free(home);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST_IN_DIRECTORY(test_opens_a_directory),
      TEST_IN_DIRECTORY(test_transposes_emnist_and_on_request),
      TEST_IN_DIRECTORY(test_names_from_a_mapping),
      TEST_IN_DIRECTORY(test_fingerprint_sees_every_byte),
      TEST_IN_DIRECTORY(test_names_with_a_point),
      TEST_IN_DIRECTORY(test_counts_come_first),
      TEST_IN_DIRECTORY(test_each_fault_has_its_message),
      TEST_IN_DIRECTORY(test_chooses_among_several_files),
      TEST_IN_DIRECTORY(test_search_order),
      TEST_IN_DIRECTORY(test_not_found),
      cmocka_unit_test(test_cache_directory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
