/* Data sets in CSV: train.csv and test.csv, or one file of which a test part is cut. */
#include "core/file.h"
#include "data/find.h"
#include "data/formats/single_file.h"
#include "data/formats/table.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT = 2147483647 };

static const char *const endings[] = {".csv", NULL};

/* The two files, or one and NULL, or NULL twice. */
static mixent_status find_files(const char *path, char *files[2]) {
  static const char *const names[2] = {"train.csv", "test.csv"};
  mixent_path_kind kind, kinds[2];
  files[0] = files[1] = NULL;
  MIXENT_TRY(mixent_path_look(path, &kind));
  if (kind == MIXENT_PATH_DIRECTORY) {
    for (int i = 0; i < 2; i++) MIXENT_TRY(mixent_path_look_in(path, names[i], &kinds[i]));
    if (kinds[0] == MIXENT_PATH_FILE && kinds[1] == MIXENT_PATH_FILE) {
      for (int i = 0; i < 2; i++)
        if (!(files[i] = mixent_path_join(path, names[i]))) return MIXENT_ERROR_MEMORY;
      return MIXENT_OK;
    }
  }
  return mixent_data_file_find(path, endings, &files[0]);
}

/* A table; the first of a set finds the columns, unless an encoder has them. */
static mixent_status read_file(const char *path, const mixent_dataset_options *options,
                               mixent_table_columns *columns, mixent_class_names *words, mixent_images *out) {
  char *text;
  size_t size;
  bool other = columns->cells && !options->encoder;
  const char *label = options->table.label ? options->table.label : "";
  mixent_status status = MIXENT_OK;
  MIXENT_TRY(mixent_file_read(path, LIMIT, &text, &size));
  if (options->encoder) {
    mixent_table_columns_free(columns);
    status = mixent_table_place(path, text, size, options->encoder, label, columns);
  } else if (!other) {
    status = mixent_table_plan(path, text, size, &options->table, columns);
  }
  columns->located = options->broken != NULL; /* an inspection names its findings */
  if (status == MIXENT_OK) status = mixent_table_parse(path, text, size, other, columns, words, out);
  free(text);
  return status;
}

static mixent_status read_files(char *files[2], const mixent_dataset_options *options,
                                mixent_class_names *words, mixent_format_set *out) {
  mixent_table_columns columns = {0};
  mixent_status status = MIXENT_OK;
  for (int i = 0; i < 2 && files[i] && status == MIXENT_OK; i++) {
    columns.unlabelled = columns.unseen = 0;
    status = read_file(files[i], options, &columns, words, i ? &out->test : &out->train);
    if (status == MIXENT_OK) status = mixent_table_note(&columns, files[i], &out->note);
  }
  out->one_part = !files[1];
  if (status == MIXENT_OK) status = mixent_copy_text(files[0], &out->train_origin);
  if (status == MIXENT_OK) status = mixent_copy_text(files[files[1] ? 1 : 0], &out->test_origin);
  if (status == MIXENT_OK) status = mixent_class_names_number(words, out);
  if (status == MIXENT_OK) out->encoder = columns.encoder, columns.encoder = NULL;
  mixent_table_columns_free(&columns);
  return status;
}

static mixent_status find_set(const char *path, const char *name, bool *found) {
  (void)name;
  char *files[2];
  mixent_status status = find_files(path, files);
  *found = files[0] != NULL;
  for (int i = 0; i < 2; i++) free(files[i]);
  return status;
}

static mixent_status read_set(const char *path, const char *name, const mixent_dataset_options *options,
                              mixent_format_set *out) {
  (void)name;
  char *files[2];
  mixent_class_names words = {0};
  mixent_status status = find_files(path, files);
  if (status == MIXENT_OK && !files[0]) status = mixent_fail(MIXENT_ERROR_IO, "%s: its table has gone", path);
  if (status == MIXENT_OK) status = read_files(files, options, &words, out);
  mixent_class_names_free(&words);
  for (int i = 0; i < 2; i++) free(files[i]);
  return status;
}

const mixent_format mixent_format_csv = {.wanted = "tables: train.csv and test.csv, or one .csv file",
                                         .endings = endings,
                                         .find = find_set,
                                         .read = read_set};
