/* table: CSV as RFC 4180 has it, headers and labels, and a message with line and column for every way it can be
 * wrong. */
#include "data_files.h"

#include "core/memory.h"
#include "data/formats/table.h"
#include <unistd.h>

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

/* ------------------------------------------------------------------ words, gaps, separators --------------- */

static void write_text(const char *name, const char *text) {
  write_file(test_directory, name, text, strlen(text));
}

/* The data set of one text, read with options; NULL: refused. */
static mixent_dataset *open_text(const char *text, mixent_table_options table) {
  mixent_dataset *dataset;
  char *path = mixent_path_join(test_directory, "t.csv");
  write_text("t.csv", text);
  mixent_status status = mixent_dataset_open(path, &(mixent_dataset_options){.table = table}, &dataset);
  free(path);
  return status == MIXENT_OK ? dataset : NULL;
}

static mixent_dataset *open_well(const char *text, mixent_table_options table) {
  mixent_dataset *dataset = open_text(text, table);
  if (!dataset) fail_msg("%s", mixent_last_error());
  return dataset;
}

static void expect_refusal(const char *text, mixent_table_options table, const char *message) {
  if (open_text(text, table)) fail_msg("'%s' was read", text);
  assert_message_has("t.csv");
  assert_message_has(message);
}

/* Whether some train or test row has just these features, `width` of them. */
static bool has_row(const mixent_dataset *dataset, const float *row, int width) {
  const mixent_images *parts[] = {&dataset->train, &dataset->test};
  assert_int_equal(dataset->train.channels, width);
  for (int part = 0; part < 2; part++)
    for (size_t i = 0; i < parts[part]->count; i++)
      if (memcmp(parts[part]->features + i * (size_t)width, row, (size_t)width * sizeof *row) == 0)
        return true;
  return false;
}

#define HAS_ROW(dataset, ...)                                                                                \
  assert_true(has_row(dataset, (float[]){__VA_ARGS__}, sizeof((float[]){__VA_ARGS__}) / sizeof(float)))

static void test_words_become_categories(void **state) {
  (void)state;
  mixent_dataset *dataset =
      open_well("size,colour,kind\n1,red,a\n2,\"b,\n\"\"lue\",b\n3,red,a\n4,\"b,\n\"\"lue\",b\n",
                (mixent_table_options){0});
  assert_non_null(dataset->encoder);
  assert_string_equal(dataset->feature_names[0], "size");
  assert_string_equal(dataset->feature_names[1], "colour=b,\n\"lue");
  assert_string_equal(dataset->feature_names[2], "colour=red");
  HAS_ROW(dataset, 1, 0, 1);
  HAS_ROW(dataset, 4, 1, 0);
  mixent_dataset_free(dataset);
  dataset =
      open_well("1,2,a\n3,4,b\n5,4,a\n7,2,b\n9,2,a\n9,4,b\n", (mixent_table_options){.categories = "2"});
  assert_string_equal(dataset->feature_names[2], "2=4");
  HAS_ROW(dataset, 3, 0, 1);
  mixent_dataset_free(dataset);
}

/* "none" is one of several words, and nothing among numbers. */
static void test_none_among_words(void **state) {
  (void)state;
  mixent_dataset *dataset =
      open_well("a,b,class\n1,none,x\n2,some,y\n3,none,x\n4,some,y\n", (mixent_table_options){0});
  assert_string_equal(dataset->feature_names[1], "b=none");
  HAS_ROW(dataset, 1, 1, 0);
  mixent_dataset_free(dataset);
  expect_refusal("a,b,class\n1,2,x\n2,none,y\n3,NA,x\n", (mixent_table_options){0},
                 "t.csv:3:3: the value in column 'b' is missing ('none'), as 1 more are");
  expect_refusal("a,b,class\n1,None,x\n2,some,y\n", (mixent_table_options){0},
                 "t.csv:2:3: the value in column 'b' is missing ('None')");
}

/* Tables of numbers without gaps give what they gave before there were encoders. */
static void test_numbers_need_no_encoder(void **state) {
  (void)state;
  mixent_dataset *dataset = open_well("x,y,kind\n1,2,a\n3,4,b\n5,6,a\n7,8,b\n", (mixent_table_options){0});
  assert_null(dataset->encoder);
  assert_string_equal(dataset->feature_names[1], "y");
  HAS_ROW(dataset, 7, 8);
  mixent_dataset_free(dataset);
}

static void test_gaps_are_filled(void **state) {
  (void)state;
  static const char text[] =
      "size,colour,class\n1,red,a\n,blue,b\n3,NA,a\n2,red,b\n?,red,a\n10,red,b\n4,blue,\n";
  expect_refusal(
      text, (mixent_table_options){0},
      "t.csv:3:1: the value in column 'size' is missing, as 2 more are; fill it in, let missing=impute");
  write_text("train.csv", "size,colour,class\n1,red,a\n,blue,b\n3,NA,a\n2,red,b\n10,red,b\n4,blue,\n");
  write_text("test.csv", "size,colour,class\nnan,green,a\n7,,b\n");
  mixent_dataset *dataset;
  const mixent_dataset_options options = {.table = {.missing = MIXENT_MISSING_IMPUTE}};
  assert_int_equal(mixent_dataset_open(test_directory, &options, &dataset), MIXENT_OK);
  assert_string_equal(dataset->feature_names[1], "size is missing");
  assert_string_equal(dataset->feature_names[4], "colour is missing");
  assert_int_equal(dataset->train.count, 5);
  HAS_ROW(dataset, 2.5F, 1, 1, 0, 0); /* the median of 1, 2, 3, 10 */
  HAS_ROW(dataset, 3, 0, 0, 1, 1);    /* red is the most frequent */
  HAS_ROW(dataset, 2.5F, 1, 0, 0, 0); /* green is in no train row */
  HAS_ROW(dataset, 7, 0, 0, 1, 1);
  assert_non_null(strstr(dataset->note, "missing-labels: "));
  assert_non_null(strstr(dataset->note, "rows without a label, which are left out: 1"));
  assert_non_null(strstr(dataset->note, "test.csv:2: 'green' in column 'colour' is in no train row"));
  mixent_dataset_free(dataset);
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

static void append_rows(mixent_text *text, const char *format, int count) {
  for (int i = 0; i < count; i++) {
    mixent_text_append(text, format, i + 1);
    mixent_text_append(text, ",%d,%s\n", i, i % 2 ? "a" : "b");
  }
}

static void test_columns_that_teach_nothing(void **state) {
  (void)state;
  static const struct {
    const char *format;
    int rows;
    const char *message;
  } cases[] = {{"2024-01-%02d", 28, "t.csv:2:1: column 'when' holds dates or times ('2024-01-01')"},
               {"%02d:30", 12, "holds dates or times ('01:30'), which are neither numbers nor categories"},
               {"text of row %d", 30,
                "column 'when' holds free text or names: 30 of 30 cells differ ('text of row 1')"},
               {"word%d", 1100, "column 'when' has more than 1024 distinct words"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    mixent_text text = {0};
    mixent_text_append(&text, "when,n,class\n");
    append_rows(&text, cases[i].format, cases[i].rows);
    expect_refusal(text.data, (mixent_table_options){0}, cases[i].message);
    assert_message_has("leave_out=when");
    mixent_dataset *dataset = open_well(text.data, (mixent_table_options){.leave_out = " when "});
    assert_int_equal(dataset->train.channels, 1);
    mixent_dataset_free(dataset);
    mixent_text_free(&text);
  }
  mixent_dataset *dataset = open_well("when,class\n2024-01-02,a\n2024-01-03,b\n2024-01-02,a\n2024-01-03,b\n",
                                      (mixent_table_options){.categories = "when"});
  assert_string_equal(dataset->feature_names[1], "when=2024-01-03");
  mixent_dataset_free(dataset);
}

static void test_bad_tables(void **state) {
  (void)state;
  const mixent_table_options impute = {.missing = MIXENT_MISSING_IMPUTE};
  expect_refusal("a,b,class\n1,,x\n2,NA,y\n3,,x\n4,,y\n", impute,
                 "column 'b' has no value in any of the 2 train rows; leave it out with leave_out=b");
  expect_refusal("a,class\n1,x\n2,\n3,y\n4,NA\n5,x\n", (mixent_table_options){0},
                 "t.csv:3:3: the label is missing (''), as in 1 more of 5 rows; leave such rows out");
  expect_refusal("when,size,id,class\n2024-01-02,1,A1,x\n2024-01-03,2,7,y\n", (mixent_table_options){0},
                 "of 2 columns that cannot be read this is the first, and leave_out=when,id leaves out all");
  expect_refusal("a,class\n1,\n2,\n", impute, "the label is missing, as in all 2 rows");
  expect_refusal("a,class\n1,x\n,x\n3,x\n", impute, "every label is 'x'; a classifier needs two classes");
  expect_refusal("a,b,class\n1,2,x\n", (mixent_table_options){.leave_out = "a,b"},
                 "leave_out names all columns");
  expect_refusal("a,b,class\n1,2,x\n", (mixent_table_options){.categories = "a, c"},
                 "no column 'c', which the option categories names");
  expect_refusal("\xff\xfe"
                 "a,b\n",
                 (mixent_table_options){0}, "got text in UTF-16; save it in UTF-8");
}

/* The rows of a table by the encoder of another, through its JSON, as a model keeps it. */
static void test_rows_by_an_encoder(void **state) {
  (void)state;
  mixent_dataset *dataset =
      open_well("Gr\xc3\xb6\xc3\x9f"
                "e;Farbe;Art\n1,5;rot;a\n;blau;b\n3,5;rot;a\n2;?;b\n5;blau;a\n5;rot;b\n",
                (mixent_table_options){.missing = MIXENT_MISSING_IMPUTE});
  char *json, *path = mixent_path_join(test_directory, "rows.csv"), *note;
  mixent_encoder *encoder;
  mixent_images images;
  int width = dataset->train.channels;
  assert_int_equal(mixent_encoder_write(dataset->encoder, &json), MIXENT_OK);
  assert_int_equal(mixent_encoder_read(json, "m", &encoder), MIXENT_OK);
  write_text("rows.csv", "Art,Farbe,Gro\xcc\x88\xc3\x9f"
                         "e\nb,gr\xc3\xbcn,1.5\n,,\n"); /* another order, normal form and separator */
  assert_int_equal(mixent_features_read(path, encoder, NULL, width, &images, &note), MIXENT_OK);
  assert_int_equal(images.count, 2);
  assert_true(images.features[0] == 1.5F);
  for (int k = 1; k < width; k++) assert_true(images.features[k] == 0);
  assert_non_null(strstr(note, "rows.csv:2: 'gr\xc3\xbcn' in column 'Farbe' is in no train row"));
  free(note);
  mixent_images_free(&images);
  write_text("rows.csv", "Farbe;Gr\xc3\xb6\xc3\x9f"
                         "e\nrot;7,25\n");
  assert_int_equal(mixent_features_read(path, encoder, NULL, width, &images, &note), MIXENT_OK);
  assert_true(images.features[0] == 7.25F);
  assert_null(note);
  mixent_images_free(&images);
  write_text("rows.csv", "Farbe;Gewicht\nrot;7,25\n");
  assert_int_equal(mixent_features_read(path, encoder, NULL, width, &images, &note), MIXENT_ERROR_FORMAT);
  assert_message_has("no column 'Gr\xc3\xb6\xc3\x9f"
                     "e', which the model reads");
  static const char *const broken[][2] = {
      {"\"version\":1", "\"version\":2"}, {"\"kind\":\"category\"", "\"kind\":\"word\"   "},
      {"\"fill\":\"", "\"fill\":\"x"},    {"\"cells\":3", "\"cells\":1"},
      {"\"label\":2", "\"label\":0"}, /* a feature's place */
      {"\"gaps\":true", "\"gaps\":null"}};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    char changed[2048];
    const char *at = strstr(json, broken[i][0]);
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - json), json, broken[i][1],
             at + strlen(broken[i][0]));
    mixent_encoder *none;
    assert_int_equal(mixent_encoder_read(changed, "m", &none), MIXENT_ERROR_FORMAT);
    assert_null(none);
  }
  mixent_encoder_free(encoder);
  mixent_dataset_free(dataset);
  free(json);
  free(path);
}

/* A table without a header, of which the labels stand in the middle: rows with and without them. */
static void test_rows_by_place(void **state) {
  (void)state;
  mixent_dataset *dataset = open_well("1,a,2\n3,b,4\n5,a,6\n7,b,8\n", (mixent_table_options){.label = "2"});
  char *path = mixent_path_join(test_directory, "rows.csv");
  static const char *const texts[] = {"1,a,2\n", "1,2\n"};
  for (int i = 0; i < 2; i++) {
    mixent_images images;
    write_text("rows.csv", texts[i]);
    assert_int_equal(mixent_features_read(path, dataset->encoder, NULL, 2, &images, NULL), MIXENT_OK);
    assert_true(images.features[0] == 1 && images.features[1] == 2);
    mixent_images_free(&images);
  }
  mixent_dataset_free(dataset);
  free(path);
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
      TEST_IN_DIRECTORY(test_words_become_categories),
      TEST_IN_DIRECTORY(test_none_among_words),
      TEST_IN_DIRECTORY(test_numbers_need_no_encoder),
      TEST_IN_DIRECTORY(test_gaps_are_filled),
      TEST_IN_DIRECTORY(test_columns_that_teach_nothing),
      TEST_IN_DIRECTORY(test_bad_tables),
      TEST_IN_DIRECTORY(test_rows_by_an_encoder),
      TEST_IN_DIRECTORY(test_rows_by_place),
      TEST_IN_DIRECTORY(test_train_and_test),
      TEST_IN_DIRECTORY(test_measurements_as_labels),
      TEST_IN_DIRECTORY(test_words_among_numbers),
      TEST_IN_DIRECTORY(test_no_label_twice),
      TEST_IN_DIRECTORY(test_names_in_normal_form),
      TEST_IN_DIRECTORY(test_one_file),
      TEST_IN_DIRECTORY(test_rows_without_labels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
