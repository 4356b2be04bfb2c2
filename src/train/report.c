/* An epoch as a line of JSON, and the signs of a run that goes wrong. */
#include "core/file.h"
#include "train/trainer.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *mixent_epoch_json(const mixent_train_epoch *epoch, uint64_t step) {
  json_t *json = json_object();
  const struct {
    const char *key;
    double value;
  } numbers[] = {{"w1", epoch->w[0]},
                 {"w2", epoch->w[1]},
                 {"w3", epoch->w[2]},
                 {"b1", epoch->b[0]},
                 {"b2", epoch->b[1]},
                 {"b3", epoch->b[2]},
                 {"learning_rate", epoch->learning_rate},
                 {"weight_learning_rate", epoch->weight_learning_rate},
                 {"base_learning_rate", epoch->base_learning_rate},
                 {"images_per_second", epoch->images_per_second},
                 {"seconds", epoch->seconds}};
  json_object_set_new(json, "epoch", json_integer(epoch->epoch));
  json_object_set_new(json, "step", json_integer((json_int_t)step));
  json_object_set_new(json, "train", mixent_scores_to_json(&epoch->train));
  json_object_set_new(json, "validation",
                      epoch->validation.images ? mixent_scores_to_json(&epoch->validation) : json_null());
  if (epoch->test.images) json_object_set_new(json, "test", mixent_scores_to_json(&epoch->test));
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    json_object_set_new(json, numbers[i].key, mixent_json_number(numbers[i].value));
  json_object_set_new(json, "best", json_boolean(epoch->best));
  char *line = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
  json_decref(json);
  return line;
}

static void tell(void *context, mixent_warning warning, const char *words) {
  const mixent_train_options *options = context;
  char message[640];
  if (!options->warning) return;
  snprintf(message, sizeof message, "%s: %s", mixent_warning_names[warning], words);
  options->warning(options->context, message);
}

static void observe(mixent_trainer *trainer, const mixent_observation *seen) {
  mixent_monitor_observe(&trainer->state.monitor, &trainer->loss, &trainer->state.loss, seen, tell,
                         (void *)trainer->options);
}

void mixent_trainer_watch(mixent_trainer *trainer, const mixent_train_epoch *epoch) {
  const mixent_scores *validation = &epoch->validation;
  const mixent_observation seen = {.epoch = epoch->epoch,
                                   .epochs = epoch->epochs,
                                   .loss = epoch->train.loss,
                                   .gradient_finite = true,
                                   .validation_accuracy = validation->images ? validation->accuracy : NAN,
                                   .validation_rows = validation->images,
                                   .entropy = validation->entropy,
                                   .baseline_accuracy = trainer->baseline_accuracy};
  observe(trainer, &seen);
}

void mixent_trainer_watch_not_finite(mixent_trainer *trainer) {
  const mixent_train_state *state = &trainer->state;
  const mixent_observation seen = {.epoch =
                                       (double)state->epoch + (double)state->step / (double)trainer->steps,
                                   .epochs = (double)trainer->recipe.epochs,
                                   .loss = NAN,
                                   .validation_accuracy = NAN,
                                   .baseline_accuracy = NAN};
  observe(trainer, &seen);
}

mixent_status mixent_baseline_read(const mixent_recipe *recipe, double *accuracy) {
  *accuracy = NAN;
  if (!*recipe->baseline) return MIXENT_OK;
  char *path = mixent_path_join(recipe->baseline, "metrics.jsonl"), *text = NULL;
  size_t size;
  if (!path) return mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a path");
  mixent_status status = mixent_file_read(path, (size_t)1 << 28, &text, &size);
  for (char *line = status == MIXENT_OK ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n")) {
    json_t *epoch = json_loads(line, 0, NULL);
    const json_t *value = json_object_get(json_object_get(epoch, "validation"), "accuracy");
    if (json_is_number(value))
      *accuracy = fmax(*accuracy, json_number_value(value)); /* of NaN and a number, the number */
    json_decref(epoch);
  }
  if (status != MIXENT_OK)
    status = mixent_fail_within(MIXENT_ERROR_ARGUMENT, "baseline");
  else if (isnan(*accuracy))
    status = mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "baseline: %s tells of no epoch with held-out images; name a run that finished one",
                         path);
  free(path);
  free(text);
  return status;
}
