/* A trained model scored on a part of a data set. */
#include "core/layout.h"
#include "core/memory.h"
#include "core/status.h"
#include "model/evaluator.h"
#include "model/score.h"
#include "recipe/recipe.h"

#include <stdlib.h>

enum { SCORE_BATCH = 250 };

const char *const mixent_part_names[] = {"test", "validation", "train", NULL};

/* What the recipe held out is known of the data set of the training alone. */
static mixent_status check_part(const mixent_model *model, const mixent_dataset *dataset, mixent_part part) {
  if (part == MIXENT_PART_TEST || dataset->fingerprint == model->fingerprint) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "%s: its %s are not those the model was trained on (%s, checksum %016llx there, "
                     "%016llx here), so it has no %s part that training cut; score its test part",
                     dataset->directory, mixent_samples_name(dataset->train.features), model->data,
                     (unsigned long long)model->fingerprint, (unsigned long long)dataset->fingerprint,
                     mixent_part_names[part]);
}

/* Scores of no images would be numbers of nothing. */
static mixent_status check_count(const mixent_model *model, const mixent_dataset *dataset, mixent_part part,
                                 size_t count) {
  if (count) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_ARGUMENT,
      "%s: the model's recipe held no %s out of training, so it has no %s part; score its test part",
      model->data, mixent_samples_name(dataset->train.features), mixent_part_names[part]);
}

/* Room for what the job is to keep, and its labels. */
static mixent_status keep(mixent_score_job *job, mixent_predicted *predicted) {
  if (!predicted) return MIXENT_OK;
  predicted->images = job->count;
  MIXENT_TRY(MIXENT_ALLOCATE(job->count * job->classes, &predicted->logits));
  MIXENT_TRY(MIXENT_ALLOCATE(job->count, &predicted->labels));
  for (size_t i = 0; i < job->count; i++)
    predicted->labels[i] = job->images->labels[job->indices ? job->indices[i] : i];
  job->logits = predicted->logits;
  return MIXENT_OK;
}

static mixent_status score_part(const mixent_model *model, const mixent_recipe *recipe,
                                const mixent_dataset *dataset, mixent_part part, mixent_score_job job,
                                mixent_net *net, mixent_scores *out, mixent_predicted *predicted,
                                mixent_class_count *counts) {
  mixent_split split = {0};
  mixent_images train = {.labels = NULL};
  mixent_status status = MIXENT_OK;
  if (part == MIXENT_PART_TEST) {
    job.images = &dataset->test, job.count = dataset->test.count;
  } else {
    status = mixent_recipe_split(recipe, dataset, &split);
    if (status == MIXENT_OK) status = mixent_recipe_images(recipe, dataset, &train);
    bool trained = part == MIXENT_PART_TRAIN;
    job.images = &train;
    job.indices = trained ? split.train : split.validation;
    job.count = trained ? split.train_count : split.validation_count;
    if (status == MIXENT_OK) status = check_count(model, dataset, part, job.count);
  }
  const mixent_loss_moment loss = {
      .options = mixent_recipe_loss(recipe), .state = model->loss, .epoch = model->epoch};
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(job.batch, &job.batch_indices);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(job.batch, &job.batch_labels);
  if (status == MIXENT_OK) status = keep(&job, predicted);
  if (status == MIXENT_OK && !counts) status = MIXENT_ALLOCATE(job.classes, &job.counts);
  if (counts) job.counts = counts;
  mixent_score_sums sums = {0};
  if (status == MIXENT_OK) status = mixent_score_images(net, &job, &loss, &sums);
  *out = mixent_score_result(&sums);
  if (status == MIXENT_OK) mixent_score_by_class(job.counts, job.classes, dataset->class_names, out);
  if (!counts) free(job.counts);
  free(job.batch_indices);
  free(job.batch_labels);
  free(train.labels);
  mixent_split_free(&split);
  return status;
}

static mixent_status read_recipe(const mixent_model *model, mixent_recipe *out) {
  return mixent_recipe_parse(model->recipe, "the recipe in the checkpoint", "checkpoint", NULL, 0, out);
}

mixent_status mixent_model_score_keeping(const mixent_model *model, const mixent_dataset *dataset,
                                         mixent_part part, mixent_precision precision, int views,
                                         const mixent_scoring_watch *watch, mixent_scores *out,
                                         mixent_predicted *predicted, mixent_class_count *counts) {
  MIXENT_NEED(out);
  mixent_recipe recipe;
  mixent_evaluator evaluator;
  MIXENT_TRY(mixent_model_check_dataset(model, dataset));
  MIXENT_TRY(check_part(model, dataset, part));
  MIXENT_TRY(read_recipe(model, &recipe));
  MIXENT_TRY(mixent_evaluator_create(model, SCORE_BATCH, precision, &evaluator));
  const mixent_score_job job = {.mean = model->mean,
                                .deviation = model->deviation,
                                .batch = SCORE_BATCH,
                                .classes = (size_t)model->classes,
                                .temperature = mixent_model_temperature(model),
                                .views = views ? views : (int)recipe.test_views,
                                .watch = watch ? *watch : (mixent_scoring_watch){0}};
  mixent_status status =
      score_part(model, &recipe, dataset, part, job, evaluator.net, out, predicted, counts);
  mixent_evaluator_free(&evaluator);
  return status;
}

mixent_status mixent_model_score(const mixent_model *model, const mixent_dataset *dataset, mixent_part part,
                                 mixent_precision precision, int views, const mixent_scoring_watch *watch,
                                 mixent_scores *out) {
  return mixent_model_score_keeping(model, dataset, part, precision, views, watch, out, NULL, NULL);
}

mixent_status mixent_model_views(const mixent_model *model, int *out) {
  MIXENT_NEED(out);
  MIXENT_TRY(mixent_model_check(model));
  mixent_recipe recipe;
  MIXENT_TRY(read_recipe(model, &recipe));
  *out = (int)recipe.test_views;
  return MIXENT_OK;
}
