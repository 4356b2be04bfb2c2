/* Values that stand for a step of what several nodes of ONNX spell out, and how they become layers. */
#include "core/memory.h"
#include "model/import_onnx.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

mixent_status mixent_onnx_affine_make(mixent_importer *importer, const mixent_onnx_item *from,
                                      mixent_onnx_item *out) {
  size_t channels = (size_t)importer->layers[from->layer].channels;
  *out = (mixent_onnx_item){.kind = MIXENT_ONNX_AFFINE, .layer = from->layer, .rank = from->rank};
  MIXENT_TRY(mixent_onnx_spend(importer, channels));
  mixent_status status = MIXENT_ALLOCATE(channels, &out->scale);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(channels, &out->shift);
  if (status != MIXENT_OK) {
    mixent_onnx_item_clear(out);
    return status;
  }
  for (size_t c = 0; c < channels; c++) {
    out->scale[c] = from->kind == MIXENT_ONNX_AFFINE ? from->scale[c] : 1;
    out->shift[c] = from->kind == MIXENT_ONNX_AFFINE ? from->shift[c] : 0;
  }
  return MIXENT_OK;
}

bool mixent_onnx_is_scaled(const mixent_importer *importer, const mixent_onnx_item *item, double *scale) {
  *scale = item->kind == MIXENT_ONNX_AFFINE ? item->scale[0] : 1;
  if (item->kind != MIXENT_ONNX_AFFINE) return item->kind == MIXENT_ONNX_LAYER;
  for (int c = 0; c < importer->layers[item->layer].channels; c++)
    if (item->scale[c] != *scale || item->shift[c] != 0) return false;
  return true;
}

/* The first that reads the input says how it is normalised: scale x + shift = (x - mean) / deviation. False: by numbers that are
 * no mean and deviation. */
static bool find_normalisation(const mixent_onnx_item *item, int channels, float *mean, float *deviation) {
  for (int c = 0; c < channels; c++) {
    mean[c] = (float)(item->shift[c] == 0 ? 0 : -item->shift[c] / item->scale[c]); /* no -0 */
    deviation[c] = (float)(1 / item->scale[c]);
    if (!isfinite(mean[c]) || !isnormal(deviation[c]) || deviation[c] < 0) return false;
  }
  return true;
}

/* *done false: it has to be a layer of its own. */
static mixent_status settle_input(mixent_importer *importer, mixent_onnx_item *item, bool *done) {
  int channels = importer->layers[0].channels;
  float *mean, *deviation;
  MIXENT_TRY(mixent_onnx_spend(importer, (size_t)channels));
  MIXENT_TRY(MIXENT_ALLOCATE(2 * channels, &mean));
  deviation = mean + channels;
  *done = find_normalisation(item, channels, mean, deviation);
  size_t bytes = 2 * (size_t)channels * sizeof *mean;
  bool same = importer->mean && *done && memcmp(mean, importer->mean, bytes) == 0;
  if (importer->mean && !same) *done = false;
  if (!importer->mean && !*done)
    for (int c = 0; c < channels; c++) mean[c] = 0, deviation[c] = 1;
  if (importer->mean) {
    free(mean);
  } else {
    importer->mean = mean, importer->deviation = deviation;
    importer->normalised = false;
    for (int c = 0; c < channels; c++) importer->normalised |= mean[c] != 0 || deviation[c] != 1;
  }
  if (*done || !importer->normalised) return MIXENT_OK;
  return mixent_onnx_fail(importer, "expected images that are normalised in one way for all layers");
}

/* y = weight (x - mean) / sqrt(variance + 1e-5) + bias with mean 0 and variance 1 - 1e-5. */
static mixent_status add_affine_layer(mixent_importer *importer, const mixent_onnx_item *item, int *layer) {
  const mixent_onnx_made *from = &importer->layers[item->layer];
  mixent_onnx_made made = {.kind = MIXENT_LAYER_BATCH_NORM,
                           .inputs = {item->layer},
                           .input_count = 1,
                           .channels = from->channels,
                           .height = from->height,
                           .width = from->width};
  MIXENT_TRY(mixent_onnx_spend(importer, 4 * (size_t)from->channels));
  mixent_status status = MIXENT_OK;
  for (int i = 0; i < 4 && status == MIXENT_OK; i++)
    status = MIXENT_ALLOCATE(from->channels, &made.values[i].made);
  if (status != MIXENT_OK) {
    mixent_onnx_made_clear(&made);
    return status;
  }
  for (int c = 0; c < from->channels; c++) {
    made.values[0].made[c] = (float)item->scale[c];
    made.values[1].made[c] = (float)item->shift[c];
    made.values[3].made[c] = 0.99999F;
  }
  return mixent_onnx_layer_add(importer, made, (mixent_bytes){NULL, 0}, layer);
}

static const char *const wanted_wholes[] = {
    [MIXENT_ONNX_PADDED] = "zero channels that are no part of a sum; expected Pad before Add",
    [MIXENT_ONNX_STRIDED] = "rows and columns that are left out by different steps",
    [MIXENT_ONNX_ERF] = "Erf outside of a GELU",
    [MIXENT_ONNX_GELU] = "Erf outside of a GELU, x (1 + Erf(x / sqrt 2)) / 2",
    [MIXENT_ONNX_SIGMOID] = "Sigmoid outside of x Sigmoid(x)",
    [MIXENT_ONNX_SOFTMAX] = "Softmax before the end of the network",
    [MIXENT_ONNX_LOG_SOFTMAX] = "LogSoftmax before the end of the network"};

static mixent_status add_gelu(mixent_importer *importer, const mixent_onnx_item *item, int *layer) {
  mixent_onnx_made made = importer->layers[item->layer];
  return mixent_onnx_layer_add(importer,
                               (mixent_onnx_made){.kind = MIXENT_LAYER_GELU,
                                                  .inputs = {item->layer},
                                                  .input_count = 1,
                                                  .channels = made.channels,
                                                  .height = made.height,
                                                  .width = made.width},
                               (mixent_bytes){NULL, 0}, layer);
}

mixent_status mixent_onnx_settle(mixent_importer *importer, mixent_onnx_item *item) {
  int layer = item->layer;
  bool done = true;
  switch (item->kind) {
  case MIXENT_ONNX_TENSOR:
  case MIXENT_ONNX_WHOLE:
    return mixent_onnx_fail(importer,
                            "expected a value that is computed of the images, got a tensor of the file");
  case MIXENT_ONNX_LAYER: return MIXENT_OK;
  case MIXENT_ONNX_AFFINE:
    done = layer == 0;
    if (layer == 0) MIXENT_TRY(settle_input(importer, item, &done));
    if (done) return MIXENT_OK;
    MIXENT_TRY(add_affine_layer(importer, item, &layer));
    break;
  case MIXENT_ONNX_PADDED: done = item->before == 0 && item->after == 0; break;
  case MIXENT_ONNX_GELU:
    done = fabs(item->a - 0.5) < 1e-6 && fabs(item->b - 0.5) < 1e-6;
    if (done) MIXENT_TRY(add_gelu(importer, item, &layer));
    break;
  default: done = false;
  }
  if (!done && item->kind != MIXENT_ONNX_AFFINE)
    return mixent_onnx_fail(importer, "its input is %s, which is not supported", wanted_wholes[item->kind]);
  item->kind = MIXENT_ONNX_LAYER;
  item->layer = layer;
  return MIXENT_OK;
}

mixent_status mixent_onnx_layer_get(mixent_importer *importer, int i, int rank, int *layer) {
  mixent_onnx_item *item;
  MIXENT_TRY(mixent_onnx_item_get(importer, i, &item));
  MIXENT_TRY(mixent_onnx_settle(importer, item));
  *layer = item->layer;
  if (!rank || item->rank == rank) return MIXENT_OK;
  return mixent_onnx_fail(importer, "input %d: expected %s, got %s", i + 1,
                          rank == 4 ? "a map [N, C, H, W]" : "a vector [N, C]",
                          rank == 4 ? "a vector [N, C]" : "a map [N, C, H, W]");
}
