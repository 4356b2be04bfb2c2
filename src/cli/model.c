/* Precision, threads and data for commands that use a trained model. */
#include "cli/model.h"
#include "core/file.h"
#include "core/status.h"
#include "core/threads.h"
#include "train/recipe.h"

#include <stdlib.h>
#include <string.h>

const char *const mixent_precision_choices[] = {"auto", "fp32", "bf16", "int8", NULL};
const char *const mixent_training_precision_choices[] = {"auto", "fp32", "bf16", NULL};

static bool is_trained_in_fp32(const mixent_model *model) {
  mixent_recipe recipe;
  return model &&
         mixent_recipe_parse(model->recipe, "the checkpoint's recipe", "run", NULL, 0, &recipe) ==
             MIXENT_OK &&
         recipe.precision == MIXENT_CHOICE_FP32;
}

mixent_precision mixent_precision_chosen(int choice, const mixent_model *model) {
  if (choice == 3) return MIXENT_QUANTIZED;
  bool bf16 = choice == 2 || (choice == 0 && mixent_net_bf16_is_native() && !is_trained_in_fp32(model));
  return bf16 ? MIXENT_BF16 : MIXENT_FP32;
}

void mixent_threads_choose(long threads) {
  mixent_threads_set(threads ? (int)threads : mixent_threads_available());
}

/* Where the run that the checkpoint lies in had its data from; false if it lies in none. */
static bool read_run_recipe(const char *checkpoint, mixent_recipe *out) {
  const char *slash = strrchr(checkpoint, '/');
  char *directory = slash ? strndup(checkpoint, (size_t)(slash - checkpoint)) : strdup(".");
  char *path = directory ? mixent_path_join(*directory ? directory : "/", "recipe.yaml") : NULL;
  bool found = path && mixent_is_file(path) && mixent_recipe_load(path, out) == MIXENT_OK;
  free(path);
  free(directory);
  return found;
}

/* Opens the data set of the training; a model made from elsewhere (fingerprint 0) does not know it to the byte. */
static mixent_status open_own(const mixent_model *model, const char *checkpoint, const char *data_directory,
                              mixent_dataset **out) {
  mixent_recipe recipe;
  const char *name = model->data;
  mixent_dataset_options options = {.data_directory = data_directory, .transpose = model->transposed};
  if (read_run_recipe(checkpoint, &recipe)) {
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
  const mixent_dataset_options options = {.data_directory = data_directory, .transpose = model->transposed};
  MIXENT_TRY(data ? mixent_dataset_open(data, &options, out)
                  : open_own(model, checkpoint, data_directory, out));
  mixent_status status = mixent_model_check_dataset(model, *out);
  if (status != MIXENT_OK) {
    mixent_dataset_free(*out);
    *out = NULL;
  }
  return status;
}
