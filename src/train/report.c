/* An epoch as a line of JSON and back, and the signs of a run that goes wrong. */
#include "core/json.h"
#include "run/scores.h"
#include "train/members.h"

#include <math.h>
#include <stdio.h>

/* Where each number of an epoch stands, for both directions. */
static const struct {
  const char *key;
  size_t offset;
} numbers[] = {{"w1", offsetof(mixent_train_epoch, w[0])},
               {"w2", offsetof(mixent_train_epoch, w[1])},
               {"w3", offsetof(mixent_train_epoch, w[2])},
               {"b1", offsetof(mixent_train_epoch, b[0])},
               {"b2", offsetof(mixent_train_epoch, b[1])},
               {"b3", offsetof(mixent_train_epoch, b[2])},
               {"learning_rate", offsetof(mixent_train_epoch, learning_rate)},
               {"weight_learning_rate", offsetof(mixent_train_epoch, weight_learning_rate)},
               {"base_learning_rate", offsetof(mixent_train_epoch, base_learning_rate)},
               {"images_per_second", offsetof(mixent_train_epoch, images_per_second)},
               {"seconds", offsetof(mixent_train_epoch, seconds)}};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

/* The line of metrics.jsonl; takes over `warnings`. */
static mixent_status epoch_to_json(const mixent_train_epoch *epoch, uint64_t step, json_t *warnings,
                                   char **out) {
  json_t *json = json_object();
  mixent_json_set(&json, "epoch", json_integer(epoch->epoch));
  mixent_json_set(&json, "step", json_integer((json_int_t)step));
  mixent_json_set(&json, "train", mixent_scores_to_json(&epoch->train));
  mixent_json_set(&json, "validation",
                  epoch->validation.images ? mixent_scores_to_json(&epoch->validation) : json_null());
  if (epoch->test.images) mixent_json_set(&json, "test", mixent_scores_to_json(&epoch->test));
  for (size_t i = 0; i < NUMBERS; i++) {
    double value = *(const double *)((const char *)epoch + numbers[i].offset);
    mixent_json_set(&json, numbers[i].key, mixent_json_number(value));
  }
  mixent_json_set(&json, "best", json_boolean(epoch->best));
  if (!warnings || json_array_size(warnings))
    mixent_json_set(&json, "warnings", warnings);
  else
    json_decref(warnings);
  return mixent_json_write(json, JSON_COMPACT | JSON_REAL_PRECISION(15), out);
}

bool mixent_train_epoch_from_json(const json_t *json, mixent_train_epoch *out) {
  const json_t *number = json_object_get(json, "epoch"), *validation = json_object_get(json, "validation");
  const json_t *test = json_object_get(json, "test"); /* seldom there */
  *out = (mixent_train_epoch){.epoch = (int)json_integer_value(number),
                              .best = json_is_true(json_object_get(json, "best"))};
  for (size_t i = 0; i < NUMBERS; i++) {
    const json_t *value = json_object_get(json, numbers[i].key);
    *(double *)((char *)out + numbers[i].offset) = json_is_number(value) ? json_number_value(value) : NAN;
  }
  return json_is_integer(number) && mixent_scores_from_json(json_object_get(json, "train"), &out->train) &&
         (json_is_null(validation) || mixent_scores_from_json(validation, &out->validation)) &&
         (!test || mixent_scores_from_json(test, &out->test));
}

/* Whom a warning is told, and where it is kept. */
typedef struct listener {
  const mixent_train_options *options;
  json_t **warnings; /* an array; NULL: not kept */
} listener;

static void tell(void *context, mixent_warning warning, const char *words) {
  const listener *listener = context;
  char message[640];
  snprintf(message, sizeof message, "%s: %s", mixent_warning_names[warning], words);
  if (listener->warnings) mixent_json_append(listener->warnings, json_string(message));
  if (listener->options->warning) listener->options->warning(listener->options->context, message);
}

static void observe(mixent_trainer *trainer, const mixent_observation *seen, json_t **warnings) {
  listener listener = {trainer->options, warnings};
  mixent_monitor_observe(&trainer->state.monitor, &trainer->loss, &trainer->state.loss, seen, tell,
                         &listener);
}

mixent_status mixent_trainer_report(mixent_trainer *trainer, const mixent_train_epoch *epoch, uint64_t step,
                                    char **out) {
  const mixent_scores *validation = &epoch->validation;
  const int epochs = epoch->epochs / (int)trainer->recipe.members; /* of the member that is watched */
  const mixent_observation seen = {.epoch = (epoch->epoch - 1) % epochs + 1,
                                   .epochs = epochs,
                                   .loss = epoch->train.loss,
                                   .gradient_finite = true,
                                   .validation_accuracy = validation->images ? validation->accuracy : NAN,
                                   .validation_rows = validation->images,
                                   .entropy = validation->entropy,
                                   .baseline_accuracy = trainer->baseline_accuracy};
  json_t *warnings = json_array();
  observe(trainer, &seen, &warnings);
  return epoch_to_json(epoch, step, warnings, out);
}

void mixent_trainer_watch_not_finite(mixent_trainer *trainer) {
  const long epochs = trainer->recipe.epochs / trainer->recipe.members; /* of a member: a whole number */
  const mixent_observation seen = {.epoch =
                                       (double)mixent_trainer_member(trainer).steps / (double)trainer->steps,
                                   .epochs = (double)epochs,
                                   .loss = NAN,
                                   .validation_accuracy = NAN,
                                   .baseline_accuracy = NAN};
  observe(trainer, &seen, NULL);
}

mixent_status mixent_baseline_read(const mixent_recipe *recipe, double *accuracy) {
  json_t *history;
  *accuracy = NAN;
  if (!*recipe->baseline) return MIXENT_OK;
  mixent_status status = mixent_run_history_read(recipe->baseline, &history);
  if (status != MIXENT_OK)
    return mixent_fail_within(status == MIXENT_ERROR_MEMORY ? status : MIXENT_ERROR_ARGUMENT, "baseline");
  for (size_t i = 0; i < json_array_size(history); i++) {
    const json_t *scores = json_object_get(json_array_get(history, i), "validation");
    const json_t *value = json_object_get(scores, "accuracy");
    if (json_is_number(value))
      *accuracy = fmax(*accuracy, json_number_value(value)); /* of NaN and a number, the number */
  }
  json_decref(history);
  if (!isnan(*accuracy)) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_ARGUMENT,
      "baseline: %s/metrics.jsonl tells of no epoch with a validation part; name a run that finished one",
      recipe->baseline);
}
