/* Teachers asked one after another, a batch of images at a time. */
#include "train/teacher.h"
#include "core/memory.h"
#include "core/status.h"
#include "mixent/model.h"
#include "train/plan_source.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 250 };

/* What is asked, and where the answers go. */
typedef struct question {
  const mixent_images *images;
  const mixent_split *split;
  size_t classes, size; /* size: bytes of an image, or floats of a row of features */
  double share;         /* of one teacher among all */
  char *rows;           /* [BATCH, size] */
  float *said;          /* [BATCH, classes] */
  float *out;           /* [images, classes] */
} question;

static mixent_status ask_batch(const question *question, mixent_predictor *predictor, size_t begin,
                               size_t count) {
  const mixent_images *images = question->images;
  const uint32_t *indices = question->split->train + begin;
  size_t bytes = question->size * (images->features ? sizeof(float) : 1);
  const char *from = images->features ? (const char *)images->features : (const char *)images->pixels;
  for (size_t i = 0; i < count; i++) memcpy(question->rows + i * bytes, from + indices[i] * bytes, bytes);
  if (images->features)
    MIXENT_TRY(mixent_predictor_run_features(predictor, (const float *)(const void *)question->rows, count,
                                             NULL, question->said));
  else
    MIXENT_TRY(mixent_predictor_run(predictor, (const uint8_t *)question->rows, count, NULL, question->said));
  for (size_t i = 0; i < count; i++) {
    const float *said = question->said + i * question->classes;
    float *out = question->out + indices[i] * question->classes;
    for (size_t k = 0; k < question->classes; k++) out[k] += (float)(question->share * (double)said[k]);
  }
  return MIXENT_OK;
}

static mixent_status ask_one(const question *question, const char *path, const mixent_recipe *recipe,
                             const mixent_dataset *dataset) {
  mixent_model *model;
  mixent_predictor *predictor = NULL;
  mixent_status status = mixent_model_open(path, &model);
  if (status == MIXENT_OK) model->temperature = recipe->distill_temperature;
  if (status == MIXENT_OK) status = mixent_model_check_dataset(model, dataset);
  if (status == MIXENT_OK)
    status = mixent_predictor_create(model, BATCH, mixent_recipe_precision(recipe), &predictor);
  size_t count = question->split->train_count;
  for (size_t begin = 0; begin < count && status == MIXENT_OK; begin += BATCH)
    status = ask_batch(question, predictor, begin, count - begin < BATCH ? count - begin : BATCH);
  mixent_predictor_free(predictor);
  mixent_model_free(model);
  return status == MIXENT_OK ? status : mixent_fail_within(status, "distill.teacher: %s", path);
}

static mixent_status ask_all(question *question, const mixent_recipe *recipe, const mixent_dataset *dataset) {
  char names[MIXENT_RECIPE_TEXT], *rest;
  mixent_status status = MIXENT_OK;
  size_t count = 1;
  for (const char *comma = recipe->teacher; (comma = strchr(comma, ',')); comma++) count++;
  question->share = 1 / (double)count;
  strcpy(names, recipe->teacher);
  for (char *name = strtok_r(names, ",", &rest); name && status == MIXENT_OK;
       name = strtok_r(NULL, ",", &rest))
    status = ask_one(question, name, recipe, dataset);
  return status;
}

mixent_status mixent_teacher_ask(const mixent_recipe *recipe, const mixent_dataset *dataset,
                                 const mixent_split *split, float **out) {
  const mixent_images *images = &dataset->train;
  question question = {.images = images,
                       .split = split,
                       .classes = (size_t)dataset->classes,
                       .size = (size_t)images->side * (size_t)images->side * (size_t)images->channels};
  mixent_status status = MIXENT_ALLOCATE(images->count * question.classes, &question.out);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(BATCH * question.size * sizeof(float), &question.rows);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(BATCH * question.classes, &question.said);
  if (status == MIXENT_OK) status = ask_all(&question, recipe, dataset);
  free(question.rows);
  free(question.said);
  if (status == MIXENT_OK)
    *out = question.out;
  else
    free(question.out);
  return status;
}
