/* An epoch as a line of JSON, and the signs of a run that goes wrong. */
#include "train/trainer.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

char *mixent_epoch_json(const mixent_train_epoch *epoch, uint64_t step) {
  json_t *json = json_object();
  const struct {
    const char *key;
    double value;
  } numbers[] = {{"w1", epoch->w[0]},
                 {"w2", epoch->w[1]},
                 {"b1", epoch->b[0]},
                 {"b2", epoch->b[1]},
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
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    json_object_set_new(json, numbers[i].key, mixent_json_number(numbers[i].value));
  json_object_set_new(json, "best", json_boolean(epoch->best));
  char *line = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
  json_decref(json);
  return line;
}

__attribute__((format(printf, 3, 4))) static void warn_once(mixent_trainer *trainer, int sign,
                                                            const char *format, ...) {
  char message[256];
  va_list arguments;
  if (trainer->warned[sign] || !trainer->options->warning) return;
  trainer->warned[sign] = true;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  trainer->options->warning(trainer->options->context, message);
}

void mixent_trainer_watch(mixent_trainer *trainer, const mixent_train_epoch *epoch) {
  const mixent_loss_options *loss = &trainer->loss;
  for (int i = 0; i < 2 && loss->kind != MIXENT_LOSS_CE; i++) {
    if (loss->learn[i] && fabs(epoch->w[i]) < 0.01 && 2 * epoch->epoch <= epoch->epochs)
      warn_once(trainer, i,
                "w%d has fallen to %.2g after epoch %d: learned weights only shrink on the training loss",
                i + 1, epoch->w[i], epoch->epoch);
    double low = loss->b_bounds[0], high = loss->b_bounds[1];
    if (loss->learn[2 + i] && (epoch->b[i] <= low * (1 + 1e-9) || epoch->b[i] >= high * (1 - 1e-9)))
      warn_once(trainer, 2 + i, "base b%d has reached a bound (%.4g) after epoch %d", i + 1, epoch->b[i],
                epoch->epoch);
  }
  if (epoch->validation.images && epoch->validation.entropy < 0.01 &&
      epoch->validation.accuracy < trainer->state.best_accuracy - 0.01)
    warn_once(trainer, 4,
              "predictions have collapsed: mean entropy %.2g while validation accuracy fell to %.2f %%",
              epoch->validation.entropy, 100 * epoch->validation.accuracy);
}
