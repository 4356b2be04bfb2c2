/* Images in float with their padding, one at a time, and the convolution of them. */
#include "net/narrow/images.h"
#include "core/threads.h"

#include <string.h>

mixent_status mixent_narrow_images_make(mixent_plan *plan, int layer, mixent_narrow_images *out) {
  const mixent_layer *l = &plan->graph->layers[layer], *input = &plan->graph->layers[l->inputs[0]];
  mixent_narrow_images images = {.plan = plan,
                                 .kernels = mixent_kernels_choose(plan->value_type == MIXENT_TYPE_BF16),
                                 .layer = l,
                                 .input = input,
                                 .from = plan->values[l->inputs[0]],
                                 .taps = (size_t)(l->kernel * l->kernel * input->channels)};
  int lanes = images.kernels->lanes;
  images.shape = (mixent_narrow){.kernel = l->kernel,
                                 .stride = l->stride,
                                 .inputs = input->channels,
                                 .outputs = l->channels,
                                 .filled = (l->channels + lanes - 1) / lanes * lanes,
                                 .width = l->width,
                                 .pitch = (size_t)((input->width + 2 * l->padding) * input->channels)};
  images.image_floats = images.shape.pitch * (size_t)(input->height + 2 * l->padding);
  *out = images;
  return mixent_plan_add_buffer(plan, (size_t)plan->threads * images.image_floats * sizeof(float),
                                &out->padded);
}

mixent_status mixent_narrow_images_open(mixent_narrow_images *images, const mixent_step_context *context) {
  MIXENT_TRY(mixent_plan_check_threads(images->plan));
  images->source = mixent_plan_address(images->plan, context, images->from);
  images->copies = mixent_plan_address(images->plan, context, images->padded);
  memset(images->copies, 0, (size_t)images->plan->threads * images->image_floats * sizeof(float));
  return MIXENT_OK;
}

const float *mixent_narrow_image(const mixent_narrow_images *images, size_t row) {
  mixent_data_type type = images->plan->value_type;
  size_t bytes = mixent_layer_row(images->input) * mixent_data_type_size(type);
  mixent_typed_array image = {(void *)(uintptr_t)(images->source + row * bytes), type};
  size_t line = (size_t)images->input->width * (size_t)images->input->channels;
  size_t margin = (size_t)images->layer->padding;
  float *padded = images->copies + (size_t)mixent_thread() * images->image_floats;
  for (size_t y = 0; y < (size_t)images->input->height; y++) {
    float *to = padded + (y + margin) * images->shape.pitch + margin * (size_t)images->input->channels;
    for (size_t i = 0; i < line; i++) to[i] = (float)mixent_get(image, y * line + i);
  }
  return padded;
}

void mixent_narrow_convolve(const mixent_narrow_images *images, const float *weights, bool relu, size_t begin,
                            size_t end, char *values) {
  const float *bias = weights + images->taps * (size_t)images->shape.filled;
  for (size_t row = begin; row < end; row++) {
    const float *image = mixent_narrow_image(images, row);
    for (int y = 0; y < images->layer->height; y++)
      images->kernels->narrow->forward(&images->shape, mixent_narrow_windows(images, image, y), weights, bias,
                                       relu, mixent_narrow_row(images, values, row, y));
  }
}
