/* Opening a data set: found, read by its format, images upright, classes 0..K-1, their names, the fingerprint.
 */
#include "data/dataset.h"
#include "core/file.h"
#include "core/layout.h"
#include "core/memory.h"
#include "core/unicode.h"
#include "data/encoder.h"
#include "data/find.h"
#include "data/formats/format.h"
#include "data/mapping.h"

#include <endian.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABELS = MIXENT_MOST_LABELS };

const char *const mixent_fit_names[] = {"crop", "pad", "stretch", NULL};
const char *const mixent_background_names[] = {"contrast", "black", NULL};

static void swap_pixels(uint8_t *a, uint8_t *b, size_t channels) {
  for (size_t k = 0; k < channels; k++) {
    uint8_t swap = a[k];
    a[k] = b[k];
    b[k] = swap;
  }
}

static void transpose_images(mixent_images *images) {
  size_t side = (size_t)images->side, channels = (size_t)images->channels;
  for (size_t i = 0; i < images->count; i++) {
    uint8_t *image = images->pixels + i * side * side * channels;
    for (size_t y = 0; y < side; y++)
      for (size_t x = y + 1; x < side; x++)
        swap_pixels(image + (y * side + x) * channels, image + (x * side + y) * channels, channels);
  }
}

/* The distinct labels of train, sorted, become the classes 0..K-1. class_of[label] is -1 for the others. */
static mixent_status find_classes(const char *path, char *const *names, mixent_dataset *dataset,
                                  int class_of[LABELS]) {
  for (int label = 0; label < LABELS; label++) class_of[label] = -1;
  for (size_t i = 0; i < dataset->train.count; i++) class_of[dataset->train.labels[i]] = 0;
  MIXENT_TRY(MIXENT_ALLOCATE(LABELS, &dataset->labels));
  for (int label = 0; label < LABELS; label++)
    if (class_of[label] == 0) {
      class_of[label] = dataset->classes;
      dataset->labels[dataset->classes++] = label;
    }
  if (dataset->classes > 1) return MIXENT_OK;
  int only = (int)dataset->labels[0];
  if (names[only])
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: every label is '%.80s'; a classifier needs two classes or more", path,
                       names[only]);
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: every label is %d; a classifier needs two classes or more",
                     path, only);
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

mixent_status mixent_name_check(const char *origin, const char *what, const char *name) {
  char shown[64];
  bool text = true;
  snprintf(shown, sizeof shown, "%s", name);
  for (char *letter = shown; *letter; letter++)
    if ((unsigned char)*letter < 0x20 || (unsigned char)*letter >= 0x7f) *letter = '?';
  for (const char *at = name; *at && text; at += mixent_character_size(at))
    text = mixent_character_size(at) > 0 && (unsigned char)*at >= 0x20 && *at != 0x7f;
  if (text) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: the name of the %s '%s' is not UTF-8, or has a control character; rename it",
                     origin, what, shown);
}

/* From the data set's own files, else built in for a known set, else the label as a number. */
static mixent_status name_classes(char *const *given, mixent_dataset *dataset) {
  const mixent_known_dataset *known = mixent_known_dataset_find(dataset->name);
  MIXENT_TRY(MIXENT_ALLOCATE(dataset->classes, &dataset->class_names));
  for (int k = 0; k < dataset->classes; k++) {
    int label = (int)dataset->labels[k], position = known ? label - known->first_label : -1;
    char number[16];
    const char *name = number;
    snprintf(number, sizeof number, "%d", label);
    if (given[label])
      name = given[label];
    else if (known && position >= 0 && position < known->label_count)
      name = known->label_names[position];
    MIXENT_TRY(mixent_name_check(dataset->directory, "class", name));
    MIXENT_TRY(mixent_copy_text(name, &dataset->class_names[k]));
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
  size_t side = (size_t)images->side, values = images->count * side * side * (size_t)images->channels;
  if (images->features) return hash_bytes(hash, images->features, values * sizeof *images->features);
  enum { PIECE = 1 << 20 }; /* bytes, a multiple of a word */
  for (size_t begin = 0; begin < values; begin += PIECE) {
    size_t bytes = values - begin < PIECE ? values - begin : PIECE;
    hash = hash_bytes(hash, images->pixels + begin, bytes);
    mixent_images_were_read(images, bytes / (values / images->count));
  }
  return hash;
}

uint64_t mixent_dataset_fingerprint(const mixent_dataset *dataset) {
  uint64_t hash = 0xcbf29ce484222325u;
  if (dataset->validation_count) hash = hash_number(hash, dataset->validation_count);
  for (int k = 0; k < dataset->classes; k++) hash = hash_number(hash, (uint64_t)dataset->labels[k]);
  return hash_images(hash_images(hash, &dataset->train), &dataset->test);
}

/* Puts the set's own validation part behind its train images. */
static mixent_status append_validation(mixent_images *validation, mixent_dataset *out) {
  mixent_images *train = &out->train;
  size_t size = (size_t)train->side * (size_t)train->side * (size_t)train->channels,
         count = train->count + validation->count;
  if (!validation->count) return MIXENT_OK;
  MIXENT_TRY(MIXENT_RESIZE(&train->labels, count, "images"));
  memcpy(train->labels + train->count, validation->labels, validation->count * sizeof *train->labels);
  if (train->features) {
    MIXENT_TRY(mixent_resize((void **)&train->features, size * sizeof *train->features, count, "rows"));
    memcpy(train->features + train->count * size, validation->features,
           validation->count * size * sizeof *train->features);
  } else if (!train->mapping) { /* where it stands behind them already */
    MIXENT_TRY(mixent_resize((void **)&train->pixels, size, count, "images"));
    memcpy(train->pixels + train->count * size, validation->pixels, validation->count * size);
  }
  if (train->files) {
    MIXENT_TRY(MIXENT_RESIZE(&train->files, count, "images"));
    memcpy(train->files + train->count, validation->files, validation->count * sizeof *train->files);
    memset(validation->files, 0, validation->count * sizeof *validation->files);
  }
  train->count = count, out->validation_count = validation->count;
  return MIXENT_OK;
}

/* The columns of a table become features: as the model's encoder says, or the set's own, which the train rows then fit. */
static mixent_status encode(const mixent_dataset_options *options, mixent_format_set *set,
                            mixent_dataset *out) {
  const mixent_encoder *encoder = options->encoder ? options->encoder : set->encoder;
  if (!set->encoder) return MIXENT_OK;
  if (!options->encoder)
    MIXENT_TRY(mixent_encoder_fit(set->encoder, set->train_origin, &out->train, &out->test));
  if (!mixent_encoder_is_plain(encoder)) {
    MIXENT_TRY(mixent_encoder_apply(encoder, set->train_origin, &out->train));
    MIXENT_TRY(mixent_encoder_apply(encoder, set->test_origin, &out->test));
    if (set->validation.count) MIXENT_TRY(mixent_encoder_apply(encoder, set->train_origin, &set->validation));
    out->encoder = set->encoder;
    set->encoder = NULL;
  }
  if (!out->encoder && !encoder->header) return MIXENT_OK;
  return mixent_encoder_names(encoder, out->train.channels, &out->feature_names);
}

/* Takes over the images of a set that was read. */
static mixent_status take_set(mixent_format_set *set, const mixent_dataset_options *options,
                              mixent_dataset *out) {
  int class_of[LABELS];
  out->train = set->train;
  out->test = set->test;
  out->note = set->note;
  set->note = NULL;
  out->cut = set->one_part;
  out->pictures = set->pictures;
  out->fit = options->fit, out->background = options->background;
  set->train = set->test = (mixent_images){0};
  MIXENT_TRY(find_classes(set->train_origin, set->label_names, out, class_of));
  MIXENT_TRY(apply_classes(set->train_origin, out, class_of, &out->train));
  MIXENT_TRY(apply_classes(set->test_origin, out, class_of, &out->test));
  MIXENT_TRY(apply_classes(set->train_origin, out, class_of, &set->validation));
  if (out->cut && !out->test.count) MIXENT_TRY(mixent_images_cut(&out->train, out->classes, &out->test));
  MIXENT_TRY(encode(options, set, out));
  MIXENT_TRY(append_validation(&set->validation, out));
  if (options->transpose && out->train.mapping)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "transpose: images that are read from a file as they are needed cannot be turned; raise memory_limit");
  out->transposed = (options->transpose || set->transposed) && !out->train.features;
  if (out->transposed) {
    transpose_images(&out->train);
    transpose_images(&out->test);
  }
  MIXENT_TRY(name_classes(set->label_names, out));
  out->fingerprint = mixent_dataset_fingerprint(out);
  return MIXENT_OK;
}

mixent_status mixent_dataset_own_name(const char *directory, char **out) {
  char resolved[PATH_MAX];
  size_t length = strlen(directory);
  while (length > 1 && directory[length - 1] == '/') length--;
  const char *begin = memrchr(directory, '/', length);
  begin = begin && length > 1 ? begin + 1 : directory;
  length -= (size_t)(begin - directory);
  if (mixent_is_file(directory))
    return mixent_copy_start(begin, length - mixent_format_ending_length(begin), out);
  if (strspn(begin, ".") < length) return mixent_copy_start(begin, length, out);
  if (!realpath(directory, resolved)) return mixent_copy_text(directory, out);
  const char *slash = strrchr(resolved, '/');
  return mixent_copy_text(slash && slash[1] ? slash + 1 : resolved, out);
}

static mixent_status open_directory(const mixent_dataset_options *options, mixent_dataset *out) {
  const mixent_format *format;
  mixent_format_set set = {0};
  MIXENT_TRY(mixent_dataset_own_name(out->directory, &out->name));
  MIXENT_TRY(mixent_format_find(out->directory, out->name, &format));
  mixent_status status = format->read(out->directory, out->name, options, &set);
  if (status == MIXENT_OK) status = take_set(&set, options, out);
  mixent_format_set_free(&set);
  return status;
}

mixent_status mixent_dataset_open(const char *name_or_directory, const mixent_dataset_options *options,
                                  mixent_dataset **out) {
  MIXENT_NEED(name_or_directory);
  MIXENT_NEED(out);
  mixent_dataset_options none = {0};
  *out = NULL;
  if (!options) options = &none;
  if (options->side && (options->side < MIXENT_LEAST_SIDE || options->side > MIXENT_MOST_SIDE))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "side: expected 0 or %d to %d, got %d", MIXENT_LEAST_SIDE,
                       MIXENT_MOST_SIDE, options->side);
  mixent_dataset *dataset;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &dataset));
  mixent_status status =
      mixent_dataset_locate(name_or_directory, options->data_directory, &dataset->directory);
  if (status == MIXENT_OK) status = open_directory(options, dataset);
  if (status == MIXENT_OK)
    *out = dataset;
  else
    mixent_dataset_free(dataset);
  return status;
}

void mixent_dataset_free(mixent_dataset *dataset) {
  if (!dataset) return;
  free(dataset->name);
  free(dataset->directory);
  free(dataset->note);
  for (int k = 0; k < dataset->train.channels && dataset->feature_names; k++) free(dataset->feature_names[k]);
  free(dataset->feature_names);
  mixent_encoder_free(dataset->encoder);
  if (dataset->borrowed)
    dataset->train.pixels = dataset->test.pixels = NULL,
    dataset->train.features = dataset->test.features = NULL;
  mixent_images_free(&dataset->train);
  mixent_images_free(&dataset->test);
  for (int k = 0; k < dataset->classes && dataset->class_names; k++) free(dataset->class_names[k]);
  free(dataset->class_names);
  free(dataset->labels);
  free(dataset);
}
