/* Opening a data set: reading its four files, upright images, classes 0..K-1, their names, the fingerprint.
 */
#include "core/file.h"
#include "core/memory.h"
#include "data/find.h"
#include "data/idx.h"
#include "mixent/data.h"

#include <endian.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_LEAST = 16, SIDE_MOST = 256, LABELS = 256 }; /* labels are bytes */

static mixent_status read_images(const char *path, mixent_images *out) {
  mixent_idx idx;
  MIXENT_TRY(mixent_idx_read(path, 3, &idx));
  out->count = idx.extent[0];
  out->channels = 1;
  out->pixels = idx.bytes;
  if (idx.extent[1] != idx.extent[2])
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: images of %zu rows and %zu columns; only square ones are read: pad them", path,
                       idx.extent[1], idx.extent[2]);
  if (idx.extent[1] < SIDE_LEAST || idx.extent[1] > SIDE_MOST)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: images of side %zu; it must be from %d to %d: pad or scale them", path,
                       idx.extent[1], SIDE_LEAST, SIDE_MOST);
  out->side = (int)idx.extent[1];
  return MIXENT_OK;
}

static mixent_status read_labels(const char *path, const char *images_path, mixent_images *out) {
  mixent_idx idx;
  MIXENT_TRY(mixent_idx_read(path, 1, &idx));
  mixent_status status = MIXENT_OK;
  if (idx.extent[0] != out->count)
    status =
        mixent_fail(MIXENT_ERROR_FORMAT, "%s: %zu labels, but %s holds %zu images; get both from one source",
                    path, idx.extent[0], images_path, out->count);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(out->count, &out->labels);
  for (size_t i = 0; i < out->count && status == MIXENT_OK; i++) out->labels[i] = idx.bytes[i];
  free(idx.bytes);
  return status;
}

static mixent_status read_part(const mixent_dataset_files *files, mixent_dataset_part images_part,
                               mixent_images *out) {
  const char *images = files->path[images_part], *labels = files->path[images_part + 1];
  MIXENT_TRY(read_images(images, out));
  return read_labels(labels, images, out);
}

static void transpose_images(mixent_images *images) {
  size_t side = (size_t)images->side;
  for (size_t i = 0; i < images->count; i++) {
    uint8_t *image = images->pixels + i * side * side;
    for (size_t y = 0; y < side; y++)
      for (size_t x = y + 1; x < side; x++) {
        uint8_t swap = image[y * side + x];
        image[y * side + x] = image[x * side + y];
        image[x * side + y] = swap;
      }
  }
}

/* The distinct labels of train, sorted, become the classes 0..K-1. class_of[label] is -1 for the others. */
static mixent_status find_classes(const char *path, mixent_dataset *dataset, int class_of[LABELS]) {
  for (int label = 0; label < LABELS; label++) class_of[label] = -1;
  for (size_t i = 0; i < dataset->train.count; i++) class_of[dataset->train.labels[i]] = 0;
  MIXENT_TRY(MIXENT_ALLOCATE(LABELS, &dataset->labels));
  for (int label = 0; label < LABELS; label++)
    if (class_of[label] == 0) {
      class_of[label] = dataset->classes;
      dataset->labels[dataset->classes++] = label;
    }
  if (dataset->classes < 2)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: every label is %d; a classifier needs two or more", path,
                       (int)dataset->labels[0]);
  return MIXENT_OK;
}

static mixent_status apply_classes(const char *path, const mixent_dataset *dataset,
                                   const int class_of[LABELS], mixent_images *images) {
  for (size_t i = 0; i < images->count; i++) {
    int label = images->labels[i];
    if (class_of[label] < 0)
      return mixent_fail(
          MIXENT_ERROR_FORMAT,
          "%s: label %d (index %zu, from 0) does not occur among the %d labels of train, %d to %d; get "
          "train and test from one source",
          path, label, i, dataset->classes, (int)dataset->labels[0],
          (int)dataset->labels[dataset->classes - 1]);
    images->labels[i] = class_of[label];
  }
  return MIXENT_OK;
}

/* A mapping file has a line per label: the label, then the codes of the characters it stands for; the first
 * one names it (EMNIST-Letters: label, upper case, lower case). */
static mixent_status read_mapping(const char *path, char names[LABELS][2]) {
  char *text, *line, *rest;
  MIXENT_TRY(mixent_file_read(path, 1 << 20, &text, NULL));
  mixent_status status = MIXENT_OK;
  int number = 0;
  rest = text;
  while (status == MIXENT_OK && (line = strsep(&rest, "\n"))) {
    int label, code;
    number++;
    if (line[strspn(line, " \t\r")] == 0) continue;
    if (sscanf(line, "%d %d", &label, &code) != 2 || label < 0 || label >= LABELS || code <= ' ' ||
        code > '~')
      status = mixent_fail(
          MIXENT_ERROR_FORMAT,
          "%s:%d: not `label code` (0 to 255, and the code of a visible ASCII character); correct or "
          "remove the file",
          path, number);
    else
      names[label][0] = (char)code;
  }
  free(text);
  return status;
}

/* From the mapping file, else built in for a known set, else the label as a number. */
static mixent_status name_classes(const char *mapping, mixent_dataset *dataset) {
  const mixent_known_dataset *known = mixent_known_dataset_find(dataset->name);
  char mapped[LABELS][2] = {0};
  if (mapping) MIXENT_TRY(read_mapping(mapping, mapped));
  MIXENT_TRY(MIXENT_ALLOCATE(dataset->classes, &dataset->class_names));
  for (int k = 0; k < dataset->classes; k++) {
    int label = (int)dataset->labels[k], position = known ? label - known->first_label : -1;
    char number[16];
    const char *name = number;
    snprintf(number, sizeof number, "%d", label);
    if (mapped[label][0])
      name = mapped[label];
    else if (known && position >= 0 && position < known->label_count)
      name = known->label_names[position];
    dataset->class_names[k] = strdup(name);
    if (!dataset->class_names[k]) return mixent_fail(MIXENT_ERROR_MEMORY, "no memory for class names");
  }
  return MIXENT_OK;
}

/* FNV-1a over words of 8 bytes (little-endian, the last one filled up with zeros), with a fold so that high
 * bits count. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size) {
  for (size_t i = 0; i < size; i += 8) {
    uint64_t word = 0;
    memcpy(&word, (const uint8_t *)bytes + i, size - i < 8 ? size - i : 8);
    hash = (hash ^ le64toh(word)) * 0x100000001b3u;
    hash ^= hash >> 32;
  }
  return hash;
}

static uint64_t hash_number(uint64_t hash, uint64_t number) {
  number = htole64(number);
  return hash_bytes(hash, &number, sizeof number);
}

static uint64_t hash_images(uint64_t hash, const mixent_images *images) {
  hash = hash_number(hash, images->count);
  hash = hash_number(hash, (uint64_t)images->side);
  for (size_t i = 0; i < images->count; i++) hash = hash_number(hash, (uint64_t)images->labels[i]);
  return hash_bytes(hash, images->pixels, images->count * (size_t)images->side * (size_t)images->side);
}

static uint64_t fingerprint(const mixent_dataset *dataset) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (int k = 0; k < dataset->classes; k++) hash = hash_number(hash, (uint64_t)dataset->labels[k]);
  return hash_images(hash_images(hash, &dataset->train), &dataset->test);
}

static mixent_status read_files(const mixent_dataset_files *files, bool transpose, mixent_dataset *out) {
  int class_of[LABELS];
  const char *const *path = (const char *const *)files->path;
  MIXENT_TRY(read_part(files, MIXENT_TRAIN_IMAGES, &out->train));
  MIXENT_TRY(read_part(files, MIXENT_TEST_IMAGES, &out->test));
  if (out->train.side != out->test.side)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: images of side %d, but of side %d in %s; get both from one source",
                       path[MIXENT_TEST_IMAGES], out->test.side, out->train.side, path[MIXENT_TRAIN_IMAGES]);
  MIXENT_TRY(find_classes(path[MIXENT_TRAIN_LABELS], out, class_of));
  MIXENT_TRY(apply_classes(path[MIXENT_TRAIN_LABELS], out, class_of, &out->train));
  MIXENT_TRY(apply_classes(path[MIXENT_TEST_LABELS], out, class_of, &out->test));
  /* EMNIST is distributed with columns first */
  out->transposed = transpose || files->emnist || strncmp(out->name, "emnist", 6) == 0;
  if (out->transposed) {
    transpose_images(&out->train);
    transpose_images(&out->test);
  }
  MIXENT_TRY(name_classes(path[MIXENT_MAPPING], out));
  out->fingerprint = fingerprint(out);
  return MIXENT_OK;
}

/* The directory's own name, also for "." and "..". */
static char *own_name(const char *directory) {
  char resolved[PATH_MAX];
  size_t length = strlen(directory);
  while (length > 1 && directory[length - 1] == '/') length--;
  const char *begin = memrchr(directory, '/', length);
  begin = begin && length > 1 ? begin + 1 : directory;
  length -= (size_t)(begin - directory);
  if (strspn(begin, ".") < length) return strndup(begin, length);
  if (!realpath(directory, resolved)) return strdup(directory);
  const char *slash = strrchr(resolved, '/');
  return strdup(slash && slash[1] ? slash + 1 : resolved);
}

static mixent_status open_directory(bool transpose, mixent_dataset *out) {
  mixent_dataset_files files;
  out->name = own_name(out->directory);
  if (!out->name) return mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a name");
  MIXENT_TRY(mixent_dataset_files_find(out->directory, out->name, &files));
  mixent_status status = read_files(&files, transpose, out);
  mixent_dataset_files_free(&files);
  return status;
}

mixent_status mixent_dataset_open(const char *name_or_directory, const mixent_dataset_options *options,
                                  mixent_dataset **out) {
  mixent_dataset_options none = {0};
  *out = NULL;
  if (!options) options = &none;
  mixent_dataset *dataset;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &dataset));
  mixent_status status =
      mixent_dataset_locate(name_or_directory, options->data_directory, &dataset->directory);
  if (status == MIXENT_OK) status = open_directory(options->transpose, dataset);
  if (status == MIXENT_OK)
    *out = dataset;
  else
    mixent_dataset_free(dataset);
  return status;
}

static void free_images(mixent_images *images) {
  free(images->pixels);
  free(images->labels);
}

void mixent_dataset_free(mixent_dataset *dataset) {
  if (!dataset) return;
  free(dataset->name);
  free(dataset->directory);
  free_images(&dataset->train);
  free_images(&dataset->test);
  for (int k = 0; k < dataset->classes && dataset->class_names; k++) free(dataset->class_names[k]);
  free(dataset->class_names);
  free(dataset->labels);
  free(dataset);
}
