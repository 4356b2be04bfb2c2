/* What a recipe says of its data: where they are, how the train images are cut, and the noise on their labels. */
#include "core/file.h"
#include "data/find.h"
#include "data/noise/noise.h"
#include "recipe/recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mixent_recipe_reading(const mixent_recipe *recipe, mixent_dataset_options *out) {
  out->side = (int)recipe->side, out->fit = (mixent_fit)recipe->fit;
  out->memory_limit = (size_t)recipe->memory_limit * 1000000;
  out->table = (mixent_table_options){.missing = (mixent_missing)recipe->missing,
                                      .separator = (mixent_separator)recipe->separator,
                                      .decimal = (mixent_decimal)recipe->decimal,
                                      .header = (mixent_header)recipe->header,
                                      .label = recipe->label,
                                      .categories = recipe->categories,
                                      .leave_out = recipe->leave_out};
}

mixent_status mixent_recipe_use_memory(mixent_recipe *recipe, const char *name) {
  if (snprintf(recipe->data, MIXENT_RECIPE_TEXT, MIXENT_IN_MEMORY "%s", name) >= MIXENT_RECIPE_TEXT)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "the name of the data set is longer than %d bytes",
                       MIXENT_RECIPE_TEXT - (int)sizeof MIXENT_IN_MEMORY);
  recipe->data_alternative[0] = recipe->data_directory[0] = 0;
  recipe->other_data = true;
  return MIXENT_OK;
}

mixent_status mixent_recipe_open_data(const mixent_recipe *recipe, const char *directory,
                                      mixent_dataset **out) {
  if (!directory) directory = recipe->data_directory;
  mixent_dataset_options options = {.data_directory = *directory ? directory : NULL,
                                    .transpose = recipe->transpose};
  mixent_recipe_reading(recipe, &options);
  return mixent_dataset_open(recipe->data, &options, out);
}

/* As far as its place tells. */
static mixent_status is_here(const mixent_recipe *recipe, const char *directory, bool *here) {
  mixent_path_kind kind = MIXENT_PATH_DIRECTORY;
  *here = false;
  if (*directory) MIXENT_TRY(mixent_path_look(directory, &kind));
  if (kind != MIXENT_PATH_DIRECTORY) return MIXENT_OK;
  if (!mixent_known_dataset_find(recipe->data)) {
    mixent_status status = mixent_path_look(recipe->data, &kind);
    *here = kind != MIXENT_PATH_NOTHING;
    return status;
  }
  char *place;
  MIXENT_TRY(mixent_dataset_find(recipe->data, *directory ? directory : NULL, &place));
  *here = place != NULL;
  free(place);
  return MIXENT_OK;
}

mixent_status mixent_recipe_find_data(const mixent_recipe *recipe, const char *directory,
                                      mixent_dataset **out) {
  bool here;
  *out = NULL;
  MIXENT_TRY(is_here(recipe, directory ? directory : recipe->data_directory, &here));
  return here ? mixent_recipe_open_data(recipe, directory, out) : MIXENT_OK;
}

/* Images `first` to first + count - 1 validate. */
static mixent_status validate_own_part(size_t first, size_t count, mixent_split *split) {
  MIXENT_TRY(MIXENT_RESIZE(&split->validation, count, "a split"));
  for (size_t i = 0; i < count; i++) split->validation[i] = (uint32_t)(first + i);
  split->validation_count = count;
  return MIXENT_OK;
}

bool mixent_recipe_holds_out(const mixent_recipe *recipe) {
  return recipe->validation_fraction > 0 || recipe->validation_folds > 0;
}

/* Leaves of the images to train on as many as the recipe says. */
static mixent_status thin(const mixent_recipe *recipe, const mixent_images *train, int classes,
                          mixent_status status, mixent_split *out) {
  if (status == MIXENT_OK && recipe->train_fraction != 1)
    status =
        mixent_split_thin(train, classes, recipe->train_fraction, (uint64_t)recipe->validation_seed, out);
  if (status != MIXENT_OK) mixent_split_free(out);
  return status;
}

mixent_status mixent_recipe_split(const mixent_recipe *recipe, const mixent_dataset *dataset,
                                  mixent_split *out) {
  if (recipe->validation_folds) { /* of all images, the set's own validation part among them */
    MIXENT_TRY(mixent_split_fold(&dataset->train, dataset->classes, (size_t)recipe->validation_folds,
                                 (size_t)recipe->validation_fold, (uint64_t)recipe->validation_seed, out));
    return thin(recipe, &dataset->train, dataset->classes, MIXENT_OK, out);
  }
  mixent_images train = dataset->train; /* without the set's own validation part, which is its end */
  train.count -= dataset->validation_count;
  MIXENT_TRY(mixent_split_make(&train, dataset->classes,
                               dataset->validation_count ? 0 : recipe->validation_fraction,
                               mixent_recipe_looks_ahead(recipe) ? recipe->held_out_fraction : 0,
                               (uint64_t)recipe->validation_seed, out));
  mixent_status status = MIXENT_OK;
  if (dataset->validation_count) status = validate_own_part(train.count, dataset->validation_count, out);
  return thin(recipe, &train, dataset->classes, status, out);
}

mixent_status mixent_recipe_images(const mixent_recipe *recipe, const mixent_dataset *dataset,
                                   mixent_images *out) {
  double *confusions = NULL;
  *out = dataset->train;
  out->labels = NULL;
  if (recipe->noise_fraction > 0 && recipe->noise_kind == MIXENT_NOISE_CONFUSABLE)
    MIXENT_TRY(mixent_confusions_read(recipe->noise_matrix, dataset, &confusions));
  mixent_status status = MIXENT_ALLOCATE(out->count, &out->labels);
  if (status == MIXENT_OK) {
    const mixent_noise noise = {.kind = (mixent_noise_kind)recipe->noise_kind,
                                .fraction = recipe->noise_fraction,
                                .seed = (uint64_t)recipe->noise_seed,
                                .confusions = confusions};
    memcpy(out->labels, dataset->train.labels, out->count * sizeof *out->labels);
    mixent_noise_apply(&noise, out->labels, out->count, dataset->classes);
  }
  free(confusions);
  return status;
}
