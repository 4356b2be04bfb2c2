/* core: messages, nearest names, texts, files that are whole or absent, random numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>

#include "core/cell.h"
#include "core/file.h"
#include "core/layout.h"
#include "core/memory.h"
#include "core/printable.h"
#include "core/random.h"
#include "core/threads.h"
#include "core/unicode.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_message_may_contain_the_last_one(void **state) {
  (void)state;
  assert_int_equal(mixent_fail(MIXENT_ERROR_IO, "disk %d full", 3), MIXENT_ERROR_IO);
  mixent_fail_within(MIXENT_ERROR_IO, "saving %s", "x");
  assert_string_equal(mixent_last_error(), "saving x: disk 3 full");
}

static void test_nearest_name(void **state) {
  (void)state;
  const char *names[] = {"ce", "min-ent", "mix-ent", NULL};
  assert_string_equal(mixent_nearest_name("min-net", names), "min-ent");
  assert_string_equal(mixent_nearest_name("mixent", names), "mix-ent");
  assert_null(mixent_nearest_name("completely different", names));
  const char *sets[] = {"emnist-letters", "mnist", "fashion-mnist", "cifar-10", "cifar-100", NULL};
  assert_string_equal(mixent_nearest_name("emnist", sets),
                      "emnist-letters"); /* not mnist, which is one letter off */
  assert_string_equal(mixent_nearest_name("EMNIST", sets), "emnist-letters");
  assert_string_equal(mixent_nearest_name("fashion", sets), "fashion-mnist");
  assert_string_equal(mixent_nearest_name("MNIST", sets), "mnist");
  assert_string_equal(mixent_nearest_name("Fashion-MNIST", sets), "fashion-mnist");
  assert_string_equal(mixent_nearest_name("CIFAR-10", sets), "cifar-10");
  assert_string_equal(mixent_nearest_name("CIFAR100", sets), "cifar-100");
  assert_null(mixent_nearest_name("", sets));
}

static void test_counts_have_their_noun(void **state) {
  (void)state;
  assert_string_equal(mixent_text_counted(1, "images"), "1 image");
  assert_string_equal(mixent_text_counted(0, "images"), "0 images");
  assert_string_equal(mixent_text_counted(1234567, "test images"), "1,234,567 test images");
  assert_string_equal(mixent_text_counted(1, "classes"), "1 class");
  assert_string_equal(mixent_text_counted(2, "classes"), "2 classes");
  assert_string_equal(mixent_text_counted(1, "near duplicates"), "1 near duplicate");
}

static void test_columns_of_a_terminal(void **state) {
  (void)state;
  assert_int_equal(mixent_text_columns("loss"), 4);
  assert_int_equal(mixent_text_columns("é"), 1);
  assert_int_equal(mixent_text_columns("e\u0301"), 1);        /* an accent of its own */
  assert_int_equal(mixent_text_columns("日本語 한글 ﾊ"), 13); /* wide, wide, and half as wide */
  assert_int_equal(mixent_text_columns("\xff\xfe"), 2);       /* no characters */
  mixent_table table = {.columns = 2, .titles = {"名", "x"}, .left = {true, false}};
  mixent_table_add(&table, "日本語日本語日本語日本語");
  mixent_table_add(&table, "1");
  mixent_table_fit(&table, 23, (const int[]){0, 0});
  assert_int_equal(mixent_text_columns(table.cells[0]), 19); /* of 20: half a character is none */
  assert_true(mixent_is_utf8(table.cells[0]));
  mixent_table_free(&table);
}

static void test_text_grows(void **state) {
  (void)state;
  mixent_text text = {0};
  for (int i = 0; i < 1000; i++) mixent_text_append(&text, "%d,", i);
  assert_int_equal(mixent_text_status(&text), MIXENT_OK);
  assert_int_equal(text.length, 10 * 2 + 90 * 3 + 900 * 4);
  assert_memory_equal(text.data + text.length - 4, "999,", 5);
  mixent_text_free(&text);
}

static void test_files_are_whole_or_absent(void **state) {
  (void)state;
  char directory[] = "/tmp/mixent-test-XXXXXX";
  assert_non_null(mkdtemp(directory));
  char *path = mixent_path_join(directory, "a");
  assert_int_equal(mixent_file_replace(path, "one", 3), MIXENT_OK);
  mixent_new_file file;
  assert_int_equal(mixent_new_file_open(path, &file), MIXENT_OK);
  fputs("half", file.stream);
  mixent_new_file_abandon(&file);
  char *bytes;
  size_t size;
  assert_int_equal(mixent_file_read(path, 100, &bytes, &size), MIXENT_OK);
  assert_int_equal(size, 3);
  assert_string_equal(bytes, "one");
  free(bytes);
  assert_int_equal(mixent_file_read(path, 2, &bytes, &size), MIXENT_ERROR_FORMAT);
  assert_int_equal(mixent_file_read(directory, 2, &bytes, &size), MIXENT_ERROR_IO);
  assert_non_null(strstr(mixent_last_error(), "is a directory"));
  assert_int_equal(mixent_file_replace("/tmp/mixent-no-such-directory/x", "", 0), MIXENT_ERROR_IO);
  assert_int_equal(mixent_directory_remove(directory), MIXENT_OK);
  assert_false(mixent_is_directory(directory));
  free(path);
}

/* What a shell makes of a quoted path is the path. */
static void test_paths_quoted_for_a_shell(void **state) {
  (void)state;
  static const char *const bare[] = {"runs/a-ce-0", "/x/y_z.1"};
  for (int i = 0; i < 2; i++) {
    char *word = mixent_path_quote(bare[i]);
    assert_string_equal(word, bare[i]);
    free(word);
  }
  static const char letters[] = "a /'\"\\$`*?~!;&|<>()#\n\t[]{}\xc3\xa4";
  mixent_random random = mixent_random_stream(4, "test", "");
  for (uint64_t round = 0; round < 60; round++) {
    char path[17] = "", command[200], seen[17] = "";
    for (size_t i = 0; i < round % 16; i++) {
      uint32_t words[4];
      mixent_random_block(&random, round, i, words);
      path[i] = letters[words[0] % (sizeof letters - 1)];
    }
    char *word = mixent_path_quote(path);
    snprintf(command, sizeof command, "printf %%s %s", word);
    FILE *shell = popen(command, "r");
    size_t length = fread(seen, 1, sizeof seen - 1, shell);
    assert_int_equal(pclose(shell), 0);
    assert_int_equal(length, strlen(path));
    assert_string_equal(seen, path);
    free(word);
  }
}

static void test_random_streams(void **state) {
  (void)state;
  mixent_random a = mixent_random_stream(1, "order", ""), b = mixent_random_stream(1, "order", "x"),
                c = mixent_random_stream(2, "order", "");
  uint32_t x[4], y[4], z[4], again[4];
  mixent_random_block(&a, 5, 7, x);
  mixent_random_block(&b, 5, 7, y);
  mixent_random_block(&c, 5, 7, z);
  mixent_random_block(&a, 5, 7, again);
  assert_memory_equal(x, again, sizeof x);
  assert_memory_not_equal(x, y, sizeof x);
  assert_memory_not_equal(x, z, sizeof x);
  /* mean and variance of a uniform: 1/2, 1/12; four standard errors of 400,000 draws */
  double sum = 0, squares = 0;
  for (int i = 0; i < 100000; i++) {
    mixent_random_block(&a, 0, (uint64_t)i, x);
    for (int j = 0; j < 4; j++) {
      double u = mixent_uniform_float(x[j]);
      assert_true(u >= 0 && u < 1);
      sum += u, squares += u * u;
    }
  }
  double mean = sum / 400000, variance = squares / 400000 - mean * mean;
  assert_true(fabs(mean - 0.5) < 4 * sqrt(1 / 12.0 / 400000));
  assert_true(fabs(variance - 1 / 12.0) < 4 * sqrt(1 / 180.0 / 400000));
}

/* The known answers that the authors of Philox4x32-10 published with it. */
static void test_random_known_answers(void **state) {
  (void)state;
  static const struct {
    uint64_t element, step;
    mixent_random random;
    uint32_t words[4];
  } known[] = {
      {0, 0, {{0, 0}}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {UINT64_MAX, UINT64_MAX, {{UINT32_MAX, UINT32_MAX}}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {0x85a308d3243f6a88,
       0x0370734413198a2e,
       {{0xa4093822, 0x299f31d0}},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    uint32_t words[4];
    mixent_random_block(&known[i].random, known[i].step, known[i].element, words);
    assert_memory_equal(words, known[i].words, sizeof words);
  }
}

static void test_permutation(void **state) {
  (void)state;
  enum { COUNT = 1000 };
  mixent_random random = mixent_random_stream(3, "order", "");
  uint32_t order[COUNT], other[COUNT];
  int seen[COUNT] = {0};
  mixent_random_permutation(&random, 0, order, COUNT);
  mixent_random_permutation(&random, 1, other, COUNT);
  int fixed = 0;
  for (int i = 0; i < COUNT; i++) seen[order[i]]++, fixed += order[i] == (uint32_t)i;
  for (int i = 0; i < COUNT; i++) assert_int_equal(seen[i], 1);
  assert_true(fixed < 10); /* a uniform permutation has 1 on average */
  assert_memory_not_equal(order, other, sizeof order);
}

static void add_range(void *context, size_t begin, size_t end) {
  for (size_t i = begin; i < end; i++) ((int *)context)[i]++;
}

static void test_parallel_for_covers_once(void **state) {
  (void)state;
  for (int threads = 1; threads <= 3; threads++) {
    mixent_threads_set(threads);
    for (size_t count = 0; count < 40; count += 13) {
      int hits[64] = {0};
      mixent_parallel_for(count, 4, add_range, hits);
      for (size_t i = 0; i < 64; i++) assert_int_equal(hits[i], i < count);
    }
  }
}

/* A caller's team has numbers of its own, and they mean nothing here. */
static atomic_int strangers;

static void look_at_number(void *context, size_t begin, size_t end) {
  (void)context, (void)begin, (void)end;
  if (mixent_thread() != 0) atomic_fetch_add(&strangers, 1);
}

static void test_thread_numbers_in_a_callers_team(void **state) {
  (void)state;
  mixent_threads_set(4);
#pragma omp parallel num_threads(4)
  {
    mixent_threads_set(1);
    mixent_parallel_for(9, 2, look_at_number, NULL);
    mixent_parallel_for(1, 2, look_at_number, NULL);
  }
  assert_int_equal(atomic_load(&strangers), 0);
  assert_int_equal(mixent_thread(), 0);
}

static void test_printable(void **state) {
  (void)state;
  static const struct {
    const char *text, *printable; /* printable NULL: as it is */
  } cases[] = {{"plain – ünïcode 字", NULL},
               {"", NULL},
               {"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"},
               {"a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f"},
               {"\xc2\x9b"
                "2J",
                "\\x9b2J"}, /* C1 as UTF-8 */
               {"\x9b"
                "2J\xff",
                "\\x9b2J\\xff"}, /* bytes that are no UTF-8 */
               {"x\xe2\x80\xaey\xe2\x81\xa6z", "x\\u{202e}y\\u{2066}z"},
               {"\xe2\x80\xa8\xd8\x9c\xe2\x80\x8f", "\\u{2028}\\u{061c}\\u{200f}"},
               {"cut \xe2\x80", "cut \\xe2\\x80"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *found = mixent_printable(cases[i].text);
    if (cases[i].printable)
      assert_string_equal(found, cases[i].printable);
    else
      assert_ptr_equal(found, cases[i].text);
  }
  assert_string_equal(mixent_printable_lines("a\nb\r"), "a\nb\\x0d");
  const char *kept[8];
  char text[3] = "0\x1b";
  for (int i = 0; i < 8; i++) text[0] = (char)('0' + i), kept[i] = mixent_printable(text);
  for (int i = 0; i < 8; i++) assert_int_equal(kept[i][0], '0' + i);
}

static void test_csv_fields(void **state) {
  (void)state;
  static const char *const cases[][2] = {{"plain", "plain"},
                                         {"a,b", "\"a,b\""},
                                         {"say \"x\"", "\"say \"\"x\"\"\""},
                                         {"-1.5e3", "-1.5e3"},
                                         {"+4", "+4"},
                                         {"=1+1", "'=1+1"},
                                         {"-1+cmd|x", "'-1+cmd|x"},
                                         {"@sum(a,b)", "\"'@sum(a,b)\""},
                                         {"a\nb", "\"a\nb\""},
                                         {"\x1b=1", "\\x1b=1"},
                                         {"", ""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    mixent_text out = {0};
    mixent_csv_field_append(&out, cases[i][0], false);
    assert_string_equal(out.data + 1, cases[i][1]);
    mixent_text_free(&out);
  }
}

/* An array that grows keeps what is in it, may be emptied and filled again, and refuses what cannot be addressed. */
static void test_an_array_grows(void **state) {
  (void)state;
  size_t *items = NULL, count = 0;
  for (int round = 0; round < 2; round++)
    for (count = 0; count < 1000; count++) {
      assert_int_equal(MIXENT_GROW(&items, count, "numbers"), MIXENT_OK);
      items[count] = 7 * count;
      assert_int_equal(items[count / 2], 7 * (count / 2));
    }
  size_t *before = items;
  assert_int_equal(MIXENT_GROW(&items, (size_t)1 << 62, "numbers"), MIXENT_ERROR_MEMORY);
  assert_string_equal(mixent_last_error(), "no memory for numbers");
  assert_ptr_equal(items, before);
  assert_int_equal(MIXENT_RESIZE(&items, 2000, "numbers"), MIXENT_OK);
  assert_int_equal(items[999], 7 * 999);
  before = items;
  assert_int_equal(MIXENT_RESIZE(&items, SIZE_MAX / 4, "numbers"), MIXENT_ERROR_MEMORY);
  assert_string_equal(mixent_last_error(), "no memory for numbers");
  assert_ptr_equal(items, before);
  assert_int_equal(MIXENT_RESIZE(&items, 0, "numbers"),
                   MIXENT_OK); /* an array without items is no lack of memory */
  free(items);
}

static void test_texts_are_made(void **state) {
  (void)state;
  char *text;
  assert_int_equal(mixent_copy_start("letters.csv", 7, &text), MIXENT_OK);
  assert_string_equal(text, "letters");
  free(text);
  assert_int_equal(mixent_print_text(&text, "%s/%d", "runs", 3), MIXENT_OK);
  assert_string_equal(text, "runs/3");
  free(text);
  mixent_text list = {0};
  mixent_text_append(&list, "known: ");
  mixent_text_append_names(&list, (const char *const[]){"ce", "min-ent", "mix-ent", NULL});
  mixent_text_append_item(&list, 3, "%d more", 2);
  assert_string_equal(list.data, "known: ce, min-ent, mix-ent, 2 more");
  mixent_text_free(&list);
}

static void test_dates(void **state) {
  (void)state;
  static const char *const dates[] = {"2024-01-31",
                                      "31.1.24",
                                      "1/31/2024",
                                      "31-Jan-2024",
                                      "2024-01",
                                      "12:30",
                                      "12:30:05.2",
                                      "2024-01-31T12:00:00Z",
                                      "2024-01-31 12:00",
                                      "Jan 5, 2024",
                                      "5 January 2024",
                                      "9:00 PM",
                                      "2024-01-31 12:30:00+02:00",
                                      "01.02.2023 10:15"},
                           *const others[] = {"",     "10-19", "2001-2005", "1.5",   "red",    "192.168.0.1",
                                              "A-12", "3+",    "12",        "1-2",   "v1.2.3", "may be",
                                              "1,5",  "2024",  "12:3",      "10/20", "jan",    "5 apples"};
  for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
    if (!mixent_cell_is_date(dates[i])) fail_msg("'%s' is no date", dates[i]);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (mixent_cell_is_date(others[i])) fail_msg("'%s' is a date", others[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_counts_have_their_noun),
      cmocka_unit_test(test_an_array_grows),
      cmocka_unit_test(test_texts_are_made),
      cmocka_unit_test(test_printable),
      cmocka_unit_test(test_csv_fields),
      cmocka_unit_test(test_dates),
      cmocka_unit_test(test_message_may_contain_the_last_one),
      cmocka_unit_test(test_nearest_name),
      cmocka_unit_test(test_columns_of_a_terminal),
      cmocka_unit_test(test_text_grows),
      cmocka_unit_test(test_files_are_whole_or_absent),
      cmocka_unit_test(test_paths_quoted_for_a_shell),
      cmocka_unit_test(test_random_streams),
      cmocka_unit_test(test_random_known_answers),
      cmocka_unit_test(test_permutation),
      cmocka_unit_test(test_parallel_for_covers_once),
      cmocka_unit_test(test_thread_numbers_in_a_callers_team),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
