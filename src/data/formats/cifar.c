/* Reads CIFAR-10 and CIFAR-100 in their binary form, and the names of their classes. */
#include "data/formats/cifar.h"
#include "core/file.h"
#include "core/gzip.h"
#include "core/memory.h"
#include "data/formats/format.h"

#include <stdlib.h>
#include <string.h>

enum { PIXELS = MIXENT_CIFAR_SIDE * MIXENT_CIFAR_SIDE, BATCHES = 5, LIMIT = 1 << 30 };

typedef struct variant {
  const char *train[BATCHES + 1], *test, *names;
  size_t label_bytes;
  int coarse, labels; /* how many there are */
} variant;

static const variant variants[] = {
    {{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
     "test_batch.bin",
     "batches.meta.txt",
     1,
     0,
     10},
    {{"train.bin"}, "test.bin", "fine_label_names.txt", 2, 20, 100}};
enum { VARIANTS = sizeof variants / sizeof *variants };

static const char *const objects[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                      "dog",      "frog",       "horse", "ship", "truck"};

static mixent_status check_records(const char *origin, const uint8_t *bytes, size_t size,
                                   const variant *variant) {
  size_t record = variant->label_bytes + 3 * PIXELS;
  if (size == 0 || size % record)
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: %zu bytes, not a multiple of the %zu of a CIFAR-%d image (truncated file?); fetch or "
        "copy it again",
        origin, size, record, variant->labels);
  for (size_t i = 0; i < size / record; i++) {
    const uint8_t *label = bytes + i * record;
    if (label[variant->label_bytes - 1] >= variant->labels || (variant->coarse && *label >= variant->coarse))
      return mixent_fail(
          MIXENT_ERROR_FORMAT,
          "%s: label %d of image %zu (from 0); CIFAR-%d has labels up to %d: is it the right file?", origin,
          label[variant->label_bytes - 1], i, variant->labels, variant->labels - 1);
  }
  return MIXENT_OK;
}

static mixent_status make_room(const char *origin, size_t count, mixent_images *images) {
  MIXENT_TRY(mixent_resize((void **)&images->pixels, 3 * PIXELS, count, origin));
  return MIXENT_RESIZE(&images->labels, count, origin);
}

mixent_status mixent_cifar_parse(const char *origin, const uint8_t *bytes, size_t size, size_t label_bytes,
                                 mixent_images *images) {
  MIXENT_TRY(check_records(origin, bytes, size, &variants[label_bytes - 1]));
  size_t record = label_bytes + 3 * PIXELS, more = size / record;
  MIXENT_TRY(make_room(origin, images->count + more, images));
  for (size_t i = 0; i < more; i++) {
    const uint8_t *in = bytes + i * record + label_bytes;
    uint8_t *out = images->pixels + (images->count + i) * 3 * PIXELS;
    images->labels[images->count + i] = in[-1];
    for (size_t pixel = 0; pixel < PIXELS; pixel++)
      for (size_t k = 0; k < 3; k++) out[3 * pixel + k] = in[k * PIXELS + pixel];
  }
  images->count += more;
  images->side = MIXENT_CIFAR_SIDE;
  images->channels = 3;
  return MIXENT_OK;
}

/* The path of a file that may be in gzip: *out is NULL if neither is there. */
static mixent_status locate(const char *directory, const char *name, char **out) {
  static const char *const endings[] = {"", ".gz"};
  *out = NULL;
  for (int i = 0; i < 2 && !*out; i++) {
    mixent_text path = {0};
    mixent_text_append(&path, "%s/%s%s", directory, name, endings[i]);
    mixent_path_kind kind = MIXENT_PATH_NOTHING;
    mixent_status status = mixent_text_status(&path);
    if (status == MIXENT_OK) status = mixent_path_look(path.data, &kind);
    if (kind == MIXENT_PATH_FILE)
      *out = path.data;
    else
      mixent_text_free(&path);
    MIXENT_TRY(status);
  }
  return MIXENT_OK;
}

static mixent_status read_file(const char *directory, const char *name, size_t label_bytes,
                               mixent_images *images) {
  char *path;
  uint8_t *bytes = NULL;
  size_t size;
  MIXENT_TRY(locate(directory, name, &path));
  if (!path)
    return mixent_fail(MIXENT_ERROR_IO, "%s: %s (perhaps .gz) is missing; unpack it again", directory, name);
  mixent_status status = mixent_gzip_read(path, LIMIT, &bytes, &size);
  if (status == MIXENT_OK) status = mixent_cifar_parse(path, bytes, size, label_bytes, images);
  free(bytes);
  free(path);
  return status;
}

/* A name a line, in the order of the labels; lines beyond them do not count. */
static mixent_status read_names(const char *path, int labels, char **names) {
  char *text, *line, *rest;
  MIXENT_TRY(mixent_file_read(path, 1 << 20, &text, NULL));
  mixent_status status = MIXENT_OK;
  rest = text;
  for (int label = 0; label < labels && (line = strsep(&rest, "\n")) && status == MIXENT_OK; label++) {
    line[strcspn(line, "\r")] = 0;
    if (*line) status = mixent_copy_text(line, &names[label]);
  }
  free(text);
  return status;
}

static mixent_status name_labels(const char *directory, const variant *variant, char **names) {
  char *path = mixent_path_join(directory, variant->names);
  if (!path) return MIXENT_ERROR_MEMORY;
  mixent_path_kind kind;
  mixent_status status = mixent_path_look(path, &kind);
  if (kind == MIXENT_PATH_FILE) status = read_names(path, variant->labels, names);
  free(path);
  for (int label = 0; label < 10 && variant->labels == 10 && status == MIXENT_OK; label++)
    if (!names[label]) status = mixent_copy_text(objects[label], &names[label]);
  return status;
}

static mixent_status has_file(const char *directory, const char *name, bool *any, const char **missing) {
  char *path;
  MIXENT_TRY(locate(directory, name, &path));
  if (path)
    *any = true;
  else if (!*missing)
    *missing = name;
  free(path);
  return MIXENT_OK;
}

/* The variant whose files are there, or NULL; some of them, but not all, are an error. */
static mixent_status find_variant(const char *directory, const variant **out) {
  *out = NULL;
  for (int i = 0; i < VARIANTS && !*out; i++) {
    bool any = false;
    const char *missing = NULL;
    for (int k = 0; variants[i].train[k]; k++)
      MIXENT_TRY(has_file(directory, variants[i].train[k], &any, &missing));
    MIXENT_TRY(has_file(directory, variants[i].test, &any, &missing));
    if (any && missing)
      return mixent_fail(MIXENT_ERROR_FORMAT,
                         "%s: %s (perhaps .gz) is missing; unpack CIFAR-%d's archive again", directory,
                         missing, variants[i].labels);
    if (any) *out = &variants[i];
  }
  return MIXENT_OK;
}

static mixent_status find_set(const char *path, const char *name, bool *found) {
  (void)name;
  const variant *variant;
  mixent_status status = find_variant(path, &variant);
  *found = status == MIXENT_OK && variant;
  return status;
}

static mixent_status read_set(const char *path, const char *name, const mixent_dataset_options *options,
                              mixent_format_set *out) {
  (void)options;
  (void)name;
  const variant *variant;
  MIXENT_TRY(find_variant(path, &variant));
  if (!variant) return mixent_fail(MIXENT_ERROR_IO, "%s: its files have gone", path);
  for (int k = 0; variant->train[k]; k++)
    MIXENT_TRY(read_file(path, variant->train[k], variant->label_bytes, &out->train));
  MIXENT_TRY(read_file(path, variant->test, variant->label_bytes, &out->test));
  out->train_origin = mixent_path_join(path, variant->train[0]);
  out->test_origin = mixent_path_join(path, variant->test);
  if (!out->train_origin || !out->test_origin) return MIXENT_ERROR_MEMORY;
  return name_labels(path, variant, out->label_names);
}

const mixent_format mixent_format_cifar = {
    .wanted =
        "CIFAR's binary form: data_batch_1.bin to data_batch_5.bin and test_batch.bin, or train.bin and "
        "test.bin, plain or .gz",
    .find = find_set,
    .read = read_set};
