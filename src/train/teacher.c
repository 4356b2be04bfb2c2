/* Teachers: models that are kept ready, and the mean of what they say. */
#include "train/teacher.h"
#include "core/memory.h"
#include "core/status.h"
#include "core/threads.h"
#include "model/evaluator.h"
#include "model/softmax.h"
#include "train/plan_source.h"

#include <stdlib.h>
#include <string.h>

struct mixent_teachers {
  size_t count, rows, classes, pixels, channels; /* pixels: of an image */
  double temperature;
  mixent_model **models;        /* [count] */
  mixent_evaluator *evaluators; /* [count] */
  float *said, *one;            /* [rows, classes] of all, [classes] of one row of one */
  uint32_t *indices;            /* [rows] */
};

static mixent_status open_one(mixent_teachers *teachers, size_t t, const char *path,
                              const mixent_recipe *recipe, const mixent_dataset *dataset) {
  mixent_status status = mixent_model_open(path, &teachers->models[t]);
  if (status == MIXENT_OK) status = mixent_model_check_dataset(teachers->models[t], dataset);
  if (status == MIXENT_OK)
    status = mixent_evaluator_create(teachers->models[t], (int)teachers->rows,
                                     mixent_recipe_precision(recipe), &teachers->evaluators[t]);
  return status == MIXENT_OK ? status : mixent_fail_within(status, "teacher %s", path);
}

static mixent_status open_all(mixent_teachers *teachers, const char *const *paths, size_t count,
                              const mixent_recipe *recipe, const mixent_dataset *dataset) {
  MIXENT_TRY(MIXENT_ALLOCATE(count, &teachers->models));
  MIXENT_TRY(MIXENT_ALLOCATE(count, &teachers->evaluators));
  MIXENT_TRY(MIXENT_ALLOCATE(teachers->rows * teachers->classes, &teachers->said));
  MIXENT_TRY(MIXENT_ALLOCATE(teachers->classes, &teachers->one));
  MIXENT_TRY(MIXENT_ALLOCATE(teachers->rows, &teachers->indices));
  while (teachers->count < count) {
    size_t t = teachers->count++;
    MIXENT_TRY(open_one(teachers, t, paths[t], recipe, dataset));
  }
  return MIXENT_OK;
}

mixent_status mixent_teachers_open(const mixent_recipe *recipe, const char *const *paths, size_t count,
                                   const mixent_dataset *dataset, size_t rows, mixent_teachers **out) {
  const mixent_images *images = &dataset->train;
  MIXENT_TRY(MIXENT_ALLOCATE(1, out));
  **out = (mixent_teachers){.rows = rows,
                            .classes = (size_t)dataset->classes,
                            .pixels = (size_t)images->side * (size_t)images->side,
                            .channels = (size_t)images->channels,
                            .temperature = recipe->distill_temperature};
  mixent_status status = open_all(*out, paths, count, recipe, dataset);
  if (status == MIXENT_OK) return MIXENT_OK;
  mixent_teachers_free(*out);
  *out = NULL;
  return status;
}

void mixent_teachers_free(mixent_teachers *teachers) {
  if (!teachers) return;
  for (size_t t = 0; t < teachers->count; t++) {
    mixent_evaluator_free(&teachers->evaluators[t]);
    mixent_model_free(teachers->models[t]);
  }
  free(teachers->models);
  free(teachers->evaluators);
  free(teachers->said);
  free(teachers->one);
  free(teachers->indices);
  free(teachers);
}

/* Runs teacher t on the input that is in its net, and adds its part of the mean of the first `rows` rows to `said`. */
static mixent_status add_answers(mixent_teachers *teachers, size_t t, size_t rows) {
  mixent_net *net = teachers->evaluators[t].net;
  MIXENT_TRY(mixent_net_forward(net, MIXENT_EVALUATE, 0, 0));
  const float *logits = mixent_net_logits(net);
  for (size_t i = 0; i < rows * teachers->classes; i += teachers->classes) {
    for (size_t k = 0; k < teachers->classes; k++)
      teachers->one[k] = (float)((double)logits[i + k] / teachers->temperature);
    mixent_softmax(teachers->one, teachers->classes, teachers->one);
    for (size_t k = 0; k < teachers->classes; k++)
      teachers->said[i + k] += teachers->one[k] / (float)teachers->count;
  }
  return MIXENT_OK;
}

static void forget(mixent_teachers *teachers) {
  memset(teachers->said, 0, teachers->rows * teachers->classes * sizeof *teachers->said);
}

mixent_status mixent_teachers_ask_images(mixent_teachers *teachers, const mixent_images *images,
                                         const mixent_split *split, float **out) {
  float *all;
  MIXENT_TRY(MIXENT_ALLOCATE(images->count * teachers->classes, &all));
  mixent_status status = MIXENT_OK;
  for (size_t begin = 0; begin < split->train_count && status == MIXENT_OK; begin += teachers->rows) {
    size_t rows = split->train_count - begin < teachers->rows ? split->train_count - begin : teachers->rows;
    for (size_t i = 0; i < teachers->rows; i++)
      teachers->indices[i] = split->train[begin + (i < rows ? i : 0)];
    forget(teachers);
    for (size_t t = 0; t < teachers->count && status == MIXENT_OK; t++) {
      const mixent_model *model = teachers->models[t];
      mixent_batch_view(images, teachers->indices, teachers->rows, 0, model->mean, model->deviation,
                        mixent_net_input(teachers->evaluators[t].net));
      status = add_answers(teachers, t, rows);
    }
    for (size_t i = 0; i < rows; i++)
      memcpy(all + teachers->indices[i] * teachers->classes, teachers->said + i * teachers->classes,
             teachers->classes * sizeof *all);
  }
  if (status == MIXENT_OK)
    *out = all;
  else
    free(all);
  return status;
}

/* From one normalisation to another. */
typedef struct change {
  const float *from, *mean, *deviation, *to_mean, *to_deviation;
  float *to;
  size_t channels;
} change;

static void change_pixels(void *context, size_t begin, size_t end) {
  const change *c = context;
  for (size_t i = begin * c->channels; i < end * c->channels; i += c->channels)
    for (size_t k = 0; k < c->channels; k++)
      c->to[i + k] = (c->from[i + k] * c->deviation[k] + c->mean[k] - c->to_mean[k]) / c->to_deviation[k];
}

mixent_status mixent_teachers_ask_batch(mixent_teachers *teachers, const float *input, const float *mean,
                                        const float *deviation, const float **out) {
  enum { GRAIN = 4096 };
  forget(teachers);
  for (size_t t = 0; t < teachers->count; t++) {
    const mixent_model *model = teachers->models[t];
    change change = {.from = input,
                     .mean = mean,
                     .deviation = deviation,
                     .to_mean = model->mean,
                     .to_deviation = model->deviation,
                     .to = mixent_net_input(teachers->evaluators[t].net),
                     .channels = teachers->channels};
    mixent_parallel_for(teachers->rows * teachers->pixels, GRAIN, change_pixels, &change);
    MIXENT_TRY(add_answers(teachers, t, teachers->rows));
  }
  *out = teachers->said;
  return MIXENT_OK;
}
