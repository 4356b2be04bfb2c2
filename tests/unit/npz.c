/* npz: NumPy's headers, types and orders, archives of them, and a message for every way they can be wrong. Files that
 * NumPy itself writes are read in tests/python/test_tables.py. */
#include "data_files.h"

#include "data/formats/npy.h"
#include "data/formats/npz.h"
#include <math.h>

static file_bytes array, archive, directory;
static unsigned members;

/* An array of version 1 with that header. */
static void make_array(const char *header, const void *elements, size_t size) {
  size_t length = strlen(header);
  array.size = 0;
  append_bytes(&array, "\x93NUMPY\x01\x00", 8);
  append_bytes(&array, (uint8_t[]){(uint8_t)length, (uint8_t)(length >> 8)}, 2);
  append_bytes(&array, header, length);
  append_bytes(&array, elements, size);
}

static void append_little(file_bytes *file, uint64_t number, int bytes) {
  for (int i = 0; i < bytes; i++) append_bytes(file, (uint8_t[]){(uint8_t)(i < 8 ? number >> 8 * i : 0)}, 1);
}

static void begin_archive(void) {
  archive.size = directory.size = members = 0;
}

/* Puts the array into the archive as it is. */
static void add_member(const char *name) {
  uint32_t offset = (uint32_t)archive.size, crc = (uint32_t)crc32(0, array.data, (uInt)array.size);
  for (int central = 0; central < 2; central++) {
    file_bytes *to = central ? &directory : &archive;
    append_bytes(to, central ? "PK\x01\x02" : "PK\x03\x04", 4);
    append_little(to, 20, central ? 4 : 2); /* versions */
    append_little(to, 0, 2 + 2 + 4);        /* flags, method, time */
    append_little(to, crc, 4);
    append_little(to, array.size, 4);
    append_little(to, array.size, 4);
    append_little(to, strlen(name), 2);
    append_little(to, 0, central ? 2 + 2 + 2 + 2 + 4 : 2);
    if (central) append_little(to, offset, 4);
    append_bytes(to, name, strlen(name));
  }
  append_bytes(&archive, array.data, array.size);
  members++;
}

static void end_archive(void) {
  size_t offset = archive.size;
  append_bytes(&archive, directory.data, directory.size);
  append_bytes(&archive, "PK\x05\x06", 4);
  append_little(&archive, 0, 4);
  append_little(&archive, members, 2);
  append_little(&archive, members, 2);
  append_little(&archive, directory.size, 4);
  append_little(&archive, offset, 4);
  append_little(&archive, 0, 2);
}

static void test_headers(void **state) {
  (void)state;
  static const float values[] = {1, 2, 3, 4, 5, 6};
  mixent_npy npy;
  double row[3];
  make_array("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }      \n", values, sizeof values);
  assert_int_equal(mixent_npy_parse("a", array.data, array.size, &npy), MIXENT_OK);
  assert_true(npy.dimensions == 2 && npy.extent[0] == 2 && npy.row == 3 && npy.kind == 'f' && npy.bytes == 4);
  mixent_npy_row(&npy, 1, row);
  assert_true(row[0] == 4 && row[2] == 6);
  make_array("{\"shape\":(2,3),\"fortran_order\":True,\"descr\":\"<f4\"}", values, sizeof values);
  assert_int_equal(mixent_npy_parse("a", array.data, array.size, &npy), MIXENT_OK);
  mixent_npy_row(&npy, 1, row);
  assert_true(row[0] == 2 && row[1] == 4 && row[2] == 6);
  static const int8_t bytes[] = {-1, 127};
  make_array("{'descr': '|i1', 'fortran_order': False, 'shape': (2,)}", bytes, sizeof bytes);
  assert_int_equal(mixent_npy_parse("a", array.data, array.size, &npy), MIXENT_OK);
  mixent_npy_row(&npy, 0, row);
  assert_true(row[0] == -1 && npy.row == 1);
}

/* Half floats, bools, big endian, texts. */
static void test_types(void **state) {
  (void)state;
  static const struct {
    const char *descr, *bytes;
    size_t size;
    double first, second;
  } cases[] = {{"<f2", "\x00\x3c\x00\xc1", 4, 1, -2.5},
               {">f2", "\x3c\x00\xc1\x00", 4, 1, -2.5},
               {">i2", "\xff\xfe\x01\x00", 4, -2, 256},
               {">f8", "\x3f\xf0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0", 16, 1, -2},
               {"|b1", "\x00\x01", 2, 0, 1}};
  mixent_npy npy;
  char header[96], *text;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double value[2];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (2,)}", cases[i].descr);
    make_array(header, cases[i].bytes, cases[i].size);
    assert_int_equal(mixent_npy_parse("a", array.data, array.size, &npy), MIXENT_OK);
    for (size_t k = 0; k < 2; k++) mixent_npy_row(&npy, k, &value[k]);
    if (value[0] != cases[i].first || value[1] != cases[i].second)
      fail_msg("%s: %g %g", cases[i].descr, value[0], value[1]);
  }
  static const struct {
    const char *descr, *bytes;
    size_t size;
  } texts[] = {{"<U2", "\xe9\0\0\0\0\0\0\0a\0\0\0b\0\0\0", 16},
               {">U2", "\0\0\0\xe9\0\0\0\0\0\0\0a\0\0\0b", 16},
               {"|S2",
                "\xc3\xa9"
                "ab",
                4}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (2,)}", texts[i].descr);
    make_array(header, texts[i].bytes, texts[i].size);
    assert_int_equal(mixent_npy_parse("a", array.data, array.size, &npy), MIXENT_OK);
    for (size_t k = 0; k < 2; k++) {
      assert_int_equal(mixent_npy_text(&npy, k, &text), MIXENT_OK);
      assert_string_equal(text, k ? "ab" : "\xc3\xa9");
      free(text);
    }
  }
}

static void test_bad_arrays(void **state) {
  (void)state;
  static const uint8_t elements[8] = {0};
  static const struct {
    const char *header, *message;
  } cases[] = {
      {"{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", "Python objects"},
      {"{'descr': '<U0', 'fortran_order': False, 'shape': (2,)}", "its type is '<U0'"},
      {"{'descr': '<f1', 'fortran_order': False, 'shape': (8,)}", "its type is '<f1'"},
      {"{'descr': '<b2', 'fortran_order': False, 'shape': (4,)}", "its type is '<b2'"},
      {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", "its type is '<c8'"},
      {"{'descr': '<u3', 'fortran_order': False, 'shape': (1,)}", "its type is '<u3'"},
      {"{'descr': '', 'fortran_order': False, 'shape': (1,)}", "its type is ''"},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", "records"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
       "8 bytes of elements, but its header asks for 12"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': ()}", "a single number"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 2)}", "more than four dimensions"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "too many elements"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "too many elements"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 4294967296, 4294967296, 0)}",
       "too many elements"},
      {"{'descr': '<f4', 'shape': (2,)}", "not complete"},
      {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", "header is damaged"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}", "header is damaged"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", "header is damaged"},
      {"{'descr': '<f4' 'fortran_order': False}", "header is damaged"},
      {"{'descr': '<f4', 'more': 1}", "header is damaged"},
      {"{'descr", "header is damaged"},
      {"", "header is damaged"},
  };
  mixent_npy npy;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    make_array(cases[i].header, elements, sizeof elements);
    assert_int_equal(mixent_npy_parse("a.npz: x", array.data, array.size, &npy), MIXENT_ERROR_FORMAT);
    assert_message_has("a.npz: x");
    assert_message_has(cases[i].message);
  }
  make_array("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", elements, sizeof elements);
  for (size_t size = 0; size < array.size; size++) {
    uint8_t *copy = malloc(size + 1); /* nothing may be read beyond it */
    assert_non_null(copy);
    memcpy(copy, array.data, size);
    assert_int_equal(mixent_npy_parse("a", copy, size, &npy), MIXENT_ERROR_FORMAT);
    free(copy);
  }
  array.data[6] = 4;
  assert_int_equal(mixent_npy_parse("a", array.data, array.size, &npy), MIXENT_ERROR_FORMAT);
  assert_message_has("its version of NPY is not known");
}

static mixent_dataset_options npz_options;

static mixent_status parse(mixent_format_set *set) {
  mixent_format_set_free(set);
  return mixent_npz_parse("a.npz", archive.data, archive.size, &npz_options, set);
}

static void expect_refused(const char *message) {
  mixent_format_set set = {0};
  end_archive();
  assert_int_equal(parse(&set), MIXENT_ERROR_FORMAT);
  assert_message_has("a.npz");
  assert_message_has(message);
  mixent_format_set_free(&set);
}

static void add_rows(const char *name) {
  static const double values[] = {1.5, -2, 3, 4, 5, 6};
  make_array("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }", values, sizeof values);
  add_member(name);
}

static void add_labels(const char *name) {
  static const int64_t labels[] = {7, 0, 7};
  make_array("{'descr': '<i8', 'fortran_order': False, 'shape': (3, 1), }", labels, sizeof labels);
  add_member(name);
}

static void test_archives(void **state) {
  (void)state;
  mixent_format_set set = {0};
  begin_archive();
  add_rows("x_train.npy");
  add_labels("y_train.npy");
  add_rows("x_test.npy");
  add_labels("y_test.npy");
  add_labels("what_else.npy");
  end_archive();
  assert_int_equal(parse(&set), MIXENT_OK);
  assert_true(set.train.count == 3 && set.test.count == 3 && set.train.channels == 2 && !set.one_part);
  assert_true(set.train.features[0] == 1.5F && set.train.labels[0] == 7 && set.train.labels[1] == 0);
  for (size_t i = 0; i < archive.size;
       i++) { /* damage anywhere is refused, or changes nothing that is read */
    archive.data[i] ^= 0x5a;
    if (parse(&set) == MIXENT_OK)
      assert_true(set.train.count == 3 && set.train.features[1] == -2 && set.train.labels[2] == 7);
    archive.data[i] ^= 0x5a;
  }
  begin_archive();
  add_rows("X.npy");
  add_labels("y.npy");
  end_archive();
  assert_int_equal(parse(&set), MIXENT_OK);
  assert_true(set.train.count == 3 && set.test.count == 0 && set.one_part);
  mixent_format_set_free(&set);
}

static void test_bad_archives(void **state) {
  (void)state;
  begin_archive();
  expect_refused("no array X in it; expected x_train, y_train, x_test, y_test, or X and y");
  begin_archive();
  add_rows("data.npy");
  add_labels("target.npy");
  expect_refused("no array X in it; expected x_train, y_train, x_test, y_test, or X and y, got data, target");
  begin_archive();
  add_rows("X.npy");
  expect_refused("no array y in it");
  begin_archive();
  add_rows("x_train.npy");
  add_labels("y_train.npy");
  add_labels("y_test.npy");
  expect_refused("no array x_test in it");
  begin_archive();
  add_rows("X.npy");
  add_rows("y.npy");
  expect_refused("a.npz: y[0]: expected a label, as one number, or as 2 of which one is 1");
  begin_archive();
  add_labels("y.npy");
  make_array("{'descr': '<i8', 'fortran_order': False, 'shape': (1, 1)}", (int64_t[]){1}, 8);
  add_member("X.npy");
  expect_refused("a.npz: y: 3 labels, but 1 rows in x");
  begin_archive();
  add_labels("y.npy");
  make_array("{'descr': '<i8', 'fortran_order': False, 'shape': (1,)}", (int64_t[]){1}, 8);
  add_member("X.npy");
  expect_refused("a.npz: X: one dimension");
  begin_archive();
  add_labels("y.npy");
  make_array("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)}", (float[]){1, NAN, 1, 1, 1, 1}, 24);
  add_member("X.npy");
  expect_refused(
      "a.npz: X[0, 1] is nan; features are finite, at most 1e+38 in size; missing=impute fills gaps in");
  begin_archive();
  add_rows("X.npy");
  make_array("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", (float[]){1, 2, 0.5F}, 12);
  add_member("y.npy");
  expect_refused("a.npz: y[2] is 0.5; labels are whole numbers");
  for (int sign = -1; sign <= 1; sign += 2) {
    begin_archive();
    add_rows("X.npy");
    make_array("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
               (float[]){1, copysignf(NAN, (float)sign), 0}, 12);
    add_member("y.npy");
    expect_refused("a.npz: y[1]: the label is missing (empty or nan)");
  }
  begin_archive();
  add_labels("y.npy");
  make_array("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 3)}", "abcdef", 6);
  add_member("X.npy");
  expect_refused("images of 2 x 3 with 1 channel");
  begin_archive();
  add_labels("y.npy");
  make_array("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3, 2, 2)}", "abcdefghijkl", 12);
  add_member("X.npy");
  expect_refused("a.npz: X: images of 2 x 2 with 3 channels; they must be square, of side 16 to 256");
  begin_archive();
  add_labels("y.npy");
  make_array("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2)}", "abcdefgh", 8);
  add_member("X.npy");
  expect_refused("images of 1 x 2 with 1 channel");
}

/* Missing labels and gaps: refused, or left out and filled in. */
static void test_gaps(void **state) {
  (void)state;
  mixent_format_set set = {0};
  for (int impute = 0; impute < 2; impute++) {
    begin_archive();
    make_array("{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2)}",
               (float[]){1, NAN, 2, 3, 4, 5, 6, 7}, 32);
    add_member("X.npy");
    make_array("{'descr': '|S2', 'fortran_order': False, 'shape': (4,)}", "a\0NAb\0a\0", 8);
    add_member("y.npy");
    if (!impute) {
      expect_refused(
          "a.npz: y[1]: the label is missing (NA); leave the row out, or let missing=impute do so");
      continue;
    }
    npz_options.table.missing = MIXENT_MISSING_IMPUTE;
    end_archive();
    assert_int_equal(parse(&set), MIXENT_OK);
    assert_int_equal(set.train.count, 3);
    assert_true(isnan(set.train.features[1]) && set.train.features[2] == 4);
    assert_non_null(set.encoder);
    assert_string_equal(set.note, "missing-labels: a.npz: y: rows without a label, which are left out: 1");
  }
  npz_options = (mixent_dataset_options){0};
  mixent_format_set_free(&set);
}

/* Headers are held against one another, and against the archive, before elements are unpacked: here these are damaged, and
 * what is said is not that. */
static void test_headers_come_first(void **state) {
  (void)state;
  begin_archive();
  make_array("{'descr': '<f8', 'fortran_order': False, 'shape': (4, 2), }", (double[8]){0}, 64);
  add_member("X.npy");
  archive.data[archive.size - 1] ^= 1;
  add_labels("y.npy");
  archive.data[archive.size - 1] ^= 1;
  expect_refused("a.npz: y: 3 labels, but 4 rows in x");
  begin_archive();
  make_array("{'descr': '<f8', 'fortran_order': False, 'shape': (400000000, 2), }", (double[8]){0}, 64);
  add_member("X.npy");
  add_labels("y.npy");
  archive.data[archive.size - 1] ^= 1;
  expect_refused("a.npz: X: 64 bytes of elements, but its header asks for 6400000000");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_headers),
      cmocka_unit_test(test_types),
      cmocka_unit_test(test_bad_arrays),
      cmocka_unit_test(test_archives),
      cmocka_unit_test(test_bad_archives),
      cmocka_unit_test(test_gaps),
      cmocka_unit_test(test_headers_come_first),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
