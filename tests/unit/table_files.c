/* table: files that are a data set, as train and test or cut in two; what their labels are taken for; rows to be classified. */
#include "data_files.h"

#include "data/formats/table.h"

static mixent_dataset *open_set(void) {
  mixent_dataset *dataset;
  if (mixent_dataset_open(test_directory, NULL, &dataset) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  return dataset;
}

static void expect_open_fails(const char *message) {
  mixent_dataset *dataset;
  assert_int_not_equal(mixent_dataset_open(test_directory, NULL, &dataset), MIXENT_OK);
  assert_null(dataset);
  assert_message_has(test_directory);
  assert_message_has(message);
}

/* Two files are one data set; numbers are labels themselves, other words are numbered in order. */
static void test_train_and_test(void **state) {
  (void)state;
  write_text("train.csv", "a,b,class\n1,2,10\n3,4,2\n5,6,10\n");
  write_text("test.csv", "a,b,class\n7,8,2\n");
  write_text("other.csv", "what is not called so does not count");
  mixent_dataset *dataset = open_set();
  assert_int_equal(dataset->train.count, 3);
  assert_int_equal(dataset->test.count, 1);
  assert_false(dataset->cut);
  assert_int_equal(dataset->labels[0], 2);
  assert_string_equal(dataset->class_names[1], "10");
  assert_int_equal(dataset->train.labels[0], 1);
  assert_string_equal(dataset->feature_names[1], "b");
  assert_true(dataset->test.features[1] == 8);
  uint64_t fingerprint = dataset->fingerprint;
  mixent_dataset_free(dataset);
  write_text("test.csv", "a,b,class\n7,8.5,2\n");
  dataset = open_set();
  assert_true(dataset->fingerprint != fingerprint);
  mixent_dataset_free(dataset);

  write_text("test.csv", "a,b,class\n7,8,3\n");
  expect_open_fails("test.csv: row 1 has the label '3', which does not occur in");
  write_text("test.csv", "a,c,class\n7,8,2\n");
  expect_open_fails("test.csv:1:3: column 'c' is 'b' in the other table");
  write_text("test.csv", "7,8,2\n");
  expect_open_fails("one of the two tables has a header");
  write_text("test.csv", "a,class\n7,2\n");
  expect_open_fails("test.csv:1:1: 2 columns, but 3 in the other table");
  write_text("train.csv", "a,b,class\n1,2,10\n3,4,10\n");
  write_text("test.csv", "a,b,class\n7,8,10\n");
  expect_open_fails("train.csv: every label is 10; a classifier needs two classes or more");
  write_text("train.csv", "a,b,class\n1,2,cat\n3,4,cat\n");
  write_text("test.csv", "a,b,class\n7,8,cat\n");
  expect_open_fails("train.csv: every label is 'cat'; a classifier");
}

/* `count` distinct labels, `each` rows of each. */
static void write_labels(const char *format, int count, int each) {
  mixent_text text = {0};
  mixent_text_append(&text, "x,class\n");
  for (int i = 0; i < count * each; i++) {
    mixent_text_append(&text, "%d,", i);
    mixent_text_append(&text, format, i % count);
    mixent_text_append(&text, "\n");
  }
  write_text("t.csv", text.data);
  mixent_text_free(&text);
}

static void expect_note(const char *note) {
  mixent_dataset *dataset = open_set();
  if (note)
    assert_string_equal(dataset->note, note);
  else
    assert_null(dataset->note);
  mixent_dataset_free(dataset);
}

/* A column of measurements is told from one of classes: by fractions, or by hardly two rows of one value. */
static void test_measurements_as_labels(void **state) {
  (void)state;
  write_labels("%d.25", 20, 2);
  expect_note(NULL);
  write_labels("%d.25", 21, 50);
  expect_open_fails("t.csv: 21 distinct numbers with fractions as labels ('20.25'): these are measurements");
  write_labels("-%d.5e2", 21, 50);
  expect_open_fails("these are measurements (regression)");
  write_labels("%d.0", 26, 5); /* whole numbers, as pandas writes them where one was missing */
  expect_note(NULL);
  write_labels("v%d.25", 21, 50);
  expect_note(NULL);
  write_labels("%d", 21, 5);
  expect_note(NULL);
  write_labels("%d", 21, 4);
  expect_note("many-labels: 21 distinct labels in 84 rows, fewer than 5 rows for each; are they classes, or "
              "measurements (regression)?");
  write_labels("name %d", 300, 2);
  expect_note(
      "many-labels: 300 distinct labels in 600 rows, fewer than 5 rows for each; are they classes, or "
      "names of the rows?");
}

/* A word among numbers is read, but said. */
static void test_words_among_numbers(void **state) {
  (void)state;
  static const char *const strays[] = {"-", "--", ".", "missing", "unknown", "undefined", "inf", "Infinity"};
  for (size_t i = 0; i < sizeof strays / sizeof *strays; i++) {
    char text[128], note[160];
    snprintf(text, sizeof text, "1,0\n2,1\n3,0\n4,%s\n5,1\n6,%s\n", strays[i], strays[i]);
    write_text("t.csv", text);
    snprintf(
        note, sizeof note,
        "words-among-numbers: the labels are numbers, but row 4 has '%s' (and 1 more); leave out the rows "
        "whose label is missing",
        strays[i]);
    expect_note(note);
  }
  write_text("t.csv", "x,y\n1,0\n2,-\n3,.\n4,1\n5,1\n");
  expect_note(
      "words-among-numbers: the labels are numbers, but row 2 has '-', row 3 has '.'; leave out the rows "
      "whose label is missing");
  write_text("t.csv", "1,0\n2,1\n3,a\n4,b\n5,c\n6,c\n"); /* names of which some are digits */
  expect_note(NULL);
  write_text("t.csv", "1,3\n2,a\n3,b\n4,b\n");
  expect_note(NULL);
}

/* A set of one part needs a class with two rows; what has none is said, whatever its size. */
static void test_no_label_twice(void **state) {
  (void)state;
  write_labels("%d", 3, 1);
  expect_open_fails("t.csv: no label occurs twice in 3 rows, but a class needs two rows");
  expect_open_fails("are the labels measurements (regression)?");
  write_labels("%d", 400, 1);
  expect_open_fails("t.csv: no label occurs twice in 400 rows");
  write_labels("name %d", 20, 1);
  expect_open_fails("are the labels names of the rows?");
  write_labels("%d.5", 40, 1);
  expect_open_fails("these are measurements (regression)");
  write_text("t.csv", "x,class\n1,0\n2,1\n3,1\n");
  expect_note(NULL);
}

/* One name in two spellings, e with an accent in one code point and in two. */
static void test_names_in_normal_form(void **state) {
  (void)state;
  static const char *const names[] = {"\xc3\xa9"
                                      "1"};
  write_text("train.csv", "\xc3\xa9"
                          "1,b,class\n1,2,caf\xc3\xa9\n3,4,tea\n");
  write_text("test.csv", "e\xcc\x81"
                         "1,b,class\n7,8,cafe\xcc\x81\n");
  mixent_dataset *dataset = open_set();
  assert_int_equal(dataset->classes, 2);
  assert_string_equal(dataset->class_names[0], "caf\xc3\xa9");
  assert_int_equal(dataset->test.labels[0], 0);
  mixent_dataset_free(dataset);
  mixent_images rows_alone;
  char *path = mixent_path_join(test_directory, "test.csv");
  assert_int_equal(mixent_features_read(path, NULL, names, 1, &rows_alone, NULL), MIXENT_OK);
  assert_true(rows_alone.features[0] == 7);
  mixent_images_free(&rows_alone);
  free(path);
}

static void test_one_file(void **state) {
  (void)state;
  mixent_text text = {0};
  for (int i = 0; i < 50; i++) mixent_text_append(&text, "%d,%s\n", i, i % 2 ? "-1" : i % 5 ? "1" : "20");
  write_text("one.CSV", text.data);
  mixent_text_free(&text);
  mixent_dataset *dataset = open_set();
  assert_true(dataset->cut);
  assert_null(dataset->feature_names);
  assert_int_equal(dataset->classes, 3); /* whole numbers in their order, though not their bytes' */
  assert_string_equal(dataset->class_names[0], "-1");
  assert_string_equal(dataset->class_names[1], "1");
  assert_string_equal(dataset->class_names[2], "20");
  assert_int_equal(dataset->test.count, 10);
  assert_int_equal(dataset->train.count, 40);
  mixent_dataset_free(dataset);
  char *path = mixent_path_join(test_directory, "one.CSV");
  assert_int_equal(mixent_dataset_open(path, NULL, &dataset), MIXENT_OK);
  assert_string_equal(dataset->name, "one");
  mixent_dataset_free(dataset);
  free(path);
  write_text("two.csv", "1,2\n");
  expect_open_fails("two.csv in the same directory could both be the data set");
}

/* Rows to be classified: columns by name, in any order, with others beside them; or all in their order. */
static void test_rows_without_labels(void **state) {
  (void)state;
  static const char *const names[] = {"a", "b"};
  mixent_images images;
  char *path = mixent_path_join(test_directory, "rows.csv");
  write_text("rows.csv", "b,class,a\n2,what,1\n4,,3\n");
  assert_int_equal(mixent_features_read(path, NULL, names, 2, &images, NULL), MIXENT_OK);
  assert_int_equal(images.count, 2);
  for (int i = 0; i < 4; i++) assert_true(images.features[i] == (float)(i + 1));
  mixent_images_free(&images);
  write_text("rows.csv", "1,2\n3,4\n");
  assert_int_equal(mixent_features_read(path, NULL, names, 2, &images, NULL), MIXENT_OK);
  assert_true(images.count == 2 && images.features[3] == 4);
  mixent_images_free(&images);
  static const char *const years[] = {"name", "2019"};
  write_text("rows.csv", "2019,name\n1,2\n");
  assert_int_equal(mixent_features_read(path, NULL, years, 2, &images, NULL), MIXENT_OK);
  assert_true(images.count == 1 && images.features[0] == 2 && images.features[1] == 1);
  mixent_images_free(&images);
  write_text("rows.csv", "x,y\n1,2\n");
  assert_int_equal(mixent_features_read(path, NULL, NULL, 2, &images, NULL), MIXENT_OK);
  assert_true(images.count == 1 && images.features[1] == 2);
  mixent_images_free(&images);
  static const struct {
    const char *text, *message;
  } cases[] = {{"a,c\n1,2\n", "rows.csv:1:1: no column 'b', which the model reads"},
               {"1,2,3\n", "rows.csv:1:1: 3 columns, but the model reads 2 features"},
               {"1,2x\n3,4\n", "rows.csv:1:3: '2x' is no number, but '1' in the same row is"},
               {"a,b\n1,2\n1\n", "rows.csv:3:1: 1 cells in this row"},
               {"a,b\n1,x\n", "rows.csv:2:3: 'x' in column 'b' is not a number"},
               {"", "nothing is in it"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_text("rows.csv", cases[i].text);
    assert_int_equal(mixent_features_read(path, NULL, names, 2, &images, NULL), MIXENT_ERROR_FORMAT);
    assert_message_has(cases[i].message);
  }
  free(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST_IN_DIRECTORY(test_train_and_test),       TEST_IN_DIRECTORY(test_measurements_as_labels),
      TEST_IN_DIRECTORY(test_words_among_numbers),  TEST_IN_DIRECTORY(test_no_label_twice),
      TEST_IN_DIRECTORY(test_names_in_normal_form), TEST_IN_DIRECTORY(test_one_file),
      TEST_IN_DIRECTORY(test_rows_without_labels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
