/* The plans of a study: what each variant's option `plan` comes to when the study is made, one file for all that come to
 * the same. Every run is trained with its file, so that differences are paired and bits repeat. */
#include "core/file.h"
#include "core/json.h"
#include "lab/study/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mixent_status look_at_data(const mixent_recipe *recipe, mixent_study_shape *out) {
  mixent_dataset *dataset;
  MIXENT_TRY(mixent_recipe_open_data(recipe, NULL, &dataset));
  *out = (mixent_study_shape){dataset->train.channels, dataset->train.side, dataset->classes};
  mixent_dataset_free(dataset);
  return MIXENT_OK;
}

mixent_status mixent_study_keep_plan(const char *directory, const char *plan, char name[32]) {
  for (int number = 1;; number++) {
    snprintf(name, 32, "plan-%d.yaml", number);
    char *path = mixent_path_join(directory, name), *text = NULL;
    mixent_path_kind kind = MIXENT_PATH_NOTHING;
    mixent_status status = path ? mixent_path_look(path, &kind) : MIXENT_ERROR_MEMORY;
    bool there = kind != MIXENT_PATH_NOTHING, same = false;
    if (there) status = mixent_file_read(path, 1 << 24, &text, NULL);
    if (there && text) same = strcmp(text, plan) == 0;
    if (status == MIXENT_OK && !there) status = mixent_file_replace(path, plan, strlen(plan));
    free(text);
    free(path);
    if (status != MIXENT_OK || !there || same) return status;
  }
}

/* Whether two resolved recipes on one data set come to the same plan for sure. */
static bool share_plan(const mixent_recipe *a, const mixent_recipe *b) {
  return strcmp(a->net, b->net) == 0 && strcmp(a->plan, b->plan) == 0 && a->batch == b->batch &&
         a->replicas == b->replicas && a->precision == b->precision;
}

static bool has_plan(const mixent_study *study, const char *variant) {
  return json_object_get(json_object_get(study->state, "plans"), variant);
}

typedef struct last_plan {
  mixent_recipe recipe;
  char name[32]; /* "": none yet */
} last_plan;

static mixent_status make_plan(mixent_study *study, const mixent_study_planner *planner,
                               const char *directory, mixent_study_cell cell, mixent_study_shape *shape,
                               last_plan *last) {
  mixent_recipe recipe;
  mixent_text plan = {0};
  MIXENT_TRY(mixent_study_recipe(study, cell, &recipe));
  recipe.threads = mixent_study_threads(study);
  MIXENT_TRY(mixent_recipe_resolve(&recipe, planner->native_bf16));
  if (!shape->side) MIXENT_TRY(look_at_data(&recipe, shape));
  mixent_status status = MIXENT_OK;
  if (!*last->name || !share_plan(&recipe, &last->recipe)) {
    status = planner->plan(&recipe, shape, &plan);
    if (status == MIXENT_OK) status = mixent_study_keep_plan(directory, plan.data, last->name);
    last->recipe = recipe;
  }
  char *variant = mixent_study_variant_name(study, cell);
  json_t *plans = json_object_get(study->state, "plans");
  if (status == MIXENT_OK && (!variant || json_object_set_new(plans, variant, json_string(last->name)) != 0))
    status = mixent_no_memory("a plan");
  free(variant);
  mixent_text_free(&plan);
  return status;
}

/* The data set that the recipe's choice came to is the study's from now on. */
static mixent_status resolve_data(mixent_study *study, const mixent_study_planner *planner) {
  mixent_recipe recipe;
  char data[2][MIXENT_RECIPE_TEXT]; /* as the recipe has them: first choice, other choice */
  if (study->data_listed) return MIXENT_OK;
  MIXENT_TRY(mixent_study_recipe(study, (mixent_study_cell){0}, &recipe));
  strcpy(data[0], recipe.data), strcpy(data[1], recipe.data_alternative);
  MIXENT_TRY(mixent_recipe_resolve(&recipe, planner->native_bf16));
  const char *chosen = data[*data[1] && strcmp(recipe.data, data[1]) == 0];
  return mixent_study_take_data(study, &chosen, 1);
}

/* Of a new study: what costs nothing comes before what reads the data. */
static mixent_status check_networks(const mixent_study *study, const mixent_study_planner *planner) {
  if (json_object_size(json_object_get(study->state, "plans"))) return MIXENT_OK;
  for (size_t v = 0; v < study->variant_count; v++) {
    mixent_recipe recipe;
    MIXENT_TRY(mixent_study_recipe(study, (mixent_study_cell){.variant = v}, &recipe));
    MIXENT_TRY(planner->check(&recipe));
  }
  return MIXENT_OK;
}

mixent_status mixent_study_make_plans(mixent_study *study, const mixent_study_planner *planner,
                                      const char *directory) {
  last_plan *last;
  MIXENT_TRY(check_networks(study, planner));
  MIXENT_TRY(resolve_data(study, planner));
  MIXENT_TRY(MIXENT_ALLOCATE(1, &last));
  mixent_status status = MIXENT_OK;
  for (size_t d = 0; d < study->data_count && status == MIXENT_OK; d++) {
    mixent_study_shape shape = {0};
    last->name[0] = 0;
    for (size_t v = 0; v < study->variant_count && status == MIXENT_OK; v++) {
      mixent_study_cell cell = {.data = d, .variant = v};
      char *variant = mixent_study_variant_name(study, cell);
      if (!variant)
        status = MIXENT_ERROR_MEMORY;
      else if (!has_plan(study, variant))
        status = make_plan(study, planner, directory, cell, &shape, last);
      free(variant);
    }
  }
  free(last);
  return status;
}
