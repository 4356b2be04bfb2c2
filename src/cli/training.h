/* How training is shown, while it runs and later: what it starts from, a progress line, a table with a line per epoch,
 * the scores at the end. Used by `train`, `demo` and `show`. */
#ifndef MIXENT_CLI_TRAINING_H
#define MIXENT_CLI_TRAINING_H

#include "cli/terminal.h"
#include "cli/training_events.h"
#include "mixent/train.h"

typedef struct mixent_training_view {
  bool json;                            /* events on standard output (cli/events.h) instead of a table */
  mixent_training_position position;    /* of the events */
  int parts;                            /* of the loss */
  bool titled, bases, weights, mix_ent; /* of the table: titles are printed; which columns it has */
  bool weights_learned, bases_learned;  /* their learning rates have columns */
  const char *samples;                  /* "images", or "rows" of a table */
  mixent_progress progress;
} mixent_training_view;

/* Sets the callbacks of `options` to show a run in `view`, and options->stop and options->continued to what signals set
 * (cli/signals.h). */
void mixent_training_watch(mixent_training_view *view, bool json, mixent_train_options *options);
/* Takes the progress line away; call when training has returned. */
void mixent_training_end(mixent_training_view *view);

/* The same table of a run that is not under way: which loss and samples it has, then its epochs in order. */
void mixent_training_table_begin(mixent_training_view *view, const char *loss, const char *samples);
void mixent_training_table_add(mixent_training_view *view, const mixent_train_epoch *epoch);
/* The scores at the end, and what they took. */
void mixent_training_summary_print(const mixent_train_summary *summary);

#endif
