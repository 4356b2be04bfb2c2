/* Operators of ONNX that are layers of ours: one function per operator. */
#include "core/memory.h"
#include "model/import_onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CHANNELS = 65536, MOST_FEATURES = 1 << 20, MOST_WINDOW = 31 };

/* -------------------------------------------------------------- convolution and pooling ---- */

/* "2, 1", for messages. */
static const char *list_text(const int64_t *list, int count) {
  static _Thread_local char text[24 * MIXENT_ONNX_LIST];
  size_t length = 0;
  text[0] = '\0';
  for (int i = 0; i < count; i++)
    length +=
        (size_t)snprintf(text + length, sizeof text - length, "%s%lld", i ? ", " : "", (long long)list[i]);
  return count < 0 ? "too many" : text;
}

/* One number of a list that has the same for height and width; `fallback` where the list is left out. */
static mixent_status equal_numbers(mixent_importer *importer, const char *attribute, int wanted, int64_t low,
                                   int64_t high, int64_t fallback, int *out) {
  int64_t list[MIXENT_ONNX_LIST];
  int count = mixent_onnx_attribute_integers(&importer->step, attribute, list);
  if (count == 0) list[0] = fallback;
  bool same = count == 0 || count == wanted;
  for (int i = 1; i < count; i++) same &= list[i] == list[0];
  if (!same || list[0] < low || list[0] > high)
    return low == high
               ? mixent_onnx_fail(importer, "%s: expected %lld for both axes, got %s", attribute,
                                  (long long)low, list_text(list, count))
               : mixent_onnx_fail(importer, "%s: expected %d equal numbers from %lld to %lld, got %s",
                                  attribute, wanted, (long long)low, (long long)high, list_text(list, count));
  *out = (int)list[0];
  return MIXENT_OK;
}

/* kernel_shape, strides, pads, dilations; sets the shape of what the window gives. */
static mixent_status read_window(mixent_importer *importer, int kernel, int most_padding,
                                 mixent_onnx_made *made) {
  int dilation;
  mixent_bytes pad = mixent_onnx_attribute_text(&importer->step, "auto_pad");
  if (pad.size && !mixent_bytes_are(pad, "NOTSET") && !mixent_bytes_are(pad, "VALID"))
    return mixent_onnx_fail(importer, "auto_pad: expected NOTSET or VALID, got %.*s",
                            (int)(pad.size < 30 ? pad.size : 30), (const char *)pad.data);
  MIXENT_TRY(equal_numbers(importer, "kernel_shape", 2, 1, MOST_WINDOW, kernel, &made->kernel));
  MIXENT_TRY(equal_numbers(importer, "strides", 2, 1, MOST_WINDOW, 1, &made->stride));
  MIXENT_TRY(equal_numbers(importer, "dilations", 2, 1, 1, 1, &dilation));
  MIXENT_TRY(equal_numbers(importer, "pads", 4, 0, most_padding < 0 ? made->kernel / 2 : most_padding, 0,
                           &made->padding));
  int height = made->height + 2 * made->padding - made->kernel,
      width = made->width + 2 * made->padding - made->kernel;
  if (height < 0 || width < 0)
    return mixent_onnx_fail(importer, "a window of %dx%d does not fit the map of %dx%d", made->kernel,
                            made->kernel, made->height, made->width);
  made->height = height / made->stride + 1, made->width = width / made->stride + 1;
  return MIXENT_OK;
}

/* A list of `count` floats of the file, as a bias and what belongs to a batch norm; of any shape that spreads to [count]. */
static mixent_status read_values(mixent_importer *importer, int i, int count, mixent_onnx_values *out) {
  const mixent_onnx_tensor *tensor;
  MIXENT_TRY(mixent_onnx_tensor_get(importer, i, &tensor));
  if (tensor->count != (size_t)count || tensor->dimensions == 0 ||
      tensor->shape[tensor->dimensions - 1] != count)
    return mixent_onnx_fail(importer, "input %d: expected %d numbers, got %zu", i + 1, count, tensor->count);
  out->bytes = tensor->values;
  return MIXENT_OK;
}

static mixent_status take_conv(mixent_importer *importer) {
  const mixent_onnx_tensor *weight;
  int input;
  MIXENT_TRY(mixent_onnx_layer_get(importer, 0, 4, &input));
  MIXENT_TRY(mixent_onnx_tensor_get(importer, 1, &weight));
  MIXENT_TRY(mixent_onnx_expect(importer, "group", 1, 1));
  mixent_onnx_made made = mixent_onnx_made_like(importer, MIXENT_LAYER_CONV2D, input);
  const int64_t *shape = weight->shape;
  if (weight->dimensions != 4 || shape[0] < 1 || shape[0] > MOST_CHANNELS || shape[1] != made.channels ||
      shape[2] < 1 || shape[2] != shape[3])
    return mixent_onnx_fail(importer, "weight: expected a shape [channels, %d, k, k], got [%s]",
                            made.channels, list_text(shape, weight->dimensions));
  if (shape[2] > MOST_WINDOW)
    return mixent_onnx_fail(importer, "weight: expected a kernel of at most %dx%d", MOST_WINDOW, MOST_WINDOW);
  MIXENT_TRY(read_window(importer, (int)shape[2], (int)shape[2] - 1, &made));
  if (made.kernel != shape[2])
    return mixent_onnx_fail(importer, "kernel_shape: expected that of the weight, %d", (int)shape[2]);
  made.channels = (int)shape[0];
  made.values[0].bytes = weight->values;
  if (mixent_onnx_has_input(importer, 2))
    MIXENT_TRY(read_values(importer, 2, made.channels, &made.values[1]));
  return mixent_onnx_give_layer(importer, 0, 4, made, importer->step.inputs[1]);
}

/* ceil_mode makes a difference only where the last window would not fit. */
static mixent_status take_max_pool(mixent_importer *importer) {
  int input;
  MIXENT_TRY(mixent_onnx_layer_get(importer, 0, 4, &input));
  mixent_onnx_made made = mixent_onnx_made_like(importer, MIXENT_LAYER_MAX_POOL, input);
  int height = made.height, width = made.width;
  MIXENT_TRY(read_window(importer, 0, -1, &made));
  height = (height + 2 * made.padding - made.kernel) % made.stride,
  width = (width + 2 * made.padding - made.kernel) % made.stride;
  if (height || width) MIXENT_TRY(mixent_onnx_expect(importer, "ceil_mode", 0, 0));
  MIXENT_TRY(mixent_onnx_expect(importer, "storage_order", 0, 0));
  return mixent_onnx_give_layer(importer, 0, 4, made, mixent_onnx_no_stem);
}

static mixent_status give_global_pool(mixent_importer *importer, int rank) {
  int input;
  MIXENT_TRY(mixent_onnx_layer_get(importer, 0, 4, &input));
  mixent_onnx_made made = mixent_onnx_made_like(importer, MIXENT_LAYER_GLOBAL_POOL, input);
  made.height = made.width = 1;
  return mixent_onnx_give_layer(importer, 0, rank, made, mixent_onnx_no_stem);
}

static mixent_status take_global_average_pool(mixent_importer *importer) {
  return give_global_pool(importer, 4);
}

static mixent_status take_average_pool(mixent_importer *importer) {
  int input;
  MIXENT_TRY(mixent_onnx_layer_get(importer, 0, 4, &input));
  mixent_onnx_made made = mixent_onnx_made_like(importer, MIXENT_LAYER_GLOBAL_POOL, input);
  int height = made.height, width = made.width;
  MIXENT_TRY(read_window(importer, 0, 0, &made));
  if (made.kernel != height || made.kernel != width)
    return mixent_onnx_fail(importer, "kernel_shape: expected the whole map of %dx%d, got %dx%d", height,
                            width, made.kernel, made.kernel);
  return give_global_pool(importer, 4);
}

static mixent_status take_reduce_mean(mixent_importer *importer) {
  int64_t axes[MIXENT_ONNX_NUMBERS];
  int count;
  MIXENT_TRY(mixent_onnx_list_get(importer, 1, "axes", &count, axes));
  int first = count == 2 ? mixent_onnx_axis(axes[0], 4) : -1,
      second = count == 2 ? mixent_onnx_axis(axes[1], 4) : -1;
  if (first + second != 5 || first < 2 || second < 2)
    return mixent_onnx_fail(importer, "axes: expected the pixels, 2 and 3");
  return give_global_pool(importer, mixent_onnx_attribute_integer(&importer->step, "keepdims", 1) ? 4 : 2);
}

/* ---------------------------------------------------------------- linear and batch norm ---- */

static mixent_status give_linear(mixent_importer *importer, bool transposed, bool bias) {
  const mixent_onnx_tensor *weight;
  int input;
  MIXENT_TRY(mixent_onnx_layer_get(importer, 0, 2, &input));
  MIXENT_TRY(mixent_onnx_tensor_get(importer, 1, &weight));
  mixent_onnx_made made = mixent_onnx_made_like(importer, MIXENT_LAYER_LINEAR, input);
  int64_t inputs = weight->shape[transposed ? 0 : 1], outputs = weight->shape[transposed ? 1 : 0];
  if (weight->dimensions != 2 || inputs != made.channels || outputs < 1 || outputs > MOST_FEATURES)
    return mixent_onnx_fail(importer, "weight: expected a matrix of %d inputs", made.channels);
  made.channels = (int)outputs;
  made.transposed = transposed;
  made.values[0].bytes = weight->values;
  if (bias) MIXENT_TRY(read_values(importer, 2, made.channels, &made.values[1]));
  return mixent_onnx_give_layer(importer, 0, 2, made, importer->step.inputs[1]);
}

static mixent_status take_gemm(mixent_importer *importer) {
  double alpha = mixent_onnx_attribute_number(&importer->step, "alpha", 1),
         beta = mixent_onnx_attribute_number(&importer->step, "beta", 1);
  bool bias = mixent_onnx_has_input(importer, 2);
  MIXENT_TRY(mixent_onnx_expect(importer, "transA", 0, 0));
  if (alpha != 1 || (bias && beta != 1))
    return mixent_onnx_fail(importer, "expected alpha and beta 1, got %g and %g", alpha, beta);
  return give_linear(importer, !mixent_onnx_attribute_integer(&importer->step, "transB", 0), bias);
}

static mixent_status take_mat_mul(mixent_importer *importer) {
  return give_linear(importer, true, false);
}

static mixent_status take_batch_normalization(mixent_importer *importer) {
  int input, rank;
  MIXENT_TRY(mixent_onnx_layer_get(importer, 0, 0, &input));
  MIXENT_TRY(mixent_onnx_rank_get(importer, 0, &rank));
  MIXENT_TRY(mixent_onnx_expect(importer, "training_mode", 0, 0));
  MIXENT_TRY(mixent_onnx_expect(importer, "spatial", 1, 1));
  mixent_onnx_made made = mixent_onnx_made_like(importer, MIXENT_LAYER_BATCH_NORM, input);
  for (int i = 0; i < 4; i++) MIXENT_TRY(read_values(importer, i + 1, made.channels, &made.values[i]));
  double epsilon = mixent_onnx_attribute_number(&importer->step, "epsilon", 1e-5),
         difference = epsilon - 1e-5;
  if (!(epsilon >= 0 && epsilon < 1))
    return mixent_onnx_fail(importer, "epsilon: expected a number from 0 to 1, got %g", epsilon);
  if (difference > 1e-9 || difference < -1e-9) { /* ours is 1e-5; the variance takes the rest */
    MIXENT_TRY(mixent_onnx_spend(importer, (size_t)made.channels));
    MIXENT_TRY(MIXENT_ALLOCATE(made.channels, &made.values[3].made));
    for (int c = 0; c < made.channels; c++) {
      float variance;
      memcpy(&variance, made.values[3].bytes.data + (size_t)c * sizeof variance, sizeof variance);
      made.values[3].made[c] = (float)((double)variance + difference);
    }
  }
  return mixent_onnx_give_layer(importer, 0, rank, made, importer->step.inputs[1]);
}

static mixent_status give_activation(mixent_importer *importer, mixent_layer_kind kind) {
  int input, rank;
  MIXENT_TRY(mixent_onnx_layer_get(importer, 0, 0, &input));
  MIXENT_TRY(mixent_onnx_rank_get(importer, 0, &rank));
  return mixent_onnx_give_layer(importer, 0, rank, mixent_onnx_made_like(importer, kind, input),
                                mixent_onnx_no_stem);
}

static mixent_status take_relu(mixent_importer *importer) {
  return give_activation(importer, MIXENT_LAYER_RELU);
}

static mixent_status take_gelu(mixent_importer *importer) {
  mixent_bytes approximate = mixent_onnx_attribute_text(&importer->step, "approximate");
  if (approximate.size && !mixent_bytes_are(approximate, "none"))
    return mixent_onnx_fail(importer, "approximate: expected none; PyTorch's is nn.GELU()");
  return give_activation(importer, MIXENT_LAYER_GELU);
}

const mixent_onnx_operator_entry mixent_onnx_layer_operators[] = {
    {"Conv", take_conv, {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"}},
    {"MaxPool",
     take_max_pool,
     {"auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"}},
    {"AveragePool",
     take_average_pool,
     {"auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides"}},
    {"GlobalAveragePool", take_global_average_pool, {NULL}},
    {"ReduceMean", take_reduce_mean, {"axes", "keepdims", "noop_with_empty_axes"}},
    {"Gemm", take_gemm, {"alpha", "beta", "transA", "transB"}},
    {"MatMul", take_mat_mul, {NULL}},
    {"BatchNormalization", take_batch_normalization, {"epsilon", "momentum", "spatial", "training_mode"}},
    {"Relu", take_relu, {NULL}},
    {"Gelu", take_gelu, {"approximate"}},
    {NULL, NULL, {NULL}}};
