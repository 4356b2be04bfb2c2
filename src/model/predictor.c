/* Classifying with a trained model: its network for evaluation, and the loop from pixels to probabilities. */
#include "core/memory.h"
#include "core/status.h"
#include "model/evaluator.h"
#include "model/softmax.h"
#include "model/views.h"

#include <stdlib.h>
#include <string.h>

enum { PREDICT_BATCH = 64 };

struct mixent_predictor {
  const mixent_model *model;
  mixent_evaluator evaluator;
  size_t batch;
  uint32_t *indices; /* [batch] */
  mixent_views views;
};

static mixent_status create_predictor(const mixent_model *model, int batch, mixent_precision precision,
                                      int views, mixent_predictor **out) {
  MIXENT_NEED(out);
  MIXENT_TRY(mixent_model_check(model));
  mixent_predictor *predictor;
  *out = NULL;
  if (batch < 1)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "a batch of %d images; it must be at least 1", batch);
  MIXENT_TRY(MIXENT_ALLOCATE(1, &predictor));
  predictor->model = model;
  predictor->batch = (size_t)batch;
  mixent_status status = MIXENT_ALLOCATE(batch, &predictor->indices);
  if (status == MIXENT_OK) status = mixent_evaluator_create(model, batch, precision, &predictor->evaluator);
  if (status == MIXENT_OK)
    status = mixent_views_create(views, predictor->batch, (size_t)model->classes,
                                 mixent_model_temperature(model), &predictor->views);
  if (status != MIXENT_OK) {
    mixent_predictor_free(predictor);
    return status;
  }
  *out = predictor;
  return MIXENT_OK;
}

mixent_status mixent_predictor_create(const mixent_model *model, int batch, mixent_precision precision,
                                      mixent_predictor **out) {
  return create_predictor(model, batch, precision, 1, out);
}

void mixent_predictor_free(mixent_predictor *predictor) {
  if (!predictor) return;
  mixent_views_free(&predictor->views);
  mixent_evaluator_free(&predictor->evaluator);
  free(predictor->indices);
  free(predictor);
}

/* `count` images from `begin` on, at most a batch; the rows left over compute the first of them again. */
static mixent_status run_batch(mixent_predictor *predictor, const mixent_images *images, size_t begin,
                               size_t count, const float **logits) {
  const mixent_model *model = predictor->model;
  for (size_t i = 0; i < predictor->batch; i++)
    predictor->indices[i] = (uint32_t)(i < count ? begin + i : begin);
  return mixent_views_forward(&predictor->views, predictor->evaluator.net, images, predictor->indices,
                              model->mean, model->deviation, logits);
}

static mixent_status run_all(mixent_predictor *predictor, const mixent_images *images, float *logits,
                             float *probabilities) {
  size_t classes = (size_t)predictor->model->classes, rows = images->count;
  if ((images->side == 1) != (images->features != NULL))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, images->side == 1
                                                  ? "the model reads rows of features, not images"
                                                  : "the model reads images, not rows of features");
  for (size_t begin = 0; begin < rows; begin += predictor->batch) {
    size_t count = rows - begin < predictor->batch ? rows - begin : predictor->batch;
    const float *found;
    MIXENT_TRY(run_batch(predictor, images, begin, count, &found));
    if (logits) memcpy(logits + begin * classes, found, count * classes * sizeof *logits);
    for (size_t i = 0; i < count && probabilities; i++)
      mixent_softmax(found + i * classes, classes, probabilities + (begin + i) * classes);
  }
  return MIXENT_OK;
}

mixent_status mixent_predictor_run(mixent_predictor *predictor, const uint8_t *pixels, size_t rows,
                                   float *logits, float *probabilities) {
  MIXENT_NEED(predictor);
  if (rows) MIXENT_NEED(pixels);
  const mixent_images images = {.count = rows,
                                .side = predictor->model->side,
                                .channels = predictor->model->channels,
                                .pixels = (uint8_t *)pixels};
  return run_all(predictor, &images, logits, probabilities);
}

mixent_status mixent_predictor_run_features(mixent_predictor *predictor, const float *features, size_t rows,
                                            float *logits, float *probabilities) {
  MIXENT_NEED(predictor);
  if (rows) MIXENT_NEED(features);
  const mixent_images images = {.count = rows,
                                .side = predictor->model->side,
                                .channels = predictor->model->channels,
                                .features = (float *)features};
  return run_all(predictor, &images, logits, probabilities);
}

mixent_status mixent_model_predict(const mixent_model *model, const uint8_t *pixels, size_t rows,
                                   mixent_precision precision, int views, float *probabilities) {
  MIXENT_NEED(model);
  MIXENT_NEED(probabilities);
  if (rows) MIXENT_NEED(pixels);
  mixent_predictor *predictor;
  if (views == 0) MIXENT_TRY(mixent_model_views(model, &views));
  int batch = rows < 1 ? 1 : rows < PREDICT_BATCH ? (int)rows : PREDICT_BATCH;
  MIXENT_TRY(create_predictor(model, batch, precision, views, &predictor));
  mixent_status status = mixent_predictor_run(predictor, pixels, rows, NULL, probabilities);
  mixent_predictor_free(predictor);
  return status;
}
