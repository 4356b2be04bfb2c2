/* A data set of a caller's arrays: all of it is checked before it is used, as what files hold is. */
#include "core/memory.h"
#include "data/check.h"
#include "data/dataset.h"
#include "data/formats/format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NAME = 64 };

static const char default_name[] = "arrays";

static mixent_status check_name(const char *name) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  size_t length = strlen(name);
  if (length > 0 && length <= MOST_NAME && strspn(name, allowed) == length) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "the name of a data set: expected 1 to %d letters, digits, '.', '_' or '-', got '%.80s'",
                     MOST_NAME, name);
}

static mixent_status check_features(const char *part, const mixent_images *images) {
  size_t channels = (size_t)images->channels;
  for (size_t i = 0; i < images->count * channels; i++)
    if (!(fabs((double)images->features[i]) <= MIXENT_LARGEST_FEATURE))
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "%s: feature %zu of row %zu is %g; expected finite numbers of at most %g", part,
                         i % channels, i / channels, (double)images->features[i], MIXENT_LARGEST_FEATURE);
  return MIXENT_OK;
}

static mixent_status check_shape(const char *part, const mixent_images *images) {
  bool table = images->features != NULL;
  if (images->count < 1 || images->count > UINT32_MAX)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: expected 1 to %u images or rows, got %zu", part,
                       UINT32_MAX, images->count);
  if (images->mapping)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: expected NULL as mapping of images in memory", part);
  if (table && images->channels > MIXENT_MOST_FEATURES)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: expected 1 to %d features, got %d", part,
                       MIXENT_MOST_FEATURES, images->channels);
  if (!table && (images->side < MIXENT_LEAST_SIDE || images->side > MIXENT_MOST_SIDE))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: expected images of side %d to %d, got %d", part,
                       MIXENT_LEAST_SIDE, MIXENT_MOST_SIDE, images->side);
  if (!table && images->channels != 1 && images->channels != 3)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: expected images of 1 or 3 channels, got %d", part,
                       images->channels);
  return MIXENT_OK;
}

static mixent_status check_labels(const char *part, const mixent_images *images, int classes) {
  for (size_t i = 0; i < images->count; i++)
    if (images->labels[i] < 0 || images->labels[i] >= classes)
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: label %zu is %d; expected 0 to %d", part, i,
                         images->labels[i], classes - 1);
  return MIXENT_OK;
}

static mixent_status check_part(const char *part, const mixent_images *images, int classes) {
  mixent_status status = mixent_images_check(images, true);
  if (status != MIXENT_OK) return mixent_fail_within(status, "%s", part);
  MIXENT_TRY(check_shape(part, images));
  MIXENT_TRY(check_labels(part, images, classes));
  return images->features ? check_features(part, images) : MIXENT_OK;
}

/* A class that is in no image to train on cannot be learned. */
static mixent_status check_classes_occur(const mixent_dataset_arrays *arrays) {
  bool *seen;
  int missing = -1;
  MIXENT_TRY(MIXENT_ALLOCATE(arrays->classes, &seen));
  for (size_t i = 0; i < arrays->train.count - arrays->validation_count; i++)
    seen[arrays->train.labels[i]] = true;
  for (int k = arrays->classes - 1; k >= 0; k--)
    if (!seen[k]) missing = k;
  free(seen);
  if (missing < 0) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "train: no image or row has the label %d; expected each of 0 to %d", missing,
                     arrays->classes - 1);
}

static mixent_status check_names(const char *what, const char *const *names, int count) {
  for (int i = 0; names && i < count; i++) {
    if (!names[i]) return mixent_fail(MIXENT_ERROR_ARGUMENT, "the name of %s %d is NULL", what, i);
    if (mixent_name_check("the arrays", what, names[i]) != MIXENT_OK) return MIXENT_ERROR_ARGUMENT;
  }
  return MIXENT_OK;
}

static mixent_status check_arrays(const mixent_dataset_arrays *arrays) {
  const mixent_images *train = &arrays->train, *test = &arrays->test;
  if (arrays->name) MIXENT_TRY(check_name(arrays->name));
  if (arrays->classes < 2 || arrays->classes > MIXENT_MOST_LABELS)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "classes: expected 2 to %d, got %d", MIXENT_MOST_LABELS,
                       arrays->classes);
  MIXENT_TRY(check_part("train", train, arrays->classes));
  MIXENT_TRY(check_part("test", test, arrays->classes));
  if (train->side != test->side || train->channels != test->channels || !train->pixels != !test->pixels)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "expected train and test of one shape, got side %d and %d, channels %d and %d",
                       train->side, test->side, train->channels, test->channels);
  if (arrays->validation_count >= train->count)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "validation_count: expected fewer than the %zu of train, got %zu", train->count,
                       arrays->validation_count);
  MIXENT_TRY(check_names("class", arrays->class_names, arrays->classes));
  MIXENT_TRY(check_names("feature", arrays->feature_names, train->channels));
  return check_classes_occur(arrays);
}

/* The caller's pixels or features with labels of their own. */
static mixent_status borrow_images(const mixent_images *from, mixent_images *out) {
  *out = (mixent_images){.count = from->count,
                         .side = from->side,
                         .channels = from->channels,
                         .pixels = from->pixels,
                         .features = from->features};
  MIXENT_TRY(MIXENT_ALLOCATE(from->count, &out->labels));
  memcpy(out->labels, from->labels, from->count * sizeof *out->labels);
  return MIXENT_OK;
}

static mixent_status copy_names(const char *const *names, int count, char ***out) {
  MIXENT_TRY(MIXENT_ALLOCATE(count, out));
  for (int i = 0; i < count; i++)
    MIXENT_TRY(names ? mixent_copy_text(names[i], &(*out)[i]) : mixent_print_text(&(*out)[i], "%d", i));
  return MIXENT_OK;
}

static mixent_status fill(const mixent_dataset_arrays *arrays, mixent_dataset *out) {
  out->borrowed = true;
  out->classes = arrays->classes;
  out->validation_count = arrays->validation_count;
  MIXENT_TRY(borrow_images(&arrays->train, &out->train));
  MIXENT_TRY(borrow_images(&arrays->test, &out->test));
  MIXENT_TRY(mixent_copy_text(arrays->name ? arrays->name : default_name, &out->name));
  MIXENT_TRY(mixent_copy_text("memory", &out->directory));
  MIXENT_TRY(copy_names(arrays->class_names, arrays->classes, &out->class_names));
  if (arrays->feature_names)
    MIXENT_TRY(copy_names(arrays->feature_names, arrays->train.channels, &out->feature_names));
  MIXENT_TRY(MIXENT_ALLOCATE(arrays->classes, &out->labels));
  for (int k = 0; k < arrays->classes; k++) out->labels[k] = k;
  out->fingerprint = mixent_dataset_fingerprint(out);
  return MIXENT_OK;
}

mixent_status mixent_dataset_borrow(const mixent_dataset_arrays *arrays, mixent_dataset **out) {
  MIXENT_NEED(arrays);
  MIXENT_NEED(out);
  *out = NULL;
  MIXENT_TRY(check_arrays(arrays));
  mixent_dataset *dataset;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &dataset));
  mixent_status status = fill(arrays, dataset);
  if (status == MIXENT_OK)
    *out = dataset;
  else
    mixent_dataset_free(dataset);
  return status;
}
