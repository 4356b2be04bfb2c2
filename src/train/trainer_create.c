/* Setting up a trainer: data read and cut, network and memory made. */
#include "core/file.h"
#include "core/layout.h"
#include "core/threads.h"
#include "net/graph/layer.h"
#include "net/kernels/kernels.h"
#include "peers/peers.h"
#include "recipe/use.h"
#include "train/look_ahead.h"
#include "train/members.h"
#include "train/resized.h"
#include "train/targets.h"
#include "train/teacher.h"
#include "train/teaching.h"
#include "train/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether an option changes images such that it has no meaning for rows of a table; a mean of two has. */
static bool moves_pixels(const mixent_option *option, const mixent_recipe *recipe) {
  return strncmp(option->key, "augment.", 8) == 0 &&
         mixent_option_use_in(option, recipe, NULL) == MIXENT_OPTION_USED &&
         strcmp(option->key, "augment.mixup") != 0 && strcmp(option->key, "augment.mix_probability") != 0 &&
         *(const double *)((const char *)recipe + option->offset) != 0;
}

static mixent_status check_features(const mixent_recipe *recipe, const mixent_dataset *dataset) {
  if (!dataset->train.features) return MIXENT_OK;
  for (const mixent_option *option = mixent_options; option->key; option++)
    if (moves_pixels(option, recipe))
      return mixent_fail(
          MIXENT_ERROR_ARGUMENT,
          "%s: %s holds rows of features, which cannot be augmented as images are; set it to 0, as "
          "--recipe tabular has it",
          option->key, dataset->name);
  if (recipe->test_views == 1) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "test.views: %s holds rows of features, which have one view: set it to 1",
                     dataset->name);
}

/* The recipe that is made for a few tens or hundreds of such data, unless it is the one in use; NULL: none is. */
static const char *recipe_for_few(const mixent_trainer *trainer, size_t count) {
  enum { ITS_BATCH = 32 }; /* or fewer */
  const mixent_dataset *dataset = trainer->dataset;
  const char *name = dataset->train.features ? "tabular" : dataset->pictures ? "photos-small" : NULL;
  return name && count >= ITS_BATCH && strcmp(trainer->recipe.name, name) != 0 ? name : NULL;
}

/* A batch that gives some steps an epoch: a power of two, of which eight fit. */
static mixent_status fail_batch(const mixent_trainer *trainer) {
  size_t count = trainer->split.train_count, fitting = 2;
  const char *samples = mixent_samples_name(trainer->dataset->train.features);
  while (16 * fitting <= count && fitting < 128) fitting *= 2;
  if (count < 2)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: expected at least 2 training %s, got %zu",
                       trainer->dataset->name, samples, count);
  char other[64] = "";
  const char *recipe = recipe_for_few(trainer, count);
  if (recipe)
    snprintf(other, sizeof other, "take '--recipe %s', which is made for few %s, or ", recipe, samples);
  return mixent_fail(
      MIXENT_ERROR_ARGUMENT,
      "batch: expected at most the %zu training %s of %s, got %zu; %s'--set batch=%zu', which makes "
      "%zu steps of an epoch and may need more --epochs",
      count, samples, trainer->dataset->name, trainer->batch, *other ? other : "take ", fitting,
      count / fitting);
}

static mixent_status open_data(mixent_trainer *trainer) {
  const mixent_recipe *recipe = &trainer->recipe;
  if (!trainer->options->dataset) MIXENT_TRY(mixent_recipe_open_data(recipe, NULL, &trainer->opened));
  const mixent_dataset *dataset = trainer->opened ? trainer->opened : trainer->options->dataset;
  trainer->dataset = dataset;
  MIXENT_TRY(mixent_recipe_split(recipe, dataset, &trainer->split));
  MIXENT_TRY(mixent_recipe_images(recipe, dataset, &trainer->train));
  if (trainer->split.train_count < trainer->batch) return fail_batch(trainer);
  MIXENT_TRY(check_features(recipe, dataset));
  MIXENT_TRY(MIXENT_ALLOCATE(dataset->train.channels, &trainer->mean));
  MIXENT_TRY(MIXENT_ALLOCATE(dataset->train.channels, &trainer->deviation));
  mixent_images_moments(&dataset->train, trainer->split.train, trainer->split.train_count, trainer->mean,
                        trainer->deviation);
  trainer->steps = trainer->split.train_count / trainer->batch;
  trainer->classes = (size_t)dataset->classes;
  return MIXENT_OK;
}

/* Threads of this process: its share of those of all. */
static long own_threads(const mixent_recipe *recipe) {
  long threads = recipe->threads / mixent_peers_count();
  return threads < 1 ? 1 : threads;
}

/* Replicas that are worked on at once, of those held here. */
static size_t members_of(const mixent_trainer *trainer) {
  size_t local = trainer->replicas->local;
  size_t fitting = (size_t)(own_threads(&trainer->recipe) / mixent_recipe_replica_threads(&trainer->recipe));
  return fitting < 1 ? 1 : fitting < local ? fitting : local;
}

static mixent_status make_nets(mixent_trainer *trainer) {
  mixent_recipe *recipe = &trainer->recipe;
  const mixent_graph_options options = {.channels = trainer->dataset->train.channels,
                                        .side = trainer->dataset->train.side,
                                        .classes = trainer->dataset->classes,
                                        .dropout = recipe->dropout};
  MIXENT_TRY(mixent_graph_open(recipe->net, &options, &trainer->graph));
  MIXENT_TRY(mixent_replicas_create(trainer, trainer->graph, recipe->plan, &trainer->plan_source,
                                    &trainer->replicas));
  if (recipe->replicas > 1)
    MIXENT_TRY(
        mixent_team_create(members_of(trainer), mixent_recipe_replica_threads(recipe), &trainer->team));
  strcpy(recipe->plan, trainer->plan_source.plan);
  strcpy(recipe->plan_hash, trainer->plan_source.hash);
  trainer->parameters = mixent_net_parameters(trainer->replicas->replica[0].net);
  trainer->statistics = mixent_net_statistics(trainer->replicas->replica[0].net);
  trainer->parameter_count = mixent_graph_parameter_count(trainer->graph);
  trainer->statistic_count = mixent_graph_statistic_count(trainer->graph);
  mixent_member_draw_weights(trainer, 0);
  return MIXENT_OK;
}

static mixent_status make_optimizer(mixent_trainer *trainer) {
  const mixent_recipe *recipe = &trainer->recipe;
  size_t tensors;
  const mixent_tensor *parameters = mixent_graph_parameters(trainer->graph, &tensors);
  MIXENT_TRY(MIXENT_ALLOCATE(tensors, &trainer->segments));
  for (size_t i = 0; i < tensors; i++)
    trainer->segments[i] = (mixent_optimizer_segment){
        .offset = parameters[i].offset, .count = parameters[i].count, .decay = parameters[i].decay};
  trainer->optimizer = (mixent_optimizer){.type = mixent_optimizer_types[recipe->optimizer],
                                          .momentum = recipe->momentum,
                                          .nesterov = recipe->nesterov,
                                          .beta1 = recipe->beta1,
                                          .beta2 = recipe->beta2,
                                          .epsilon = recipe->epsilon,
                                          .weight_decay = recipe->weight_decay,
                                          .count = trainer->parameter_count,
                                          .segments = trainer->segments,
                                          .segment_count = tensors};
  const mixent_schedule_type *schedule = mixent_schedule_types[recipe->schedule];
  trainer->schedule =
      (mixent_schedule){.type = schedule,
                        .rate = recipe->learning_rate,
                        .warmup = recipe->warmup < 0 ? schedule->default_warmup : recipe->warmup};
  return MIXENT_OK;
}

/* By the labels that are trained on, their noise included. */
static mixent_status balance_classes(mixent_trainer *trainer) {
  const mixent_recipe *recipe = &trainer->recipe;
  const mixent_split *split = &trainer->split;
  if (recipe->sampling == MIXENT_SAMPLING_BALANCED)
    MIXENT_TRY(mixent_balance_make(&trainer->train, split->train, split->train_count, (int)trainer->classes,
                                   &trainer->balance));
  if (recipe->class_weights == MIXENT_WEIGHTS_NONE) return MIXENT_OK;
  MIXENT_TRY(MIXENT_ALLOCATE(trainer->classes, &trainer->class_weights));
  return mixent_class_weights(&trainer->train, split->train, split->train_count, (int)trainer->classes,
                              (mixent_class_weighting)recipe->class_weights, recipe->class_weights_beta,
                              trainer->class_weights);
}

static mixent_status make_state(mixent_trainer *trainer) {
  mixent_train_state *state = &trainer->state;
  trainer->loss = mixent_recipe_loss(&trainer->recipe);
  state->loss = mixent_loss_start(&trainer->loss);
  state->schedule = mixent_schedule_start();
  MIXENT_TRY(MIXENT_ALLOCATE(trainer->parameter_count * (size_t)trainer->optimizer.type->state_arrays,
                             &state->optimizer));
  if (trainer->recipe.ema_decay > 0) {
    MIXENT_TRY(MIXENT_ALLOCATE(trainer->parameter_count, &state->ema));
    MIXENT_TRY(MIXENT_ALLOCATE(trainer->statistic_count, &trainer->ema_statistics));
    memcpy(state->ema, trainer->parameters, trainer->parameter_count * sizeof *state->ema);
  }
  MIXENT_TRY(MIXENT_ALLOCATE(trainer->split.train_count, &trainer->order));
  if (trainer->recipe.prune_fraction > 0) {
    MIXENT_TRY(MIXENT_ALLOCATE(2 * trainer->train.count, &state->losses));
    for (size_t i = 0; i < 2 * trainer->train.count; i++) state->losses[i] = -1;
    MIXENT_TRY(mixent_pruning_make(trainer->steps, trainer->split.train_count, &trainer->pruning));
  }
  MIXENT_TRY(balance_classes(trainer));
  bool soft = mixent_mixing_is_on(&trainer->recipe.mixing); /* teachers make room themselves */
  MIXENT_TRY(mixent_train_batch_make(trainer->batch, trainer->classes, soft, state->losses, &trainer->drawn));
  trainer->drawn.class_weights = trainer->class_weights;
  MIXENT_TRY(mixent_trainer_teachers_named(trainer));
  if (mixent_recipe_looks_ahead(&trainer->recipe))
    MIXENT_TRY(mixent_look_ahead_create(trainer, &trainer->look_ahead));
  MIXENT_TRY(mixent_baseline_read(&trainer->recipe, &trainer->baseline_accuracy));
  mixent_recipe_write(&trainer->recipe, false, &trainer->recipe_text);
  return mixent_text_status(&trainer->recipe_text);
}

static mixent_status connect(mixent_trainer *trainer) {
  MIXENT_TRY(mixent_replicas_connect(trainer->replicas, trainer->parameter_count));
  return trainer->resized ? mixent_replicas_connect(trainer->resized->replicas, trainer->parameter_count)
                          : MIXENT_OK;
}

mixent_status mixent_trainer_create(const mixent_recipe *recipe, const mixent_train_options *options,
                                    mixent_trainer **out) {
  mixent_trainer *trainer;
  *out = NULL;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &trainer));
  trainer->recipe = *recipe;
  trainer->options = options;
  trainer->images = &trainer->train;
  trainer->augmentation = &trainer->recipe.augmentation;
  trainer->batch = (size_t)recipe->batch;
  trainer->seed = mixent_member_seed(recipe->seed, 0);
  mixent_threads_set((int)own_threads(recipe));
  mixent_status status = open_data(trainer);
  if (status == MIXENT_OK) status = make_nets(trainer);
  if (status == MIXENT_OK && recipe->progressive_side > 0)
    status = mixent_resized_make(trainer, &trainer->resized);
  if (status == MIXENT_OK) status = make_optimizer(trainer);
  if (status == MIXENT_OK) status = make_state(trainer);
  status = mixent_peers_agree(status);
  if (status == MIXENT_OK) status = connect(trainer);
  if (status != MIXENT_OK) {
    mixent_trainer_free(trainer);
    return status;
  }
  *out = trainer;
  return MIXENT_OK;
}

void mixent_trainer_free_nets(mixent_trainer *trainer) {
  mixent_team_free(trainer->team);
  for (size_t i = 0; trainer->teachers && i < trainer->replicas->local; i++)
    mixent_teachers_free(trainer->teachers[i]);
  free(trainer->teachers);
  mixent_resized_free(trainer->resized);
  mixent_replicas_free(trainer->replicas);
  trainer->team = NULL, trainer->teachers = NULL, trainer->resized = NULL, trainer->replicas = NULL;
}

void mixent_trainer_free(mixent_trainer *trainer) {
  if (!trainer) return;
  mixent_trainer_free_nets(trainer);
  mixent_graph_free(trainer->graph);
  mixent_split_free(&trainer->split);
  free(trainer->train.labels);
  mixent_dataset_free(trainer->opened);
  mixent_text_free(&trainer->recipe_text);
  mixent_look_ahead_free(trainer->look_ahead);
  free(trainer->mean);
  free(trainer->deviation);
  free(trainer->ema_statistics);
  free(trainer->segments);
  free(trainer->state.optimizer);
  free(trainer->state.ema);
  free(trainer->state.losses);
  mixent_pruning_free(&trainer->pruning);
  mixent_balance_free(&trainer->balance);
  free(trainer->class_weights);
  free(trainer->taught);
  free(trainer->order);
  mixent_train_batch_free(&trainer->drawn);
  free(trainer);
}

mixent_checkpoint mixent_trainer_checkpoint(mixent_trainer *trainer) {
  return (mixent_checkpoint){.graph = trainer->graph,
                             .dataset = trainer->dataset,
                             .mean = trainer->mean,
                             .deviation = trainer->deviation,
                             .recipe = trainer->recipe_text.data,
                             .parameters = trainer->parameters,
                             .statistics = trainer->statistics,
                             .batches_tracked = mixent_member_batches(trainer),
                             .optimizer = trainer->optimizer.type,
                             .state = &trainer->state};
}
