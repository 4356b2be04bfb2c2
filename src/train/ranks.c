/* Numbers and digests that ranks show one another. */
#include "train/ranks.h"
#include "core/memory.h"
#include "core/sha256.h"
#include "core/status.h"
#include "core/system.h"
#include "peers/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool mixent_rank_leads(void) {
  return mixent_peers_rank() == 0;
}

/* The processors that a rank may use, and of which machine. */
typedef struct rank_place {
  char host[256];
  mixent_processors processors;
} rank_place;

/* Ranks that share their processors count them once. */
static long count_processors(const rank_place *places, int ranks) {
  long count = 0;
  for (int r = 0; r < ranks; r++) {
    int first = 0;
    while (memcmp(&places[first], &places[r], sizeof places[r]) != 0) first++;
    if (first == r) count += places[r].processors.count ? (long)places[r].processors.count : 1;
  }
  return count < ranks ? ranks : count;
}

static mixent_status count_threads(long *out) {
  int ranks = mixent_peers_count();
  rank_place *places, *mine;
  MIXENT_TRY(MIXENT_ALLOCATE((size_t)ranks + 1, &places));
  mine = &places[ranks];
  gethostname(mine->host, sizeof mine->host - 1);
  mixent_processors_list(&mine->processors);
  mixent_status status = mixent_peers_gather(mine, sizeof *mine, places);
  *out = count_processors(places, ranks);
  free(places);
  return status;
}

mixent_status mixent_ranks_share(mixent_recipe *recipe, bool fresh, bool automatic_threads) {
  int ranks = mixent_peers_count();
  if (ranks == 1) return MIXENT_OK;
  if (fresh && recipe->replicas == 1) recipe->replicas = ranks;
  if (recipe->replicas % ranks != 0)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "replicas: expected a multiple of the %d ranks, got %ld; start a number of ranks that "
                       "divides %ld",
                       ranks, recipe->replicas, recipe->replicas);
  return automatic_threads ? count_threads(&recipe->threads) : MIXENT_OK;
}

/* What must be the same on all ranks, then what should be. */
typedef struct rank_digest {
  char recipe[65], data[65], plan[65], weights[65], processor[256];
} rank_digest;

static void digest(const void *bytes, size_t size, char out[65]) {
  mixent_sha256 hash;
  mixent_sha256_begin(&hash);
  mixent_sha256_add(&hash, bytes, size);
  mixent_sha256_end(&hash, out);
}

static void add_images(mixent_sha256 *hash, const mixent_images *images) {
  size_t values = images->count * (size_t)images->side * (size_t)images->side * (size_t)images->channels;
  mixent_sha256_add(hash, images->labels, images->count * sizeof *images->labels);
  if (images->features) mixent_sha256_add(hash, images->features, values * sizeof *images->features);
  if (images->pixels) mixent_sha256_add(hash, images->pixels, values);
}

static rank_digest describe(const mixent_trainer *trainer) {
  rank_digest mine = {.recipe = ""};
  mixent_sha256 data;
  mixent_sha256_begin(&data);
  add_images(&data, &trainer->train);
  add_images(&data, &trainer->dataset->test);
  mixent_sha256_end(&data, mine.data);
  digest(trainer->recipe_text.data, trainer->recipe_text.length, mine.recipe);
  digest(trainer->plan_source.hash, strlen(trainer->plan_source.hash), mine.plan);
  digest(trainer->parameters, trainer->parameter_count * sizeof *trainer->parameters, mine.weights);
  mixent_processor_name(mine.processor, sizeof mine.processor);
  return mine;
}

static mixent_status compare(const rank_digest *mine, const rank_digest *first) {
  const char *other = strcmp(mine->recipe, first->recipe) != 0     ? "recipe is"
                      : strcmp(mine->data, first->data) != 0       ? "data are"
                      : strcmp(mine->plan, first->plan) != 0       ? "plan (mixent help tune) is"
                      : strcmp(mine->weights, first->weights) != 0 ? "weights are"
                                                                   : NULL;
  if (!other) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "its %s not rank 0's; give every machine the same files and the same build%s", other,
                     strncmp(other, "plan", 4) == 0 ? ", or say --plan table" : "");
}

static void warn_of_processors(const mixent_trainer *trainer, const rank_digest *all) {
  char warning[640];
  for (int r = 1; r < mixent_peers_count() && trainer->options->warning; r++)
    if (strcmp(all[r].processor, all[0].processor) != 0) {
      snprintf(
          warning, sizeof warning,
          "mixed-processors: rank 0 has %s, rank %d has %s; other machines will not repeat this run to the bit",
          all[0].processor, r, all[r].processor);
      trainer->options->warning(trainer->options->context, warning);
      return;
    }
}

mixent_status mixent_ranks_compare(const mixent_trainer *trainer) {
  rank_digest *all;
  if (mixent_peers_count() == 1) return MIXENT_OK;
  MIXENT_TRY(MIXENT_ALLOCATE((size_t)mixent_peers_count(), &all));
  const rank_digest mine = describe(trainer);
  mixent_status status = mixent_peers_gather(&mine, sizeof mine, all);
  if (status == MIXENT_OK) status = mixent_peers_agree(compare(&mine, &all[0]));
  if (status == MIXENT_OK) warn_of_processors(trainer, all);
  free(all);
  return status;
}

mixent_status mixent_ranks_follow(bool *word) {
  bool *all;
  if (mixent_peers_count() == 1) return MIXENT_OK;
  MIXENT_TRY(MIXENT_ALLOCATE((size_t)mixent_peers_count(), &all));
  mixent_status status = mixent_peers_gather(word, sizeof *word, all);
  if (status == MIXENT_OK) *word = all[0];
  free(all);
  return status;
}
