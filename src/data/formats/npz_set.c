/* Data sets in .npz: x of [n, features] are rows of a table, bytes of [n, side, side] or [n, side, side, channels] are
 * images; y are whole numbers, one a row. */
#include "core/file.h"
#include "core/locale.h"
#include "core/memory.h"
#include "data/find.h"
#include "data/formats/class_names.h"
#include "data/formats/npy.h"
#include "data/formats/npz.h"
#include "data/formats/single_file.h"
#include "data/formats/zip.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 2147483647 };

enum { TRAIN_X, TRAIN_Y, TEST_X, TEST_Y, ONE_X, ONE_Y, ROLES, SPELLINGS = 2 };
static const char *const names[ROLES * SPELLINGS] = {
    "x_train.npy", "X_train.npy", "y_train.npy", "Y_train.npy", "x_test.npy", "X_test.npy",
    "y_test.npy",  "Y_test.npy",  "X.npy",       "x.npy",       "y.npy",      "Y.npy"};

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

static mixent_status check_images(const char *origin, const mixent_npy *array) {
  size_t side = array->extent[1], other = array->extent[2], last = array->extent[3];
  if (array->kind != 'u' || array->bytes != 1)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: images must be bytes (uint8); make them [n, features] to train on numbers",
                       origin);
  if (array->dimensions == 4 && (side == 1 || side == 3) && other == last && last != 1 && last != 3)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: images of [n, %zu, %zu, %zu], channels first; they must be [n, %zu, %zu, %zu]: "
                       "transpose them by x.transpose(0, 2, 3, 1)",
                       origin, side, other, last, other, last, side);
  if (side == other && side >= MIXENT_LEAST_SIDE && side <= MIXENT_MOST_SIDE && (last == 1 || last == 3))
    return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s: images of %zu x %zu with %zu channels; they must be square, of side %d to %d, with 1 or 3 "
      "channels: scale them, or make them [n, features]",
      origin, side, other, last, MIXENT_LEAST_SIDE, MIXENT_MOST_SIDE);
}

/* Elements as images, which are bytes already. */
static mixent_status take_images(const mixent_npy *array, mixent_images *out) {
  double *row;
  out->side = (int)array->extent[1], out->channels = (int)array->extent[3];
  MIXENT_TRY(MIXENT_ALLOCATE(array->extent[0] * array->row, &out->pixels));
  if (!array->fortran) {
    memcpy(out->pixels, array->data, array->extent[0] * array->row);
    return MIXENT_OK;
  }
  MIXENT_TRY(MIXENT_ALLOCATE(array->row, &row));
  for (size_t i = 0; i < array->extent[0]; i++) {
    mixent_npy_row(array, i, row);
    for (size_t j = 0; j < array->row; j++) out->pixels[i * array->row + j] = (uint8_t)row[j];
  }
  free(row);
  return MIXENT_OK;
}

static mixent_status fill_features(const char *origin, const mixent_npy *array, double *row, float *out) {
  for (size_t i = 0; i < array->extent[0]; i++) {
    mixent_npy_row(array, i, row);
    for (size_t j = 0; j < array->row; j++) {
      if (!(fabs(row[j]) <= MIXENT_LARGEST_FEATURE))
        return mixent_fail(MIXENT_ERROR_FORMAT, "%s[%zu, %zu] is %g; features are finite, at most %g in size",
                           origin, i, j, row[j], MIXENT_LARGEST_FEATURE);
      *out++ = (float)row[j];
    }
  }
  return MIXENT_OK;
}

static mixent_status take_features(const char *origin, const mixent_npy *array, mixent_images *out) {
  double *row;
  out->side = 1, out->channels = (int)array->row;
  MIXENT_TRY(MIXENT_ALLOCATE(array->extent[0] * array->row, &out->features));
  MIXENT_TRY(MIXENT_ALLOCATE(array->row, &row));
  mixent_status status = fill_features(origin, array, row, out->features);
  free(row);
  return status;
}

static mixent_status check_x(const char *origin, const mixent_npy *array) {
  if (array->dimensions == 1)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: one dimension; expected [n, features], or bytes [n, side, side]", origin);
  if (array->extent[0] == 0) return mixent_fail(MIXENT_ERROR_FORMAT, "%s: nothing is in it", origin);
  if (array->dimensions > 2) return check_images(origin, array);
  if (array->row >= 1 && array->row <= MIXENT_MOST_FEATURES) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %zu features; 1 to %d can be", origin, array->row,
                     MIXENT_MOST_FEATURES);
}

static mixent_status check_y(const char *origin, const mixent_npy *array, size_t count) {
  if (array->row != 1)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: %zu numbers a row; expected one label: its argmax, if they stand for classes",
                       origin, array->row);
  if (array->extent[0] == count) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %zu labels, but %zu rows in x", origin, array->extent[0],
                     count);
}

static mixent_status take_labels(const char *origin, const mixent_npy *array, mixent_class_names *words,
                                 int32_t *labels) {
  for (size_t i = 0; i < array->extent[0]; i++) {
    double label;
    char word[32];
    mixent_npy_row(array, i, &label);
    if (isnan(label))
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s[%zu]: the label is missing (nan); leave the row out",
                         origin, i);
    if (!(fabs(label) <= 1e15 && label == floor(label)))
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s[%zu] is %g; labels are whole numbers", origin, i, label);
    mixent_print(word, sizeof word, "%.0f", label + 0.0); /* -0 becomes 0 */
    MIXENT_TRY(mixent_class_names_add(words, origin, word, &labels[i]));
  }
  return MIXENT_OK;
}

static mixent_status take_members(const archive *archive, member *x, member *y, mixent_class_names *words,
                                  mixent_images *out) {
  MIXENT_TRY(read_head(archive, x));
  MIXENT_TRY(read_head(archive, y));
  MIXENT_TRY(check_x(x->origin, &x->array));
  MIXENT_TRY(check_y(y->origin, &y->array, x->array.extent[0]));
  MIXENT_TRY(read_elements(archive, y));
  MIXENT_TRY(MIXENT_ALLOCATE(y->array.extent[0], &out->labels));
  MIXENT_TRY(take_labels(y->origin, &y->array, words, out->labels));
  MIXENT_TRY(read_elements(archive, x));
  out->count = x->array.extent[0];
  return x->array.dimensions == 2 ? take_features(x->origin, &x->array, out) : take_images(&x->array, out);
}

static mixent_status take_part(const archive *archive, int x_role, mixent_class_names *words,
                               mixent_images *out, char **origin) {
  member x = {.index = find_role(archive, x_role)}, y = {.index = find_role(archive, x_role + 1)};
  if (x.index < 0 || y.index < 0)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: no array %.*s in it; expected x_train, y_train, x_test, y_test, or X and y",
                       archive->origin, (int)strlen(names[x_role * SPELLINGS]) - 4,
                       names[(x.index < 0 ? x_role : x_role + 1) * SPELLINGS]);
  mixent_status status = take_members(archive, &x, &y, words, out);
  *origin = y.origin, y.origin = NULL;
  member_free(&x);
  member_free(&y);
  return status;
}

static mixent_status take_set(const archive *archive, mixent_class_names *words, mixent_format_set *out) {
  bool train = find_role(archive, TRAIN_X) >= 0,
       test = find_role(archive, TEST_X) >= 0 || find_role(archive, TEST_Y) >= 0;
  out->one_part = !test;
  MIXENT_TRY(take_part(archive, train || test ? TRAIN_X : ONE_X, words, &out->train, &out->train_origin));
  if (test) MIXENT_TRY(take_part(archive, TEST_X, words, &out->test, &out->test_origin));
  if (test && (out->test.side != out->train.side || out->test.channels != out->train.channels))
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: what x_train holds and what x_test holds are of different shapes",
                       archive->origin);
  return mixent_class_names_number(words, out);
}

mixent_status mixent_npz_parse(const char *origin, const uint8_t *bytes, size_t size,
                               mixent_format_set *out) {
  memory memory = {bytes};
  mixent_class_names words = {0};
  archive archive = {.origin = origin,
                     .source = {.name = origin,
                                .advice = "save or copy it again",
                                .size = size,
                                .read = read_memory,
                                .context = &memory}};
  MIXENT_TRY(mixent_zip_find(&archive.source, names, ROLES * SPELLINGS, archive.entries));
  mixent_status status = take_set(&archive, &words, out);
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
  (void)options;
  (void)name;
  char *file, *bytes = NULL;
  size_t size;
  MIXENT_TRY(mixent_data_file_find(path, endings, &file));
  if (!file) return mixent_fail(MIXENT_ERROR_IO, "%s: its archive has gone", path);
  mixent_status status = mixent_file_read(file, LIMIT, &bytes, &size);
  if (status == MIXENT_OK) status = mixent_npz_parse(file, (const uint8_t *)bytes, size, out);
  free(bytes);
  free(file);
  return status;
}

const mixent_format mixent_format_npz = {
    .wanted = "NumPy's arrays: one .npz file with x_train, y_train, x_test and y_test, or X and y",
    .endings = endings,
    .find = find_set,
    .read = read_set};
