/* Findings gathered: from the data set itself, and from what runs say of images that they held out. */
#include "lab/inspect/check.h"
#include "core/file.h"
#include "core/layout.h"
#include "recipe/recipe.h"
#include "run/directory.h"
#include "run/predictions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

mixent_status mixent_out_of_sample_make(const mixent_dataset *dataset, mixent_out_of_sample *out) {
  *out = (mixent_out_of_sample){.images = dataset->train.count, .classes = (size_t)dataset->classes};
  mixent_status status = MIXENT_ALLOCATE(out->images * out->classes, &out->sums);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(out->images, &out->models);
  if (status != MIXENT_OK) mixent_out_of_sample_free(out);
  return status;
}

void mixent_out_of_sample_free(mixent_out_of_sample *out) {
  free(out->sums);
  free(out->models);
  *out = (mixent_out_of_sample){0};
}

static void add_softmax(const float *logits, size_t classes, double *sums) {
  double largest = (double)logits[0], all = 0;
  for (size_t k = 1; k < classes; k++) largest = fmax(largest, (double)logits[k]);
  for (size_t k = 0; k < classes; k++) all += exp((double)logits[k] - largest);
  for (size_t k = 0; k < classes; k++) sums[k] += exp((double)logits[k] - largest) / all;
}

static bool is_same_data(const mixent_dataset *dataset, const mixent_run_predictions *predictions,
                         const mixent_split *split) {
  bool same = predictions->classes == (size_t)dataset->classes &&
              predictions->validation.images == split->validation_count;
  for (size_t k = 0; same && k < predictions->classes; k++)
    same = strcmp(predictions->class_names[k], dataset->class_names[k]) == 0;
  return same;
}

/* Without label noise of the recipe the labels are those of the data set. */
static bool has_same_labels(const mixent_recipe *recipe, const mixent_dataset *dataset,
                            const mixent_predicted *predicted, const mixent_split *split) {
  for (size_t i = 0; recipe->noise_fraction == 0 && i < predicted->images; i++)
    if (predicted->labels[i] != dataset->train.labels[split->validation[i]]) return false;
  return true;
}

static mixent_status add_predictions(const mixent_dataset *dataset, const char *run,
                                     const mixent_recipe *recipe, const mixent_run_predictions *predictions,
                                     mixent_out_of_sample *out) {
  mixent_split split;
  MIXENT_TRY(mixent_recipe_split(recipe, dataset, &split));
  const mixent_predicted *said = &predictions->validation;
  mixent_status status = MIXENT_OK;
  if (!said->images)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "%s: it held no images out, so it says nothing of images that it "
                         "was not trained on",
                         run);
  else if (!is_same_data(dataset, predictions, &split) || !has_same_labels(recipe, dataset, said, &split))
    status = mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "%s: its held-out %s are not those of %s; check the data that it was "
                         "trained on",
                         run, mixent_samples_name(dataset->train.features), dataset->name);
  for (size_t i = 0; i < said->images && status == MIXENT_OK; i++) {
    size_t image = split.validation[i];
    add_softmax(said->logits + i * out->classes, out->classes, out->sums + image * out->classes);
    out->models[image]++;
  }
  mixent_split_free(&split);
  return status;
}

mixent_status mixent_out_of_sample_add(const mixent_dataset *dataset, const char *run,
                                       mixent_out_of_sample *out) {
  mixent_recipe recipe;
  mixent_run_directory files;
  mixent_run_predictions predictions = {0};
  MIXENT_TRY(mixent_run_directory_name(run, &files));
  mixent_status status = mixent_recipe_load(files.recipe, &recipe);
  if (status == MIXENT_OK) status = mixent_run_predictions_read(files.predictions, &predictions);
  mixent_run_directory_close(&files);
  if (status == MIXENT_OK) status = add_predictions(dataset, run, &recipe, &predictions, out);
  mixent_run_predictions_free(&predictions);
  return status;
}

mixent_status mixent_data_check_make(const mixent_dataset *dataset, const mixent_broken_files *broken,
                                     double near, mixent_data_check *out) {
  *out =
      (mixent_data_check){.dataset = dataset, .broken = broken, .near = dataset->train.features ? 0 : near};
  return mixent_dataset_inspect(dataset, near, &out->found);
}

/* The rows of images that something is said of: probabilities [judged, classes], labels and which images they are. */
static void gather(const mixent_out_of_sample *said, const mixent_dataset *dataset, double *probabilities,
                   int32_t *labels, size_t *images, size_t *judged) {
  for (size_t i = 0; i < said->images; i++) {
    if (!said->models[i]) continue;
    for (size_t k = 0; k < said->classes; k++)
      probabilities[*judged * said->classes + k] = said->sums[i * said->classes + k] / said->models[i];
    labels[*judged] = dataset->train.labels[i];
    images[(*judged)++] = i;
  }
}

mixent_status mixent_data_check_judge(const mixent_out_of_sample *said, mixent_data_check *out) {
  double *probabilities = NULL;
  int32_t *labels = NULL;
  size_t *images = NULL;
  mixent_status status = MIXENT_ALLOCATE(said->images * said->classes, &probabilities);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(said->images, &labels);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(said->images, &images);
  if (status == MIXENT_OK) {
    gather(said, out->dataset, probabilities, labels, images, &out->judged);
    status = mixent_label_errors_find(probabilities, labels, out->judged, said->classes, &out->errors,
                                      &out->error_count);
  }
  for (size_t i = 0; status == MIXENT_OK && i < out->error_count; i++)
    out->errors[i].item = images[out->errors[i].item];
  free(probabilities);
  free(labels);
  free(images);
  return status;
}

void mixent_data_check_free(mixent_data_check *check) {
  mixent_inspection_free(&check->found);
  free(check->errors);
  *check = (mixent_data_check){0};
}

double mixent_data_check_imbalance(const mixent_data_check *check) {
  size_t least = SIZE_MAX, most = 0;
  for (int k = 0; k < check->dataset->classes; k++) {
    size_t count = check->found.counts[0][k];
    if (count < least) least = count;
    if (count > most) most = count;
  }
  return least ? (double)most / (double)least : HUGE_VAL;
}
