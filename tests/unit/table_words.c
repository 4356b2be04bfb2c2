/* table: words that become categories, gaps that are filled, columns that teach nothing, and the encoder that does the same to
 * other rows. */
#include "data_files.h"

#include "data/formats/table.h"

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
  dataset = open_well("a,b,c,class\n1,2,3,x\n4,5,6,y\n7,8,9,x\n1,3,5,y\n", (mixent_table_options){0});
  mixent_images images;
  write_text("rows.csv", "1,0\n"); /* one column too few is no label that is left out */
  assert_int_equal(
      mixent_features_read(path, NULL, (const char *const *)dataset->feature_names, 3, &images, NULL),
      MIXENT_ERROR_FORMAT);
  assert_message_has("2 columns, but the model reads 3 features");
  mixent_dataset_free(dataset);
  free(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST_IN_DIRECTORY(test_words_become_categories),    TEST_IN_DIRECTORY(test_none_among_words),
      TEST_IN_DIRECTORY(test_numbers_need_no_encoder),    TEST_IN_DIRECTORY(test_gaps_are_filled),
      TEST_IN_DIRECTORY(test_columns_that_teach_nothing), TEST_IN_DIRECTORY(test_bad_tables),
      TEST_IN_DIRECTORY(test_rows_by_an_encoder),         TEST_IN_DIRECTORY(test_rows_by_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
