/* What images and a data set must have, whoever filled them in. */
#include "data/check.h"

mixent_status mixent_images_check(const mixent_images *images, bool labelled) {
  MIXENT_NEED(images);
  if (images->side < 1 || images->channels < 1)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "images: expected a side and channels of at least 1, got %d and %d", images->side,
                       images->channels);
  if (images->count == 0) return MIXENT_OK;
  if (!images->pixels == !images->features)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "images: expected either pixels or features, got %s",
                       images->pixels ? "both" : "neither");
  if (images->features && images->side != 1)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "images: expected side 1 of rows of features, got %d",
                       images->side);
  if (labelled) MIXENT_NEED(images->labels);
  return MIXENT_OK;
}

mixent_status mixent_dataset_check(const mixent_dataset *dataset) {
  MIXENT_NEED(dataset);
  MIXENT_NEED(dataset->name);
  MIXENT_NEED(dataset->directory);
  MIXENT_NEED(dataset->class_names);
  MIXENT_NEED(dataset->labels);
  MIXENT_TRY(mixent_images_check(&dataset->train, true));
  MIXENT_TRY(mixent_images_check(&dataset->test, true));
  const mixent_images *train = &dataset->train, *test = &dataset->test;
  if (train->side != test->side || train->channels != test->channels)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%s: expected one shape, got train images of %dx%dx%d and test images of %dx%dx%d",
                       dataset->name, train->side, train->side, train->channels, test->side, test->side,
                       test->channels);
  if (train->count && test->count && !train->pixels != !test->pixels)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%s: expected pixels or features in train and test, got one of each", dataset->name);
  if (dataset->validation_count && dataset->validation_count >= train->count)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%s: validation_count: expected fewer than the %zu of train, got %zu", dataset->name,
                       train->count, dataset->validation_count);
  for (int k = 0; k < dataset->classes; k++) MIXENT_NEED(dataset->class_names[k]);
  for (int k = 0; dataset->feature_names && k < dataset->train.channels; k++)
    MIXENT_NEED(dataset->feature_names[k]);
  return MIXENT_OK;
}
