/* table: CSV as RFC 4180 has it, headers and labels, and a message with line and column for every way it can be
 * wrong. */
#include "data_files.h"

#include "core/memory.h"
#include "data/formats/table.h"

/* One table out of a text; what was read is left in these. */
static mixent_table_options table_options;
static mixent_table_columns columns;
static mixent_class_names words;
static mixent_images rows;

static int clear(void **state) {
  (void)state;
  mixent_table_columns_free(&columns);
  mixent_class_names_free(&words);
  mixent_images_free(&rows);
  table_options = (mixent_table_options){0};
  return 0;
}

static mixent_status parse(const char *text) {
  const mixent_table_options kept = table_options;
  clear(NULL);
  table_options = kept;
  char *copy = strdup(text);
  assert_non_null(copy);
  mixent_status status = mixent_table_plan("t.csv", copy, strlen(copy), &table_options, &columns);
  if (status == MIXENT_OK)
    status = mixent_table_parse("t.csv", copy, strlen(copy), false, &columns, &words, &rows);
  free(copy);
  return status;
}

static void read_well(const char *text) {
  if (parse(text) != MIXENT_OK) fail_msg("%s", mixent_last_error());
}

static void expect_row(size_t row, const char *label, float first, float last) {
  assert_true(row < rows.count);
  assert_string_equal(words.text[rows.labels[row]], label);
  assert_true(rows.features[row * (size_t)rows.channels] == first);
  assert_true(rows.features[(row + 1) * (size_t)rows.channels - 1] == last);
}

static void test_plain(void **state) {
  (void)state;
  read_well("1,2.5,a\n-3e2,+.5,b\n7.,1E-3,a");
  assert_null(columns.names);
  assert_int_equal(rows.count, 3);
  assert_int_equal(rows.channels, 2);
  assert_int_equal(rows.side, 1);
  expect_row(0, "a", 1, 2.5F);
  expect_row(1, "b", -300, 0.5F);
  expect_row(2, "a", 7, 1e-3F);
}

static void test_headers(void **state) {
  (void)state;
  read_well("width,height,kind\n1,2,x\n");
  assert_string_equal(columns.names[1], "height");
  assert_int_equal(columns.label, 2);
  read_well("Label,1,2\n7,3,4\n"); /* by its name, wherever it stands, and whatever the others are called */
  assert_int_equal(columns.label, 0);
  expect_row(0, "7", 3, 4);
  read_well("0,1,target\n5,6,7\n");
  assert_int_equal(rows.count, 1);
  read_well("5,6,setosa\n"); /* a word for a label is no header */
  assert_null(columns.names);
  assert_int_equal(rows.count, 1);
}

static void test_quotes_and_line_ends(void **state) {
  (void)state;
  read_well(
      "\xef\xbb\xbf\"a \"\"b\"\"\",\"c,\r\nd\",class\r\n\r\n\"1\", 2 ,\"x,\"\"y\"\r\n 3\t,4, z z \r\n\n");
  assert_string_equal(columns.names[0], "a \"b\"");
  assert_string_equal(columns.names[1], "c,\r\nd");
  assert_int_equal(rows.count, 2);
  expect_row(0, "x,\"y", 1, 2);
  expect_row(1, "z z", 3, 4);
}

static void test_a_huge_line(void **state) {
  (void)state;
  enum { FEATURES = 60000 };
  mixent_text text = {0};
  for (int line = 0; line < 3; line++) {
    for (int k = 0; k < FEATURES; k++) mixent_text_append(&text, "%d,", k % 1000 + line);
    mixent_text_append(&text, "%d\n", line % 2);
  }
  assert_int_equal(mixent_text_status(&text), MIXENT_OK);
  read_well(text.data);
  assert_int_equal(rows.channels, FEATURES);
  expect_row(2, "0", 2, (FEATURES - 1) % 1000 + 2);
  mixent_text_free(&text);
}

static void test_complaints(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"", "nothing is in it"},
      {"\n\r\n", "nothing is in it"},
      {"a,b,class\n", "a header and no row"},
      {"1\n2\n", "t.csv:1:1: one column"},
      {"1:2:a\n", "t.csv:1:1: one column; features and a label are to be separated by commas"},
      {"1,2,a\n3,x4,b\n", "t.csv:2:3: 'x4' is not a number, as 1 cell of the column is"},
      {"w,h,k\n1,2,a\n3,4x,b\n", "t.csv:3:3: '4x' in column 'h' is not a number"},
      {"1,2,a\n1,0x10,a\n", "t.csv:2:3: '0x10' is not a number"},
      {"1,2,a\n1,1_0,a\n", "'1_0' is not a number"},
      {"1,2,a\n1,1e,a\n", "'1e' is not a number"},
      {"1,2,a\n1,.,a\n", "'.' is not a number"},
      {"1,2,a\n1,inf,a\n", "t.csv:2:3: 'inf' is not a number"},
      {"1,2,a\n1,nan,a\n", "t.csv:2:3: the value is missing"},
      {"1,2,a\n,2,a\n", "t.csv:2:1: the value is missing"},
      {"1,,a\n", "t.csv:1:3: the value is missing"},
      {"NA,2,a\n", "t.csv:1:1: the value is missing"},
      {"1,2,a\n1,2,\n", "t.csv:2:5: the label is missing"},
      {"1,2,a\n1,1e39,a\n", "t.csv:2:3: '1e39' is out of range"},
      {"1,2,a\n1,1e999,a\n", "'1e999' is out of range"},
      {"1,2,a\n1,a\n", "t.csv:2:3: 2 cells in this row, but 3 in the first"},
      {"1,2,a\n1,2,3,a\n", "t.csv:2:7: 4 cells in this row"},
      {"1,2,a\n1,\"2,a\n\n", "t.csv:2:3: this quote is not closed"},
      {"1,2,a\n1,\"2\"x,a\n", "t.csv:2:6: text after the closing quote"},
      {"1,2,a\n1,2\"3,a\n", "t.csv:2:4: a quote within a cell"},
      {"1,2,a\r3,4,b\r", "t.csv:1:7: a carriage return without a line feed"},
      {"1,2,a\n\xff,2,a\n", "t.csv:2:1: not UTF-8"},
      {"1,2,\xc3\x28\n", "not UTF-8"},
      {"1,2,\xed\xa0\x80\n", "not UTF-8"},
      {",w,class\n1,2,a\n1,3,b\n", "t.csv:1:1: a column without a name, which does not number the rows"},
      {"label,w,class\n1,2,a\n", "t.csv:1:9: both 'label' and 'class' could be the labels"},
      {"\"a\nb\",c,class\n1,2,a\n1,x,a\n", "t.csv:4:3: 'x'"},
      {"1.2x,2,a\n3,4,b\n", "t.csv:1:1: '1.2x' is no number, but '2' in the same row is"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (parse(cases[i].text) == MIXENT_OK) fail_msg("'%s' was read", cases[i].text);
    assert_message_has("t.csv:");
    assert_message_has(cases[i].message);
  }
  char text[] = "1,2\0,a\n";
  clear(NULL);
  assert_int_equal(mixent_table_plan("t.csv", text, sizeof text - 1, &table_options, &columns),
                   MIXENT_ERROR_FORMAT);
  assert_message_has("t.csv:1:4: a zero byte");
}

/* A label is missing wherever a feature would be; a class is no word for nothing. */
static void test_missing_labels(void **state) {
  (void)state;
  static const char *const missing[] = {
      "",        "NA",      "na",       "N/A",          "#N/A",      "#N/A N/A",  "#NA",
      "N.A.",    "<NA>",    "NaN",      "nan",          "-nan",      "+NAN",      "-NaN",
      "NaT",     "null",    "NULL",     "nil",          "None",      "none",      "?",
      "\"\"",    "\"NA\"",  "\" \"",    "-nan(ind)",    "nan(snan)", "NAN()",     "nan(0x8)",
      "1.#QNAN", "-1.#IND", "1.#IND00", "1.#SNAN",      "NaNQ",      "NaNS",      "qNaN",
      "sNaN",    "#VALUE!", "#DIV/0!",  "#REF!",        "#NAME?",    "#NUM!",     "#NULL!",
      "#SPILL!", "#CALC!",  "#FIELD!",  "#BLOCKED!",    "#BUSY!",    "#CONNECT!", "#UNKNOWN!",
      "#ERROR!", "#value!", "Err:502",  "#GETTING_DATA"};
  for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
    char text[64];
    snprintf(text, sizeof text, "w,h,class\n1,2,a\n3,4,%s\n5,6,b\n", missing[i]);
    if (parse(text) == MIXENT_OK) fail_msg("'%s' was read as a label", missing[i]);
    assert_message_has("t.csv:3:5: the label is missing");
    snprintf(text, sizeof text, "1,2,a\n3,%s,b\n", missing[i]);
    if (parse(text) == MIXENT_OK) fail_msg("'%s' was read as a feature", missing[i]);
    assert_message_has("t.csv:2:3: the value is missing");
  }
  read_well("1,2,nana\n3,4,Nan's\n5,6,-\n7,8,nonesuch\n9,10,na1\n11,12,#VALUE\n13,14,#1\n15,16,Err\n");
}

static void test_where_labels_stand(void **state) {
  (void)state;
  static const struct {
    const char *header, *option;
    size_t label;
  } cases[] = {{"CLASS,b,c", "", 0}, {"y,b,c", "", 0},      {"y,x,c", "", 2}, {"a,Target,y", "", 1},
               {"a,b,c", "b", 1},    {"label,b,c", "c", 2}, {"a,b,c", "", 2}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[128];
    snprintf(text, sizeof text, "%s\n1,2,3\n4,5,6\n", cases[i].header);
    table_options.label = cases[i].option;
    read_well(text);
    if (columns.label != cases[i].label) fail_msg("%s: column %zu", cases[i].header, columns.label);
  }
  table_options.label = "1"; /* without a header by its number */
  read_well("a,2,3\nb,5,6\n");
  expect_row(1, "b", 5, 6);
  table_options.label = "d";
  assert_int_not_equal(parse("a,b,c\n1,2,3\n"), MIXENT_OK);
  assert_message_has("no column 'd', which the option label names; the first row has 'a', 'b', '");
  assert_int_not_equal(parse("1,2,3\n4,5,6\n"), MIXENT_OK);
  assert_message_has("label: 'd': the table has no header");
  table_options = (mixent_table_options){.leave_out = "c"};
  assert_int_not_equal(parse("a,b,c\n1,2,3\n"), MIXENT_OK);
  assert_message_has("column 'c' holds the labels, so the option leave_out cannot name it");
}

static void test_separators_and_decimals(void **state) {
  (void)state;
  static const char *const same[] = {"1.5,-2e3,a\n3,.25,b\n", "1,5;-2e3;a\n3;,25;b\n",
                                     "1.5;-2e3;a\r\n3;.25;b\r\n", "1.5\t-2e3\ta\n3\t.25\tb\n",
                                     "\xef\xbb\xbf\"1,5\";-2e3;\"a\"\n3;,25;b\n"};
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    read_well(same[i]);
    expect_row(0, "a", 1.5F, -2000);
    expect_row(1, "b", 3, 0.25F);
  }
  read_well("1,2,x;a\n3,4,y;b\n"); /* semicolons within the cells of a comma's table */
  assert_int_equal(columns.separator, ',');
  table_options.separator = MIXENT_SEPARATOR_PIPE;
  read_well("1.5|-2e3|a\n3|.25|b\n");
  expect_row(0, "a", 1.5F, -2000);
  table_options = (mixent_table_options){.decimal = MIXENT_DECIMAL_COMMA};
  read_well("\"1,5\",2,a\n\"3,5\",4,b\n");
  expect_row(0, "a", 1.5F, 2);
  table_options.decimal = MIXENT_DECIMAL_AUTO;
  assert_int_not_equal(parse("1,5;2.5;a\n3,5;4.5;b\n"), MIXENT_OK);
  assert_message_has("t.csv:1:1: '1,5' has a decimal comma, but '2.5' in line 1 a decimal point");
  assert_int_not_equal(parse("1,5;2;a\n1.234,5;4;b\n"), MIXENT_OK);
  assert_message_has("t.csv:2:1: '1.234,5' is not a number");
}

static void test_headers_that_are_data(void **state) {
  (void)state;
  read_well("x,o,win\no,x,win\nx,x,loss\no,o,loss\n"); /* words that recur below are no names */
  assert_null(columns.names);
  assert_int_equal(rows.count, 4);
  table_options.header = MIXENT_HEADER_NO;
  read_well("39,State-gov,a\n50,Private,b\n");
  assert_int_equal(rows.count, 2);
  table_options.header = MIXENT_HEADER_YES;
  read_well("2019,2020,2021\n1,2,a\n");
  assert_string_equal(columns.names[0], "2019");
  table_options.header = MIXENT_HEADER_AUTO;
  read_well(",w,class\n0,7,a\n1,8,b\n2,9,a\n"); /* as pandas writes an index */
  assert_int_equal(columns.encoder->count, 1);
  expect_row(2, "a", 9, 9);
}

static void test_too_many_labels(void **state) {
  (void)state;
  mixent_text text = {0};
  for (int i = 0; i < MIXENT_MOST_LABELS; i++)
    mixent_text_append(&text, "%d,a%d\n", i, i * 7919 % MIXENT_MOST_LABELS);
  assert_int_equal(mixent_text_status(&text), MIXENT_OK);
  read_well(text.data);
  assert_int_equal(words.count, MIXENT_MOST_LABELS);
  for (int i = 1; i < words.count; i++)
    assert_true(strcmp(words.text[words.sorted[i - 1]], words.text[words.sorted[i]]) < 0);
  mixent_text_append(&text, "1,more\n");
  assert_int_equal(parse(text.data), MIXENT_ERROR_UNSUPPORTED);
  assert_message_has("t.csv: more than 1024 distinct labels");
  mixent_text_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(test_plain, clear),
      cmocka_unit_test_teardown(test_headers, clear),
      cmocka_unit_test_teardown(test_quotes_and_line_ends, clear),
      cmocka_unit_test_teardown(test_where_labels_stand, clear),
      cmocka_unit_test_teardown(test_separators_and_decimals, clear),
      cmocka_unit_test_teardown(test_headers_that_are_data, clear),
      cmocka_unit_test_teardown(test_a_huge_line, clear),
      cmocka_unit_test_teardown(test_complaints, clear),
      cmocka_unit_test_teardown(test_missing_labels, clear),
      cmocka_unit_test_teardown(test_too_many_labels, clear),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
