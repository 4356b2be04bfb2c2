/* Training a network by a recipe into a run directory, going on with an interrupted run, and using what came
 * out.
 *
 *   mixent_setting settings[] = {{"loss.name", "min-ent"}, {"epochs", "2"}};
 *   mixent_train_options options = {
 *       .recipe = "emnist-letters-short", .settings = settings, .setting_count = 2};
 *   mixent_train_summary summary;
 *   if (mixent_train(&options, &summary) != MIXENT_OK) puts(mixent_last_error());
 *
 * Arrays in memory are trained on by `.dataset`, which mixent_dataset_borrow (mixent/data.h) makes of them.
 *
 * A run directory holds recipe.yaml (every option), plan.yaml (what computes each convolution), metrics.jsonl (a
 * line per epoch), last.safetensors (all that is needed to go on, to the bit), best.safetensors (the model alone,
 * from the first epoch on) and, at the end, predictions.safetensors (what that model says of each test and validation
 * image) and summary.json. It appears complete, by rename, so that whatever happens after can be resumed. */
#ifndef MIXENT_TRAIN_H
#define MIXENT_TRAIN_H

#include "mixent/model.h"
#include "mixent/monitor.h"
#include "mixent/recipe.h"
#include "mixent/run.h"
#include "mixent/status.h"
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is known once data and network are there and before the first step. */
typedef struct mixent_train_start {
  const char *run, *recipe, *data, *net, *loss, *precision;
  const char *plan,
      *plan_hash;          /* where the back ends of the convolutions come from; SHA-256 of all choices */
  int epochs, first_epoch; /* first_epoch, from 1: where the run goes on */
  int first_step;          /* steps of that epoch that are done already */
  int steps; /* per epoch; images of the last, incomplete batch of an epoch wait for another epoch */
  int batch, replicas, threads, classes;
  const char *samples; /* what the data are: "images", or "rows" of a table */
  size_t train_images, validation_images, test_images, parameters;
  size_t memory_bytes; /* of the network: activations, gradients, scratch */
} mixent_train_start;

/* After every step. */
typedef struct mixent_train_progress {
  int epoch, epochs, step, steps; /* from 1: the epoch that runs, the steps of it that are done */
  double loss;                    /* of this step */
  double images_per_second;       /* of this epoch so far */
  double seconds_left;            /* of the whole run, by that speed */
} mixent_train_progress;

/* After every epoch. */
typedef struct mixent_train_epoch {
  int epoch, epochs;        /* from 1 */
  mixent_scores train;      /* sums over the steps of the epoch, dropout and augmentation included */
  mixent_scores validation; /* images 0 if the recipe holds nothing out */
  mixent_scores test;       /* images 0 unless the recipe selects by the test images */
  double w[MIXENT_LOSS_PARTS], b[MIXENT_LOSS_PARTS]; /* weights and log bases at the end of the epoch */
  double learning_rate, weight_learning_rate, base_learning_rate;
  double images_per_second, seconds; /* training alone, validation not */
  bool best;        /* best so far, by what the recipe selects by: best.safetensors is this one */
  const char *json; /* the line of metrics.jsonl, without its end */
} mixent_train_epoch;

/* After a checkpoint stands on disk: last.safetensors, from which the run goes on, or best.safetensors. */
typedef struct mixent_train_saved {
  const char *checkpoint; /* its path */
  uint64_t step;          /* of the whole run, that it holds */
} mixent_train_saved;

typedef struct mixent_train_options {
  /* A new run: a recipe's name or file (NULL: emnist-letters-short) and changes to it, the later winning. */
  const char *recipe;
  const mixent_setting *settings;
  size_t setting_count;
  /* What it trains on and is scored on, in place of the recipe's data (mixent_dataset_borrow makes one of arrays); it must stay until the
   * training returns. NULL: the recipe's. A run that goes on wants the same again. */
  const mixent_dataset *dataset;
  const char *run; /* its directory; NULL: runs/<recipe>-<loss>-<seed>, data and net named when they are not
                      the recipe's, with "-test-selected" where it selects by the test images */
  bool overwrite;  /* an existing run there is replaced instead of refused */
  /* Set to non-zero (from a signal handler, say): the step (in the scoring at the end the batch) is finished, the
   * state saved, MIXENT_ERROR_INTERRUPTED returned. Of several ranks one is enough; the others' become equal to it. */
  volatile sig_atomic_t *stop;
  /* NULL, or: changes (by a handler of SIGCONT, say) when the process goes on after it was stopped, as by Ctrl-Z. The time
   * of a step during which it changes does not count as training time. */
  const volatile sig_atomic_t *continued;
  /* What the caller is told; each may be NULL. All are called from the calling thread. */
  void *context;
  void (*started)(void *context, const mixent_train_start *start);
  void (*progress)(void *context, const mixent_train_progress *progress);
  void (*epoch)(void *context, const mixent_train_epoch *epoch);
  void (*scored)(void *context, size_t done,
                 size_t images); /* of validations and of the scoring at the end */
  void (*saved)(void *context, const mixent_train_saved *saved);
  void (*warning)(void *context,
                  const char *message); /* signs of a run that goes wrong (a weight near zero, …) */
} mixent_train_options;

/* Trains a new run to its end. Errors: MIXENT_ERROR_ARGUMENT for a recipe or a run that cannot be,
 * MIXENT_ERROR_NUMERIC when the loss or its gradient is no longer finite (the message names the step and the
 * last good checkpoint), MIXENT_ERROR_INTERRUPTED. */
mixent_status mixent_train(const mixent_train_options *options, mixent_train_summary *summary);

/* Goes on with the run in directory `run`; its recipe.yaml says all, options->recipe, settings and run are
 * not read. A finished run is not an error: its summary is read back. */
mixent_status mixent_train_resume(const char *run, const mixent_train_options *options,
                                  mixent_train_summary *summary);

#ifdef __cplusplus
}
#endif
#endif
