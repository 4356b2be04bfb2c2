/* Arithmetic of ONNX: by numbers of the file (normalisation, bias, batch norm spelled out), sums of maps, and the steps of GELU,
 * SiLU and of a mean of probabilities. */
#include "core/memory.h"
#include "model/import_onnx.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------- numbers of the file ---- */

/* A tensor as one number, or one for each of the channels, of a value of that rank. */
static mixent_status check_spread(const mixent_importer *importer, const mixent_onnx_tensor *tensor, int rank,
                                  int channels) {
  int axis = tensor->dimensions - (rank - 1); /* of the channels */
  bool fits = tensor->type == MIXENT_ONNX_FLOAT && tensor->dimensions <= rank &&
              (tensor->count == 1 || tensor->count == (size_t)channels);
  if (fits && tensor->count > 1) fits = axis >= 0 && tensor->shape[axis] == channels;
  if (fits) return MIXENT_OK;
  return mixent_onnx_fail(
      importer, "expected one number, or one for each of the %d channels, got a tensor of %zu values",
      channels, tensor->count);
}

static double value_at(const mixent_onnx_tensor *tensor, int channel) {
  float value;
  size_t at = tensor->count == 1 ? 0 : (size_t)channel;
  memcpy(&value, tensor->values.data + at * sizeof value, sizeof value);
  return (double)value;
}

/* x + c and c + x, x - c, c - x; x c and c x, x / c. `left`: the tensor stands first. */
static mixent_status give_affine(mixent_importer *importer, const mixent_onnx_item *from,
                                 const mixent_onnx_tensor *tensor, char sign, bool left) {
  mixent_onnx_item item;
  int channels = importer->layers[from->layer].channels;
  if (sign == '/' && left)
    return mixent_onnx_fail(importer,
                            "expected a value divided by a number, got a number divided by a value");
  MIXENT_TRY(check_spread(importer, tensor, from->rank, channels));
  MIXENT_TRY(mixent_onnx_affine_make(importer, from, &item));
  for (int c = 0; c < channels; c++) {
    double value = value_at(tensor, c), factor = sign == '*'           ? value
                                                 : sign == '/'         ? 1 / value
                                                 : sign == '-' && left ? -1
                                                                       : 1;
    double term = sign == '+' || (sign == '-' && left) ? value : sign == '-' ? -value : 0;
    item.scale[c] *= factor;
    item.shift[c] = item.shift[c] * factor + term;
  }
  return mixent_onnx_give(importer, 0, item);
}

/* MatMul and Add: the sum is the bias, where nothing else reads the product. False: it is no such sum. */
static bool add_bias(mixent_importer *importer, int input, const mixent_onnx_item *item,
                     const mixent_onnx_tensor *tensor) {
  mixent_onnx_made *layer = &importer->layers[item->layer];
  bool weighted = layer->kind == MIXENT_LAYER_CONV2D || layer->kind == MIXENT_LAYER_LINEAR;
  bool alone = item->direct && mixent_onnx_name_find(importer, importer->step.inputs[input])->uses == 1;
  if (item->kind != MIXENT_ONNX_LAYER || item->layer == 0 || !weighted || !alone ||
      layer->values[1].bytes.size || tensor->count != (size_t)layer->channels)
    return false;
  layer->values[1].bytes = tensor->values;
  return true;
}

/* By a number, of a value that stands for a step: a erf + b. *done false: it is no such product. */
static mixent_status scale_step(mixent_importer *importer, const mixent_onnx_item *from,
                                const mixent_onnx_tensor *tensor, char sign, bool *done) {
  mixent_onnx_item item = *from;
  bool steps = from->kind == MIXENT_ONNX_ERF || from->kind == MIXENT_ONNX_GELU;
  *done =
      steps && tensor->count == 1 && tensor->type == MIXENT_ONNX_FLOAT && tensor->dimensions <= from->rank;
  if (!*done) return MIXENT_OK;
  double value = value_at(tensor, 0);
  if (sign == '*') item.a *= value, item.b *= value;
  if (sign == '/') item.a /= value, item.b /= value;
  if (sign == '+' && from->kind == MIXENT_ONNX_ERF) item.b += value;
  if (sign == '-' || (sign == '+' && from->kind == MIXENT_ONNX_GELU)) *done = false;
  return *done ? mixent_onnx_give(importer, 0, item) : MIXENT_OK;
}

static mixent_status with_tensor(mixent_importer *importer, int input, const mixent_onnx_tensor *tensor,
                                 char sign) {
  mixent_onnx_item *item;
  bool done;
  MIXENT_TRY(mixent_onnx_item_get(importer, input, &item));
  MIXENT_TRY(scale_step(importer, item, tensor, sign, &done));
  if (done) return MIXENT_OK;
  if (item->kind != MIXENT_ONNX_LAYER && item->kind != MIXENT_ONNX_AFFINE)
    MIXENT_TRY(mixent_onnx_settle(importer, item));
  int channels = importer->layers[item->layer].channels;
  if (sign == '+') MIXENT_TRY(check_spread(importer, tensor, item->rank, channels));
  if (sign == '+' && add_bias(importer, input, item, tensor))
    return mixent_onnx_give(
        importer, 0, (mixent_onnx_item){.kind = MIXENT_ONNX_LAYER, .layer = item->layer, .rank = item->rank});
  return give_affine(importer, item, tensor, sign, input == 1);
}

/* ------------------------------------------------------------------ two values ---- */

/* The channels of a value as it stands in a sum. */
static int64_t width_of(const mixent_importer *importer, const mixent_onnx_item *item) {
  return importer->layers[item->layer].channels +
         (item->kind == MIXENT_ONNX_PADDED ? (int64_t)item->before + item->after : 0);
}

/* The wider stands first; of both with zeros on both sides there is none. */
static mixent_status add_layers(mixent_importer *importer, mixent_onnx_item *a, mixent_onnx_item *b) {
  if (a->kind != MIXENT_ONNX_PADDED || (!a->before && !a->after)) MIXENT_TRY(mixent_onnx_settle(importer, a));
  if (b->kind != MIXENT_ONNX_PADDED || (!b->before && !b->after)) MIXENT_TRY(mixent_onnx_settle(importer, b));
  if (a->kind == MIXENT_ONNX_PADDED) {
    mixent_onnx_item *other = a;
    a = b, b = other;
  }
  const mixent_onnx_made *wide = &importer->layers[a->layer], *narrow = &importer->layers[b->layer];
  if (a->kind == MIXENT_ONNX_PADDED)
    return mixent_onnx_fail(importer, "expected zero channels on one side of the sum alone");
  if (a->rank != b->rank || wide->height != narrow->height || wide->width != narrow->width ||
      width_of(importer, a) != width_of(importer, b))
    return mixent_onnx_fail(importer, "expected two values of the same shape, got %lldx%dx%d and %lldx%dx%d",
                            (long long)width_of(importer, a), wide->height, wide->width,
                            (long long)width_of(importer, b), narrow->height, narrow->width);
  if (b->kind == MIXENT_ONNX_PADDED && b->before != b->after)
    return mixent_onnx_fail(importer, "expected as many zero channels before as after, got %d and %d",
                            b->before, b->after);
  mixent_onnx_made made = mixent_onnx_made_like(importer, MIXENT_LAYER_ADD, a->layer);
  made.inputs[1] = b->layer, made.input_count = 2;
  return mixent_onnx_give_layer(importer, 0, a->rank, made, mixent_onnx_no_stem);
}

/* s x + x (a erf + b) = x (a erf + b + s). *done false: it is no such sum. */
static mixent_status add_gelu(mixent_importer *importer, const mixent_onnx_item *x,
                              const mixent_onnx_item *gelu, bool *done) {
  mixent_onnx_item item = *gelu;
  double scale;
  *done = gelu->kind == MIXENT_ONNX_GELU && x->layer == gelu->layer && x->rank == gelu->rank &&
          mixent_onnx_is_scaled(importer, x, &scale);
  if (!*done) return MIXENT_OK;
  item.b += scale;
  return mixent_onnx_give(importer, 0, item);
}

/* x Sigmoid(x), and s x (a erf + b). */
static mixent_status multiply_step(mixent_importer *importer, const mixent_onnx_item *x,
                                   const mixent_onnx_item *step, bool *done) {
  mixent_onnx_item item = *step;
  double scale;
  *done = (step->kind == MIXENT_ONNX_SIGMOID || step->kind == MIXENT_ONNX_ERF) && x->layer == step->layer &&
          x->rank == step->rank && mixent_onnx_is_scaled(importer, x, &scale) &&
          (step->kind == MIXENT_ONNX_ERF || scale == 1);
  if (!*done) return MIXENT_OK;
  if (step->kind == MIXENT_ONNX_SIGMOID)
    return mixent_onnx_give_layer(importer, 0, x->rank,
                                  mixent_onnx_made_like(importer, MIXENT_LAYER_SILU, x->layer),
                                  mixent_onnx_no_stem);
  item.kind = MIXENT_ONNX_GELU;
  item.a *= scale, item.b *= scale;
  return mixent_onnx_give(importer, 0, item);
}

static bool is_tensor(const mixent_onnx_item *item) {
  return item->kind == MIXENT_ONNX_TENSOR;
}

static mixent_status take_arithmetic(mixent_importer *importer, char sign) {
  mixent_onnx_item *a, *b;
  bool done = false;
  MIXENT_TRY(mixent_onnx_item_get(importer, 0, &a));
  MIXENT_TRY(mixent_onnx_item_get(importer, 1, &b));
  if (is_tensor(b) && !is_tensor(a)) return with_tensor(importer, 0, b->tensor, sign);
  if (is_tensor(a) && !is_tensor(b)) return with_tensor(importer, 1, a->tensor, sign);
  mixent_status (*step)(mixent_importer *, const mixent_onnx_item *, const mixent_onnx_item *, bool *) =
      sign == '+' ? add_gelu : multiply_step;
  if (sign == '+' || sign == '*') {
    MIXENT_TRY(step(importer, a, b, &done));
    if (!done) MIXENT_TRY(step(importer, b, a, &done));
  }
  if (done) return MIXENT_OK;
  if (sign == '+') return add_layers(importer, a, b);
  return mixent_onnx_fail(importer, "expected a value and numbers of the file, got two values%s",
                          sign == '*' ? " that are no x Sigmoid(x) and no GELU" : "");
}

static mixent_status take_add(mixent_importer *importer) {
  return take_arithmetic(importer, '+');
}
static mixent_status take_sub(mixent_importer *importer) {
  return take_arithmetic(importer, '-');
}
static mixent_status take_mul(mixent_importer *importer) {
  return take_arithmetic(importer, '*');
}
static mixent_status take_div(mixent_importer *importer) {
  return take_arithmetic(importer, '/');
}

/* ------------------------------------------------------------------- smooth functions ---- */

static mixent_status take_erf(mixent_importer *importer) {
  mixent_onnx_item *item;
  double scale;
  MIXENT_TRY(mixent_onnx_item_get(importer, 0, &item));
  if (is_tensor(item) || item->layer == 0 || !mixent_onnx_is_scaled(importer, item, &scale) ||
      fabs(scale - M_SQRT1_2) > 1e-6)
    return mixent_onnx_fail(importer, "expected Erf of x / sqrt 2, as in a GELU");
  return mixent_onnx_give(
      importer, 0,
      (mixent_onnx_item){.kind = MIXENT_ONNX_ERF, .layer = item->layer, .rank = item->rank, .a = 1});
}

/* A value of that kind over what a layer gives. */
static mixent_status give_step(mixent_importer *importer, mixent_onnx_kind kind) {
  mixent_onnx_item *item;
  int layer;
  MIXENT_TRY(mixent_onnx_layer_get(importer, 0, 0, &layer));
  MIXENT_TRY(mixent_onnx_item_get(importer, 0, &item));
  return mixent_onnx_give(
      importer, 0,
      (mixent_onnx_item){
          .kind = kind, .layer = layer, .rank = item->rank, .layers = {layer}, .layer_count = 1});
}

static mixent_status take_sigmoid(mixent_importer *importer) {
  return give_step(importer, MIXENT_ONNX_SIGMOID);
}

static mixent_status take_any_softmax(mixent_importer *importer, mixent_onnx_kind kind) {
  mixent_onnx_item *item;
  MIXENT_TRY(mixent_onnx_item_get(importer, 0, &item));
  int64_t fallback = importer->file.opset < 13 ? 1 : -1;
  if (mixent_onnx_axis(mixent_onnx_attribute_integer(&importer->step, "axis", fallback), item->rank) != 1)
    return mixent_onnx_fail(importer, "axis: expected 1, the classes");
  return give_step(importer, kind);
}

static mixent_status take_softmax(mixent_importer *importer) {
  return take_any_softmax(importer, MIXENT_ONNX_SOFTMAX);
}
static mixent_status take_log_softmax(mixent_importer *importer) {
  return take_any_softmax(importer, MIXENT_ONNX_LOG_SOFTMAX);
}

/* Of probabilities. */
static mixent_status take_mean(mixent_importer *importer) {
  mixent_onnx_item out = {.kind = MIXENT_ONNX_SOFTMAX}, *item;
  for (int i = 0; i < importer->step.input_count; i++) {
    MIXENT_TRY(mixent_onnx_item_get(importer, i, &item));
    if (item->kind != MIXENT_ONNX_SOFTMAX || item->layer_count != 1)
      return mixent_onnx_fail(importer, "expected the mean of what Softmax gives");
    out.layers[out.layer_count++] = item->layers[0];
    out.layer = item->layers[0], out.rank = item->rank;
    const mixent_onnx_made *first = &importer->layers[out.layers[0]],
                           *made = &importer->layers[item->layers[0]];
    if (made->channels != first->channels || made->height != first->height || made->width != first->width)
      return mixent_onnx_fail(importer, "expected values of the same shape");
  }
  if (!out.layer_count) return mixent_onnx_fail(importer, "input 1 is missing");
  return mixent_onnx_give(importer, 0, out);
}

static mixent_status take_log(mixent_importer *importer) {
  mixent_onnx_item *item;
  MIXENT_TRY(mixent_onnx_item_get(importer, 0, &item));
  if (item->kind != MIXENT_ONNX_SOFTMAX)
    return mixent_onnx_fail(importer,
                            "expected the logarithm of what Softmax gives, or of the mean of several");
  if (item->layer_count == 1)
    return mixent_onnx_give(
        importer, 0,
        (mixent_onnx_item){.kind = MIXENT_ONNX_LOG_SOFTMAX, .layer = item->layer, .rank = item->rank});
  mixent_onnx_made made = mixent_onnx_made_like(importer, MIXENT_LAYER_MEAN_PROBABILITY, item->layers[0]);
  memcpy(made.inputs, item->layers, sizeof made.inputs);
  made.input_count = item->layer_count;
  return mixent_onnx_give_layer(importer, 0, item->rank, made, mixent_onnx_no_stem);
}

const mixent_onnx_operator_entry mixent_onnx_arithmetic_operators[] = {
    {"Add", take_add, {NULL}},
    {"Sub", take_sub, {NULL}},
    {"Mul", take_mul, {NULL}},
    {"Div", take_div, {NULL}},
    {"Erf", take_erf, {NULL}},
    {"Sigmoid", take_sigmoid, {NULL}},
    {"Softmax", take_softmax, {"axis"}},
    {"LogSoftmax", take_log_softmax, {"axis"}},
    {"Mean", take_mean, {NULL}},
    {"Log", take_log, {NULL}},
    {NULL, NULL, {NULL}}};
