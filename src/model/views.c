/* The mean of the probabilities over views: in double, in the order of the views, so that it depends on
 * nothing else. */
#include "model/views.h"
#include "core/memory.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

mixent_status mixent_views_create(int count, size_t batch, size_t classes, double temperature,
                                  mixent_views *out) {
  *out = (mixent_views){.count = count, .batch = batch, .classes = classes, .temperature = temperature};
  if (count < 1 || count > MIXENT_MOST_VIEWS)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "views: expected a whole number from 1 to %d, got %d",
                       MIXENT_MOST_VIEWS, count);
  if (count == 1 && temperature == 1) return MIXENT_OK;
  if (count > 1) MIXENT_TRY(MIXENT_ALLOCATE(batch * classes, &out->sums));
  return MIXENT_ALLOCATE(batch * classes, &out->logits);
}

void mixent_views_free(mixent_views *views) {
  free(views->sums);
  free(views->logits);
  *views = (mixent_views){0};
}

/* sums[k] += softmax(logits)[k] */
static void add_probabilities(const float *logits, size_t classes, double *sums) {
  double largest = (double)logits[0], sum = 0;
  for (size_t k = 1; k < classes; k++) largest = fmax(largest, (double)logits[k]);
  for (size_t k = 0; k < classes; k++) sum += exp((double)logits[k] - largest);
  for (size_t k = 0; k < classes; k++)
    sums[k] += exp((double)logits[k] - largest) / sum; // NOLINT(clang-analyzer-core.NullDereference)
}

/* A probability of 0 in all views becomes the smallest there is, so that its logarithm is a number; one that
 * is no number stays none. */
static void average(mixent_views *views) {
  for (size_t i = 0; i < views->batch * views->classes; i++) {
    double mean = views->sums[i] / views->count; // NOLINT(clang-analyzer-core.NullDereference)
    views->logits[i] = (float)log(mean < DBL_MIN ? DBL_MIN : mean);
  }
}

/* logits / temperature: softer above 1, sharper below; the order of the classes stays. */
static void cool(mixent_views *views, const float *logits) {
  for (size_t i = 0; i < views->batch * views->classes; i++)
    views->logits[i] = (float)((double)logits[i] / views->temperature);
}

mixent_status mixent_views_forward(mixent_views *views, mixent_net *net, const mixent_images *images,
                                   const uint32_t *indices, const float *mean, const float *deviation,
                                   const float **logits) {
  if (views->count > 1 && images->features)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "views: rows of features have but one; ask for 1");
  size_t rows = views->batch, classes = views->classes;
  const float *own = mixent_net_logits(net);
  *logits = views->sums ? views->logits : own;
  if (views->sums) memset(views->sums, 0, rows * classes * sizeof *views->sums);
  for (int view = 0; view < views->count; view++) {
    mixent_batch_view(images, indices, rows, view, mean, deviation, mixent_net_input(net));
    MIXENT_TRY(mixent_net_forward(net, MIXENT_EVALUATE, 0, 0));
    if (views->count == 1) break;
    for (size_t row = 0; row < rows; row++)
      add_probabilities(own + row * classes, classes, views->sums + row * classes);
  }
  if (views->sums) average(views);
  if (views->temperature != 1) {
    cool(views, *logits);
    *logits = views->logits;
  }
  return MIXENT_OK;
}
