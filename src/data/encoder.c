/* Fitting an encoder of tables on train rows, and applying it. */
#include "data/encoder.h"
#include "core/memory.h"
#include "core/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const mixent_missing_names[] = {"refuse", "impute", NULL};
const char *const mixent_separator_names[] = {"auto", "comma", "semicolon", "tab", "pipe", NULL};
const char *const mixent_decimal_names[] = {"auto", "point", "comma", NULL};
const char *const mixent_header_names[] = {"auto", "yes", "no", NULL};

mixent_status mixent_encoder_create(size_t columns, mixent_encoder **out) {
  MIXENT_TRY(MIXENT_ALLOCATE(1, out));
  mixent_status status = MIXENT_ALLOCATE(columns, &(*out)->columns);
  if (status == MIXENT_OK)
    (*out)->count = columns;
  else
    mixent_encoder_free(*out), *out = NULL;
  return status;
}

static void free_column(mixent_encoder_column *column) {
  free(column->name);
  for (int k = 0; k < column->word_count; k++) free(column->words[k]);
  free(column->words);
}

void mixent_encoder_free(mixent_encoder *encoder) {
  if (!encoder) return;
  for (size_t c = 0; c < encoder->count; c++) free_column(&encoder->columns[c]);
  free(encoder->columns);
  free(encoder->label_name);
  free(encoder);
}

static mixent_status copy_column(const mixent_encoder_column *from, mixent_encoder_column *out) {
  *out = *from;
  out->name = NULL, out->words = NULL, out->word_count = 0;
  if (from->name) MIXENT_TRY(mixent_copy_text(from->name, &out->name));
  if (from->category) MIXENT_TRY(MIXENT_ALLOCATE(from->word_count, &out->words));
  for (; out->word_count < from->word_count; out->word_count++)
    MIXENT_TRY(mixent_copy_text(from->words[out->word_count], &out->words[out->word_count]));
  return MIXENT_OK;
}

mixent_status mixent_encoder_copy(const mixent_encoder *from, mixent_encoder **out) {
  MIXENT_TRY(mixent_encoder_create(from->count, out));
  mixent_encoder_column *columns = (*out)->columns;
  **out = *from;
  (*out)->columns = columns;
  (*out)->label_name = NULL;
  mixent_status status = MIXENT_OK;
  if (from->label_name) status = mixent_copy_text(from->label_name, &(*out)->label_name);
  for (size_t c = 0; c < from->count && status == MIXENT_OK; c++)
    status = copy_column(&from->columns[c], &columns[c]);
  if (status != MIXENT_OK) mixent_encoder_free(*out), *out = NULL;
  return status;
}

bool mixent_encoder_is_plain(const mixent_encoder *encoder) {
  bool plain =
      encoder->missing == MIXENT_MISSING_REFUSE && encoder->separator == MIXENT_SEPARATOR_AUTO &&
      encoder->decimal == MIXENT_DECIMAL_AUTO &&
      (encoder->header || (encoder->cells == encoder->count + 1 && encoder->label == encoder->count));
  for (size_t c = 0; c < encoder->count && plain; c++) plain = !encoder->columns[c].category;
  return plain;
}

int mixent_encoder_find(const mixent_encoder_column *column, const char *word) {
  int low = 0, high = column->word_count;
  while (low < high) {
    int middle = (low + high) / 2, order = strcmp(word, column->words[middle]);
    if (order == 0) return middle;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return -1;
}

const char *mixent_encoder_column_text(const mixent_encoder_column *column, char out[128]) {
  if (column->name)
    snprintf(out, 128, "column '%.80s'", column->name);
  else
    snprintf(out, 128, "column %zu", column->place + 1);
  return out;
}

/* ------------------------------------------------------------------ fitting ------- */

static int compare_floats(const void *a, const void *b) {
  float first = *(const float *)a, second = *(const float *)b;
  return (first > second) - (first < second);
}

/* Of `count` values, at least one; of an even number the mean of the two in the middle. */
static float find_median(float *values, size_t count) {
  qsort(values, count, sizeof *values, compare_floats);
  double low = values[(count - 1) / 2], high = values[count / 2];
  return (float)((low + high) / 2);
}

/* The values of a column that are not missing; returns how many. */
static size_t gather(const mixent_images *images, size_t column, float *values) {
  size_t count = 0;
  for (size_t i = 0; i < images->count; i++) {
    float value = images->features[i * (size_t)images->channels + column];
    if (!isnan(value)) values[count++] = value;
  }
  return count;
}

/* Words get new numbers. */
static void renumber(mixent_images *images, size_t column, const int *number) {
  for (size_t i = 0; i < images->count; i++) {
    float *value = &images->features[i * (size_t)images->channels + column];
    if (*value >= 0) *value = (float)number[(int)*value];
  }
}

/* number[k]: how often word k occurs at first, its new number in the end. */
static void fit_words(mixent_encoder_column *column, const float *values, size_t count, int *number) {
  int kept = 0, most = 0;
  for (size_t i = 0; i < count; i++) number[(int)values[i]]++;
  for (int k = 0; k < column->word_count; k++) {
    int occurrences = number[k];
    number[k] = occurrences ? kept : -1;
    if (!occurrences) {
      free(column->words[k]);
      continue;
    }
    if (occurrences > most) most = occurrences, column->fill = (float)kept; /* the first of several */
    column->words[kept++] = column->words[k];
  }
  column->word_count = kept;
}

static mixent_status fit_column(mixent_encoder_column *column, size_t index, const char *origin,
                                mixent_images *train, mixent_images *test, float *values) {
  char text[128], number[24];
  size_t count = gather(train, index, values);
  column->gaps = count < train->count;
  snprintf(number, sizeof number, "%zu", column->place + 1);
  if (count == 0)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: %s has no value in any of the %zu train rows; leave it out with leave_out=%s",
                       origin, mixent_encoder_column_text(column, text), train->count,
                       column->name ? column->name : number);
  if (!column->category) {
    column->fill = find_median(values, count);
    return MIXENT_OK;
  }
  int *numbers;
  MIXENT_TRY(MIXENT_ALLOCATE(column->word_count, &numbers));
  fit_words(column, values, count, numbers);
  renumber(train, index, numbers);
  renumber(test, index, numbers);
  free(numbers);
  return MIXENT_OK;
}

mixent_status mixent_encoder_fit(mixent_encoder *encoder, const char *origin, mixent_images *train,
                                 mixent_images *test) {
  float *values;
  MIXENT_TRY(MIXENT_ALLOCATE(train->count, &values));
  mixent_status status = MIXENT_OK;
  for (size_t c = 0; c < encoder->count && status == MIXENT_OK; c++)
    status = fit_column(&encoder->columns[c], c, origin, train, test, values);
  free(values);
  return status;
}

/* ------------------------------------------------------------------ applying ------ */

static size_t column_width(const mixent_encoder_column *column) {
  return (column->category ? (size_t)column->word_count : 1) + column->gaps;
}

mixent_status mixent_encoder_width(const mixent_encoder *encoder, const char *origin, int *out) {
  size_t width = 0;
  for (size_t c = 0; c < encoder->count; c++) width += column_width(&encoder->columns[c]);
  if (width < 1 || width > MIXENT_MOST_FEATURES)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %zu features of its columns; 1 to %d can be", origin, width,
                       MIXENT_MOST_FEATURES);
  *out = (int)width;
  return MIXENT_OK;
}

/* The features of one cell, column_width() of them and zero so far. */
static void encode_cell(const mixent_encoder_column *column, float value, float *out) {
  bool missing = isnan(value);
  if (missing) value = column->fill;
  if (column->gaps) out[column_width(column) - 1] = missing;
  if (!column->category)
    out[0] = value;
  else if (value >= 0)
    out[(int)value] = 1;
}

mixent_status mixent_encoder_apply(const mixent_encoder *encoder, const char *origin, mixent_images *images) {
  float *features, *out;
  int width;
  MIXENT_TRY(mixent_encoder_width(encoder, origin, &width));
  MIXENT_TRY(MIXENT_ALLOCATE(images->count * (size_t)width, &features));
  out = features;
  for (size_t i = 0; i < images->count; i++)
    for (size_t c = 0; c < encoder->count; out += column_width(&encoder->columns[c++]))
      encode_cell(&encoder->columns[c], images->features[i * encoder->count + c], out);
  free(images->features);
  images->features = features;
  images->channels = width;
  return MIXENT_OK;
}

mixent_status mixent_encoder_names(const mixent_encoder *encoder, int width, char ***out) {
  MIXENT_TRY(MIXENT_ALLOCATE(width, out));
  char **name = *out, number[24];
  for (size_t c = 0; c < encoder->count; c++) {
    const mixent_encoder_column *column = &encoder->columns[c];
    snprintf(number, sizeof number, "%zu", column->place + 1);
    const char *text = column->name ? column->name : number;
    for (int k = 0; k < column->word_count; k++)
      MIXENT_TRY(mixent_print_text(name++, "%s=%s", text, column->words[k]));
    if (!column->category) MIXENT_TRY(mixent_copy_text(text, name++));
    if (column->gaps) MIXENT_TRY(mixent_print_text(name++, "%s is missing", text));
  }
  return MIXENT_OK;
}
