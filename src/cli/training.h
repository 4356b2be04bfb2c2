/* How training is shown while it runs: what it starts from, a progress line, a table with a line per epoch,
 * the scores at the end. Used by `train` and `demo`. */
#ifndef MIXENT_CLI_TRAINING_H
#define MIXENT_CLI_TRAINING_H

#include "cli/terminal.h"
#include "mixent/train.h"

typedef struct mixent_training_view {
  bool json;                            /* the lines of metrics.jsonl on standard output instead of a table */
  int parts;                            /* of the loss */
  bool titled, bases, weights, mix_ent; /* of the table: titles are printed; which columns it has */
  bool weights_learned, bases_learned;  /* their learning rates have columns */
  mixent_progress progress;
} mixent_training_view;

/* Sets the callbacks of `options` to show a run in `view`, and options->stop to a flag that Ctrl-C (SIGINT)
 * and SIGTERM set; the second such signal ends the program at once. */
void mixent_training_watch(mixent_training_view *view, bool json, mixent_train_options *options);
/* That flag alone. */
volatile sig_atomic_t *mixent_signals_watch(void);
/* Takes the progress line away; call when training has returned. */
void mixent_training_end(mixent_training_view *view);

#endif
