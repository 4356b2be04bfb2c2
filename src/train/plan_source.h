/* Which plan a net is made with: the option `plan` of a recipe, and of `mixent info`. */
#ifndef MIXENT_TRAIN_PLAN_SOURCE_H
#define MIXENT_TRAIN_PLAN_SOURCE_H

#include "io/plan_file.h"
#include "mixent/net.h"
#include "recipe/recipe.h"

/* What the option came to. */
typedef struct mixent_plan_source {
  char plan[MIXENT_RECIPE_TEXT]; /* "table", a back end's name, or a plan file's path: never "auto" */
  char hash[MIXENT_PLAN_HASH];   /* of the choices the net was made with */
  char differences[512];         /* what the file was measured for otherwise; "": nothing, or no file */
} mixent_plan_source;

/* Where `mixent tune` keeps the plan of that key, in the user's cache; free(). NULL with the error set. */
char *mixent_plan_cache_path(const mixent_plan_key *key);

/* Whether a recipe's network and plan can be meant at all, before its data are opened: files that are there, or known names. */
mixent_status mixent_recipe_check_network(const mixent_recipe *recipe);
/* Makes a net whose options name no choices, with the plan that `wanted` says: "auto" (the cached plan of just
 * this processor, network, batch, …, or the table's), "table", a file, or a back end's name, for all passes that
 * it can compute. */
mixent_status mixent_plan_source_net(const mixent_graph *graph, const mixent_net_options *options,
                                     const char *wanted, mixent_plan_source *source, mixent_net **out);

/* Appends the plan file that a resolved recipe comes to for data of that shape; sets as many threads as it says. */
mixent_status mixent_recipe_plan_write(const mixent_recipe *recipe, int channels, int side, int classes,
                                       mixent_text *out);

/* What a network is made and tuned for: the rows and the threads of one replica. */
static inline size_t mixent_recipe_rows(const mixent_recipe *recipe) {
  return (size_t)(recipe->batch / recipe->replicas);
}
static inline int mixent_recipe_replica_threads(const mixent_recipe *recipe) {
  return recipe->threads < recipe->replicas ? 1 : (int)(recipe->threads / recipe->replicas);
}
static inline mixent_precision mixent_recipe_precision(const mixent_recipe *recipe) {
  return recipe->precision == MIXENT_CHOICE_BF16 ? MIXENT_BF16 : MIXENT_FP32;
}

#endif
