/* Precision, threads and data for commands that use a trained model. */
#include "cli/model.h"
#include "core/status.h"
#include "core/threads.h"
#include "train/recipe.h"

const char *const mixent_precision_choices[] = {"auto", "fp32", "bf16", "int8", NULL};

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

mixent_status mixent_model_dataset_open(const mixent_model *model, const char *data,
                                        const char *data_directory, mixent_dataset **out) {
  mixent_dataset_options options = {.data_directory = data_directory, .transpose = model->transposed};
  mixent_status status = mixent_dataset_open(data ? data : model->data, &options, out);
  if (status != MIXENT_OK)
    return data
               ? status
               : mixent_fail_within(status, "the data set of the checkpoint (--data NAME|DIR names another)");
  status = mixent_model_check_dataset(model, *out);
  if (status != MIXENT_OK) {
    mixent_dataset_free(*out);
    *out = NULL;
  }
  return status;
}
