/* Events of `mixent train`. */
#include "cli/training_events.h"
#include "cli/events.h"
#include "core/json.h"
#include "core/printable.h"

#include <string.h>

static json_t *whole(uint64_t number) {
  return json_integer((json_int_t)number);
}

void mixent_event_training_start(const mixent_train_start *start, mixent_training_position *position) {
  json_t *event = json_object();
  mixent_json_set(&event, "directory", mixent_json_text(start->run));
  mixent_json_set(&event, "recipe", mixent_json_text(start->recipe));
  mixent_json_set(&event, "data", mixent_json_text(start->data));
  mixent_json_set(&event, "net", mixent_json_text(start->net));
  mixent_json_set(&event, "loss", json_string(start->loss));
  mixent_json_set(&event, "precision", json_string(start->precision));
  mixent_json_set(&event, "threads", json_integer(start->threads));
  mixent_json_set(&event, "replicas", json_integer(start->replicas));
  mixent_json_set(&event, "batch", json_integer(start->batch));
  mixent_json_set(&event, "epochs", json_integer(start->epochs));
  mixent_json_set(&event, "first_epoch", json_integer(start->first_epoch));
  mixent_json_set(&event, "first_step", json_integer(start->first_step));
  mixent_json_set(&event, "steps", json_integer(start->steps));
  mixent_json_set(&event, "classes", json_integer(start->classes));
  mixent_json_set(&event, "samples", json_string(start->samples));
  mixent_json_set(&event, "train_images", whole(start->train_images));
  mixent_json_set(&event, "validation_images", whole(start->validation_images));
  mixent_json_set(&event, "test_images", whole(start->test_images));
  mixent_json_set(&event, "parameters", whole(start->parameters));
  mixent_json_set(&event, "memory_bytes", whole(start->memory_bytes));
  mixent_json_set(&event, "plan", mixent_json_text(start->plan));
  mixent_json_set(&event, "plan_hash", json_string(start->plan_hash));
  mixent_event_print(MIXENT_EVENT_START, event);
  double done = (double)(start->first_epoch - 1) + (double)start->first_step / start->steps;
  bool trained = start->first_epoch > start->epochs; /* all that is left to do is the scoring */
  *position = (mixent_training_position){.epoch = trained ? start->epochs : start->first_epoch,
                                         .epochs = start->epochs,
                                         .fraction = done / start->epochs};
}

static json_t *describe(const char *phase, const mixent_training_position *position) {
  json_t *progress = json_object();
  mixent_json_set(&progress, "phase", json_string(phase));
  mixent_json_set(&progress, "fraction", json_real(position->fraction));
  mixent_json_set(&progress, "epoch", json_integer(position->epoch));
  mixent_json_set(&progress, "epochs", json_integer(position->epochs));
  return progress;
}

static void tell_step(const mixent_training_position *position) {
  const mixent_train_progress *now = &position->progress;
  json_t *progress = describe("train", position);
  mixent_json_set(&progress, "step", json_integer(now->step));
  mixent_json_set(&progress, "steps", json_integer(now->steps));
  mixent_json_set(&progress, "loss", mixent_json_number(now->loss));
  mixent_json_set(&progress, "images_per_second", mixent_json_number(now->images_per_second));
  mixent_json_set(&progress, "seconds_left", mixent_json_number(now->seconds_left));
  mixent_event_progress(progress);
}

void mixent_event_training_progress(const mixent_train_progress *now, mixent_training_position *position) {
  double done = (double)(now->epoch - 1) + (double)now->step / now->steps;
  *position = (mixent_training_position){now->epoch, now->epochs, done / now->epochs, *now};
  if (mixent_event_progress_is_due()) tell_step(position);
}

void mixent_event_training_epoch(const mixent_train_epoch *epoch, const mixent_training_position *position) {
  tell_step(position);
  mixent_event_text_print(MIXENT_EVENT_EPOCH, epoch->json);
}

void mixent_event_training_scored(size_t done, size_t images, const mixent_training_position *position) {
  if (!mixent_event_progress_is_due()) return;
  json_t *progress = describe("score", position);
  mixent_json_set(&progress, "done", whole(done));
  mixent_json_set(&progress, "images", whole(images));
  mixent_event_progress(progress);
}

void mixent_event_training_saved(const mixent_train_saved *saved) {
  json_t *event = json_object();
  mixent_json_set(&event, "checkpoint", mixent_json_text(saved->checkpoint));
  mixent_json_set(&event, "step", whole(saved->step));
  mixent_event_print(MIXENT_EVENT_SAVED, event);
}

void mixent_event_warning(const char *message) {
  json_t *event = json_object();
  mixent_json_set(&event, "message", mixent_json_text(mixent_printable_message(message)));
  mixent_event_print(MIXENT_EVENT_WARNING, event);
}

void mixent_event_training_finished(const mixent_train_summary *summary) {
  json_t *event = json_object(), *scores;
  mixent_json_set(&event, "directory", mixent_json_text(summary->run));
  mixent_status status = mixent_json_parse(summary->json, strlen(summary->json), 0, "summary.json", &scores);
  if (status != MIXENT_OK || json_object_update(event, scores) != 0) {
    json_decref(event);
    event = NULL;
  }
  json_decref(scores);
  mixent_event_finished(event);
}
