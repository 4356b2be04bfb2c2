/* Images of another side, and second networks over the same weights. */
#include "train/resized.h"
#include "core/memory.h"
#include "core/threads.h"
#include "net/graph/graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The part of source pixel `at` that output pixel `index` covers, in source pixels; `scale` of them make an output pixel. */
static double overlap(int index, double scale, int at) {
  double begin = fmax(index * scale, at), end = fmin((index + 1) * scale, at + 1);
  return end > begin ? end - begin : 0;
}

void mixent_image_resize(int side, int channels, const uint8_t *in, int to, uint8_t *out) {
  double scale = (double)side / to;
  for (int y = 0; y < to; y++)
    for (int x = 0; x < to; x++)
      for (int c = 0; c < channels; c++) {
        double sum = 0;
        for (int v = (int)(y * scale); v < side && v < (y + 1) * scale; v++)
          for (int u = (int)(x * scale); u < side && u < (x + 1) * scale; u++)
            sum += overlap(y, scale, v) * overlap(x, scale, u) * in[(v * side + u) * channels + c];
        out[(y * to + x) * channels + c] = (uint8_t)lrint(fmin(sum / (scale * scale), 255));
      }
}

typedef struct resizing {
  const mixent_images *from;
  mixent_images *to;
} resizing;

static void resize_images(void *context, size_t begin, size_t end) {
  const resizing *job = context;
  size_t channels = (size_t)job->from->channels;
  size_t from = (size_t)job->from->side * (size_t)job->from->side * channels;
  size_t to = (size_t)job->to->side * (size_t)job->to->side * channels;
  for (size_t i = begin; i < end; i++)
    mixent_image_resize(job->from->side, job->from->channels, job->from->pixels + i * from, job->to->side,
                        job->to->pixels + i * to);
}

static mixent_status make_images(const mixent_trainer *trainer, mixent_resized *out) {
  enum { GRAIN = 64 };
  int side = (int)trainer->recipe.progressive_side;
  out->images = trainer->train; /* labels are shared */
  out->images.side = side;
  out->images.pixels = NULL, out->images.mapping = NULL; /* its own, in memory */
  MIXENT_TRY(
      MIXENT_ALLOCATE(trainer->train.count * (size_t)side * (size_t)side * (size_t)trainer->train.channels,
                      &out->images.pixels));
  resizing job = {&trainer->train, &out->images};
  mixent_parallel_for(trainer->train.count, GRAIN, resize_images, &job);
  double scale = (double)side / trainer->train.side;
  out->augmentation = trainer->recipe.augmentation;
  out->augmentation.affine_shift *= scale, out->augmentation.elastic *= scale;
  out->augmentation.crop_padding = lrint((double)out->augmentation.crop_padding * scale);
  return MIXENT_OK;
}

/* Weights must be the same in number and shape, whatever the images' side. */
static mixent_status check_shapes(const mixent_graph *a, const mixent_graph *b) {
  size_t count, other;
  const mixent_tensor *x = mixent_graph_parameters(a, &count), *y = mixent_graph_parameters(b, &other);
  for (size_t i = 0; i < count; i++)
    if (count != other || x[i].count != y[i].count ||
        memcmp(x[i].shape, y[i].shape, (size_t)x[i].dimensions * sizeof *x[i].shape) != 0)
      return mixent_fail(
          MIXENT_ERROR_ARGUMENT,
          "progressive.side: '%s' of network %s depends on the images' side; take a network with a "
          "global_pool, or leave it out",
          x[i].name, mixent_graph_name(a));
  return MIXENT_OK;
}

static mixent_status make_nets(mixent_trainer *trainer, mixent_resized *out) {
  mixent_graph_options shape = trainer->graph->options;
  mixent_plan_source source;
  shape.side = (int)trainer->recipe.progressive_side;
  MIXENT_TRY(mixent_graph_parse(mixent_graph_text(trainer->graph), mixent_graph_name(trainer->graph), &shape,
                                &out->graph));
  MIXENT_TRY(check_shapes(trainer->graph, out->graph));
  return mixent_replicas_create(trainer, out->graph, "table", &source, &out->replicas);
}

mixent_status mixent_resized_make(mixent_trainer *trainer, mixent_resized **out) {
  if (trainer->train.features)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "progressive.side: %s holds rows of features, which have no side; set it to 0",
                       trainer->dataset->name);
  MIXENT_TRY(MIXENT_ALLOCATE(1, out));
  mixent_status status = make_nets(trainer, *out);
  if (status == MIXENT_OK) status = make_images(trainer, *out);
  if (status == MIXENT_OK) return MIXENT_OK;
  mixent_resized_free(*out);
  *out = NULL;
  return status;
}

void mixent_resized_free(mixent_resized *resized) {
  if (!resized) return;
  mixent_replicas_free(resized->replicas);
  mixent_graph_free(resized->graph);
  free(resized->images.pixels);
  free(resized);
}

void mixent_resized_use(mixent_trainer *trainer, bool active) {
  mixent_resized *resized = trainer->resized;
  if (!resized || resized->active == active) return;
  mixent_replicas *replicas = trainer->replicas;
  trainer->replicas = resized->replicas, resized->replicas = replicas;
  trainer->images = active ? &resized->images : &trainer->train;
  trainer->augmentation = active ? &resized->augmentation : &trainer->recipe.augmentation;
  resized->active = active;
}
