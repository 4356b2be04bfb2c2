/* What a graph draws, and filters in place of what was drawn. */
#include "train/initial_weights.h"
#include "net/graph/layer.h"
#include "train/members.h"
#include "train/whitening.h"

#include <string.h>

/* Filters that pass the channels of their input on, as airbench has them (torch.nn.init.dirac_): 1 at the centre of channel o of
 * filter o, 0 elsewhere. Filters beyond the input's channels stay as drawn, and so do convolutions of the input itself. */
static void set_identity(const mixent_graph *graph, float *parameters) {
  for (int l = 1; l < graph->layer_count; l++) {
    const mixent_layer *layer = &graph->layers[l];
    if (!mixent_layer_is(layer, MIXENT_LAYER_CONV2D) || layer->inputs[0] == 0 || layer->kernel % 2 == 0)
      continue;
    size_t area = (size_t)layer->kernel * (size_t)layer->kernel,
           inputs = (size_t)graph->layers[layer->inputs[0]].channels;
    float *filter = parameters + graph->parameters[layer->parameters[0]].offset;
    for (size_t o = 0; o < inputs && o < (size_t)layer->channels; o++, filter += inputs * area) {
      memset(filter, 0, inputs * area * sizeof *filter);
      filter[o * area + area / 2] = 1;
    }
  }
}

mixent_status mixent_trainer_draw_weights(mixent_trainer *trainer, uint64_t member) {
  const mixent_recipe *recipe = &trainer->recipe;
  long seed = recipe->init_seed < 0 ? recipe->seed : recipe->init_seed;
  mixent_graph_initialize(trainer->graph, mixent_member_seed(seed, member), trainer->parameters,
                          trainer->statistics);
  if (recipe->init_identity) set_identity(trainer->graph, trainer->parameters);
  const mixent_patch_source source = {.images = &trainer->train,
                                      .indices = trainer->split.train,
                                      .count = trainer->split.train_count,
                                      .mean = trainer->mean,
                                      .deviation = trainer->deviation};
  return recipe->init_whitening ? mixent_whitening_fill(trainer->graph, &source, trainer->parameters)
                                : MIXENT_OK;
}
