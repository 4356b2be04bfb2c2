/* Precision, threads and data for commands that use a trained model. */
#include "cli/model.h"
#include "core/file.h"
#include "core/status.h"
#include "core/system.h"
#include "core/threads.h"
#include "model/description.h"
#include "recipe/recipe.h"

#include <stdlib.h>
#include <string.h>

const char *const mixent_precision_choices[] = {"auto", "fp32", "bf16", "int8", NULL};
const char *const mixent_training_precision_choices[] = {"auto", "fp32", "bf16", NULL};

mixent_status mixent_precision_choose(int choice, const mixent_model *model, mixent_precision *out) {
  bool bf16 = choice == 2 || (choice == 0 && mixent_net_bf16_is_native());
  if (choice == 0 && bf16 && model) { /* a recipe that cannot be read says nothing */
    mixent_recipe recipe;
    mixent_status status =
        mixent_recipe_parse(model->recipe, "the checkpoint's recipe", "run", NULL, 0, &recipe);
    if (status == MIXENT_ERROR_MEMORY) return status;
    if (status == MIXENT_OK && recipe.precision == MIXENT_CHOICE_FP32) bf16 = false;
  }
  *out = choice == 3 ? MIXENT_QUANTIZED : bf16 ? MIXENT_BF16 : MIXENT_FP32;
  return MIXENT_OK;
}

void mixent_threads_choose(long threads) {
  mixent_threads_set(threads ? (int)threads : mixent_processors_count());
}

/* Where the run that the checkpoint lies in had its data from; *found false if it lies in none. */
static mixent_status read_run_recipe(const char *checkpoint, bool *found, mixent_recipe *out) {
  const char *slash = strrchr(checkpoint, '/');
  char *path;
  mixent_status status =
      mixent_print_text(&path, "%.*srecipe.yaml", slash ? (int)(slash + 1 - checkpoint) : 0, checkpoint);
  *found = false;
  mixent_path_kind kind = MIXENT_PATH_NOTHING;
  if (path) status = mixent_path_look(path, &kind);
  if (kind == MIXENT_PATH_FILE) {
    status = mixent_recipe_load(path, out);
    *found = status == MIXENT_OK;
  }
  free(path);
  return mixent_is_refusal(status) ? status : MIXENT_OK;
}

/* A data set for the model is read as that of its training was; texts in *out are those of *recipe. */
static mixent_status find_options(const mixent_model *model, const char *data_directory,
                                  mixent_recipe *recipe, mixent_dataset_options *out) {
  bool named = model->side >= MIXENT_LEAST_SIDE && model->side <= MIXENT_MOST_SIDE;
  *out = (mixent_dataset_options){.data_directory = data_directory,
                                  .transpose = model->transposed,
                                  .background = model->background,
                                  .encoder = model->encoder};
  mixent_status status =
      mixent_recipe_parse(model->recipe, "the checkpoint's recipe", "run", NULL, 0, recipe);
  if (status == MIXENT_OK) mixent_recipe_reading(recipe, out);
  out->side = named ? model->side : 0, out->fit = model->fit;
  return status == MIXENT_ERROR_MEMORY ? status : MIXENT_OK; /* one that cannot be read says nothing */
}

/* Opens the data set of the training; a model made from elsewhere (fingerprint 0) does not know it to the byte. */
static mixent_status open_own(const mixent_model *model, const char *checkpoint, const char *data_directory,
                              mixent_dataset **out) {
  mixent_recipe recipe, own;
  const char *name = model->data;
  mixent_dataset_options options;
  bool found;
  if (strcmp(name, MIXENT_UNKNOWN_DATA) == 0)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%s does not say which data set it was trained on; name one with --data NAME|DIR|FILE",
                       checkpoint);
  MIXENT_TRY(find_options(model, data_directory, &own, &options));
  MIXENT_TRY(read_run_recipe(checkpoint, &found, &recipe));
  if (found) {
    name = recipe.data;
    if (!data_directory && *recipe.data_directory) options.data_directory = recipe.data_directory;
  }
  mixent_status status = mixent_dataset_open(name, &options, out);
  if (status != MIXENT_OK)
    return mixent_fail_within(status, "the data set of the checkpoint (--data NAME|DIR|FILE names another)");
  if (!model->fingerprint || (*out)->fingerprint == model->fingerprint) return MIXENT_OK;
  status = mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%s: not the data set that the model was trained on, which was called %s, too, or its "
                       "data changed since; "
                       "put them back as they were, or say which data are meant with --data NAME|DIR|FILE",
                       (*out)->directory, model->data);
  mixent_dataset_free(*out);
  *out = NULL;
  return status;
}

mixent_status mixent_model_dataset_open(const mixent_model *model, const char *checkpoint, const char *data,
                                        const char *data_directory, mixent_dataset **out) {
  mixent_recipe recipe;
  mixent_dataset_options options;
  MIXENT_TRY(find_options(model, data_directory, &recipe, &options));
  MIXENT_TRY(data ? mixent_dataset_open(data, &options, out)
                  : open_own(model, checkpoint, data_directory, out));
  mixent_status status = mixent_model_check_dataset(model, *out);
  if (status != MIXENT_OK) {
    mixent_dataset_free(*out);
    *out = NULL;
  }
  return status;
}
