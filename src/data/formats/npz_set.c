/* Data sets in .npz: x of [n, features] are rows of a table, x of three or four dimensions are images; y are whole numbers, texts, or
 * rows that are 1 at one class and 0 at the others. */
#include "core/cell.h"
#include "core/file.h"
#include "core/locale.h"
#include "core/memory.h"
#include "data/encoder.h"
#include "data/find.h"
#include "data/formats/class_names.h"
#include "data/formats/npy_images.h"
#include "data/formats/npy_labels.h"
#include "data/formats/npz.h"
#include "data/formats/single_file.h"
#include "data/formats/zip.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 2147483647 };

enum { TRAIN_X, TRAIN_Y, VALIDATION_X, VALIDATION_Y, TEST_X, TEST_Y, ONE_X, ONE_Y, ROLES, SPELLINGS = 4 };
static const char *const names[ROLES * SPELLINGS] = {
    "x_train.npy", "X_train.npy", "train_images.npy", "train_x.npy", /* TRAIN_X */
    "y_train.npy", "Y_train.npy", "train_labels.npy", "train_y.npy", /* TRAIN_Y */
    "x_val.npy",   "X_val.npy",   "val_images.npy",   "x_valid.npy", /* VALIDATION_X */
    "y_val.npy",   "Y_val.npy",   "val_labels.npy",   "y_valid.npy", /* VALIDATION_Y */
    "x_test.npy",  "X_test.npy",  "test_images.npy",  "test_x.npy",  /* TEST_X */
    "y_test.npy",  "Y_test.npy",  "test_labels.npy",  "test_y.npy",  /* TEST_Y */
    "X.npy",       "x.npy",       "images.npy",       "arr_0.npy",   /* ONE_X */
    "y.npy",       "Y.npy",       "labels.npy",       "arr_1.npy"};  /* ONE_Y */

typedef struct archive {
  const char *origin;
  mixent_zip_source source;
  mixent_zip_entry entries[ROLES * SPELLINGS];
} archive;

typedef struct memory {
  const uint8_t *bytes;
} memory;

static mixent_status read_memory(void *context, uint64_t first, size_t count, void *out) {
  const memory *memory = context;
  memcpy(out, memory->bytes + first, count);
  return MIXENT_OK;
}

/* The index among `names` of the array in a role; -1: there is none. */
static int find_role(const archive *archive, int role) {
  for (int i = role * SPELLINGS; i < (role + 1) * SPELLINGS; i++)
    if (archive->entries[i].found) return i;
  return -1;
}

/* "file.npz: x_train" */
static mixent_status name_array(const archive *archive, int index, char **out) {
  return mixent_print_text(out, "%s: %.*s", archive->origin, (int)(strlen(names[index]) - 4), names[index]);
}

/* An array of the archive, of which the header is read first: what it says is held against the other one's before a byte of
 * elements is unpacked. */
typedef struct member {
  int index;    /* among `names` */
  char *origin; /* "file.npz: x_train" */
  mixent_npy array;
  uint8_t *bytes; /* where the elements are, once they are read */
} member;

static void member_free(member *member) {
  free(member->origin);
  free(member->bytes);
}

static mixent_status read_head(const archive *archive, member *out) {
  const mixent_zip_entry *entry = &archive->entries[out->index];
  uint64_t count;
  uint8_t *head;
  MIXENT_TRY(name_array(archive, out->index, &out->origin));
  MIXENT_TRY(MIXENT_ALLOCATE(MIXENT_NPY_HEADER, &head));
  mixent_status status = mixent_zip_read_head(&archive->source, entry, names[out->index], LIMIT,
                                              MIXENT_NPY_HEADER, head, &count);
  if (status == MIXENT_OK)
    status = mixent_npy_header(out->origin, head, (size_t)count, (size_t)entry->size, &out->array);
  free(head);
  return status;
}

static mixent_status read_elements(const archive *archive, member *out) {
  const mixent_zip_entry *entry = &archive->entries[out->index];
  MIXENT_TRY(mixent_zip_read(&archive->source, entry, names[out->index], LIMIT, &out->bytes));
  return mixent_npy_parse(out->origin, out->bytes, (size_t)entry->size, &out->array);
}

/* What is read of a set, and how. */
typedef struct reading {
  const archive *archive;
  bool impute;
  mixent_class_names *words;
  mixent_npy_pixels pixels; /* of images: as train's are read */
  mixent_format_set *set;
} reading;

static mixent_status fill_features(const char *origin, const mixent_npy *array, bool impute, double *row,
                                   float *out) {
  for (size_t i = 0; i < array->extent[0]; i++) {
    mixent_npy_row(array, i, row);
    for (size_t j = 0; j < array->row; j++) {
      bool gap = isnan(row[j]) && impute;
      if (!gap && !(fabs(row[j]) <= MIXENT_LARGEST_FEATURE))
        return mixent_fail(
            MIXENT_ERROR_FORMAT, "%s[%zu, %zu] is %g; features are finite, at most %g in size%s", origin, i,
            j, row[j], MIXENT_LARGEST_FEATURE, isnan(row[j]) ? "; missing=impute fills gaps in" : "");
      *out++ = (float)row[j];
    }
  }
  return MIXENT_OK;
}

static mixent_status take_features(const char *origin, const mixent_npy *array, bool impute,
                                   mixent_images *out) {
  double *row;
  out->side = 1, out->channels = (int)array->row;
  MIXENT_TRY(MIXENT_ALLOCATE(array->extent[0] * array->row, &out->features));
  MIXENT_TRY(MIXENT_ALLOCATE(array->row, &row));
  mixent_status status = fill_features(origin, array, impute, row, out->features);
  free(row);
  return status;
}

/* Of the test part the rule is train's, which must fit it: numbers of another range would all be black or white. */
static mixent_status take_images(const char *origin, const mixent_npy *array, reading *reading,
                                 mixent_images *out) {
  mixent_npy_pixels own = {.rule = NULL};
  MIXENT_TRY(mixent_npy_images_range(origin, array, &own));
  const mixent_npy_pixels *train = &reading->pixels;
  if (out == &reading->set->train) {
    reading->pixels = own;
    if (own.rule)
      MIXENT_TRY(mixent_note_add(&reading->set->note, "float-images: %s: numbers %s", origin, own.rule));
  } else if (!train->by_channel && (own.low[0] != train->low[0] || own.factor[0] != train->factor[0])) {
    static const char bytes[] = "which are pixels as they stand";
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: numbers %s, but those of train %s; scale both in the same way", origin,
                       own.rule ? own.rule : bytes, train->rule ? train->rule : bytes);
  }
  return mixent_npy_images_take(array, &reading->pixels, out);
}

static mixent_status check_x(const char *origin, const mixent_npy *array) {
  if (array->dimensions == 1)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: one dimension; expected [n, features], or images of [n, side, side]", origin);
  if (array->extent[0] == 0) return mixent_fail(MIXENT_ERROR_FORMAT, "%s: nothing is in it", origin);
  if (array->dimensions > 2) return mixent_npy_images_check(origin, array);
  if (mixent_npy_is_text(array))
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: its elements are texts; save numbers, or words as a table (CSV)", origin);
  if (array->row >= 1 && array->row <= MIXENT_MOST_FEATURES) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %zu features; 1 to %d can be", origin, array->row,
                     MIXENT_MOST_FEATURES);
}

static mixent_status check_y(const char *origin, const mixent_npy *array, size_t count) {
  bool rows = array->dimensions == 2 && array->row <= MIXENT_MOST_LABELS && !mixent_npy_is_text(array);
  if (array->row != 1 && !rows)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: %zu elements a row; expected one label, or numbers of which one "
                       "is 1 and the others 0",
                       origin, array->row);
  if (array->extent[0] == count) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %zu labels, but %zu rows in x", origin, array->extent[0],
                     count);
}

/* The place of a word; -1 where it is missing and its row is left out. */
static mixent_status take_word(const char *origin, const char *word, size_t index, const reading *reading,
                               int32_t *out) {
  if (!mixent_cell_is_missing(word)) return mixent_class_names_add(reading->words, origin, word, out);
  *out = -1;
  if (reading->impute) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s[%zu]: the label is missing (%s); leave the row out, or let "
                     "missing=impute do so",
                     origin, index, *word ? word : "empty or nan");
}

static mixent_status take_labels(const char *origin, const mixent_npy *array, const reading *reading,
                                 double *row, int32_t *labels) {
  for (size_t i = 0; i < array->extent[0]; i++) {
    char number[MIXENT_NPY_LABEL] = "", *text = NULL;
    if (mixent_npy_is_text(array))
      MIXENT_TRY(mixent_npy_text(array, i, &text));
    else
      MIXENT_TRY(mixent_npy_label(origin, array, i, row, number));
    mixent_status status = take_word(origin, text ? text : number, i, reading, &labels[i]);
    free(text);
    MIXENT_TRY(status);
  }
  return MIXENT_OK;
}

/* Moves what has a label over what has none. */
static mixent_status leave_out(const char *origin, mixent_format_set *set, mixent_images *images) {
  size_t kept = 0, size = (size_t)images->side * (size_t)images->side * (size_t)images->channels;
  for (size_t i = 0; i < images->count; i++) {
    if (images->labels[i] < 0) continue;
    images->labels[kept] = images->labels[i];
    if (images->features)
      memmove(images->features + kept * size, images->features + i * size, size * sizeof *images->features);
    else
      memmove(images->pixels + kept * size, images->pixels + i * size, size);
    kept++;
  }
  size_t left_out = images->count - kept;
  images->count = kept;
  if (kept == 0) return mixent_fail(MIXENT_ERROR_FORMAT, "%s: every label is missing", origin);
  return left_out ? mixent_note_add(&set->note, MIXENT_UNLABELLED_NOTE, origin, left_out) : MIXENT_OK;
}

static mixent_status take_members(reading *reading, member *x, member *y, mixent_images *out) {
  const archive *archive = reading->archive;
  double *row;
  MIXENT_TRY(read_head(archive, x));
  MIXENT_TRY(read_head(archive, y));
  MIXENT_TRY(check_x(x->origin, &x->array));
  MIXENT_TRY(check_y(y->origin, &y->array, x->array.extent[0]));
  MIXENT_TRY(read_elements(archive, y));
  MIXENT_TRY(MIXENT_ALLOCATE(y->array.extent[0], &out->labels));
  MIXENT_TRY(MIXENT_ALLOCATE(y->array.row, &row));
  mixent_status status = take_labels(y->origin, &y->array, reading, row, out->labels);
  free(row);
  MIXENT_TRY(status);
  MIXENT_TRY(read_elements(archive, x));
  out->count = x->array.extent[0];
  MIXENT_TRY(x->array.dimensions == 2 ? take_features(x->origin, &x->array, reading->impute, out)
                                      : take_images(x->origin, &x->array, reading, out));
  return leave_out(y->origin, reading->set, out);
}

/* Names the array that is missing, and those that are there if they are few. */
static mixent_status fail_without(const archive *archive, int role) {
  enum { SHOWN = 8, MOST_MEMBERS = 1000 };
  mixent_names members = {0};
  mixent_text found = {0};
  mixent_status status = mixent_zip_list(&archive->source, MOST_MEMBERS, &members);
  for (size_t i = 0; i < members.count && i < SHOWN; i++) {
    size_t length = strlen(members.items[i]);
    bool array = length > 4 && strcmp(members.items[i] + length - 4, ".npy") == 0;
    mixent_text_append_item(&found, i, "%.*s", (int)(array ? length - 4 : length), members.items[i]);
  }
  if (members.count > SHOWN) mixent_text_append(&found, " and %zu more", members.count - SHOWN);
  if (status != MIXENT_ERROR_MEMORY) status = mixent_text_status(&found);
  if (status == MIXENT_OK)
    status = mixent_fail(MIXENT_ERROR_FORMAT,
                         "%s: no array %.*s in it; expected x_train, y_train, x_test, y_test, or X and y%s%s",
                         archive->origin, (int)strlen(names[role * SPELLINGS]) - 4, names[role * SPELLINGS],
                         found.data ? ", got " : "", found.data ? found.data : "");
  mixent_text_free(&found);
  mixent_names_free(&members);
  return status;
}

static mixent_status take_part(reading *reading, int x_role, mixent_images *out, char **origin) {
  const archive *archive = reading->archive;
  member x = {.index = find_role(archive, x_role)}, y = {.index = find_role(archive, x_role + 1)};
  if (x.index < 0 || y.index < 0) return fail_without(archive, x.index < 0 ? x_role : x_role + 1);
  mixent_status status = take_members(reading, &x, &y, out);
  *origin = y.origin, y.origin = NULL;
  member_free(&x);
  member_free(&y);
  return status;
}

/* Columns of numbers without names, whose gaps are filled in: as the model's encoder says, or one to be fitted. */
static mixent_status make_encoder(const archive *archive, const mixent_dataset_options *options,
                                  mixent_format_set *out) {
  size_t count = (size_t)out->train.channels;
  const mixent_encoder *given = options->encoder;
  if (!out->train.features || !(given || options->table.missing == MIXENT_MISSING_IMPUTE)) return MIXENT_OK;
  bool words = given && given->count != count;
  for (size_t c = 0; given && !words && c < count; c++) words = given->columns[c].category;
  if (words)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%s: %zu columns of numbers, but the model reads %zu of a table", archive->origin,
                       count, given->count);
  if (given) return mixent_encoder_copy(given, &out->encoder);
  MIXENT_TRY(mixent_encoder_create(count, &out->encoder));
  out->encoder->missing = MIXENT_MISSING_IMPUTE;
  out->encoder->cells = count + 1, out->encoder->label = count;
  for (size_t c = 0; c < count; c++) out->encoder->columns[c].place = c;
  return MIXENT_OK;
}

/* A part beside train, and of its shape. */
static mixent_status take_other_part(reading *reading, int x_role, mixent_images *out, char **origin) {
  const mixent_images *train = &reading->set->train;
  MIXENT_TRY(take_part(reading, x_role, out, origin));
  if (out->side == train->side && out->channels == train->channels && !out->features == !train->features)
    return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_FORMAT, "%s: what x_train holds and what %.*s holds are of different shapes",
      reading->archive->origin, (int)strlen(names[x_role * SPELLINGS]) - 4, names[x_role * SPELLINGS]);
}

static mixent_status take_validation(reading *reading) {
  const archive *archive = reading->archive;
  char *origin = NULL;
  if (find_role(archive, VALIDATION_X) < 0 && find_role(archive, VALIDATION_Y) < 0) return MIXENT_OK;
  mixent_status status = take_other_part(reading, VALIDATION_X, &reading->set->validation, &origin);
  free(origin);
  return status;
}

static mixent_status take_set(reading *reading, const mixent_dataset_options *options) {
  const archive *archive = reading->archive;
  mixent_format_set *out = reading->set;
  bool train = find_role(archive, TRAIN_X) >= 0,
       test = find_role(archive, TEST_X) >= 0 || find_role(archive, TEST_Y) >= 0;
  out->one_part = !test;
  MIXENT_TRY(take_part(reading, train || test ? TRAIN_X : ONE_X, &out->train, &out->train_origin));
  if (train) MIXENT_TRY(take_validation(reading));
  if (test) MIXENT_TRY(take_other_part(reading, TEST_X, &out->test, &out->test_origin));
  MIXENT_TRY(make_encoder(archive, options, out));
  return mixent_class_names_number(reading->words, out);
}

mixent_status mixent_npz_parse(const char *origin, const uint8_t *bytes, size_t size,
                               const mixent_dataset_options *options, mixent_format_set *out) {
  memory memory = {bytes};
  mixent_class_names words = {0};
  archive archive = {.origin = origin,
                     .source = {.name = origin,
                                .advice = "save or copy it again",
                                .size = size,
                                .read = read_memory,
                                .context = &memory}};
  MIXENT_TRY(mixent_zip_find(&archive.source, names, ROLES * SPELLINGS, archive.entries));
  reading reading = {.archive = &archive,
                     .impute = options->encoder ? options->encoder->missing == MIXENT_MISSING_IMPUTE
                                                : options->table.missing == MIXENT_MISSING_IMPUTE,
                     .words = &words,
                     .set = out};
  mixent_status status = take_set(&reading, options);
  mixent_class_names_free(&words);
  return status;
}

static const char *const endings[] = {".npz", NULL};

static mixent_status find_set(const char *path, const char *name, bool *found) {
  (void)name;
  char *file;
  mixent_status status = mixent_data_file_find(path, endings, &file);
  *found = file != NULL;
  free(file);
  return status;
}

static mixent_status read_set(const char *path, const char *name, const mixent_dataset_options *options,
                              mixent_format_set *out) {
  (void)name;
  char *file, *bytes = NULL;
  size_t size;
  MIXENT_TRY(mixent_data_file_find(path, endings, &file));
  if (!file) return mixent_fail(MIXENT_ERROR_IO, "%s: its archive has gone", path);
  mixent_status status = mixent_file_read(file, LIMIT, &bytes, &size);
  if (status == MIXENT_OK) status = mixent_npz_parse(file, (const uint8_t *)bytes, size, options, out);
  free(bytes);
  free(file);
  return status;
}

const mixent_format mixent_format_npz = {
    .wanted = "NumPy's arrays: one .npz file with x_train, y_train, x_test and y_test, or X and y",
    .endings = endings,
    .find = find_set,
    .read = read_set};
