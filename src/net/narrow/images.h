/* The images of a convolution of few input channels: copied into float with their padding, one at a time, a thread's own. Shared by the
 * convolution alone (convolution.c) and with its batch norm and ReLU (stem.c). */
#ifndef MIXENT_NET_NARROW_IMAGES_H
#define MIXENT_NET_NARROW_IMAGES_H

#include "net/kernels/kernels.h"
#include "net/plan/plan.h"

enum { MIXENT_NARROW_GROUP = 4 /* images whose sums are one */ };

typedef struct mixent_narrow_images {
  const mixent_plan *plan;
  const mixent_kernels *kernels;
  const mixent_layer *layer, *input;
  mixent_narrow shape;
  size_t taps;         /* kernel x kernel x inputs */
  size_t image_floats; /* of a padded image */
  int from, padded;    /* buffers: the input, an image for each thread */
  /* of the run under way */
  const char *source;
  float *copies;
} mixent_narrow_images;

/* Of a convolution; adds the buffer of padded images. */
mixent_status mixent_narrow_images_make(mixent_plan *plan, int layer, mixent_narrow_images *out);
/* At the beginning of a run: margins are 0 and stay so. */
mixent_status mixent_narrow_images_open(mixent_narrow_images *images, const mixent_step_context *context);
/* Image `row`, padded, in the calling thread's memory. */
const float *mixent_narrow_image(const mixent_narrow_images *images, size_t row);
/* Images begin..end-1 through the convolution with `weights`, [taps + 1][filled] of which the last row is the bias, and a ReLU if asked for,
 * into the array of the values. */
void mixent_narrow_convolve(const mixent_narrow_images *images, const float *weights, bool relu, size_t begin,
                            size_t end, char *values);

/* Where the windows of row `y` of the outputs begin. */
static inline const float *mixent_narrow_windows(const mixent_narrow_images *images, const float *image,
                                                 int y) {
  return image + (size_t)(y * images->shape.stride) * images->shape.pitch;
}

/* Row `y` of the values of image `row`, in the array of a value or of its gradient. */
static inline char *mixent_narrow_row(const mixent_narrow_images *images, char *values, size_t row, int y) {
  size_t pixels = (row * (size_t)images->layer->height + (size_t)y) * (size_t)images->layer->width;
  return values + pixels * (size_t)images->layer->channels * mixent_data_type_size(images->plan->value_type);
}

/* Groups of images whose sums are added in order, whatever the threads. */
static inline size_t mixent_narrow_groups(const mixent_narrow_images *images) {
  return ((size_t)images->plan->rows + MIXENT_NARROW_GROUP - 1) / MIXENT_NARROW_GROUP;
}

/* The weight of (tap, output) in PyTorch's order [out, in, kernel, kernel]; taps are [kernel][kernel][in]. */
static inline size_t mixent_narrow_weight(const mixent_narrow_images *images, size_t tap, size_t output) {
  size_t inputs = (size_t)images->shape.inputs, area = images->taps / inputs;
  return (output * inputs + tap % inputs) * area + tap / inputs;
}

/* Offset of the layer's weights (0) or bias (1) among the parameters. */
static inline size_t mixent_narrow_offset(const mixent_narrow_images *images, int which) {
  return images->plan->graph->parameters[images->layer->parameters[which]].offset;
}

#endif
