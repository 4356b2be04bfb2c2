/* What training tells, as the events of `mixent train` (docs/EVENTS.md). */
#ifndef MIXENT_CLI_TRAINING_EVENTS_H
#define MIXENT_CLI_TRAINING_EVENTS_H

#include "mixent/train.h"

/* How far the run is: what `progress` says while images are scored, which know nothing of it, and when an epoch ends. */
typedef struct mixent_training_position {
  int epoch, epochs;              /* from 1 */
  double fraction;                /* of the run's steps */
  mixent_train_progress progress; /* after the last step */
} mixent_training_position;

void mixent_event_training_start(const mixent_train_start *start, mixent_training_position *position);
/* These two print nothing: they are what `progress` says from now on. */
void mixent_event_training_progress(const mixent_train_progress *now, mixent_training_position *position);
void mixent_event_training_scored(size_t done, size_t images, const mixent_training_position *position);
/* What `progress` says from now on is not behind the epoch. */
void mixent_event_training_epoch(const mixent_train_epoch *epoch, const mixent_training_position *position);
void mixent_event_training_saved(const mixent_train_saved *saved);
void mixent_event_warning(const char *message);
void mixent_event_training_finished(const mixent_train_summary *summary);

#endif
